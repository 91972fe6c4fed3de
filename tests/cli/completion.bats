#!/usr/bin/env bats
# Completion in bash: the words that could stand next.

load ../helpers

setup() {
	vmfo_sandbox
	echo '{}' >"$VMFO_CONFDIR/vms/web1.json"
	echo '{}' >"$VMFO_CONFDIR/vms/db1.json"
	# The completion runs the program, not the helper of that name.
	unset -f vmfo
	PATH=$(dirname "$VMFO"):$PATH
	# shellcheck source=completions/vmfo.bash
	source completions/vmfo.bash
}

# What is offered after these words, the last of them being the one that is completed.
offered() {
	COMP_WORDS=(vmfo "$@")
	COMP_CWORD=$#
	COMPREPLY=()
	_vmfo
	echo "${COMPREPLY[*]}"
}

@test "commands, by their beginning" {
	[[ $(offered '') == *launch*migrate* ]]
	[ "$(offered mi)" = migrate ]
	[ "$(offered help mi)" = migrate ]
	[ -z "$(offered nonsense '')" ]
}

@test "options of the command" {
	[ "$(offered migrate --dry)" = --dry-run ]
	[ -z "$(offered list --dry)" ]
	[ "$(offered -q migrate --dry)" = --dry-run ]
}

@test "names of VMs, asked of vmfo" {
	[ "$(offered stop '')" = "db1 web1" ]
	[ "$(offered stop w)" = web1 ]
	[ "$(offered stop --timeout 5 w)" = web1 ]
	[ "$(offered stop --timeout = 5 w)" = web1 ]
	[ -z "$(offered stop web1 w)" ]
}

@test "values of options" {
	[ "$(offered migrate --replug '')" = "deferred hidden" ]
	[ "$(offered migrate --replug =)" = "deferred hidden" ]
	[ "$(offered migrate --replug = h)" = hidden ]
	[ "$(offered launch --file tests/run-o)" = tests/run-one ]
	[ -z "$(offered stop --timeout '')" ]
}
