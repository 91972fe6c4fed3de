#!/usr/bin/env bats
# The rules of the network: bridges and taps of standbys, emulated primaries and other NICs, and whether they lead where
# the primary leads. standby-features compares two hosts: tests/vm/rules-target.bats.

load rules

MAKE=${BATS_TEST_DIRNAME}/../data/hosts/make
PAIR=(-device "virtio-net-pci,id=net0,failover=on,netdev=n0,mac=52:54:00:00:00:01")
VF=(-device "vfio-pci,id=p0,failover_pair_id=net0,host=01:10.0")

setup() {
	vmfo_sandbox
	HOST=$BATS_TEST_TMPDIR/host
	DEF=$BATS_TEST_TMPDIR/demo.json
	vmfo_host_json '"physnets": [{"id": "lan", "pfs": ["enp1s0f0"]}, {"id": "san", "pfs": ["enp1s0f1"]}]'
	# Two PFs of two physnets, each in a bridge of its own, and bridges of other kinds.
	"$MAKE" "$HOST" --pfs 2 --vfs 2 --bridge br0 --pf 0:master=br0 --bridge br1 --pf 1:master=br1 \
		--bridge br-none --bridge br-down:up=off --bridge br-vlan --bridge br-filter:vlan_filtering=on,pvid=20 \
		--link enp1s0f0.100:kind=vlan,lower=enp1s0f0,id=100,master=br-vlan \
		--link enp1s0f0.20:kind=vlan,lower=enp1s0f0,id=20,master=br-filter \
		--link tap0:kind=tap,master=br0,up=on --link tap-down:kind=tap,master=br0,up=off --vf 0.0:vlan=100
}

# A command line: a pair with that netdev, and what else.
line() { # finds|passes|unchecked RULE NETDEV ARGUMENT…
	local how=$1 rule=$2 netdev=$3
	shift 3
	"$how" "$rule" --sysroot "$HOST" -- /nonexistent/qemu -netdev "$netdev,id=n0" "${PAIR[@]}" "$@"
}

# The same of a host whose links are not known, and of none.
without_links() { # unchecked RULE NETDEV ARGUMENT…
	local how=$1 rule=$2 netdev=$3
	rm "$HOST/vmfo/links.json"
	line "$@"
	because "no vmfo/links.json"
	shift 3
	"$how" "$rule" --no-host -- /nonexistent/qemu -netdev "$netdev,id=n0" "${PAIR[@]}" "$@"
}

# A definition, changed by a jq filter.
defined() { # finds|passes|unchecked RULE FILTER
	jq -n '{
		schema: "vmfo.vm/1", name: "demo", uuid: "5a7d9e0c-3f5b-4a57-9d0e-6b1f2c3d4e5f", machine: "pc-q35-7.2",
		accel: ["tcg"], cpu: {model: "qemu64", count: 1}, memory: {mib: 64}, qemu: "/nonexistent/qemu",
		pairs: [{id: "net0", mac: "52:54:00:00:00:01", standby: {bridge: "br0"},
			primary: {kind: "vf", physnet: "lan"}}]
	} | '"$3" >"$DEF"
	"$1" "$2" --sysroot "$HOST" --file "$DEF"
}

@test "standby-link" {
	line passes standby-link bridge,br=br0
	line passes standby-link tap,ifname=tap0,script=no
	line passes standby-link user
	line finds standby-link bridge,br=br9
	found "no network link br9 in this network namespace"
	about "pair net0"
	is_severity error
	line finds standby-link bridge,br=enp1s0f0
	found "enp1s0f0 is not a bridge"
	line finds standby-link bridge,br=br-down
	found "br-down is down; set it up: ip link set br-down up"
	line finds standby-link tap,ifname=br0,script=no
	found "br0 is not a tap, but of the kind bridge"
	line finds standby-link tap,ifname=tap-down,script=no
	found "tap-down is down"
	defined passes standby-link .
	defined finds standby-link '.pairs[0].standby = {tap: "tap9"}'
	found "no network link tap9"
	line unchecked standby-link tap,ifname=tap9
	because "a script of QEMU's connects the tap tap9"
	line unchecked standby-link tap
	because "QEMU makes its tap"
	without_links unchecked standby-link bridge,br=br0
}

@test "primary-link" {
	line passes primary-link bridge,br=br0 -netdev bridge,br=br1,id=n1 \
		-device e1000e,id=p0,netdev=n1,failover_pair_id=net0
	line finds primary-link bridge,br=br0 -netdev bridge,br=br-down,id=n1 \
		-device e1000e,id=p0,netdev=n1,failover_pair_id=net0
	found "br-down is down"
	about "pair net0"
	is_severity error
	defined finds primary-link '.pairs[0].primary = {kind: "emulated", bridge: "br9"}'
	found "no network link br9"
	without_links unchecked primary-link bridge,br=br0 -netdev bridge,br=br1,id=n1 \
		-device e1000e,id=p0,netdev=n1,failover_pair_id=net0
}

@test "primary-link: one bridge of both ends is told of once" {
	defined passes primary-link '.pairs[0] |= (.standby.bridge = "br9" | .primary = {kind: "emulated"})'
	[[ $(of_rule standby-link | wc -l) -eq 1 ]]
}

@test "nic-link" {
	line passes nic-link bridge,br=br9
	line finds nic-link bridge,br=br0 -netdev bridge,br=br-down,id=n2 -device virtio-net-pci,id=lan,netdev=n2
	found "br-down is down"
	about "NIC lan"
	is_severity error
	defined finds nic-link '.nics = [{id: "lan", mac: "52:54:00:00:00:02", bridge: "br9"}]'
	found "no network link br9"
	defined passes nic-link '.nics = [{id: "lan", mac: "52:54:00:00:00:02", bridge: "br1"}]'
	without_links unchecked nic-link bridge,br=br0 -netdev bridge,br=br0,id=n2 -device virtio-net-pci,id=lan,netdev=n2
}

@test "standby-network" {
	line passes standby-network bridge,br=br0 "${VF[@]}"
	line passes standby-network tap,ifname=tap0,script=no "${VF[@]}"
	line passes standby-network bridge,br=br-vlan "${VF[@]}"
	line passes standby-network bridge,br=br-none -device e1000e,id=p0,failover_pair_id=net0
	line finds standby-network bridge,br=br1 "${VF[@]}"
	found "the uplink enp1s0f1 of br1 is of the physnet san, the primary's is lan"
	about "pair net0"
	is_severity error
	line finds standby-network bridge,br=br-none "${VF[@]}"
	found "br-none has no port that leads out of this host"
	defined passes standby-network .
	defined finds standby-network '.pairs[0].standby.bridge = "br1"'
	found "physnet san"
	line unchecked standby-network user "${VF[@]}"
	because 'of the type "user"'
	without_links unchecked standby-network bridge,br=br0 "${VF[@]}"
}

@test "standby-network: an uplink of no physnet" {
	vmfo_host_json '"physnets": [{"id": "lan", "pfs": ["enp1s0f0"]}]'
	defined finds standby-network '.pairs[0].standby.bridge = "br1"'
	found "the uplink enp1s0f1 of br1 is named in no physnet, the primary's is lan"
	is_severity warning
	vmfo_host_json
	line passes standby-network bridge,br=br0 "${VF[@]}"
	line unchecked standby-network bridge,br=br1 "${VF[@]}"
	because "no physnet of host.json has that PF"
}

@test "standby-same-pf" {
	line finds standby-same-pf bridge,br=br0 "${VF[@]}"
	found "br0 has enp1s0f0 as uplink, which is the primary's own PF"
	about "pair net0"
	is_severity info
	line passes standby-same-pf bridge,br=br1 "${VF[@]}"
	defined finds standby-same-pf .
	found "which is a PF that the primary may be of"
	defined passes standby-same-pf '.pairs[0].standby.bridge = "br1"'
	without_links unchecked standby-same-pf bridge,br=br0 "${VF[@]}"
}

@test "standby-vlan" {
	line passes standby-vlan bridge,br=br-vlan "${VF[@]}"
	line finds standby-vlan bridge,br=br0 "${VF[@]}"
	found "the primary is in VLAN 100, the standby by br0 and enp1s0f0 in no VLAN"
	about "pair net0"
	is_severity error
	defined passes standby-vlan .
	defined finds standby-vlan '.pairs[0].standby.bridge = "br-vlan"'
	found "the primary is in no VLAN, the standby by br-vlan and enp1s0f0.100 in VLAN 100"
	defined passes standby-vlan '.pairs[0] |= (.standby.bridge = "br-vlan" | .primary.vlan = 100)'
	defined finds standby-vlan '.pairs[0] |= (.standby.bridge = "br-filter" | .primary.vlan = 30)'
	found "br-filter filters VLANs, and puts the standby into VLAN 20"
	defined unchecked standby-vlan '.pairs[0] |= (.standby.bridge = "br-filter" | .primary.vlan = 20)'
	because "whether its VLAN 20 leaves tagged"
	without_links unchecked standby-vlan bridge,br=br-vlan "${VF[@]}"
}

@test "bridge-mtu" {
	defined passes bridge-mtu '.pairs[0].mtu = 1500'
	defined passes bridge-mtu .
	defined finds bridge-mtu '.pairs[0].mtu = 9000'
	found "its MTU is 9000, that of enp1s0f0, the uplink of br0, is 1500"
	about "pair net0"
	is_severity error
	defined finds bridge-mtu '.pairs[0] |= (.standby = {tap: "tap0"} | .mtu = 9000)'
	found "that of the tap tap0 is 1500"
	defined finds bridge-mtu '.pairs[0].mtu = 9000 | .pairs[0].standby.bridge = "br-none"'
	found "that of the bridge br-none is 1500"
	is_severity warning
	defined finds bridge-mtu '.nics = [{id: "lan", mac: "52:54:00:00:00:02", bridge: "br1", mtu: 9000}]'
	about "NIC lan"
	defined unchecked bridge-mtu '.pairs[0].mtu = 9000 | .pairs[0].standby.bridge = "br9"'
	because "br9 is not there"
	rm "$HOST/vmfo/links.json"
	defined unchecked bridge-mtu '.pairs[0].mtu = 9000'
	because "no vmfo/links.json"
}

@test "standby-features: not without a target" {
	line unchecked standby-features bridge,br=br0
	because "no target was named"
}

@test "this host's own links" {
	skip_unless "a network namespace takes root" unshare -n true
	cat >"$BATS_TEST_TMPDIR/vmfo" <<-END
		#!/bin/sh
		ip link add br0 type bridge
		exec "$VMFO" "\$@"
	END
	chmod +x "$BATS_TEST_TMPDIR/vmfo"
	cat >"$BATS_TEST_TMPDIR/in-namespace" <<-END
		#!/bin/sh
		exec unshare -n "$BATS_TEST_TMPDIR/vmfo" "\$@"
	END
	chmod +x "$BATS_TEST_TMPDIR/in-namespace"
	VMFO=$BATS_TEST_TMPDIR/in-namespace
	finds standby-link -- /nonexistent/qemu -netdev bridge,id=n0 "${PAIR[@]}"
	found "br0 is down; set it up: ip link set br0 up"
	finds standby-link -- /nonexistent/qemu -netdev bridge,br=lo,id=n0 "${PAIR[@]}"
	found "lo is not a bridge"
}
