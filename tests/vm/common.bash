# shellcheck shell=bash
# For the tests with real VMs: two hosts for each file, definitions, and the questions that every test asks at its end.
#
#   vm_hosts_up / vm_hosts_down       for setup_file and teardown_file
#   vm_define NAME [JQ-FILTER]        alpha's definition of a VM with one pair (net0), changed by the filter
#   vm_launch NAME                    on alpha, until its pair is whole in the guest
#   vm_migrate FROM TO NAME ARGS…     `vmfo migrate … --json`; the object is in $RESULT, the status in $status
#   vm_gate_close HOST                from now on HOST's QEMU, as a migration's target, starts only after…
#   vm_gate_open HOST                 … this; vm_gate_remove HOST takes the gate away
#   guest_run HOST NAME COMMAND       a shell command in the guest, by its agent; its output, its status
#   guest_exec SOCKET COMMAND         the same, by the guest agent at that socket
#   vm_patched                        whether $QEMU has the additions of qemu-patches/, as it says itself
#   vm_stop_all                       ends every VM on both hosts, forgets what is stored of them
#   narrated                          what that migration told on standard error, each text on one line
#   unwrapped                         a filter: the texts of findings, which are wrapped for people, on one line each
#   vm_migrate_begin FROM TO NAME ARGS… the same in the background, its pid in $MIGRATE, its events in $EVENTS
#                                     (tests/hosts/events.bash waits for them)
#   vm_migrate_end                    until it has ended: sets $RESULT and $status
#   result FILTER                     jq -r of $RESULT
#   assert_runs_only_on HOST NAME     exactly one QEMU of that name, running, on HOST; none on the other host
#   assert_runs_nowhere NAME
#   assert_pair HOST NAME             the guest says that its pair is whole, and so does vmfo status
#   assert_nothing_left HOST          no QEMU, tap, socket, folder, open journal
#   assert_as_before HOST             the inventory equals the one that vm_remember took

MAC0=52:54:00:00:00:01
MAC1=52:54:00:00:00:02

ROOT=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)
VMFO=${VMFO:-$ROOT/build/vmfo}
GUEST=${VMFO_GUEST:-$ROOT/build/guest}
QEMU=${VMFO_TEST_QEMU:-qemu-system-x86_64}
MACHINE=${VMFO_TEST_MACHINE:-pc-q35-7.2}
export VMFO
# shellcheck source=tests/hosts.bash
source "$ROOT/tests/hosts.bash"

vm_patched() {
	local commands='{"execute": "qmp_capabilities"} {"execute": "query-commands"} {"execute": "quit"}'
	"$QEMU" -machine none -nodefaults -display none -qmp stdio <<<"$commands" | grep -c '"query-failover"' >/dev/null
}

vm_hosts_up() {
	hosts_up "$(mktemp -d /tmp/vmfo-XXXXXX)"
	local host
	for host in alpha beta; do
		vm_host_config "$host" ".qemu = \"$QEMU\""
	done
}

vm_hosts_down() {
	hosts_down
}

vm_host_config() { # HOST JQ-FILTER
	local file=$HOSTS_DIR/$1/etc/host.json
	jq "$2" "$file" >"$file.new" && mv "$file.new" "$file"
}

vm_define() { # NAME [JQ-FILTER]
	jq -n --arg name "$1" --arg kernel "$GUEST/vmlinuz" --arg initrd "$GUEST/initrd.img" \
		--arg mac "$MAC0" --arg machine "$MACHINE" '{
		schema: "vmfo.vm/1", $name, uuid: "3f9a6c1e-7f0b-4c52-9a4e-0d1b2c3d4e5f",
		$machine, accel: ["tcg"], cpu: {model: "qemu64", count: 1}, memory: {mib: 192},
		boot: {$kernel, $initrd, cmdline: "console=ttyS0 quiet vmfo.ip=\($mac)=10.202.0.10/24"},
		pairs: [{id: "net0", $mac, standby: {bridge: "br0"}, primary: {kind: "emulated", model: "e1000e"}}],
		serial_log: true, guest_agent: true
	}' | jq "${2:-.}" >"$HOSTS_DIR/alpha/etc/vms/$1.json"
}

vm_launch() { # NAME
	on alpha vmfo launch "$1" --wait-pair 60
}

vm_migrate() { # FROM TO NAME ARGS…
	local from=$1 to=$2 name=$3
	shift 3
	status=0
	RESULT=$(on "$from" vmfo migrate "$name" "$to" --json "$@" 2>"$BATS_TEST_TMPDIR/narration") || status=$?
	sed 's/^/# /' "$BATS_TEST_TMPDIR/narration" >&2
	echo "# exit status $status: $RESULT" >&2
}

# What follows the first line of a text is below that text.
unwrapped() {
	sed -z 's/\n \{10\}/ /g'
}

narrated() {
	unwrapped <"$BATS_TEST_TMPDIR/narration"
}

vm_migrate_begin() { # FROM TO NAME ARGS…
	local from=$1 to=$2 name=$3
	shift 3
	EVENTS=$BATS_TEST_TMPDIR/events
	rm -f "$EVENTS"
	# shellcheck disable=SC2016  # the inner shell's
	on_bg "$from" /dev/null sh -c 'out=$1 err=$2 && shift 2 && exec "$@" >"$out" 2>"$err"' - \
		"$BATS_TEST_TMPDIR/result" "$BATS_TEST_TMPDIR/narration" \
		vmfo migrate "$name" "$to" --json --events "$EVENTS" "$@"
	MIGRATE=$ON_PID
}

vm_migrate_end() {
	status=0
	wait "$MIGRATE" || status=$?
	RESULT=$(<"$BATS_TEST_TMPDIR/result")
	sed 's/^/# /' "$BATS_TEST_TMPDIR/narration" >&2
	echo "# exit status $status: $RESULT" >&2
}

# While it is closed a migration waits in "prepare": all checks are done, the guest was not asked for anything yet.
vm_gate_close() { # HOST
	local gated=$HOSTS_DIR/$1/gated-qemu
	rm -f "$gated.open"
	ln -sfn "$ROOT/tests/hosts/gated-qemu" "$gated"
	ln -sfn "$(command -v "$QEMU")" "$gated.real"
	vm_host_config "$1" ".qemu = \"$gated\""
}

vm_gate_open() { # HOST
	touch "$HOSTS_DIR/$1/gated-qemu.open"
}

vm_gate_remove() { # HOST
	vm_gate_open "$1"
	vm_host_config "$1" ".qemu = \"$QEMU\""
}

result() { # FILTER
	jq -r "$1" <<<"$RESULT"
}

vm_stop_all() {
	local host name
	for host in alpha beta; do
		for name in $(on "$host" vmfo list --json | jq -r '.vms[] | select(.pid != null) | .vm'); do
			on "$host" vmfo stop "$name" --timeout 0 --force >/dev/null 2>&1 || true
		done
		rm -rf "${HOSTS_DIR:?}/$host/lib" "$HOSTS_DIR/$host/run"
		mkdir -p "$HOSTS_DIR/$host/lib"
		mkdir -m 700 "$HOSTS_DIR/$host/run"
	done
}

vm_state() { # HOST NAME
	on "$1" vmfo status "$2" --json 2>/dev/null | jq -r .state
}

# The QEMUs of that name on a host, whatever vmfo thinks of them.
qemu_pids() { # HOST NAME
	local pid
	for pid in $(ip netns pids "$HOSTS_NS-$1"); do
		if tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -q "^[^ ]*qemu-system[^ ]* .*guest=$2,"; then
			echo "$pid"
		fi
	done
}

other_host() { # HOST
	if [[ $1 = alpha ]]; then echo beta; else echo alpha; fi
}

assert_runs_only_on() { # HOST NAME
	local other
	other=$(other_host "$1")
	[[ $(vm_state "$1" "$2") = running ]] || { echo "$2 is \"$(vm_state "$1" "$2")\" on $1" >&2; return 1; }
	[[ $(qemu_pids "$1" "$2" | wc -l) = 1 ]] || { echo "not one QEMU on $1" >&2; return 1; }
	[[ -z $(qemu_pids "$other" "$2") ]] || { echo "a QEMU on $other as well" >&2; return 1; }
}

assert_runs_nowhere() { # NAME
	[[ -z $(qemu_pids alpha "$1")$(qemu_pids beta "$1") ]]
}

assert_pair() { # HOST NAME [MAC]
	guest_wait_pair "$1" "$2" "${3:-$MAC0}" 20 >/dev/null || { echo "no whole pair in the guest" >&2; return 1; }
	[[ $(on "$1" vmfo status "$2" --json | jq -r .pair) = whole ]]
}

assert_nothing_left() { # HOST
	local left
	left=$(hosts_inventory "$1" | grep -E ' run/|kind=tun|qemu count=[1-9]' || true)
	[[ -z $left ]] || { echo "left on $1:" >&2; echo "$left" >&2; return 1; }
	! grep -L '"what":"closed"' "$HOSTS_DIR/$1"/lib/journal/*/*.jsonl 2>/dev/null | grep . >&2
}

# What is on a host now, but for what every migration rightly leaves: its closed journals.
vm_inventory() { # HOST
	hosts_inventory "$1" | grep -vE 'file lib/journal|/failed |/serial.log |/state.json '
}

vm_remember() {
	local host
	for host in alpha beta; do
		vm_inventory "$host" >"$BATS_TEST_TMPDIR/before.$host"
	done
}

assert_as_before() { # HOST
	diff -u "$BATS_TEST_TMPDIR/before.$1" <(vm_inventory "$1") >&2
}

# QMP on the operator's monitor: one command, its return value.
monitor() { # HOST NAME JSON [SOCKET]
	"$ROOT/tests/hosts/qmp" "$HOSTS_DIR/$1/run/$2/${4:-monitor.sock}" "$3"
}

guest_run() { # HOST NAME COMMAND
	guest_exec "$HOSTS_DIR/$1/run/$2/qga.sock" "$3"
}

guest_exec() { # SOCKET COMMAND
	"$ROOT/tests/hosts/guest-exec" "$1" "$2"
}
