/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A migration's steps from the guest's eject to the commit point: precopy, switchover.
 */
#include <errno.h>

#include "flow/datapath.h"
#include "flow/migration.h"

/* From migrate-continue until the target has loaded everything and said so. */
#define SWITCHOVER_MS 120000

/* For a target to finish loading after its source has died. */
#define SETTLE_MS 30000

/* ---- precopy ---- */

int migrate_precopy(void *ctx, struct err *err)
{
	struct migration *m = ctx;
	int64_t deadline = m->opts.timeout_s ? deadline_in((int64_t)m->opts.timeout_s * 1000) :
					       DEADLINE_NEVER;

	while (m->source.status != SOURCE_PRE_SWITCHOVER) {
		struct source_figures now;
		int r = migrate_await_news(m, err);

		if (r < 0 && r != -ETIMEDOUT)
			return r;
		r = migrate_check_parts(m, err);
		if (r < 0)
			return r;
		/* The guest is stopped: no more queries. */
		if (m->source.status == SOURCE_PRE_SWITCHOVER)
			break;
		r = migrate_query(m, &now, NULL, err);
		if (r < 0)
			return r;
		if (clock_ms() >= deadline)
			return err_set(
				err, ERR_REFUSED, ETIMEDOUT,
				"the copy did not converge within %d s (%lld MiB left, the guest "
				"changes its memory too fast); see --timeout, --downtime-limit, "
				"--bandwidth",
				m->opts.timeout_s, (long long)(now.remaining >> 20));
	}
	return 0;
}

/* ---- switchover ---- */

/* Until the source says how the hand-over ended, or some part of it is lost. */
static int await_handover(struct migration *m, struct err *err)
{
	int64_t deadline = deadline_in(SWITCHOVER_MS);

	for (;;) {
		struct source_figures now;
		int r = migrate_await_news(m, err);

		if (r < 0 && r != -ETIMEDOUT)
			return r;
		if (m->source.status == SOURCE_COMPLETED)
			return 0;
		r = migrate_check_parts(m, err);
		if (r == 0)
			r = migrate_query(m, &now, NULL, err);
		if (r < 0)
			return r;
		if (clock_ms() >= deadline)
			return err_set(err, ERR_REFUSED, ETIMEDOUT,
				       "the target did not take the VM over within %d s",
				       SWITCHOVER_MS / 1000);
	}
}

/*
 * The source QEMU has ended: the target has the VM if, and only if, it loaded all of it.
 * It may be at it still, with what was under way.
 */
static int settle_by_target(struct migration *m, struct err *err)
{
	int64_t deadline = deadline_in(SETTLE_MS);
	enum target_holds holds;
	struct err why = ERR_INIT;
	int r;

	while ((r = migrate_target_holds(m, &holds, &why)) == 0 && holds == TARGET_LOADING &&
	       clock_ms() < deadline)
		loop_sleep(m->run.env->loop, 200, NULL);
	if (r == 0 && holds == TARGET_HOLDS_ALL) {
		run_warn(&m->run, "%s; the target had taken the VM over before", err->msg);
		return 0;
	}
	return r < 0 ? err_wrap(err, "%s", why.msg) : -err->errnum;
}

/*
 * Something failed after migrate-continue. Only the source's own word counts, and a cancel
 * brings it about: it either runs the guest again, or says that it was too late for that.
 * Return: 0: it is handed over; else the failure in err, with the VM on the source.
 */
static int settle_handover(struct migration *m, struct err *err)
{
	struct err why = ERR_INIT;
	int r;

	if (m->source_gone)
		return settle_by_target(m, err);
	if (migrate_datapath_back(m, &why) < 0)
		run_warn(&m->run, "%s", why.msg);
	r = source_cancel(&m->source, &why);
	if (r == -EALREADY) {
		run_warn(&m->run, "%s; the target had taken the VM over before", err->msg);
		return 0;
	}
	if (r == -EPIPE && !vm_process_alive(m->vm)) {
		m->source_gone = true;
		return settle_by_target(m, err);
	}
	return -err->errnum;
}

/* How long the guest was stopped, as QEMU counts it; and everything it sent. */
static void take_figures(struct migration *m)
{
	struct source_figures now;

	if (m->source_gone || source_query(&m->source, &now, NULL) < 0)
		return;
	m->run.result->downtime_ms = now.downtime_ms;
	m->run.result->transferred_bytes = now.transferred;
}

int migrate_switchover(void *ctx, struct err *err)
{
	struct migration *m = ctx;
	struct loop *loop = m->run.env->loop;
	int r;

	/* The guest stands still: from here on nothing but what must be. */
	m->prepared = true;
	r = target_prepared(m->target, err);
	if (r == 0)
		r = guard_disarm(m->guard, err);
	if (r < 0)
		return r;
	/* An interrupt between here and the end could not be acted upon. */
	loop_shield(loop);
	r = vm_qmp(m->vm, "migrate-continue", json_pack("{ss}", "state", "pre-switchover"),
		   NULL, err);
	if (r == 0)
		r = await_handover(m, err);
	if (r < 0) {
		migrate_check_parts(m, NULL);
		r = settle_handover(m, err);
	}
	if (r == 0) {
		journal_add(m->journal, "committed", NULL, NULL);
		take_figures(m);
	}
	loop_unshield(loop);
	return r;
}
