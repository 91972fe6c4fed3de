# shellcheck shell=bash
# For the bats files of the lab, after helpers.bash. README.md here has the picture.
#
#   lab_up                        for setup_file: both hosts are up when it returns, with the vmfo that is tested
#   lab_down                      for teardown_file: ends them, unless they were up before, by somebody's `lab up`
#   lab_run HOST CMD…             a command there, as its root
#   lab_wire CMD…                 a command on the wire, as `ping`
#   lab_json HOST COMMAND ARG…    vmfo COMMAND --json ARG… there: its object in $RESULT, its status in $status, its narration
#                                 in $BATS_TEST_TMPDIR/narration
#   result FILTER                 jq -r of $RESULT
#   lab_define NAME FROM FILTER   on both hosts: definition NAME, made of FROM (vf, emulated) by a jq filter; it gets
#                                 a UUID, MAC and address of its own: those of number N, `.pairs[0].mac` ending in N
#   lab_stop_all                  ends every VM on both hosts, and forgets what is stored of them
#   lab_vm_pids HOST NAME         the QEMUs of that name there, whatever vmfo thinks of them
#   lab_runs_only_on HOST NAME    exactly one QEMU of that name, running, there; none on the other host
#   lab_inventory HOST            what it holds, sorted lines (host/inventory)
#   lab_remember                  takes the inventory of both
#   lab_as_before HOST [REGEX]    its inventory is the one remembered, but for lines that match
#   lab_answers ADDRESS SECONDS   waits until the guest with that address answers a ping from the wire
#   lab_guest HOST NAME COMMAND   a shell command in an inner guest, by its agent
#   lab_await_pair HOST NAME MAC SECONDS   until the guest says, after the call, that its pair is whole and in use
#   lab_outer_qmp HOST JSON       one QMP command to the VM that is the host: the faults of hardware are made there
#   lab_qemu                      the path of the QEMU on the hosts
#   lab_vf HOST INDEX             the PCI address of that VF
#
# An inner guest runs some fifty times slower than on hardware: waits are long here, and nothing judges a time.

LAB_ROOT=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)
LAB_DIR=${VMFO_LAB_DIR:-$LAB_ROOT/build/lab}
export VMFO_LAB_DIR=$LAB_DIR

lab() {
	"$LAB_ROOT/tests/lab/lab" "$@"
}

lab_up() {
	local status=0
	export LAB_WAS_UP=
	! lab status >/dev/null 2>&1 || LAB_WAS_UP=yes
	lab up >"$BATS_FILE_TMPDIR/up" 2>&1 3>&- || status=$?
	((status == 0)) || cat "$BATS_FILE_TMPDIR/up" >&2
	((status != 77)) || skip_unless "$(tail -n 1 "$BATS_FILE_TMPDIR/up")" false
	return "$status"
}

lab_down() {
	[[ -n ${LAB_WAS_UP:-} ]] || lab down >/dev/null 2>&1
}

lab_run() {
	lab run "$@" </dev/null
}

lab_wire() {
	lab wire "$@" </dev/null
}

lab_json() { # HOST COMMAND ARG…
	local host=$1
	shift
	status=0
	RESULT=$(lab_run "$host" vmfo "$1" --json "${@:2}" 2>"$BATS_TEST_TMPDIR/narration") || status=$?
	sed 's/^/# /' "$BATS_TEST_TMPDIR/narration" >&2
	echo "# $host: vmfo $*: exit status $status: $RESULT" >&2
}

result() { # FILTER
	jq -r "$1" <<<"$RESULT"
}

lab_define() { # NAME FROM N FILTER
	local host text n
	n=$(printf %02x "$3")
	text=$(jq --arg name "$1" --arg n "$n" --arg address "10.202.0.$3" '.name = $name | .uuid |= .[:-2] + $n |
		.pairs[0].mac |= .[:-2] + $n |
		.boot.cmdline = "console=ttyS0 quiet vmfo.ip=\(.pairs[0].mac)=\($address)/24" |
		'"${4:-.}" "$LAB_DIR/share/vms/$2.json") || return 1
	for host in alpha beta; do
		lab run "$host" tee "/etc/vmfo/vms/$1.json" <<<"$text" >/dev/null || return 1
	done
}

lab_stop_all() {
	local host name
	for host in alpha beta; do
		for name in $(lab_run "$host" vmfo list --json | jq -r '.vms[] | select(.pid != null) | .vm'); do
			lab_run "$host" vmfo stop "$name" --timeout 0 --force >/dev/null 2>&1 || true
		done
		lab_run "$host" sh -c 'rm -rf /var/lib/vmfo /run/vmfo'
	done
}

lab_vm_pids() { # HOST NAME
	lab_run "$1" pgrep -f "^[^ ]*qemu-system[^ ]* .*guest=$2," || true
}

lab_runs_only_on() { # HOST NAME
	local other=alpha state
	[[ $1 != alpha ]] || other=beta
	state=$(lab_run "$1" vmfo status "$2" --json | jq -r .state)
	[[ $state == running ]] || { echo "$2 is \"$state\" on $1" >&2 && return 1; }
	[[ $(lab_vm_pids "$1" "$2" | wc -l) == 1 ]] || { echo "not one QEMU on $1" >&2 && return 1; }
	[[ -z $(lab_vm_pids "$other" "$2") ]] || { echo "a QEMU on $other as well" >&2 && return 1; }
}

lab_inventory() { # HOST
	lab_run "$1" /lab/inventory
}

lab_remember() {
	local host
	for host in alpha beta; do
		lab_inventory "$host" >"$BATS_TEST_TMPDIR/before.$host" || return 1
	done
}

lab_as_before() { # HOST [REGEX]
	diff -u <(grep -vE -- "${2:-^\$}" "$BATS_TEST_TMPDIR/before.$1") \
		<(lab_inventory "$1" | grep -vE -- "${2:-^\$}") >&2
}

lab_answers() { # ADDRESS SECONDS
	local deadline=$((SECONDS + $2))
	# An answer can take seconds.
	until lab_wire ping -n -q -c 4 -W 5 "$1" >/dev/null 2>&1; do
		((SECONDS < deadline)) || { echo "$1 does not answer after $2 s" >&2 && return 1; }
	done
}

lab_guest() { # HOST NAME COMMAND
	lab_run "$1" /lab/guest-exec "/run/vmfo/$2/qga.sock" "$3"
}

lab_await_pair() { # HOST NAME MAC SECONDS
	lab_run "$1" /lab/await-pair "$1" "$2" "$3" "$4"
}

lab_outer_qmp() { # HOST JSON
	"$LAB_ROOT/tests/hosts/qmp" "$LAB_DIR/$1/qmp.sock" "$2"
}

lab_qemu() {
	jq -r '.qemu // "/usr/local/libexec/vmfo/qemu-system-x86_64"' "$LAB_DIR/share/host.json"
}

lab_vf() { # HOST INDEX
	lab_run "$1" readlink "/sys/class/net/pf0/device/virtfn$2" | sed 's|.*/||'
}
