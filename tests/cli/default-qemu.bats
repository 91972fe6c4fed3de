#!/usr/bin/env bats
# Which QEMU is taken where nobody names one: that of the tree that vmfo is in, else an installed one, else PATH's.

load ../helpers

setup() {
	vmfo_sandbox
	rm "$VMFO_CONFDIR/host.json"
	TREE=$BATS_TEST_TMPDIR/tree
	mkdir -p "$TREE"/{bin/qemu,libexec/vmfo,path}
	cp "$VMFO" "$TREE/bin/vmfo"
	VMFO=$TREE/bin/vmfo
	no_qemu "$TREE/path/qemu-system-x86_64"
	PATH=$TREE/path:$PATH
}

# Says where it is, and ends.
no_qemu() { # PATH
	# shellcheck disable=SC2016  # the program's own
	printf '#!/bin/sh\necho "this is $0" >&2\nexit 1\n' >"$1"
	chmod +x "$1"
}

asked() { # PATH
	vmfo check-topology --buses
	[ "$status" -eq 4 ]
	[[ $stderr == *"this is $1"* ]]
}

@test "PATH's, if there is no other" {
	asked "$TREE/path/qemu-system-x86_64"
}

@test "one that is installed" {
	no_qemu "$TREE/libexec/vmfo/qemu-system-x86_64"
	asked "$TREE/libexec/vmfo/qemu-system-x86_64"
}

@test "one that was built beside it, also for a link to vmfo" {
	no_qemu "$TREE/libexec/vmfo/qemu-system-x86_64"
	no_qemu "$TREE/bin/qemu/qemu-system-x86_64"
	asked "$TREE/bin/qemu/qemu-system-x86_64"
	ln -s "$VMFO" "$TREE/path/vmfo"
	VMFO=$TREE/path/vmfo
	asked "$TREE/bin/qemu/qemu-system-x86_64"
}

@test "none of them, if host.json, the definition or an option names one" {
	no_qemu "$TREE/bin/qemu/qemu-system-x86_64"
	no_qemu "$TREE/other"
	vmfo check-topology --buses --qemu "$TREE/other"
	[[ $stderr == *"this is $TREE/other"* ]]
	printf '{"schema": "vmfo.host/1", "qemu": "%s"}' "$TREE/other" >"$VMFO_CONFDIR/host.json"
	asked "$TREE/other"
	jq --arg qemu "$TREE/path/qemu-system-x86_64" '.qemu = $qemu' tests/data/vm-example.json >"$BATS_TEST_TMPDIR/vm.json"
	vmfo check-topology --no-host --file "$BATS_TEST_TMPDIR/vm.json"
	[[ $output == *"this is $TREE/path/qemu-system-x86_64"* ]]
}
