#!/usr/bin/env bats
# vmfo check-topology of a VM and of a target for it: what it looks at, that it changes nothing and holds nobody up; that
# launch and migrate say the same; how all of them exit. One VM for all of it: what is checked stays as it is.

load common
load ../cli/rules

setup_file() {
	vm_hosts_up
	vm_define demo
	vm_launch demo
	# Another one, which does not run.
	vm_define idle '.uuid = "11111111-2222-4333-8444-555555555555" | .pairs[0].mac = "52:54:00:00:00:05"'
}

teardown_file() {
	vm_hosts_down
}

setup() {
	ALPHA=$HOSTS_DIR/alpha
	cp -p "$ALPHA"/{etc/host.json,ssh_config} "$BATS_TEST_TMPDIR"
	vm_remember
}

teardown() {
	local pid
	[[ -z ${HOLDER:-} ]] || kill "$HOLDER"
	[[ -z ${WAITING:-} ]] || kill "$WAITING" 2>/dev/null || true
	for pid in $(sshd_pids beta); do
		kill -CONT "$pid"
	done
	cp -p "$BATS_TEST_TMPDIR/host.json" "$ALPHA/etc"
	cp -p "$BATS_TEST_TMPDIR/ssh_config" "$ALPHA"
	ip -n "$HOSTS_NS-beta" link delete clash 2>/dev/null || true
	ip -n "$HOSTS_NS-beta" link set br0 up
}

# rules.bash asks here: on alpha.
vmfo() {
	run --separate-stderr on alpha vmfo "$@"
	printf '+ vmfo %s\n%s\n%s\n-> %s\n' "$*" "$output" "${stderr:-}" "$status" >&2
}

# Two errors on beta, for which nothing has to be changed here.
break_beta() {
	ip -n "$HOSTS_NS-beta" link set br0 down
	ip -n "$HOSTS_NS-beta" link add clash address "$MAC0" type bridge
}

guest_rules() {
	on alpha vmfo check-topology --list-rules --json | jq -r '.rules[] | select(.scope == "guest") | .name'
}

# None of the guest's rules was checked, for this reason.
guest_unchecked() { # REASON
	local rule
	for rule in $(guest_rules); do
		jq -e --arg rule "$rule" --arg reason "$1" \
			'[.not_checked[] | select(.rule == $rule) | .reason] == [$reason]' <<<"$output" >/dev/null ||
			{ echo "$rule was checked, or for another reason not" >&2; return 1; }
	done
}

# Of an answer in JSON, whoever gave it: what was found and not checked, sorted, a line each, and the devices.
said() {
	jq -c '(.findings | sort[] | [.rule, .severity, .object, .found, .why, .remedy, .source]),
		(.not_checked | sort[] | [.rule, .reason]), .devices'
}

assert_no_finding_twice() { # JSON
	jq -e '[.findings[] | [.rule, .object, .found]] | length == (unique | length)' <<<"$1"
	jq -e '[.not_checked[] | [.rule, .reason]] | length == (unique | length)' <<<"$1"
}

# check-topology and a dry run of migrate have the same to say, and leave these exit statuses.
assert_same_answers() { # STATUS-OF-CHECK STATUS-OF-MIGRATE [OPTION…]
	local checked check=$1 migrate=$2
	shift 2
	vmfo check-topology demo --target beta --json "$@"
	[ "$status" -eq "$check" ]
	checked=$output
	vm_migrate alpha beta demo --dry-run "$@"
	[ "$status" -eq "$migrate" ]
	diff -u <(said <<<"$checked") <(said <<<"$RESULT")
	assert_no_finding_twice "$checked"
	assert_no_finding_twice "$RESULT"
	assert_as_before alpha
	assert_as_before beta
}

# The way to beta is not there: its finding, and those of this host as well, from whomever.
assert_not_reached() { # RULE TEXT
	RULE=$1
	assert_same_answers 4 4
	[ "$(result .outcome)" = refused ]
	[ "$(result .reason)" = "demo: beta was not looked at: $RULE" ]
	vmfo check-topology demo --target beta
	[ "$status" -eq 4 ]
	[ "$stderr" = "vmfo check-topology: beta was not looked at: $RULE" ]
	[ "$(grep '^error: ' <<<"$output")" = "error: $RULE: beta" ]
	unwrapped <<<"$output" | grep -qF -- "$2"
	grep -q '^info: hotplug-mode: pair net0$' <<<"$output"
	# migrate tells the same error in full, once.
	[ "$(narrated | grep '^error: ')" = "error: $RULE: beta" ]
	narrated | grep -qF -- "$2"
	[ "$(narrated | grep -cF -- "$2")" -eq 1 ]
	narrated | grep -q '^info: hotplug-mode: pair net0: '
	assert_pair alpha demo
}

@test "a VM that runs: its guest is asked as well, and nothing changes" {
	check_topology demo
	[ "$status" -eq 0 ]
	for rule in $(guest_rules); do
		passes "$rule" demo
	done
	assert_as_before alpha
	assert_pair alpha demo
}

@test "one that does not run: its definition, this host, and no guest" {
	check_topology idle
	[ "$status" -eq 0 ]
	guest_unchecked "the VM does not run here"
	passes standby-link idle
	# Not even a folder.
	assert_as_before alpha
	vmfo check-topology nobody
	[ "$status" -eq 4 ]
}

@test "while another vmfo works on it: at once, without the guest, and as one that runs" {
	local before
	jq '.memory.mib = 16777216' "$ALPHA/etc/vms/demo.json" >"$BATS_TEST_TMPDIR/huge.json"
	# exec, so that it is this very process that holds it.
	(exec 9<>"$ALPHA/run/demo/lock" && flock 9 && exec sleep 60 3>&-) &
	HOLDER=$!
	wait_for 5 eval "! flock -n '$ALPHA/run/demo/lock' true"
	before=$SECONDS
	check_topology demo
	[ $((SECONDS - before)) -le 10 ]
	[ "$status" -eq 0 ]
	guest_unchecked "another vmfo works on this VM"
	# The memory that it has is its own. Of one that does not run it would be too much.
	passes memory-short demo --file "$BATS_TEST_TMPDIR/huge.json"
	jq '.name = "idle" | .uuid = "11111111-2222-4333-8444-555555555555"' "$BATS_TEST_TMPDIR/huge.json" \
		>"$BATS_TEST_TMPDIR/idle.json"
	finds memory-short idle --file "$BATS_TEST_TMPDIR/idle.json"
	assert_as_before alpha
}

@test "nobody has to wait for the VM while a target takes its time" {
	kill -STOP "$(<"$HOSTS_DIR/beta/sshd.pid")"
	on_bg alpha "$BATS_TEST_TMPDIR/checked" vmfo check-topology demo --target beta --json
	WAITING=$ON_PID
	connecting() { ip netns exec "$HOSTS_NS-alpha" ss -Htn state established dst 10.201.0.2 | grep -q .; }
	wait_for 10 connecting
	flock -n "$ALPHA/run/demo/lock" true
	on alpha vmfo status demo --json | jq -e '.state == "running" and .operation == null'
	process_runs "$WAITING"
	wait "$WAITING" || [ $? -eq 4 ]
}

@test "a target that can take it: check-topology and the dry run of migrate say the same" {
	# Of both hosts, where both have a stock QEMU; nothing else is to be warned of.
	local strict=3 lacking="QEMU,beta: QEMU"
	! vm_patched || strict=0 lacking=
	assert_same_answers 0 0
	[ "$(result '.devices[0].pair, .devices[0].primary' | paste -sd,)" = "net0,net0-primary (e1000e)" ]
	[ "$(result '[.findings[] | select(.rule == "qemu-lacks") | .object] | sort | join(",")')" = "$lacking" ]
	vmfo check-topology demo --target beta
	[ "$status" -eq 0 ]
	grep -qx 'on the target, pair net0: primary net0-primary (e1000e)' <<<"$output"
	vmfo check-topology demo --target beta --strict
	[ "$status" -eq "$strict" ]
}

@test "one that cannot take it: the same again; 3 from the one, 4 from the other" {
	break_beta
	vm_remember
	assert_same_answers 3 4
	[ "$(result .reason)" = "demo: beta cannot take it: 2 errors (mac-taken, standby-link)" ]
	[ "$(result '[.findings[] | select(.severity == "error") | .object] | unique | join(",")')" = "beta: pair net0" ]
}

@test "migrate tells each finding once: errors in full, the others as a line, and each as an event" {
	local kind kinds=(error info)
	break_beta
	vm_migrate alpha beta demo --dry-run --events "$BATS_TEST_TMPDIR/events"
	[ "$status" -eq 4 ]
	# Of a QEMU without qemu-patches/, with its values.
	if ! vm_patched; then
		kinds+=(warning)
		narrated | grep -qxF "warning: $(result '.findings[] | select(.object == "beta: QEMU") |
			"\(.rule): \(.object): \(.found)"')"
	fi
	for kind in "${kinds[@]}"; do
		narrated | grep "^$kind: " | cut -d: -f2- | LC_ALL=C sort >"$BATS_TEST_TMPDIR/$kind"
		[ "$(wc -l <"$BATS_TEST_TMPDIR/$kind")" -eq \
			"$(result "[.findings[] | select(.severity == \"$kind\")] | length")" ]
		[ -s "$BATS_TEST_TMPDIR/$kind" ]
		[ -z "$(uniq -d "$BATS_TEST_TMPDIR/$kind")" ]
	done
	[ "$(narrated | grep -cE '^  (found|why|remedy|source) ')" -eq 8 ]
	jq -c 'select(.event == "finding") | [.rule, .severity, .object, .found, .why, .remedy, .source]' \
		"$BATS_TEST_TMPDIR/events" | sort >"$BATS_TEST_TMPDIR/told"
	diff -u "$BATS_TEST_TMPDIR/told" \
		<(result '.findings[] | [.rule, .severity, .object, .found, .why, .remedy, .source] | tojson' | sort)
	jq -se 'map(select(.event == "finding")) | all(.vm == "demo" and (.elapsed_ms | type == "number"))' \
		"$BATS_TEST_TMPDIR/events"
}

@test "launch --suppress: refused without it, started with it, and recorded" {
	vm_define twice '.uuid = "22222222-2222-4333-8444-555555555555" | .pairs[0].mac = "52:54:00:00:00:06" |
		.qemu_args = ["-device", "e1000e,id=extra,mac=52:54:00:00:00:06,romfile="]'
	vmfo launch twice --json
	[ "$status" -eq 3 ]
	[ "$(jq -r '.outcome, .exit_status, .reason' <<<"$output" | paste -sd,)" = \
		"refused,3,twice: the topology is not valid: 1 error (mac-duplicate)" ]
	[ "$(jq -c .suppressed <<<"$output")" = '[]' ]
	assert_no_finding_twice "$output"
	assert_as_before alpha
	# Not for a name that finds nothing.
	vmfo launch twice --suppress mac-duplicate --suppress mac-mismatch --json
	[ "$status" -eq 0 ]
	[ "$(jq -c .suppressed <<<"$output")" = '["mac-duplicate"]' ]
	jq -e '[.findings[] | select(.rule == "mac-duplicate")] == []' <<<"$output"
	[[ $stderr != *mac-duplicate* ]]
	assert_runs_only_on alpha twice
	# It runs with it, and may not move with it either.
	vm_migrate alpha beta twice --dry-run --allow-degraded
	[ "$status" -eq 3 ]
	[ "$(result .reason)" = "twice: the topology is not valid: 1 error (mac-duplicate)" ]
	vm_migrate alpha beta twice --dry-run --allow-degraded --suppress mac-duplicate
	[ "$status" -eq 0 ]
	[ "$(result '.suppressed | join(",")')" = mac-duplicate ]
	on alpha vmfo stop twice --timeout 0 --force
	rm "$ALPHA"/{etc,lib}/vms/twice.json
}

@test "--vf is of the target, whom both ask about it" {
	assert_same_answers 3 4 --vf net7=0000:01:10.0
	[ "$(result '.findings[] | select(.rule == "vf-chosen") | "\(.object): \(.found)"')" = \
		'beta: host: --vf net7=0000:01:10.0: the VM has no pair "net7" whose primary is a VF' ]
	[ "$(result .reason)" = "demo: beta cannot take it: 1 error (vf-chosen)" ]
}

@test "migrate --suppress: of both hosts, and in the migration itself" {
	ip -n "$HOSTS_NS-beta" link add clash address "$MAC0" type bridge
	vm_migrate alpha beta demo --dry-run
	[ "$status" -eq 4 ]
	vm_migrate alpha beta demo --dry-run --suppress mac-taken --suppress hotplug-mode
	[ "$status" -eq 0 ]
	[ "$(result '.suppressed | sort | join(",")')" = hotplug-mode,mac-taken ]
	[ "$(result '[.findings[].rule] | index("mac-taken", "hotplug-mode")')" = $'null\nnull' ]
	[ "$(narrated | grep -cE 'mac-taken|hotplug-mode')" -eq 0 ]
	vmfo check-topology demo --target beta --suppress mac-taken --json
	[ "$status" -eq 0 ]
	[ "$(jq -c .suppressed <<<"$output")" = '["mac-taken"]' ]

	vm_migrate alpha beta demo --suppress mac-taken
	[ "$status" -eq 0 ]
	[ "$(result '.suppressed | join(",")')" = mac-taken ]
	assert_runs_only_on beta demo
	assert_pair beta demo
	ip -n "$HOSTS_NS-beta" link delete clash
	vm_migrate beta alpha demo
	[ "$status" -eq 0 ]
	assert_runs_only_on alpha demo
	assert_pair alpha demo
}

@test "a target that cannot be reached" {
	sed -i 's/HostName .*/&\n\tPort 1/' "$ALPHA/ssh_config"
	assert_not_reached ssh-unreachable "Connection refused"
	# There is no migration without a target, whatever is suppressed.
	vm_migrate alpha beta demo --suppress ssh-unreachable
	[ "$status" -eq 4 ]
	[ "$(result '.suppressed | join(",")')" = ssh-unreachable ]
	assert_runs_only_on alpha demo
}

@test "a target without an agent, and one whose agent is of another version" {
	vm_host_config alpha '.agent_command = ["vmfo-not-there"]'
	assert_not_reached agent-missing "no vmfo on beta"
	vm_host_config alpha '.agent_command = ["echo", "{\"vmfo\":\"agent\",\"protocol\":99,\"version\":\"9.9\"}"]'
	assert_not_reached agent-version "speaks agent protocol 99"
}
