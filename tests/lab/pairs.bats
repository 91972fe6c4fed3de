#!/usr/bin/env bats
# More than one VF: two pairs of one VM on two VFs of one PF, and two VMs that race for the last one.

load ../helpers
load lab.bash

setup_file() {
	lab_up
	lab_stop_all
}

teardown_file() {
	lab_let_go beta
	lab_stop_all
	lab_down
}

setup() {
	lab_remember
}

@test "two pairs on two VFs of one PF: launched, moved, and nothing is left" {
	lab_define two vf 40 '.pairs += [.pairs[0] | .id = "net1" | .mac |= .[:-2] + "41"] |
		.boot.cmdline += ",\(.pairs[1].mac)=10.202.0.41/24"'
	lab_json alpha launch two --wait-pair 240
	[ "$status" -eq 0 ]
	lab_assert_pair alpha two 52:54:00:00:00:40
	lab_assert_pair alpha two 52:54:00:00:00:41
	[ "$(lab_owned alpha two)" -eq 2 ]
	lab_json alpha migrate two beta
	[ "$status" -eq 0 ]
	lab_all_plugged
	lab_runs_only_on beta two
	lab_assert_pair beta two 52:54:00:00:00:40
	lab_assert_pair beta two 52:54:00:00:00:41
	lab_as_before alpha ' var/lib/vmfo'
	lab_json beta stop two --timeout 0 --force
	lab_as_before beta ' var/lib/vmfo'
}

@test "two VMs race for beta's last VF: one gets it, the other stays and says why" {
	lab_define one vf 42
	lab_define other vf 43
	lab_json alpha launch one
	lab_json alpha launch other --wait-pair 240
	[ "$status" -eq 0 ]
	lab_assert_pair alpha one 52:54:00:00:00:42
	lab_assert_pair alpha other 52:54:00:00:00:43
	vfs=$(lab_vfs beta)
	# shellcheck disable=SC2086  # addresses
	lab_hold beta ${vfs%$'\n'*}
	lab_migrate_begin alpha beta one
	first=$MIGRATE
	lab_json alpha migrate other beta
	second=$status second_result=$RESULT
	MIGRATE=$first
	lab_migrate_end
	[ "$(printf '%s\n' "$status" "$second" | sort | paste -sd ' ')" = "0 4" ]
	if ((status == 0)); then
		moved=one stayed=other moved_mac=52:54:00:00:00:42 stayed_mac=52:54:00:00:00:43
		RESULT=$second_result
	else
		moved=other stayed=one moved_mac=52:54:00:00:00:43 stayed_mac=52:54:00:00:00:42
	fi
	[[ $(result .reason) == *"${vfs##*$'\n'}"*"VM $moved"* || $(result .reason) == *"no VF of physnet lab is free"* ]]
	lab_runs_only_on beta "$moved"
	lab_assert_pair beta "$moved" "$moved_mac"
	lab_runs_only_on alpha "$stayed"
	lab_assert_pair alpha "$stayed" "$stayed_mac"
	lab_let_go beta
	lab_json alpha stop "$stayed" --timeout 0 --force
	lab_json beta stop "$moved" --timeout 0 --force
	lab_as_before alpha ' var/lib/vmfo'
	lab_as_before beta ' var/lib/vmfo'
}
