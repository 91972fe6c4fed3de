#!/usr/bin/env bats
# A migration that its operator ends: by Ctrl-C, SIGTERM or vmfo cancel, in each of its phases. The VM stays on alpha.

load common

setup_file() {
	vm_hosts_up
	vm_define demo
	vm_launch demo
}

teardown_file() {
	vm_hosts_down
}

setup() {
	vm_remember
}

# What a test that failed has left must not fail the next.
teardown() {
	# shellcheck disable=SC2046
	kill -CONT $(sshd_pids beta)
	vm_gate_remove beta
	[[ -n ${BATS_TEST_COMPLETED:-} ]] || vm_stop_migrating
}

vm_stop_migrating() {
	[[ -z ${MIGRATE:-} ]] || kill -INT "$MIGRATE" 2>/dev/null || true
	monitor alpha demo '{"execute": "cont"}' || true
	wait_for 60 eval '! is_migrating' || true
}

# To wait-unplug, where it stays: the guest is stopped before it is asked.
begin_and_hold() {
	vm_gate_close beta
	vm_migrate_begin alpha beta demo --unplug-timeout 120
	vm_await_phase prepare
	monitor alpha demo '{"execute": "stop"}'
	vm_gate_open beta
	vm_await_event '"phase":"wait-unplug","text":"holding on: net0"'
}

# The guest lets go now, in the middle of QEMU's cancel, and gets its primary back.
let_guest_go() {
	vm_await_event '"event":"note".*rolling back'
	monitor alpha demo '{"execute": "cont"}'
	vm_migrate_end
}

assert_rolled_back() { # REASON
	[ "$status" -eq 5 ]
	[ "$(result .outcome)" = rolled-back ]
	[[ $(result .reason) == *"$1"* ]]
	[[ $(result .reason) == *"it runs here, its pair is whole"* ]]
	[ "$(result '.warnings | length')" = 0 ]
	[ "$(result '.pairs[0].state')" = paired ]
	assert_runs_only_on alpha demo
	assert_pair alpha demo
	assert_as_before alpha
	assert_as_before beta
}

status_json() { # HOST: none of these commands may wait for a migration
	timeout 5 ip netns exec "$HOSTS_NS-$1" env VMFO_CONFDIR="$HOSTS_DIR/$1/etc" VMFO_RUNDIR="$HOSTS_DIR/$1/run" \
		VMFO_STATEDIR="$HOSTS_DIR/$1/lib" "$VMFO" status demo --json
}

is_migrating() {
	[[ $(status_json alpha | jq -r .state) = migrating ]]
}

rate_is_known() {
	[[ $(status_json alpha | jq '.migration | .percent > 0 and .rate > 0') = true ]]
}

@test "vmfo cancel of a VM that does not migrate is refused" {
	run on alpha vmfo cancel demo
	[ "$status" -eq 4 ]
	[[ $output == *"no migration of demo is in flight here"* ]]
	run on alpha vmfo cancel nobody
	[ "$status" -eq 4 ]
	[[ $output == *"no migration of nobody is in flight here"* ]]
	assert_as_before alpha
	assert_as_before beta
}

@test "in the checks, before a target that is silent: refused at once" {
	kill -STOP "$(cat "$HOSTS_DIR/beta/sshd.pid")"
	vm_migrate_begin alpha beta demo
	wait_for 20 is_migrating
	[ "$(status_json alpha | jq -r .migration.phase)" = check ]
	on alpha vmfo cancel demo
	vm_migrate_end
	[ "$status" -eq 4 ]
	[ "$(result .outcome)" = refused ]
	[[ $(result .reason) == *"interrupted (SIGINT)"* ]]
	# It would have waited 15 s for the target.
	[ "$(result '.total_ms < 10000')" = true ]
	assert_runs_only_on alpha demo
	assert_as_before alpha
	assert_as_before beta
}

@test "while the target's QEMU starts: SIGTERM" {
	vm_gate_close beta
	vm_migrate_begin alpha beta demo
	vm_await_phase prepare
	wait_for 20 test -e "$HOSTS_DIR/beta/run/demo/vm.json"
	kill -TERM "$MIGRATE"
	vm_migrate_end
	# The target's QEMU has had 30 s to start.
	[ "$(result '.total_ms < 15000')" = true ]
	assert_rolled_back "interrupted (SIGTERM)"
}

@test "in wait-unplug: Ctrl-C" {
	begin_and_hold
	kill -INT "$MIGRATE"
	let_guest_go
	assert_rolled_back "interrupted (SIGINT)"
}

@test "in wait-unplug: SIGTERM; status and list have an answer at any time" {
	begin_and_hold
	[ "$(status_json alpha | jq -r '.state, .migration.phase, .migration.peer' | paste -sd ' ')" = \
		"migrating wait-unplug beta" ]
	[[ $(on alpha timeout 5 vmfo status demo) == *migrating*"to beta: wait-unplug"* ]]
	[[ $(on alpha timeout 5 vmfo list) == *demo*migrating*"to beta"* ]]
	[ "$(on alpha timeout 5 vmfo list --json | jq -r '.vms[] | select(.vm == "demo") | .state')" = migrating ]
	[ "$(status_json beta | jq -r .state)" = incoming ]
	[[ $(on beta timeout 5 vmfo list) == *demo*incoming* ]]
	# Nor may anybody else take hold of it meanwhile.
	run on alpha vmfo migrate demo beta
	[ "$status" -eq 4 ]
	run on alpha vmfo stop demo --force
	[ "$status" -eq 4 ]
	kill -TERM "$MIGRATE"
	let_guest_go
	assert_rolled_back "interrupted (SIGTERM)"
}

@test "in wait-unplug: vmfo cancel, which returns when all is undone" {
	begin_and_hold
	on_bg alpha "$BATS_TEST_TMPDIR/cancel" vmfo cancel demo
	vm_await_event '"event":"note".*rolling back'
	process_runs "$ON_PID"
	let_guest_go
	wait "$ON_PID"
	grep -q 'demo: the migration has ended' "$BATS_TEST_TMPDIR/cancel"
	assert_rolled_back "interrupted (SIGINT)"
}

@test "in precopy: Ctrl-C" {
	vm_migrate_begin alpha beta demo --bandwidth 8M
	vm_await_phase precopy
	kill -INT "$MIGRATE"
	vm_migrate_end
	assert_rolled_back "interrupted (SIGINT)"
	[ "$(result '[.phases[].name] | join(" ")')" = "prepare wait-unplug precopy" ]
}

@test "in precopy: vmfo cancel; before it status says how far it is" {
	vm_migrate_begin alpha beta demo --bandwidth 8M
	vm_await_phase precopy
	wait_for 20 rate_is_known
	[ "$(status_json alpha | jq -r '.migration.phase, .migration.peer' | paste -sd ' ')" = "precopy beta" ]
	[[ $(on alpha timeout 5 vmfo list) == *demo*migrating*"to beta"* ]]
	on alpha vmfo cancel demo
	! process_runs "$MIGRATE" || false
	vm_migrate_end
	assert_rolled_back "interrupted (SIGINT)"
}

@test "in precopy: SIGTERM" {
	vm_migrate_begin alpha beta demo --bandwidth 8M
	vm_await_phase precopy
	kill -TERM "$MIGRATE"
	vm_migrate_end
	assert_rolled_back "interrupted (SIGTERM)"
}

@test "during the undo: a second Ctrl-C, a SIGTERM and a vmfo cancel change nothing" {
	begin_and_hold
	kill -INT "$MIGRATE"
	vm_await_event '"event":"note".*rolling back'
	kill -INT "$MIGRATE"
	kill -TERM "$MIGRATE"
	on_bg alpha "$BATS_TEST_TMPDIR/cancel" vmfo cancel demo
	# It goes on until the guest lets go: stock QEMU's cancel does, and vmfo with it.
	vm_patched || [ "$(monitor alpha demo '{"execute": "query-migrate"}' | jq -r .status)" != cancelled ]
	process_runs "$MIGRATE"
	let_guest_go
	wait "$ON_PID"
	assert_rolled_back "interrupted (SIGINT)"
}

@test "after all that it can be moved" {
	vm_migrate alpha beta demo
	[ "$status" -eq 0 ]
	assert_runs_only_on beta demo
	assert_pair beta demo
	assert_nothing_left alpha
}
