/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/step.h"

#include "base/log.h"

int steps_check(const struct steps *steps, struct err *err)
{
	for (size_t i = 0; i < steps->n; i++) {
		int r = steps->table[i].check ? steps->table[i].check(steps->ctx, err) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

/*
 * A journal that cannot be written stops a step before it has an effect; afterwards, and
 * in an undo, it is only a warning: what was done stays done.
 */
static int write_journal(const struct steps *steps, const struct step *step, const char *state,
			 struct err *err)
{
	return *steps->journal ? journal_step(*steps->journal, step->name, state, NULL, err) :
				 0;
}

static void write_journal_or_warn(const struct steps *steps, const struct step *step,
				  const char *state)
{
	struct err err = ERR_INIT;

	if (write_journal(steps, step, state, &err) < 0)
		run_warn(steps->run, "%s", err.msg);
}

static bool undo_one(const struct steps *steps, const struct step *step)
{
	struct err err = ERR_INIT;

	if (!step->undo)
		return true;
	log_debug("undo %s", step->name);
	if (step->undo(steps->ctx, &err) < 0) {
		run_warn(steps->run, "undo %s: %s", step->name, err.msg);
		write_journal_or_warn(steps, step, "undo-failed");
		return false;
	}
	write_journal_or_warn(steps, step, "undone");
	return true;
}

static int apply_one(const struct steps *steps, const struct step *step, struct err *err)
{
	int r;

	if (step->phase)
		run_phase(steps->run, step->phase);
	log_debug("step %s", step->name);
	r = write_journal(steps, step, "begin", err);
	if (r == 0 && step->apply)
		r = step->apply(steps->ctx, err);
	if (r == 0)
		write_journal_or_warn(steps, step, "done");
	return r;
}

int steps_apply(const struct steps *steps, enum steps_end *end, struct err *err)
{
	struct loop *loop = steps->run->env->loop;
	bool committed = false, undone = true;
	size_t i;
	int r = 0;

	for (i = 0; i < steps->n; i++) {
		r = apply_one(steps, &steps->table[i], err);
		if (r < 0)
			break;
		if (steps->table[i].flags & STEP_COMMIT) {
			committed = true;
			loop_shield(loop);
		}
	}
	if (r < 0 && !committed) {
		run_note(steps->run, "%s; rolling back", err->msg);
		probe_phase(steps->run->probe, "rollback");
		loop_shield(loop);
		for (size_t j = i + 1; j-- > 0;)
			undone &= undo_one(steps, &steps->table[j]);
		loop_unshield(loop);
		*end = undone ? STEPS_UNDONE : STEPS_UNDO_FAILED;
		return r;
	}
	if (committed)
		loop_unshield(loop);
	*end = r < 0 ? STEPS_STUCK : STEPS_DONE;
	return r;
}
