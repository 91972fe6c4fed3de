#!/usr/bin/env bats
# The lab itself: both hosts are what the other tests take them for, and a VM with a VF can be moved there.

load ../helpers
load lab.bash

setup_file() {
	lab_up
	lab_stop_all
}

teardown_file() {
	lab_down
}

@test "each host has an IOMMU, a PF in its bridge, and all of its VFs in groups of their own" {
	for host in alpha beta; do
		[ "$(lab_run "$host" hostname)" = "$host" ]
		[ "$(lab_run "$host" cat /sys/class/net/pf0/device/sriov_numvfs)" -eq 7 ]
		[ "$(lab_run "$host" cat /sys/class/net/pf0/operstate)" = up ]
		[ "$(lab_run "$host" readlink -f /sys/class/net/pf0/master)" = /sys/devices/virtual/net/br0 ]
		[ "$(lab_vf "$host" 0)" = 0000:01:10.0 ]
		[ "$(lab_vf "$host" 6)" = 0000:01:11.4 ]
		groups=$(lab_run "$host" sh -c 'readlink /sys/class/net/pf0/device/virtfn*/iommu_group | sort -u | wc -l')
		[ "$groups" -eq 7 ]
	done
}

@test "the hosts reach each other by ssh as root, and each has the vmfo that is tested" {
	[ "$(lab_run alpha ssh -o BatchMode=yes beta hostname)" = beta ]
	[ "$(lab_run beta ssh -o BatchMode=yes alpha hostname)" = alpha ]
	sum=$(sha256sum <"$VMFO")
	[ "$(lab_run alpha sh -c 'sha256sum <"$(command -v vmfo)"')" = "$sum" ]
	[ "$(lab_run alpha ssh -o BatchMode=yes beta 'sha256sum <"$(command -v vmfo)"')" = "$sum" ]
}

@test "a VF goes to vfio-pci and back to its driver, and the inventory tells" {
	lab_remember
	lab_run alpha sh -c 'cd /sys/bus/pci/devices/0000:01:10.0 && echo vfio-pci >driver_override &&
		echo 0000:01:10.0 >driver/unbind && echo 0000:01:10.0 >/sys/bus/pci/drivers_probe'
	lab_inventory alpha | grep -q '^pci 0000:01:10.0 driver=vfio-pci override=vfio-pci'
	run ! lab_as_before alpha
	lab_run alpha sh -c 'cd /sys/bus/pci/devices/0000:01:10.0 && echo >driver_override &&
		echo 0000:01:10.0 >driver/unbind && echo 0000:01:10.0 >/sys/bus/pci/drivers_probe'
	lab_as_before alpha
	lab_as_before beta
}

@test "a setting of a VF, an FDB entry and a tap are seen in the inventory" {
	lab_remember
	lab_run alpha ip link set pf0 vf 2 mac 52:54:00:00:00:77
	run ! lab_as_before alpha
	lab_run alpha ip link set pf0 vf 2 mac 00:00:00:00:00:00
	lab_as_before alpha
	lab_run alpha bridge fdb add 52:54:00:00:00:77 dev pf0 master static
	run ! lab_as_before alpha
	lab_run alpha bridge fdb del 52:54:00:00:00:77 dev pf0 master
	lab_as_before alpha
	lab_run alpha ip tuntap add left0 mode tap
	run ! lab_as_before alpha
	lab_run alpha ip link delete left0
	lab_as_before alpha
}

@test "vmfo check-topology on each host sees the PF, its VFs and their groups" {
	for host in alpha beta; do
		check_vf "$host" 01:10.0
		[ "$(found)" = "" ]
		check_vf "$host" 01:00.0
		[[ $(found) == *vf-is-pf* ]]
		check_vf "$host" 01:12.0
		[[ $(found) == *vf-missing* ]]
	done
}

check_vf() { # HOST ADDRESS: of a pair with that VF
	lab_json "$1" check-topology -- "$(lab_qemu)" -M q35 -m 192 -device pcie-root-port,id=rp0,chassis=1,addr=2 \
		-device pcie-root-port,id=rp1,chassis=2,addr=3 -netdev tap,id=n0,ifname=tap0,script=no \
		-device virtio-net-pci,id=net0,bus=rp0,netdev=n0,failover=on,mac=52:54:00:00:00:30 \
		-device "vfio-pci,id=net0-primary,host=$2,bus=rp1,failover_pair_id=net0,rombar=0"
	[ "$(result .schema)" = vmfo.check/1 ]
}

# Of the rules that only a host with an IOMMU and an SR-IOV NIC can pass: those that found something, or could not look.
found() {
	result '[(.findings[] | select(.severity != "info")), .not_checked[]] | map(.rule) |
		map(select(IN("iommu-off", "iommu-group-shared", "vf-missing", "vf-is-pf", "vf-busy"))) | join(" ")'
}

# Until the next `lab sync`.
lab_definition() { # JQ-FILTER
	local host text
	text=$(jq "$1" "$LAB_DIR/share/vms/vf.json")
	for host in alpha beta; do
		lab run "$host" tee /etc/vmfo/vms/vf.json <<<"$text" >/dev/null
	done
}

# igb has no link state of VFs; it has the other two.
assert_set() { # HOST
	[ "$(result '.pairs[0].unsupported | join(", ")')" = "link state" ]
	[[ $(narrated) == *"pair net0: the driver of its PF does not know, of a VF: link state; left as it was"* ]]
	lab_inventory "$1" | sed -n 's/^vf //p' |
		jq -e -s --arg mac "$VF_MAC" 'any(.[]; .address == $mac and .trust == true and .spoofchk == false)'
}

@test "a VM with a VF starts, is whole, migrates, and leaves nothing" {
	lab_definition '.pairs[0].primary += {link_state: "enable", trust: true, spoof_check: false}'
	lab_remember
	lab_json alpha launch vf --wait-pair 240
	[ "$status" -eq 0 ]
	assert_set alpha
	lab_assert_pair alpha vf "$VF_MAC"
	lab_json alpha migrate vf beta
	[ "$status" -eq 0 ]
	lab_all_plugged
	assert_set beta
	lab_runs_only_on beta vf
	lab_assert_pair beta vf "$VF_MAC"
	lab_answers 10.202.0.10 60
	# The tombstone there is what a migration leaves; nothing else does.
	lab_as_before alpha ' var/lib/vmfo'
	lab_json beta stop vf --timeout 0 --force
	[ "$status" -eq 0 ]
	lab_as_before beta ' var/lib/vmfo'
}
