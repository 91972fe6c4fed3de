# shellcheck shell=bash
# The probe: pings from outside, and what they say about a blackout. Sourced by tests/hosts.bash.
#
#   probe_start ADDRESS FILE [INTERVAL]  pings a guest from wire, 111 times a second, output in FILE
#   probe_stop                           ends it
#   probe_report FILE                    prints {"sent":N,"received":N,"lost":N,"longest_gap_ms":N}

# From 10 ms on, ping waits in ticks of the kernel's timer, and -i 0.01 makes 60 packets a second of 100.
probe_start() {
	hosts_exec wire ping -n -D -O -i "${3:-0.009}" "$1" </dev/null >"$2" 2>&1 3>&- &
	PROBE_PID=$!
	disown "$PROBE_PID"
}

probe_stop() {
	[[ -n ${PROBE_PID:-} ]] || return 0
	kill -INT "$PROBE_PID" 2>/dev/null || true
	# Not a job of this shell any more: it cannot be waited for.
	while process_runs "$PROBE_PID"; do
		sleep 0.01
	done
	unset PROBE_PID
}

# A packet counts as sent once it was answered or reported as unanswered: the last one before the stop is neither.
# The gap is that between two answers, or between an answer and the first or last line: a guest that never comes
# back has a gap, too. Sequence numbers have 16 bits and start again after 655 s.
probe_report() {
	awk '
		function gap(now) {
			if (now - last > longest)
				longest = now - last
		}
		match($0, /icmp_seq=[0-9]+/) && $1 ~ /^\[[0-9.]+\]$/ {
			time = substr($1, 2, length($1) - 2) + 0
			if (!last)
				last = time
			seq = substr($0, RSTART + 9, RLENGTH - 9) + epoch
			if (seq < highest - 32768) {
				seq += 65536
				epoch += 65536
			} else if (seq > highest + 32768) {
				seq -= 65536
			}
			if (seq > highest)
				highest = seq
			if (/ bytes from / && !(seq in answered)) {
				answered[seq] = 1
				received++
				gap(time)
				last = time
			}
		}
		END {
			gap(time)
			printf "{\"sent\":%d,\"received\":%d,\"lost\":%d,\"longest_gap_ms\":%d}\n",
				highest, received, highest - received, longest * 1000 + 0.5
		}' "$1"
}
