#!/usr/bin/env bats
# wait-unplug: guests that let go of their primary late, too late, never; and one that QEMU fails to ask.

load common

setup_file() {
	vm_hosts_up
	vm_define late
	vm_launch late
}

teardown_file() {
	vm_hosts_down
}

# Stops the guest after vmfo has seen it run and before it is asked to let go.
begin_with_stopped_guest() { # FROM TO NAME ARGS…
	vm_gate_close "$2"
	vm_migrate_begin "$@"
	vm_await_phase prepare
	monitor "$1" "$3" '{"execute": "stop"}'
	vm_gate_open "$2"
}

seconds_waited() { # N: so many seconds of progress were told in wait-unplug
	(($(grep -c '"phase":"wait-unplug".*"holding on: net0"' "$EVENTS") >= 4 * $1))
}

# A guest without its hot-plug driver sees the primary only when it looks for it.
rescan() { # HOST NAME
	guest_run "$1" "$2" 'echo 1 >/sys/bus/pci/rescan'
}

denies_primary() { # HOST NAME
	[[ $(on "$1" vmfo status "$2" --json | jq -r '.pairs[0] | "\(.state) \(.evidence)"') = "standby-only guest-agent" ]]
}

whole_after_rescan() { # HOST NAME
	rescan "$1" "$2" && [[ $(on "$1" vmfo status "$2" --json | jq -r .pair) = whole ]]
}

migration_is() { # HOST NAME STATUS
	[[ $(monitor "$1" "$2" '{"execute": "query-migrate"}' | jq -r .status) = "$3" ]]
}

# By QEMU's word.
primary_is() { # HOST NAME
	monitor "$1" "$2" '{"execute": "query-failover"}' | jq -r '.[0].state'
}

# In milliseconds, of a migration that is under way.
qemus_own_timeout() { # HOST NAME
	monitor "$1" "$2" '{"execute": "query-migrate-parameters"}' | jq '."unplug-timeout"'
}

# Slot Control's power indicator of the primary's root port: 1 on, 2 blinking (PCI Express 4.0, 7.8.10).
set_power_indicator() { # HOST NAME VALUE
	guest_run "$1" "$2" "cd -P /sys/bus/pci/drivers/e1000e/0000:*/.. &&
		printf '\\00$3' | dd of=config bs=1 seek=$((0x54 + 0x19)) conv=notrunc 2>/dev/null"
}

@test "a paused VM is refused at once" {
	vm_remember
	monitor alpha late '{"execute": "stop"}'
	vm_migrate alpha beta late
	[ "$status" -eq 4 ]
	[ "$(result .outcome)" = refused ]
	[[ $(result .reason) == *'not running but "paused"'* ]]
	[ "$(result '.total_ms < 5000')" = true ]
	[ "$(vm_state alpha late)" = paused ]
	monitor alpha late '{"execute": "cont"}'
	assert_as_before alpha
	assert_as_before beta
	assert_runs_only_on alpha late
	assert_pair alpha late
}

@test "a guest that lets go late but in time arrives with its pair" {
	begin_with_stopped_guest alpha beta late --unplug-timeout 60
	vm_await_event '"event":"progress".*"phase":"wait-unplug","text":"holding on: net0"'
	wait_for 30 seconds_waited 2
	! vm_in_phase precopy || false
	[ "$(qemus_own_timeout alpha late)" = "$(if vm_patched; then echo 70000; else echo null; fi)" ]
	monitor alpha late '{"execute": "cont"}'
	vm_migrate_end
	vm_gate_remove beta
	[ "$status" -eq 0 ]
	[ "$(result .outcome)" = "done" ]
	[ "$(result '.pairs[0].state')" = paired ]
	[ "$(result '.phases[] | select(.name == "wait-unplug") | .duration_ms >= 1500')" = true ]
	assert_runs_only_on beta late
	assert_pair beta late
	assert_nothing_left alpha
}

@test "one that lets go only after host.json's time has its primary back, and can be moved again" {
	vm_remember
	vm_host_config beta '.migrate.unplug_timeout = 2'
	begin_with_stopped_guest beta alpha late
	vm_await_event '"event":"note".*rolling back'
	monitor beta late '{"execute": "cont"}'
	vm_migrate_end
	vm_gate_remove alpha
	[ "$status" -eq 5 ]
	[ "$(result .outcome)" = rolled-back ]
	[[ $(result .reason) == *"did not let go of its primary within 2 s (holding on: net0)"* ]]
	[[ $(result .reason) == *"it runs here, its pair is whole"* ]]
	[ "$(result '.pairs[0].state')" = paired ]
	assert_runs_only_on beta late
	assert_pair beta late
	assert_as_before alpha
	assert_as_before beta

	# The option outranks host.json.
	vm_migrate beta alpha late --unplug-timeout 60
	[ "$status" -eq 0 ]
	assert_runs_only_on alpha late
	assert_pair alpha late
	assert_nothing_left beta
	vm_host_config beta 'del(.migrate)'
}

@test "a primary that somebody deletes in wait-unplug does not stop the migration" {
	vm_stop_all
	vm_define late
	vm_launch late
	begin_with_stopped_guest alpha beta late --unplug-timeout 60
	vm_await_event '"event":"progress".*"phase":"wait-unplug"'
	monitor alpha late '{"execute": "device_del", "arguments": {"id": "net0-primary"}}'
	monitor alpha late '{"execute": "cont"}'
	vm_migrate_end
	vm_gate_remove beta
	[ "$status" -eq 0 ]
	assert_runs_only_on beta late
	assert_pair beta late
	assert_nothing_left alpha
}

@test "a guest that never lets go stays, and goes on using its primary" {
	vm_stop_all
	vm_define deaf '.boot.cmdline += " acpiphp.disable=1"'
	on alpha vmfo launch deaf
	# Until it has looked, its agent denies the primary that QEMU has plugged.
	wait_for 60 denies_primary alpha deaf
	wait_for 30 whole_after_rescan alpha deaf
	assert_pair alpha deaf
	vm_remember
	vm_migrate alpha beta deaf --unplug-timeout 3
	[ "$status" -eq 5 ]
	[ "$(result .outcome)" = rolled-back ]
	[[ $(result .reason) == *"did not let go of its primary within 3 s (holding on: net0)"* ]]
	[[ $(result .reason) == *"it runs here, its pair is whole"* ]]
	[ "$(result '.pairs[0].state')" = paired ]
	[ "$(result '[.phases[].name] | join(" ")')" = "prepare wait-unplug" ]
	if vm_patched; then
		[ "$(primary_is alpha deaf)" = unplug-requested ]
	else
		# Stock QEMU waits up to 30 s for the guest before it gives its migration up, and believes in the replug then.
		grep -q 'partially unplugged device on failure' "$HOSTS_DIR/alpha/run/deaf/qemu.log"
		[ "$(result '.total_ms > 30000 and .total_ms < 60000')" = true ]
	fi
	assert_runs_only_on alpha deaf
	assert_pair alpha deaf
	on wire ping -c 1 -w 10 10.202.0.10
	[ "$(on alpha vmfo status deaf --json | jq -r '.pairs[0].evidence')" = guest-agent ]
	assert_as_before alpha
	assert_as_before beta
}

@test "a guest that keeps its primary while vmfo cannot act: a QEMU of the patches gives it up" {
	vm_stop_all
	vm_define late
	vm_launch late
	vm_remember
	begin_with_stopped_guest alpha beta late --unplug-timeout 2
	vm_await_event '"event":"progress".*"phase":"wait-unplug"'
	kill -STOP "$MIGRATE"
	if vm_patched; then
		wait_for 60 migration_is alpha late failed
	else
		migration_is alpha late wait-unplug
	fi
	kill -CONT "$MIGRATE"
	vm_await_event '"event":"note".*rolling back'
	monitor alpha late '{"execute": "cont"}'
	vm_migrate_end
	vm_gate_remove beta
	[ "$status" -eq 5 ]
	if vm_patched; then
		[[ $(result .reason) == *QEMU:*"'net0-primary'"*"'net0'"* ]]
	else
		[[ $(result .reason) == *"the guest did not let go of its primary within 2 s"* ]]
	fi
	[[ $(result .reason) == *"it runs here, its pair is whole"* ]]
	assert_runs_only_on alpha late
	assert_pair alpha late
	assert_as_before alpha
	assert_as_before beta
}

kernel_runs() { # HOST NAME: in long mode, in which firmware and boot loader never are
	monitor "$1" "$2" '{"execute": "human-monitor-command", "arguments": {"command-line": "info registers"}}' |
		grep -q 'EFER=0000000000000[0-9a-f]01'
}

@test "what a guest was asked while it booted, and never knew of, it is asked again by the next migration" {
	vm_stop_all
	vm_define late
	vm_launch late
	vm_gate_close beta
	vm_migrate_begin alpha beta late
	vm_await_phase prepare
	monitor alpha late '{"execute": "system_reset"}'
	wait_for 30 eval '! kernel_runs alpha late'
	wait_for 30 kernel_runs alpha late
	vm_gate_open beta
	vm_await_phase wait-unplug
	on alpha vmfo cancel late
	vm_migrate_end
	vm_gate_remove beta
	[ "$status" -eq 5 ]
	assert_runs_only_on alpha late
	assert_pair alpha late
	wait_for 60 eval '[[ $(guest_run alpha late "echo up") = up ]]'
	vm_migrate alpha beta late
	[ "$status" -eq 0 ]
	assert_runs_only_on beta late
	assert_pair beta late
	assert_nothing_left alpha
}

@test "an unplug that QEMU did not ask for is never migrated over" {
	vm_stop_all
	# Native PCI Express hot-plug: QEMU refuses while the guest has the power indicator blinking.
	vm_define busy '.qemu_args = ["-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off"]'
	vm_launch busy
	assert_pair alpha busy
	vm_remember
	set_power_indicator alpha busy 2
	vm_migrate alpha beta busy
	vm_patched || grep "couldn't unplug primary device" "$HOSTS_DIR/alpha/run/busy/qemu.log"
	[ "$status" -eq 5 ]
	[ "$(result .outcome)" = rolled-back ]
	[[ $(result .reason) == *"pair net0: QEMU did not ask the guest to let go of the primary: "* ]]
	! vm_patched || [[ $(result .reason) == *"'net0-primary'"*"'net0'"* ]]
	[ "$(result '[.phases[].name] | join(" ")')" = "prepare wait-unplug" ]
	assert_runs_only_on alpha busy
	assert_pair alpha busy
	assert_as_before alpha
	assert_as_before beta

	# Stock QEMU has plugged it anew, and so the indicator is on.
	! vm_patched || set_power_indicator alpha busy 1
	vm_migrate alpha beta busy
	[ "$status" -eq 0 ]
	assert_runs_only_on beta busy
	assert_pair beta busy
	assert_nothing_left alpha
}
