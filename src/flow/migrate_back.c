/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The primaries of a source that keeps its VM: how they come back, and how one knows.
 *
 * Stock QEMU plugs them at the end of a cancel, in which it waits up to 30 s for the guest's
 * eject. It does so too where it had not even asked for an unplug; a guest may then take the
 * device out of its slot a moment later. And it does nothing when a migration that had
 * completed is taken back.
 *
 * A QEMU of qemu-patches/ plugs each primary when the guest has ejected it, also later than
 * those 30 s, and in the last case, too; and it says so: FAILOVER_PRIMARY_CHANGED, "plugged".
 */
#include <stdlib.h>

#include "flow/datapath.h"
#include "flow/failover.h"
#include "flow/migration.h"
#include "flow/pair.h"
#include "flow/plug.h"

/* For stock QEMU to plug a primary by itself, after its migration has ended. */
#define REPLUG_MS 2000

/* For a guest to take a device out that was plugged into a slot that had it already. */
#define NOT_ASKED_MS 3000

/* Return: 1: it is in its slot, as far as QEMU knows; 0: it is not; or a failure. */
static int await_in_slot(struct migration *m, size_t i, int64_t deadline, struct err *err)
{
	const struct vm_pair *pair = &m->vm->def->pairs[i];
	struct pair_result *out = &m->run.result->pairs[i];
	struct qemu_failover said;
	int r = failover_await(m->vm, pair, FAILOVER_PLUGGED, deadline, &said, err);

	/* A guest that was asked and has not let go may use it on, until it does. */
	if (r != 0)
		return r < 0 ? r :
			       said.state == FAILOVER_PLUGGED ||
				       said.state == FAILOVER_UNPLUG_REQUESTED;
	if (!source_was_asked(&m->source, pair))
		r = loop_sleep(m->run.env->loop, NOT_ASKED_MS, err);
	if (r == 0)
		r = pair_await(m->vm, pair, PAIR_PLUGGED, deadline_in(REPLUG_MS), out, err);
	return r < 0 ? r : out->state >= PAIR_PLUGGED;
}

int migrate_datapath_back(struct migration *m, struct err *err)
{
	enum source_status status = m->source.status;
	int result = 0;

	if (!m->way_back)
		m->ended_by_qemu = status == SOURCE_FAILED || status == SOURCE_CANCELLING ||
				   status == SOURCE_CANCELLED;
	m->way_back = true;
	for (size_t i = 0; i < m->vm->def->n_pairs; i++) {
		const struct vm_pair *pair = &m->vm->def->pairs[i];
		struct err *first = result < 0 ? NULL : err;
		int r = 0;

		if (m->had_primary[i])
			r = m->begun ? datapath_to_plug(m->vm, pair, first) :
				       datapath_settle(m->vm, pair, m->used[i], first);
		if (r < 0 && result == 0)
			result = r;
	}
	return result;
}

/*
 * QEMU has plugged a VF while the NIC's filter was off: its driver may have begun with an
 * address of its own, and so outside of the pair, unless the guest says otherwise.
 */
static int plug_anew(struct migration *m, size_t i, struct err *err)
{
	const struct vm_pair *pair = &m->vm->def->pairs[i];
	struct pair_result *out = &m->run.result->pairs[i];
	int r;

	if (!m->ended_by_qemu || !m->let_go[i] || pair->primary.kind != VM_PRIMARY_VF ||
	    out->state == PAIR_PAIRED)
		return 0;
	r = plug_take_out(m->vm, pair, err);
	return r == 0 ? plug_primary(m->vm, pair, false, out, err) : r;
}

int migrate_await_primary(struct migration *m, size_t i, int64_t deadline, struct err *err)
{
	const struct vm_pair *pair = &m->vm->def->pairs[i];
	struct pair_result *out = &m->run.result->pairs[i];
	int r = await_in_slot(m, i, deadline, err);

	if (r > 0) {
		r = pair_await(m->vm, pair, PAIR_PAIRED, deadline, out, err);
		if (r == 0)
			r = plug_anew(m, i, err);
		if (r >= 0)
			r = datapath_settle(m->vm, pair, out->state >= PAIR_PLUGGED, err);
	} else if (r == 0) {
		r = plug_primary(m->vm, pair, false, out, err);
	}
	/* There is no target to speak of. */
	free(out->target_primary);
	out->target_primary = NULL;
	return r;
}
