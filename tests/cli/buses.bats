#!/usr/bin/env bats
# check-topology --buses: the buses of a machine type, and which of them can hold a primary.

load ../helpers

setup() {
	vmfo_sandbox
	skip_unless "qemu-system-x86_64 is not installed" command -v qemu-system-x86_64
}

@test "--buses prints a table" {
	vmfo check-topology --buses --machine q35
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -gt 2 ]
	[[ ${lines[0]} =~ ^BUS\ +TYPE\ +HANDLER\ +PARTIAL-UNPLUG\ +PRIMARY\ +REASON$ ]]
	[[ ${lines[1]} =~ ^pcie\.0\ +PCIE\ +.*\ no\ +a\ root\ bus ]]
	[ -z "$stderr" ]
}

@test "--buses --json has the same, and of which QEMU and machine" {
	vmfo check-topology --buses --machine q35 --json
	[ "$status" -eq 0 ]
	jq -e '.schema == "vmfo.buses/1" and (.machine | startswith("pc-q35-")) and (.qemu_version | test("^[0-9.]+$"))
		and (.buses | length) > 1' <<<"$output"
	jq -e '.buses[0] | .name == "pcie.0" and .type == "PCIE" and .owner == "q35-pcihost" and .path == "/machine/q35/pcie.0"
		and .hotplug == true and .usable == false and (.reason | startswith("a root bus"))' <<<"$output"
}

@test "one of each kind of bridge is there, and says whether a primary can be behind it" {
	vmfo check-topology --buses --machine q35 --json
	for bus in pcie-root-port xio3130-downstream pxb-pcie-port; do
		jq -e --arg bus $bus '.buses[] | select(.name == $bus) | .usable and .partial_unplug and .reason == null' <<<"$output"
	done
	jq -e '.buses[] | select(.name == "pxb-pcie-port").handler == "pcie-root-port"' <<<"$output"
	jq -e '.buses[] | select(.name == "pcie-pci-bridge") | (.usable | not) and (.reason | startswith("conventional PCI"))' \
		<<<"$output"
	vmfo check-topology --buses --machine pc --json
	jq -e '.buses[] | select(.name == "pci-bridge") | .usable | not' <<<"$output"
}

@test "without --machine it is the binary's default machine" {
	vmfo check-topology --buses --json
	[ "$status" -eq 0 ]
	jq -e '.machine | startswith("pc-")' <<<"$output"
	jq -e '.buses[0].handler == "PIIX4_PM" and .buses[0].partial_unplug and (.buses[0].usable | not)' <<<"$output"
}

@test "properties of the machine count" {
	vmfo check-topology --buses --machine pc,acpi=off --json
	[ "$status" -eq 0 ]
	jq -e '.buses[0] | .handler == null and (.partial_unplug | not)' <<<"$output"
}

@test "a machine without PCI has no buses" {
	vmfo check-topology --buses --machine isapc --json
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
