# shellcheck shell=bash
# This machine's side of the lab: the network and the two outer VMs. Sourced by lab, which sets DIR, NS, HOSTS, LAB_QEMU and
# has die.
#
#   lab_qemu             prints the QEMU to use; exit status 77 when there is none that can do it
#   network_make         the namespace, unless it is there
#   network_remove       ends what is in it, and removes it
#   host_start HOST      starts its VM and records it in DIR/HOST/qemu.pid as "PID START-TIME"
#   host_stop HOST       ends it
#   host_pid HOST        prints its pid; fails when it does not run
#   host_runs HOST

MIB=2560

lab_qemu() {
	local qemu devices device missing=
	if [[ -n ${VMFO_LAB_QEMU:-} ]]; then
		qemu=$(type -P "$VMFO_LAB_QEMU") || die "VMFO_LAB_QEMU: $VMFO_LAB_QEMU is no program"
	else
		qemu=$ROOT/build/qemu/qemu-system-x86_64
		[[ -x $qemu ]] || qemu=$(type -P qemu-system-x86_64) || qemu=
	fi
	if [[ -z $qemu ]]; then
		echo "lab: there is no qemu-system-x86_64; run: make qemu" >&2
		return 77
	fi
	devices=$("$qemu" -device help 2>/dev/null) || true
	for device in igb intel-iommu virtio-9p-pci vfio-pci; do
		[[ $devices == *"name \"$device\""* ]] || missing+=" $device"
	done
	if [[ -n $missing ]]; then
		echo "lab: $qemu has no$missing, which the hosts need; run: make qemu" >&2
		return 77
	fi
	realpath -- "$qemu"
}

# ---- the network: two bridges, and four taps that the QEMUs open ----

network_make() {
	local host
	! ip netns pids "$NS" >/dev/null 2>&1 || return 0
	ip netns add "$NS"
	# The addresses are fixed: a bridge without one takes that of a port, and those beyond it remember it.
	ip -n "$NS" -batch - <<-END
		link set lo up
		link add mgmt0 address 02:00:0a:c9:00:fe type bridge stp_state 0 forward_delay 0 mcast_snooping 0
		address add 10.201.0.254/24 dev mgmt0
		link set mgmt0 up
		link add wire0 address 02:00:0a:ca:00:fe type bridge stp_state 0 forward_delay 0 mcast_snooping 0
		address add 10.202.0.254/24 dev wire0
		link set wire0 up
	END
	for host in "${HOSTS[@]}"; do
		ip -n "$NS" -batch - <<-END
			tuntap add $host-mgmt mode tap vnet_hdr
			tuntap add $host-pf mode tap vnet_hdr
			link set $host-mgmt master mgmt0 up
			link set $host-pf master wire0 up
		END
	done
	# A gap in a probe must be the network's: an ARP entry that expires within one would lengthen it. IPv6's router
	# solicitations would be frames that nobody sent.
	# shellcheck disable=SC2016  # the inner shell's
	ip netns exec "$NS" sh -c 'cd /proc/sys/net && echo 1 >ipv6/conf/all/disable_ipv6 &&
		echo 3600000 >ipv4/neigh/wire0/base_reachable_time_ms && echo "0 2147483647" >ipv4/ping_group_range'
}

network_remove() {
	local turn pids
	for turn in {0..50}; do
		mapfile -t pids < <(ip netns pids "$NS" 2>/dev/null)
		((${#pids[@]} > 0)) || break
		if ((turn == 0)); then
			kill -TERM "${pids[@]}" 2>/dev/null || true
		elif ((turn >= 20)); then
			kill -KILL "${pids[@]}" 2>/dev/null || true
		fi
		sleep 0.1
	done
	ip netns delete "$NS" 2>/dev/null || true
}

# ---- the outer VMs ----

start_time() { # PID: in the kernel's ticks since its boot; with the pid it names a process for ever
	local stat fields
	read -r stat 2>/dev/null <"/proc/$1/stat" || return 1
	read -ra fields <<<"${stat##*) }"
	[[ ${fields[0]} != [ZX] ]] && echo "${fields[19]}"
}

host_pid() {
	local pid time
	read -r pid time 2>/dev/null <"$DIR/$1/qemu.pid" || return 1
	[[ -n $time && $(start_time "$pid") == "$time" ]] && echo "$pid"
}

host_runs() {
	host_pid "$1" >/dev/null
}

host_start() {
	local host=$1 dir=$DIR/$1 n=1 pid
	[[ $host == alpha ]] || n=2
	mkdir -p "$dir"
	rm -f "$dir/qemu.pid" "$dir/console.log"
	# "iommu=pt": the host's own devices are not slowed down by the emulated IOMMU. The port's bus is number 1, so the
	# PF is 01:00.0 and its VFs are 01:10.0 to 01:11.4. A process group of its own: ^C is not for the hosts.
	ip netns exec "$NS" setsid "$LAB_QEMU" -name "lab-$host" -M q35 -accel tcg -cpu max -smp 2 -m "$MIB" \
		-nodefaults -display none -no-reboot \
		-serial "file:$dir/console.log" -qmp "unix:$dir/qmp.sock,server=on,wait=off" \
		-kernel "$DIR/image/vmlinuz" -initrd "$DIR/image/initrd.img" \
		-append "console=ttyS0 quiet panic=-1 ipv6.disable=1 intel_iommu=on iommu=pt lab.host=$host" \
		-device intel-iommu,intremap=on \
		-device pcie-root-port,id=rp1,chassis=1,slot=1,addr=2 \
		-netdev "tap,id=pf,ifname=$host-pf,script=no,downscript=no" \
		-device "igb,id=pf,bus=rp1,netdev=pf,mac=02:00:0a:ca:00:0$n,romfile=" \
		-netdev "tap,id=mgmt,ifname=$host-mgmt,script=no,downscript=no" \
		-device "virtio-net-pci,id=mgmt,netdev=mgmt,mac=02:00:0a:c9:00:0$n,romfile=" \
		-fsdev local,id=root,path=/,security_model=none,readonly=on,multidevs=remap \
		-device virtio-9p-pci,fsdev=root,mount_tag=root \
		-fsdev "local,id=lab,path=$DIR/share,security_model=none,readonly=on" \
		-device virtio-9p-pci,fsdev=lab,mount_tag=lab \
		</dev/null >"$dir/qemu.log" 2>&1 3>&- 9>&- &
	pid=$!
	echo "$pid $(start_time "$pid")" >"$dir/qemu.pid"
	disown "$pid"
}

host_stop() {
	local pid turn
	for turn in {0..50}; do
		pid=$(host_pid "$1") || break
		if ((turn == 0)); then
			kill -TERM "$pid" 2>/dev/null || true
		elif ((turn == 30)); then
			kill -KILL "$pid" 2>/dev/null || true
		fi
		sleep 0.1
	done
	rm -f "$DIR/$1/qemu.pid"
}
