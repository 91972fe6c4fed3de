#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What is wrong with failover in QEMU as it comes, seen on it, and mended in ours: each case of `drive` is done to both.
#
#   VMFO_QEMU_STOCK, VMFO_QEMU_PATCHED   paths of the two binaries; required
#
# At the end all that was seen stands in one table, in the comments of the last test and in build/qemu-defects.txt.
bats_require_minimum_version 1.5.0

HERE=$BATS_TEST_DIRNAME
TABLE=$HERE/../../build/qemu-defects.txt
# A case waits 30 s for stock at most, where stock waits that long.
LIMIT=150

setup_file() {
	local variable
	for variable in VMFO_QEMU_STOCK VMFO_QEMU_PATCHED; do
		[[ -f ${!variable:-} && -x ${!variable} ]] && continue
		echo "$variable has to be the path of a QEMU; it is '${!variable:-}'" >&2
		return 1
	done
}

stock() { # CASE: sets seen
	see stock "$VMFO_QEMU_STOCK" "$1"
}

ours() { # CASE: sets seen
	see ours "$VMFO_QEMU_PATCHED" "$1"
}

see() { # COLUMN QEMU CASE
	# Stock dumps core; nobody would read it.
	seen=$(ulimit -c 0 && timeout --kill-after=5 "$LIMIT" "$HERE/drive" "$3" "$2") || {
		echo "$3 could not be done to $2" >&2
		return 1
	}
	printf '%s\n' "$seen" | tee "$BATS_FILE_TMPDIR/$3.$1"
}

# The reason of a failed migration, as one has to find it: which primary of which standby, and why.
names_the_pair() { # WHY
	[[ $seen == "failed: "*"primary 'primary0' of standby 'standby0'"*": "*"$1"* ]]
}

@test "D1: stock completes a migration although the unplug was refused" {
	stock d1
	[[ $seen == "completed; guest not asked" ]]
}

@test "D1: ours fails it, and says why" {
	ours d1
	names_the_pair "blinking"
	[[ $seen == *"; guest not asked" ]]
}

@test "D1: stock does so too when the port has no hot-plug at all" {
	stock d1-port
	[[ $seen == "completed; guest not asked" ]]
}

@test "D1: ours does not" {
	ours d1-port
	[[ $seen == "not started: "*"Bus 'fixed' does not support hotplugging" ]] || names_the_pair ""
}

@test "D2: stock dies of a migration begun while the last one is finishing" {
	stock d2
	[[ $seen == *"; QEMU died: SIG"* ]]
}

@test "D2: ours refuses it, and migrates when the last one is over" {
	ours d2
	[[ $seen == "second refused: "*"still finishing"*"; third completed" ]]
}

@test "D3: stock deletes the primary when the guest lets go after a cancel" {
	stock d3
	[[ $seen == "cancelled; primary deleted, "* ]]
}

@test "D3: ours plugs it in again, and saves its state again" {
	ours d3
	[[ $seen == "cancelled; primary kept, offered to the guest, state saved" ]]
}

@test "D3: stock leaves a real guest with its standby only" {
	stock d3-guest
	[[ $seen == "cancelled; guest has its standby only" ]]
}

@test "D3: ours makes its pair whole" {
	ours d3-guest
	[[ $seen == "cancelled; pair whole again in the guest" ]]
}

@test "D4: stock takes a reset of the standby for the guest's letting go" {
	stock d4
	[[ $seen == "completed before the guest let go, completed after" ]]
}

@test "D4: ours waits on" {
	ours d4
	[[ $seen == "wait-unplug before the guest let go, completed after" ]]
}

@test "D5: stock does not see that the target is gone" {
	stock d5
	[[ $seen == wait-unplug*"; primary "* ]]
}

@test "D5: ours fails the migration" {
	ours d5
	[[ $seen == "failed: "*"; primary offered to the guest again when it has let go" ]]
}

@test "D5: stock does not see it with a return path either" {
	stock d5-return-path
	[[ $seen == wait-unplug*"; primary "* ]]
}

@test "D5: ours fails the migration with a return path, too" {
	ours d5-return-path
	[[ $seen == "failed: "*"; primary offered to the guest again when it has let go" ]]
}

@test "D6: stock does not see that the guest refuses" {
	stock d6
	[[ $seen == wait-unplug ]]
}

@test "D6: ours fails the migration, and says why" {
	ours d6
	[[ $seen == "failed: "*"guest refuses"*"primary 'primary0' of standby 'standby0'"* ]]
}

@test "D7: stock takes no other primary after device_del" {
	stock d7
	[[ $seen == "refused: Cannot attach more than one primary device"* ]]
}

@test "D7: ours takes it" {
	ours d7
	[[ $seen == "accepted, plugged" ]]
}

@test "D7: stock brings a deleted primary back" {
	stock d7-return
	[[ $seen == "deleted primary is back" ]]
}

@test "D7: with ours it stays deleted" {
	ours d7-return
	[[ $seen == "primary stays deleted" ]]
}

@test "D7: stock loses a primary that is wanted during a migration" {
	stock d7-during
	[[ $seen == "primary lost" ]]
}

@test "D7: ours plugs it in after the migration" {
	ours d7-during
	[[ $seen == "primary plugged after it" ]]
}

@test "D8: stock hides a primary for a standby that could not be added" {
	stock d8
	[[ $seen == "primary hidden; "* || $seen == "QEMU died: "* ]]
}

@test "D8: ours has forgotten that standby" {
	ours d8
	[[ $seen == "primary plugged; completed" ]]
}

@test "D9: stock unplugs the host bridge for a standby without id" {
	stock d9
	[[ $seen == "wait-unplug; guest asked" ]]
}

@test "D9: ours leaves it alone" {
	ours d9
	[[ $seen == "completed; guest not asked" ]]
}

@test "D10: stock does not give the primary back when the VM goes on after migrate to a file" {
	stock d10
	[[ $seen == "completed; primary not offered again" ]]
}

@test "D10: ours does" {
	ours d10
	[[ $seen == "completed; primary offered to the guest again" ]]
}

@test "D10: stock does not give the primary back after a background snapshot" {
	stock d10-snapshot
	[[ $seen == "completed; primary not offered again" ]]
}

@test "D10: ours does that, too" {
	ours d10-snapshot
	[[ $seen == "completed; primary offered to the guest again" ]]
}

@test "D10: stock leaves a real guest with its standby only" {
	stock d10-guest
	[[ $seen == "completed; guest has its standby only" ]]
}

@test "D10: ours makes its pair whole" {
	ours d10-guest
	[[ $seen == "completed; pair whole again in the guest" ]]
}

@test "the table" {
	local case what column value
	local -a rows=() missing=()
	local -i width_case=4 width_what=4 width_stock=5
	while IFS=$'\t' read -r case what; do
		local -A cell=()
		for column in stock ours; do
			[[ -s $BATS_FILE_TMPDIR/$case.$column ]] || missing+=("$case.$column")
			read -r value <"$BATS_FILE_TMPDIR/$case.$column" || value="(not seen)"
			cell[$column]=$value
		done
		((${#case} <= width_case)) || width_case=${#case}
		((${#what} <= width_what)) || width_what=${#what}
		((${#cell[stock]} <= width_stock)) || width_stock=${#cell[stock]}
		rows+=("$case" "$what" "${cell[stock]}" "${cell[ours]}")
	done < <("$HERE/drive" --list)
	mkdir -p "${TABLE%/*}"
	printf "%-${width_case}s  %-${width_what}s  %-${width_stock}s  %s\n" case "what is done" stock ours "${rows[@]}" >"$TABLE"
	sed 's/^/# /' "$TABLE" >&3
	[[ -z ${missing[*]} ]]
}
