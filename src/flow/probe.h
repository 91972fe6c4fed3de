/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A probe: pings an address at a steady rate while a flow is at its work, in the flow's
 * own loop, and reports what was lost in which of its phases (flow/probe_gaps.h).
 *
 * Pings keep to a schedule. Where the loop was held up they are not made up for, since a
 * burst would say nothing of the time that went by: they count as not sent. Answers have
 * the kernel's time. So a vmfo that is busy does not look like a network that is down.
 */
#ifndef VMFO_FLOW_PROBE_H
#define VMFO_FLOW_PROBE_H

#include "flow/probe_report.h"
#include "host/ping.h"
#include "io/loop.h"

struct probe;

struct probe_target {
	struct ping_address address;
	int interval_ms;
};

/*
 * "ADDRESS[,INTERVAL]", as in "10.0.0.7,1s": an interval of 1ms to 10s, or 10ms.
 * Errors: ERR_USAGE, saying what is wrong with which of the two.
 */
int probe_target_parse(const char *text, struct probe_target *out, struct err *err);

/*
 * Begins to send. zero_ms: clock_ms() of what the report's times count from.
 * Errors: those of ping_open(), and ERR_INTERNAL.
 */
int probe_start(struct loop *loop, const struct probe_target *target, int64_t zero_ms,
		struct probe **out, struct err *err);

/*
 * The flow is in another phase now (static text); it need not be one that the flow reports.
 * A migration's "switchover" is called "stopped" here. probe: NULL for none.
 */
void probe_phase(struct probe *probe, const char *phase);

/* Until there was an answer, for a second at most.  Return: 1: there was; 0; -ECANCELED. */
int probe_await_answer(struct probe *probe, struct err *err);

/*
 * The flow is over, in a phase "after", until a ping of this phase was answered: what a new
 * primary's link still takes to come up is a gap as well. timeout_ms: at most; not at all
 * if there never was an answer. Cancellation does not end it.
 */
void probe_settle(struct probe *probe, int64_t timeout_ms);

/*
 * Sends no more, and gives what is under way a second.  Return: the report, the caller's.
 * Frees the probe.
 */
struct probe_report *probe_end(struct probe *probe);

#endif
