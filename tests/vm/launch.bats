#!/usr/bin/env bats
# launch, status, list and stop of VMs on one host; and who is told of a launch.

load common

setup_file() {
	vm_hosts_up
}

teardown_file() {
	vm_hosts_down
}

setup() {
	vm_stop_all
	rm -f "$HOSTS_DIR"/alpha/etc/vms/*.json
	vm_define demo
}

teardown() {
	[[ -z ${SERVER:-} ]] || kill "$SERVER"
	vm_host_config alpha ".qemu = \"$QEMU\" | del(.notify)"
}

# The exit status in $status, standard output in $output, the narration in $stderr, each text of it on one line.
vmfo_on_alpha() { # ARGS…
	status=0
	output=$(on alpha vmfo "$@" 2>"$BATS_TEST_TMPDIR/narration") || status=$?
	stderr=$(narrated)
	printf 'vmfo %s: exit status %s\n%s\n%s\n' "$*" "$status" "$stderr" "$output" >&2
}

# The last launch: by errors of these rules and no other, each in full; and nothing was changed. vm_remember first.
refused_for() { # RULE…
	local rules=$*
	[ "$status" -eq 3 ]
	[ -z "$output" ]
	[[ $stderr =~ $'\n'"vmfo launch: demo: the topology is not valid: $# error"s?" (${rules// /, })"$ ]]
	[ "$(grep -cE '^  (found|why|remedy|source) ' <<<"$stderr")" -eq $((4 * $#)) ]
	assert_runs_nowhere demo
	assert_nothing_left alpha
	assert_as_before alpha
}

list_state() { # NAME
	on alpha vmfo list --json | jq -r --arg name "$1" '.vms[] | select(.vm == $name) | .state'
}

start_server() { # FILE
	on_bg alpha "$BATS_TEST_TMPDIR/server" "$ROOT/tests/vm/http-server" 8080 "$1"
	SERVER=$ON_PID
	wait_for 20 on alpha bash -c 'exec 3<>/dev/tcp/127.0.0.1/8080' 2>/dev/null
}

@test "a VM from its definition to its end: stopped, running, whole, powered down" {
	[ "$(vm_state alpha demo)" = stopped ]
	[ "$(list_state demo)" = stopped ]
	vmfo_on_alpha launch demo --wait-pair 60 --json
	[ "$status" -eq 0 ]
	[ "$(jq -r '.schema, .outcome, .pairs[0].id, .pairs[0].target_primary' <<<"$output" | paste -sd,)" = \
		"vmfo.launch/1,done,net0,net0-primary (e1000e)" ]
	[ "$(jq -r '.pid' <<<"$output")" = "$(qemu_pids alpha demo)" ]
	[ "$(<"$HOSTS_DIR/alpha/run/demo/pid")" = "$(qemu_pids alpha demo)" ]
	assert_runs_only_on alpha demo
	assert_pair alpha demo
	[ "$(list_state demo)" = running ]
	# The definition that counts from now on.
	diff <(jq -S . "$HOSTS_DIR/alpha/etc/vms/demo.json") <(jq -S . "$HOSTS_DIR/alpha/lib/vms/demo.json")

	# Twice is an error, and no second QEMU.
	local pid
	pid=$(qemu_pids alpha demo)
	vmfo_on_alpha launch demo
	[ "$status" -eq 4 ]
	[[ $stderr == *"it runs already (process $pid)"* ]]
	[ "$(qemu_pids alpha demo)" = "$pid" ]
	assert_pair alpha demo

	vmfo_on_alpha stop demo --timeout 60
	[ "$status" -eq 0 ]
	assert_runs_nowhere demo
	assert_nothing_left alpha
	[ "$(vm_state alpha demo)" = stopped ]
	vmfo_on_alpha stop demo
	[ "$status" -eq 4 ]
	[[ $stderr == *"does not run here"* ]]
	assert_nothing_left alpha
}

@test "a guest that ignores the power button runs on, until it is forced" {
	vm_define deaf '.boot.cmdline += " vmfo.nopower"'
	vm_launch deaf
	vmfo_on_alpha stop deaf --timeout 2
	[ "$status" -eq 4 ]
	[[ $stderr == *"did not power down within 2 s and still runs"*"--force"* ]]
	assert_runs_only_on alpha deaf
	assert_pair alpha deaf
	vmfo_on_alpha stop deaf --timeout 1 --force
	[ "$status" -eq 0 ]
	assert_runs_nowhere deaf
	assert_nothing_left alpha
}

@test "a QEMU that does not start: its last words, and nothing left" {
	vm_remember
	# No rule looks at a chardev.
	vm_define demo '.qemu_args = ["-chardev", "socket,id=c0,path=/nonexistent/c0.sock,server=on,wait=off"]'
	vmfo_on_alpha launch demo
	[ "$status" -eq 4 ]
	[[ $stderr == *"vmfo launch: demo: start QEMU"*"/nonexistent/c0.sock: No such file"* ]]
	assert_runs_nowhere demo
	assert_nothing_left alpha
	assert_as_before alpha
}

@test "a QEMU that cannot start the VM, or cannot be started: refused by a rule" {
	vm_remember
	vm_define demo '.qemu_args = ["-device", "no-such-device"]'
	vmfo_on_alpha launch demo
	refused_for device-unknown
	[[ $stderr == *' has no device "no-such-device"'* ]]

	vm_host_config alpha '.qemu = "/nonexistent/qemu"'
	vmfo_on_alpha launch demo
	refused_for qemu-unusable
	[[ $stderr == *"/nonexistent/qemu"*"No such file"* ]]
}

@test "what the definition names and the host lacks: refused, every reason at once" {
	vm_remember
	vm_define demo '.pairs[0].standby.bridge = "br9" | .boot.initrd = "/nonexistent/initrd"'
	vmfo_on_alpha launch demo
	refused_for boot-file-missing standby-link
	[[ $stderr == *$'\nerror: boot-file-missing: initrd\n  found   initrd /nonexistent/initrd: No such file'* ]]
	[[ $stderr == *$'\nerror: standby-link: pair net0\n  found   no network link br9 '* ]]
	vmfo_on_alpha launch nobody
	[ "$status" -eq 4 ]
	[[ $stderr == *nobody* ]]
	assert_as_before alpha
}

@test "a guest that never takes its pair: exit 6, and it runs" {
	# Its PID 1 is a program that does nothing: no driver is loaded.
	vm_define idle '.boot.cmdline += " rdinit=/bin/cat"'
	vmfo_on_alpha launch idle --wait-pair 3 --json
	[ "$status" -eq 6 ]
	[ "$(jq -r '.outcome, .pairs[0].state' <<<"$output" | paste -sd,)" = degraded,not-negotiated ]
	[[ $stderr == *"after 3 s the guest has not taken its pair whole"* ]]
	assert_runs_only_on alpha idle
	[ "$(on alpha vmfo status idle --json | jq -r .pair)" = degraded ]
}

@test "a QEMU that was killed: crashed, and launch works again" {
	local pid
	vmfo_on_alpha launch demo
	[ "$status" -eq 0 ]
	pid=$(qemu_pids alpha demo)
	kill -KILL "$pid"
	wait_for 20 eval "! process_runs $pid"
	[ "$(vm_state alpha demo)" = crashed ]
	[ "$(list_state demo)" = crashed ]
	[[ $(on alpha vmfo list) == *demo*crashed* ]]
	vmfo_on_alpha launch demo --wait-pair 60
	[ "$status" -eq 0 ]
	assert_runs_only_on alpha demo
	assert_pair alpha demo

	# And once more: stop clears away what is left of it.
	pid=$(qemu_pids alpha demo)
	kill -KILL "$pid"
	wait_for 20 eval "! process_runs $pid"
	vmfo_on_alpha stop demo
	[ "$status" -eq 4 ]
	assert_nothing_left alpha
	[ "$(vm_state alpha demo)" = stopped ]
}

@test "--file: the definition becomes the VM's own" {
	mv "$HOSTS_DIR/alpha/etc/vms/demo.json" "$BATS_TEST_TMPDIR/def.json"
	vmfo_on_alpha launch other --file "$BATS_TEST_TMPDIR/def.json"
	[ "$status" -eq 2 ]
	[[ $stderr == *demo*other* || $stderr == *other*demo* ]]
	assert_nothing_left alpha

	vmfo_on_alpha launch demo --file "$BATS_TEST_TMPDIR/def.json"
	[ "$status" -eq 0 ]
	assert_runs_only_on alpha demo
	on alpha vmfo stop demo --timeout 0
	rm "$BATS_TEST_TMPDIR/def.json"
	vmfo_on_alpha launch demo
	[ "$status" -eq 0 ]
	assert_runs_only_on alpha demo
}

@test "whom host.json names is told of a launch, and of one that was refused" {
	start_server "$BATS_TEST_TMPDIR/requests"
	vm_host_config alpha '.notify = {url: "http://127.0.0.1:8080/vmfo",
		headers: ["X-Token: s3cret", "X-Rack: 7"], timeout: 10}'
	vmfo_on_alpha launch demo --json
	[ "$status" -eq 0 ]
	[ "$(wc -l <"$BATS_TEST_TMPDIR/requests")" = 1 ]
	jq -e --argjson result "$output" '.path == "/vmfo" and .body == $result and
		.headers["x-token"] == "s3cret" and .headers["x-rack"] == "7" and
		(.headers["content-type"] | startswith("application/json"))' "$BATS_TEST_TMPDIR/requests"
	[[ $stderr != *s3cret* ]]

	vmfo_on_alpha launch demo
	[ "$status" -eq 4 ]
	[ "$(tail -n 1 "$BATS_TEST_TMPDIR/requests" | jq -r '.body.outcome, .body.exit_status' | paste -sd,)" = refused,4 ]
	# Nobody is told of a stop.
	vmfo_on_alpha stop demo --timeout 0
	[ "$status" -eq 0 ]
	[ "$(wc -l <"$BATS_TEST_TMPDIR/requests")" = 2 ]
}

@test "a notification that fails is a warning" {
	start_server "$BATS_TEST_TMPDIR/requests"
	vm_host_config alpha '.notify = {url: "http://user:s3cret@127.0.0.1:8080/fail", timeout: 10}'
	vmfo_on_alpha launch demo
	[ "$status" -eq 0 ]
	[[ $stderr == *"warning: "*"could not be sent"*"status 500"* ]]
	[[ $stderr != *s3cret* ]]
	on alpha vmfo stop demo --timeout 0
	vm_host_config alpha '.notify.url = "http://127.0.0.1:8081/"'
	vmfo_on_alpha launch demo
	[ "$status" -eq 0 ]
	[[ $stderr == *"warning: "*"could not be sent"* ]]
	assert_runs_only_on alpha demo
}
