#!/usr/bin/env bats
# What vmfo says to a command line: help, versions, and what is wrong with it.

load ../helpers

setup() {
	vmfo_sandbox
}

# Exit status 2, nothing on standard output, nothing made, and on standard error this text and the way to the help.
refused() { # TEXT
	[ "$status" -eq 2 ]
	[ -z "$output" ]
	[[ $stderr == *"$1"* ]]
	[[ $stderr == *--help* ]]
	assert_empty "$VMFO_RUNDIR"
	assert_empty "$VMFO_STATEDIR"
}

@test "--version prints one line" {
	vmfo --version
	[ "$status" -eq 0 ]
	[[ $output =~ ^vmfo\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
	[ -z "$stderr" ]
}

@test "--help and help list every command that people use, and no other" {
	vmfo --help
	[ "$status" -eq 0 ]
	for command in $("$VMFO" __describe | jq -r '.commands[] | select(.hidden | not).name'); do
		grep -q "^  $command " <<<"$output"
	done
	for command in $("$VMFO" __describe | jq -r '.commands[] | select(.hidden).name'); do
		[ "$(grep -cw -- "$command" <<<"$output")" -eq 0 ]
	done
	help=$output
	vmfo help
	[ "$status" -eq 0 ]
	[ "$output" = "$help" ]
}

@test "no command at all is a usage error that prints the help" {
	vmfo
	[ "$status" -eq 2 ]
	[ -z "$output" ]
	[[ $stderr == *migrate* ]]
}

@test "every command has --help with all of its options, by either way" {
	for command in $("$VMFO" __describe | jq -r '.commands[].name'); do
		vmfo "$command" --help
		[ "$status" -eq 0 ]
		[[ $output == "Usage: vmfo $command"* ]]
		for option in $("$VMFO" __describe | jq -r ".commands[] | select(.name == \"$command\").options[].long"); do
			grep -q -- "--$option" <<<"$output"
		done
		help=$output
		vmfo help "$command"
		[ "$status" -eq 0 ]
		[ "$output" = "$help" ]
	done
}

@test "an unknown command, with the one that was meant" {
	vmfo migrat a b
	[ "$status" -eq 2 ]
	[[ $stderr == *'"migrat"'*'did you mean "migrate"'* ]]
	vmfo help lauch
	[ "$status" -eq 2 ]
	[[ $stderr == *'did you mean "launch"'* ]]
}

@test "an unknown command that is like none" {
	vmfo frobnicate
	refused '"frobnicate"'
}

@test "a hidden command is never suggested" {
	vmfo agen
	refused '"agen"'
	[[ $stderr != *agent* ]]
}

@test "unknown options, before and after the command" {
	vmfo --frob list
	refused "--frob"
	[[ $stderr == vmfo:* ]]
	vmfo list --frob
	refused "--frob"
	[[ $stderr == "vmfo list:"* ]]
}

@test "missing and superfluous arguments are named" {
	vmfo migrate demo
	refused "HOST is missing"
	vmfo migrate
	refused "VM is missing"
	vmfo stop a b
	refused '"b" is one argument too many'
	vmfo list a
	refused '"a" is one argument too many'
}

@test "numbers that are none, or out of range" {
	vmfo stop --timeout=soon demo
	refused '--timeout: "soon" is not a whole number'
	vmfo stop --timeout= demo
	refused '--timeout: "" is not a whole number'
	vmfo stop --timeout=-1 demo
	refused "--timeout: -1 is not between 0 and 86400"
	vmfo stop --timeout=99999999999999999999 demo
	refused "--timeout"
	vmfo migrate a b --unplug-timeout=0
	refused "--unplug-timeout: 0 is not between"
	vmfo migrate a b --downtime-limit=2.5
	refused "--downtime-limit"
}

@test "rates with and without suffix" {
	for rate in x 5Q 1.5M M -1 '' ' ' 9223372036854775808 8388608T '5 M'; do
		vmfo migrate a b --bandwidth="$rate"
		refused "--bandwidth"
	done
	# These are right: what is wrong then is that there is no VM.
	for rate in 0 1 500M 2g 1k 8388607T; do
		vmfo migrate nobody localhost --bandwidth="$rate"
		[ "$status" -eq 4 ]
	done
}

@test "--replug takes two words" {
	vmfo migrate a b --replug=later
	refused '"later" is neither "deferred" nor "hidden"'
	vmfo migrate nobody localhost --replug=hidden
	[ "$status" -eq 4 ]
}

@test "--probe takes an address and an interval" {
	vmfo migrate a b --probe=guest.example
	refused '--probe: "guest.example" is no IP address (10.0.0.7, 2001:db8::7); names are not resolved'
	vmfo migrate a b --probe=10.0.0.7,
	refused '--probe: "" is not an interval, as in 10ms or 1s'
	vmfo migrate a b --probe=10.0.0.7,fast
	refused '--probe: "fast" is not an interval, as in 10ms or 1s'
	vmfo migrate a b --probe=10.0.0.7,20s
	refused "--probe: an interval of 20s is not between 1 ms and 10 s"
	vmfo migrate a b --probe=224.0.0.1
	refused '--probe: "224.0.0.1" is not the address of one host'
	for probe in 10.0.0.7 10.0.0.7,1s 2001:db8::7,5ms; do
		vmfo migrate nobody localhost --probe="$probe"
		[ "$status" -eq 4 ]
	done
}

@test "--vf takes a pair and an address" {
	local command
	for command in "launch a" "migrate a b" "replug a" "check-topology a"; do
		# shellcheck disable=SC2086 # two words
		vmfo $command --vf eth0
		refused '--vf: "eth0" is no PCI address; a VF'"'"'s is like 0000:01:10.0, and '"'vmfo vfs'"' lists them'
		# shellcheck disable=SC2086
		vmfo $command --vf =0000:01:10.0
		refused '--vf: "=0000:01:10.0" names no pair before its "="'
		# shellcheck disable=SC2086
		vmfo $command --vf net0=0000:01:10.0 --vf net0=0000:01:10.2
		refused "--vf: a second VF for pair net0"
	done
	vmfo check-topology --vf 1:10.0 -- qemu-system-x86_64 -M q35
	[ "$status" -eq 2 ]
	[[ $stderr == *"--vf needs a VM or --file: a command line names its VFs itself" ]]
}

@test "an option that lacks its value" {
	vmfo migrate a b --events
	refused "--events"
}

@test "options may follow the arguments, -- ends them" {
	vmfo stop nobody --timeout 5 -q
	[ "$status" -eq 4 ]
	vmfo stop -- -x
	[ "$status" -eq 2 ]
	[[ $stderr == *'"-x"'* ]]
}

@test "the agent has nothing to say to a terminal" {
	skip_unless "script(1) is not installed" command -v script
	run script -qec "$VMFO agent" /dev/null
	[ "$status" -eq 2 ]
	[[ $output == *"another host"* ]]
}
