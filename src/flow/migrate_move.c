/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A migration's steps from `migrate` to the commit point: wait-unplug, precopy,
 * switchover; and the way back.
 */
#include <errno.h>
#include <stdio.h>

#include "flow/datapath.h"
#include "flow/migration.h"
#include "flow/pair.h"
#include "io/file.h"

/* For the agent to say why the stream has ended, if it knows. */
#define LAST_WORD_MS 300

/* How often QEMU is asked for figures; its events come by themselves. */
#define QUERY_MS 250

/* From migrate-continue until the target has loaded everything and said so. */
#define SWITCHOVER_MS 120000

/* For a target to finish loading after its source has died. */
#define SETTLE_MS 30000

/* ---- watching the source ---- */

struct wait {
	struct migration *m;
	enum source_status leave; /* until the status is another than this */
};

/* True when the flow has something to look at: a new status, or a part that has failed. */
static bool something_new(void *data)
{
	struct wait *wait = data;
	struct migration *m = wait->m;

	return m->source.status != wait->leave || !qmp_alive(m->vm->qmp) ||
	       !tunnel_alive(m->tunnel, NULL) || !target_alive(m->target, NULL);
}

/* Waits for news, QUERY_MS at most.  Return: 0 news, -ETIMEDOUT none, or a failure. */
static int await_news(struct migration *m, struct err *err)
{
	struct wait wait = { .m = m, .leave = m->source.status };

	return loop_run(m->run.env->loop, something_new, &wait, deadline_in(QUERY_MS), err);
}

static bool target_lost(void *data)
{
	const struct migration *m = data;

	return !target_alive(m->target, NULL);
}

/* Whether every part of a migration in flight is still there. */
static int check_parts(struct migration *m, struct err *err)
{
	struct err why = ERR_INIT, stream = ERR_INIT;
	bool stream_lost;

	if (!qmp_alive(m->vm->qmp)) {
		char tail[256];

		m->source_gone = !vm_process_alive(m->vm) ||
				 vm_wait_gone(m->vm, deadline_in(2000), NULL) == 0;
		vm_log_tail(m->vm, tail, sizeof(tail));
		return err_set(err, ERR_UNFINISHED, EPIPE, "the source QEMU %s%s%s",
			       m->source_gone ? "has ended" : "has closed its QMP connection",
			       *tail ? ": " : "", tail);
	}
	stream_lost = !tunnel_alive(m->tunnel, &stream);
	/* A QEMU that ended takes the stream along, or the other way round. */
	if (stream_lost)
		loop_run(m->run.env->loop, target_lost, m, deadline_in(LAST_WORD_MS), NULL);
	if (target_alive(m->target, &why))
		return stream_lost ? err_set(err, ERR_REFUSED, EPIPE, "the stream to %s: %s",
					     m->opts.host, stream.msg) :
				     0;
	if (stream_lost)
		return err_set(err, ERR_REFUSED, EPIPE, "%s; the stream to %s: %s", why.msg,
			       m->opts.host, stream.msg);
	return err_set(err, ERR_REFUSED, EPIPE, "%s", why.msg);
}

static void tell_progress(struct migration *m, const struct source_figures *now,
			  const char *text)
{
	struct report_event event = { .percent = -1,
				      .rate = -1,
				      .remaining_ms = -1,
				      .remaining_bytes = now->remaining,
				      .transferred_bytes = now->transferred,
				      .text = text };

	if (now->total > 0 && now->remaining >= 0)
		event.percent = (int)(100 - now->remaining * 100 / now->total);
	if (now->rate > 0) {
		event.rate = now->rate;
		event.remaining_ms = now->remaining * 1000 / now->rate;
	}
	m->run.result->transferred_bytes = now->transferred;
	run_progress(&m->run, &event);
	migrate_write_state(m, &event);
}

static int query_and_tell(struct migration *m, struct source_figures *now, const char *text,
			  struct err *err)
{
	int r = source_query(&m->source, now, err);

	if (r < 0)
		return r;
	tell_progress(m, now, text);
	if (now->status == SOURCE_FAILED)
		return err_set(err, ERR_REFUSED, EIO, "QEMU: %s",
			       *now->error ? now->error : "the migration failed");
	if (now->status == SOURCE_CANCELLED || now->status == SOURCE_CANCELLING)
		return err_set(err, ERR_REFUSED, ECANCELED,
			       "somebody cancelled it on QEMU's monitor");
	return 0;
}

/* ---- wait-unplug ---- */

/*
 * QEMU may fail to ask for an unplug (the slot is busy, the port cannot do it), and goes
 * on with the primary attached: from outside that is seen by the request that is missing
 * once the wait is over.
 */
static int check_asked(struct migration *m, struct err *err)
{
	char tail[256];

	for (size_t i = 0; i < m->vm->def->n_pairs; i++) {
		const struct vm_pair *pair = &m->vm->def->pairs[i];

		if (m->had_primary[i] && !source_was_asked(&m->source, pair))
			return err_set(
				err, ERR_REFUSED, EBUSY,
				"pair %s: QEMU did not ask the guest to let go of the primary: "
				"%s",
				pair->id, vm_log_tail(m->vm, tail, sizeof(tail)));
	}
	return 0;
}

/* Which pairs still hold on, as far as the bridge shows it; "" for none. */
static const char *holding_on(struct migration *m, int64_t since_ms, char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < m->vm->def->n_pairs && len < size; i++) {
		const struct vm_pair *pair = &m->vm->def->pairs[i];

		if (m->had_primary[i] &&
		    pair_seen_side(m->vm, pair, since_ms) != PAIR_SIDE_STANDBY)
			len += (size_t)snprintf(buf + len, size - len, "%s%s", len ? ", " : "",
						pair->id);
	}
	return buf;
}

static int let_go(struct migration *m, struct err *err)
{
	int r = check_asked(m, err);

	for (size_t i = 0; r == 0 && i < m->vm->def->n_pairs; i++) {
		const struct vm_pair *pair = &m->vm->def->pairs[i];

		if (!m->had_primary[i])
			continue;
		r = datapath_to_standby(m->vm, pair, err);
		if (r == 0)
			run_pair(&m->run, pair->id, "let-go");
	}
	return r;
}

static int send_migrate(struct migration *m, struct err *err)
{
	_cleanup_free_ char *uri = str_printf("unix:%s/out.sock", m->vm->rundir);
	int r = 0;

	if (!uri)
		return err_nomem(err);
	for (size_t i = 0; r == 0 && i < m->vm->def->n_pairs; i++)
		if (m->had_primary[i])
			r = datapath_to_either(m->vm, &m->vm->def->pairs[i], err);
	if (r < 0)
		return r;
	m->begun = true;
	/* What an earlier migration of this QEMU came to is not news. */
	m->source.status = SOURCE_NONE;
	r = vm_qmp(m->vm, "migrate", json_pack("{ss}", "uri", uri), NULL, err);
	if (r == -EREMOTEIO)
		m->begun = false;
	return r;
}

static int unplug_timed_out(struct migration *m, int64_t since_ms, struct err *err)
{
	char names[200];

	return err_set(
		err, ERR_REFUSED, ETIMEDOUT,
		"the guest did not let go of its primary within %d s (holding on: %s); is its "
		"hot-plug driver loaded? See --unplug-timeout",
		m->opts.unplug_timeout_s, holding_on(m, since_ms, names, sizeof(names)));
}

int migrate_unplug(void *ctx, struct err *err)
{
	struct migration *m = ctx;
	int64_t begun = clock_ms();
	int64_t deadline = deadline_in((int64_t)m->opts.unplug_timeout_s * 1000);
	int r = send_migrate(m, err);

	while (r == 0) {
		struct source_figures now;
		char names[200], text[256] = "";

		r = await_news(m, err);
		if (r < 0 && r != -ETIMEDOUT)
			return r;
		r = check_parts(m, err);
		if (r < 0)
			return r;
		/* No query first: every packet counts from the moment it was let go. */
		if (m->source.status == SOURCE_ACTIVE ||
		    m->source.status == SOURCE_PRE_SWITCHOVER)
			return let_go(m, err);
		if (clock_ms() >= deadline)
			return unplug_timed_out(m, clock_ms() - begun, err);
		if (m->source.status == SOURCE_WAIT_UNPLUG)
			snprintf(text, sizeof(text), "holding on: %s",
				 holding_on(m, clock_ms() - begun, names, sizeof(names)));
		r = query_and_tell(m, &now, *text ? text : NULL, err);
	}
	return r;
}

/* ---- the way back ---- */

/* Stock QEMU must not be given another `migrate` too soon after this. */
static void record_failed(const struct vm *vm)
{
	_cleanup_free_ char *path = vm_path(vm, "failed");

	if (path)
		file_write_volatile(path, 0600, "", 0, NULL);
}

/*
 * The datapath first: at the cancel QEMU plugs the primary by itself, and its driver must
 * find everything as it was.
 */
int migrate_undo_unplug(void *ctx, struct err *err)
{
	struct migration *m = ctx;
	struct err datapath_err = ERR_INIT;
	int r;

	if (m->source_gone)
		return 0;
	if (datapath_all_to_primary(m->vm, &datapath_err) < 0)
		run_warn(&m->run, "%s", datapath_err.msg);
	if (!m->begun)
		return 0;
	if (!qmp_alive(m->vm->qmp))
		return check_parts(m, err);
	r = source_cancel(&m->source, err);
	if (r == 0 && m->source.status == SOURCE_FAILED)
		record_failed(m->vm);
	/* It ended in the cancel: there is nothing left to undo on it. */
	if (r == -EPIPE && !vm_process_alive(m->vm)) {
		m->source_gone = true;
		return 0;
	}
	return r;
}

/* ---- precopy ---- */

int migrate_precopy(void *ctx, struct err *err)
{
	struct migration *m = ctx;
	int64_t deadline = m->opts.timeout_s ? deadline_in((int64_t)m->opts.timeout_s * 1000) :
					       DEADLINE_NEVER;

	while (m->source.status != SOURCE_PRE_SWITCHOVER) {
		struct source_figures now;
		int r = await_news(m, err);

		if (r < 0 && r != -ETIMEDOUT)
			return r;
		r = check_parts(m, err);
		if (r < 0)
			return r;
		/* The guest is stopped: no more queries. */
		if (m->source.status == SOURCE_PRE_SWITCHOVER)
			break;
		r = query_and_tell(m, &now, NULL, err);
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
		int r = await_news(m, err);

		if (r < 0 && r != -ETIMEDOUT)
			return r;
		if (m->source.status == SOURCE_COMPLETED)
			return 0;
		r = check_parts(m, err);
		if (r == 0)
			r = query_and_tell(m, &now, NULL, err);
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
	if (datapath_all_to_primary(m->vm, &why) < 0)
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
		check_parts(m, NULL);
		r = settle_handover(m, err);
	}
	if (r == 0) {
		journal_add(m->journal, "committed", NULL, NULL);
		take_figures(m);
	}
	loop_unshield(loop);
	return r;
}
