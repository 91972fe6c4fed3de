#!/usr/bin/env bats
# VFs and their PFs: a case that has the finding, one that has not, one that cannot be checked.
#
# vf-other-model is asked of a migration's target only, and what vf-trust and vf-vlan find only of a definition that runs
# with a VF: tests/unit/test_rules_vf.c has their cases.

load rules

MAC=52:54:00:00:00:01

setup() {
	vmfo_sandbox
	HOST=$BATS_TEST_TMPDIR/host
}

# OPTION…: a host with the PFs enp1s0f0 and enp1s0f1, of 2 VFs each; the first VF, 0000:01:10.0, is the pair's.
# Options of one PF or VF are added up, the later ones win.
host() {
	"$BATS_TEST_DIRNAME/../data/hosts/make" "$HOST" --preset 82576 --vfs 2 --vf "0.0:mac=$MAC" "$@"
}

# NETDEV…: host.json with the physnet "prod"
physnet() {
	local pfs
	pfs=$(printf '"%s", ' "$@")
	vmfo_host_json "\"physnets\": [{\"id\": \"prod\", \"pfs\": [${pfs%, }]}]"
}

# [MEMBERS [PRIMARY]]: a definition with one pair, whose primary is a VF of prod, in $DEF
define() {
	DEF=$BATS_TEST_TMPDIR/vm.json
	cat >"$DEF" <<-EOF
	{"schema": "vmfo.vm/1", "name": "a", "uuid": "5a7d9e0c-3f5b-4a57-9d0e-6b1f2c3d4e5f", "machine": "pc-q35-7.2",
	 "cpu": {"model": "max"}, "memory": {"mib": 160}, "qemu": "/nonexistent/qemu",
	 "pairs": [{"id": "net0", "mac": "$MAC", ${1:-} "standby": {"bridge": "br0"},
	            "primary": {"kind": "vf", "physnet": "prod"${2:-}}}]}
	EOF
}

# Arguments of a command line whose pair has that VF.
known() { # [ADDRESS [MORE-OF-STANDBY]]
	KNOWN=(--sysroot "$HOST" -- /nonexistent/qemu -machine pc-q35-7.2 -device "pcie-root-port,id=rp0,slot=1"
		-device "pcie-root-port,id=rp1,slot=2" -netdev "tap,id=n0,ifname=tap0"
		-device "virtio-net-pci,id=net0,netdev=n0,failover=on,mac=$MAC,bus=rp0${2:-}"
		-device "vfio-pci,id=vf0,host=${1:-0000:01:10.0},failover_pair_id=net0,bus=rp1")
}

defined() {
	DEFINED=(--sysroot "$HOST" --file "$DEF")
}

@test "vf-mac" {
	host --vf 0.0:mac=02:00:00:00:00:09 && known
	finds vf-mac "${KNOWN[@]}"
	found "0000:01:10.0 (VF 0 of PF enp1s0f0)" "02:00:00:00:00:09" "$MAC"
	about "pair net0"
	is_severity error
	host
	passes vf-mac "${KNOWN[@]}"
	host --no-links
	unchecked vf-mac "${KNOWN[@]}"
}

@test "vf-mac: a VF without one" {
	host --vf 0.0:mac=00:00:00:00:00:00 && known
	finds vf-mac "${KNOWN[@]}"
	found "has no administrative MAC"
}

@test "vf-mac: a VF that is not there, a PF" {
	host && known 0000:05:00.0
	unchecked vf-mac "${KNOWN[@]}"
	because "no PCI function 0000:05:00.0"
	known 0000:01:00.0
	unchecked vf-mac "${KNOWN[@]}"
	because "is no VF"
}

@test "vf-mac-clash" {
	host --vf "1.1:mac=$MAC" && known
	finds vf-mac-clash "${KNOWN[@]}"
	found "$MAC is also the address of VF 1 of PF enp1s0f1"
	host --link "dummy7:kind=dummy,mac=$MAC"
	finds vf-mac-clash "${KNOWN[@]}"
	found "link dummy7"
	host
	passes vf-mac-clash "${KNOWN[@]}"
	host --no-links
	unchecked vf-mac-clash "${KNOWN[@]}"
}

@test "vf-mac-clash: left on a VF that is chosen, and on one that cannot be" {
	host && physnet enp1s0f0 enp1s0f1 && define && defined
	passes vf-mac-clash "${DEFINED[@]}"
	host --pf 0:up=off
	finds vf-mac-clash "${DEFINED[@]}"
	found "VF 0 of PF enp1s0f0"
}

@test "vf-spoofchk-zero-mac" {
	host --vf 0.0:mac=00:00:00:00:00:00,spoofchk=on && known
	finds vf-spoofchk-zero-mac "${KNOWN[@]}"
	found "spoof check on"
	is_severity warning
	host --vf 0.0:spoofchk=on
	passes vf-spoofchk-zero-mac "${KNOWN[@]}"
	host --vf 0.0:mac=00:00:00:00:00:00,spoofchk=off
	passes vf-spoofchk-zero-mac "${KNOWN[@]}"
	host --no-links
	unchecked vf-spoofchk-zero-mac "${KNOWN[@]}"
}

@test "vf-trust, vf-vlan: only a definition wants them" {
	host --vf 0.0:trust=off,vlan=5 && known
	unchecked vf-trust "${KNOWN[@]}"
	because "only a definition says so"
	unchecked vf-vlan "${KNOWN[@]}"
	because "only a definition says so"
	# One that is still to be chosen gets both when it is.
	physnet enp1s0f0 && define && defined
	passes vf-trust "${DEFINED[@]}"
	passes vf-vlan "${DEFINED[@]}"
}

@test "vf-mtu" {
	host --pf 0:mtu=1400 && known
	finds vf-mtu "${KNOWN[@]}"
	found "PF enp1s0f0" "MTU 1400" "needs 1500"
	host
	passes vf-mtu "${KNOWN[@]}"
	known 0000:01:10.0 ,host_mtu=9000
	finds vf-mtu "${KNOWN[@]}"
	found "MTU 1500" "needs 9000"
	host --no-links
	unchecked vf-mtu "${KNOWN[@]}"
}

@test "vf-mtu: of a definition, no PF is large enough" {
	host && physnet enp1s0f0 enp1s0f1 && define '"mtu": 9000,' && defined
	finds vf-mtu "${DEFINED[@]}"
	found "no PF of physnet prod has a larger one" "needs 9000"
	finds vf-none-free "${DEFINED[@]}"
	found "has MTU 1500, and the pair needs 9000"
	host --pf 1:mtu=9000
	passes vf-mtu "${DEFINED[@]}"
	passes vf-none-free "${DEFINED[@]}"
}

@test "pf-down" {
	host --pf 0:up=off && known
	finds pf-down "${KNOWN[@]}"
	found "enp1s0f0 is down"
	about "PF enp1s0f0"
	is_severity error
	host --pf 1:up=off
	passes pf-down "${KNOWN[@]}"
	host --no-links
	unchecked pf-down "${KNOWN[@]}"
}

@test "pf-down: a warning where the physnet has another PF" {
	host --pf 0:up=off && physnet enp1s0f0 enp1s0f1 && define && defined
	finds pf-down "${DEFINED[@]}"
	is_severity warning
	physnet enp1s0f0
	finds pf-down "${DEFINED[@]}"
	is_severity error
	finds vf-none-free "${DEFINED[@]}"
	found "PF enp1s0f0 is down"
}

@test "pf-no-carrier" {
	host --pf 0:carrier=off && known
	finds pf-no-carrier "${KNOWN[@]}"
	found "enp1s0f0 is up and has no carrier"
	is_severity warning
	host
	passes pf-no-carrier "${KNOWN[@]}"
	host --no-links
	unchecked pf-no-carrier "${KNOWN[@]}"
}

@test "switchdev-unsupported" {
	host --pf 0:eswitch=switchdev && known
	finds switchdev-unsupported "${KNOWN[@]}"
	found "enp1s0f0 has its switch in switchdev mode"
	is_severity error
	host --pf 0:eswitch=legacy
	passes switchdev-unsupported "${KNOWN[@]}"
	host --no-links
	unchecked switchdev-unsupported "${KNOWN[@]}"
}

@test "physnet-unknown" {
	host && define && defined
	finds physnet-unknown "${DEFINED[@]}"
	found "physnet prod is wanted; host.json has none"
	about host
	unchecked vf-none-free "${DEFINED[@]}"
	because "physnet prod has no PF on this host"
	physnet enp1s0f0
	passes physnet-unknown "${DEFINED[@]}"
	unchecked physnet-unknown --no-host --file "$DEF"
}

@test "pf-missing" {
	host && physnet enp9s0 && define && defined
	finds pf-missing "${DEFINED[@]}"
	found "there is no link enp9s0"
	is_severity error
	physnet enp9s0 enp1s0f0 br0
	finds pf-missing "${DEFINED[@]}"
	found "there is no link enp9s0" "link br0 cannot have VFs"
	is_severity warning
	physnet enp1s0f0
	passes pf-missing "${DEFINED[@]}"
	host --no-links
	unchecked pf-missing "${DEFINED[@]}"
}

@test "vf-none-free: every candidate with its reason" {
	host --vf 0.0:holder=4711 --vf 0.1:group=77 --vf 1.1:group=77,driver=igbvf --pf 1:up=off
	physnet enp1s0f0 enp1s0f1 && define && defined
	finds vf-none-free "${DEFINED[@]}"
	found "0000:01:10.0: its IOMMU group" "is held by process 4711 (qemu-system-x86)" \
		"0000:01:10.2: its IOMMU group 77 is shared with 0000:01:10.3, which igbvf uses" \
		"0000:01:10.1, 0000:01:10.3: PF enp1s0f1 is down"
	about "pair net0"
	host
	passes vf-none-free "${DEFINED[@]}"
	host --no-links
	unchecked vf-none-free "${DEFINED[@]}"
}

@test "vf-chosen" {
	host --vf 0.1:holder=4711
	physnet enp1s0f0 && define && defined
	finds vf-chosen --vf 1:10.2 "${DEFINED[@]}"
	found "VF 0000:01:10.2: its IOMMU group" "is held by process 4711 (qemu-system-x86)"
	about "pair net0"
	is_severity error
	passes vf-none-free --vf 1:10.2 "${DEFINED[@]}"
	finds vf-chosen --vf net0=1:10.1 "${DEFINED[@]}"
	found "VF 0000:01:10.1 is not of physnet prod: its PF is 0000:01:00.1"
	finds vf-chosen --vf 1:0.0 "${DEFINED[@]}"
	found "0000:01:00.0 is a PF, not a VF"
	finds vf-chosen --vf 7:0.0 "${DEFINED[@]}"
	found "this host has no PCI function 0000:07:00.0"
	finds vf-chosen --vf net7=1:10.0 "${DEFINED[@]}"
	found "--vf net7=0000:01:10.0: the VM has no pair \"net7\" whose primary is a VF"
	about host
	passes vf-chosen --vf 1:10.0 "${DEFINED[@]}"
	passes vf-chosen "${DEFINED[@]}"
	unchecked vf-chosen --no-host --vf 1:10.0 --file "$DEF"
}

@test "vf-none-free: no VFs are made" {
	host --vfs 0 --total-vfs 7 && physnet enp1s0f0 && define && defined
	finds vf-none-free "${DEFINED[@]}"
	found "no VFs are made: echo 7 > /sys/class/net/enp1s0f0/device/sriov_numvfs"
	vmfo_host_json '"physnets": [{"id": "prod", "pfs": ["enp1s0f0"], "vfs": 3}]'
	unchecked vf-none-free "${DEFINED[@]}"
	because "pair net0: 3 VFs of PF enp1s0f0 are yet to be made"
	unchecked vf-chosen --vf 1:10.0 "${DEFINED[@]}"
	because "pair net0: 3 VFs of PF enp1s0f0 are yet to be made"
	finds vf-chosen --vf 1:0.0 "${DEFINED[@]}"
	found "0000:01:00.0 is a PF, not a VF"
	vmfo_host_json '"physnets": [{"id": "prod", "pfs": ["enp1s0f0"], "vfs": 8}]'
	finds vf-none-free "${DEFINED[@]}"
	found "PF enp1s0f0: host.json asks for 8 VFs, it can have 7"
}

@test "vf-none-free: of many, the first are named" {
	"$BATS_TEST_DIRNAME/../data/hosts/make" "$HOST" --preset 512-vfs --pf 0:up=off
	physnet enp65s0 && define && defined
	finds vf-none-free "${DEFINED[@]}"
	found ", … (128 in all): PF enp65s0 is down"
}

@test "an emulated pair has nothing to do with VFs" {
	host --no-links
	define
	jq '.pairs[0].primary = {kind: "emulated"}' "$DEF" >"$DEF.new" && mv "$DEF.new" "$DEF"
	defined
	for rule in vf-mac vf-mac-clash vf-mtu pf-down pf-missing physnet-unknown vf-none-free; do
		passes "$rule" "${DEFINED[@]}"
	done
}
