# shellcheck shell=bash
# Two test hosts on this machine, alpha and beta, and the network between them. Sourced by bats files and the demo.
#
# A host is a network namespace with its own sshd, keys, vmfo directories and home; what is outside of both is the
# namespace "wire":
#
#     alpha: mgmt0 10.201.0.1 ──┐                      ┌── mgmt0 10.201.0.2 :beta
#            br0 ── up0 ────────┤ wire0 (wire's bridge)├──────── up0 ── br0
#                               └──── 10.201.0.254, ───┘
#     VMs' taps go into br0           10.202.0.254        VMs use 10.202.0.0/24
#
#   hosts_up DIR             makes them; DIR: absolute, new or empty, at most 60 bytes (it holds UNIX sockets)
#   hosts_down               ends and removes all of it, whatever hosts_up got done; keeps DIR if VMFO_TEST_KEEP=1
#   on HOST COMMAND…         runs a command on alpha or beta, or outside of both (wire)
#   on_bg HOST FILE COMMAND… in the background, output in FILE; sets ON_PID, the command's own pid
#   hosts_inventory HOST     what the host holds, for comparisons; lines are sorted and say the same on every call
#
# Under DIR/HOST: etc, run, lib (VMFO_CONFDIR, VMFO_RUNDIR, VMFO_STATEDIR), home, and what hosts/sshd.bash says.
# VMFO is the vmfo under test (default build/vmfo); both hosts find it first in PATH. Names and addresses are those of
# the hosts' own namespaces: test files that run at the same time do not meet.

HOSTS_ROOT=$(cd "${BASH_SOURCE[0]%/*}/.." && pwd)
# shellcheck source=tests/hosts/events.bash
source "$HOSTS_ROOT/tests/hosts/events.bash"
# shellcheck source=tests/hosts/sshd.bash
source "$HOSTS_ROOT/tests/hosts/sshd.bash"
# shellcheck source=tests/hosts/probe.bash
source "$HOSTS_ROOT/tests/hosts/probe.bash"
# shellcheck source=tests/hosts/guest.bash
source "$HOSTS_ROOT/tests/hosts/guest.bash"

hosts_address() { # HOST: its management address
	case $1 in
	alpha) echo 10.201.0.1 ;;
	beta) echo 10.201.0.2 ;;
	*) echo "hosts: no such host: $1" >&2 && return 1 ;;
	esac
}

hosts_up() {
	local dir=$1 host
	if [[ $dir != /* ]] || ((${#dir} > 60)); then
		echo "hosts_up: $dir: not an absolute path of at most 60 bytes" >&2
		return 1
	fi
	mkdir -p "$dir" || return 1
	if [[ -n $(ls -A "$dir") ]]; then
		echo "hosts_up: $dir is not empty" >&2
		return 1
	fi
	HOSTS_DIR=$dir
	# The pid tells namespaces of test files apart, the random part those of one file and of earlier pids.
	HOSTS_NS=vmfo-$$-$RANDOM
	# bats runs setup_file and the tests in different processes.
	export HOSTS_DIR HOSTS_NS
	echo "$HOSTS_NS" >"$dir/.hosts"

	hosts_make_network || return 1
	for host in alpha beta; do
		mkdir -p "$dir/$host"/{etc/vms,lib,home} &&
			mkdir -m 700 "$dir/$host/run" || return 1
	done
	sshd_configure || return 1
	for host in alpha beta; do
		printf '{"schema":"vmfo.host/1","ssh":{"config":"%s"}}\n' "$dir/$host/ssh_config" \
			>"$dir/$host/etc/host.json" &&
			sshd_start "$host" || return 1
	done
}

hosts_make_network() {
	local host
	for host in wire alpha beta; do
		ip netns add "$HOSTS_NS-$host" || return 1
	done
	# wire0's MAC is fixed: a bridge without one takes that of a port, and guests remember it.
	ip -n "$HOSTS_NS-wire" -batch - <<-END || return 1
		link set lo up
		link add wire0 address 02:00:0a:ca:00:fe type bridge stp_state 0 forward_delay 0 mcast_snooping 0
		address add 10.201.0.254/24 dev wire0
		address add 10.202.0.254/24 dev wire0
		link set wire0 up
	END
	# A gap in the probe must be the network's: an ARP entry that expires within one would lengthen it.
	ip netns exec "$HOSTS_NS-wire" \
		sh -c 'echo 3600000 >/proc/sys/net/ipv4/neigh/wire0/base_reachable_time_ms' || return 1
	for host in alpha beta; do
		ip -n "$HOSTS_NS-wire" -batch - <<-END || return 1
			link add $host-mgmt type veth peer name mgmt0 netns $HOSTS_NS-$host
			link add $host-up type veth peer name up0 netns $HOSTS_NS-$host
			link set $host-mgmt master wire0 up
			link set $host-up master wire0 up
		END
		ip -n "$HOSTS_NS-$host" -batch - <<-END || return 1
			link set lo up
			address add $(hosts_address "$host")/24 dev mgmt0
			link set mgmt0 up
			link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0
			link set up0 master br0 up
			link set br0 up
		END
		# By default br0 answers for mgmt0's address as well, and SSH depends on which of them was the faster.
		ip netns exec "$HOSTS_NS-$host" sh -c 'echo 1 >/proc/sys/net/ipv4/conf/all/arp_ignore' || return 1
	done
}

hosts_down() {
	local host
	[[ -n ${HOSTS_NS:-} ]] || return 0
	hosts_end_processes
	for host in alpha beta; do
		# The kernel takes a namespace apart some time after its name is gone. These links go at once.
		ip -n "$HOSTS_NS-wire" link delete "$host-mgmt" 2>/dev/null || true
		ip -n "$HOSTS_NS-wire" link delete "$host-up" 2>/dev/null || true
	done
	for host in alpha beta wire; do
		ip netns delete "$HOSTS_NS-$host" 2>/dev/null || true
	done
	# Only a directory that hosts_up made is removed.
	if [[ ${VMFO_TEST_KEEP:-} != 1 && -f $HOSTS_DIR/.hosts ]]; then
		rm -rf -- "$HOSTS_DIR"
	fi
	unset HOSTS_DIR HOSTS_NS
}

hosts_pids() { # HOST…: the processes in their namespaces
	local host
	for host in "$@"; do
		ip netns pids "$HOSTS_NS-$host" 2>/dev/null || true
	done
}

# SIGTERM, then SIGKILL after 2 s to what is left, and to what that started meanwhile.
hosts_end_processes() {
	local pids turn
	for turn in {0..60}; do
		mapfile -t pids < <(hosts_pids alpha beta wire)
		((${#pids[@]} > 0)) || return 0
		if ((turn == 0)); then
			kill -TERM "${pids[@]}" 2>/dev/null || true
			# A test may have stopped it.
			kill -CONT "${pids[@]}" 2>/dev/null || true
		elif ((turn >= 20)); then
			kill -KILL "${pids[@]}" 2>/dev/null || true
		fi
		sleep 0.1
	done
	echo "hosts_down: these processes do not end: ${pids[*]}" >&2
}

# HOST COMMAND…: becomes the command, on that host, which also is the host's name there. All of these programs exec:
# the pid stays the same.
hosts_exec() {
	local host=$1 dir=$HOSTS_DIR/$1
	shift
	# bash has background commands ignore SIGINT and SIGQUIT; what runs on a host is to be interruptible.
	local environment=(env "--default-signal=INT,QUIT")
	if [[ $host == wire ]]; then
		environment+=(-u VMFO_CONFDIR -u VMFO_RUNDIR -u VMFO_STATEDIR)
	else
		# A home of its own: root's shell start-up files must not decide how a test ends.
		environment+=(HOME="$dir/home" VMFO_CONFDIR="$dir/etc" VMFO_RUNDIR="$dir/run"
			VMFO_STATEDIR="$dir/lib" PATH="$(hosts_path)")
	fi
	# shellcheck disable=SC2016  # the inner shell's
	exec ip netns exec "$HOSTS_NS-$host" unshare --uts sh -c 'hostname "$0" && exec "$@"' "$host" \
		"${environment[@]}" "$@"
}

hosts_path() {
	local vmfo=${VMFO:-$HOSTS_ROOT/build/vmfo}
	echo "${vmfo%/*}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
}

on() {
	(hosts_exec "$@")
}

on_bg() {
	local host=$1 file=$2
	shift 2
	# bats waits for everybody who holds its descriptor 3.
	hosts_exec "$host" "$@" </dev/null >"$file" 2>&1 3>&- &
	# shellcheck disable=SC2034  # the caller's
	ON_PID=$!
}

hosts_inventory() {
	local dir=$HOSTS_DIR/$1 ns=$HOSTS_NS-$1
	{
		# What find saw and another process removed is no error. The host's own lock is nobody's.
		(cd "$dir" && find run lib -mindepth 1 -not -path 'run/.host*' -printf 'file %p type=%y\n' 2>/dev/null) || true
		ip -n "$ns" -d -j link show | jq -r '.[] | "link \(.ifname) kind=\(.linkinfo.info_kind // "-")" +
			" bridge=\(.master // "-") \(if .flags | index("UP") then "up" else "down" end)"'
		# FDB entries that somebody made. Those that a bridge learned, or has for its own ports, come and go.
		bridge -n "$ns" -j fdb show | jq -r '.[] | select(.mac | test("^.[02468ace]:")) |
			select(.state == "static" or (.state == "permanent" and .master == null)) |
			"fdb " + ([.ifname, .mac, .state] + (.flags // []) | join(" "))'
		hosts_inventory_qemu "$1"
	} | LC_ALL=C sort
}

hosts_inventory_qemu() {
	local pid arguments i count=0
	for pid in $(hosts_pids "$1"); do
		[[ $(cat "/proc/$pid/comm" 2>/dev/null) == qemu-system* ]] || continue
		mapfile -d '' -t arguments 2>/dev/null <"/proc/$pid/cmdline" || continue
		count=$((count + 1))
		for ((i = 0; i + 1 < ${#arguments[@]}; i++)); do
			[[ ${arguments[i]} != -name ]] || echo "qemu name=${arguments[i + 1]}"
		done
	done
	echo "qemu count=$count"
}
