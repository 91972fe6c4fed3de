#!/usr/bin/env bats
# What the rules of check-topology say of pairs, held against a real QEMU and a real guest: one VM of many pairs, each
# with one fault, and two migrations. Every test asks vmfo for its finding, and then reality whether it is true.

load common

setup_file() {
	export DIR
	DIR=$(mktemp -d /tmp/vmfo-rules-XXXXXX)
	many_pairs
	check many "${ARGS[@]}"
	qemu_start many "${ARGS[@]}"
	wait_for 90 is_settled
}

teardown_file() {
	local pid
	for pid in "$DIR"/*.pid; do
		kill -KILL "$(<"$pid")" 2>/dev/null || true
	done
	rm -rf "$DIR"
}

# ---- QEMUs ----

qemu_args() { # NAME ARGS…: sets QEMU_ARGS
	QEMU_ARGS=("$QEMU" -nodefaults -no-user-config -display none -machine "$MACHINE" -accel tcg -cpu qemu64 -m 256
		-kernel "$GUEST/vmlinuz" -initrd "$GUEST/initrd.img" -append "console=ttyS0 quiet"
		-serial "file:$DIR/$1.serial" -qmp "unix:$DIR/$1.qmp,server=on,wait=off"
		-chardev "socket,id=qga,path=$DIR/$1.qga,server=on,wait=off"
		-device "virtio-serial-pci,bus=pcie.0,addr=0x1d"
		-device "virtserialport,chardev=qga,name=org.qemu.guest_agent.0" "${@:2}")
}

qemu_start() { # NAME ARGS…
	qemu_args "$@"
	"${QEMU_ARGS[@]}" </dev/null 2>"$DIR/$1.err" >&2 3>&- &
	echo $! >"$DIR/$1.pid"
	# The shell is not to report its end.
	disown
}

qemu_refuses() { # RULE TEXT ARGS…: vmfo finds that, and QEMU does not start, and says so
	local rule=$1 text=$2
	shift 2
	run "$VMFO" check-topology --json --no-host --qemu "$QEMU" -- "$QEMU" -nodefaults -machine "$MACHINE" "$@"
	jq -e --arg rule "$rule" 'any(.findings[]; .rule == $rule)' <<<"$output" >/dev/null
	run timeout 10 "$QEMU" -S -nodefaults -no-user-config -display none -machine "$MACHINE" -accel tcg "$@"
	[ "$status" -eq 1 ]
	[[ $output == *"$text"* ]]
}

# One command, its return value.
qmp() { # SOCKET JSON
	python3 - "$1" "$2" <<-'END'
		import json, socket, sys
		s = socket.socket(socket.AF_UNIX)
		s.settimeout(20)
		s.connect(sys.argv[1])
		f = s.makefile("rw")
		commands = [sys.argv[2]]
		if not sys.argv[1].endswith(".qga"):
		    f.readline()
		    commands.insert(0, '{"execute": "qmp_capabilities"}')
		for command in commands:
		    f.write(command + "\n")
		    f.flush()
		    while "event" in (reply := json.loads(f.readline())):
		        pass
		print(json.dumps(reply.get("return", reply.get("error"))))
	END
}

# Migrates and prints the source's events until it has ended: "MIGRATION wait-unplug", "UNPLUG_PRIMARY p0".
migrate() { # FROM TO
	python3 - "$DIR/$1.qmp" "unix:$DIR/$2.incoming" <<-'END'
		import json, socket, sys
		s = socket.socket(socket.AF_UNIX)
		s.settimeout(60)
		s.connect(sys.argv[1])
		f = s.makefile("rw")
		f.readline()
		for command, arguments in (("qmp_capabilities", {}),
		                           ("migrate-set-capabilities",
		                            {"capabilities": [{"capability": name, "state": True}
		                                              for name in ("events", "return-path")]}),
		                           ("migrate", {"uri": sys.argv[2]})):
		    f.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
		f.flush()
		status = ""
		while status not in ("completed", "failed"):
		    reply = json.loads(f.readline())
		    data = reply.get("data", {})
		    if "event" in reply:
		        status = data.get("status", "")
		        print(reply["event"], status or data.get("device-id", ""))
	END
}

# ---- the VM of many pairs ----

ports=0
# Eight ports in a slot: a guest looks only at slots that have function 0.
port() { # ID
	ARGS+=(-device "pcie-root-port,id=$1,bus=pcie.0,chassis=$((ports + 1)),slot=$ports,multifunction=on,$(
		printf addr=0x%x.%d $((ports / 8 + 2)) $((ports % 8)))")
	ports=$((ports + 1))
}

mac() { # NN
	echo "52:54:00:00:00:$1"
}

standby() { # ID NN [MORE]
	port "s-$1"
	ARGS+=(-device "virtio-net-pci,id=$1,bus=s-$1,failover=on,mac=$(mac "$2"),romfile=${3:+,$3}")
}

primary() { # STANDBY BUS NN [MORE]
	ARGS+=(-device "e1000e,id=p-$1,bus=$2,failover_pair_id=$1,mac=$(mac "$3"),romfile=${4:+,$4}")
}

pair() { # ID NN STANDBY-MORE PRIMARY-MORE
	standby "$1" "$2" "$3"
	port "b-$1"
	primary "$1" "b-$1" "$2" "$4"
}

has_igb() {
	# Its exit status says nothing.
	"$QEMU" -device igb,help 2>/dev/null | grep '^igb options' >/dev/null
}

ROOT_PRIMARY=e1000e,id=p,bus=pcie.0,addr=0x1c,failover_pair_id=n
# Newer QEMUs do not start with a primary on pcie.0, older ones only warn when they are to plug it.
root_is_refused_late() {
	"$QEMU" -S -nodefaults -no-user-config -display none -machine "$MACHINE" -accel tcg -monitor stdio \
		-device pcie-root-port,id=a -device virtio-net-pci,id=n,bus=a,failover=on -device "$ROOT_PRIMARY" \
		<<<quit >/dev/null 2>&1
}

many_pairs() {
	ARGS=()
	pair good 01 "" ""
	pair mismatch 02 "" "mac=$(mac f2)"
	pair mtu 03 host_mtu=1400 ""
	pair legacy 04 disable-modern=on,disable-legacy=off ""
	pair multi 05 "" multifunction=on
	pair function 06 "" addr=0.1
	pair beyond 07 "" addr=1
	pair junk 08 "" mac=junk
	pair multicast 09 mac=53:54:00:00:00:09 mac=53:54:00:00:00:09
	standby rng 0a
	port b-rng
	ARGS+=(-device "virtio-rng-pci,id=p-rng,bus=b-rng,failover_pair_id=rng")
	standby rombar 0b
	port b-rombar
	ARGS+=(-device "e1000e,id=p-rombar,bus=b-rombar,failover_pair_id=rombar,mac=$(mac 0b),rombar=0")
	if root_is_refused_late; then
		standby root 0c
		primary root pcie.0 0c addr=0x1c
	fi
	standby shared 0d
	primary shared s-shared 0d
	port b-bridge
	ARGS+=(-device "pcie-pci-bridge,id=bridge,bus=b-bridge")
	standby conventional 0e
	primary conventional bridge 0e addr=2
	port b-before
	primary before b-before 0f
	standby before 0f
	port b-missing
	primary missing b-missing 10
	port s-plain
	ARGS+=(-device "virtio-net-pci,id=plain,bus=s-plain,mac=$(mac 11),romfile=")
	port b-plain
	primary plain b-plain 11
	ARGS+=(-device "pcie-root-port,id=s-unseen,bus=pcie.0,addr=0x18.1,multifunction=on,chassis=99"
		-device "virtio-net-pci,id=unseen,bus=s-unseen,failover=on,mac=$(mac 13),romfile=")
	# Cards of a pair's address. By its subsystem the guest tells one e1000e from the other.
	pair third 14 "" ""
	port b-card
	ARGS+=(-device "e1000e,id=third-card,bus=b-card,mac=$(mac 14),romfile=,subsys=0x7")
	pair virtio 15 "" ""
	port b-virtio-card
	ARGS+=(-device "virtio-net-pci,id=virtio-card,bus=b-virtio-card,mac=$(mac 15),romfile=")
	pair twin 16 "" ""
	pair twin2 16 "" subsys=0x7
	if has_igb; then
		standby igb 12
		port b-igb
		ARGS+=(-device "igb,id=p-igb,bus=b-igb,failover_pair_id=igb,mac=$(mac 12),romfile=")
	fi
}

# By the guest's agent: "MAC" lines, one for each interface.
guest_macs() {
	qmp "$DIR/many.qga" '{"execute": "guest-network-get-interfaces"}' | jq -r '.[]."hardware-address"'
}

guest_has() { # NUMBER MAC: so many interfaces of it
	[ "$(grep -cx "$2" "$DIR/macs")" -eq "$1" ]
}

# "MASTER STANDBY PRIMARY ACTIVE" as the guest last said it.
guest_says() { # MAC
	guest_last_pair "$1" <"$DIR/many.serial"
}

# The last primary that can be there is, and 3 s went by for those that cannot.
is_settled() {
	grep -q 'vmfo-guest: ready' "$DIR/many.serial" 2>/dev/null || return 1
	local word
	for word in "$(mac 01)" "$(mac 03)" "$(mac 0f)" "$(mac 14)" "$(mac 15)" "$(mac 16)"; do
		[[ $(guest_says "$word") =~ ^[^\ ]+\ [^\ ]+\ eth ]] || return 1
	done
	sleep 3
	guest_macs >"$DIR/macs"
}

has_device() { # ID
	qmp "$DIR/many.qmp" '{"execute": "qom-list", "arguments": {"path": "/machine/peripheral"}}' |
		jq -e --arg id "$1" 'any(.[]; .name == $id)' >/dev/null
}

lacks_device() { # ID
	if has_device "$1"; then
		echo "QEMU has $1" >&2
		return 1
	fi
}

check() { # NAME ARGS…: what vmfo says of that command line
	qemu_args "$@"
	"$VMFO" check-topology --json --no-host --qemu "$QEMU" -- "${QEMU_ARGS[@]}" >"$DIR/$1.findings" || [ $? -eq 3 ]
}

claims() { # RULE OBJECT [NAME]
	jq -e --arg rule "$1" --arg object "$2" 'any(.findings[]; .rule == $rule and .object == $object)' \
		"$DIR/${3:-many}.findings" >/dev/null || { echo "no finding of $1 about $2" >&2 && return 1; }
}

qemu_said() { # NAME TEXT
	grep -qF -- "$2" "$DIR/$1.err" || { cat "$DIR/$1.err" >&2 && return 1; }
}

# ---- what is as it should be ----

@test "a pair without a fault has no finding, and is whole" {
	run jq -r '.findings[] | select(.object == "pair good" and .severity != "info") | .rule' "$DIR/many.findings"
	[ -z "$output" ]
	guest_has 3 "$(mac 01)"
	read -r _ standby primary _ < <(guest_says "$(mac 01)")
	[[ $standby == eth* && $primary == eth* ]]
}

# ---- what the guest does not join ----

@test "mac-mismatch: both devices are there, and stay strangers" {
	claims mac-mismatch "pair mismatch"
	has_device p-mismatch
	guest_has 2 "$(mac 02)"
	guest_has 1 "$(mac f2)"
	[[ $(guest_says "$(mac 02)") == eth*' eth'*' - '* ]]
}

@test "mac-mismatch, mac-invalid: QEMU invents another address for each that is given none, or zeros" {
	PORTS=(-device "pcie-root-port,id=a,chassis=1" -device "pcie-root-port,id=b,chassis=2")
	"$QEMU" -S -nodefaults -display none -machine "$MACHINE" -accel tcg -qmp "unix:$DIR/invent.qmp,server=on,wait=off" \
		"${PORTS[@]}" -device virtio-net-pci,id=n,bus=a,romfile= -device e1000e,id=p,bus=b,romfile= \
		-device virtio-net-pci,id=z,mac=00:00:00:00:00:00,romfile= 2>/dev/null >&2 3>&- &
	echo $! >"$DIR/invent.pid"
	wait_for 10 test -S "$DIR/invent.qmp"
	[ "$(qmp "$DIR/invent.qmp" '{"execute": "qom-get", "arguments": {"path": "n", "property": "mac"}}')" = \
		'"52:54:00:12:34:56"' ]
	[ "$(qmp "$DIR/invent.qmp" '{"execute": "qom-get", "arguments": {"path": "p", "property": "mac"}}')" = \
		'"52:54:00:12:34:57"' ]
	[ "$(qmp "$DIR/invent.qmp" '{"execute": "qom-get", "arguments": {"path": "z", "property": "mac"}}')" = \
		'"52:54:00:12:34:58"' ]
}

# What net_failover has as the primary of that address, by its subsystem.
subsystem_of_primary() { # MAC
	local primary
	read -r _ _ primary _ < <(guest_says "$1")
	guest_exec "$DIR/many.qga" "cat /sys/class/net/$primary/device/subsystem_device"
}

@test "mac-duplicate: another card of that address takes the primary's place" {
	claims mac-duplicate "pair third"
	has_device p-third
	[ "$(subsystem_of_primary "$(mac 14)")" = 0x0007 ]
	# With the master, the standby and the primary, which is left out.
	guest_has 4 "$(mac 14)"
}

@test "mac-duplicate: of two pairs of that address the second is never joined, and a virtio card stays a stranger" {
	claims mac-duplicate "pair twin"
	has_device p-twin2
	[ "$(subsystem_of_primary "$(mac 16)")" = 0x0000 ]
	guest_has 6 "$(mac 16)"
	[ "$(grep "pair $(mac 16)" "$DIR/many.serial" | grep -o 'master=[^ ]*' | sort -u | wc -l)" -eq 1 ]
	claims mac-duplicate "pair virtio"
	[ "$(subsystem_of_primary "$(mac 15)")" = 0x0000 ]
	guest_has 4 "$(mac 15)"
}

@test "pair-mtu: the standby stays out of the pair" {
	claims pair-mtu "pair mtu"
	[[ $(guest_says "$(mac 03)") == eth*' - eth'* ]]
	guest_has 3 "$(mac 03)"
}

@test "standby-legacy: the guest is never offered failover, and the primary never plugged" {
	claims standby-legacy "pair legacy"
	guest_has 1 "$(mac 04)"
	lacks_device p-legacy
}

@test "slot-invalid, slot-shared: QEMU has the primary or refuses it, and the guest does not see it" {
	claims slot-invalid "pair beyond"
	has_device p-beyond
	guest_has 2 "$(mac 07)"
	claims slot-shared "pair shared"
	# Newer QEMUs refuse it, with a warning.
	has_device p-shared || qemu_said many "PCI: slot 0 function 0 already occupied by virtio-net-pci"
	guest_has 2 "$(mac 0d)"
}

@test "port-without-function-0: the guest does not see what is behind such a port" {
	claims port-without-function-0 "pair unseen"
	has_device unseen
	guest_has 0 "$(mac 13)"
}

@test "mac-invalid: a multicast address is no card's, a malformed one only shows when the primary is plugged" {
	claims mac-invalid "pair multicast"
	has_device p-multicast
	guest_has 2 53:54:00:00:00:09
	claims mac-invalid "pair junk"
	qemu_said many "doesn't take value 'junk'"
	lacks_device p-junk
	qemu_refuses mac-invalid "doesn't take value 'junk'" -device virtio-net-pci,failover=on,id=n,mac=junk
}

# ---- what QEMU refuses when the guest agrees to failover ----

refused_late() { # RULE PAIR NN TEXT
	claims "$1" "pair $2"
	lacks_device "p-$2"
	guest_has 2 "$(mac "$3")"
	qemu_said many "$4"
}

@test "primary-multifunction: refused with a warning, once the guest runs" {
	refused_late primary-multifunction multi 05 "failover: primary device must be in its own PCI slot"
	refused_late primary-multifunction function 06 "failover: primary device must be in its own PCI slot"
	if has_igb; then
		refused_late primary-multifunction igb 12 "failover: primary device must be in its own PCI slot"
	fi
}

@test "primary-not-ethernet: refused with a warning, once the guest runs" {
	refused_late primary-not-ethernet rng 0a "failover primary device is not an Ethernet device"
}

@test "primary-not-pcie: refused with a warning, once the guest runs" {
	refused_late primary-not-pcie conventional 0e "failover primary device must be on PCIExpress bus"
}

@test "primary-not-hotpluggable: on pcie.0 refused with a warning or at once, behind hotplug=off at once" {
	if root_is_refused_late; then
		refused_late primary-not-hotpluggable root 0c "Bus 'pcie.0' does not support hotplugging"
	else
		qemu_refuses primary-not-hotpluggable "Bus 'pcie.0' does not support hotplugging" \
			-device pcie-root-port,id=a -device virtio-net-pci,id=n,bus=a,failover=on -device "$ROOT_PRIMARY"
	fi
	qemu_refuses primary-not-hotpluggable "Bus 'b' does not support hotplugging" \
		-device pcie-root-port,id=a,chassis=1 -device pcie-root-port,id=b,chassis=2,hotplug=off -device virtio-net-pci,id=n,bus=a,failover=on \
		-device e1000e,id=p,bus=b,failover_pair_id=n
}

@test "primary-rom: rombar=0 alone is refused with a warning, once the guest runs" {
	refused_late primary-rom rombar 0b "Hot-plugged device without ROM bar can't have an option ROM"
}

# ---- what QEMU plugs at once, or does not start with ----

@test "standby-missing, standby-not-failover, primary-before-standby: nothing hides the primary" {
	claims standby-missing "pair missing"
	has_device p-missing
	guest_has 1 "$(mac 10)"
	claims standby-not-failover "pair plain"
	has_device p-plain
	guest_has 2 "$(mac 11)"
	claims primary-before-standby "pair before"
	# As seen by a QEMU whose guest never ran.
	many_pairs
	qemu_start paused -S "${ARGS[@]}"
	wait_for 20 test -S "$DIR/paused.qmp"
	run qmp "$DIR/paused.qmp" '{"execute": "qom-list", "arguments": {"path": "/machine/peripheral"}}'
	kill -KILL "$(<"$DIR/paused.pid")"
	[ "$(jq -r '.[].name | select(startswith("p-"))' <<<"$output" | sort | xargs)" = "p-before p-missing p-plain" ]
}

@test "primary-without-id, primary-shared, bus-missing, port-slot-shared: QEMU does not start" {
	STANDBY=(-device "pcie-root-port,id=a,chassis=1" -device "virtio-net-pci,id=n,bus=a,failover=on"
		-device "pcie-root-port,id=b,chassis=2" -device "pcie-root-port,id=c,chassis=3")
	qemu_refuses primary-without-id "needs to have id" "${STANDBY[@]}" -device e1000e,failover_pair_id=n,bus=b
	qemu_refuses primary-shared "Cannot attach more than one primary device" "${STANDBY[@]}" \
		-device e1000e,failover_pair_id=n,id=p,bus=b -device e1000e,failover_pair_id=n,id=q,bus=c
	qemu_refuses bus-missing "Bus 'nowhere' not found" "${STANDBY[@]}" \
		-device e1000e,failover_pair_id=n,id=p,bus=nowhere
	qemu_refuses port-slot-shared "Can't add chassis slot" -device pcie-root-port,id=a -device pcie-root-port,id=b
}

# ---- migrations ----

is_ready() { # NAME MAC
	[[ $(guest_last_pair "$2" <"$DIR/$1.serial" 2>/dev/null) =~ ^eth[0-9]+\ eth[0-9]+\ eth ]]
}

both_start() { # SOURCE TARGET ARGS…
	local source=$1 target=$2
	shift 2
	qemu_start "$source" "$@"
	qemu_start "$target" -incoming "unix:$DIR/$target.incoming" "$@"
}

end() { # NAME…
	local name
	for name; do
		kill -KILL "$(<"$DIR/$name.pid")" 2>/dev/null || true
		rm -f "$DIR/$name.pid"
	done
}

@test "primary-rom: the target refuses; standby-missing, standby-without-id: nobody, or anybody, is asked to let go" {
	ARGS=()
	standby rom 01
	port b-rom
	ARGS+=(-device "e1000e,id=p-rom,bus=b-rom,failover_pair_id=rom,mac=$(mac 01)")
	port b-missing
	primary missing b-missing 02
	port s-noid
	ARGS+=(-device "virtio-net-pci,bus=s-noid,failover=on,mac=$(mac 03),romfile=")
	both_start a b "${ARGS[@]}"
	wait_for 60 is_ready a "$(mac 01)"
	check a "${ARGS[@]}"
	run migrate a b
	[ "$status" -eq 0 ]
	[ "${lines[-1]}" = "MIGRATION failed" ]
	claims primary-rom "pair rom" a
	wait_for 10 grep -qE 'Unknown ramblock ".*e1000e.rom", cannot accept migration' "$DIR/b.err"
	claims standby-missing "pair missing" a
	[ "$(grep UNPLUG_PRIMARY <<<"$output")" = "UNPLUG_PRIMARY p-rom" ]
	run jq -r '.findings[] | select(.rule == "standby-without-id") | .found' "$DIR/a.findings"
	[[ $output == *"no id"* ]]
	# There was no primary of it.
	qemu_said a "couldn't unplug primary device"
	end a b
}

@test "primary-before-standby, primary-not-hotpluggable: the target has the primary too early, or the source keeps it" {
	ARGS=()
	port b-before
	primary before b-before 01
	standby before 01
	primary root pcie.0 02 addr=0x1c
	standby root 02
	check c "${ARGS[@]}"
	claims primary-before-standby "pair before" c
	claims primary-not-hotpluggable "pair root" c
	both_start c d "${ARGS[@]}"
	wait_for 60 is_ready c "$(mac 01)"
	wait_for 20 is_ready c "$(mac 02)"
	run migrate c d
	[ "${lines[-1]}" = "MIGRATION completed" ]
	[ "$(grep UNPLUG_PRIMARY <<<"$output")" = "UNPLUG_PRIMARY p-before" ]
	qemu_said c "couldn't unplug primary device"
	sleep 5
	# The guest speaks every 2 s.
	[[ $(guest_last_pair "$(mac 01)" <"$DIR/d.serial") == eth*' eth'*' - '* ]]
	run qmp "$DIR/d.qmp" '{"execute": "qom-list", "arguments": {"path": "/machine/peripheral"}}'
	[[ $output == *'"p-before"'* ]]
	end c d
}

# ---- migrations of a QEMU whose guest never ran ----

both_wait() { # SOURCE TARGET: with SOURCE_ARGS and TARGET_ARGS
	qemu_start "$1" -S "${SOURCE_ARGS[@]}"
	qemu_start "$2" -S -incoming "unix:$DIR/$2.incoming" "${TARGET_ARGS[@]}"
	wait_for 20 test -S "$DIR/$1.qmp"
	wait_for 20 test -S "$DIR/$2.incoming"
}

slot_of() { # NAME ID
	qmp "$DIR/$1.qmp" '{"execute": "query-pci"}' |
		jq --arg id "$2" '.. | objects | select(.qdev_id? == $id) | .slot'
}

# The address that the guest's card has, behind which is the network of that id.
address_of() { # NAME ID
	qmp "$DIR/$1.qmp" "{\"execute\": \"query-rx-filter\", \"arguments\": {\"name\": \"$2\"}}" |
		jq -r '.[]."main-mac"'
}

has_ended() { # NAME
	! kill -0 "$(<"$DIR/$1.pid")" 2>/dev/null
}

@test "slot-not-stable: one device more moves the standby, and the target refuses the migration" {
	ARGS=()
	port rp
	SOURCE_ARGS=("${ARGS[@]}" -device "virtio-net-pci,id=n,failover=on,mac=$(mac 01),romfile="
		-device "e1000e,id=p-n,bus=rp,failover_pair_id=n,mac=$(mac 01),romfile=")
	TARGET_ARGS=(-device virtio-rng-pci "${SOURCE_ARGS[@]}")
	check e "${SOURCE_ARGS[@]}"
	claims slot-not-stable "pair n" e
	both_wait e f
	[ "$(slot_of e n)" != "$(slot_of f n)" ]
	run migrate e f
	[ "${lines[-1]}" = "MIGRATION failed" ]
	wait_for 10 has_ended f
	qemu_said f "Unknown savevm section or instance '$(printf 0000:00:%02x.0 "$(slot_of e n)")/virtio-net'"
	end e f
	# It is not for the device: with its place given the pair stays where it is.
	ARGS=()
	pair n 01 "" ""
	SOURCE_ARGS=("${ARGS[@]}")
	TARGET_ARGS=(-device virtio-rng-pci "${ARGS[@]}")
	check g "${SOURCE_ARGS[@]}"
	run claims slot-not-stable "pair n" g
	[ "$status" -eq 1 ]
	both_wait g h
	run migrate g h
	[ "${lines[-1]}" = "MIGRATION completed" ]
	end g h
}

@test "slot-not-stable: cards that QEMU places in another order change places, and nothing refuses it" {
	SOURCE_ARGS=(-device "virtio-net-pci,id=n,failover=on,mac=$(mac 01),romfile="
		-device "virtio-net-pci,id=o,failover=on,mac=$(mac 02),romfile=")
	TARGET_ARGS=("${SOURCE_ARGS[@]:2}" "${SOURCE_ARGS[@]:0:2}")
	check i "${SOURCE_ARGS[@]}"
	claims slot-not-stable "pair n" i
	claims slot-not-stable "pair o" i
	both_wait i j
	[ "$(address_of j n)" = "$(mac 01)" ]
	run migrate i j
	[ "${lines[-1]}" = "MIGRATION completed" ]
	[ "$(address_of i n) $(address_of j n)" = "$(mac 01) $(mac 02)" ]
	[ "$(address_of i o) $(address_of j o)" = "$(mac 02) $(mac 01)" ]
	end i j
}
