#!/usr/bin/env bats
# migrate --probe: what it reports of a guest that it pings from alpha. No test judges how long a gap was.

load common

GUEST_ADDRESS=10.202.0.10

setup_file() {
	vm_hosts_up
	# vmfo pings from where it runs.
	ip -n "$HOSTS_NS-alpha" address add 10.202.0.1/24 dev br0
	vm_define demo
	vm_launch demo
	wait_for 30 on alpha ping -c 1 -W 1 "$GUEST_ADDRESS"
}

teardown_file() {
	vm_hosts_down
}

# What holds of every report with a phase "prepare": the parts make up the whole.
assert_report() { # ADDRESS INTERVAL-MS
	jq -e --arg address "$1" --argjson interval "$2" '.phases as $phases | .probe |
		.address == $address and .interval_ms == $interval and
		.sent > 0 and .lost == .sent - .received and .not_sent >= 0 and
		([.by_phase[].sent] | add) == .sent and
		([.by_phase[].received] | add) == .received and
		([.by_phase[].lost] | add) == .lost and
		([.by_phase[].longest_gap_ms] | max) <= .longest_gap_ms + 1 and
		([.gaps[].lost] | add // 0) <= .lost and
		([.gaps[].length_ms] | max // 0) <= .longest_gap_ms and
		all(.gaps[]; .length_ms >= 3 * $interval) and
		(.by_phase | map(.phase)) as $names | all(.gaps[]; .phase as $phase | $names | index($phase) != null)' \
		<<<"$RESULT" >/dev/null
}

by_phase() { # the names
	result '[.probe.by_phase[].phase] | join(" ")'
}

@test "a process that may not ping is refused, and nothing is changed" {
	vm_remember
	run on alpha setpriv --bounding-set -net_raw --inh-caps -net_raw \
		vmfo migrate demo beta --probe "$GUEST_ADDRESS"
	echo "$output" >&2
	[ "$status" -eq 4 ]
	[[ $output == *"--probe: pinging $GUEST_ADDRESS: "*net.ipv4.ping_group_range*CAP_NET_RAW* ]]
	assert_as_before alpha
	assert_as_before beta
	assert_runs_only_on alpha demo
}

@test "so is an address that there is no way to" {
	vm_migrate alpha beta demo --probe 192.0.2.7
	[ "$status" -eq 4 ]
	[[ $(result .reason) == *"pinging 192.0.2.7: this host has no way to it"* ]]
	[ "$(result .probe)" = null ]
	assert_runs_only_on alpha demo
}

@test "a dry run says whether the address answers" {
	vm_migrate alpha beta demo --dry-run --probe "$GUEST_ADDRESS"
	[ "$status" -eq 0 ]
	[ "$(result '.probe.received > 0')" = true ]
	[ "$(by_phase)" = check ]
	[ "$(result '.warnings | length')" = 0 ]
}

@test "a migration that is cancelled has a phase rollback" {
	vm_migrate_begin alpha beta demo --bandwidth 1M --probe "$GUEST_ADDRESS,20ms"
	vm_await_phase precopy
	kill -INT "$MIGRATE"
	vm_migrate_end
	[ "$status" -eq 5 ]
	[ "$(by_phase)" = "check prepare wait-unplug precopy rollback after" ]
	assert_report "$GUEST_ADDRESS" 20
	assert_runs_only_on alpha demo
	assert_pair alpha demo
}

@test "an address that does not answer is a warning, and all is lost" {
	vm_migrate alpha beta demo --probe 10.202.0.99
	[ "$status" -eq 0 ]
	[ "$(result '.warnings[]' | grep -c -- '--probe: 10.202.0.99 does not answer')" = 1 ]
	assert_report 10.202.0.99 10
	[ "$(result .probe.received)" = 0 ]
	[ "$(result '.probe.gaps | length')" = 1 ]
	assert_runs_only_on beta demo
	vm_migrate beta alpha demo
	[ "$status" -eq 0 ]
}

@test "the report of a migration: each phase, each gap" {
	vm_migrate alpha beta demo --probe "$GUEST_ADDRESS"
	[ "$status" -eq 0 ]
	[ "$(result '[.phases[].name] | join(" ")')" = "prepare wait-unplug precopy switchover replug finish" ]
	[ "$(by_phase)" = "check prepare wait-unplug precopy stopped resumed replug finish after" ]
	assert_report "$GUEST_ADDRESS" 10
	[ "$(result '.probe.by_phase[] | select(.phase == "prepare") | .received > 0')" = true ]
	[ "$(result '.probe.by_phase[] | select(.phase == "after") | .received > 0')" = true ]
	assert_runs_only_on beta demo
	assert_pair beta demo
	vm_migrate beta alpha demo
	[ "$status" -eq 0 ]
}

@test "and for a person" {
	run on alpha vmfo migrate demo beta --probe "$GUEST_ADDRESS"
	echo "$output" >&2
	[ "$status" -eq 0 ]
	[[ $output == *"  probe of $GUEST_ADDRESS, every 10 ms: "*" sent, "*" lost"*", longest gap "* ]]
	[[ $output == *"    stopped: "*" sent, "* ]]
	assert_runs_only_on beta demo
}
