#!/usr/bin/env bats
# The rules of a VM's files and of what it takes of its host, through the command line. What only a second host can
# break is in tests/vm/rules-target.bats.

load rules

setup() {
	vmfo_sandbox
	DEF=$BATS_TEST_TMPDIR/demo.json
	DISK=$BATS_TEST_TMPDIR/disk.raw
	truncate -s 1M "$DISK"
}

teardown() {
	[[ -z ${LOOP:-} ]] || losetup -d "$LOOP"
}

# A definition, changed by a jq filter; $disk is the disk's path.
define() { # [FILTER]
	jq -n --arg disk "$DISK" '{
		schema: "vmfo.vm/1", name: "demo", uuid: "5a7d9e0c-3f5b-4a57-9d0e-6b1f2c3d4e5f",
		machine: "pc-q35-7.2", accel: ["tcg"], cpu: {model: "qemu64", count: 1}, memory: {mib: 64},
		disks: [{id: "vda", path: $disk, format: "raw", cache: "none"}], qemu: "/nonexistent/qemu"
	} | '"${1:-.}" >"$DEF"
}

# A host in a folder.
host() { # OPTION…
	tests/data/hosts/make "$BATS_TEST_TMPDIR/host" --preset 82576 "$@"
	HOST=(--sysroot "$BATS_TEST_TMPDIR/host" --file "$DEF")
}

# A pair whose primary is a VF.
vf_pair() { # VHOST
	define ".pairs = [{id: \"net0\", mac: \"52:54:00:00:00:01\", standby: {bridge: \"br0\", vhost: \"$1\"},
		primary: {kind: \"vf\", physnet: \"prod\"}}]"
}

@test "disk-missing" {
	define
	passes disk-missing --file "$DEF"
	rm "$DISK"
	finds disk-missing --file "$DEF"
	found "disk $DISK: No such file or directory"
	about "disk vda"
	is_severity error
	mkdir "$DISK"
	finds disk-missing --file "$DEF"
	found "it is a folder"
	unchecked disk-missing --no-host --file "$DEF"
	because "--no-host"
	unchecked disk-missing -- /nonexistent/qemu -machine pc-q35-7.2 -drive "file=$DISK"
}

@test "disk-missing: a FIFO, a device's name, what a captured host has" {
	rm "$DISK"
	mkfifo "$DISK"
	define
	finds disk-missing --file "$DEF"
	found "neither a regular file nor a block device"
	DISK=/dev/null define
	finds disk-missing --file "$DEF"
	host
	unchecked disk-missing "${HOST[@]}"
	because "the captured host has no copy of it"
}

@test "disk-missing: a disk that may not be written" {
	# Root may write everything: as somebody else, then.
	if [[ $(id -u) -eq 0 ]]; then
		cp "$VMFO" "$BATS_TEST_TMPDIR/vmfo-program"
		cat >"$BATS_TEST_TMPDIR/vmfo" <<-END
			#!/bin/sh
			exec setpriv --reuid 65534 --regid 65534 --clear-groups "$BATS_TEST_TMPDIR/vmfo-program" "\$@"
		END
		chmod a+rx "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR"/vmfo*
		VMFO=$BATS_TEST_TMPDIR/vmfo
	fi
	chmod 0444 "$DISK"
	define
	finds disk-missing --file "$DEF"
	found "disk $DISK: Permission denied"
	define '.disks[0].readonly = true'
	passes disk-missing --file "$DEF"
}

@test "media-missing" {
	define '.media = [{id: "cd0", path: $disk}] | .disks = []'
	passes media-missing --file "$DEF"
	rm "$DISK"
	finds media-missing --file "$DEF"
	found "media $DISK: No such file or directory"
	about "media cd0"
	unchecked media-missing --no-host --file "$DEF"
}

@test "boot-file-missing" {
	define '.boot = {kernel: $disk, initrd: $disk, cmdline: ""}'
	passes boot-file-missing --file "$DEF"
	define '.boot = {kernel: $disk, initrd: ($disk + ".none"), cmdline: ""}'
	finds boot-file-missing --file "$DEF"
	found "initrd $DISK.none: No such file or directory"
	about initrd
	unchecked boot-file-missing --no-host --file "$DEF"
}

@test "firmware-missing" {
	define '.boot = {firmware: {code: $disk, vars: $disk}} | .disks = []'
	passes firmware-missing --file "$DEF"
	define '.boot = {firmware: {code: $disk, vars: ($disk + ".none")}}'
	finds firmware-missing --file "$DEF"
	found "firmware variables $DISK.none: No such file or directory"
	unchecked firmware-missing --no-host --file "$DEF"
}

@test "disk-cache-unsafe" {
	define '.disks[0].cache = "unsafe"'
	passes disk-cache-unsafe --file "$DEF" # of a file system that only this host has
	unchecked disk-cache-unsafe --no-host --file "$DEF"
	host
	unchecked disk-cache-unsafe "${HOST[@]}"
	because "disk vda"
}

@test "disk-cache-unsafe: a block device" {
	skip_unless "no loop device can be made" bash -c 'loop=$(losetup -f) && test -w "$loop"'
	LOOP=$(losetup -f --show "$DISK") || { LOOP='' && skip_unless "losetup fails" false; }
	DISK=$LOOP define '.disks[0].cache = "unsafe"'
	finds disk-cache-unsafe --file "$DEF"
	found "$LOOP, a block device"
	is_severity error
	DISK=$LOOP define '.disks[0].cache = "writeback"'
	finds disk-cache-unsafe --file "$DEF"
	is_severity warning
	DISK=$LOOP define
	passes disk-cache-unsafe --file "$DEF"
	passes disk-missing --file "$DEF"
}

@test "kvm-unavailable" {
	define '.accel = ["kvm"]'
	host --no-kvm
	finds kvm-unavailable "${HOST[@]}"
	about host
	host
	passes kvm-unavailable "${HOST[@]}"
	unchecked kvm-unavailable --no-host --file "$DEF"
	define '.accel = ["kvm", "tcg"]'
	host --no-kvm
	passes kvm-unavailable "${HOST[@]}"
}

@test "vhost-missing" {
	vf_pair on
	host --no-vhost-net
	finds vhost-missing "${HOST[@]}"
	about "pair net0"
	host
	passes vhost-missing "${HOST[@]}"
	unchecked vhost-missing --no-host --file "$DEF"
	finds vhost-missing --sysroot tests/data/hosts/vm-no-iommu -- /nonexistent/qemu -machine pc-q35-7.2 \
		-netdev tap,id=n0,vhost=on
	about "netdev n0"
}

@test "standby-no-vhost" {
	vf_pair auto
	host --no-vhost-net
	finds standby-no-vhost "${HOST[@]}"
	about "pair net0"
	is_severity warning
	host
	passes standby-no-vhost "${HOST[@]}"
	unchecked standby-no-vhost --no-host --file "$DEF"
	because "/dev/vhost-net"
	vf_pair off
	finds standby-no-vhost --no-host --file "$DEF"
}

@test "disk-no-iothread" {
	local args=(--no-host -- /nonexistent/qemu -machine pc-q35-7.2 -device "pcie-root-port,id=a,slot=1,chassis=1"
		-device "pcie-root-port,id=b,slot=2,chassis=2" -device "virtio-net-pci,id=net0,bus=a,failover=on"
		-device "vfio-pci,id=p0,bus=b,host=01:10.0,failover_pair_id=net0" -object "iothread,id=io")
	finds disk-no-iothread "${args[@]}" -device virtio-blk-pci,id=vda,drive=d
	about "disk vda"
	is_severity warning
	passes disk-no-iothread "${args[@]}" -device virtio-blk-pci,id=vda,drive=d,iothread=io
	passes disk-no-iothread --no-host -- /nonexistent/qemu -machine pc-q35-7.2 -device virtio-blk-pci,id=vda,drive=d
}

@test "memory-short" {
	define '.memory.mib = 4096'
	host --memory 8 --available 3
	finds memory-short "${HOST[@]}"
	found "memory: the VM needs 4096 MiB, 3072 MiB are available"
	host --memory 8 --available 4
	passes memory-short "${HOST[@]}"
	unchecked memory-short --no-host --file "$DEF"
}

@test "huge-pages-missing" {
	define '.memory = {mib: 1024, huge_pages: true}'
	host --huge-pages 2048:1024:511
	finds huge-pages-missing "${HOST[@]}"
	found "needs 1024 MiB of huge pages, 1022 MiB are free"
	host --huge-pages 2048:1024:512
	passes huge-pages-missing "${HOST[@]}"
	passes memory-short "${HOST[@]}"
	unchecked huge-pages-missing --no-host --file "$DEF"
}
