/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a flow tells while it works. There is one source of events; the progress line of
 * a terminal, plain lines, --events and --progress-fd are renderings of it in cli/.
 */
#ifndef VMFO_FLOW_REPORT_H
#define VMFO_FLOW_REPORT_H

#include <jansson.h>
#include <stdint.h>

#include "topology/finding.h"

enum report_kind {
	REPORT_PHASE,    /* a phase has begun */
	REPORT_PROGRESS, /* how far the present phase is; several a second */
	REPORT_PAIR,     /* a pair's state has changed */
	REPORT_NOTE,     /* something worth a line */
	REPORT_WARNING,  /* something that a person should look at; also in the result */
	REPORT_FINDING,  /* what a topology rule found; also in the result */
};

struct report_event {
	enum report_kind kind;
	const char *vm;
	const char *phase;  /* "prepare", "wait-unplug", "precopy", …; NULL: none */
	int64_t elapsed_ms; /* since the flow began */
	/* REPORT_PROGRESS; -1 where it is not known */
	int percent;          /* of the RAM that is left in this round of the copy */
	int64_t rate;         /* bytes a second */
	int64_t remaining_ms; /* an estimate */
	int64_t remaining_bytes;
	int64_t transferred_bytes;
	/* REPORT_PAIR */
	const char *pair;
	const char *state; /* "asked", "let-go", "plugged", "paired", … */
	/* REPORT_NOTE, REPORT_WARNING; in REPORT_PROGRESS a detail ("net1 holds on") or NULL */
	const char *text;
	const struct finding *finding; /* REPORT_FINDING */
};

typedef void report_fn(void *user, const struct report_event *event);

struct report {
	report_fn *fn;
	void *user;
};

/* The event as one JSON object, with "event" and only the members that it has; new. */
json_t *report_event_json(const struct report_event *event);

#endif
