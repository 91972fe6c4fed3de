#!/usr/bin/env bats
# `vmfo status` and `vmfo replug` of a QEMU that says itself what has become of its primaries: a fake, since no guest gets into
# each of these states on demand. A real one is in tests/vm/qemu-word.bats.

load ../helpers
load fake

setup() {
	vmfo_sandbox
	RUN=$VMFO_RUNDIR/web1
	mkdir -m 700 "$RUN"
	jq -n '{
		answers: {
			"query-status": {status: "running", running: true},
			"query-failover": [
				{standby: "other", negotiated: false, state: "absent"},
				{standby: "net0", negotiated: true, primary: "net0-primary", state: "plugged"}
			]
		},
		qom: {
			"/machine/peripheral": {type: "container"},
			"/machine/peripheral/net0": {type: "virtio-net-pci"},
			"/machine/peripheral/net0-primary": {type: "e1000e"}
		}
	}' >"$BATS_TEST_TMPDIR/whole"
}

teardown() {
	fake_end
}

# What vmfo says when QEMU says what "whole" has, changed by the filter.
of() { # JQ-FILTER COMMAND…
	local filter=$1
	shift
	fake "$RUN/qmp.sock" "$BATS_TEST_TMPDIR/whole" "$filter"
	fake_vm
	vmfo "$@"
}

now() { # STATE [MORE]: a filter
	echo ".answers[\"query-failover\"][1] += {state: \"$1\" ${2:+, $2}}"
}

pair() { # FILTER
	jq -r ".pairs[0] | $1" <<<"$output"
}

@test "status tells what QEMU says of a pair" {
	of . status web1 --json
	[ "$status" -eq 0 ]
	[ "$(pair .state)" = plugged ]
	[ "$(pair '.qemu | tojson')" = '{"state":"plugged","negotiated":true,"primary":"net0-primary","error":null}' ]
	of . status web1
	[[ $output == *$'\n  pair net0: plugged, primary net0-primary (e1000e)\n    QEMU: primary net0-primary plugged, standby negotiated' ]]
}

@test "a primary that the guest has let go of is not called plugged, though QEMU has the device" {
	of "$(now unplugged 'error: "the slot is taken"')" status web1 --json
	[ "$(pair '"\(.state) \(.primary) \(.qemu.state) \(.qemu.error)"')" = "standby-only null unplugged the slot is taken" ]
	[ "$(jq -r .pair <<<"$output")" = degraded ]
	of "$(now unplugged 'error: "the slot is taken"')" status web1
	[[ $output == *"QEMU: primary net0-primary unplugged, standby negotiated; the last step failed: the slot is taken" ]]
	# One that only was asked to still may use it.
	of "$(now unplug-requested)" status web1 --json
	[ "$(pair '"\(.state) \(.qemu.state)"')" = "plugged unplug-requested" ]
}

@test "hidden and absent primaries" {
	of "$(now hidden 'negotiated: false')" status web1 --json
	[ "$(pair '"\(.state) \(.qemu.negotiated)"')" = "not-negotiated false" ]
	of "$(now hidden)" status web1 --json
	[ "$(pair .state)" = standby-only ]
	of "$(now absent) | del(.answers[\"query-failover\"][1].primary)" status web1
	[[ $output == *$'\n    QEMU: primary absent, standby negotiated' ]]
}

@test "a QEMU that does not say, or says what nobody knows, is judged as before" {
	local filter
	for filter in 'del(.answers["query-failover"])' '.answers["query-failover"] = []' "$(now molten)"; do
		of "$filter" status web1 --json
		[ "$(pair '"\(.state) \(.qemu)"')" = "plugged null" ]
		of "$filter" status web1
		[[ $output != *QEMU:* ]]
	done
}

@test "replug: a refusal of failover-replug is told, and nothing else is tried" {
	of "$(now unplugged) | .answers[\"failover-replug net0\"] = {\"\$error\": \"a migration is running\"}" replug web1 --json
	[ "$status" -eq 6 ]
	[ "$(pair .state)" = standby-only ]
	[[ $(pair .reason) == *"a migration is running"* ]]
	[[ $stderr == *"pair net0: "*"a migration is running"* ]]
}

# Whoever asks for the pair after failover-replug hears that.
replugged() { # JSON-MEMBERS
	echo "$(now unplugged) | .answers[\"failover-replug net0\"] = {\"\$set\": {\"query-failover\": [{standby: \"net0\",
		negotiated: true, primary: \"net0-primary\", $1}]}}"
}

@test "replug: a primary that the guest has let go of is put back by failover-replug" {
	of "$(replugged 'state: "plugged"')" replug web1 --json
	[ "$status" -eq 0 ]
	[ "$(pair '"\(.state) \(.target_primary) \(.reason)"')" = "plugged net0-primary (e1000e) null" ]
	# It is not added anew, which this fake would refuse.
	[[ $stderr != *device_add* ]]
}

@test "replug: a VF for a pair that has none is refused, and nothing is tried" {
	of "$(replugged 'state: "plugged"')" replug web1 --vf 1:10.0 --json
	[ "$status" -eq 4 ]
	[[ $stderr == *"--vf 0000:01:10.0: say which pair it is for (--vf PAIR=ADDRESS): the VM has not one pair whose primary is a VF"* ]]
	of "$(replugged 'state: "plugged"')" replug web1 --vf net0=1:10.0 --json
	[ "$status" -eq 4 ]
	[[ $stderr == *'--vf net0=0000:01:10.0: the VM has no pair "net0" whose primary is a VF'* ]]
	vmfo replug web1
	[ "$status" -eq 0 ]
}

@test "replug: one that does not come back all the same is told" {
	of "$(replugged 'state: "unplugged", error: "the slot is taken"')" replug web1 --json
	[ "$status" -eq 6 ]
	[ "$(pair .state)" = standby-only ]
	[[ $(pair .reason) == *"the slot is taken"* ]]
}
