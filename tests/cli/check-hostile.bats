#!/usr/bin/env bats
# vmfo check-topology with what nobody should give it: it says so in one error, soon, and leaves nothing behind.

load ../helpers

setup() {
	vmfo_sandbox
	# What runs of the stand-in for a QEMU is known by how long it sleeps.
	MARK=30303.$BASHPID
	cd "$BATS_TEST_TMPDIR" || return
	GOOD=(-- /nonexistent/qemu -machine pc-q35-7.2)
}

teardown() {
	left | xargs -r kill -9
}

left() {
	pgrep -f "sleep $MARK\$" || true
}

assert_gone() {
	for _ in {1..50}; do
		[[ -n $(left) ]] || return 0
		sleep 0.1
	done
	echo "left behind: $(pgrep -af "sleep $MARK\$")" >&2
	return 1
}

refused() { # STATUS TEXT…
	[ "$status" -eq "$1" ]
	shift
	[ -z "$output" ]
	[ "$(wc -l <<<"$stderr")" -eq 1 ]
	for text in "$@"; do
		[[ $stderr == *"$text"* ]]
	done
	[[ $stderr != *$'\e'* ]]
	assert_empty "$VMFO_RUNDIR"
	assert_empty "$VMFO_STATEDIR"
}

script() { # NAME: from standard input
	{ echo '#!/bin/sh' && cat; } >"$1"
	chmod +x "$1"
}

# ---- files ----

@test "a FIFO that nobody writes to does not hold it up" {
	mkfifo fifo
	begun=$SECONDS
	vmfo check-topology --cmdline fifo
	refused 4 "read fifo: nothing came for 10 s"
	((SECONDS - begun < 15))
}

@test "a pipe is read to its end, however slowly it is written" {
	mkfifo fifo
	(
		sleep 0.5
		printf '/nonexistent/qemu -machine'
		sleep 0.5
		printf ' pc-q35-7.2 -nographic'
	) >fifo 3>&- &
	vmfo check-topology --no-host --json --cmdline fifo
	[ "$status" -eq 0 ]
	[ "$(jq -c .passed_over <<<"$output")" = '["-nographic"]' ]
	vmfo check-topology --no-host --cmdline <(echo /nonexistent/qemu -machine pc-q35-7.2)
	[ "$status" -eq 0 ]
}

@test "what has no end, and what is no text, is refused" {
	vmfo check-topology --cmdline /dev/zero
	refused 4 "/dev/zero: it has more than"
	vmfo check-topology --file /dev/zero
	refused 4 "/dev/zero: it has more than"
	vmfo check-topology --cmdline .
	refused 4 "Is a directory"
	head -c 1000 /dev/zero >binary
	vmfo check-topology --cmdline binary
	refused 2 "this is no text"
	python3 -c 'print("[" * 10000)' >deep.json
	vmfo check-topology --file deep.json
	refused 2 "maximum parsing depth"
}

@test "a name that is no UTF-8 is in the answer, made printable" {
	name=$'a\xff\e[31mb'
	echo /nonexistent/qemu -machine pc-q35-7.2 >"$name"
	vmfo check-topology --no-host --json --cmdline "$name"
	[ "$status" -eq 0 ]
	[ "$(jq -r .subject <<<"$output")" = 'a??[31mb' ]
	vmfo check-topology --no-host --cmdline "$name"
	[ "$status" -eq 0 ]
	[[ $output != *$'\e'* ]]
}

@test "an empty value names nothing" {
	for option in --file --cmdline --qmp; do
		vmfo check-topology "$option" ''
		refused 2 "$option: its value is empty"
	done
	vmfo check-topology --buses --machine ''
	refused 2 "--machine: its value is empty"
	for option in --qemu --sysroot --target; do
		vmfo check-topology db1 "$option" ''
		refused 2 "$option: its value is empty"
	done
}

# ---- sockets ----

@test "--qmp on what is no socket, and on a socket that nobody has open" {
	: >file
	vmfo check-topology --qmp file
	refused 4 "connect to file: Connection refused: it is no socket"
	python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("dead")'
	vmfo check-topology --qmp dead
	refused 4 "connect to dead: Connection refused: nobody listens there any more"
}

@test "a QEMU that ends in the middle of a question could not be looked at: 4" {
	echo '{"answers": {"query-kvm": {"$end": true}, "query-pci": {"$end": true}}, "qom": {"/machine": {}, "/objects": {}}}' >ends.json
	"$BATS_TEST_DIRNAME/fake-qmp" ends.sock ends.json 3>&- &
	server=$!
	for _ in {1..50}; do
		[[ ! -S ends.sock ]] || break
		sleep 0.1
	done
	vmfo check-topology --no-host --qmp ends.sock
	kill "$server"
	refused 4 "QEMU ended"
}

# ---- captured hosts ----

@test "--sysroot wants the folder of a captured host" {
	mkdir empty
	vmfo check-topology --sysroot empty "${GOOD[@]}"
	refused 4 "captured host empty: it has neither sys/ nor proc/"
	ln -s loop loop
	vmfo check-topology --sysroot loop "${GOOD[@]}"
	refused 4 "Too many levels of symbolic links"
}

@test "a captured host of FIFOs, of folders, of endless files is read, and most of it unknown" {
	for kind in fifo folder endless empty loop; do
		rm -rf host
		"$BATS_TEST_DIRNAME/../data/hosts/make" host --preset shared-group
		while read -r -d '' file; do
			rm "$file"
			case $kind in
			fifo) mkfifo "$file" ;;
			folder) mkdir "$file" ;;
			endless) ln -s /dev/zero "$file" ;;
			empty) : >"$file" ;;
			loop) ln -s "${file##*/}" "$file" ;;
			esac
		done < <(find host -type f -print0)
		begun=$SECONDS
		vmfo check-topology --json --sysroot host "${GOOD[@]}" -device vfio-pci,host=01:10.0,id=p0,failover_pair_id=net0
		[ "$status" -eq 3 ]
		[ -z "$stderr" ]
		((SECONDS - begun < 10))
		jq -e '.not_checked | length > 20' <<<"$output"
	done
}

# ---- binaries ----

@test "a binary that hangs is ended, with what it has started" {
	script hangs <<-END
		sleep $MARK
	END
	begun=$SECONDS
	vmfo check-topology --buses --qemu ./hangs
	refused 4 "ask ./hangs what it can do" "still running"
	((SECONDS - begun < 15))
	[[ -z $(left) ]]
}

@test "a binary that ignores SIGTERM, or writes without an end, is ended" {
	script deaf <<-END
		trap '' TERM
		printf '{"QMP": {' >&3
		sleep $MARK &
		while :; do printf '\\033[31mnoise\\n'; done >&2
	END
	begun=$SECONDS
	vmfo check-topology --buses --qemu ./deaf
	# Cut anywhere: it writes on while it is read.
	refused 4 "ask ./deaf what it can do" "; it said: ?"
	((SECONDS - begun < 16))
	[[ -z $(left) ]]
}

@test "interrupted, it ends at once, and so does the QEMU that it asks" {
	script hangs <<-END
		exec sleep $MARK
	END
	for signal in INT TERM KILL; do
		# In the background bash would have it ignore SIGINT.
		(
			trap - INT
			exec env "$VMFO" check-topology --buses --qemu ./hangs 2>said 3>&-
		) &
		pid=$!
		for _ in {1..50}; do
			[[ -z $(left) ]] || break
			sleep 0.1
		done
		[[ -n $(left) ]]
		kill -s $signal $pid
		run wait $pid
		assert_gone
		[[ $signal == KILL ]] || grep -q "interrupted (SIG$signal)" said
	done
}
