# shellcheck shell=bash
# QEMU without and with qemu-patches/, compared; sourced by tests/bench, whose functions and variables it uses.
#
#   qemus_check                    whether both are there: what is missing is said before minutes were spent on the rest
#   measure_eject, measure_ping    two sections
#
# They are VMFO_QEMU_STOCK and VMFO_QEMU_PATCHED, by default those of `make qemu-stock` and `make qemu`: one source and
# one configuration, so that they differ in the patches alone.

declare -A QEMUS=(
	[stock]=${VMFO_QEMU_STOCK:-$ROOT/build/qemu-stock/qemu-system-x86_64}
	[patched]=${VMFO_QEMU_PATCHED:-$ROOT/build/qemu/qemu-system-x86_64}
)

qemus_check() {
	[[ -x ${QEMUS[stock]} ]] || die "no stock QEMU at ${QEMUS[stock]}; \`make qemu-stock\` builds it"
	[[ -x ${QEMUS[patched]} ]] || die "no patched QEMU at ${QEMUS[patched]}; \`make qemu\` builds it"
}

qemus_versions() {
	local name
	for name in stock patched; do
		row "$name" "$("${QEMUS[$name]}" -version | head -n 1)"
	done
}

# ---- from the guest's eject to "active" ----

measure_eject() {
	local name
	declare -A medians
	heading "From the guest's eject to the migration's \"active\", $EJECTS by each in turn: least, median, greatest"
	qemus_versions
	mkdir "$WORK/eject"
	"$TOOLS/eject" "$WORK/eject" "$EJECTS" stock="${QEMUS[stock]}" patched="${QEMUS[patched]}" >"$WORK/ejects" ||
		die "the time from the eject to active could not be measured"
	for name in stock patched; do
		medians[$name]=$(column "$name" 2 "$WORK/ejects" | median)
		row "$name" "$(column "$name" 2 "$WORK/ejects" | spread) ms"
	done
	row "stock / patched, medians" "$(ratio "${medians[stock]}" "${medians[patched]}")"
}

# ---- what a ping sees ----

await_answer() {
	local deadline=$((SECONDS + 20))
	until on wire ping -n -q -c 1 -W 1 "$ADDRESS" >/dev/null 2>&1; do
		((SECONDS < deadline)) || die "the guest does not answer a ping"
	done
}

# NAME: a VM starts with that QEMU on alpha and moves to beta under the probe, as in the demo. Adds a line
# "NAME SENT LOST GAP DOWNTIME UNPLUG", the last three in ms, to $WORK/pings.
move_under_ping() {
	local ping
	use_qemu "${QEMUS[$1]}"
	define 192
	launch
	# The bridges know the MAC on beta, from the VM before this one; the guest's answer to a broadcast tells them better.
	on wire ip neigh flush dev wire0
	await_answer
	probe_start "$ADDRESS" "$WORK/ping"
	sleep 1
	on alpha vmfo migrate bench beta --json >"$WORK/result" 2>"$WORK/log" || die "migrate: $(tail -n 1 "$WORK/log")"
	# What comes late would count as lost.
	sleep 2
	probe_stop
	await_answer
	ping=$(probe_report "$WORK/ping")
	((0 < $(jq .received <<<"$ping"))) || die "the guest answered no ping"
	jq -r --argjson ping "$ping" --arg name "$1" '[$name, $ping.sent, $ping.lost, $ping.longest_gap_ms, .downtime_ms,
		(first(.phases[] | select(.name == "wait-unplug").duration_ms) // error("no phase wait-unplug"))] |
		join(" ")' "$WORK/result" >>"$WORK/pings"
	guest_wait_pair beta bench "$MAC" 30
	end_vm beta
}

ping_row() { # TEXT SENT LOST GAP DOWNTIME UNPLUG
	printf '    %-18s %s of %s lost, longest gap %s ms, stopped %s ms, wait-unplug %s ms\n' "$1" "$3" "$2" "${@:4}"
}

measure_ping() {
	local turn name field fields
	declare -A lost
	heading "Migrations from alpha to beta under a ping every 9 ms, $ROUNDS by each QEMU in turn"
	qemus_versions
	for ((turn = 1; turn <= ROUNDS; turn++)); do
		for name in stock patched; do
			move_under_ping "$name"
			read -ra fields < <(tail -n 1 "$WORK/pings")
			ping_row "round $turn, $name" "${fields[@]:1}"
		done
	done
	use_qemu
	for name in stock patched; do
		fields=()
		for field in {2..6}; do
			fields+=("$(column "$name" "$field" "$WORK/pings" | median)")
		done
		lost[$name]=${fields[1]}
		ping_row "medians, $name" "${fields[@]}"
	done
	row "stock / patched, pings lost, medians" "$(ratio "${lost[stock]}" "${lost[patched]}")"
}
