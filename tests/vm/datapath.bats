#!/usr/bin/env bats
# To which of a pair's two taps the bridge sends the guest's frames: after everything that changes a pair, a guest that
# only answers can be reached at once. Left to itself the bridge may send to the standby, where net_failover drops all.

load common

setup_file() {
	vm_hosts_up
	vm_define demo
	vm_launch demo
}

teardown_file() {
	vm_hosts_down
}

# Five pings, all answered. The guest itself says nothing unasked, so nothing but the datapath brings them to it.
assert_answers() {
	on wire ping -n -q -i 0.2 -c 5 -W 2 10.202.0.10 | tee /dev/stderr | grep -q ' 5 received'
}

# HOST: a line for each of the VM's ports, the standby's first: whether it is up and whether it learns.
ports() {
	local tap
	for tap in $(jq -r '.taps | sort_by(.primary) | .[].name' "$HOSTS_DIR/$1/run/demo/vm.json"); do
		on "$1" bridge -d -j link show dev "$tap" |
			jq -r '.[0] | "\(if .flags | index("UP") then "up" else "down" end) learning=\(.learning)"'
	done
}

# HOST: the taps where its bridge has learned the guest's address: "standby", "primary", or nothing.
learned_at() {
	local vm_json=$HOSTS_DIR/$1/run/demo/vm.json
	on "$1" bridge -j fdb show br br0 | jq -r --arg mac "$MAC0" --slurpfile vm "$vm_json" '
		.[] | select(.mac == $mac) | .ifname as $port | $vm[0].taps[] | select(.name == $port) |
		if .primary then "primary" else "standby" end'
}

assert_at_primary() { # HOST
	assert_pair "$1" demo
	assert_answers
	[ "$(learned_at "$1")" = primary ]
	[ "$(ports "$1")" = $'up learning=false\nup learning=true' ]
}

@test "after the launch the guest is reached by its primary" {
	assert_at_primary alpha
}

@test "to beta, watched from outside: a second of packets is lost at most" {
	probe_start 10.202.0.10 "$BATS_TEST_TMPDIR/ping"
	vm_migrate alpha beta demo
	[ "$status" -eq 0 ]
	assert_at_primary beta
	probe_stop
	report=$(probe_report "$BATS_TEST_TMPDIR/ping")
	echo "# $report" >&2
	[ "$(jq '.received > 100 and .lost <= 111' <<<"$report")" = true ]
}

@test "back with QEMU's own replug" {
	vm_migrate beta alpha demo --replug hidden
	[ "$status" -eq 0 ]
	assert_at_primary alpha
}

@test "in the copy it is reached by its standby, and after a cancel by its primary" {
	vm_migrate_begin alpha beta demo --bandwidth 4M
	vm_await_phase precopy
	assert_answers
	[ "$(learned_at alpha)" = standby ]
	[ "$(ports alpha)" = $'up learning=true\ndown learning=false' ]
	on alpha vmfo cancel demo
	vm_migrate_end
	[ "$status" -eq 5 ]
	assert_at_primary alpha
}
