#!/usr/bin/env bats
# The rules about a target and the way to it, each with a real second host that breaks it. beta's files are alpha's,
# unless another one is mounted over them where beta's sshd, and so its vmfo, sees it.

load common
load ../cli/rules

setup_file() {
	vm_hosts_up
	# Nothing boots from them: what counts is that QEMU has them open.
	cp /usr/share/seabios/bios-256k.bin "$HOSTS_DIR/code.fd"
	truncate -s 256K "$HOSTS_DIR"/{vars,idle-vars}.fd
	truncate -s 1M "$HOSTS_DIR"/{disk,idle-disk}.raw
	truncate -s 512K "$HOSTS_DIR/cd.iso"
	truncate -s 4K "$HOSTS_DIR/nic.rom"
	vm_define demo "$(filter)"
	# The same with files of its own, and it does not run.
	vm_define idle "$(filter idle-) | .uuid = \"11111111-2222-4333-8444-555555555555\" |
		.pairs[0].mac = \"52:54:00:00:00:05\""
	on alpha vmfo launch demo
}

filter() { # [PREFIX]
	cat <<-END
		.boot = {firmware: {code: "$HOSTS_DIR/code.fd", vars: "$HOSTS_DIR/${1:-}vars.fd"}} |
		.disks = [{id: "vda", path: "$HOSTS_DIR/${1:-}disk.raw", format: "raw", cache: "none"}] |
		.media = [{id: "cd0", path: "$HOSTS_DIR/cd.iso"}] |
		.qemu_args = ["-device", "e1000e,id=extra,mac=52:54:00:00:00:09,romfile=$HOSTS_DIR/nic.rom"]
	END
}

teardown_file() {
	vm_hosts_down
}

setup() {
	BETA=$HOSTS_DIR/beta
	cp -p "$BETA/etc/host.json" "$BATS_TEST_TMPDIR/beta.json"
	cp -p "$HOSTS_DIR"/alpha/{etc/host.json,ssh_config,known_hosts} "$BATS_TEST_TMPDIR"
}

teardown() {
	cp -p "$BATS_TEST_TMPDIR/beta.json" "$BETA/etc/host.json"
	cp -p "$BATS_TEST_TMPDIR/host.json" "$HOSTS_DIR/alpha/etc"
	cp -p "$BATS_TEST_TMPDIR"/{ssh_config,known_hosts} "$HOSTS_DIR/alpha"
	rm -rf "$BETA/lib/vms"
	[[ -z ${OVER:-} ]] || on_beta umount "$OVER"
	[[ -z ${RESTARTED:-} ]] || { sshd_stop beta && sshd_start beta; }
	ip -n "$HOSTS_NS-beta" link delete clash 2>/dev/null || true
}

# rules.bash asks here: of alpha, and beta as well.
vmfo() {
	run --separate-stderr on alpha vmfo "$@"
	printf '+ vmfo %s\n%s\n%s\n-> %s\n' "$*" "$output" "${stderr:-}" "$status" >&2
}

on_beta() { # as beta's sshd sees its files
	nsenter --target "$(<"$BETA/sshd.pid")" --mount "$@"
}

differ() { # FILE SIZE: another one on beta, of that size
	local other=$BATS_TEST_TMPDIR/other
	truncate -s "$2" "$other"
	OVER=$HOSTS_DIR/$1
	on_beta mount --bind "$other" "$OVER"
}

# beta's own QEMU, which says something else of itself.
lie() { # SED-EXPRESSION: of what it says over QMP
	cat >"$BETA/lying-qemu" <<-END
		#!/usr/bin/env python3
		import os, re, socket, subprocess, sys, threading
		near = socket.socket(fileno=3)
		ours, theirs = socket.socketpair()
		child = subprocess.Popen(["$QEMU"] + sys.argv[1:], pass_fds=[3], preexec_fn=lambda: os.dup2(theirs.fileno(), 3))
		theirs.close()
		def away():
		    while data := near.recv(65536):
		        ours.sendall(data)
		    ours.shutdown(socket.SHUT_WR)
		threading.Thread(target=away, daemon=True).start()
		for line in ours.makefile("rb"):
		    near.sendall(re.sub(rb'$1', rb'$2', line))
		sys.exit(child.wait())
	END
	chmod +x "$BETA/lying-qemu"
	vm_host_config beta ".qemu = \"$BETA/lying-qemu\""
}

# alpha says something else of itself to beta's vmfo.
claim() { # SED-EXPRESSION TEXT
	cat >"$BETA/agent" <<-END
		#!/bin/sh
		sed -uE 's/$1/$2/' | vmfo agent
	END
	chmod +x "$BETA/agent"
	vm_host_config alpha ".agent_command = [\"$BETA/agent\"]"
}

# The way to beta is not there: the finding, and exit status 4.
reach_fails() { # RULE TEXT…
	RULE=$1
	shift
	vmfo check-topology demo --target beta --json
	[ "$status" -eq 4 ]
	FINDINGS=$(of_rule "$RULE")
	[[ -n $FINDINGS ]]
	found "$@"
}

@test "two hosts that fit: every rule of the target passes" {
	local rule
	for rule in storage-not-shared vars-not-shared media-differs firmware-size rom-size machine-unsupported \
		qemu-older cpu-incompatible kvm-differs name-taken mac-taken vf-other-model standby-features; do
		passes "$rule" demo --target beta
	done
}

@test "without a target they are not checked, and neither is the way to one" {
	local rule
	for rule in storage-not-shared vars-not-shared media-differs firmware-size rom-size machine-unsupported \
		qemu-older cpu-incompatible kvm-differs name-taken mac-taken vf-other-model standby-features ssh-config \
		ssh-unreachable ssh-algorithms ssh-host-key-unknown ssh-host-key-changed ssh-host-key-revoked ssh-auth \
		ssh-session agent-missing agent-version; do
		unchecked "$rule" demo
	done
}

@test "storage-not-shared: another file of the same name and size" {
	differ disk.raw 1M
	finds storage-not-shared demo --target beta
	about "beta: disk vda"
	found "its lock is not seen here" "of the same size"
	passes vars-not-shared demo --target beta
}

@test "storage-not-shared: a VM that does not run proves nothing" {
	unchecked storage-not-shared idle --target beta
	because "the VM does not run on the source"
	differ idle-disk.raw 2M
	finds storage-not-shared idle --target beta
	found "of 2097152 bytes, and 1048576 there"
}

@test "vars-not-shared" {
	differ vars.fd 256K
	finds vars-not-shared demo --target beta
	about "beta: firmware variables"
	passes firmware-size demo --target beta
	unchecked vars-not-shared idle --target beta
}

@test "media-differs" {
	differ cd.iso 1M
	finds media-differs demo --target beta
	about "beta: media cd0"
	found "has 1048576 bytes here, and 524288 on the source"
}

@test "firmware-size" {
	differ code.fd 512K
	finds firmware-size demo --target beta
	about "beta: firmware"
}

@test "rom-size" {
	differ nic.rom 8K
	finds rom-size demo --target beta
	found "has 8192 bytes here, and 4096 on the source"
}

@test "machine-unsupported" {
	lie "$MACHINE" "${MACHINE/#pc-q35/no-q35}"
	finds machine-unsupported demo --target beta
	found "its QEMU" "($BETA/lying-qemu) has no machine type \"$MACHINE\""
	about "beta: QEMU"
	vm_host_config beta '.qemu = "/nonexistent/qemu"'
	unchecked machine-unsupported demo --target beta
	unchecked qemu-older demo --target beta
	unchecked cpu-incompatible demo --target beta
}

@test "qemu-older" {
	lie '"major": [0-9]+' '"major": 5'
	finds qemu-older demo --target beta
	found "its QEMU 5." "is older than the one the VM runs in ("
	passes machine-unsupported demo --target beta
}

@test "cpu-incompatible" {
	lie '"qemu64' '"qemu46'
	finds cpu-incompatible demo --target beta
	found "($BETA/lying-qemu) has no CPU model \"qemu64\""
}

@test "kvm-differs" {
	# The VM runs under TCG. What a target says of KVM then is only its QEMU's word.
	vm_host_config beta '.qemu = "/nonexistent/qemu"'
	passes kvm-differs demo --target beta
	lie '"enabled": false, "present": [a-z]+' '"enabled": true, "present": true'
	finds kvm-differs demo --target beta
	found "the VM runs without KVM"
	is_severity warning
}

@test "standby-features" {
	# Both hosts have one kernel: what alpha's can do, more or less than it does, is only its word.
	claim '"tap_offloads": *[0-9]+' '"tap_offloads": 1023'
	finds standby-features demo --target beta
	found "taps of the source have " "0x200, taps here do not"
	about "beta: host"
	is_severity warning
	claim '"tap_offloads": *[0-9]+' '"tap_offloads": 0'
	finds standby-features demo --target beta
	found "taps here have CSUM, TSO4"
	is_severity info
	claim '"tap_offloads": *[0-9]+' '"tap_offloads": null'
	unchecked standby-features demo --target beta
	because "the tap offloads of the source are not known"
}

@test "name-taken" {
	mkdir -p "$BETA/lib/vms"
	jq '.uuid = "99999999-2222-4333-8444-555555555555"' "$HOSTS_DIR/alpha/lib/vms/demo.json" >"$BETA/lib/vms/demo.json"
	finds name-taken demo --target beta
	found "another VM is defined there by the name \"demo\" (uuid 99999999-2222-4333-8444-555555555555)"
}

@test "mac-taken" {
	ip -n "$HOSTS_NS-beta" link add clash address "$MAC0" type bridge
	finds mac-taken demo --target beta
	about "beta: pair net0"
	found "$MAC0 is the MAC of the link clash there"
}

@test "ssh-config" {
	printf 'Host beta\n\tProxyJump elsewhere\n' | cat - "$BATS_TEST_TMPDIR/ssh_config" >"$HOSTS_DIR/alpha/ssh_config"
	reach_fails ssh-config ProxyJump
	echo 'NoSuchKeyword yes' >"$HOSTS_DIR/alpha/ssh_config"
	reach_fails ssh-config nosuchkeyword
}

@test "ssh-unreachable" {
	sed -i 's/HostName .*/&\n\tPort 1/' "$HOSTS_DIR/alpha/ssh_config"
	reach_fails ssh-unreachable "Connection refused"
	sed -i 's/HostName .*/HostName no-such-host.invalid/' "$HOSTS_DIR/alpha/ssh_config"
	reach_fails ssh-unreachable "no such host name"
}

@test "ssh-algorithms" {
	sed -i 's/HostName .*/&\n\tCiphers chacha20-poly1305@openssh.com/' "$HOSTS_DIR/alpha/ssh_config"
	reach_fails ssh-algorithms Ciphers
}

@test "ssh-host-key-unknown, -changed, -revoked" {
	: >"$HOSTS_DIR/alpha/known_hosts"
	reach_fails ssh-host-key-unknown SHA256: ssh-keyscan
	sed "s|AAAA.*|$(cut -d' ' -f2 "$HOSTS_DIR/alpha/host_ed25519.pub")|" "$BATS_TEST_TMPDIR/known_hosts" |
		grep ssh-ed25519 >"$HOSTS_DIR/alpha/known_hosts"
	reach_fails ssh-host-key-changed CHANGED
	sed 's/^/@revoked /' "$BATS_TEST_TMPDIR/known_hosts" >"$HOSTS_DIR/alpha/known_hosts"
	reach_fails ssh-host-key-revoked REVOKED
}

@test "ssh-auth" {
	ssh-keygen -q -t ed25519 -N '' -f "$BATS_TEST_TMPDIR/stranger"
	sed -i "s|IdentityFile .*|IdentityFile $BATS_TEST_TMPDIR/stranger|" "$HOSTS_DIR/alpha/ssh_config"
	reach_fails ssh-auth "no key was accepted" stranger
	ssh-keygen -q -t rsa -b 2048 -N '' -f "$BATS_TEST_TMPDIR/rsa"
	sed -i "s|IdentityFile .*|IdentityFile $BATS_TEST_TMPDIR/rsa|" "$HOSTS_DIR/alpha/ssh_config"
	reach_fails ssh-auth RSA
}

@test "ssh-session" {
	RESTARTED=yes
	sshd_stop beta
	sshd_start beta -o MaxSessions=0
	reach_fails ssh-session "the server refuses it" MaxSessions
}

@test "agent-missing, agent-version" {
	vm_host_config alpha '.agent_command = ["vmfo-not-there"]'
	reach_fails agent-missing "no vmfo on beta"
	vm_host_config alpha '.agent_command = ["echo", "{\"vmfo\":\"agent\",\"protocol\":99,\"version\":\"9.9\"}"]'
	reach_fails agent-version "speaks agent protocol 99"
}
