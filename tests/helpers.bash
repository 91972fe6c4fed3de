# shellcheck shell=bash
# For every bats file.
#
#   skip_unless REASON COMMAND…   skips the test, with the reason, unless the command succeeds; under
#                                 VMFO_TEST_STRICT=1 it fails instead
#   vmfo_sandbox                  for setup(): configuration, run and state folders of the test's own, empty but for host.json
#   vmfo_host_json [MEMBERS]      its host.json: the QEMU that is tested, whatever was built beside vmfo, and MEMBERS
#   vmfo ARGUMENT…                runs the vmfo under test; sets status, output (of standard output) and stderr
#   assert_empty DIR              nothing is left in it

bats_require_minimum_version 1.5.0

VMFO=${VMFO:-$(cd "${BASH_SOURCE[0]%/*}/.." && pwd)/build/vmfo}

skip_unless() {
	local reason=$1
	shift
	if "$@" >/dev/null 2>&1; then
		return
	fi
	if [[ -n ${VMFO_TEST_STRICT:-} ]]; then
		echo "must not be skipped here: $reason" >&2
		return 1
	fi
	skip "$reason"
}

vmfo_sandbox() {
	export VMFO_CONFDIR=$BATS_TEST_TMPDIR/etc VMFO_RUNDIR=$BATS_TEST_TMPDIR/run VMFO_STATEDIR=$BATS_TEST_TMPDIR/lib
	mkdir -p "$VMFO_CONFDIR/vms" "$VMFO_RUNDIR" "$VMFO_STATEDIR"
	vmfo_host_json ''
}

vmfo_host_json() { # [MEMBERS]
	printf '{"schema": "vmfo.host/1", "qemu": "%s"%s}\n' "${VMFO_TEST_QEMU:-qemu-system-x86_64}" "${1:+, $1}" \
		>"$VMFO_CONFDIR/host.json"
}

vmfo() {
	run --separate-stderr "$VMFO" "$@"
	# shellcheck disable=SC2154 # run sets them
	printf '+ vmfo %s\n%s\n%s\n-> %s\n' "$*" "$output" "${stderr:-}" "$status" >&2
}

assert_empty() {
	local left
	left=$(find "$1" -mindepth 1)
	[[ -z $left ]] || { echo "left behind: $left" >&2 && return 1; }
}
