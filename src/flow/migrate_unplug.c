/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A migration's step "unplug", from `migrate` until the guest has let go of its primaries;
 * and the way back.
 */
#include <errno.h>
#include <stdio.h>

#include "flow/datapath.h"
#include "flow/migration.h"
#include "flow/pair.h"
#include "io/file.h"

/* How often a QEMU is asked to begin a migration that it does not begin yet. */
#define RETRY_MS 500

/*
 * Whether QEMU has asked the guest for a primary. Of one that it had been asked for before, in
 * a migration that failed, there is no event again.
 */
static bool was_asked(const struct migration *m, size_t i)
{
	return m->let_go[i] || source_was_asked(&m->source, &m->vm->def->pairs[i]) ||
	       m->run.result->pairs[i].qemu.state == FAILOVER_UNPLUG_REQUESTED;
}

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

		if (m->had_primary[i] && !was_asked(m, i))
			return err_set(
				err, ERR_REFUSED, EBUSY,
				"pair %s: QEMU did not ask the guest to let go of the primary: "
				"%s",
				pair->id, vm_log_tail(m->vm, tail, sizeof(tail)));
	}
	return 0;
}

/*
 * Whether a pair holds on to its primary: by QEMU's word, pair for pair, or on stock QEMU
 * as far as the bridge shows it.
 */
static bool holds_on(struct migration *m, size_t i, int64_t since_ms)
{
	const struct vm_pair *pair = &m->vm->def->pairs[i];

	if (!m->had_primary[i] || m->let_go[i])
		return false;
	if (m->driver_up[i])
		return true;
	return m->vm->patches.primary_event ||
	       pair_seen_side(m->vm, pair, since_ms) != PAIR_SIDE_STANDBY;
}

/* Which pairs do; "" for none. */
static const char *holding_on(struct migration *m, int64_t since_ms, char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < m->vm->def->n_pairs && len < size; i++)
		if (holds_on(m, i, since_ms))
			len += (size_t)snprintf(buf + len, size - len, "%s%s", len ? ", " : "",
						m->vm->def->pairs[i].id);
	return buf;
}

static int follow(struct migration *m, size_t i, struct err *err)
{
	const struct vm_pair *pair = &m->vm->def->pairs[i];
	int r;

	if (!m->had_primary[i] || m->let_go[i])
		return 0;
	r = datapath_to_standby(m->vm, pair, err);
	if (r < 0)
		return r;
	m->let_go[i] = true;
	run_pair(&m->run, pair->id, "let-go");
	return 0;
}

/* What QEMU says of the primary of pair i since the migration began; NULL: nothing. */
static const struct source_primary *said_of(const struct migration *m, size_t i)
{
	return m->had_primary[i] ? source_primary(&m->source, &m->vm->def->pairs[i]) : NULL;
}

/* A primary that stays ends the migration, with QEMU's reason where it gives one. */
static int check_kept(struct migration *m, struct err *err)
{
	for (size_t i = 0; i < m->vm->def->n_pairs; i++) {
		const struct source_primary *said = said_of(m, i);

		if (said && *said->error)
			return err_set(err, ERR_REFUSED, EBUSY, "pair %s: %s: %s",
				       m->vm->def->pairs[i].id,
				       was_asked(m, i) ?
					       "the guest did not let go of its primary" :
					       "QEMU did not ask the guest to let go of the "
					       "primary",
				       said->error);
	}
	return 0;
}

/* Where QEMU says so, one that is gone is followed at once, not when the last is. */
static int follow_primaries(struct migration *m, struct err *err)
{
	int r = check_kept(m, err);

	for (size_t i = 0; r == 0 && i < m->vm->def->n_pairs; i++) {
		const struct source_primary *said = said_of(m, i);

		/* Or somebody has deleted it meanwhile, on the operator's monitor. */
		if (said &&
		    (said->state == FAILOVER_UNPLUGGED || said->state == FAILOVER_ABSENT))
			r = follow(m, i, err);
	}
	return r;
}

/*
 * A guest's driver stops the VF's interrupts when it lets go of it: from then on nobody reads
 * there, and its hot-plug has yet to tell QEMU. Stock QEMU says nothing at all until the last
 * primary is gone, and up to a quarter of a second later: there this counts as its word.
 */
static int follow_drivers(struct migration *m, struct err *err)
{
	int r = 0;

	if (m->source.status != SOURCE_WAIT_UNPLUG)
		return 0;
	for (size_t i = 0; r == 0 && i < m->vm->def->n_pairs; i++) {
		const struct vm_pair *pair = &m->vm->def->pairs[i];

		if (!m->driver_up[i] || pair_driver_up(m->vm, pair) != 0)
			continue;
		m->driver_up[i] = false;
		r = m->vm->patches.primary_event ? datapath_to_standby(m->vm, pair, err) :
						   follow(m, i, err);
	}
	return r;
}

/*
 * Whether every primary is gone that QEMU has asked for. Stock QEMU is "active" only then;
 * with the patches it is so for a moment in a migration that fails, too: there it is the
 * word on each primary that counts.
 */
static bool wait_is_over(const struct migration *m)
{
	if (m->source.status != SOURCE_ACTIVE && m->source.status != SOURCE_PRE_SWITCHOVER)
		return false;
	for (size_t i = 0; m->vm->patches.primary_event && i < m->vm->def->n_pairs; i++)
		if (m->had_primary[i] && !m->let_go[i] && was_asked(m, i))
			return false;
	return true;
}

static int follow_all(struct migration *m, struct err *err)
{
	int r = check_asked(m, err);

	for (size_t i = 0; r == 0 && i < m->vm->def->n_pairs; i++)
		r = follow(m, i, err);
	return r;
}

/* A QEMU that is not done with the last migration refuses another, for a while. */
static int ask_to_migrate(struct migration *m, const char *uri, struct err *err)
{
	bool told = false;

	for (;;) {
		int r;

		m->begun = true;
		r = vm_qmp(m->vm, "migrate", json_pack("{ss}", "uri", uri), NULL, err);
		if (r != -EREMOTEIO)
			return r;
		m->begun = false;
		if (clock_ms() >= m->retry_until)
			return r;
		if (!told)
			run_note(&m->run, "QEMU does not begin another migration yet (%s)",
				 err->msg);
		told = true;
		r = loop_sleep(m->run.env->loop, RETRY_MS, err);
		if (r < 0)
			return r;
	}
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
	source_begin(&m->source);
	return ask_to_migrate(m, uri, err);
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
	int r = send_migrate(m, err), kept;

	while (r == 0) {
		struct source_figures now;
		char names[200], text[256] = "";

		r = migrate_await_news(m, err);
		if (r < 0 && r != -ETIMEDOUT)
			return r;
		r = follow_primaries(m, err);
		if (r == 0)
			r = follow_drivers(m, err);
		if (r == 0)
			r = migrate_check_parts(m, err);
		if (r < 0)
			return r;
		/* No query first: every packet counts from the moment it was let go. */
		if (wait_is_over(m))
			return follow_all(m, err);
		/* One that has failed says why, below. */
		if (m->source.status != SOURCE_FAILED && clock_ms() >= deadline)
			return unplug_timed_out(m, clock_ms() - begun, err);
		if (m->source.status == SOURCE_WAIT_UNPLUG)
			snprintf(text, sizeof(text), "holding on: %s",
				 holding_on(m, clock_ms() - begun, names, sizeof(names)));
		r = migrate_query(m, &now, *text ? text : NULL, err);
	}
	/* What came with the last answer may say better why. */
	kept = r < 0 ? check_kept(m, err) : 0;
	return kept < 0 ? kept : r;
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
	if (migrate_datapath_back(m, &datapath_err) < 0)
		run_warn(&m->run, "%s", datapath_err.msg);
	if (!m->begun)
		return 0;
	if (!qmp_alive(m->vm->qmp))
		return migrate_check_parts(m, err);
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
