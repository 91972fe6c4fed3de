#!/usr/bin/env bats
# The rules of the pair and its place, through the command line. Where QEMU does not start, what a bus is like is judged
# by the command line alone, and what that does not say is not checked. Rules that look at nothing else can always be.

load rules

RP0=(-device "pcie-root-port,id=rp0,bus=pcie.0,addr=2,chassis=1,slot=1")
RP1=(-device "pcie-root-port,id=rp1,bus=pcie.0,addr=3,chassis=2,slot=2")
MAC=mac=52:54:00:00:00:01
STANDBY=virtio-net-pci,id=net0,bus=rp0,failover=on,$MAC
PRIMARY=e1000e,id=p0,bus=rp1,failover_pair_id=net0,$MAC,romfile=
VFIO=vfio-pci,id=p0,bus=rp1,failover_pair_id=net0

setup() {
	vmfo_sandbox
	Q35=(--no-host -- /nonexistent/qemu -machine pc-q35-7.2 "${RP0[@]}" "${RP1[@]}")
	GOOD=("${Q35[@]}" -device "$STANDBY" -device "$PRIMARY")
}

teardown() {
	[[ -z ${FAKE:-} ]] || kill "$FAKE"
}

# A running QEMU with a standby, net0, and a pair, net1.
fake_running() {
	SOCKET=$BATS_TEST_TMPDIR/qmp.sock
	cat >"$BATS_TEST_TMPDIR/answers" <<-'END'
		{
		  "answers": {
		    "query-status": {"status": "running", "running": true, "singlestep": false},
		    "query-version": {"qemu": {"major": 7, "minor": 2, "micro": 0}, "package": ""},
		    "query-pci": [], "query-cpus-fast": []
		  },
		  "qom": {
		    "/machine": {"type": "pc-q35-7.2-machine"},
		    "/machine/peripheral": {"type": "container"},
		    "/machine/peripheral-anon": {"type": "container"},
		    "/machine/peripheral/net0": {
		      "type": "virtio-net-pci", "failover": true, "mac": "52:54:00:00:00:01",
		      "addr": 0, "parent_bus": "/machine/peripheral/rp0/rp0"
		    },
		    "/machine/peripheral/net1": {
		      "type": "virtio-net-pci", "failover": true, "mac": "52:54:00:00:00:02",
		      "addr": 24, "parent_bus": "/machine/q35/pcie.0"
		    },
		    "/machine/peripheral/p1": {
		      "type": "e1000e", "failover_pair_id": "net1", "mac": "52:54:00:00:00:02",
		      "addr": 32, "parent_bus": "/machine/q35/pcie.0"
		    },
		    "/machine/peripheral/rp0": {
		      "type": "pcie-root-port", "addr": 16, "chassis": 1, "slot": 1, "hotplug": true,
		      "parent_bus": "/machine/q35/pcie.0"
		    },
		    "/machine/peripheral/rp0/rp0": {"type": "PCIE"},
		    "/machine/q35": {"type": "q35-pcihost"},
		    "/machine/q35/pcie.0": {"type": "PCIE"}
		  }
		}
	END
	"$BATS_TEST_DIRNAME/fake-qmp" "$SOCKET" "$BATS_TEST_TMPDIR/answers" >/dev/null 2>&1 3>&- &
	FAKE=$!
	for _ in {1..100}; do
		[[ ! -S $SOCKET ]] || return 0
		sleep 0.05
	done
	return 1
}

# ---- ids and order ----

@test "standby-missing" {
	finds standby-missing "${Q35[@]}" -device "$PRIMARY"
	found "no device has that id"
	about "pair net0"
	is_severity error
	passes standby-missing "${GOOD[@]}"
}

@test "standby-not-failover" {
	finds standby-not-failover "${Q35[@]}" -device "${STANDBY/failover=on/failover=off}" -device "$PRIMARY"
	found "failover=off"
	is_severity error
	passes standby-not-failover "${GOOD[@]}"
	passes standby-not-failover "${Q35[@]}" -global virtio-net-pci.failover=on -device "${STANDBY/failover=on,/}" \
		-device "$PRIMARY"
}

@test "standby-without-id" {
	finds standby-without-id "${Q35[@]}" -device "${STANDBY/id=net0,/}"
	is_severity error
	passes standby-without-id "${GOOD[@]}"
}

@test "primary-without-id" {
	finds primary-without-id "${Q35[@]}" -device "$STANDBY" -device "${PRIMARY/id=p0,/}"
	is_severity error
	passes primary-without-id "${GOOD[@]}"
}

@test "primary-before-standby" {
	finds primary-before-standby "${Q35[@]}" -device "$PRIMARY" -device "$STANDBY"
	found "comes before its standby"
	is_severity error
	finds primary-before-standby "${Q35[@]}" \
		-device '{"driver": "virtio-net-pci", "id": "net0", "bus": "rp0", "failover": true}' -device "$PRIMARY"
	found "as JSON"
	passes primary-before-standby "${GOOD[@]}"
}

@test "standby-without-primary" {
	finds standby-without-primary "${Q35[@]}" -device "$STANDBY"
	is_severity warning
	passes standby-without-primary "${GOOD[@]}"
}

@test "primary-shared" {
	finds primary-shared "${GOOD[@]}" -device "${PRIMARY/id=p0/id=p1}"
	found "p0 and p1"
	is_severity error
	passes primary-shared "${GOOD[@]}"
}

@test "of a QEMU that runs, what it cannot say is not checked" {
	fake_running
	unchecked standby-without-primary --no-host --qmp "$SOCKET"
	because "pair net0"
	because "hides"
	unchecked primary-before-standby --no-host --qmp "$SOCKET"
	because "in which order"
	unchecked slot-not-stable --no-host --qmp "$SOCKET"
	because "running QEMU"
}

# ---- addresses ----

@test "mac-mismatch" {
	finds mac-mismatch "${Q35[@]}" -device "$STANDBY" -device "${PRIMARY/00:01/00:02}"
	found "the standby has 52:54:00:00:00:01, the primary has 52:54:00:00:00:02"
	about "pair net0"
	is_severity error
	finds mac-mismatch "${Q35[@]}" -device "${STANDBY/,$MAC/}" -device "${PRIMARY/,$MAC/}"
	found "neither"
	passes mac-mismatch "${GOOD[@]}"
	passes mac-mismatch "${Q35[@]}" -device "$STANDBY" -device "$VFIO"
}

@test "mac-not-given" {
	finds mac-not-given "${Q35[@]}" -device "${STANDBY/,$MAC/}" -device "$VFIO"
	is_severity warning
	passes mac-not-given "${GOOD[@]}"
}

@test "mac-invalid" {
	finds mac-invalid "${Q35[@]}" -device "${STANDBY/52:/53:}" -device "${PRIMARY/52:/53:}"
	found "53:54:00:00:00:01, which is a multicast address"
	is_severity error
	finds mac-invalid "${Q35[@]}" -device "$STANDBY" -device "${PRIMARY/$MAC/mac=00:00:00:00:00:00}"
	found "all zeros"
	finds mac-invalid "${Q35[@]}" -device "$STANDBY" -device "${PRIMARY/$MAC/mac=525400000001}"
	found "525400000001" "six bytes"
	passes mac-invalid "${GOOD[@]}"
}

@test "mac-duplicate" {
	finds mac-duplicate "${GOOD[@]}" -device "e1000e,id=other,$MAC"
	found "other of the same VM"
	is_severity error
	passes mac-duplicate "${GOOD[@]:1}"
	unchecked mac-duplicate "${GOOD[@]}"
	because "only the VM itself"
}

# ---- the devices and the machine ----

@test "primary-not-ethernet" {
	finds primary-not-ethernet "${Q35[@]}" -device "$STANDBY" -device "${PRIMARY/e1000e/virtio-rng-pci}"
	found "virtio-rng-pci"
	is_severity error
	passes primary-not-ethernet "${GOOD[@]}"
	unchecked primary-not-ethernet "${Q35[@]}" -device "$STANDBY" -device "$VFIO,host=01:10.0"
	because "0000:01:10.0"
}

@test "primary-rom" {
	finds primary-rom "${Q35[@]}" -device "$STANDBY" -device "${PRIMARY/,romfile=/}"
	found "option ROM"
	is_severity error
	finds primary-rom "${Q35[@]}" -device "$STANDBY" -device "${PRIMARY/romfile=/rombar=0}"
	found "rombar=0" "refuses to plug"
	finds primary-rom "${Q35[@]}" -device "$STANDBY" -device "$VFIO,host=01:10.0,romfile=/tmp/some.rom"
	found "romfile=/tmp/some.rom"
	passes primary-rom "${GOOD[@]}"
	passes primary-rom "${Q35[@]}" -device "$STANDBY" -device "$VFIO,host=01:10.0,rombar=0"
	unchecked primary-rom "${Q35[@]}" -device "$STANDBY" -device "$VFIO,host=01:10.0"
	because "0000:01:10.0 is a VF"
}

@test "standby-legacy" {
	finds standby-legacy "${Q35[@]}" -device "$STANDBY,disable-modern=on" -device "$PRIMARY"
	is_severity error
	passes standby-legacy "${GOOD[@]}"
}

@test "pair-mtu" {
	finds pair-mtu "${Q35[@]}" -device "$STANDBY,host_mtu=1400" -device "$PRIMARY"
	found "host_mtu=1400"
	is_severity error
	passes pair-mtu "${Q35[@]}" -device "$STANDBY,host_mtu=1500" -device "$PRIMARY"
}

@test "machine-unversioned" {
	finds machine-unversioned --no-host -- /nonexistent/qemu -machine q35
	found "q35"
	is_severity warning
	finds machine-unversioned --no-host -- /nonexistent/qemu
	found "no machine type"
	passes machine-unversioned "${GOOD[@]}"
}

@test "cpu-host" {
	finds cpu-host "${GOOD[@]}" -cpu host
	is_severity warning
	passes cpu-host "${GOOD[@]}" -cpu qemu64
}

# ---- places ----

@test "bus-missing" {
	finds bus-missing "${Q35[@]}" -device "${STANDBY/bus=rp0/bus=pci.0}" -device "$PRIMARY"
	found "net0 has bus=pci.0"
	is_severity error
	passes bus-missing "${GOOD[@]}"
	unchecked bus-missing "${Q35[@]}" -device "${STANDBY/bus=rp0/bus=elsewhere}" -device "$PRIMARY"
	because elsewhere
}

@test "primary-not-pcie" {
	finds primary-not-pcie --no-host -- /nonexistent/qemu -machine pc-i440fx-7.2 -device "${STANDBY/bus=rp0,/}" \
		-device "${PRIMARY/bus=rp1,/}"
	found "p0 is on pci.0"
	is_severity error
	passes primary-not-pcie "${GOOD[@]}"
	unchecked primary-not-pcie "${Q35[@]}" -device "$STANDBY" -device "${PRIMARY/bus=rp1/bus=elsewhere}"
	because elsewhere
}

@test "primary-not-hotpluggable" {
	finds primary-not-hotpluggable "${Q35[@]}" -device "$STANDBY" -device "${PRIMARY/bus=rp1/bus=pcie.0}"
	found "p0 is on pcie.0"
	is_severity error
	finds primary-not-hotpluggable "${GOOD[@]}" -global pcie-root-port.hotplug=off
	found "hotplug=off"
	passes primary-not-hotpluggable "${GOOD[@]}"
	unchecked primary-not-hotpluggable "${Q35[@]}" -device "$STANDBY" -device "${PRIMARY/bus=rp1/bus=elsewhere}"
}

@test "hotplug-mode" {
	finds hotplug-mode "${GOOD[@]}" -global ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off
	found "PCI Express's own"
	is_severity warning
	finds hotplug-mode "${GOOD[@]}"
	found "ACPI"
	is_severity info
	passes hotplug-mode "${Q35[@]}" -device "$STANDBY"
	unchecked hotplug-mode "${Q35[@]}" -device "$STANDBY" -device "${PRIMARY/bus=rp1/bus=elsewhere}"
}

@test "primary-multifunction" {
	finds primary-multifunction "${Q35[@]}" -device "$STANDBY" -device "$PRIMARY,multifunction=on"
	is_severity error
	finds primary-multifunction "${Q35[@]}" -device "$STANDBY" -device "$PRIMARY,addr=0.1"
	found "function 1"
	finds primary-multifunction "${Q35[@]}" -device "$STANDBY" -device "${PRIMARY/e1000e/igb}"
	found "igb"
	passes primary-multifunction "${GOOD[@]}"
}

@test "slot-invalid" {
	finds slot-invalid "${Q35[@]}" -device "$STANDBY" -device "$PRIMARY,addr=1"
	found "only slot 0"
	is_severity error
	passes slot-invalid "${Q35[@]}" -device "$STANDBY" -device "$PRIMARY,addr=0"
	unchecked slot-invalid "${Q35[@]}" -device "$STANDBY" -device "${PRIMARY/bus=rp1/bus=elsewhere},addr=1"
}

@test "slot-shared" {
	finds slot-shared "${Q35[@]}" -device "$STANDBY" -device "${PRIMARY/bus=rp1/bus=rp0}"
	found "p0 and net0 are in one slot of rp0"
	is_severity error
	passes slot-shared "${GOOD[@]}"
	unchecked slot-shared "${Q35[@]}" -device "${STANDBY/bus=rp0/bus=elsewhere}" \
		-device "${PRIMARY/bus=rp1/bus=elsewhere}"
}

@test "slot-not-stable" {
	finds slot-not-stable "${Q35[@]}" -device "${STANDBY/bus=rp0,/}" -device "$PRIMARY"
	found "net0 has no bus="
	is_severity error
	finds slot-not-stable --no-host -- /nonexistent/qemu -machine pc-q35-7.2 "${RP0[@]}" \
		-device pcie-root-port,id=rp1,chassis=2 -device "$STANDBY" -device "$PRIMARY"
	found "the port rp1, which has no addr="
	is_severity warning
	passes slot-not-stable "${GOOD[@]}"
	unchecked slot-not-stable "${Q35[@]}" -device "${STANDBY/bus=rp0/bus=elsewhere}" -device "$PRIMARY"
}

@test "port-slot-shared" {
	finds port-slot-shared --no-host -- /nonexistent/qemu -machine pc-q35-7.2 -device pcie-root-port,id=rp0 \
		-device pcie-root-port,id=rp1
	found "rp1 and rp0 both have chassis 0 and slot 0"
	is_severity error
	passes port-slot-shared "${GOOD[@]}"
}

@test "port-without-function-0" {
	local head=(--no-host -- /nonexistent/qemu -machine pc-q35-7.2)
	finds port-without-function-0 "${head[@]}" "${RP0[@]}" -device "pcie-root-port,id=rp1,bus=pcie.0,addr=3.1,chassis=2" \
		-device "$STANDBY" -device "$PRIMARY"
	found "rp1 has addr=3.1"
	is_severity error
	passes port-without-function-0 "${GOOD[@]}"
	unchecked port-without-function-0 "${head[@]}" -device "pcie-root-port,id=rp0,chassis=1,multifunction=on" \
		-device "pcie-root-port,id=rp1,bus=pcie.0,addr=3.1,chassis=2" -device "$STANDBY" -device "$PRIMARY"
}
