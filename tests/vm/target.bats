#!/usr/bin/env bats
# A target that cannot take the VM: refused by the checks, before anything is changed, with every reason. And one whose
# QEMU does not start although the checks pass.

load common

setup_file() {
	vm_hosts_up
	truncate -s 1M "$HOSTS_DIR/disk.raw"
	vm_define demo ".disks = [{id: \"disk0\", path: \"$HOSTS_DIR/disk.raw\", format: \"raw\"}]"
	vm_launch demo
}

teardown_file() {
	vm_hosts_down
}

setup() {
	BETA=$HOSTS_DIR/beta
	cp -p "$BETA/etc/host.json" "$BATS_TEST_TMPDIR"
}

teardown() {
	local beta=$HOSTS_NS-beta
	cp -p "$BATS_TEST_TMPDIR/host.json" "$BETA/etc"
	if ip -n "$beta" link show other0 >/dev/null 2>&1; then
		ip -n "$beta" link delete br0 2>/dev/null || true
		ip -n "$beta" link set other0 name br0
	fi
	ip -n "$beta" link set br0 up
	[[ ! -e $HOSTS_DIR/disk.away ]] || mv "$HOSTS_DIR/disk.away" "$HOSTS_DIR/disk.raw"
	[[ -z ${HOLDER:-} ]] || kill "$HOLDER"
	if [[ -n ${OTHER:-} ]]; then
		on beta vmfo stop demo --timeout 0 --force 2>/dev/null || true
		rm -f "$BETA"/{etc,lib}/vms/demo.json
	fi
}

rename_bridge() {
	ip -n "$HOSTS_NS-beta" link set br0 down
	ip -n "$HOSTS_NS-beta" link set br0 name other0
}

# By errors of these rules and no other, with these texts; and nothing has changed. vm_remember first.
refused() { # "RULE, RULE" TEXT…
	local text rules=$1
	shift
	vm_migrate alpha beta demo
	[ "$status" -eq 4 ]
	[ "$(result .outcome)" = refused ]
	[[ $(narrated | tail -n 1) =~ ^"vmfo migrate: demo: beta cannot take it: "[0-9]+" error"s?" ($rules)"$ ]]
	for text in "$@"; do
		narrated | grep -qF -- "$text" || { echo "not told: $text" >&2; return 1; }
	done
	assert_as_before alpha
	assert_as_before beta
	[[ $(vm_state alpha demo) = running && $(qemu_pids alpha demo | wc -l) = 1 ]]
	assert_pair alpha demo
}

# beta gets a QEMU that does not know a name which alpha's knows: the same program, the name in it changed.
qemu_without() { # NAME OTHER-NAME-OF-THE-SAME-LENGTH
	local running libraries modules
	running=$(qemu_pids alpha demo)
	libraries=$(tr '\0' '\n' <"/proc/$running/environ" | sed -n 's/^LD_LIBRARY_PATH=//p')
	modules=$(sed -n 's|.* \(/.*\)/accel-tcg-x86_64\.so$|\1|p' "/proc/$running/maps" | head -n 1)
	LC_ALL=C sed "s/${1//./\\.}/$2/g" "/proc/$running/exe" >"$BETA/qemu-program"
	cat >"$BETA/qemu" <<-END
		#!/bin/sh
		export LD_LIBRARY_PATH="$libraries" QEMU_MODULE_DIR="$modules"
		exec $BETA/qemu-program "\$@"
	END
	chmod +x "$BETA"/qemu{,-program}
	vm_host_config beta ".qemu = \"$BETA/qemu\""
}

@test "a VM of that name runs there" {
	OTHER=yes
	jq '.uuid = "11111111-2222-4333-8444-555555555555" | .memory.mib = 64 | .disks = [] | .boot = {}' \
		"$HOSTS_DIR/alpha/etc/vms/demo.json" >"$BETA/etc/vms/demo.json"
	on beta vmfo launch demo
	vm_remember
	refused name-taken "a VM \"demo\" runs there already (process $(qemu_pids beta demo))"
	[ "$(qemu_pids beta demo | wc -l)" -eq 1 ]
	on beta vmfo stop demo --timeout 0 --force
	assert_nothing_left beta
}

@test "another VM is stored there by that name" {
	OTHER=yes
	mkdir -p "$BETA/lib/vms"
	jq '.uuid = "11111111-2222-4333-8444-555555555555"' "$HOSTS_DIR/alpha/lib/vms/demo.json" >"$BETA/lib/vms/demo.json"
	vm_remember
	refused name-taken "another VM is defined there by the name \"demo\" (uuid 11111111-2222-4333-8444-555555555555)"
}

@test "another vmfo works on that name there" {
	mkdir "$BETA/run/demo"
	# exec, so that it is this very process that holds it.
	(exec 9>"$BETA/run/demo/lock" && flock 9 && exec sleep 60 3>&-) &
	HOLDER=$!
	wait_for 5 test -e "$BETA/run/demo/lock"
	vm_remember
	refused name-taken "another vmfo there works on \"demo\""
	rm -r "$BETA/run/demo"
}

@test "its QEMU has no such machine type" {
	qemu_without "$MACHINE" "${MACHINE/#pc-q35/no-q35}"
	vm_remember
	refused machine-unsupported "its QEMU" "($BETA/qemu) has no machine type \"$MACHINE\""
}

@test "its QEMU has no such CPU model" {
	qemu_without qemu64 qemu46
	vm_remember
	refused cpu-incompatible "its QEMU" "($BETA/qemu) has no CPU model \"qemu64\""
}

@test "there is no QEMU" {
	vm_host_config beta '.qemu = "/nonexistent/qemu"'
	vm_remember
	refused qemu-unusable "/nonexistent/qemu"
}

@test "its QEMU does not run" {
	printf '#!/bin/sh\necho "cannot load libmissing.so" >&2\nexit 127\n' >"$BETA/qemu"
	chmod +x "$BETA/qemu"
	vm_host_config beta ".qemu = \"$BETA/qemu\""
	vm_remember
	refused qemu-unusable "$BETA/qemu" "cannot load libmissing.so"
}

@test "a disk is not there" {
	# The hosts share a file system. To QEMU on alpha, which has it open, its name does not matter.
	mv "$HOSTS_DIR/disk.raw" "$HOSTS_DIR/disk.away"
	vm_remember
	refused disk-missing "disk $HOSTS_DIR/disk.raw: No such file or directory"
}

@test "there is no such bridge" {
	rename_bridge
	vm_remember
	refused standby-link "error: standby-link: beta: pair net0" "no network link br0 "
}

@test "its bridge is down, and every other reason is told as well" {
	ip -n "$HOSTS_NS-beta" link set br0 down
	mv "$HOSTS_DIR/disk.raw" "$HOSTS_DIR/disk.away"
	vm_host_config beta '.qemu = "/nonexistent/qemu"'
	vm_remember
	refused "qemu-unusable, disk-missing, standby-link" "br0 is down" "disk $HOSTS_DIR/disk.raw: " "/nonexistent/qemu"
}

@test "its bridge's name is that of something else" {
	rename_bridge
	ip -n "$HOSTS_NS-beta" link add br0 type veth peer name other1
	vm_remember
	refused standby-link "br0 is not a bridge"
}

@test "its QEMU does not start, although it could have been used" {
	cat >"$BETA/qemu" <<-END
		#!/bin/bash
		[[ " \$* " != *' -incoming '* ]] || { echo "out of everything" >&2; exit 1; }
		exec $QEMU "\$@"
	END
	chmod +x "$BETA/qemu"
	vm_host_config beta ".qemu = \"$BETA/qemu\""
	vm_remember
	vm_migrate alpha beta demo
	[ "$status" -eq 5 ]
	[ "$(result .outcome)" = rolled-back ]
	grep -qF "beta: start QEMU ($BETA/qemu): QEMU ended with exit status 1: out of everything" \
		"$BATS_TEST_TMPDIR/narration"
	assert_runs_only_on alpha demo
	assert_pair alpha demo
	assert_as_before alpha
	assert_as_before beta
	assert_nothing_left beta
}

@test "after all of that it can be moved" {
	vm_migrate alpha beta demo
	[ "$status" -eq 0 ]
	assert_runs_only_on beta demo
	assert_pair beta demo
	assert_nothing_left alpha
}
