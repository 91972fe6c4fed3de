# shellcheck shell=bash
# Waiting: for a command, and for what a migration in the background says. Whoever starts one sets MIGRATE to its pid, and
# EVENTS to the file where its events come.
#
#   wait_for SECONDS COMMAND…   until the command succeeds
#   process_runs PID            whether it does
#   vm_await_phase PHASE        until that migration is in this phase
#   vm_await_event REGEX        until one of its events matches: fails at once when it has ended without
#   vm_in_phase PHASE           whether it has been in it
#
# EVENT_TIMEOUT: how many seconds the last two wait, by default 60.

process_runs() { # PID: a process that ended and was not reaped yet does not run
	grep -q '^State:[[:space:]]*[^ZX]' "/proc/$1/status" 2>/dev/null
}

wait_for() { # SECONDS COMMAND…
	local deadline=$((SECONDS + $1))
	shift
	until "$@"; do
		((SECONDS < deadline)) || { echo "waited in vain: $*" >&2; return 1; }
		sleep 0.1
	done
}

vm_in_phase() { # PHASE
	grep -q "\"event\":\"phase\".*\"phase\":\"$1\"" "$EVENTS" 2>/dev/null
}

vm_await_phase() { # PHASE
	vm_await_event "\"event\":\"phase\".*\"phase\":\"$1\""
}

vm_await_event() { # REGEX
	local deadline=$((SECONDS + ${EVENT_TIMEOUT:-60}))
	until grep -qE -- "$1" "$EVENTS" 2>/dev/null; do
		if ((SECONDS >= deadline)) || ! process_runs "$MIGRATE"; then
			# It may have been the last one.
			! grep -qE -- "$1" "$EVENTS" 2>/dev/null || return 0
			echo "no event $1:" >&2
			cat "$EVENTS" "$BATS_TEST_TMPDIR/narration" >&2 || true
			return 1
		fi
		sleep 0.05
	done
}
