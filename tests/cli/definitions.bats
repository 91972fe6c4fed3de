#!/usr/bin/env bats
# Definitions of every bad kind: exit status 2, the file, the line and the JSON path, and nothing left behind.

load ../helpers

setup() {
	vmfo_sandbox
	DEF=$BATS_TEST_TMPDIR/db1.json
}

# The valid example, changed by a jq filter.
define() {
	jq "$1" tests/data/vm-example.json >"$DEF"
}

# vmfo launch refuses $DEF for a reason at that path, with these texts in its message.
refused() { # PATH TEXT…
	local path=$1 text
	shift
	vmfo launch db1 --file "$DEF"
	[ "$status" -eq 2 ]
	[[ $stderr =~ "$DEF":[0-9]+ ]]
	[[ $stderr == *"$path"* ]]
	for text in "$@"; do
		[[ $stderr == *"$text"* ]]
	done
	[ -z "$output" ]
	assert_empty "$VMFO_RUNDIR"
	assert_empty "$VMFO_STATEDIR"
}

# The line that the message names has this text in it.
line_has() {
	local line
	line=$(grep -o "$DEF:[0-9]*" <<<"$stderr" | head -n 1)
	sed -n "${line##*:}p" "$DEF" | grep -qF -- "$1"
}

@test "the example is valid: what stops it then is that this host has nothing of it" {
	define .
	vmfo launch db1 --file "$DEF"
	[ "$status" -eq 3 ]
	[[ $stderr != *"$DEF:"* ]]
	[[ $stderr =~ "vmfo launch: db1: the topology is not valid: "[0-9]+" errors ("[^$'\n']*disk-missing[^$'\n']*")"$ ]]
	[ -z "$output" ]
	assert_empty "$VMFO_RUNDIR"
	assert_empty "$VMFO_STATEDIR"
}

@test "no JSON at all" {
	echo 'name: db1' >"$DEF"
	refused ""
	: >"$DEF"
	refused ""
	echo '{"schema": "vmfo.vm/1",' >"$DEF"
	refused ""
	echo '[]' >"$DEF"
	refused ""
	head -c 100000 /dev/zero >"$DEF"
	refused ""
	printf '{"schema": "vmfo.vm/1", "name": "\xff\xfe"}' >"$DEF"
	refused ""
	printf '%.0s[' {1..100000} >"$DEF"
	refused ""
}

@test "a key twice" {
	define .
	sed -i 's/"name": "db1",/"name": "db1", "name": "db2",/' "$DEF"
	refused "" name
}

@test "a wrong or missing schema" {
	define '.schema = "vmfo.vm/2"'
	refused '$.schema' vmfo.vm/1 vmfo.vm/2
	define 'del(.schema)'
	refused '$' schema
}

@test "unknown keys, with the one that was meant, at every depth" {
	define '.memry = 1'
	refused '$.memry' memory
	line_has memry
	define '.cpu.modle = "x"'
	refused '$.cpu.modle' model
	define '.pairs[1].standby.brdge = "x"'
	refused '$.pairs[1].standby.brdge' bridge
	line_has brdge
}

@test "wrong types, with what was found" {
	define '.memory.mib = "many"'
	refused '$.memory.mib'
	line_has many
	define '.pairs = {}'
	refused '$.pairs'
	define '.cpu = null'
	refused '$.cpu'
	define '.serial_log = "yes"'
	refused '$.serial_log'
	define '.disks[0].path = 5'
	refused '$.disks[0].path'
}

@test "values out of range" {
	define '.memory.mib = 0'
	refused '$.memory.mib'
	define '.memory.mib = 1e30'
	refused '$.memory.mib'
	define '.cpu.count = -1'
	refused '$.cpu.count'
	define '.pairs[0].mtu = 67'
	refused '$.pairs[0].mtu' 65535
	define '.pairs[0].standby.queues = 999'
	refused '$.pairs[0].standby.queues'
	define '.accel = ["hvf"]'
	refused '$.accel[0]' kvm tcg
	define '.uuid = "not-a-uuid"'
	refused '$.uuid'
	define '.disks[0].path = "relative.img"'
	refused '$.disks[0].path'
	define '.disks[0].format = "vmdk"'
	refused '$.disks[0].format'
}

@test "MAC addresses: none, multicast, zero, twice" {
	for mac in '' 52:54:00 01:00:5e:00:00:01 ff:ff:ff:ff:ff:ff 00:00:00:00:00:00 52-54-00-12-34-56 52:54:00:12:34:5g; do
		define ".pairs[1].mac = \"$mac\""
		refused '$.pairs[1].mac'
	done
	define '.pairs[1].mac = .pairs[0].mac'
	refused '$.pairs[1].mac' "$(jq -r '.pairs[0].mac' tests/data/vm-example.json)"
}

@test "ids: two of one name, across kinds, and derived ones" {
	define '.pairs[1].id = .pairs[0].id'
	refused '$.pairs[1].id'
	define '.nics[0].id = .disks[0].id'
	refused 'id'
	define '.nics[0].id = "net0-primary"'
	refused 'id'
	define '.pairs[0].id = "net,0"'
	refused '$.pairs[0].id'
}

@test "a port that is on two links, or on none" {
	define '.pairs[0].standby = {bridge: "br0", tap: "tap0"}'
	refused '$.pairs[0].standby'
	define '.pairs[0].standby = {}'
	refused '$.pairs[0].standby'
}

@test "a primary of another kind, and keys of the wrong kind" {
	define '.pairs[0].primary = {kind: "magic"}'
	refused '$.pairs[0].primary.kind' emulated vf
	define '.pairs[0].primary = {kind: "emulated", physnet: "x"}'
	refused '$.pairs[0].primary.physnet'
	define '.pairs[0].primary = {kind: "vf"}'
	refused '$.pairs[0].primary' physnet
}

@test "a definition of another VM" {
	define '.name = "other"'
	vmfo launch db1 --file "$DEF"
	[ "$status" -eq 2 ]
	[[ $stderr == *'$.name'*other* ]]
	assert_empty "$VMFO_STATEDIR"
}

@test "a definition that cannot be read" {
	vmfo launch db1 --file "$BATS_TEST_TMPDIR/absent.json"
	[ "$status" -eq 4 ]
	[[ $stderr == *absent.json*"No such file"* ]]
	vmfo launch db1 --file "$BATS_TEST_TMPDIR"
	[ "$status" -ne 0 ]
	[[ $stderr == *"Is a directory"* ]]
	head -c 2000000 /dev/zero | tr '\0' ' ' >"$DEF"
	vmfo launch db1 --file "$DEF"
	[ "$status" -ne 0 ]
	assert_empty "$VMFO_STATEDIR"
}

@test "a message shows no control characters of the file" {
	define '.machine = "\u001b[31m"'
	vmfo launch db1 --file "$DEF"
	[ "$status" -eq 2 ]
	[[ $stderr != *$'\e'* ]]
}

@test "host.json is held to the same, by every command" {
	printf '{\n  "schema": "vmfo.host/1",\n  "qmeu": "x"\n}\n' >"$VMFO_CONFDIR/host.json"
	for command in "list" "status db1" "launch db1" "stop db1" "cancel db1" "replug db1" "migrate db1 localhost"; do
		# shellcheck disable=SC2086 # two words or three
		vmfo $command
		[ "$status" -eq 2 ]
		[[ $stderr == *"host.json:3"*'$.qmeu'*qemu* ]]
	done
}
