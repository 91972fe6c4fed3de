#!/usr/bin/env bats
# What the rules of check-topology say of pairs, held against a real QEMU and a real guest: one VM of many pairs, each
# with one fault, and two migrations. Every test asks vmfo for its finding, and then reality whether it is true.

load rules-qemu

setup_file() {
	rules_up rules
	many_pairs
	check many "${ARGS[@]}"
	qemu_start many "${ARGS[@]}"
	wait_for 90 is_settled
}

teardown_file() {
	rules_down
}

# ---- the VM of many pairs ----

has_igb() {
	# Its exit status says nothing.
	"$QEMU" -device igb,help 2>/dev/null | grep '^igb options' >/dev/null
}

# A standby, and ports for a primary, of a QEMU that does not start.
STANDBY=(-device "pcie-root-port,id=a,chassis=1" -device "virtio-net-pci,id=n,bus=a,failover=on"
	-device "pcie-root-port,id=b,chassis=2" -device "pcie-root-port,id=c,chassis=3")
ROOT_PRIMARY=e1000e,id=p,bus=pcie.0,addr=0x1c,failover_pair_id=n
# Newer QEMUs, and patched ones, do not start with a primary on pcie.0, older ones only warn when they are to plug it.
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
	if [[ -z $PATCHED ]]; then
		# A patched QEMU does not start with them.
		pair multi 05 "" multifunction=on
		pair function 06 "" addr=0.1
	fi
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
	for word in "$(mac 01)" "$(mac 03)" "$(mac 0f)" "$(mac 14)" "$(mac 15)" "$(mac 16)" ${PATCHED:+"$(mac 0e)"}; do
		[[ $(guest_says "$word") =~ ^[^\ ]+\ [^\ ]+\ eth ]] || return 1
	done
	sleep 3
	guest_macs >"$DIR/macs"
}

# ---- what is as it should be ----

@test "a pair without a fault has no finding, and is whole" {
	run jq -r '.findings[] | select(.object == "pair good" and .severity != "info") | .rule' "$DIR/many.findings"
	[ -z "$output" ]
	guest_has 3 "$(mac 01)"
	read -r _ standby primary _ < <(guest_says "$(mac 01)")
	[[ $standby == eth* && $primary == eth* ]]
	primary_is many good plugged
}

# ---- what the guest does not join ----

@test "mac-mismatch: both devices are there, and stay strangers" {
	claims mac-mismatch "pair mismatch"
	has_device many p-mismatch
	primary_is many mismatch plugged
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
	has_device many p-third
	[ "$(subsystem_of_primary "$(mac 14)")" = 0x0007 ]
	# With the master, the standby and the primary, which is left out.
	guest_has 4 "$(mac 14)"
}

@test "mac-duplicate: of two pairs of that address the second is never joined, and a virtio card stays a stranger" {
	claims mac-duplicate "pair twin"
	has_device many p-twin2
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
	lacks_device many p-legacy
	primary_is many legacy hidden
}

@test "slot-invalid, slot-shared: QEMU has the primary or refuses it, and the guest does not see it" {
	claims slot-invalid "pair beyond"
	has_device many p-beyond
	primary_is many beyond plugged
	guest_has 2 "$(mac 07)"
	claims slot-shared "pair shared"
	# Newer QEMUs refuse it, with a warning.
	has_device many p-shared || qemu_said many "PCI: slot 0 function 0 already occupied by virtio-net-pci"
	primary_is many shared absent "PCI: slot 0 function 0 already occupied by virtio-net-pci"
	guest_has 2 "$(mac 0d)"
}

@test "port-without-function-0: the guest does not see what is behind such a port" {
	claims port-without-function-0 "pair unseen"
	has_device many unseen
	guest_has 0 "$(mac 13)"
}

@test "mac-invalid: a multicast address is no card's, a malformed one only shows when the primary is plugged" {
	claims mac-invalid "pair multicast"
	has_device many p-multicast
	guest_has 2 53:54:00:00:00:09
	claims mac-invalid "pair junk"
	qemu_said many "doesn't take value 'junk'"
	lacks_device many p-junk
	primary_is many junk absent "doesn't take value 'junk'"
	qemu_refuses mac-invalid "doesn't take value 'junk'" -device virtio-net-pci,failover=on,id=n,mac=junk
}

# ---- what QEMU refuses when the guest agrees to failover ----

refused_late() { # RULE PAIR NN TEXT
	claims "$1" "pair $2"
	lacks_device many "p-$2"
	guest_has 2 "$(mac "$3")"
	qemu_said many "$4"
	primary_is many "$2" absent "$4"
}

@test "primary-multifunction: refused with a warning, once the guest runs, or at once" {
	local more text="failover: primary device must be in its own PCI slot"
	if [[ -n $PATCHED ]]; then
		for more in multifunction=on addr=0.1; do
			qemu_refuses primary-multifunction "$text" "${STANDBY[@]}" \
				-device "e1000e,id=p,bus=b,failover_pair_id=n,$more"
		done
	else
		refused_late primary-multifunction multi 05 "$text"
		refused_late primary-multifunction function 06 "$text"
	fi
	# That is only known of a device that is there.
	if has_igb; then
		refused_late primary-multifunction igb 12 "$text"
	fi
}

@test "primary-not-ethernet: refused with a warning, once the guest runs" {
	refused_late primary-not-ethernet rng 0a "failover primary device is not an Ethernet device"
}

@test "primary-not-pcie: refused with a warning, once the guest runs; or under ACPI taken, under SHPC refused at once" {
	if [[ -z $PATCHED ]]; then
		refused_late primary-not-pcie conventional 0e "failover primary device must be on PCIExpress bus"
		return
	fi
	run claims primary-not-pcie "pair conventional"
	[ "$status" -eq 1 ]
	has_device many p-conventional
	primary_is many conventional plugged
	guest_has 3 "$(mac 0e)"
	[[ $(guest_says "$(mac 0e)") == eth*' eth'*' eth'* ]]
	local rule
	for rule in primary-not-pcie controller-no-partial-unplug; do
		qemu_refuses $rule "Hot-plug handler 'pcie-pci-bridge' of bus 'bridge' cannot unplug a device partially" \
			-global ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off "${STANDBY[@]}" \
			-device pcie-pci-bridge,id=bridge,bus=b -device e1000e,id=p,bus=bridge,addr=2,failover_pair_id=n
	done
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
	has_device many p-missing
	guest_has 1 "$(mac 10)"
	claims standby-not-failover "pair plain"
	has_device many p-plain
	guest_has 2 "$(mac 11)"
	claims primary-before-standby "pair before"
	primary_is many before plugged
	if [[ -n $PATCHED ]]; then
		run qmp "$DIR/many.qmp" '{"execute": "query-failover"}'
		jq -e 'all(.[]; .standby != "missing" and .standby != "plain")' <<<"$output" >/dev/null
	fi
	# As seen by a QEMU whose guest never ran.
	many_pairs
	qemu_start paused -S "${ARGS[@]}"
	wait_for 20 test -S "$DIR/paused.qmp"
	run qmp "$DIR/paused.qmp" '{"execute": "qom-list", "arguments": {"path": "/machine/peripheral"}}'
	kill -KILL "$(<"$DIR/paused.pid")"
	[ "$(jq -r '.[].name | select(startswith("p-"))' <<<"$output" | sort | xargs)" = "p-before p-missing p-plain" ]
}

@test "primary-without-id, primary-shared, bus-missing, port-slot-shared: QEMU does not start" {
	qemu_refuses primary-without-id "needs to have id" "${STANDBY[@]}" -device e1000e,failover_pair_id=n,bus=b
	qemu_refuses primary-shared "Cannot attach more than one primary device" "${STANDBY[@]}" \
		-device e1000e,failover_pair_id=n,id=p,bus=b -device e1000e,failover_pair_id=n,id=q,bus=c
	qemu_refuses bus-missing "Bus 'nowhere' not found" "${STANDBY[@]}" \
		-device e1000e,failover_pair_id=n,id=p,bus=nowhere
	qemu_refuses port-slot-shared "Can't add chassis slot" -device pcie-root-port,id=a -device pcie-root-port,id=b
}
