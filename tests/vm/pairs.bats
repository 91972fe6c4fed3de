#!/usr/bin/env bats
# Two pairs in one VM; pairs that are not whole before a migration, or not after it; and a guest that is never done
# with its memory.

load common

setup_file() {
	vm_hosts_up
	vm_define two ".pairs += [.pairs[0] | .id = \"net1\" | .mac = \"$MAC1\"] |
		.boot.cmdline += \",$MAC1=10.203.0.10/24\""
	vm_launch two
}

teardown_file() {
	vm_hosts_down
}

pair_states() { # HOST
	on "$1" vmfo status two --json | jq -r '[.pairs[] | .id + "=" + .state] | join(" ")'
}

states_are() { # HOST STATES
	[[ $(pair_states "$1") = "$2" ]]
}

assert_both_pairs() { # HOST
	assert_pair "$1" two "$MAC0"
	assert_pair "$1" two "$MAC1"
	wait_for 20 states_are "$1" "net0=paired net1=paired"
}

# As its operator may do it: the guest lets go of net1's primary, and QEMU has none any more.
degrade() { # HOST
	monitor "$1" two '{"execute": "device_del", "arguments": {"id": "net1-primary"}}'
	wait_for 30 states_are "$1" "net0=paired net1=standby-only"
}

@test "both pairs there, whole" {
	assert_both_pairs alpha
	vm_migrate alpha beta two
	[ "$status" -eq 0 ]
	[ "$(result .outcome)" = "done" ]
	[ "$(result '[.pairs[] | .id + "=" + .state] | join(" ")')" = "net0=paired net1=paired" ]
	[ "$(result '[.pairs[].source_primary] | join(" ")')" = "net0-primary (e1000e) net1-primary (e1000e)" ]
	[ "$(result '[.pairs[].target_primary] | join(" ")')" = "net0-primary (e1000e) net1-primary (e1000e)" ]
	assert_runs_only_on beta two
	assert_both_pairs beta
	assert_nothing_left alpha
}

@test "and back, whole" {
	vm_migrate beta alpha two
	[ "$status" -eq 0 ]
	[ "$(result '[.pairs[] | .id + "=" + .state] | join(" ")')" = "net0=paired net1=paired" ]
	assert_runs_only_on alpha two
	assert_both_pairs alpha
	assert_nothing_left beta
}

@test "replug of pairs that are whole changes nothing" {
	vm_remember
	run on alpha vmfo replug two --json
	[ "$status" -eq 0 ]
	assert_both_pairs alpha
	assert_as_before alpha
}

@test "a pair without its primary: refused, and what to do about it" {
	degrade alpha
	[ "$(on alpha vmfo status two --json | jq -r .pair)" = degraded ]
	vm_remember
	vm_migrate alpha beta two
	[ "$status" -eq 4 ]
	[ "$(result .outcome)" = refused ]
	[[ $(result .reason) == *"pair net1 is standby-only"*"vmfo replug two"*"--allow-degraded"* ]]
	assert_runs_only_on alpha two
	assert_as_before alpha
	assert_as_before beta
}

@test "replug makes it whole" {
	run on alpha vmfo replug two
	[ "$status" -eq 0 ]
	assert_both_pairs alpha
}

@test "--allow-degraded: it is moved as it is, and made whole there" {
	degrade alpha
	vm_migrate alpha beta two --allow-degraded
	[ "$status" -eq 0 ]
	[ "$(result '.pairs[0].source_primary')" = "net0-primary (e1000e)" ]
	[ "$(result '.pairs[1].source_primary')" = null ]
	[ "$(result '[.pairs[] | .id + "=" + .state] | join(" ")')" = "net0=paired net1=paired" ]
	assert_runs_only_on beta two
	assert_both_pairs beta
	assert_nothing_left alpha
}

@test "a replug that fails: exit 6, it runs there degraded, and vmfo replug mends it" {
	vm_migrate_begin beta alpha two --bandwidth 16M
	vm_await_phase precopy
	# Somebody is quicker: the primary's place is taken.
	monitor alpha two '{"execute": "device_add", "arguments": {"driver": "virtio-rng-pci", "id": "squatter",
		"bus": "rp-net1-primary"}}' monitor.pending.sock
	vm_migrate_end
	[ "$status" -eq 6 ]
	[ "$(result .outcome)" = degraded ]
	[[ $(result .reason) == *"it runs on alpha, but pair net1 has no primary: "*"in use by virtio-rng-pci"* ]]
	[[ $(result .reason) == *"vmfo replug two"* ]]
	[ "$(result '[.pairs[] | .id + "=" + .state] | join(" ")')" = "net0=paired net1=standby-only" ]
	[ "$(result '.pairs[1].target_primary')" = null ]
	assert_runs_only_on alpha two
	guest_wait_pair alpha two "$MAC0" 20
	[ "$(on alpha vmfo status two --json | jq -r .pair)" = degraded ]
	assert_nothing_left beta

	run on alpha vmfo replug two
	[ "$status" -eq 6 ]
	[[ $output == *"pair net1: "*"in use by virtio-rng-pci"* ]]
	[ "$(pair_states alpha)" = "net0=paired net1=standby-only" ]

	monitor alpha two '{"execute": "device_del", "arguments": {"id": "squatter"}}'
	wait_for 30 on alpha vmfo replug two
	assert_both_pairs alpha
}

@test "a guest that rewrites its memory all the time does not converge: rolled back" {
	vm_stop_all
	vm_define busy '.boot.cmdline += " vmfo.dirty=64"'
	vm_launch busy
	assert_pair alpha busy
	vm_remember
	vm_migrate_begin alpha beta busy --timeout 12 --bandwidth 16M
	vm_await_phase precopy
	# It is in a later round than the first, over memory that was copied already.
	wait_for 60 second_round
	vm_migrate_end
	[ "$status" -eq 5 ]
	[ "$(result .outcome)" = rolled-back ]
	[[ $(result .reason) == *"did not converge within 12 s"*"--downtime-limit"* ]]
	assert_runs_only_on alpha busy
	assert_pair alpha busy
	assert_as_before alpha
	assert_as_before beta
}

second_round() {
	(($(monitor alpha busy '{"execute": "query-migrate"}' | jq '.ram."dirty-sync-count" // 0') >= 2))
}

@test "and is moved when it may stand still for longer" {
	vm_migrate alpha beta busy --downtime-limit 20000
	[ "$status" -eq 0 ]
	[ "$(result .outcome)" = "done" ]
	assert_runs_only_on beta busy
	assert_pair beta busy
	assert_nothing_left alpha
}
