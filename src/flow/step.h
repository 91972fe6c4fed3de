/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Reversible steps. A flow is a const table of them. All checks run before the first
 * apply; a check changes nothing. When an apply fails, the steps that were begun, it
 * included, are undone backwards. One step may be the commit: once it is done there is no
 * way back, and the steps after it settle their own failures.
 *
 * An undo is idempotent and tolerates a half-applied step. One failed undo does not stop
 * the others; each is reported.
 */
#ifndef VMFO_FLOW_STEP_H
#define VMFO_FLOW_STEP_H

#include <stddef.h>

#include "base/err.h"
#include "flow/run.h"
#include "io/journal.h"

#define STEP_COMMIT (1u << 0)

typedef int step_fn(void *ctx, struct err *err);

struct step {
	const char *name;
	const char *phase; /* begins with this step's apply; NULL: the one before goes on */
	step_fn *check;    /* each may be NULL */
	step_fn *apply;
	step_fn *undo;
	unsigned int flags;
};

struct steps {
	const struct step *table;
	size_t n;
	void *ctx;
	struct flow_run *run;
	struct journal **journal; /* where the journal is, once a step has opened it */
};

/* How steps_apply() ended. */
enum steps_end {
	STEPS_DONE,
	STEPS_UNDONE,      /* failed before the commit; every undo succeeded */
	STEPS_UNDO_FAILED, /* and some undo did not: the warnings say which */
	STEPS_STUCK,       /* failed after the commit */
};

/* Every check, in order.  Return: 0 or the first failure, wrapped with nothing. */
int steps_check(const struct steps *steps, struct err *err);

/*
 * Every apply, in order. end: how it ended. Return: 0, or the failure of the apply.
 * Cancellation does not reach an undo, nor anything after the commit.
 */
int steps_apply(const struct steps *steps, enum steps_end *end, struct err *err);

#endif
