#!/usr/bin/env bats
# Command lines as people have them. tests/cli/command-lines/NAME.args is one, as --cmdline reads it, and says in its
# first lines where the idea is from; NAME.expected has what check-topology is to find: "SEVERITY RULE OBJECT", sorted.
# Their QEMU does not exist, so all is judged by the command line alone.

load rules

setup() {
	vmfo_sandbox
	LINES_DIR=$BATS_TEST_DIRNAME/command-lines
}

findings() {
	jq -r '.findings[] | [.severity, .rule, .object] | join(" ")' <<<"$output" | LC_ALL=C sort -u
}

@test "every command line has the findings that it should have, and no others" {
	local args name failed=0 n=0
	for args in "$LINES_DIR"/*.args; do
		name=${args##*/}
		n=$((n + 1))
		vmfo check-topology --no-host --json --cmdline "$args" 2>/dev/null
		if [[ $status -ne 0 && $status -ne 3 ]]; then
			# shellcheck disable=SC2154 # run sets it
			echo "$name: exit status $status: $stderr" >&2
			failed=1
		elif ! diff -u --label "$name: expected" --label found "${args%.args}.expected" <(findings) >&2; then
			failed=1
		fi
	done
	[ "$n" -ge 30 ]
	[ "$failed" -eq 0 ]
}

@test "the exit status says whether one of them is an error" {
	vmfo check-topology --no-host --json --cmdline "$LINES_DIR/01-emulated-pair.args"
	[ "$status" -eq 0 ]
	vmfo check-topology --no-host --json --cmdline "$LINES_DIR/32-option-rom.args"
	[ "$status" -eq 3 ]
}

@test "every command line says where it is from, and has its expectation" {
	local args
	for args in "$LINES_DIR"/*.args; do
		[[ $(head -c 2 "$args") = '# ' ]]
		[[ -f ${args%.args}.expected ]]
	done
	for args in "$LINES_DIR"/*.expected; do
		[[ -f ${args%.expected}.args ]]
		LC_ALL=C sort -uc "$args"
	done
}
