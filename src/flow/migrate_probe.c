/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A migration's probe: from the last of the checks until the migration has ended.
 */
#include "flow/migration.h"

/* For the link of a new primary to come up, and be used. */
#define SETTLE_MS 5000

/*
 * A check, and the last: a process that may not ping is refused while nothing is changed,
 * and an address that is wrong is seen before the guest is touched.
 */
int migrate_start_probe(void *ctx, struct err *err)
{
	struct migration *m = ctx;
	const struct probe_target *target = m->opts.probe;
	int r;

	if (!target)
		return 0;
	r = probe_start(m->run.env->loop, target, m->run.started, &m->run.probe, err);
	if (r < 0)
		return err_wrap(err, "--probe");
	probe_phase(m->run.probe, "check");
	r = probe_await_answer(m->run.probe, err);
	if (r == 0)
		run_warn(
			&m->run,
			"--probe: %s does not answer, so that nothing can be learned of it; is "
			"it the guest's address, and can this host reach it?",
			target->address.text);
	return r < 0 ? r : 0;
}

void migrate_end_probe(struct migration *m)
{
	if (!m->run.probe)
		return;
	/* Not after checks alone: they changed nothing that could come right yet. */
	if (m->run.result->n_phases)
		probe_settle(m->run.probe, SETTLE_MS);
	m->run.result->probe = probe_end(steal_ptr(m->run.probe));
}
