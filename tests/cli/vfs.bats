#!/usr/bin/env bats
# vmfo vfs: what it shows of captured and synthetic hosts. Another host's, over SSH: tests/vm/vfs.bats.

load ../helpers

setup() {
	vmfo_sandbox
	HOST=$BATS_TEST_TMPDIR/host
}

teardown() {
	[[ -z ${HOLDER:-} ]] || kill "$HOLDER"
}

# OPTION…: a host with the PFs enp1s0f0 and enp1s0f1, of 2 VFs each
host() {
	"$BATS_TEST_DIRNAME/../data/hosts/make" "$HOST" --preset 82576 --vfs 2 "$@"
}

# NETDEV…: host.json with the physnet "prod"
physnet() {
	local pfs
	pfs=$(printf '"%s", ' "$@")
	vmfo_host_json "\"physnets\": [{\"id\": \"prod\", \"pfs\": [${pfs%, }]}]"
}

# Both forms: the object in $JSON, the text in $output.
vfs() {
	vmfo vfs --sysroot "$HOST" --json "$@"
	# shellcheck disable=SC2154 # run sets it
	[ "$status" -eq 0 ]
	# shellcheck disable=SC2154
	JSON=$output
	[ "$(of .schema)" = vmfo.vfs/1 ]
	vmfo vfs --sysroot "$HOST" "$@"
	[ "$status" -eq 0 ]
	# shellcheck disable=SC2154
	[ -z "$stderr" ]
	# Nothing is too wide for the line.
	[ "$(awk '{ if (length($0) > n) n = length($0) } END { print (n <= 100) }' <<<"$output")" = 1 ]
}

of() { # FILTER: of the object
	jq -r "$1" <<<"$JSON"
}

# The text has that line; runs of blanks count as one.
line() {
	tr -s ' ' <<<"$output" | sed 's/^ //' | grep -qxF -- "$1" || { echo "no line: $1" >&2 && return 1; }
}

# A VM of this host whose process is $HOLDER.
running_vm() { # NAME
	local started
	sleep 600 3>&- &
	HOLDER=$!
	started=$(awk '{ print $22 }' "/proc/$HOLDER/stat")
	mkdir -p "$VMFO_RUNDIR/$1"
	jq -n --arg name "$1" --argjson pid "$HOLDER" --argjson started "$started" \
		--arg boot_id "$(</proc/sys/kernel/random/boot_id)" '{schema: "vmfo.run/1", vm: $name, pid: $pid,
		start_time: $started, boot_id: $boot_id, taps: [], definition: {schema: "vmfo.vm/1", name: $name,
		uuid: "5a7d9e0c-3f5b-4a57-9d0e-6b1f2c3d4e5f", machine: "pc-q35-7.2", cpu: {model: "max"},
		memory: {mib: 160}, pairs: []}}' >"$VMFO_RUNDIR/$1/vm.json"
}

@test "a host.json without physnets" {
	host
	vfs
	[ "$(of '.pfs | length')" = 0 ]
	[ "$output" = "host.json names no physnets: list them there, each with its PFs (see vmfo-host(5))" ]
}

@test "PFs: model, driver, state, how many VFs" {
	host --pf 1:carrier=off,mtu=9000,numa=1,eswitch=switchdev
	physnet enp1s0f0 enp1s0f1
	vfs
	line "PF enp1s0f0 of physnet prod: up, carrier, MTU 1500, NUMA node 0, switch mode legacy"
	grep -qE "^  0000:01:00\.0 8086:10c9 .*, driver igb$" <<<"$output"
	line "VFs: 7 possible, 2 made, 2 free"
	line "PF enp1s0f1 of physnet prod: up, no carrier, MTU 9000, NUMA node 1, switch mode switchdev"
	line "VFs: 7 possible, 2 made, 0 free"
	[ "$(of '[.pfs[0] | .physnet, .link, .address, .vendor, .device, .driver] | join(" ")')" = \
		"prod enp1s0f0 0000:01:00.0 8086 10c9 igb" ]
	[ "$(of '.pfs[1] | "\(.up) \(.carrier) \(.mtu) \(.numa_node) \(.eswitch_mode)"')" = "true false 9000 1 switchdev" ]
	[ "$(of '.pfs[0] | "\(.vfs_total) \(.vfs_existing) \(.vfs_free) \(.reason)"')" = "7 2 2 null" ]
}

@test "the names of models come from pci.ids" {
	skip_unless "there is no pci.ids: apt install pci.ids" test -e /usr/share/misc/pci.ids
	host
	physnet enp1s0f0
	vfs
	line "0000:01:00.0 8086:10c9 $(of '.pfs[0].name'), driver igb"
	[[ $(of '.pfs[0].name') == *82576*Connection ]]
	[[ $(of '.pfs[0].vfs[0].name') == *82576*"Virtual Function" ]]
}

@test "VFs: how they are set, in columns" {
	host --vf 0.0:mac=52:54:00:00:00:01,vlan=100,trust=on,spoofchk=off,state=disable \
		--vf 0.1:mac=00:00:00:00:00:00,driver=none
	physnet enp1s0f0
	vfs
	line "VF ADDRESS GROUP DRIVER MAC VLAN SPOOF TRUST LINK OWNER"
	line "0 0000:01:10.0 20 vfio-pci 52:54:00:00:00:01 100 off on disable free"
	line "1 0000:01:10.2 21 - - - on off auto free"
	# Numbers end where their title ends, texts begin where it begins.
	[ "$(awk '/^ +VF /{ t = index($0, "VLAN") + 4 } /0000:01:10.0/{ v = index($0, " 100 ") + 4 } END { print t - v }' \
		<<<"$output")" = 0 ]
	[ "$(awk '/^ +VF /{ t = index($0, "OWNER") } /0000:01:1.*free$/{ v = index($0, "free"); if (t != v) bad = 1 }
		END { print bad + 0 }' <<<"$output")" = 0 ]
	[ "$(of '.pfs[0].vfs[0] | "\(.index) \(.address) \(.mac) \(.vlan) \(.trust) \(.spoof_check) \(.link_state)"')" = \
		"0 0000:01:10.0 52:54:00:00:00:01 100 true false disable" ]
	[ "$(of '.pfs[0].vfs[1] | "\(.driver) \(.mac) \(.vlan) \(.iommu_group) \(.owner) \(.free)"')" = \
		"null null 0 21 null true" ]
}

@test "whose they are: a VM, a process, this host" {
	running_vm web1
	host --vf "0.0:holder=$HOLDER" --vf 0.1:holder=4711 --vf 1.0:driver=igbvf
	jq 'map(if .ifname == "enp1s0f1v0" then .flags += ["UP"] else . end)' "$HOST/vmfo/links.json" >"$HOST/new"
	mv "$HOST/new" "$HOST/vmfo/links.json"
	physnet enp1s0f0 enp1s0f1
	vfs
	line "0 0000:01:10.0 20 vfio-pci 02:00:00:00:00:00 - on off auto VM web1"
	[ "$(of '.pfs[0].vfs[0] | [.owner.kind, .owner.name, .free, .reason] | @json')" = '["vm","web1",false,null]' ]
	# It has no room at the end of its line.
	line "1 0000:01:10.2 21 vfio-pci 02:00:00:00:01:00 - on off auto"
	line "owner process 4711 (qemu-system-x86)"
	[ "$(of '.pfs[0].vfs[1].owner | [.kind, .name, .pid] | @json')" = '["process","qemu-system-x86",4711]' ]
	[ "$(of '.pfs[0].vfs[1].reason')" = "its IOMMU group 21 is held by process 4711 (qemu-system-x86)" ]
	line "owner this host (link enp1s0f1v0)"
	[ "$(of '.pfs[1].vfs[0].owner | [.kind, .name] | @json')" = '["host","enp1s0f1v0"]' ]
	line "VFs: 7 possible, 2 made, 0 free"
	line "VFs: 7 possible, 2 made, 1 free"
}

@test "why they fit nobody" {
	host --vf 0.0:group=77 --vf 0.1:group=77,driver=igbvf --pf 1:up=off
	physnet enp1s0f0 enp1s0f1
	vfs
	line "0 0000:01:10.0 77 vfio-pci 02:00:00:00:00:00 - on off auto -"
	line "group 0000:01:10.2"
	line "unfit its IOMMU group 77 is shared with 0000:01:10.2, which igbvf uses"
	line "unfit PF enp1s0f1 is down"
	[ "$(of '.pfs[0].vfs[0] | [.group_members, .reason, .owner, .free] | @json')" = \
		'[["0000:01:10.2"],"its IOMMU group 77 is shared with 0000:01:10.2, which igbvf uses",null,false]' ]
}

@test "a large group is broken into lines, not cut" {
	host --preset shared-group --vfs 7
	physnet enp1s0
	vfs
	[ "$(of '.pfs[0].vfs[0].group_members | length')" = 8 ]
	for address in $(of '.pfs[0].vfs[0].group_members[]'); do
		# Of 7 VFs, all but itself; and the port and the PF, of all 7.
		[ "$(grep -oF "$address" <<<"$output" | wc -l)" -ge 7 ]
	done
}

@test "without an IOMMU" {
	host --preset no-iommu
	physnet enp1s0
	vfs
	line "0 0000:01:10.0 - igbvf 02:00:00:00:00:00 - on off auto -"
	line "unfit it is in no IOMMU group: the host's IOMMU is off"
	[ "$(of '.pfs[0].vfs[0].iommu_group')" = null ]
}

@test "a PF without VFs, one that cannot have any, one that is not there" {
	host --vfs 0
	physnet enp1s0f0 br0 enp9s0
	vfs
	line "VFs: 7 possible, 0 made, 0 free"
	line "no VFs are made: echo 7 > /sys/class/net/enp1s0f0/device/sriov_numvfs"
	line "PF br0 of physnet prod: br0 cannot have VFs"
	line "PF enp9s0 of physnet prod: there is no link enp9s0 on this host"
	[ "$(of '.pfs[2] | [.address, .up, .mtu, .vfs_total, (.vfs | length)] | @json')" = '[null,null,null,null,0]' ]
	[ "$(grep -c 'ADDRESS' <<<"$output")" = 0 ]
}

@test "a NIC without SR-IOV" {
	host --vfs 0 --total-vfs 0
	physnet enp1s0f0
	vfs
	line "VFs: 0 possible, 0 made, 0 free"
	line "enp1s0f0 cannot have VFs"
}

@test "a host whose links could not be read" {
	host --no-links
	physnet enp1s0f0
	vfs
	[[ $output == "PF enp1s0f0 of physnet prod: nothing is known of it: "* ]]
}

@test "a real host without SR-IOV, captured" {
	HOST=$BATS_TEST_DIRNAME/../data/hosts/vm-no-iommu
	physnet eth0
	vfs
	[ "$output" = "PF eth0 of physnet prod: eth0 cannot have VFs" ]
	[ "$(of '.pfs[0] | "\(.up) \(.mtu) \(.address)"')" = "true 1400 null" ]
}

@test "512 VFs" {
	"$BATS_TEST_DIRNAME/../data/hosts/make" "$HOST" --preset 512-vfs
	physnet enp65s0 enp81s0 enp97s0 enp113s0
	vfs
	[ "$(of '[.pfs[].vfs[] | select(.free)] | length')" = 512 ]
	[ "$(grep -c ' free$' <<<"$output")" = 516 ]
}

@test "this host itself" {
	physnet lo
	vmfo vfs --json
	[ "$status" -eq 0 ]
	[ "$(jq -r '"\(.host) \(.pfs[0].link) \(.pfs[0].up) \(.pfs[0].reason)"' <<<"$output")" = \
		"$(hostname) lo true lo cannot have VFs" ]
}

@test "usage" {
	vmfo vfs --host a --sysroot b
	[ "$status" -eq 2 ]
	[[ $stderr == *"give one of them"* ]]
	for option in --host --sysroot; do
		vmfo vfs "$option" ''
		[ "$status" -eq 2 ]
		[[ $stderr == *"$option: its value is empty"* ]]
	done
	vmfo vfs surplus
	[ "$status" -eq 2 ]
	vmfo vfs --sysroot /nonexistent
	[ "$status" -eq 4 ]
	[[ $stderr == *"cannot read the captured host /nonexistent"* ]]
	[ -z "$output" ]
}
