/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Watching a migration in flight: the source QEMU, the stream, the target.
 */
#include <errno.h>
#include <stdio.h>

#include "flow/migration.h"
#include "flow/pair.h"

/* For the agent to say why the stream has ended, if it knows. */
#define LAST_WORD_MS 300

/* How often QEMU is asked for figures; its events come by themselves. */
#define QUERY_MS 250
/* How often the host is asked whether the guest still uses its VFs. */
#define DRIVER_MS 10

/*
 * True when the flow has something to look at: what QEMU said since it looked last, also
 * while it did something else; or a part that has failed.
 */
static bool something_new(void *data)
{
	const struct migration *m = data;

	return m->source.status != m->seen_status || m->source.n_changes != m->seen_changes ||
	       !qmp_alive(m->vm->qmp) || !tunnel_alive(m->tunnel, NULL) ||
	       !target_alive(m->target, NULL);
}

enum drivers { DRIVERS_NONE, DRIVERS_UP, DRIVERS_ONE_GONE };

/* Of the VFs that the guest is to let go of, and has used so far. */
static enum drivers look_at_drivers(const struct migration *m)
{
	enum drivers found = DRIVERS_NONE;

	if (m->source.status != SOURCE_WAIT_UNPLUG)
		return found;
	for (size_t i = 0; i < m->vm->def->n_pairs; i++) {
		if (!m->driver_up[i] || m->let_go[i])
			continue;
		if (pair_driver_up(m->vm, &m->vm->def->pairs[i]) == 0)
			return DRIVERS_ONE_GONE;
		found = DRIVERS_UP;
	}
	return found;
}

int migrate_await_news(struct migration *m, struct err *err)
{
	int64_t deadline = deadline_in(QUERY_MS);
	enum drivers drivers;
	int r;

	do {
		drivers = look_at_drivers(m);
		r = loop_run(m->run.env->loop, something_new, m,
			     drivers == DRIVERS_NONE ? deadline :
			     drivers == DRIVERS_UP   ? deadline_in(DRIVER_MS) :
						       clock_ms(),
			     err);
	} while (r == -ETIMEDOUT && drivers == DRIVERS_UP && clock_ms() < deadline);
	m->seen_status = m->source.status;
	m->seen_changes = m->source.n_changes;
	return r;
}

static bool target_lost(void *data)
{
	const struct migration *m = data;

	return !target_alive(m->target, NULL);
}

/* Without the stream QEMU fails too, and may know more. */
static int add_qemus_word(struct migration *m, struct err *err)
{
	struct source_figures now;

	if (err && source_query(&m->source, &now, NULL) == 0 && now.status == SOURCE_FAILED &&
	    *now.error)
		err_set(err, err->kind, err->errnum, "%s; QEMU: %s", err->msg, now.error);
	return -EPIPE;
}

int migrate_check_parts(struct migration *m, struct err *err)
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
	if (!target_alive(m->target, &why))
		err_set(err, ERR_REFUSED, EPIPE, "%s%s%s%s%s", why.msg,
			stream_lost ? "; the stream to " : "", stream_lost ? m->opts.host : "",
			stream_lost ? ": " : "", stream.msg);
	else if (stream_lost)
		err_set(err, ERR_REFUSED, EPIPE, "the stream to %s: %s", m->opts.host,
			stream.msg);
	else
		return 0;
	return add_qemus_word(m, err);
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
	/* In this order: who was told may ask at once. */
	migrate_write_state(m, &event);
	run_progress(&m->run, &event);
}

int migrate_query(struct migration *m, struct source_figures *now, const char *text,
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
