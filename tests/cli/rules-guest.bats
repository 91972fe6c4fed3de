#!/usr/bin/env bats
# The rules of the running guest, through the command line. What QEMU says of it is said by a fake: a guest in each of
# these states does not come on demand. Real ones are in tests/vm/check-qmp.bats.

load rules
load fake

MAC=52:54:00:00:00:01

setup() {
	vmfo_sandbox
	DIR=$BATS_TEST_TMPDIR
	# A whole pair in native slots, and nothing odd about it.
	jq -n --arg mac "$MAC" '{
		answers: {
			"query-status": {status: "running", running: true},
			"query-cpus-fast": [], "query-qmp-schema": [],
			"query-machines": [{name: "pc-q35-7.2", "cpu-max": 255, "hotpluggable-cpus": true}],
			"query-cpu-definitions": [{name: "qemu64"}], "device-list-properties": [],
			"query-kvm": {enabled: false, present: true},
			"query-pci": [{bus: 0, devices: [{qdev_id: "rp1", bus: 0, slot: 2, function: 0, regions: [],
				id: {vendor: 6966, device: 12}}]}],
			"x-query-virtio-status": {
				status: {statuses: ["VIRTIO_CONFIG_S_DRIVER_OK: Driver setup and ready"]},
				"guest-features": {"dev-features": ["VIRTIO_NET_F_STANDBY: Device acting as standby"]}
			},
			"human-monitor-command qom-get /machine/q35 MCFG": "2952790016\r\n",
			"human-monitor-command xp /1hx 0xb0010000": "00000000b0010000: 0x1b36\r\n",
			"human-monitor-command xp /1hx 0xb0010002": "00000000b0010002: 0x000c\r\n",
			"human-monitor-command xp /1hx 0xb0010034": "00000000b0010034: 0x0054\r\n",
			"human-monitor-command xp /1hx 0xb0010054": "00000000b0010054: 0x4810\r\n",
			"human-monitor-command xp /1hx 0xb001006c": "00000000b001006c: 0x01f1\r\n"
		},
		qom: {
			"/machine": {type: "pc-q35-7.2-machine"},
			"/machine/q35": {type: "q35-pcihost"},
			"/machine/q35/pcie.0": {type: "PCIE"},
			"/machine/peripheral": {type: "container"},
			"/machine/peripheral-anon": {type: "container"},
			"/machine/peripheral/rp0": {type: "pcie-root-port", addr: 8, chassis: 1, slot: 1, hotplug: true,
				parent_bus: "/machine/q35/pcie.0"},
			"/machine/peripheral/rp0/rp0": {type: "PCIE", "hotplug-handler": "/machine/peripheral/rp0"},
			"/machine/peripheral/rp1": {type: "pcie-root-port", addr: 16, chassis: 2, slot: 2, hotplug: true,
				parent_bus: "/machine/q35/pcie.0"},
			"/machine/peripheral/rp1/rp1": {type: "PCIE", "hotplug-handler": "/machine/peripheral/rp1"},
			"/machine/peripheral/net0": {type: "virtio-net-pci", failover: true, mac: $mac, addr: 0,
				failover_pair_id: "", parent_bus: "/machine/peripheral/rp0/rp0"},
			"/machine/peripheral/net0-primary": {type: "e1000e", mac: $mac, addr: 0, romfile: "", rombar: 1,
				failover_pair_id: "net0", parent_bus: "/machine/peripheral/rp1/rp1"}
		}
	}' >"$DIR/whole"
}

teardown() {
	fake_end
}

NO_PRIMARY='del(.qom["/machine/peripheral/net0-primary"])'
NOT_ACKED='.answers["x-query-virtio-status"]["guest-features"]["dev-features"] = []'
failover() { # STATE NEGOTIATED [ERROR]: what query-failover says
	printf '.answers["query-failover"] = [{standby: "net0", primary: "net0-primary", state: "%s", negotiated: %s%s}]' \
		"$1" "$2" "${3:+, error: $3}"
}
NO_DRIVER="$NOT_ACKED | .answers[\"x-query-virtio-status\"].status.statuses = []"
OLD='del(.answers["x-query-virtio-status"]) | .version = [6, 2, 0]'

# The rule's verdict on a QEMU that is not vmfo's own.
qmp() { # VERDICT RULE [JQ-FILTER]
	SOCKETS=$((${SOCKETS:-0} + 1))
	fake "$DIR/q$SOCKETS" "$DIR/whole" "${3:-.}"
	"$1" "$2" --no-host --qmp "$DIR/q$SOCKETS"
}

# The same on a VM of vmfo's own, as its run folder tells: its QEMU is the fake.
own() { # VERDICT RULE [JQ-FILTER]
	local run=$VMFO_RUNDIR/web1
	[[ -d $run ]] || mkdir -m 700 "$run"
	fake "$run/qmp.sock" "$DIR/whole" "${3:-.}"
	fake_vm
	"$1" "$2" --no-host web1
}

# A guest agent on that socket, whose guest has so many interfaces of the pair's MAC.
agent() { # SOCKET COUNT
	rm -f "$1"
	python3 - "$1" "$2" "$MAC" 3>&- <<-'END' &
		import json, socket, sys
		listener = socket.socket(socket.AF_UNIX)
		listener.bind(sys.argv[1])
		listener.listen(4)
		while True:
		    connection, _ = listener.accept()
		    stream = connection.makefile("rwb", buffering=0)
		    for line in stream:
		        command = json.loads(line.lstrip(b"\xff"))
		        if command["execute"] == "guest-sync-delimited":
		            stream.write(b"\xff" + json.dumps({"return": command["arguments"]["id"]}).encode() + b"\n")
		        else:
		            found = [{"name": f"eth{i}", "hardware-address": sys.argv[3]} for i in range(int(sys.argv[2]))]
		            stream.write(json.dumps({"return": found}).encode() + b"\n")
	END
	FAKES+=($!)
	await_socket "$1"
}

DEFINITION=(--no-host -- /nonexistent/qemu -machine pc-q35-7.2 -device "pcie-root-port,id=rp0"
	-device "virtio-net-pci,id=net0,bus=rp0,failover=on,mac=$MAC")

@test "nothing that runs, nothing to ask" {
	for rule in standby-not-negotiated still-booting primary-absent guest-denies-primary vm-not-running \
		slot-indicator-blinking reboot-without-standby; do
		unchecked "$rule" "${DEFINITION[@]}"
		because "a command line has no guest"
	done
}

@test "standby-not-negotiated" {
	qmp finds standby-not-negotiated "$NOT_ACKED"
	found "has not accepted VIRTIO_NET_F_STANDBY" net0
	about "pair net0"
	is_severity error
	qmp passes standby-not-negotiated
	qmp passes standby-not-negotiated "$NO_DRIVER"
	qmp unchecked standby-not-negotiated "$OLD"
	because "QEMU 6.2.0 has no x-query-virtio-status"
	qmp unchecked standby-not-negotiated '.answers["x-query-virtio-status"] = {"odd": 1}'
	because "in a form that vmfo does not know"
}

@test "still-booting" {
	qmp finds still-booting "$NO_DRIVER"
	found "no driver in the guest has taken up net0"
	about "pair net0"
	is_severity info
	qmp passes still-booting
	qmp unchecked still-booting "$OLD"
}

@test "primary-absent" {
	qmp finds primary-absent "$NO_PRIMARY"
	found failover_pair_id=net0
	about "pair net0"
	is_severity warning
	qmp passes primary-absent
	qmp passes primary-absent "$NO_PRIMARY | $NOT_ACKED"
	qmp unchecked primary-absent "$NO_PRIMARY | $OLD"
	# What only a QEMU with query-failover tells.
	qmp finds primary-absent "$(failover unplugged true)"
	found "the guest has let go of the primary net0-primary, and it was not plugged again"
	qmp finds primary-absent "$(failover unplugged true '"no slot"')"
	found "not plugged again: no slot"
	qmp passes primary-absent "$(failover plugged true)"
	qmp passes primary-absent "$(failover unplug-requested true)"
	qmp finds primary-absent "$NO_PRIMARY | $(failover hidden true '"its group is busy"')"
	found "failover_pair_id=net0: its group is busy"
	qmp finds primary-absent "$NO_PRIMARY | $OLD | $(failover hidden true)"
	qmp passes primary-absent "$NO_PRIMARY | $OLD | $(failover hidden false)"
}

@test "guest-denies-primary" {
	qmp unchecked guest-denies-primary
	because "no guest agent to ask"
	own unchecked guest-denies-primary
	because qga.sock
	agent "$VMFO_RUNDIR/web1/qga.sock" 2
	own finds guest-denies-primary
	found "the guest has 2 interfaces"
	about "pair net0"
	is_severity warning
	own passes guest-denies-primary "$NO_PRIMARY"
	agent "$VMFO_RUNDIR/web1/qga.sock" 3
	own passes guest-denies-primary
}

@test "vm-not-running" {
	qmp finds vm-not-running '.answers["query-status"].status = "paused"'
	found '"paused"'
	about VM
	is_severity error
	own finds vm-not-running '.answers["query-status"].status = "io-error"'
	about "VM web1"
	qmp passes vm-not-running
	qmp unchecked vm-not-running '.answers["query-status"] = {}'
	because "does not say"
}

@test "slot-indicator-blinking" {
	own finds slot-indicator-blinking \
		'.answers["human-monitor-command xp /1hx 0xb001006c"] = "00000000b001006c: 0x02f1\r\n"'
	found "blinks"
	about "pair net0"
	is_severity warning
	own passes slot-indicator-blinking
	own unchecked slot-indicator-blinking '.answers["query-pci"] = []'
	because "where port rp1 is"
	own unchecked slot-indicator-blinking \
		'.answers["human-monitor-command qom-get /machine/q35 MCFG"] = "18446744073709551615\r\n"'
	because "window onto PCI configuration space"
	qmp unchecked slot-indicator-blinking
	because "of its own only"
	# A slot of ACPI.
	qmp passes slot-indicator-blinking \
		'.qom["/machine/peripheral/rp1/rp1"]["hotplug-handler"] = "/machine/unattached/device[21]"'
}

@test "a QEMU that is not vmfo's own is asked nothing but queries" {
	qmp passes primary-absent '.answers["human-monitor-command"] = {"$end": true}'
	own passes primary-absent
}

@test "reboot-without-standby" {
	qmp finds reboot-without-standby "$NOT_ACKED"
	found "has the primary of net0 plugged"
	about "pair net0"
	is_severity info
	qmp finds reboot-without-standby "$NO_DRIVER"
	found "nor taken up the standby"
	qmp passes reboot-without-standby
	qmp passes reboot-without-standby "$NO_PRIMARY | $NOT_ACKED"
	qmp unchecked reboot-without-standby "$OLD"
}

@test "disk-no-iothread: a running QEMU does not say" {
	local passed_through='.qom["/machine/peripheral/net0-primary"].type = "vfio-pci"'
	qmp unchecked disk-no-iothread "$passed_through | .qom[\"/machine/peripheral/vda\"] = {type: \"virtio-blk-pci\",
		addr: 24, parent_bus: \"/machine/q35/pcie.0\"}"
	because "a running QEMU does not say which threads"
	qmp passes disk-no-iothread "$passed_through"
}

@test "a QEMU that hangs, ends, or answers garbage, leaves what it was asked unchecked" {
	qmp unchecked still-booting '.answers["x-query-virtio-status"] = {"$end": true}'
	because "QEMU ended"
	qmp unchecked still-booting '.answers["x-query-virtio-status"] = {"$line": "]]"}'
	because "not JSON"
	qmp unchecked still-booting '.answers["query-status"] = {"$huge": 17000000}'
	because "more than 16777216 bytes"
}
