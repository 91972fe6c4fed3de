#!/usr/bin/env bats
# More than one VF: two pairs of one VM on two VFs of one PF, and two VMs that race for the last ones.

load ../helpers
load lab.bash

# lab_define's, of number 40, and that of the second pair.
MAC_0=52:54:00:00:00:28
MAC_1=52:54:00:00:00:41

setup_file() {
	lab_up
	lab_stop_all
	lab_remember
	lab_define two vf 40 '.pairs += [.pairs[0] | .id = "net1" | .mac |= .[:-2] + "41"] |
		.boot.cmdline += ",\(.pairs[1].mac)=10.202.0.41/24"'
	lab_define other vf 43
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
		lab_put_right "$host" two
	done
}

assert_two_whole() { # HOST
	lab_runs_only_on "$1" two
	lab_assert_pair "$1" two "$MAC_0"
	lab_assert_pair "$1" two "$MAC_1"
	lab_answers 10.202.0.40 60
	lab_answers 10.202.0.41 60
	[ "$(lab_owned "$1" two)" -eq 2 ]
}

@test "two pairs get two VFs of one PF" {
	lab_json alpha launch two --wait-pair 400
	[ "$status" -eq 0 ]
	lab_all_plugged
	assert_two_whole alpha
	lab_as_before beta
}

@test "of two VMs that want beta's last VFs one gets them, the other is refused, and says why" {
	readarray -t vfs < <(lab_vfs beta)
	lab_hold beta "${vfs[@]:2}"
	lab_migrate_begin alpha beta two
	lab_json beta launch other
	launched=$status launch_reason=$(result .reason)
	lab_migrate_end
	lab_let_go beta
	[ "$((status == 0)) $((launched == 0))" = "1 0" ] || [ "$((status == 0)) $((launched == 0))" = "0 1" ]
	if ((launched == 0)); then
		[ "$status" -eq 4 ]
		[[ $(result .reason) == *"no VF of physnet lab"* || $(narrated) == *"no VF of physnet lab"* ]]
		lab_json beta stop other --timeout 0 --force
		assert_two_whole alpha
		lab_as_before alpha
		lab_as_before beta ' var/lib/vmfo'
	else
		[ "$launched" -eq 4 ]
		[[ $launch_reason == *"no VF of physnet lab"* ]]
		assert_two_whole beta
		lab_json beta migrate two alpha
		[ "$status" -eq 0 ]
		lab_as_before alpha ' var/lib/vmfo'
		lab_as_before beta ' var/lib/vmfo'
	fi
}

@test "both pairs are moved, their primaries left to QEMU to plug, and nothing is left" {
	lab_json alpha migrate two beta --replug=hidden
	[ "$status" -eq 0 ]
	lab_all_plugged
	assert_two_whole beta
	lab_json beta stop two --timeout 0 --force
	[ "$status" -eq 0 ]
	lab_as_at_first alpha
	lab_as_at_first beta
}
