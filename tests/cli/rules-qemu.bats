#!/usr/bin/env bats
# The rules about the QEMU binary: of the real one, and of one that is as old, or as new, as no host's is.

load rules

PAIR=(-device 'pcie-root-port,id=rp,chassis=1'
	-device 'virtio-net-pci,id=net0,failover=on,mac=52:54:00:00:00:01'
	-device 'e1000e,id=nic0,bus=rp,failover_pair_id=net0,mac=52:54:00:00:00:01,romfile=')
NONE=/nonexistent/qemu

setup() {
	vmfo_sandbox
	QEMU=${VMFO_TEST_QEMU:-qemu-system-x86_64}
	skip_unless "$QEMU is not installed" command -v "$QEMU"
}

# A program in QEMU's place: what it answers to a command, with its arguments' values or without.
fake_qemu() { # JSON
	FAKE=$BATS_TEST_TMPDIR/qemu
	cat >"$FAKE" <<-END
		#!/usr/bin/env python3
		import json, os
		answers = json.loads(r'''$1''')
		answers['qmp_capabilities'] = answers['quit'] = {}
		qmp = os.fdopen(3, 'r+b', buffering=0)
		def say(what):
		    qmp.write(json.dumps(what).encode() + b'\n')
		version = {'major': 3, 'minor': 1, 'micro': 0}
		say({'QMP': {'version': {'qemu': version}, 'capabilities': []}})
		for line in iter(qmp.readline, b''):
		    asked = json.loads(line)
		    command = asked['execute']
		    words = ' '.join([command, *map(str, asked.get('arguments', {}).values())])
		    answer = answers.get(words, answers.get(command))
		    error = {'class': 'GenericError', 'desc': 'no answer to ' + words}
		    say({'error': error, 'id': asked['id']} if answer is None else {'return': answer, 'id': asked['id']})
		    if command == 'quit':
		        break
	END
	chmod +x "$FAKE"
}

# Knows nothing of failover.
OLD='{"query-machines": [{"name": "pc-q35-3.1", "alias": "q35"}], "query-cpu-definitions": [], "query-qmp-schema": [],
	"device-list-properties": [{"name": "mac"}]}'
# Has all that the patches add.
NEW='{"query-machines": [{"name": "pc-q35-3.1", "alias": "q35"}], "query-cpu-definitions": [],
	"device-list-properties": [{"name": "failover"}, {"name": "failover_pair_id"}],
	"query-qmp-schema": [
	{"name": "1", "meta-type": "enum", "values": ["postcopy-active", "wait-unplug"]},
	{"name": "migrate-set-parameters", "meta-type": "command", "arg-type": "2"},
	{"name": "2", "meta-type": "object", "members": [{"name": "unplug-timeout"}]},
	{"name": "query-failover", "meta-type": "command"},
	{"name": "failover-replug", "meta-type": "command"},
	{"name": "query-pci-failover-buses", "meta-type": "command"},
	{"name": "FAILOVER_PRIMARY_CHANGED", "meta-type": "event"}]}'

@test "qemu-unusable: a definition whose QEMU is not there, or is none" {
	local def=$BATS_TEST_TMPDIR/vm.json
	with_qemu() {
		jq --arg qemu "$1" '.qemu = $qemu' tests/data/vm-example.json >"$def"
	}
	with_qemu "$NONE"
	finds qemu-unusable --no-host --file "$def"
	found "start $NONE: No such file"
	about QEMU
	is_severity error
	with_qemu "$(type -P true)"
	finds qemu-unusable --no-host --file "$def"
	found "$(type -P true)"
	with_qemu "$(type -P "$QEMU")"
	passes qemu-unusable --no-host --file "$def"
	# A command line may be that of another host.
	unchecked qemu-unusable --no-host -- "$NONE" -machine q35
	because "only a definition says so"
}

@test "qemu-too-old: a QEMU without failover_pair_id and wait-unplug" {
	fake_qemu "$OLD"
	finds qemu-too-old --no-host -- "$FAKE" -machine q35 "${PAIR[@]}"
	found 'vfio-pci has no property "failover_pair_id"' 'e1000e has no property' 'virtio-net-pci has no property "failover"' \
		'"wait-unplug"' 'QEMU 3.1.0'
	about QEMU
	is_severity error
	[ "$status" -eq 3 ]
	passes qemu-too-old --no-host -- "$FAKE" -machine q35
	passes qemu-too-old --no-host -- "$QEMU" -machine q35 "${PAIR[@]}"
	unchecked qemu-too-old --no-host -- "$NONE" -machine q35 "${PAIR[@]}"
	because "start $NONE: No such file"
}

@test "qemu-lacks: each addition that this QEMU does not have" {
	fake_qemu "$NEW"
	passes qemu-lacks --no-host -- "$FAKE" -machine q35 "${PAIR[@]}"
	fake_qemu "${NEW/query-failover/query-other}"
	finds qemu-lacks --no-host -- "$FAKE" -machine q35 "${PAIR[@]}"
	found 'has no query-failover'
	is_severity warning
	[ "$(grep -c . <<<"$FINDINGS")" -eq 1 ]
	fake_qemu "$OLD"
	finds qemu-lacks --no-host -- "$FAKE" -machine q35 "${PAIR[@]}"
	found unplug-timeout query-failover failover-replug query-pci-failover-buses FAILOVER_PRIMARY_CHANGED
	about QEMU
	passes qemu-lacks --no-host -- "$FAKE" -machine q35
	unchecked qemu-lacks --no-host -- "$NONE" -machine q35 "${PAIR[@]}"
}

@test "controller-no-partial-unplug: a primary under SHPC" {
	local pair=(-device 'virtio-net-pci,id=net0,failover=on' -device 'e1000e,id=nic0,bus=br,failover_pair_id=net0'
		-device 'pci-bridge,id=br,chassis_nr=1,shpc=on')
	finds controller-no-partial-unplug --no-host -- "$QEMU" -machine pc \
		-global PIIX4_PM.acpi-pci-hotplug-with-bridge-support=off "${pair[@]}"
	found 'bus br of the primary has the hot-plug controller pci-bridge (SHPC)'
	about 'pair net0'
	is_severity error
	# By ACPI it could; that the bus is none of PCI Express is another finding.
	passes controller-no-partial-unplug --no-host -- "$QEMU" -machine pc "${pair[@]}"
	passes controller-no-partial-unplug --no-host -- "$QEMU" -machine q35 "${PAIR[@]}"
	passes controller-no-partial-unplug --no-host -- "$QEMU" -machine q35 \
		-global ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off "${PAIR[@]}"
	passes controller-no-partial-unplug --no-host -- "$QEMU" -machine q35
	unchecked controller-no-partial-unplug --no-host -- "$QEMU" -machine q35 -device virtio-net-pci,id=net0,failover=on \
		-device e1000e,id=nic0,bus=nowhere,failover_pair_id=net0
	because 'QEMU has no bus "nowhere"'
	unchecked controller-no-partial-unplug --no-host -- "$NONE" -machine q35 "${PAIR[@]}"
}

@test "controller-no-partial-unplug: a primary on a pseries machine" {
	skip_unless "qemu-system-ppc64 is not installed" command -v qemu-system-ppc64
	finds controller-no-partial-unplug --no-host -- qemu-system-ppc64 -machine pseries \
		-device virtio-net-pci,id=net0,failover=on -device e1000e,id=nic0,failover_pair_id=net0
	found 'bus pci.0 of the primary has the hot-plug controller spapr-pci-host-bridge'
}

@test "machine-unknown: a machine type that this QEMU does not have" {
	finds machine-unknown --no-host -- "$QEMU" -machine pc-q35-99.9 "${PAIR[@]}"
	found 'no machine type "pc-q35-99.9"; of its kind it has pc-q35-'
	about 'machine pc-q35-99.9'
	is_severity error
	passes machine-unknown --no-host -- "$QEMU" -machine q35 "${PAIR[@]}"
	passes machine-unknown --no-host -- "$QEMU" "${PAIR[@]}"
	unchecked machine-unknown --no-host -- "$NONE" -machine q35
}

@test "machine-deprecated: a machine type that QEMU will not have for long" {
	fake_qemu "${NEW/\"alias\"/\"deprecated\": true, \"alias\"}"
	finds machine-deprecated --no-host -- "$FAKE" -machine q35 "${PAIR[@]}"
	found '"pc-q35-3.1" is deprecated'
	is_severity warning
	finds machine-deprecated --no-host -- "$FAKE" -machine pc-q35-3.1 "${PAIR[@]}"
	passes machine-deprecated --no-host -- "$QEMU" -machine q35 "${PAIR[@]}"
	unchecked machine-deprecated --no-host -- "$NONE" -machine q35
}

@test "cpu-unknown: a CPU model that this QEMU does not have" {
	finds cpu-unknown --no-host -- "$QEMU" -machine q35 -cpu Pentium99,+avx "${PAIR[@]}"
	found 'no CPU model "Pentium99"'
	about 'CPU Pentium99'
	is_severity error
	passes cpu-unknown --no-host -- "$QEMU" -machine q35 -cpu qemu64,+avx "${PAIR[@]}"
	passes cpu-unknown --no-host -- "$QEMU" -machine q35 "${PAIR[@]}"
	unchecked cpu-unknown --no-host -- "$NONE" -cpu qemu64
}

@test "device-unknown: a device that this QEMU does not have" {
	finds device-unknown --no-host -- "$QEMU" -machine q35 -device virtio-net-pcie,id=x "${PAIR[@]}"
	found 'no device "virtio-net-pcie"'
	about x
	is_severity error
	passes device-unknown --no-host -- "$QEMU" -machine q35 "${PAIR[@]}"
	# Names that only -device knows.
	passes device-unknown --no-host -- "$QEMU" -machine q35 -device virtio-net -device ahci -device virtio-rng
	unchecked device-unknown --no-host -- "$NONE" -device virtio-net
}
