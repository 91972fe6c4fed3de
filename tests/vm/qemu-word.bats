#!/usr/bin/env bats
# What QEMU itself says of a pair, as `vmfo status`, `vmfo replug` and `vmfo check-topology --buses` show it: of a QEMU that
# can say it, and of one that cannot. A migration to nowhere takes the primary away.

load common

bats_require_minimum_version 1.5.0

setup_file() {
	vm_hosts_up
}

teardown_file() {
	vm_hosts_down
}

setup() {
	vm_define web1
	vm_launch web1
	PRIMARY=net0-primary
	if monitor alpha web1 '{"execute": "query-failover"}' | jq -e 'type == "array"' >/dev/null; then SAYS=1; else SAYS=; fi
}

teardown() {
	[[ ! ${SINK:-} ]] || kill "$SINK" 2>/dev/null || true
	vm_stop_all
}

qmp() { # COMMAND [ARGUMENTS]: fails if QEMU refuses
	monitor alpha web1 "{\"execute\": \"$1\", \"arguments\": ${2:-{\}}}" | tee -a /dev/stderr | jq -e '(type == "object" and has("desc")) | not' \
		>/dev/null
}

migration_is() { # STATUS
	[[ $(monitor alpha web1 '{"execute": "query-migrate"}' | jq -r .status) = "$1" ]]
}

word() { # FILTER: of the pair in `vmfo status`
	on alpha vmfo status web1 --json | jq -r ".pairs[0] | $1"
}

word_is() { # FILTER TEXT
	[[ $(word "$1") = "$2" ]]
}

# Whatever comes is read, and that is all: a migration to there ends well, and the VM can go on here.
migrate_to_nowhere() { # BYTES-A-SECOND, 0: no limit
	python3 - "$BATS_TEST_TMPDIR/sink" 3>&- <<-'END' &
		import socket, sys
		listener = socket.socket(socket.AF_UNIX)
		listener.bind(sys.argv[1])
		listener.listen(1)
		stream, _ = listener.accept()
		while stream.recv(1 << 20):
		    pass
	END
	SINK=$!
	wait_for 10 test -S "$BATS_TEST_TMPDIR/sink"
	qmp migrate-set-parameters "{\"max-bandwidth\": $1}"
	qmp migrate "{\"uri\": \"unix:$BATS_TEST_TMPDIR/sink\"}"
}

@test "a whole pair" {
	if [[ $SAYS ]]; then
		[ "$(word '.qemu | "\(.state) \(.negotiated) \(.primary) \(.error)"')" = "plugged true $PRIMARY null" ]
		on alpha vmfo status web1 | grep -qx "    QEMU: primary $PRIMARY plugged, standby negotiated"
	else
		[ "$(word .qemu)" = null ]
		! on alpha vmfo status web1 | grep -q 'QEMU:'
	fi
	word_is .state paired
}

@test "while a migration runs the primary is unplugged, and replug is refused; after its cancel it is back" {
	migrate_to_nowhere 1000000
	wait_for 20 migration_is active
	if [[ $SAYS ]]; then
		[ "$(word '"\(.state) \(.qemu.state) \(.primary)"')" = "standby-only unplugged null" ]
		run --separate-stderr on alpha vmfo replug web1 --json
		echo "$output" >&2
		[ "$status" -eq 6 ]
		[ "$(jq -r '.pairs[0].state' <<<"$output")" = standby-only ]
		[[ $(jq -r '.pairs[0].reason' <<<"$output") == *migrat* ]]
	fi
	qmp migrate_cancel
	if [[ $SAYS ]]; then
		wait_for 40 word_is .qemu.state plugged
	fi
	assert_pair alpha web1
}

@test "a VM that goes on after a migration to nowhere" {
	migrate_to_nowhere 0
	wait_for 60 migration_is completed
	qmp cont
	if [[ $SAYS ]]; then
		# QEMU puts it back by itself.
		wait_for 40 word_is .qemu.state plugged
		assert_pair alpha web1
		on alpha vmfo replug web1
	else
		# It never does, and says that it has the primary; the guest says otherwise.
		wait_for 40 word_is .state standby-only
		[ "$(word .evidence)" = guest-agent ]
		run on alpha vmfo replug web1
		[ "$status" -eq 6 ]
		[[ $output == *"the guest has not taken it"* ]]
	fi
}

@test "--buses: what QEMU says of them and what vmfo concludes agree, but for conventional buses under ACPI" {
	local machine said concluded
	export QMP_PROXY_QEMU=$QEMU QMP_PROXY_ANSWERS=$BATS_TEST_TMPDIR/hidden
	echo '{"query-pci-failover-buses": null}' >"$QMP_PROXY_ANSWERS"
	for machine in q35 q35,acpi=off pc pc,acpi=off; do
		said=$(on alpha vmfo check-topology --buses --json --machine "$machine" | jq '.buses')
		concluded=$(on alpha vmfo check-topology --buses --json --machine "$machine" --qemu "$ROOT/tests/cli/qmp-proxy" |
			jq '.buses | map(del(.judged_by, .reason))')
		jq -e 'length > 0 and all(.[]; .usable or (.reason | length) > 0)' <<<"$said"
		if jq -e 'all(.[]; .judged_by == "qemu")' <<<"$said"; then
			# Such a QEMU takes a primary there; without its word vmfo must assume that it does not.
			concluded=$(jq 'map(.usable = (.usable or (.type == "PCI" and .partial_unplug)))' <<<"$concluded")
		else
			jq -e 'all(.[]; .judged_by == "vmfo")' <<<"$said"
		fi
		diff <(jq 'map(del(.judged_by, .reason))' <<<"$said") <(echo "$concluded") >&2
	done
}
