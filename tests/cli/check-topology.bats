#!/usr/bin/env bats
# vmfo check-topology apart from its rules: what it takes, what it prints, how it exits.

load ../helpers

PAIR=(-device "pcie-root-port,id=rp0,chassis=1,slot=1,bus=pcie.0,addr=2"
	-device "virtio-net-pci,id=net0,bus=rp0,failover=on,mac=52:54:00:00:00:01,romfile="
	-device "pcie-root-port,id=rp1,chassis=2,slot=2,bus=pcie.0,addr=3")
PRIMARY=e1000e,id=p0,bus=rp1,failover_pair_id=net0,romfile=

setup() {
	vmfo_sandbox
	GOOD=(-- /nonexistent/qemu -machine pc-q35-7.2 "${PAIR[@]}" -device "$PRIMARY,mac=52:54:00:00:00:01")
	BAD=(-- /nonexistent/qemu -machine pc-q35-7.2 "${PAIR[@]}" -device "$PRIMARY,mac=52:54:00:00:00:02")
}

refused() { # STATUS TEXT…
	[ "$status" -eq "$1" ]
	shift
	[ -z "$output" ]
	# One error; the way to the help may follow it.
	[ "$(wc -l <<<"$stderr")" -le 3 ]
	for text in "$@"; do
		[[ $stderr == *"$text"* ]]
	done
	assert_empty "$VMFO_RUNDIR"
	assert_empty "$VMFO_STATEDIR"
}

@test "without anything to check it says what there is" {
	vmfo check-topology
	refused 2 "nothing to check" --file --cmdline --qmp
}

@test "two things at a time are too many" {
	vmfo check-topology db1 --qmp /tmp/x.sock
	refused 2 "one thing at a time"
	vmfo check-topology --cmdline a --qmp b
	refused 2 "one thing at a time"
	vmfo check-topology --file a "${GOOD[@]}"
	refused 2 "one thing at a time"
}

@test "modes stand alone, --machine belongs to --buses, --target to a definition" {
	vmfo check-topology db1 --list-rules
	refused 2 "stand alone"
	vmfo check-topology --buses --explain mac-mismatch
	refused 2 "stand alone"
	vmfo check-topology db1 --machine q35
	refused 2 "--machine belongs to --buses"
	vmfo check-topology --target beta "${GOOD[@]}"
	refused 2 "--target needs a VM or --file"
	vmfo check-topology --no-host --sysroot / "${GOOD[@]}"
	refused 2 "--no-host"
}

@test "a rule that there is not is refused, wherever it is named" {
	vmfo check-topology --explain mac-missmatch
	refused 2 'no rule "mac-missmatch"' --list-rules
	vmfo check-topology --suppress mac-missmatch "${GOOD[@]}"
	refused 2 'no rule "mac-missmatch"' --list-rules
	vmfo launch db1 --suppress mac-missmatch
	refused 2 'no rule "mac-missmatch"' --list-rules
	vmfo migrate db1 beta --suppress mac-missmatch
	refused 2 'no rule "mac-missmatch"' --list-rules
}

@test "what is not there cannot be looked at: 4" {
	vmfo check-topology db1
	refused 4 'no VM "db1"' vmfo-vm
	vmfo check-topology --file "$BATS_TEST_TMPDIR/none.json"
	refused 4 none.json "No such file"
	vmfo check-topology --cmdline "$BATS_TEST_TMPDIR/none"
	refused 4 "No such file"
	vmfo check-topology --qmp "$BATS_TEST_TMPDIR/none.sock"
	refused 4 none.sock
	vmfo check-topology --sysroot "$BATS_TEST_TMPDIR/none" "${GOOD[@]}"
	refused 4 "$BATS_TEST_TMPDIR/none"
}

@test "a definition or a command line that is not valid: 2, with its place" {
	echo '{"schema": "vmfo.vm/1"' >"$BATS_TEST_TMPDIR/broken.json"
	vmfo check-topology --file "$BATS_TEST_TMPDIR/broken.json"
	refused 2 "broken.json:"
	vmfo check-topology -- qemu-system-x86_64 -device
	refused 2 -device
	vmfo check-topology -- qemu-system-x86_64 -device '{"driver":'
	refused 2 driver
	printf 'qemu-system-x86_64\n-device "e1000e' >"$BATS_TEST_TMPDIR/open"
	vmfo check-topology --cmdline "$BATS_TEST_TMPDIR/open"
	refused 2 "open:2"
	: >"$BATS_TEST_TMPDIR/empty"
	vmfo check-topology --cmdline "$BATS_TEST_TMPDIR/empty"
	refused 2 "it is empty"
}

@test "0 without an error, 3 with one; --strict counts warnings, too" {
	vmfo check-topology --no-host "${GOOD[@]}"
	[ "$status" -eq 0 ]
	vmfo check-topology --no-host "${BAD[@]}"
	[ "$status" -eq 3 ]
	GOOD[3]=q35
	vmfo check-topology --no-host "${GOOD[@]}"
	[ "$status" -eq 0 ]
	[[ $output == *"warning: machine-unversioned"* ]]
	vmfo check-topology --no-host --strict "${GOOD[@]}"
	[ "$status" -eq 3 ]
}

@test "a finding has the values, the reason, the remedy and the source, as text and as JSON" {
	vmfo check-topology --no-host "${BAD[@]}"
	[[ $output == *"error: mac-mismatch: pair net0"* ]]
	grep -q '^  found .*52:54:00:00:00:01' <<<"$output"
	grep -q '^  why ' <<<"$output"
	grep -q '^  remedy ' <<<"$output"
	grep -q '^  source ' <<<"$output"
	vmfo check-topology --no-host --json "${BAD[@]}"
	[ "$(jq -r .schema <<<"$output")" = vmfo.check/1 ]
	[ "$(jq -r '.findings[0].rule' <<<"$output")" = mac-mismatch ]
	[ "$(jq -r '.findings[0] | keys | join(" ")' <<<"$output")" = "found object remedy rule severity source why" ]
	jq -e '.not_checked[] | select(.rule == "iommu-off") | .reason | test("--no-host")' <<<"$output"
}

@test "findings are sorted by severity, then by object, and none is there twice" {
	vmfo check-topology --json "${BAD[@]}" -machine q35 -device e1000e,failover_pair_id=gone,id=a,romfile=
	jq -e '[.findings[] | [({"error": 0, "warning": 1, "info": 2}[.severity]), .object]] | . == sort' <<<"$output"
	jq -e '[.findings[] | [.rule, .object, .found]] | length == (unique | length)' <<<"$output"
	jq -e '[.not_checked[] | [.rule, .reason]] | length == (unique | length)' <<<"$output"
}

@test "--suppress leaves a rule out, and records it" {
	vmfo check-topology --no-host --json --suppress mac-mismatch "${BAD[@]}"
	[ "$status" -eq 0 ]
	[ "$(jq -c .suppressed <<<"$output")" = '["mac-mismatch"]' ]
	jq -e '[.findings[] | select(.rule == "mac-mismatch")] == []' <<<"$output"
	vmfo check-topology --no-host --suppress mac-mismatch "${BAD[@]}"
	grep -qx 'suppressed: mac-mismatch' <<<"$output"
	# One that finds nothing is not recorded.
	vmfo check-topology --no-host --json --suppress mac-mismatch "${GOOD[@]}"
	[ "$(jq -c .suppressed <<<"$output")" = '[]' ]
}

@test "options that nothing looks at are listed" {
	vmfo check-topology --no-host --json "${GOOD[@]}" -nographic -vga none
	jq -e '.passed_over | index("-nographic")' <<<"$output"
	vmfo check-topology --no-host "${GOOD[@]}" -nographic
	grep -q '^passed over: .*-nographic' <<<"$output"
}

@test "a command line in a file is the same as one after --" {
	printf '# made by hand\n%s \\\n' /nonexistent/qemu >"$BATS_TEST_TMPDIR/line"
	printf "'%s' \\\\\n" "${BAD[@]:2}" >>"$BATS_TEST_TMPDIR/line"
	vmfo check-topology --no-host --json "${BAD[@]}"
	direct=$(jq -S 'del(.subject)' <<<"$output")
	vmfo check-topology --no-host --json --cmdline "$BATS_TEST_TMPDIR/line"
	[ "$status" -eq 3 ]
	[ "$(jq -S 'del(.subject)' <<<"$output")" = "$direct" ]
}

@test "terminal sequences in what it is given do not reach the terminal" {
	vmfo check-topology --no-host -- /nonexistent/qemu -device $'e1000e,id=a,mac=\e[31mred,failover_pair_id=x\e]0;t\a'
	[ "$status" -eq 3 ]
	[[ $stderr$output != *$'\e'* ]]
	vmfo check-topology --no-host -- /nonexistent/qemu -device $'e1000e,id=a\e[31mred,failover_pair_id=x'
	[ "$status" -eq 2 ]
	[[ $output$stderr != *$'\e'* ]]
	[[ $output$stderr != *$'\a'* ]]
}

@test "every rule is listed, explained, in the manual, and can be suppressed" {
	vmfo check-topology --list-rules --json
	[ "$(jq -r .schema <<<"$output")" = vmfo.rules/1 ]
	rules=$(jq -r '.rules[].name' <<<"$output")
	[ "$(sort <<<"$rules")" = "$(sort -u <<<"$rules")" ]
	[ "$("$VMFO" __complete rules)" = "$rules" ]
	[ "$(sed -n 's/^\.It Sy \([a-z0-9-]*\) Pq.*/\1/p' man/vmfo-rules.7 | sort)" = "$(sort <<<"$rules")" ]
	vmfo check-topology --list-rules
	[ "$(awk '{ print $1 }' <<<"$output")" = "$rules" ]
	while read -r rule; do
		vmfo check-topology --explain "$rule"
		[ "$status" -eq 0 ]
		[[ $output == "$rule ("* ]]
		[ "$(grep -cE '^  (found|why|remedy|source) ' <<<"$output")" -eq 4 ]
	done <<<"$rules"
	vmfo check-topology --explain mac-mismatch --json
	[ "$(jq -r '.schema + " " + .name' <<<"$output")" = "vmfo.rule/1 mac-mismatch" ]
}

# The cases that the bats files have: a line "FORM RULE" for each, with those of a loop over a list of rules.
cases() {
	awk '
		{ line = line $0 }
		/\\$/ { sub(/\\$/, "", line); next }
		line ~ /^[ \t]*#/ { line = "" }
		match(line, /for rule in [^;]*; do/) { list = substr(line, RSTART + 12, RLENGTH - 16) }
		line ~ /^[ \t]*done$/ { list = "" }
		match(line, /(^|[^a-z-])(finds|passes|unchecked|reach_fails) [^ ]+/) {
			split(substr(line, RSTART, RLENGTH), word, " ")
			sub(/^[^a-z]/, "", word[1])
			n = word[2] == "\"$rule\"" ? split(list, rules, " ") : split(word[2], rules, " ")
			for (i = 1; i <= n; i++)
				print word[1], rules[i]
		}
		{ line = "" }
	' tests/cli/rules-*.bats tests/vm/*.bats | sort -u
}

# A rule without its three cases is a rule that nobody has seen at work. What is asked of the pair alone can always be
# asked, except of a running QEMU or of an unknown machine. The way to a target is found by failing on it, and nothing
# passes there but a check of the target.
@test "every rule has a test in which it finds something, one in which it does not, one in which it is not checked" {
	# It takes a VM that runs with a VF, which vmfo does not launch yet: tests/unit/test_rules_vf.c has these.
	local elsewhere=("finds vf-other-model" "finds vf-trust" "finds vf-vlan")
	local cases rule scope form missing=""
	cases=$(cases && printf '%s\n' "${elsewhere[@]}")
	while read -r rule scope; do
		for form in finds passes unchecked; do
			case $scope-$form in
			pair-unchecked | reach-passes) continue ;;
			reach-finds) form=reach_fails ;;
			esac
			grep -qxF "$form $rule" <<<"$cases" || missing+="${missing:+, }$form $rule"
		done
	done < <("$VMFO" check-topology --list-rules --json | jq -r '.rules[] | "\(.name) \(.scope)"')
	[[ -z $missing ]] || { echo "no test: $missing" >&2 && false; }
	# Nothing is kept in that list that has its test.
	[[ -z $(comm -12 <(cases) <(printf '%s\n' "${elsewhere[@]}")) ]]
}

# What such a rule claims is a claim about QEMU and guests.
@test "every error rule of the pair is named by a test that shows on a real QEMU that it is true" {
	local rules named
	rules=$("$VMFO" check-topology --list-rules --json |
		jq -r '.rules[] | select(.scope == "pair" and .severity == "error") | .name' | sort)
	named=$(grep -h '^@test' tests/vm/rules.bats tests/vm/rules-migrate.bats | grep -oE '[a-z0-9]+(-[a-z0-9]+)+' | sort -u)
	[[ -z $(comm -23 <(echo "$rules") <(echo "$named") | tee /dev/stderr) ]]
}

@test "the texts of the rules are whole: sentences, and nothing left empty" {
	vmfo check-topology --list-rules --json
	jq -e '[.rules[] | select(.summary == "" or .why == "" or .remedy == "" or .source == "")] == []' <<<"$output"
	jq -r '.rules[] | select(.why + .remedy | test("\\.$") | not) | .name' <<<"$output" | { ! grep .; }
	jq -r '.rules[] | select(.summary | test("\\.$")) | .name' <<<"$output" | { ! grep .; }
}
