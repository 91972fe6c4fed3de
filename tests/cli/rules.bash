# shellcheck shell=bash
# For the bats files of the topology rules: each runs `vmfo check-topology --json` and looks at one rule.
#
#   finds RULE ARGUMENT…      RULE has a finding; exit status 3 if it is an error, else 0
#   found TEXT…               the finding that finds saw has each text in its "found"
#   about OBJECT              it is about that object
#   is_severity SEVERITY      it has that severity
#   passes RULE ARGUMENT…     RULE was checked and has no finding
#   unchecked RULE ARGUMENT…  RULE is among those that were not checked; `because TEXT` looks at the reason
#
# The whole answer is in $output.

load ../helpers

check_topology() {
	vmfo check-topology --json "$@"
	# shellcheck disable=SC2154 # run sets them
	[[ $status -eq 0 || $status -eq 3 ]]
	# shellcheck disable=SC2154
	jq -e '.schema == "vmfo.check/1"' <<<"$output" >/dev/null
}

of_rule() { # RULE: its findings
	jq -c --arg rule "$1" '.findings[] | select(.rule == $rule)' <<<"$output"
}

finds() {
	RULE=$1
	shift
	check_topology "$@"
	FINDINGS=$(of_rule "$RULE")
	[[ -n $FINDINGS ]] || { echo "no finding of $RULE" >&2 && return 1; }
	if jq -e '[.findings[] | select(.severity == "error")] | length > 0' <<<"$output" >/dev/null; then
		[ "$status" -eq 3 ]
	else
		[ "$status" -eq 0 ]
	fi
}

found() {
	local text
	for text in "$@"; do
		jq -r .found <<<"$FINDINGS" | grep -qF -- "$text" || { echo "$RULE found no: $text" >&2 && return 1; }
	done
}

about() {
	jq -r .object <<<"$FINDINGS" | grep -qxF -- "$1"
}

is_severity() {
	jq -r .severity <<<"$FINDINGS" | grep -qx -- "$1"
}

passes() {
	RULE=$1
	shift
	check_topology "$@"
	[[ -z $(of_rule "$RULE") ]] || { echo "a finding of $RULE" >&2 && return 1; }
	REASONS=$(jq -r --arg rule "$RULE" '.not_checked[] | select(.rule == $rule) | .reason' <<<"$output")
	[[ -z $REASONS ]] || { echo "$RULE was not checked: $REASONS" >&2 && return 1; }
}

unchecked() {
	RULE=$1
	shift
	check_topology "$@"
	REASONS=$(jq -r --arg rule "$RULE" '.not_checked[] | select(.rule == $rule) | .reason' <<<"$output")
	[[ -n $REASONS ]] || { echo "$RULE was checked" >&2 && return 1; }
}

because() {
	grep -qF -- "$1" <<<"$REASONS"
}
