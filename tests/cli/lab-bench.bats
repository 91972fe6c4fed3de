#!/usr/bin/env bats
# The arithmetic of tests/lab/bench, on migrations that are written here: what was lost in which phase, clocks that differ,
# medians and ratios.

load ../helpers

setup() {
	TOOLS=$BATS_TEST_DIRNAME/../lab/bench.d
	ONE=$BATS_TEST_TMPDIR/one
	mkdir "$ONE"
	jq -n '{kind: "c", round: 1, source: "alpha", target: "beta", interval: 0.1, downtime_ms: 250, others_percent: 3}' >"$ONE/round.json"
}

# Standard input: "SECOND WHAT", WHAT an object's members. OFFSET: how much this host's clock is behind; each line comes
# 0.2 s late, but for one, which has SECOND with a "!" before it.
events() { # FILE OFFSET
	local at what late
	while read -r at what; do
		late=0.2
		[[ $at != !* ]] || late=0
		at=${at#!}
		awk -v at="$at" -v late="$late" -v offset="$2" -v what="$what" \
			'BEGIN { printf "%.3f {\"time\": %.3f, %s}\n", 1000 + at + late, 1000 + at - offset, what }'
	done >"$ONE/$1"
}

# A migration by vmfo: unplug 10-12, copy 12-14, stopped 14-15, resumed 15-16, replug from 16 on; whole at 18.
recorded() {
	events source.events 7.5 <<-'END'
		!9 "tick": true
		9.5 "vfio": 3
		10 "qmp": {"event": "MIGRATION", "data": {"status": "setup"}}
		10 "qmp": {"event": "MIGRATION", "data": {"status": "wait-unplug"}}
		11.5 "vfio": 0
		12 "qmp": {"event": "MIGRATION", "data": {"status": "active"}}
		14 "qmp": {"event": "STOP"}
		14.5 "qmp": {"event": "MIGRATION", "data": {"status": "completed"}}
	END
	events target.events -3.25 <<-'END'
		9 "vfio": 0
		!9.5 "tick": true
		14.9 "guest": "52:54:00:00:00:10 master=eth0 standby=eth1 primary=eth2 active=eth2"
		15 "qmp": {"event": "RESUME"}
		16.2 "qmp": {"event": "FAILOVER_PRIMARY_CHANGED", "data": {"state": "plugged"}}
		15.5 "guest": "52:54:00:00:00:10 master=eth0 standby=eth1 primary=- active=eth1"
		17 "vfio": 3
		17.5 "guest": "52:54:00:00:00:10 master=eth0 standby=eth1 primary=eth2 active=eth1"
		18 "guest": "52:54:00:00:00:10 master=eth0 standby=eth1 primary=eth2 active=eth2"
	END
	cat >"$ONE/vmfo.events" <<-'END'
		1005.400 {"event": "phase", "elapsed_ms": 100, "phase": "prepare"}
		1010.300 {"event": "phase", "elapsed_ms": 5000, "phase": "wait-unplug"}
		1016.400 {"event": "phase", "elapsed_ms": 10700, "phase": "replug"}
		1019.000 {"event": "result", "result": {"phases": []}}
	END
}

# A ping every 0.1 s from second 8 on, the first number FIRST, each answered after 20 ms; none of those sent in a time
# FROM-TO is.
pings() { # FIRST END FROM-TO…
	local first=$1 end=$2
	shift 2
	awk -v first="$first" -v end="$end" -v lost="$*" 'BEGIN {
		split(lost, span, " ")
		for (i = 0; 8 + i / 10 < end; i++) {
			at = 8 + i / 10
			if (before != "")
				printf "[%.6f] no answer yet for icmp_seq=%d\n", 1000 + at, before % 65536
			before = ""
			gone = 0
			for (n in span) {
				split(span[n], edge, "-")
				gone = gone || (at >= edge[1] - 0.001 && at < edge[2] - 0.001)
			}
			if (gone)
				before = first + i
			else
				printf "[%.6f] 64 bytes from 10.202.0.10: icmp_seq=%d ttl=64 time=20.0 ms\n",
					1000 + at + 0.02, (first + i) % 65536
		}
	}' >"$ONE/ping"
}

measured() {
	"$TOOLS/measure" "$ONE" >"$ONE/result.json"
}

of() { # FILTER
	jq -c "$1" "$ONE/result.json"
}

@test "each phase has its pings, those that were lost, and its longest gap; clocks that differ do not matter" {
	recorded
	pings 1 25 11-11.5 12.5-12.8 14.05-15.05 16.55-17.55
	measured
	[ "$(of '.phases | map(.seconds)')" = "[2,2,1,1,3.9]" ]
	[ "$(of '.phases | map(.sent)')" = "[20,20,10,10,39]" ]
	[ "$(of '.phases | map(.lost)')" = "[5,3,9,1,10]" ]
	# From the last answer to the next, those that came in the phase.
	[ "$(of '.phases | map(.gap)')" = "[0.6,0.4,0.98,0.12,1.1]" ]
	[ "$(of '[.total.sent, .total.lost, .total.gap]')" = "[99,28,1.1]" ]
	[ "$(of .before.lost)" = 0 ]
	[ "$(of .steps)" = '{"let go":1.5,"active":0.5,"plugged":1.2,"driver up":0.8,"answers":0.62,"whole":1,"warm":null}' ]
	[ "$(of '[.kind, .round, .downtime_ms]')" = '["c",1,250]' ]
}

@test "QEMU by itself plugs the primary before RESUME: all after it is the replug" {
	recorded
	jq '.kind = "b"' "$ONE/round.json" >"$ONE/b"
	mv "$ONE/b" "$ONE/round.json"
	sed -i /FAILOVER/d "$ONE/target.events"
	pings 1 25 14-17
	measured
	[ "$(of '.phases | map(.lost)')" = "[0,0,10,0,20]" ]
	[ "$(of .marks.back)" = 7.02 ]
	# A QEMU that does not say when it plugs.
	[ "$(of '[.steps["plugged", "driver up"]]')" = "[null,null]" ]
}

@test "a primary that was plugged once more, after what went before" {
	recorded
	pings 1 25
	events warm.events 1 <<-'END'
		30 "vfio": 3
		31 "reply": {"return": {}}
		32 "vfio": 0
		33 "reply": {"return": {}}
		35.5 "vfio": 1
		35.6 "vfio": 3
	END
	measured
	[ "$(of .steps.warm)" = 2.5 ]
}

@test "numbers of 16 bits go on, duplicates and what is not about a ping do not count" {
	recorded
	pings 65500 25 11-11.5
	sed -i '40s/\(.*\)/\1\n\1 (DUP!)/; 1i PING 10.202.0.10 (10.202.0.10) 56(84) bytes of data.' "$ONE/ping"
	echo '[1020.5] From 10.202.0.254 icmp_seq=90 Destination Host Unreachable' >>"$ONE/ping"
	measured
	[ "$(of '[.total.sent, .total.lost]')" = "[99,5]" ]
	[ "$(of '[.phases.unplug.sent, .phases.unplug.lost]')" = "[20,5]" ]
}

@test "what was not seen to end is no result" {
	recorded
	pings 1 19
	run ! measured
	[[ $output == *"10 pings were answered after the pair was whole, not 20"* ]]
	pings 1 25
	sed -i /RESUME/d "$ONE/target.events"
	run ! measured
	[[ $output == *"it was not seen that the guest ran on the target"* ]]
}

# Results of KIND that lost so many pings in the unplug, each twice that in the copy, and nothing else.
results() { # KIND LOST…
	local kind=$1 lost n=0
	shift
	for lost in "$@"; do
		jq -n --arg kind "$kind" --argjson lost "$lost" --argjson n "$((++n))" '
			def count($lost; $seconds): {$seconds, sent: 100, $lost, gap: ($lost / 10)};
			{kind: $kind, round: $n, source: "alpha", target: "beta", interval: 0.1, downtime_ms: 250, others_percent: 3, phases: {
				unplug: count($lost; 4), copy: count(2 * $lost; 5), stopped: count(0; 1), resumed: count(0; 0),
				replug: count(0; 20)}, total: count(3 * $lost; 30), before: count(0; 5), steps: {
				"let go": 3, active: 1, plugged: null, "driver up": 1, answers: 2, whole: 2, warm: null}}' \
			>"$BATS_TEST_TMPDIR/$kind-$n.json"
	done
}

@test "the table has medians, their spread, and ratios to the first kind" {
	results a 40 100 60
	results c 15 9
	results c-stock 30
	run -0 "$TOOLS/table" "$BATS_TEST_TMPDIR"/{c-stock,a,c}-?.json
	[[ $output == *"| Medians (least–greatest) | (a) QEMU alone, 3 × | (c) vmfo, 2 × | (c), stock QEMU, 1 × | c / a | c-stock / a |"* ]]
	[[ $output == *"| unplug | 60 (40–100) | 12 (9–15) | 30 | 0.20 | 0.50 |"* ]]
	[[ $output == *"| unplug + copy + stopped | 180 (120–300) | 36 (27–45) | 90 | 0.20 | 0.50 |"* ]]
	# Nothing lost in either is no ratio, and what was not seen is no number.
	[[ $output == *"| replug | 0 (0–0) | 0 (0–0) | 0 | – | – |"* ]]
	[[ $output == *"| guest: plugged once more, to its driver up | – | – | – | – | – |"* ]]
	[[ $output == *"0 of 600 pings were lost before a migration began"* ]]
	run -0 "$TOOLS/table" --line "$BATS_TEST_TMPDIR/c-1.json"
	[ "$output" = "round 1, (c) vmfo, alpha to beta: 45 of 100 pings lost (unplug 15, copy 30, stopped 0, resumed 0, replug 0), longest gap 4.50 s, downtime 250 ms, wait-unplug 4 s; others took 3 % of the machine" ]
	run ! "$TOOLS/table"
}
