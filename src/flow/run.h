/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One run of a flow: its clock, its phases, and what it tells on the way. It writes both
 * the events and the result, so that the two can never say different things.
 */
#ifndef VMFO_FLOW_RUN_H
#define VMFO_FLOW_RUN_H

#include "flow/env.h"
#include "flow/probe.h"
#include "flow/result.h"

struct flow_run {
	struct flow_env *env;
	struct result *result;
	int64_t started; /* clock_ms() */
	const char *phase;
	struct probe *probe; /* is told of every phase; NULL */
};

/* Begins; schema: static. Fills result with what is true of a run that did nothing yet. */
int run_begin(struct flow_run *run, struct flow_env *env, const char *schema, const char *vm,
	      struct result *result, struct err *err);

/* Ends the present phase and begins another (static text). */
void run_phase(struct flow_run *run, const char *phase);

/*
 * Ends the last phase, and settles outcome, status, reason and total time from how the
 * flow returned.  Return: r.
 */
int run_end(struct flow_run *run, int r, struct err *err);

void run_note(struct flow_run *run, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void run_warn(struct flow_run *run, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void run_pair(struct flow_run *run, const char *pair, const char *state);
/* The state of one whose primary was to be plugged, and what its VF was not given. */
void run_plugged(struct flow_run *run, const struct pair_result *pair);
void run_finding(struct flow_run *run, const struct finding *finding);
/* event: what is particular to it; kind, vm, phase and time are filled in here. */
void run_progress(struct flow_run *run, struct report_event *event);

int64_t run_elapsed_ms(const struct flow_run *run);

#endif
