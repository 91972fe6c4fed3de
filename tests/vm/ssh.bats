#!/usr/bin/env bats
# SSH that does not work, in every way it can: refused before anything is changed, in bounded time, with a message that
# says what was tried, where, and what to do. And login shells that print.
#
# One VM for all of it: what is refused leaves it as it is.

load common

setup_file() {
	vm_hosts_up
	vm_define demo
	vm_launch demo
}

teardown_file() {
	vm_hosts_down
}

setup() {
	ALPHA=$HOSTS_DIR/alpha
	BETA=$HOSTS_DIR/beta
	mkdir "$BATS_TEST_TMPDIR/kept"
	cp -p "$ALPHA"/{ssh_config,known_hosts,etc/host.json} "$BETA/authorized_keys" "$BATS_TEST_TMPDIR/kept"
	vm_remember
}

teardown() {
	local pid
	for pid in $(sshd_pids beta); do
		kill -CONT "$pid" 2>/dev/null || true
	done
	ip -n "$HOSTS_NS-beta" route delete blackhole 10.201.0.1/32 2>/dev/null || true
	[[ -s $BETA/sshd.pid ]] || sshd_start beta
	cp -p "$BATS_TEST_TMPDIR/kept"/{ssh_config,known_hosts} "$ALPHA"
	cp -p "$BATS_TEST_TMPDIR/kept/host.json" "$ALPHA/etc"
	cp -p "$BATS_TEST_TMPDIR/kept/authorized_keys" "$BETA"
}

# Tries to migrate. Refused within so many seconds, for reasons with these texts in them; and nothing has changed.
refused() { # SECONDS TEXT…
	local begun=$SECONDS took text limit=$1
	shift
	vm_migrate alpha beta demo
	took=$((SECONDS - begun))
	[ "$status" -eq 4 ]
	[ "$(result .outcome)" = refused ]
	for text in "vmfo migrate: demo: " "$@"; do
		narrated | grep -qF -- "$text" || { echo "not told: $text" >&2; return 1; }
	done
	((took <= limit)) || { echo "it took $took s" >&2; return 1; }
	assert_as_before alpha
	assert_as_before beta
	assert_runs_only_on alpha demo
}

# The same, by the one finding that there is of the way there.
unreached() { # SECONDS RULE TEXT…
	local text limit=$1 rule=$2
	shift 2
	refused "$limit" "error: $rule: beta" "vmfo migrate: demo: beta was not looked at: $rule" "$@"
	[ "$(result '.findings[] | select(.severity == "error") | .rule')" = "$rule" ]
	for text in "$@"; do
		result .findings[].found | grep -qF -- "$text" || { echo "not found: $text" >&2; return 1; }
	done
}

# What the finding offers as a command, from this word on.
offered() { # WORD
	result .findings[].found | grep -o "$1 .*"
}

dry_run_works() {
	vm_migrate alpha beta demo --dry-run
	[ "$status" -eq 0 ]
}

# An agent for beta: a script with this text, given what agent_command is given.
fake_agent() { # TEXT
	printf '#!/bin/bash\n%s\n' "$1" >"$BETA/agent"
	chmod +x "$BETA/agent"
	vm_host_config alpha ".agent_command = [\"$BETA/agent\"]"
}

@test "sshd is down" {
	sshd_stop beta
	unreached 5 ssh-unreachable "ssh to beta (10.201.0.2 port 22)" "10.201.0.2 port 22: connect: Connection refused"
}

@test "the host drops everything" {
	ip -n "$HOSTS_NS-beta" route add blackhole 10.201.0.1/32
	unreached 20 ssh-unreachable "ssh to beta (10.201.0.2 port 22)" "10.201.0.2 port 22: connect: no answer"
}

@test "sshd accepts and is silent" {
	kill -STOP "$(<"$BETA/sshd.pid")"
	unreached 20 ssh-unreachable "ssh to beta (10.201.0.2 port 22)" "it accepts the connection and does not greet" \
		"Is sshd there stopped"
}

@test "an unknown host key: the fingerprint, and the command that accepts it" {
	: >"$ALPHA/known_hosts"
	unreached 5 ssh-host-key-unknown "the host key is unknown" \
		"$(ssh-keygen -lf "$BETA/host_ed25519.pub" | cut -d' ' -f2)" "ssh-keygen -lf"
	on alpha sh -c "$(offered ssh-keyscan)"
	dry_run_works
}

@test "an entry of another type of key only" {
	# A type that this host does not have: neither known nor changed.
	ssh-keygen -q -t rsa -b 2048 -N '' -f "$BATS_TEST_TMPDIR/rsa"
	echo "10.201.0.2 $(<"$BATS_TEST_TMPDIR/rsa.pub")" >"$ALPHA/known_hosts"
	unreached 5 ssh-host-key-unknown "the host key is unknown (known_hosts has another type, ssh-rsa)" SHA256:
}

@test "only the ECDSA key is known: it is the one that is asked for" {
	sed -i /ssh-ed25519/d "$ALPHA/known_hosts"
	[ "$(wc -l <"$ALPHA/known_hosts")" = 1 ]
	dry_run_works
}

@test "a changed host key: refused, with the commands for the case that it is right" {
	ssh-keygen -q -t ed25519 -N '' -f "$BATS_TEST_TMPDIR/other"
	echo "10.201.0.2 $(cut -d' ' -f1,2 "$BATS_TEST_TMPDIR/other.pub")" >"$ALPHA/known_hosts"
	unreached 5 ssh-host-key-changed "the host key has CHANGED" "Someone may be in between" \
		"$(ssh-keygen -lf "$BETA/host_ed25519.pub" | cut -d' ' -f2)"
	on alpha sh -c "$(offered "ssh-keygen -R")"
	dry_run_works
}

@test "a revoked host key" {
	sed -i 's/^/@revoked /' "$ALPHA/known_hosts"
	unreached 5 ssh-host-key-revoked "the host key is REVOKED" \
		"$(ssh-keygen -lf "$BETA/host_ed25519.pub" | cut -d' ' -f2)"
}

@test "hashed entries are found" {
	ssh-keygen -q -H -f "$ALPHA/known_hosts"
	[ "$(grep -c 10.201.0.2 "$ALPHA/known_hosts")" = 0 ]
	dry_run_works
}

@test "no key is accepted" {
	: >"$BETA/authorized_keys"
	unreached 5 ssh-auth "no key was accepted for user root" "offered: $ALPHA/id_ed25519" authorized_keys IdentityFile
}

@test "an RSA key only: it is said why it is not used" {
	ssh-keygen -q -t rsa -b 2048 -N '' -f "$BATS_TEST_TMPDIR/id_rsa"
	cat "$BATS_TEST_TMPDIR/id_rsa.pub" >"$BETA/authorized_keys"
	sed -i "s|IdentityFile .*|IdentityFile $BATS_TEST_TMPDIR/id_rsa|" "$ALPHA/ssh_config"
	# The key is good: ssh itself gets in with it.
	on alpha ssh -F "$ALPHA/ssh_config" beta true
	unreached 5 ssh-auth "no key was accepted for user root (offered: none" "id_rsa (RSA: libssh2 signs with SHA-1 only" \
		"make an ed25519 key"
}

@test "ProxyJump is refused by name" {
	echo "	ProxyJump jump.example" >>"$ALPHA/ssh_config"
	unreached 5 ssh-config "host beta: ssh_config has ProxyJump jump.example" "vmfo connects directly"
}

@test "a host that begins with a dash is a usage error, and never reaches ssh" {
	run on alpha vmfo migrate -- demo "-oProxyCommand=touch $BATS_TEST_TMPDIR/touched"
	[ "$status" -eq 2 ]
	[[ $output == *"a name cannot begin with '-'"* ]]
	[ ! -e "$BATS_TEST_TMPDIR/touched" ]
	assert_as_before alpha
	assert_runs_only_on alpha demo
}

@test "a host that nobody knows" {
	run on alpha vmfo migrate demo nowhere.invalid
	[ "$status" -eq 4 ]
	[[ $output == *"ssh to nowhere.invalid"*"no such host name is known"* ]]
	assert_as_before alpha
	assert_runs_only_on alpha demo
}

@test "no vmfo there" {
	vm_host_config alpha '.agent_command = ["/nonexistent/vmfo", "agent"]'
	unreached 5 agent-missing "no vmfo on beta: its command ended (exit status 127)" "/nonexistent/vmfo: No such file or directory" \
		"install vmfo there or set agent_command in host.json"
}

@test "an agent of another protocol" {
	fake_agent "echo '{\"vmfo\":\"agent\",\"protocol\":99,\"version\":\"9.9.9\"}'; exec cat"
	unreached 5 agent-version "the vmfo on beta is 9.9.9 and speaks agent protocol 99, this one speaks 1" \
		"install the same vmfo on both hosts"
}

@test "an agent that dies before its hello" {
	fake_agent "echo 'it hurts here' >&2; kill -SEGV \$\$"
	unreached 5 agent-missing "no vmfo on beta: its command ended (killed by signal SEGV)" "it hurts here" "agent_command in host.json"
}

@test "an agent that dies in the middle of its hello" {
	fake_agent "printf '{\"vmfo\":\"agent\",\"proto'; exit 3"
	unreached 5 agent-missing "no vmfo on beta: its command ended (exit status 3)" "agent_command in host.json"
}

@test "an agent that never says hello" {
	# Not for ever: sshd lets it live on.
	fake_agent "exec sleep 30"
	unreached 20 agent-missing "beta: no hello from its vmfo agent in time"
}

@test "an agent that falls silent after its hello" {
	fake_agent "echo '{\"vmfo\":\"agent\",\"protocol\":1,\"version\":\"0\"}'; exec sleep 30"
	refused 20 "beta is silent since" "while check was awaited"
}

@test "an agent that dies while it checks" {
	fake_agent "echo '{\"vmfo\":\"agent\",\"protocol\":1,\"version\":\"0\"}'; read -r; echo 'dead now' >&2; exit 1"
	refused 5 "the agent on beta has ended (exit status 1), its last words: dead now" "while check was awaited"
}

@test "more noise than a login shell may make" {
	fake_agent 'head -c 70000 /dev/zero | tr "\0" n; exec vmfo agent "$@"'
	unreached 5 agent-missing beta "no hello in the first 65536 bytes of the agent's output"
}

@test "noise before the hello and before the stream is skipped" {
	fake_agent 'head -c 10240 /dev/zero | tr "\0" n; echo; echo "{a brace"; printf "no newline"; exec vmfo agent "$@"'
	vm_migrate alpha beta demo
	[ "$status" -eq 0 ]
	[ "$(result .outcome)" = "done" ]
	assert_runs_only_on beta demo
	assert_pair beta demo
	assert_nothing_left alpha
}
