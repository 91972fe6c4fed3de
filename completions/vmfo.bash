# bash completion for vmfo(1). Made by `make generated` from vmfo's tables of options.
# shellcheck shell=bash disable=SC2207

# What a command takes: its options, its arguments, and the values of its options.
_vmfo_table() {
	case $1 in
	check-topology)
		options='--file --cmdline --qmp --target --vf --qemu --no-host --sysroot --suppress --strict --buses --machine --list-rules --explain --json --verbose --quiet --help'
		arguments='VM'
		values='--file=DEF --cmdline=FILE --qmp=SOCKET --target=HOST --vf=[PAIR=]ADDRESS --qemu=BINARY --sysroot=DIR --suppress=RULE --machine=TYPE --explain=RULE'
		;;
	launch)
		options='--file --wait-pair --vf --suppress --json --verbose --quiet --help'
		arguments='VM'
		values='--file=DEF --wait-pair=SECONDS --vf=[PAIR=]ADDRESS --suppress=RULE'
		;;
	list)
		options='--json --verbose --quiet --help'
		arguments=''
		values=''
		;;
	status)
		options='--json --verbose --quiet --help'
		arguments='VM'
		values=''
		;;
	vfs)
		options='--host --sysroot --json --verbose --quiet --help'
		arguments=''
		values='--host=HOST --sysroot=DIR'
		;;
	stop)
		options='--timeout --force --json --verbose --quiet --help'
		arguments='VM'
		values='--timeout=SECONDS'
		;;
	migrate)
		options='--unplug-timeout --timeout --downtime-limit --bandwidth --replug --vf --allow-degraded --suppress --probe --dry-run --events --progress-fd --json --verbose --quiet --help'
		arguments='VM HOST'
		values='--unplug-timeout=SECONDS --timeout=SECONDS --downtime-limit=MS --bandwidth=RATE --replug=deferred|hidden --vf=[PAIR=]ADDRESS --suppress=RULE --probe=ADDRESS[,INTERVAL] --events=FILE --progress-fd=N'
		;;
	cancel)
		options='--verbose --quiet --help'
		arguments='VM'
		values=''
		;;
	replug)
		options='--vf --json --verbose --quiet --help'
		arguments='VM'
		values='--vf=[PAIR=]ADDRESS'
		;;
	help)
		options='--verbose --quiet --help'
		arguments='COMMAND'
		values=''
		;;
	*) return 1 ;;
	esac
}

_vmfo_commands='check-topology launch list status vfs stop migrate cancel replug help'
_vmfo_options='--help --quiet --verbose --version'

# Candidates for one word of the given kind.
_vmfo_kind() {
	case $1 in
	VM) COMPREPLY=($(compgen -W "$(vmfo __complete vms 2>/dev/null)" -- "$2")) ;;
	HOST)
		local hosts
		hosts=$(awk 'tolower($1) == "host" { for (i = 2; i <= NF; i++) if ($i !~ /[*?!]/) print $i }' \
			~/.ssh/config /etc/ssh/ssh_config 2>/dev/null)
		COMPREPLY=($(compgen -W "$hosts" -A hostname -- "$2"))
		;;
	COMMAND) COMPREPLY=($(compgen -W "$_vmfo_commands" -- "$2")) ;;
	RULE) COMPREPLY=($(compgen -W "$(vmfo __complete rules 2>/dev/null)" -- "$2")) ;;
	DEF | FILE | SOCKET | DIR | BINARY)
		compopt -o filenames 2>/dev/null
		COMPREPLY=($(compgen -f -- "$2"))
		;;
	*\|*) COMPREPLY=($(compgen -W "${1//|/ }" -- "$2")) ;;
	esac
}

_vmfo() {
	local word=${COMP_WORDS[COMP_CWORD]} command='' options='' arguments='' values='' value i
	local -a given=() kinds
	COMPREPLY=()
	# "--option=" arrives as two words, its value as the third.
	[[ $word != '=' ]] || word=''
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-* | '=') ;;
		*)
			if [[ -z $command ]]; then
				command=${COMP_WORDS[i]}
				_vmfo_table "$command" || return 0
			elif ! _vmfo_value_of $((i - 1)); then
				given+=("${COMP_WORDS[i]}")
			fi
			;;
		esac
	done
	if [[ -z $command ]]; then
		COMPREPLY=($(compgen -W "$_vmfo_commands $_vmfo_options" -- "$word"))
	elif _vmfo_value_of $((COMP_CWORD - 1)); then
		_vmfo_kind "$value" "$word"
	elif [[ $word == -* ]]; then
		COMPREPLY=($(compgen -W "$options" -- "$word"))
	else
		read -ra kinds <<<"$arguments"
		_vmfo_kind "${kinds[${#given[@]}]:-}" "$word"
	fi
}

# Whether the word after number $1 is the value of an option; sets value to what it takes.
_vmfo_value_of() {
	local option=${COMP_WORDS[$1]} entry
	[[ $option != '=' ]] || option=${COMP_WORDS[$1 - 1]}
	for entry in $values; do
		if [[ $option == "${entry%%=*}" ]]; then
			value=${entry#*=}
			return 0
		fi
	done
	return 1
}

complete -F _vmfo vmfo
