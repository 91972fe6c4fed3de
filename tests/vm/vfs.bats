#!/usr/bin/env bats
# vmfo vfs --host: the PFs and VFs of another host, over SSH and its agent. What is shown of them: tests/cli/vfs.bats.

bats_require_minimum_version 1.5.0

load common

setup_file() {
	vm_hosts_up
	vm_host_config beta '.physnets = [{id: "prod", pfs: ["up0", "gone0"]}]'
}

teardown_file() {
	vm_hosts_down
}

setup() {
	ALPHA=$HOSTS_DIR/alpha BETA=$HOSTS_DIR/beta
	cp -p "$ALPHA"/{etc/host.json,ssh_config} "$BATS_TEST_TMPDIR"
	cp -p "$BETA/etc/host.json" "$BATS_TEST_TMPDIR/beta.json"
}

teardown() {
	cp -p "$BATS_TEST_TMPDIR/host.json" "$ALPHA/etc"
	cp -p "$BATS_TEST_TMPDIR/ssh_config" "$ALPHA"
	cp -p "$BATS_TEST_TMPDIR/beta.json" "$BETA/etc/host.json"
}

vfs() { # ARGUMENT…: on alpha
	run --separate-stderr on alpha vmfo vfs "$@"
}

# From now on alpha's agents are one that answers each request with the content of that file.
answer_with() { # FILE
	cat >"$HOSTS_DIR/agent" <<-'END'
		#!/bin/bash
		echo '{"vmfo":"agent","protocol":1,"version":"0.1.0","host":"beta","boot_id":"none"}'
		while read -r request; do
			jq -c --slurpfile answer "$1" '{id} + $answer[0]' <<<"$request"
		done
	END
	chmod +x "$HOSTS_DIR/agent"
	vm_host_config alpha ".agent_command = [\"$HOSTS_DIR/agent\", \"$1\"]"
}

@test "another host's PFs, by its own host.json" {
	vfs
	[ "$status" -eq 0 ]
	[[ $output == "alpha: host.json names no physnets"* ]]
	vfs --host beta
	[ "$status" -eq 0 ]
	[ "$output" = "PF up0 of physnet prod: up0 cannot have VFs

PF gone0 of physnet prod: there is no link gone0 on this host" ]
	vfs --host beta --json
	[ "$status" -eq 0 ]
	[ "$(jq -r '[.schema, .host, (.pfs[] | .link, .up)] | @json' <<<"$output")" = \
		'["vmfo.vfs/1","beta","up0",true,"gone0",null]' ]
	assert_nothing_left alpha
	assert_nothing_left beta
}

@test "another host's VFs look as one's own" {
	local here
	"$ROOT/tests/data/hosts/make" "$HOSTS_DIR/host" --preset 82576 --vf 0.0:holder=4711,vlan=5,trust=on \
		--vf 0.1:group=77 --vf 0.2:group=77,driver=igbvf
	vm_host_config alpha '.physnets = [{id: "prod", pfs: ["enp1s0f0", "enp1s0f1", "enp9s0"]}]'
	vfs --sysroot "$HOSTS_DIR/host" --json
	jq '{result: .}' <<<"$output" >"$HOSTS_DIR/answer"
	vfs --sysroot "$HOSTS_DIR/host"
	here=$output
	grep -qF "process 4711" <<<"$here"
	answer_with "$HOSTS_DIR/answer"
	vfs --host beta
	[ "$status" -eq 0 ]
	[ "$output" = "$here" ]
	vfs --host beta --json
	[ "$(jq -S . <<<"$output")" = "$(jq -S .result "$HOSTS_DIR/answer")" ]
}

@test "an answer of another form" {
	echo '{"result": {"schema": "vmfo.vfs/1", "host": "beta", "pfs": [{"link": "enp1s0f0"}]}}' >"$HOSTS_DIR/answer"
	answer_with "$HOSTS_DIR/answer"
	vfs --host beta
	[ "$status" -eq 4 ]
	[ -z "$output" ]
	[ "$stderr" = "vmfo vfs: beta: its PF 0 is not of the form that was expected" ]
}

@test "a host that cannot be reached" {
	sed -i 's/HostName .*/&\n\tPort 1/' "$ALPHA/ssh_config"
	vfs --host beta --json
	[ "$status" -eq 4 ]
	[ -z "$output" ]
	[[ $stderr == "vmfo vfs: "*"Connection refused"* ]]
}

@test "a host whose host.json is not valid" {
	printf '{"schema": "vmfo.host/1", "physnets": 3}\n' >"$BETA/etc/host.json"
	vfs --host beta
	[ "$status" -eq 4 ]
	[ -z "$output" ]
	grep -qF "$BETA/etc/host.json" <<<"$stderr"
	grep -qF physnets <<<"$stderr"
}
