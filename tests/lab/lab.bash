# shellcheck shell=bash
# For the bats files of the lab, after helpers.bash. README.md here has the picture.
#
#   lab_up                        for setup_file: both hosts are up when it returns, with the vmfo that is tested
#   lab_down                      for teardown_file: ends their VMs, and them, unless they were up before, by somebody's
#                                 `lab up`: then their files are put back
#   lab_run HOST CMD…             a command there, as its root
#   lab_wire CMD…                 a command on the wire, as `ping`
#   lab_json HOST COMMAND ARG…    vmfo COMMAND --json ARG… there: its object in $RESULT, its status in $status, its narration
#                                 in $BATS_TEST_TMPDIR/narration
#   result FILTER                 jq -r of $RESULT
#   narrated                      what was told on standard error
#   lab_all_plugged               every pair of $RESULT has its primary, by the guest's driver (plugged) or its word (paired)
#   lab_define NAME FROM FILTER   on both hosts: definition NAME, made of FROM (vf, emulated) by a jq filter; it gets
#                                 a UUID, MAC and address of its own: those of number N, `.pairs[0].mac` ending in N
#   lab_put_right HOST NAME       after a test that failed: no gate, no migration of that VM, no VF held, all VFs there
#   lab_stop_all                  ends every VM on both hosts, and forgets what is stored of them; fails if they hold
#                                 anything of a VM after that
#   lab_vm_pids HOST NAME         the QEMUs of that name there, whatever vmfo thinks of them
#   lab_runs_only_on HOST NAME    exactly one QEMU of that name, running, there; none on the other host
#   lab_inventory HOST            what it holds, sorted lines (host/inventory)
#   lab_remember                  takes the inventory of both; called in setup_file, that for lab_as_at_first
#   lab_as_before HOST [REGEX]    its inventory is the one remembered, but for lines that match
#   lab_as_at_first HOST [REGEX]  it is that from before all tests
#   lab_as_other_was HOST [REGEX] it is the one remembered of the other host, but for journals and tombstones, for lines that
#                                 match, and for which of its VFs is a VM's
#   lab_answers ADDRESS SECONDS   waits until the guest with that address answers a ping from the wire
#   lab_guest HOST NAME COMMAND   a shell command in an inner guest, by its agent
#   lab_await_pair HOST NAME MAC SECONDS   until the guest says, after the call, that its pair is whole and in use
#   lab_outer_qmp HOST JSON       one QMP command to the VM that is the host: the faults of hardware are made there
#   lab_unplug_pf HOST            its NIC is gone when it returns, and its VFs with it
#   lab_plug_pf HOST              plugs it again, with VFs as at boot
#   lab_monitor HOST NAME JSON    one QMP command on the monitor that is the operator's
#   lab_status HOST NAME FILTER   jq -r of `vmfo status`
#   lab_migrate_begin FROM TO NAME ARG…   `vmfo migrate` in the background (hosts/events.bash waits for its events)
#   lab_copy_freely FROM NAME     from now on the copy is as fast as it can be: the fault that --bandwidth was to wait for is made
#   lab_migrate_end               until it has ended: its object in $RESULT, its status in $status
#   lab_gate_close HOST           from now on HOST's QEMU, as a migration's target, starts only after…
#   lab_gate_open HOST            … this; lab_gate_remove HOST takes the gate away
#   lab_hold HOST ADDRESS…        processes there that hold those VFs by vfio, as QEMU would
#   lab_let_go HOST               ends them; the VFs go back to their driver
#   lab_owned HOST NAME           how many VFs it has there, by `vmfo vfs`
#   lab_assert_pair HOST NAME MAC whole by the guest's own word, and by vmfo's
#   lab_qemu                      the path of the QEMU on the hosts
#   lab_vf HOST INDEX             the PCI address of that VF
#   lab_vfs HOST                  those of all, a line each
#   lab_in_use HOST ADDRESS       a guest uses that VF: its driver has interrupts of it
#
# An inner guest runs some fifty times slower than on hardware: waits are long here, and nothing judges a time.

LAB_ROOT=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)
LAB_DIR=${VMFO_LAB_DIR:-$LAB_ROOT/build/lab}
export VMFO_LAB_DIR=$LAB_DIR
export EVENT_TIMEOUT=240
# Of the VM vf.
export VF_MAC=52:54:00:00:00:10

# shellcheck source=tests/hosts/events.bash
source "$LAB_ROOT/tests/hosts/events.bash"

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
	local host status=0
	# Not where the tests were skipped, or a host has died.
	if lab status >/dev/null 2>&1; then
		for host in alpha beta; do
			lab_let_go "$host" || status=1
		done
		lab_stop_all || status=1
	fi
	if [[ -n ${LAB_WAS_UP:-} ]]; then
		lab sync >/dev/null || status=1
	else
		lab down >/dev/null 2>&1 || status=1
	fi
	return "$status"
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

narrated() {
	cat "$BATS_TEST_TMPDIR/narration"
}

lab_all_plugged() {
	[[ $(result '.pairs | length > 0 and all(.state == "plugged" or .state == "paired")') == true ]]
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

lab_put_right() { # HOST NAME
	lab_gate_remove "$1"
	lab_monitor "$1" "$2" '{"execute": "cont"}' || true
	lab_run "$1" vmfo cancel "$2" || true
	lab_let_go "$1"
	if lab_run "$1" test -e /sys/class/net/pf0; then
		lab_run "$1" /lab/network
	else
		lab_plug_pf "$1"
	fi
}

lab_stop_all() {
	local host told status=0
	for host in alpha beta; do
		# A stop also gives back what a VM that crashed has left: so it is of all that there are, and once more of those
		# that it could not end.
		# shellcheck disable=SC2016  # the other shell's
		told=$(lab_run "$host" bash -c 'stop() {
				for name in $(vmfo list --json | jq -r ".vms[].vm"); do
					vmfo stop "$name" --timeout 0 --force >/dev/null
				done
			}
			stop
			if pids=$(pgrep qemu-system); then
				kill -KILL $pids
				for turn in {1..100}; do
					kill -0 $pids 2>/dev/null || break
					sleep 0.1
				done
				stop
			fi
			rm -rf /var/lib/vmfo /run/vmfo' 2>&1) || true
		# The agent of a migration that was broken off takes a while.
		wait_for 60 lab_is_idle "$host" || {
			printf '%s\n' "$told" "$host still has:" "$LAB_LEFT" >&2
			status=1
		}
	done
	return "$status"
}

lab_is_idle() { # HOST: LAB_LEFT is what it has of VMs, whoever made it
	LAB_LEFT=$(lab_inventory "$1") || return 1
	! LAB_LEFT=$(grep -E '^process|driver=vfio|52:54:00:|^fdb' <<<"$LAB_LEFT")
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
		lab_inventory "$host" >"${BATS_TEST_TMPDIR:-$BATS_FILE_TMPDIR}/before.$host" || return 1
	done
}

lab_as_before() { # HOST [REGEX]
	lab_compare "$BATS_TEST_TMPDIR/before.$1" "$1" "${2:-^$}" cat
}

lab_as_at_first() { # HOST [REGEX]
	lab_compare "$BATS_FILE_TMPDIR/before.$1" "$1" " var/lib/vmfo${2:+|$2}" cat
}

lab_as_other_was() { # HOST [REGEX]
	local other=alpha
	[[ $1 != alpha ]] || other=beta
	lab_compare "$BATS_TEST_TMPDIR/before.$other" "$1" " var/lib/vmfo${2:+|$2}" lab_any_vf
}

lab_any_vf() {
	sed -E 's/0000:01:1[01]\.[0-7]/VF/; s/"vf":[0-9]+/"vf":N/; s|dev/vfio/[0-9]+|dev/vfio/N|' | LC_ALL=C sort
}

lab_compare() { # FILE HOST REGEX FILTER
	diff -u <(grep -vE -- "$3" "$1" | "$4") <(lab_inventory "$2" | grep -vE -- "$3" | "$4") >&2
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

lab_monitor() { # HOST NAME JSON
	lab_run "$1" /lab/qmp "/run/vmfo/$2/monitor.sock" "$3"
}

lab_status() { # HOST NAME FILTER
	lab_run "$1" vmfo status "$2" --json | jq -r "$3"
}

lab_owned() { # HOST NAME
	lab_run "$1" vmfo vfs --json | jq --arg name "$2" '[.pfs[].vfs[].owner | select(.kind? == "vm" and .name == $name)] | length'
}

lab_assert_pair() { # HOST NAME MAC
	lab_await_pair "$@" 240 && [[ $(lab_status "$1" "$2" .pair) == whole ]]
}

# The events come out of the pipe that is standard output there, the object goes to a file.
lab_migrate_begin() { # FROM TO NAME ARG…
	LAB_FROM=$1 LAB_NAME=$3
	EVENTS=$BATS_TEST_TMPDIR/events
	# shellcheck disable=SC2016  # the other shell's
	lab_run "$1" bash -c 'set -o pipefail
		vmfo migrate --json --events /dev/fd/3 "$@" 3>&1 >"/run/$1.result" | cat' - "$3" "$2" "${@:4}" \
		>"$EVENTS" 2>"$BATS_TEST_TMPDIR/narration" 3>&- &
	MIGRATE=$!
}

lab_copy_freely() { # FROM NAME
	lab_monitor "$1" "$2" '{"execute": "migrate-set-parameters", "arguments": {"max-bandwidth": 1000000000}}'
}

lab_migrate_end() {
	status=0
	wait "$MIGRATE" || status=$?
	RESULT=$(lab_run "$LAB_FROM" cat "/run/$LAB_NAME.result")
	sed 's/^/# /' "$BATS_TEST_TMPDIR/narration" >&2
	echo "# exit status $status: $RESULT" >&2
}

lab_host_json() { # HOST JQ-FILTER
	local text
	text=$(lab_run "$1" jq "$2" /etc/vmfo/host.json) || return 1
	lab run "$1" tee /etc/vmfo/host.json <<<"$text" >/dev/null
}

# While it is closed a migration waits in "prepare": all checks are done, the guest was not asked for anything yet.
lab_gate_close() { # HOST
	lab_run "$1" sh -c "rm -f /run/gated-qemu.open && ln -sfn /lab/gated-qemu /run/gated-qemu &&
		ln -sfn '$(lab_qemu)' /run/gated-qemu.real"
	lab_host_json "$1" '.qemu = "/run/gated-qemu"'
}

lab_gate_open() { # HOST
	lab_run "$1" touch /run/gated-qemu.open
}

lab_gate_remove() { # HOST
	lab_gate_open "$1"
	lab_host_json "$1" ".qemu = \"$(lab_qemu)\""
}

lab_hold() { # HOST ADDRESS…
	# shellcheck disable=SC2016  # the other shell's
	lab_run "$1" bash -c 'set -e
		for vf; do
			cd "/sys/bus/pci/devices/$vf"
			[[ $(readlink driver) == */vfio-pci ]] || {
				echo "$vf" >>/run/held.vfs
				echo vfio-pci >driver_override
				echo "$vf" >driver/unbind
				echo "$vf" >/sys/bus/pci/drivers_probe
			}
			group=$(readlink iommu_group)
			# Here, and not by the process in the background, whose failure nobody would see.
			exec {fd}<>"/dev/vfio/${group##*/}"
			setsid sleep 3600 </dev/null >/dev/null 2>&1 &
			echo $! >>/run/held.pids
			exec {fd}>&-
		done' - "${@:2}"
}

lab_let_go() { # HOST
	# shellcheck disable=SC2016  # the other shell's
	lab_run "$1" bash -c '[[ ! -e /run/held.pids ]] || kill $(</run/held.pids)
		[[ ! -e /run/held.vfs ]] || for vf in $(</run/held.vfs); do
			# It went with its PF.
			cd "/sys/bus/pci/devices/$vf" || continue
			echo >driver_override
			echo "$vf" >driver/unbind
			echo "$vf" >/sys/bus/pci/drivers_probe
		done
		rm -f /run/held.pids /run/held.vfs'
}

lab_outer_qmp() { # HOST JSON
	"$LAB_ROOT/tests/hosts/qmp" "$LAB_DIR/$1/qmp.sock" "$2"
}

lab_unplug_pf() { # HOST
	lab_outer_qmp "$1" '{"execute": "device_del", "arguments": {"id": "pf"}}'
	wait_for 120 lab_run "$1" test ! -e /sys/class/net/pf0
	# QEMU's device is gone a moment after the host's.
	wait_for 60 lab_has_no_pf "$1"
}

lab_has_no_pf() { # HOST
	[[ $(lab_outer_qmp "$1" '{"execute": "qom-list", "arguments": {"path": "/machine/peripheral"}}') != *'"name": "pf"'* ]]
}

lab_plug_pf() { # HOST
	lab_outer_qmp "$1" '{"execute": "device_add", "arguments": {"driver": "igb", "id": "pf", "bus": "rp1", "netdev": "pf", "romfile": "",
		"mac": "02:00:0a:ca:00:0'"$([[ $1 == alpha ]] && echo 1 || echo 2)"'"}}'
	wait_for 120 lab_run "$1" sh -c 'ls /sys/bus/pci/devices/0000:01:00.0/net | grep -q .'
	lab_run "$1" /lab/network
}

lab_qemu() {
	jq -r '.qemu // "/usr/local/libexec/vmfo/qemu-system-x86_64"' "$LAB_DIR/share/host.json"
}

lab_vf() { # HOST INDEX
	lab_run "$1" readlink "/sys/class/net/pf0/device/virtfn$2" | sed 's|.*/||'
}

lab_vfs() { # HOST
	lab_run "$1" readlink /sys/class/net/pf0/device/virtfn{0..6} | sed 's|.*/||'
}

lab_in_use() { # HOST ADDRESS
	lab_inventory "$1" | grep "^pci $2 driver=vfio-pci .*vectors=3"
}
