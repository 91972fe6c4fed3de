#!/usr/bin/env bats
# check-topology of a VM that runs: a real QEMU and a real guest, asked as a VM of vmfo's own and as any QEMU. The pair's
# slots are under native hot-plug, for the power indicator.

load common
load ../cli/rules

setup_file() {
	vm_hosts_up
	vm_define web1 '.qemu_args = ["-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off"]'
	vm_launch web1
}

teardown_file() {
	vm_hosts_down
}

setup() {
	# check-topology finds the VM by its folders. Hosts share their processes' ids with this one.
	export VMFO_CONFDIR=$HOSTS_DIR/alpha/etc VMFO_RUNDIR=$HOSTS_DIR/alpha/run VMFO_STATEDIR=$HOSTS_DIR/alpha/lib
	OWN=(--no-host web1)
	ANY=(--no-host --qmp "$VMFO_RUNDIR/web1/monitor.sock")
}

GUEST_RULES=(standby-not-negotiated still-booting primary-absent guest-denies-primary vm-not-running
	slot-indicator-blinking reboot-without-standby)

# In a guest of this kernel the plug at launch, too, takes its time.
settled() {
	passes slot-indicator-blinking "${OWN[@]}" 2>/dev/null
}

blinks() {
	finds slot-indicator-blinking "${OWN[@]}" 2>/dev/null
}

@test "a whole pair: every rule of the guest was checked, and passes" {
	wait_for 20 settled
	for rule in "${GUEST_RULES[@]}"; do
		passes "$rule" "${OWN[@]}"
	done
}

@test "the same QEMU, as one of somebody else: its devices are read, and what is no query is not sent" {
	passes mac-mismatch "${ANY[@]}"
	passes primary-not-pcie "${ANY[@]}"
	passes primary-rom "${ANY[@]}"
	passes standby-without-primary "${ANY[@]}"
	for rule in standby-not-negotiated still-booting primary-absent vm-not-running reboot-without-standby; do
		passes "$rule" "${ANY[@]}"
	done
	unchecked slot-indicator-blinking "${ANY[@]}"
	because "of its own only"
	unchecked guest-denies-primary "${ANY[@]}"
	# It is recognized as a VM of this host, whose addresses are its own.
	passes mac-duplicate --qmp "$VMFO_RUNDIR/web1/monitor.sock"
}

@test "a VM that is paused" {
	monitor alpha web1 '{"execute": "stop"}'
	finds vm-not-running "${OWN[@]}"
	found '"paused"'
	about "VM web1"
	monitor alpha web1 '{"execute": "cont"}'
	passes vm-not-running "${OWN[@]}"
}

@test "an unplug is under way, and then the primary is absent, until it is plugged again" {
	monitor alpha web1 '{"execute": "device_del", "arguments": {"id": "net0-primary"}}'
	wait_for 4 blinks
	found "the power indicator of the primary's slot blinks"
	# What the rule says: QEMU refuses.
	[[ $(monitor alpha web1 '{"execute": "device_del", "arguments": {"id": "net0-primary"}}') == *"desc"* ]]
	wait_for 30 finds primary-absent "${OWN[@]}"
	passes slot-indicator-blinking "${OWN[@]}"
	finds primary-absent "${ANY[@]}"
	on alpha vmfo replug web1
	wait_for 20 settled
	passes primary-absent "${OWN[@]}"
	passes guest-denies-primary "${OWN[@]}"
}

@test "asking changes nothing" {
	vm_remember
	check_topology "${OWN[@]}"
	check_topology "${ANY[@]}"
	assert_as_before alpha
	assert_pair alpha web1
}

@test "a guest without a driver for the standby" {
	vm_define bare '.uuid = "3f9a6c1e-7f0b-4c52-9a4e-0d1b2c3d4e60" | .boot.cmdline += " module_blacklist=virtio_net" |
		.pairs[0].mac = "52:54:00:00:00:09"'
	run on alpha vmfo launch bare
	finds still-booting --no-host bare
	about "pair net0"
	passes standby-not-negotiated --no-host bare
	passes primary-absent --no-host bare
	on alpha vmfo stop bare --timeout 0 --force
}
