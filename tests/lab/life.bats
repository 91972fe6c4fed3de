#!/usr/bin/env bats
# A VM with a VF on hosts with SR-IOV, from its start on alpha to its end there: moved to beta, rebooted and disturbed
# there, moved back, disturbed here. After each step both hosts hold what they should, and nothing else.

load ../helpers
load lab.bash

setup_file() {
	lab_up
	lab_stop_all
	lab_remember
}

teardown_file() {
	lab_down
}

setup() {
	lab_remember
}

# What a test that failed has left must not fail the next.
teardown() {
	[[ -n ${BATS_TEST_COMPLETED:-} ]] || for host in alpha beta; do
		lab_put_right "$host" vf
	done
}

# What a VM that runs has on its host, and one that is gone has left: its journals and tombstone.
assert_taken_over() { # FROM TO: by TO, from FROM, which is now as TO was
	lab_runs_only_on "$2" vf
	lab_assert_pair "$2" vf "$VF_MAC"
	lab_as_other_was "$2"
	lab_as_other_was "$1"
}

# It stays where it is, whole, and neither host has anything that it had not before.
assert_stays() { # HOST REASON
	[ "$status" -eq 5 ]
	[ "$(result .outcome)" = rolled-back ]
	[[ $(result .reason) == *"$2"* ]]
	lab_all_plugged
	lab_runs_only_on "$1" vf
	lab_assert_pair "$1" vf "$VF_MAC"
	lab_answers 10.202.0.10 60
	lab_as_before alpha
	lab_as_before beta
}

# To wait-unplug, where it stays: the guest is stopped before it is asked.
cancel_in_wait_unplug() { # FROM TO
	lab_gate_close "$2"
	lab_migrate_begin "$1" "$2" vf
	vm_await_phase prepare
	lab_monitor "$1" vf '{"execute": "stop"}'
	lab_gate_open "$2"
	vm_await_event '"phase":"wait-unplug","text":"holding on: net0"'
	lab_run "$1" vmfo cancel vf &
	local cancel=$!
	vm_await_event '"event":"note".*rolling back'
	lab_monitor "$1" vf '{"execute": "cont"}'
	lab_migrate_end
	wait "$cancel"
	lab_gate_remove "$2"
	assert_stays "$1" "interrupted (SIGINT)"
}

cut_in_precopy() { # FROM TO
	lab_migrate_begin "$1" "$2" vf --bandwidth 2M
	vm_await_phase precopy
	# sshd's processes for whoever comes from FROM: its address is that of the connection's far end.
	# shellcheck disable=SC2016  # the other shell's
	lab_run "$2" bash -c 'from=$(awk -v name="$1" "\$2 == name { print \$1 }" /etc/hosts)
		kill -KILL $(ss -Htnp state established dst "$from" sport = :22 | grep -o "pid=[0-9]*" | cut -d = -f 2 | sort -u)' - "$1"
	lab_migrate_end
	[[ $(result .reason) =~ (the\ (stream|connection)\ to|the\ agent\ on)\ $2 ]]
	assert_stays "$1" "$2"
}

not_whole() { # HOST
	[[ $(lab_status "$1" vf .pair) != whole ]]
}

@test "check-topology has nothing against it, on either host" {
	for host in alpha beta; do
		lab_json "$host" check-topology vf
		[ "$status" -eq 0 ]
		[ "$(result '.findings | map(select(.severity == "error")) | length')" -eq 0 ]
	done
	lab_json alpha check-topology vf --target beta
	[ "$status" -eq 0 ]
	lab_as_before alpha
	lab_as_before beta
}

@test "launch: its VF has its MAC and settings, the pair is whole" {
	lab_json alpha launch vf --wait-pair 240
	[ "$status" -eq 0 ]
	lab_assert_pair alpha vf "$VF_MAC"
	lab_answers 10.202.0.10 60
	lab_inventory alpha | grep -q '^vf .*"address":"'"$VF_MAC"'"'
	lab_in_use alpha '0000:01:1[0-9.]*'
	[ "$(lab_owned alpha vf)" -eq 1 ]
	lab_as_before beta
}

@test "to beta: it has a VF there, alpha has its VF back" {
	lab_json alpha migrate vf beta
	[ "$status" -eq 0 ]
	[ "$(result .outcome)" = "done" ]
	lab_all_plugged
	# The target knows which model its guest has had so far.
	[ "$(result '.not_checked | map(select(.rule == "vf-other-model")) | length')" -eq 0 ]
	assert_taken_over alpha beta
}

@test "its guest reboots on beta: the pair is whole again" {
	lab_guest beta vf '(sleep 1; reboot -f) >/dev/null 2>&1 &'
	wait_for 60 not_whole beta
	lab_assert_pair beta vf "$VF_MAC"
	lab_answers 10.202.0.10 60
	lab_as_before alpha
	lab_as_before beta
}

@test "on beta, cancelled in wait-unplug: it has its VF again" {
	cancel_in_wait_unplug beta alpha
}

@test "on beta, SSH is cut in precopy: it has its VF again" {
	cut_in_precopy beta alpha
}

# QEMU plugs the VF at once, while its filter is off.
@test "on beta, cancelled on QEMU's own monitor: its VF is plugged anew, with its MAC" {
	lab_migrate_begin beta alpha vf --bandwidth 2M
	vm_await_phase precopy
	lab_monitor beta vf '{"execute": "migrate_cancel"}'
	lab_migrate_end
	[ "$(result '.pairs[0].target_primary')" = null ]
	assert_stays beta "cancelled"
}

@test "and back to alpha, to the VF that is named" {
	lab_json beta migrate vf alpha --vf 01:11.0
	[ "$status" -eq 0 ]
	assert_taken_over beta alpha
	lab_in_use alpha 0000:01:11.0
}

@test "on alpha, cancelled in wait-unplug: it has its VF again" {
	cancel_in_wait_unplug alpha beta
}

@test "on alpha, SSH is cut in precopy: it has its VF again" {
	cut_in_precopy alpha beta
}

@test "no VF is free on beta: refused, with the reason for each" {
	vfs=$(lab_vfs beta)
	# shellcheck disable=SC2086  # addresses
	lab_hold beta $vfs
	lab_json alpha migrate vf beta
	lab_let_go beta
	[ "$status" -eq 4 ]
	[ "$(result .outcome)" = refused ]
	for vf in $vfs; do
		[[ $(result .reason)$(narrated) == *"$vf"*"held by process"* ]]
	done
	lab_runs_only_on alpha vf
	lab_assert_pair alpha vf "$VF_MAC"
	lab_as_before alpha
	lab_as_before beta
}

@test "beta's last VF is taken by another process in mid-migration: it runs there on its standby, and vmfo replug helps" {
	vfs=$(lab_vfs beta)
	first=${vfs%%$'\n'*} last=${vfs##*$'\n'}
	# shellcheck disable=SC2086  # addresses
	lab_hold beta ${vfs%$'\n'*}
	lab_migrate_begin alpha beta vf --bandwidth 2M
	vm_await_phase precopy
	lab_hold beta "$last"
	lab_copy_freely alpha vf
	lab_migrate_end
	[ "$status" -eq 6 ]
	[ "$(result '.pairs[0].state')" = standby-only ]
	[[ $(result '.reason, .warnings[]') == *"$last"* ]]
	lab_runs_only_on beta vf
	lab_answers 10.202.0.10 60
	lab_as_other_was alpha
	lab_json beta replug vf
	[ "$status" -eq 6 ]
	lab_let_go beta
	# The VM, and the last of the VFs, which stays reserved; the others are as they were.
	lab_as_before beta "$last|\"vf\":6,|dev/vfio/| (run|var/lib)/vmfo|^process qemu|kind=tun|^fdb"
	lab_json beta replug vf --vf "$first"
	[ "$status" -eq 0 ]
	lab_assert_pair beta vf "$VF_MAC"
	lab_in_use beta "$first"
	lab_answers 10.202.0.10 60
	# The one that QEMU was offered in vain stays the VM's.
	[ "$(lab_owned beta vf)" -eq 2 ]
	lab_json beta replug vf
	[ "$status" -eq 0 ]
}

@test "alpha's VFs are made anew in mid-migration: it stays on beta, whole" {
	lab_migrate_begin beta alpha vf --bandwidth 2M
	vm_await_phase precopy
	lab_run alpha sh -c 'echo 0 >/sys/class/net/pf0/device/sriov_numvfs'
	lab_copy_freely beta vf
	lab_migrate_end
	lab_run alpha sh -c 'echo 7 >/sys/class/net/pf0/device/sriov_numvfs'
	[ "$status" -eq 5 ]
	[[ $(result .reason) == *"they were removed, or their number was changed"* ]]
	lab_runs_only_on beta vf
	lab_assert_pair beta vf "$VF_MAC"
	lab_as_before beta
	# Those are other VFs now.
	lab_as_before alpha '^vf '
	! lab_inventory alpha | grep "$VF_MAC" || false
}

@test "alpha's PF is unplugged in mid-migration: it stays on beta, whole" {
	lab_migrate_begin beta alpha vf --bandwidth 2M
	vm_await_phase precopy
	lab_unplug_pf alpha
	lab_copy_freely beta vf
	lab_migrate_end
	lab_plug_pf alpha
	[ "$status" -eq 5 ]
	[[ $(result .reason) == *"no network link pf0"*"a PF that is gone"* ]]
	lab_runs_only_on beta vf
	lab_assert_pair beta vf "$VF_MAC"
	lab_answers 10.202.0.10 60
	lab_as_before beta
	# Those are other VFs now.
	lab_as_before alpha '^vf '
}

@test "after all that it can be moved, its primary left to QEMU to plug" {
	lab_json beta migrate vf alpha --replug=hidden
	[ "$status" -eq 0 ]
	lab_all_plugged
	lab_runs_only_on alpha vf
	lab_assert_pair alpha vf "$VF_MAC"
	# What was tried in vain there has gone with it.
	lab_as_other_was beta
}

@test "stop: both hosts are as before it ran" {
	lab_json alpha stop vf --timeout 0 --force
	[ "$status" -eq 0 ]
	lab_as_at_first beta
	# Those are other VFs than at first.
	lab_as_at_first alpha '^vf '
	! lab_inventory alpha | grep "$VF_MAC" || false
}
