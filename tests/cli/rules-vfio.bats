#!/usr/bin/env bats
# The rules of vfio: IOMMU groups, VFs and their drivers, the nodes of groups, locked memory.

load rules

MAKE=${BATS_TEST_DIRNAME}/../data/hosts/make
CAPTURED=${BATS_TEST_DIRNAME}/../data/hosts/vm-no-iommu

setup() {
	vmfo_sandbox
	HOST=$BATS_TEST_TMPDIR/host
}

host() { # OPTION…: a synthetic host in $HOST
	"$MAKE" "$HOST" "$@"
}

# RULES' function, with a command line whose primary is vfio-pci with those properties; MIB: its memory.
with_primary() { # finds|passes|unchecked RULE PROPERTY…
	local how=$1 rule=$2
	shift 2
	local IFS=,
	"$how" "$rule" --sysroot "$HOST" -- /nonexistent/qemu -M pc-q35-7.2 -m "${MIB:-1024}" \
		-device pcie-root-port,id=rp0,chassis=1 -device pcie-root-port,id=rp1,chassis=2 \
		-netdev tap,id=nd0,ifname=tap0 -device "virtio-net-pci,id=net0,bus=rp0,netdev=nd0,failover=on,mac=52:54:00:00:00:01" \
		-device "vfio-pci,id=vf0,bus=rp1,failover_pair_id=net0${*:+,}$*"
}

# The same, of no host.
without_host() { # unchecked RULE
	"$1" "$2" --no-host -- /nonexistent/qemu -M pc-q35-7.2 -m 8192 -device virtio-net-pci,id=net0,failover=on \
		-device vfio-pci,id=vf0,host=01:10.0,failover_pair_id=net0
}

with_emulated() { # passes RULE
	"$1" "$2" --sysroot "$HOST" -- /nonexistent/qemu -M pc-q35-7.2 -m 8192 -device virtio-net-pci,id=net0,failover=on \
		-device e1000e,id=p0,failover_pair_id=net0
}

@test "iommu-off: an IOMMU that the firmware has not" {
	host --preset no-iommu
	with_primary finds iommu-off host=01:10.0
	found 'no DMAR or IVRS table'
	about host
	is_severity error
}

@test "iommu-off: an IOMMU that the kernel does not use" {
	host --no-groups
	with_primary finds iommu-off host=01:10.0
	found 'the kernel uses none'
}

@test "iommu-off: a machine without any, captured" {
	HOST=$CAPTURED with_primary finds iommu-off host=01:10.0
	found 'no IOMMU groups'
}

@test "iommu-off: passes with an IOMMU, and without a passed-through primary" {
	host
	with_primary passes iommu-off host=01:10.0
	host --preset no-iommu
	with_emulated passes iommu-off
}

@test "iommu-off: not checked without a host, or without its groups" {
	without_host unchecked iommu-off
	host
	rm -r "$HOST/sys/kernel"
	with_primary unchecked iommu-off host=01:10.0
	because 'IOMMU groups'
}

@test "iommu-group-shared: a VF in its PF's group" {
	host --preset shared-group
	with_primary finds iommu-group-shared host=01:10.0
	found 'group 20' '0000:01:00.0 (igb)' 'ACS'
	about 'pair net0'
}

@test "iommu-group-shared: passes with a group of its own, or one that is with vfio" {
	host
	with_primary passes iommu-group-shared host=01:10.0
	host --vf 0.1:group=20
	with_primary passes iommu-group-shared host=01:10.0
}

@test "iommu-group-shared: not checked without a host, or without its PCI functions" {
	without_host unchecked iommu-group-shared
	host
	rm -r "$HOST/sys/bus"
	with_primary unchecked iommu-group-shared host=01:10.0
	because '/sys/bus/pci/devices'
}

@test "vf-missing: a VF that nobody made" {
	host --vfs 1 --total-vfs 7
	with_primary finds vf-missing host=01:10.2
	found 'no PCI function 0000:01:10.2' '0000:01:00.0 has 1 of 7 VFs'
}

@test "vf-missing: a primary that names nothing, or no address" {
	host
	with_primary finds vf-missing
	found 'neither host= nor sysfsdev='
	with_primary finds vf-missing host=enp1s0
	found '"enp1s0" is no PCI address'
}

@test "vf-missing: passes for a VF that is there, by any of its names" {
	host
	with_primary passes vf-missing host=01:10.2
	with_primary passes vf-missing host=0000:01:10.2
	with_primary passes vf-missing sysfsdev=/sys/bus/pci/devices/0000:01:10.2
}

@test "vf-missing: not checked without a host, or for a mediated device" {
	without_host unchecked vf-missing
	host
	with_primary unchecked vf-missing sysfsdev=/sys/bus/mdev/devices/83b8f4f2-509f-382f-3c1e-e6bfe0fa1001
}

@test "vf-is-pf: a PF" {
	host
	with_primary finds vf-is-pf host=01:00.0
	found "enp1s0 is a PF, with 2 of 7 VFs"
}

@test "vf-is-pf: passes for a VF" {
	host
	with_primary passes vf-is-pf host=01:10.0
}

@test "vf-is-pf: not checked for what is not there" {
	host
	with_primary unchecked vf-is-pf host=05:00.0
	because '0000:05:00.0'
	without_host unchecked vf-is-pf
}

@test "vf-driver: a VF with its own driver, or none" {
	host --driver igbvf
	with_primary finds vf-driver host=01:10.0
	found 'the driver igbvf'
	is_severity error
	host --driver none
	with_primary finds vf-driver host=01:10.0
	found 'no driver'
}

@test "vf-driver: passes with vfio-pci, and with a variant of it" {
	host --vf 0.1:driver=mlx5_vfio_pci
	with_primary passes vf-driver host=01:10.0
	with_primary passes vf-driver host=01:10.2
}

@test "vf-driver: not checked for what is not there" {
	host
	with_primary unchecked vf-driver host=05:00.0
	without_host unchecked vf-driver
}

@test "vf-busy: another process has the group" {
	host --vf 0.1:holder=4711
	with_primary finds vf-busy host=01:10.2
	found 'process 4711 (qemu-system-x86)' '/dev/vfio/21'
}

@test "vf-busy: passes for the VF beside it" {
	host --vf 0.1:holder=4711
	with_primary passes vf-busy host=01:10.0
}

@test "vf-busy: not checked without access to the group" {
	host --uid 1000 --node-mode 0000
	with_primary unchecked vf-busy host=01:10.0
	without_host unchecked vf-busy
}

@test "vfio-node-access: a node that others may open, or none" {
	host --uid 1000 --node-mode 0600
	skip_unless "user 1000 owns what it makes" test "$EUID" -ne 1000
	with_primary finds vfio-node-access host=01:10.0
	found '/dev/vfio/20'
	host --node-mode none
	with_primary finds vfio-node-access host=01:10.0
	found 'there is no /dev/vfio/20'
}

@test "vfio-node-access: passes for root, and where the mode lets everybody" {
	host --node-mode 0600
	with_primary passes vfio-node-access host=01:10.0
	host --uid 1000 --node-mode 0666
	with_primary passes vfio-node-access host=01:10.0
}

@test "vfio-node-access: not checked before the VF is bound" {
	host --driver igbvf
	with_primary unchecked vfio-node-access host=01:10.0
	because 'not with vfio-pci'
	without_host unchecked vfio-node-access
}

@test "group-does-not-open: a node that is no group" {
	skip_unless "only root can make devices" test "$EUID" -eq 0
	host --device-nodes
	with_primary finds group-does-not-open host=01:10.0
	found '/dev/vfio/20' 'Inappropriate ioctl'
}

@test "group-does-not-open: passes without a passed-through primary" {
	host
	with_emulated passes group-does-not-open
}

@test "group-does-not-open: not checked on a captured host" {
	host
	with_primary unchecked group-does-not-open host=01:10.0
	because captured
	without_host unchecked group-does-not-open
}

@test "memlock: a limit below the VM's RAM and 1 GiB" {
	host --uid 1000 --memlock 2146435072
	with_primary finds memlock host=01:10.0
	found '2047 MiB may be locked' 'needs 2048 MiB'
	about host
}

@test "memlock: once for each device with a virtual IOMMU" {
	host --uid 1000 --memlock 2147483648
	finds memlock --sysroot "$HOST" -- /nonexistent/qemu -M pc-q35-7.2 -m 1024 -device intel-iommu \
		-device virtio-net-pci,id=net0,failover=on -device vfio-pci,id=vf0,host=01:10.0,failover_pair_id=net0 \
		-device vfio-pci,id=vf1,host=01:10.2
	found 'needs 3072 MiB' '2 times'
}

@test "memlock: passes where the limit is high enough, or none, or does not hold" {
	host --uid 1000 --memlock 2147483648
	with_primary passes memlock host=01:10.0
	host --uid 1000 --memlock unlimited
	with_primary passes memlock host=01:10.0
	host --uid 1000 --memlock 65536 --caps 0000000000004000
	with_primary passes memlock host=01:10.0
}

@test "memlock: who starts a QEMU by its command line does not raise the limit" {
	host --uid 1000 --memlock 65536 --caps 0000000001000000
	with_primary finds memlock host=01:10.0
	found '0 MiB may be locked'
}

@test "memlock: not checked where the limit is unknown" {
	host --uid 1000
	rm "$HOST/proc/self/limits"
	with_primary unchecked memlock host=01:10.0
	without_host unchecked memlock
}

@test "pin-time: much memory in small pages" {
	host
	MIB=131072 with_primary finds pin-time host=01:10.0
	found '131072 MiB' 'about 51 s'
	is_severity warning
}

@test "pin-time: passes with little memory, with huge pages, without a passed-through primary" {
	host
	MIB=2048 with_primary passes pin-time host=01:10.0
	with_emulated passes pin-time
	passes pin-time --sysroot "$HOST" -- /nonexistent/qemu -M pc-q35-7.2,memory-backend=ram -m 131072 \
		-object memory-backend-memfd,id=ram,size=128G,hugetlb=on -device virtio-net-pci,id=net0,failover=on \
		-device vfio-pci,id=vf0,host=01:10.0,failover_pair_id=net0
}

@test "pin-time: not checked without a host" {
	without_host unchecked pin-time
}
