#!/usr/bin/env bats
# check-topology --buses: the buses of a machine type, and which of them can hold a primary.

load ../helpers

setup() {
	vmfo_sandbox
	QEMU=${VMFO_TEST_QEMU:-qemu-system-x86_64}
	skip_unless "$QEMU is not installed" command -v "$QEMU"
}

# [VALUE]: --buses asks QEMU through a proxy, which answers query-pci-failover-buses; without VALUE it has no such command.
judging() {
	export QMP_PROXY_QEMU=$QEMU QMP_PROXY_ANSWERS=$BATS_TEST_TMPDIR/answers
	jq -n --argjson value "${1:-null}" '{"query-pci-failover-buses": $value}' >"$QMP_PROXY_ANSWERS"
	PROXY=$BATS_TEST_DIRNAME/qmp-proxy
}

@test "--buses prints a table" {
	vmfo check-topology --buses --machine q35
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -gt 2 ]
	[[ ${lines[0]} =~ ^BUS\ +TYPE\ +HANDLER\ +PARTIAL-UNPLUG\ +PRIMARY\ +REASON$ ]]
	[[ ${lines[1]} =~ ^pcie\.0\ +PCIE\ +.*\ no\ +[a-zA-Z] ]]
	[ -z "$stderr" ]
}

@test "--buses --json has the same, and of which QEMU and machine" {
	vmfo check-topology --buses --machine q35 --json
	[ "$status" -eq 0 ]
	jq -e '.schema == "vmfo.buses/1" and (.machine | startswith("pc-q35-")) and (.qemu_version | test("^[0-9.]+$"))
		and (.buses | length) > 1' <<<"$output"
	jq -e '.buses[0] | .name == "pcie.0" and .type == "PCIE" and .owner == "q35-pcihost" and .path == "/machine/q35/pcie.0"
		and .hotplug == true and .usable == false and (.reason | length) > 0' <<<"$output"
}

@test "one of each kind of bridge is there, and says whether a primary can be behind it" {
	vmfo check-topology --buses --machine q35 --json
	for bus in pcie-root-port xio3130-downstream pxb-pcie-port; do
		jq -e --arg bus $bus '.buses[] | select(.name == $bus) | .usable and .partial_unplug and .reason == null' <<<"$output"
	done
	jq -e '.buses[] | select(.name == "pxb-pcie-port").handler == "pcie-root-port"' <<<"$output"
}

@test "of a QEMU that does not judge its buses vmfo does, and says why" {
	judging
	vmfo check-topology --buses --qemu "$PROXY" --machine q35 --json
	jq -e 'all(.buses[]; .judged_by == "vmfo")' <<<"$output"
	jq -e '.buses[] | select(.name == "pcie.0").reason | startswith("a root bus")' <<<"$output"
	jq -e '.buses[] | select(.name == "pcie-pci-bridge").reason | startswith("conventional PCI")' <<<"$output"
	vmfo check-topology --buses --qemu "$PROXY" --machine pc --json
	jq -e '.buses[] | select(.name == "pci-bridge") | .usable | not' <<<"$output"
}

@test "a QEMU that judges its buses is shown in the same form" {
	local table buses
	judging
	vmfo check-topology --buses --qemu "$PROXY" --machine q35
	table=$output
	vmfo check-topology --buses --qemu "$PROXY" --machine q35 --json
	buses=$output
	judging "$(jq '[.buses[] | {bus: .name, path, supported: .usable} + if .usable then {} else {reason} end]' <<<"$buses")"
	vmfo check-topology --buses --qemu "$PROXY" --machine q35
	[ "$status" -eq 0 ]
	[ "$output" = "$table" ]
	vmfo check-topology --buses --qemu "$PROXY" --machine q35 --json
	diff <(jq 'del(.buses[].judged_by)' <<<"$buses") <(jq 'del(.buses[].judged_by)' <<<"$output")
	jq -e 'all(.buses[]; .judged_by == "qemu")' <<<"$output"
}

@test "what QEMU says of a bus outweighs what vmfo would conclude" {
	judging '[{"bus": "pci.0", "path": "/machine/i440fx/pci.0", "supported": true},
		{"bus": "pci-bridge", "path": "/machine/peripheral/pci-bridge/pci-bridge", "supported": false, "reason": "full moon"}]'
	vmfo check-topology --buses --qemu "$PROXY" --machine pc
	[ "$status" -eq 0 ]
	[[ ${lines[1]} =~ ^pci\.0\ +PCI\ +PIIX4_PM\ +yes\ +yes\ +-$ ]]
	grep -q '^pci-bridge  *PCI .* no  *full moon$' <<<"$output"
	# And so it is with the rules.
	vmfo check-topology --no-host --json -- "$PROXY" -machine pc -device virtio-net-pci,id=net0,failover=on \
		-device e1000e,id=nic0,bus=pci.0,addr=9,failover_pair_id=net0,romfile=
	jq -e '[.findings[].rule] | contains(["primary-not-pcie"]) or contains(["controller-no-partial-unplug"]) | not' <<<"$output"
	judging '[{"bus": "rp", "path": "/machine/peripheral/rp/rp", "supported": false, "reason": "full moon"}]'
	vmfo check-topology --no-host --json -- "$PROXY" -machine q35 -device pcie-root-port,id=rp,chassis=1 \
		-device virtio-net-pci,id=net0,failover=on -device e1000e,id=nic0,bus=rp,failover_pair_id=net0,romfile=
	[ "$status" -eq 3 ]
	jq -e '.findings[] | select(.rule == "primary-not-hotpluggable").found == "nic0 is on the port rp; QEMU says: full moon"' \
		<<<"$output"
}

@test "without --machine it is the binary's default machine" {
	judging
	vmfo check-topology --buses --qemu "$PROXY" --json
	[ "$status" -eq 0 ]
	jq -e '.machine | startswith("pc-")' <<<"$output"
	jq -e '.buses[0] | .handler == "PIIX4_PM" and .partial_unplug and (.usable | not) and .judged_by == "vmfo"' <<<"$output"
}

@test "properties of the machine count" {
	judging
	vmfo check-topology --buses --qemu "$PROXY" --machine pc,acpi=off --json
	[ "$status" -eq 0 ]
	jq -e '.buses[0] | .handler == null and (.partial_unplug | not)' <<<"$output"
}

@test "a machine without PCI has no buses" {
	vmfo check-topology --buses --machine none --json
	[ "$status" -eq 0 ]
	jq -e '.buses == []' <<<"$output"
}

@test "--qemu asks another binary" {
	skip_unless "qemu-system-ppc64 is not installed" command -v qemu-system-ppc64
	vmfo check-topology --buses --qemu qemu-system-ppc64 --machine pseries --json
	[ "$status" -eq 0 ]
	jq -e '.buses[0] | .name == "pci.0" and .type == "PCI" and .handler == "spapr-pci-host-bridge"
		and (.partial_unplug | not) and (.usable | not)' <<<"$output"
}

@test "a machine that this QEMU does not have is an error" {
	vmfo check-topology --buses --machine pc-q35-99.9
	[ "$status" -eq 4 ]
	[ -z "$output" ]
	[[ $stderr == *'no machine type "pc-q35-99.9"'* ]]
}

@test "a binary that is not there, or is no QEMU, is an error" {
	vmfo check-topology --buses --qemu /nonexistent/qemu
	[ "$status" -eq 4 ]
	[[ $stderr == *'start /nonexistent/qemu: No such file'* ]]
	vmfo check-topology --buses --qemu /bin/false
	[ "$status" -eq 4 ]
	[[ $stderr == *'exit status 1'* ]]
	[ -z "$output" ]
}

@test "--buses stands alone" {
	vmfo check-topology --buses -- qemu-system-x86_64
	[ "$status" -eq 2 ]
	vmfo check-topology --machine q35
	[ "$status" -eq 2 ]
}
