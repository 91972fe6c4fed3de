# shellcheck shell=bash
# A VM of vmfo's own whose QEMU is fake-qmp.
#
#   fake SOCKET SCRIPT [JQ-FILTER]   becomes a QEMU there, which says what SCRIPT has, changed by the filter; its pid is $FAKE
#   fake_vm                          web1, of which that process is the QEMU: its run folder says so; with one pair
#   fake_end                         for teardown
#   await_socket PATH                until somebody listens there

FAKES=()

await_socket() { # PATH
	local turn
	for turn in {1..200}; do
		[[ ! -S $1 ]] || return 0
		sleep 0.05
	done
	echo "no socket $1 after $turn turns" >&2
	return 1
}

fake() { # SOCKET SCRIPT [JQ-FILTER]
	rm -f "$1"
	jq "${3:-.}" "$2" >"$1.json"
	"${BASH_SOURCE[0]%/*}/fake-qmp" "$1" "$1.json" >/dev/null 2>&1 3>&- &
	FAKE=$!
	FAKES+=("$FAKE")
	await_socket "$1"
}

fake_vm() {
	jq -n --argjson pid "$FAKE" --arg boot "$(</proc/sys/kernel/random/boot_id)" \
		--argjson start "$(sed 's/.*) //' "/proc/$FAKE/stat" | cut -d ' ' -f 20)" '{
		schema: "vmfo.run/1", vm: "web1", $pid, start_time: $start, boot_id: $boot, taps: [],
		patches: ["unplug-timeout", "query-failover", "failover-replug", "query-pci-failover-buses", "FAILOVER_PRIMARY_CHANGED"],
		definition: {
			schema: "vmfo.vm/1", name: "web1", uuid: "3f9a6c1e-7f0b-4c52-9a4e-0d1b2c3d4e5f",
			machine: "pc-q35-7.2", accel: ["tcg"], cpu: {model: "qemu64", count: 1}, memory: {mib: 192},
			pairs: [{id: "net0", mac: "52:54:00:00:00:01", standby: {bridge: "br0"}, primary: {kind: "emulated", model: "e1000e"}}],
			guest_agent: true
		}
	}' >"$VMFO_RUNDIR/web1/vm.json"
}

fake_end() {
	((${#FAKES[@]} == 0)) || kill "${FAKES[@]}"
}
