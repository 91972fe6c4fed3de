#!/usr/bin/env bats
# What dies or is cut off in a migration: a connection, a host, QEMU on either side, the agent, the guard, vmfo. After
# each: the exit status and what is told, the VM runs on exactly one host (or is reported dead where it was killed), its
# pair, and nothing is left on either host.
#
# One VM for all of it: what is rolled back leaves it as it is. What kills it comes last.

# shellcheck disable=SC2030,SC2031  # a test is a subshell, and what is set in one is for it alone
load common

setup_file() {
	vm_hosts_up
	truncate -s 1M "$HOSTS_DIR/disk.raw"
	vm_define demo ".disks = [{id: \"disk0\", path: \"$HOSTS_DIR/disk.raw\", format: \"raw\"}]"
	vm_launch demo
}

teardown_file() {
	vm_hosts_down
}

setup() {
	local host
	# Stock QEMU needs 30 s of rest after a migration that failed in it. A new one needs less.
	if migration_is failed; then
		on alpha vmfo stop demo --timeout 0 --force
		vm_launch demo
	fi
	for host in alpha beta; do
		cp -p "$HOSTS_DIR/$host/etc/host.json" "$BATS_TEST_TMPDIR/host.json.$host"
	done
	cp -p "$HOSTS_DIR/alpha/ssh_config" "$BATS_TEST_TMPDIR"
	vm_remember
}

teardown() {
	local host pid
	ip -n "$HOSTS_NS-wire" link set beta-mgmt up
	for host in alpha beta; do
		cp -p "$BATS_TEST_TMPDIR/host.json.$host" "$HOSTS_DIR/$host/etc/host.json"
	done
	cp -p "$BATS_TEST_TMPDIR/ssh_config" "$HOSTS_DIR/alpha"
	for pid in ${RELAY:-} ${HOLDER:-} ${MIGRATE:-}; do
		! process_runs "$pid" || kill -KILL "$pid"
	done
	rm -f "$HOSTS_DIR/relay"
	# What one test leaves broken is not to fail the next.
	[[ -n ${BATS_TEST_COMPLETED:-} ]] || start_anew
}

start_anew() {
	local host pid
	for host in alpha beta; do
		for pid in $(hosts_pids "$host"); do
			[[ $pid = $(<"$HOSTS_DIR/$host/sshd.pid") ]] || kill -KILL "$pid" || true
		done
	done
	[[ ! -e $HOSTS_DIR/disk.alpha ]] || mv "$HOSTS_DIR/disk.alpha" "$HOSTS_DIR/disk.raw"
	vm_stop_all
	vm_launch demo
}

# ---- who is who ----

vmfo_pid() { # HOST ARGUMENTS: the process that is `vmfo ARGUMENTS`
	local pid
	for pid in $(hosts_pids "$1"); do
		# The guard was started by what its path leads to.
		case "/$(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline")" in
		*/vmfo" $2 " | */exe" $2 ") echo "$pid" ;;
		esac
	done
}

no_guard() {
	[[ -z $(vmfo_pid alpha guard) ]]
}

# The sshd whose session a process belongs to.
session_of() { # PID
	local pid=$1
	until [[ $(<"/proc/$pid/comm") = sshd* ]]; do
		pid=$(awk '$1 == "PPid:" { print $2 }' "/proc/$pid/status")
	done
	echo "$pid"
}

# What QEMU on alpha says of the migration, and of the guest.
migration_is() { # STATUS
	[[ $(monitor alpha demo '{"execute": "query-migrate"}' | jq -r .status) = "$1" ]]
}

migration_is_not() { # STATUS
	! migration_is "$1"
}

guest_is() { # RUNSTATE
	[[ $(monitor alpha demo '{"execute": "query-status"}' | jq -r .status) = "$1" ]]
}

# Before the VM has arrived, QEMU on beta has its monitor under another name.
beta_says() { # COMMAND STATUS
	[[ $(monitor beta demo "{\"execute\": \"$1\"}" monitor.pending.sock | jq -r .status) = "$2" ]]
}

# ---- how far ----

await_phase() { # PHASE
	vm_await_event "\"event\":\"phase\".*\"phase\":\"$1\""
}

# In precopy for the next 8 s and more, and well into it.
begin_precopy() {
	vm_migrate_begin alpha beta demo --bandwidth 8M
	vm_await_event '"event":"progress".*"phase":"precopy"'
}

# In wait-unplug: the guest is paused, after vmfo has seen it run, and cannot let go.
begin_wait_unplug() {
	vm_gate_close beta
	vm_migrate_begin alpha beta demo
	await_phase prepare
	monitor alpha demo '{"execute": "stop"}'
	vm_gate_open beta
	vm_await_event '"text":"holding on: net0"'
}

# Once the migration is being cancelled: QEMU waits for a guest that was asked to let go, stock QEMU for up to 30 s.
let_guest_go_when_cancelled() {
	wait_for 30 migration_is_not wait-unplug
	monitor alpha demo '{"execute": "cont"}'
}

# In pre-switchover: vmfo waits for the agent's answer to `prepared`, which is stopped.
begin_switchover() {
	vm_migrate_begin alpha beta demo --bandwidth 32M --downtime-limit 20
	await_phase precopy
	AGENT=$(vmfo_pid beta agent)
	kill -STOP "$AGENT"
	await_phase switchover
	migration_is pre-switchover
	guest_is finish-migrate
}

# ---- how it ended ----

told() { # TEXT…
	local text
	for text in "$@"; do
		grep -qF -- "$text" "$BATS_TEST_TMPDIR/narration" || { echo "not told: $text" >&2; return 1; }
	done
}

all_as_before() {
	# Where the agent was cut off or killed, its side is cleaned up a moment later.
	wait_for 20 assert_as_before beta
	assert_nothing_left beta
	assert_as_before alpha
	assert_runs_only_on alpha demo
	assert_pair alpha demo
	! grep -L '"what":"closed"' "$HOSTS_DIR"/alpha/lib/journal/demo/*.jsonl 2>/dev/null | grep . >&2
}

rolled_back() { # TEXT…
	vm_migrate_end
	[ "$status" -eq 5 ]
	[ "$(result .outcome)" = rolled-back ]
	told "$@" "; rolled back: it runs here, its pair is whole"
	all_as_before
}

# ---- connections ----

@test "the stream is cut in precopy" {
	begin_precopy
	kill -KILL "$(session_of "$(vmfo_pid beta "agent --stream")")"
	rolled_back "the stream to beta"
}

@test "every connection is cut in precopy" {
	local listener
	begin_precopy
	listener=$(<"$HOSTS_DIR/beta/sshd.pid")
	# shellcheck disable=SC2046  # one word each
	kill -KILL $(sshd_pids beta | grep -vx "$listener")
	rolled_back beta
}

@test "the target falls silent in precopy: noticed within 15 s" {
	local begun
	begin_precopy
	ip -n "$HOSTS_NS-wire" link set beta-mgmt down
	begun=$SECONDS
	vm_await_event '"event":"note".*; rolling back'
	((SECONDS - begun <= 15))
	guest_is running
	vm_migrate_end
	[ "$status" -eq 5 ]
	told beta "; rolled back: it runs here, its pair is whole"
	ip -n "$HOSTS_NS-wire" link set beta-mgmt up
	# Its agent has heard nothing either.
	wait_for 60 assert_nothing_left beta
	all_as_before
}

@test "the stream's far half is not what it should be" {
	cat >"$HOSTS_DIR/beta/agent" <<-'END'
		#!/bin/sh
		[ "$1" != --stream ] || { echo "no stream today"; exit 1; }
		exec vmfo agent
	END
	chmod +x "$HOSTS_DIR/beta/agent"
	vm_host_config alpha ".agent_command = [\"$HOSTS_DIR/beta/agent\"]"
	vm_migrate_begin alpha beta demo
	rolled_back "the stream to beta: exit status 1"
}

# ---- the agent, the guard ----

@test "the agent is killed in precopy" {
	begin_precopy
	kill -KILL "$(vmfo_pid beta agent)"
	rolled_back "the agent on beta has ended (killed by signal KILL)"
}

@test "the agent is killed in wait-unplug" {
	begin_wait_unplug
	kill -KILL "$(vmfo_pid beta agent)"
	let_guest_go_when_cancelled
	rolled_back "the agent on beta has ended (killed by signal KILL)"
}

@test "without its guard it does not switch over" {
	begin_precopy
	kill -KILL "$(vmfo_pid alpha guard)"
	rolled_back "the guard process has ended"
}

# ---- the target QEMU ----

@test "the target QEMU is killed in precopy" {
	begin_precopy
	kill -KILL "$(qemu_pids beta demo)"
	rolled_back "the QEMU on beta has ended"
}

@test "the target QEMU is killed in wait-unplug" {
	begin_wait_unplug
	kill -KILL "$(qemu_pids beta demo)"
	let_guest_go_when_cancelled
	rolled_back "the QEMU on beta has ended"
}

# ---- vmfo ----

killed_and_guarded() {
	vm_migrate_end
	[ "$status" -eq 137 ]
	wait_for 60 no_guard
	sed 's/^/# /' "$BATS_TEST_TMPDIR/narration" >&2
	told "guard: vmfo has died in the migration of demo to beta" "guard: demo runs here again"
	all_as_before
}

@test "vmfo is killed in precopy; the next migration gives QEMU its time" {
	local guard
	begin_precopy
	# Late enough for QEMU to see its stream end, and to fail.
	guard=$(vmfo_pid alpha guard)
	kill -STOP "$guard"
	kill -KILL "$MIGRATE"
	wait_for 20 migration_is failed
	kill -CONT "$guard"
	killed_and_guarded
	# Stock QEMU may abort if it is asked again too soon; one of the patches says so itself.
	vm_migrate alpha beta demo
	[ "$status" -eq 0 ]
	if vm_patched; then
		[[ $(narrated) != *waiting* ]]
	else
		told "the last migration failed inside QEMU" "waiting"
		[ "$(result '.total_ms > 20000')" = true ]
	fi
	assert_runs_only_on beta demo
	vm_migrate beta alpha demo
	[ "$status" -eq 0 ]
	assert_runs_only_on alpha demo
}

@test "vmfo is killed in wait-unplug" {
	begin_wait_unplug
	kill -KILL "$MIGRATE"
	let_guest_go_when_cancelled
	killed_and_guarded
}

@test "vmfo is killed in pre-switchover: the guest runs again within seconds" {
	local begun
	begin_switchover
	kill -KILL "$MIGRATE"
	begun=$SECONDS
	wait_for 10 guest_is running
	((SECONDS - begun <= 5))
	# `prepared` has reached it: it is in doubt until the guard tells it.
	kill -CONT "$AGENT"
	killed_and_guarded
}

# ---- the hand-over ----

relay_up() {
	on_bg wire "$BATS_TEST_TMPDIR/relay.log" "$ROOT/tests/vm/relay" serve "$HOSTS_DIR/relay" \
		10.201.0.254:2222 10.201.0.2:22
	RELAY=$ON_PID
	wait_for 10 test -S "$HOSTS_DIR/relay"
	sed -i 's/HostName .*/HostName 10.201.0.254\n\tPort 2222\n\tHostKeyAlias 10.201.0.2/' \
		"$HOSTS_DIR/alpha/ssh_config"
}

relay() { # COMMAND
	"$ROOT/tests/vm/relay" tell "$HOSTS_DIR/relay" "$1"
}

# The target has loaded all of it and said so, and nobody has heard it.
lose_last_reply() {
	relay_up
	begin_switchover
	relay mute-stream
	kill -CONT "$AGENT"
	wait_for 60 beta_says query-migrate completed
	beta_says query-status paused
	migration_is device
	! guest_is running
}

@test "the last reply is lost, and then the stream" {
	lose_last_reply
	relay cut-stream
	rolled_back "the stream to beta"
}

@test "the last reply is lost, and then every connection" {
	lose_last_reply
	relay cut
	rolled_back beta
}

@test "the last reply is lost, and then the target: in doubt there, running here" {
	lose_last_reply
	relay refuse
	relay cut
	vm_migrate_end
	[ "$status" -eq 7 ]
	[ "$(result .outcome)" = unfinished ]
	[ "$(vm_state alpha demo)" = running ]
	guest_is running
	assert_pair alpha demo
	# It waits for the source's word, for as long as that takes.
	beta_says query-status paused
	# Nobody can make it run twice by mistake.
	run on alpha vmfo migrate demo beta
	[ "$status" -eq 4 ]
	[[ $output == *"an earlier migration of it did not finish"* ]]
	run on beta vmfo launch demo
	[ "$status" -eq 4 ]
	# By hand, as it was told.
	kill -KILL "$(qemu_pids beta demo)"
	rm -r "$HOSTS_DIR/beta/run/demo" "$HOSTS_DIR"/{alpha,beta}/lib/journal/demo
	cp -p "$BATS_TEST_TMPDIR/ssh_config" "$HOSTS_DIR/alpha"
	all_as_before
}

# An agent that breaks at a request, once.
lossy() { # HOST request|answer OP
	vm_host_config "$1" ".agent_command = [\"$ROOT/tests/vm/lossy-agent\", \"$2\", \"$3\", \"$HOSTS_DIR/lost-$2-$3\"]"
}

@test "the connection breaks at any request before the hand-over" {
	local op what
	for op in reserve start prepared; do
		for what in request answer; do
			echo "# $op: the $what is lost" >&2
			lossy alpha "$what" "$op"
			vm_migrate_begin alpha beta demo
			rolled_back "the agent on beta has ended" "while $op was awaited"
			[ -e "$HOSTS_DIR/lost-$what-$op" ]
		done
	done
}

@test "the connection breaks at any request after the hand-over" {
	local from=alpha to=beta op what
	for op in cont plug finish; do
		for what in request answer; do
			echo "# $op: the $what is lost" >&2
			lossy "$from" "$what" "$op"
			vm_migrate "$from" "$to" demo
			[ "$status" -eq 0 ]
			[ "$(result .outcome)" = "done" ]
			[ -e "$HOSTS_DIR/lost-$what-$op" ]
			assert_runs_only_on "$to" demo
			assert_pair "$to" demo
			assert_nothing_left "$from"
			from=$to
			to=$(other_host "$to")
		done
	done
	[ "$from" = alpha ]
}

@test "the target cannot run it: another QEMU there holds its disk" {
	# The hosts share a file system: the file that QEMU on alpha has open gets another name, and beta another file.
	mv "$HOSTS_DIR/disk.raw" "$HOSTS_DIR/disk.alpha"
	cp "$HOSTS_DIR/disk.alpha" "$HOSTS_DIR/disk.raw"
	on_bg beta "$BATS_TEST_TMPDIR/holder.log" "$QEMU" -name holder -machine "$MACHINE" -accel tcg -m 32 -S \
		-nodefaults -display none -drive "if=virtio,format=raw,file=$HOSTS_DIR/disk.raw"
	HOLDER=$ON_PID
	wait_for 20 grep -q "$(stat -c :%i "$HOSTS_DIR/disk.raw") " /proc/locks
	vm_migrate_begin alpha beta demo
	vm_migrate_end
	[ "$status" -eq 5 ]
	told 'beta: Failed to get "write" lock; taken back: it runs here'
	kill -KILL "$HOLDER"
	mv "$HOSTS_DIR/disk.alpha" "$HOSTS_DIR/disk.raw"
	all_as_before
}

# ---- the end of the VM ----

@test "the source QEMU is killed in precopy: it runs nowhere, and that is said" {
	begin_precopy
	kill -KILL "$(qemu_pids alpha demo)"
	vm_migrate_end
	[ "$status" -eq 7 ]
	[ "$(result .outcome)" = unfinished ]
	told "the source QEMU has ended" "so it runs nowhere: start it with 'vmfo launch demo'"
	assert_runs_nowhere demo
	wait_for 20 assert_as_before beta
	assert_nothing_left beta
	[ "$(vm_state alpha demo)" = crashed ]
	# As it was told.
	vm_launch demo
	assert_runs_only_on alpha demo
	assert_pair alpha demo
}

@test "the source QEMU is killed when the target has all of it: it runs there" {
	lose_last_reply
	kill -KILL "$(qemu_pids alpha demo)"
	vm_migrate_end
	[ "$status" -eq 0 ]
	[ "$(result .outcome)" = done ]
	told "the target had taken the VM over before"
	assert_runs_only_on beta demo
	assert_pair beta demo
	assert_nothing_left alpha
	[ "$(vm_state alpha demo)" = moved ]
	vm_migrate beta alpha demo
	[ "$status" -eq 0 ]
}

@test "the same, and the target is cut off: its copy, the only one, is not touched" {
	lose_last_reply
	relay refuse
	relay cut
	kill -KILL "$(qemu_pids alpha demo)"
	vm_migrate_end
	[ "$status" -eq 7 ]
	[ "$(result .outcome)" = unfinished ]
	told "beta may hold the only copy of it, stopped, and is left as it is"
	beta_says query-migrate completed
	beta_says query-status paused
	run on beta vmfo launch demo
	[ "$status" -eq 4 ]
	start_anew
}

@test "the target QEMU is killed in replug: it had arrived, and died there" {
	vm_migrate_begin alpha beta demo
	await_phase replug
	kill -KILL "$(qemu_pids beta demo)"
	vm_migrate_end
	[ "$status" -eq 7 ]
	[ "$(result .outcome)" = unfinished ]
	told "it was handed over to beta, and its QEMU has ended there, so it runs nowhere" "vmfo launch demo"
	assert_runs_nowhere demo
	assert_nothing_left alpha
	[ "$(vm_state beta demo)" = crashed ]
	# As it was told.
	on beta vmfo launch demo --wait-pair 60
	assert_runs_only_on beta demo
	assert_pair beta demo
}
