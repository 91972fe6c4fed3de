#!/usr/bin/env bats
# Standard output is the result, standard error the narration; and what becomes of a vmfo that cannot write.

load ../helpers

setup() {
	vmfo_sandbox
}

@test "no VM: list says so on standard error only, and not under --quiet" {
	vmfo list
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	[[ $stderr == *"no VM"* ]]
	vmfo --quiet list
	[ "$status" -eq 0 ]
	[ -z "$output$stderr" ]
	vmfo list -q
	[ -z "$output$stderr" ]
}

@test "no VM: JSON all the same" {
	vmfo list --json
	[ "$status" -eq 0 ]
	[ "$(jq -c . <<<"$output")" = '{"schema":"vmfo.list/1","vms":[]}' ]
	vmfo status --json
	[ "$status" -eq 0 ]
	[ "$(jq -c .vms <<<"$output")" = '[]' ]
}

@test "a VM that is defined: list, status, completion" {
	jq '.name = "web1"' tests/data/vm-example.json >"$VMFO_CONFDIR/vms/web1.json"
	vmfo list
	[ "$status" -eq 0 ]
	[[ $output == NAME*web1*stopped* ]]
	vmfo list --json
	[ "$(jq -r '.vms[0] | .schema, .vm, .state' <<<"$output" | paste -sd ' ')" = "vmfo.status/1 web1 stopped" ]
	vmfo status web1
	[ "$status" -eq 0 ]
	[[ $output == "web1: stopped"* ]]
	vmfo status web1 --json
	[ "$(jq -r .vm <<<"$output")" = web1 ]
	vmfo __complete vms
	[ "$output" = web1 ]
}

@test "a VM that is not here: exit status 4, and which" {
	for command in "status nobody" "stop nobody" "launch nobody" "cancel nobody" "replug nobody" "migrate nobody localhost"; do
		# shellcheck disable=SC2086 # two words or three
		vmfo $command
		[ "$status" -eq 4 ]
		[[ $stderr == *"vmfo ${command%% *}: "*nobody* ]]
		assert_empty "$VMFO_RUNDIR"
	done
}

@test "a refused command prints its object under --json, with the status it exits with" {
	vmfo launch nobody --json
	[ "$status" -eq 4 ]
	[ "$(jq -r '.schema, .vm, .outcome, .exit_status' <<<"$output" | paste -sd ' ')" = "vmfo.launch/1 nobody refused 4" ]
	[[ $(jq -r .reason <<<"$output") == *nobody* ]]
	vmfo migrate nobody localhost --json
	[ "$status" -eq 4 ]
	[ "$(jq -r '.schema, .outcome, .exit_status' <<<"$output" | paste -sd ' ')" = "vmfo.migrate/1 refused 4" ]
}

@test "a full standard output is an error, whatever was to be printed" {
	for command in --version --help help "help stop" "stop --help" "list --json" "__describe" "status --json"; do
		# shellcheck disable=SC2086 # several words
		run --separate-stderr bash -c '"$@" >/dev/full' - "$VMFO" $command
		echo "$command: $status $stderr" >&2
		[ "$status" -eq 1 ]
		[[ $stderr == *"standard output"*"No space left"* ]]
	done
}

@test "a closed standard output is an error" {
	run --separate-stderr bash -c '"$1" list --json >&-' - "$VMFO"
	[ "$status" -eq 1 ]
	[[ $stderr == *"standard output"* ]]
}

@test "a full standard output does not hide another failure" {
	run bash -c '"$1" launch nobody --json >/dev/full 2>&1' - "$VMFO"
	[ "$status" -eq 4 ]
}

@test "a reader that goes away is not a signal" {
	run bash -c 'set -o pipefail; "$1" __describe | true' - "$VMFO"
	[ "$status" -le 1 ]
}

@test "closed standard input and standard error are no error" {
	run bash -c '"$1" list --json <&- 2>&-' - "$VMFO"
	[ "$status" -eq 0 ]
	[[ $output == *vmfo.list/1* ]]
}

@test "--progress-fd and --events that cannot be written are refused beforehand" {
	vmfo migrate nobody localhost --progress-fd 17
	[ "$status" -eq 2 ]
	[[ $stderr == *"fd 17 is not open for writing"* ]]
	run --separate-stderr bash -c '"$1" migrate nobody localhost --progress-fd 5 5</dev/null' - "$VMFO"
	[ "$status" -eq 2 ]
	vmfo migrate nobody localhost --events /nonexistent/events
	[ "$status" -eq 2 ]
	[[ $stderr == *"/nonexistent/events"* ]]
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	vmfo migrate nobody localhost --events "$BATS_TEST_TMPDIR/fifo"
	[ "$status" -eq 2 ]
}

@test "events end with the result, in both places" {
	local events=$BATS_TEST_TMPDIR/events
	echo old >"$events"
	run bash -c '"$1" migrate nobody localhost --events "$2" --progress-fd 5 5>"$3"' - "$VMFO" "$events" "$events.fd"
	[ "$status" -eq 4 ]
	[ "$(tail -n 1 "$events" | jq -r '.event, .result.outcome' | paste -sd ' ')" = "result refused" ]
	cmp "$events" "$events.fd"
	[ "$(grep -c old "$events")" -eq 0 ]
}
