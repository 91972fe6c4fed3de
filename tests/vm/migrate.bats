#!/usr/bin/env bats
# A migration that succeeds: there, and back again.

load common

setup_file() {
	vm_hosts_up
	vm_define demo
	vm_launch demo
}

teardown_file() {
	vm_hosts_down
}

@test "a dry run says done and changes nothing" {
	vm_remember
	vm_migrate alpha beta demo --dry-run
	[ "$status" -eq 0 ]
	[ "$(result .outcome)" = done ]
	[ "$(result .dry_run)" = true ]
	assert_as_before alpha
	assert_as_before beta
	assert_runs_only_on alpha demo
}

@test "to beta: the pair is whole there, alpha has nothing left" {
	vm_migrate alpha beta demo
	[ "$status" -eq 0 ]
	[ "$(result .schema)" = vmfo.migrate/1 ]
	[ "$(result .outcome)" = done ]
	[ "$(result .target)" = beta ]
	[ "$(result '.pairs[0].state')" = paired ]
	[ "$(result '.pairs[0].source_primary')" = "net0-primary (e1000e)" ]
	[ "$(result '.pairs[0].target_primary')" = "net0-primary (e1000e)" ]
	[ "$(result '.downtime_ms > 0 and .total_ms > .downtime_ms and .transferred_bytes > 1000000')" = true ]
	[ "$(result '[.phases[].name] | join(" ")')" = "prepare wait-unplug precopy switchover replug finish" ]
	assert_runs_only_on beta demo
	assert_pair beta demo
	assert_nothing_left alpha
}

@test "alpha knows where it went, and does not start it a second time" {
	[ "$(vm_state alpha demo)" = moved ]
	[ "$(on alpha vmfo status demo --json | jq -r .moved_to)" = beta ]
	run on alpha vmfo launch demo
	[ "$status" -eq 4 ]
	[[ $output == *"was migrated to beta"* ]]
	assert_runs_only_on beta demo
}

@test "the operator's monitor is there, and answers" {
	[ "$(monitor beta demo '{"execute": "query-status"}' | jq -r .status)" = running ]
}

@test "and back at once, with QEMU's own replug" {
	vm_migrate beta alpha demo --replug hidden
	[ "$status" -eq 0 ]
	[ "$(result '.pairs[0].state')" = paired ]
	assert_runs_only_on alpha demo
	assert_pair alpha demo
	assert_nothing_left beta
}
