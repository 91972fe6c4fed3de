#!/usr/bin/env bats
# Names that could lead out of vmfo's folders, or be taken for something else, are refused by every command.

load ../helpers

setup() {
	vmfo_sandbox
}

bad_names() {
	printf '%s\0' / .. . ../x a/b /etc/passwd -x --json .hidden '' ' ' 'a b' $'a\nb' $'a\tb' $'a\eb' 'a:b' 'a*' 'ä' \
		"$(printf 'x%.0s' {1..49})" "$(printf 'x%.0s' {1..5000})"
}

@test "every command refuses every bad name of a VM, and makes nothing" {
	while IFS= read -r -d '' name; do
		for command in launch status stop cancel replug; do
			vmfo "$command" -- "$name"
			[ "$status" -eq 2 ]
			[[ $stderr == "vmfo $command: "*"no name for a VM"* ]]
		done
		vmfo migrate -- "$name" localhost
		[ "$status" -eq 2 ]
	done < <(bad_names)
	assert_empty "$VMFO_RUNDIR"
	assert_empty "$VMFO_STATEDIR"
	[ "$(cd "$VMFO_CONFDIR" && find . | LC_ALL=C sort | paste -sd,)" = .,./host.json,./vms ]
}

@test "a message never has a control character of the name in it" {
	vmfo launch -- $'a\e[31mb'
	[ "$status" -eq 2 ]
	[[ $stderr != *$'\e'* ]]
}

@test "good names get as far as the definition that is not there" {
	for name in a A1 web-1 web_1 web.1 1 "$(printf 'x%.0s' {1..48})"; do
		vmfo launch "$name"
		[ "$status" -eq 4 ]
	done
}

@test "a definition whose name could lead out is refused as well" {
	jq '.name = "../evil"' tests/data/vm-example.json >"$BATS_TEST_TMPDIR/def.json"
	vmfo launch evil --file "$BATS_TEST_TMPDIR/def.json"
	[ "$status" -eq 2 ]
	[[ $stderr == *'$.name'* ]]
	assert_empty "$VMFO_STATEDIR"
}

@test "a host that could be an option of ssh is refused" {
	vmfo migrate demo -- -oProxyCommand=true
	[ "$status" -ne 0 ]
	vmfo migrate -- nobody -oProxyCommand=true
	[ "$status" -eq 4 ] || [ "$status" -eq 2 ]
}
