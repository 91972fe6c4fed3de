/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A migration's steps after the commit point: the VM is the target's now, and every
 * failure is settled forward, or told.
 */
#include <errno.h>
#include <stdlib.h>

#include "flow/datapath.h"
#include "flow/leave.h"
#include "flow/migration.h"
#include "flow/pair.h"
#include "flow/store.h"

/* For the guests' use of their primaries to show, after the source was taken back. */
#define TAKE_BACK_MS 15000

/* ---- running it ---- */

/*
 * After `cont` failed, or its answer was lost, only what the target says of itself
 * decides. Return: 1 it runs there; 0 it is still paused, so it never ran; or a failure,
 * also for any other state: it may have run, and then the source's copy is an old one.
 */
static int look_at_target(struct migration *m, struct err *err)
{
	struct target_state state;
	int r = target_connected(m->target) ? 1 : migrate_reconnect(m, err);

	/* Not even a finished arrival: then the source's copy may be the last. */
	if (r == 0)
		return err_set(err, ERR_UNFINISHED, ENOENT, "nothing is left of it on %s",
			       m->opts.host);
	if (r > 0)
		r = target_query(m->target, &state, err);
	if (r < 0)
		return r;
	if (!state.alive)
		return err_set(err, ERR_UNFINISHED, ESRCH, "the QEMU on %s has ended",
			       m->opts.host);
	if (str_eq(state.runstate, "running"))
		return 1;
	if (str_eq(state.runstate, "paused"))
		return 0;
	return err_set(err, ERR_UNFINISHED, EIO, "%s says \"%s\"", m->opts.host,
		       state.runstate);
}

/* A QEMU that has failover-replug plugs the primaries at the `cont`. */
static int run_here(struct migration *m, struct err *err)
{
	struct err why = ERR_INIT;

	if (m->vm->patches.failover_replug && migrate_datapath_back(m, &why) < 0)
		run_warn(&m->run, "%s", why.msg);
	return vm_qmp(m->vm, "cont", NULL, NULL, err);
}

/*
 * The guest has let go of its primaries, and of one that it has let go of for a migration
 * stock QEMU deletes nothing (device_del) and takes nothing back, until a migration fails:
 * so one more is begun, and cancelled. Its stream, if it comes to that, ends in our tunnel.
 */
static int bring_primaries_back(struct migration *m, struct err *err)
{
	_cleanup_free_ char *uri = NULL;
	int r;

	if (m->vm->patches.failover_replug)
		return 0;
	uri = str_printf("unix:%s/out.sock", m->vm->rundir);
	r = uri ? migrate_datapath_back(m, err) : err_nomem(err);
	if (r == 0)
		r = vm_qmp(m->vm, "migrate", json_pack("{ss}", "uri", uri), NULL, err);
	return r < 0 ? r : source_cancel(&m->source, err);
}

/*
 * The target refused to run it and is still paused. It is ended first, and seen gone; only
 * then may the source run again.
 */
static int take_back(struct migration *m, struct err *err)
{
	int64_t deadline = deadline_in(TAKE_BACK_MS);
	struct err why = ERR_INIT;
	int r;

	if (m->source_gone)
		return err_set(
			err, ERR_UNFINISHED, err->errnum,
			"%s; the source QEMU has ended, so it runs nowhere: its paused copy is on "
			"%s",
			err->msg, m->opts.host);
	r = target_abort(m->target, &why);
	if (r == 0)
		r = run_here(m, &why);
	if (r < 0)
		return err_set(err, ERR_UNFINISHED, err->errnum, "%s; taking it back: %s",
			       err->msg, why.msg);
	probe_phase(m->run.probe, "rollback");
	err->kind = ERR_ROLLED_BACK;
	if (bring_primaries_back(m, &why) < 0) {
		run_warn(&m->run, "%s", why.msg);
		err->kind = ERR_DEGRADED;
	}
	for (size_t i = 0; i < m->vm->def->n_pairs; i++)
		if (m->had_primary[i] && (migrate_await_primary(m, i, deadline, &why) < 0 ||
					  m->run.result->pairs[i].state < PAIR_PLUGGED))
			err->kind = ERR_DEGRADED;
	return err_set(err, err->kind, err->errnum, "%s; taken back: it runs here%s", err->msg,
		       err->kind == ERR_DEGRADED ? ", but without a primary" : "");
}

int migrate_run_target(void *ctx, struct err *err)
{
	struct migration *m = ctx;
	int tries = 3;
	int r;

	for (;;) {
		r = target_cont(m->target, err) == 0 ? 1 : look_at_target(m, err);
		if (r > 0) {
			probe_phase(m->run.probe, "resumed");
			return 0;
		}
		if (r < 0)
			return err_set(
				err, ERR_UNFINISHED, err->errnum,
				"%s; the VM was handed over to %s, and whether it runs there is "
				"not known: it is left stopped here. Look there: vmfo status %s",
				err->msg, m->opts.host, m->vm->name);
		if (--tries == 0)
			return take_back(m, err);
	}
}

/* ---- the source lets go ---- */

/*
 * The VM runs on the target, and something of the rest failed. The steps go on; what is
 * worst decides the result.
 */
static void note_short(struct migration *m, enum err_kind status, char *reason)
{
	struct result *result = m->run.result;

	run_warn(&m->run, "%s", reason ?: "out of memory");
	if (status > result->status) {
		result->status = status;
		free(result->reason);
		result->reason = steal_ptr(reason);
	}
	free(reason);
}

int migrate_retire_source(void *ctx, struct err *err)
{
	struct migration *m = ctx;
	struct err why = ERR_INIT;

	(void)err;
	tunnel_close(steal_ptr(m->tunnel));
	guard_stop(steal_ptr(m->guard));
	source_clear(&m->source);
	if (datapath_leave(m->vm, &why) < 0)
		run_warn(&m->run, "%s", why.msg);
	/* In this order: at no time does a definition lie here that nobody holds back. */
	if (store_bury(m->run.env, m->vm->name, m->opts.host, m->id, &why) < 0 ||
	    vm_end_qemu(m->vm, &why) < 0)
		note_short(
			m, ERR_UNFINISHED,
			str_printf(
				"it runs on %s, but its stopped copy here could not be ended: %s",
				m->opts.host, why.msg));
	return 0;
}

/* ---- the pair ---- */

/* Asks for one plug, once more if the connection was lost in it. */
static int replug_one(struct migration *m, const struct vm_pair *pair, struct pair_result *out,
		      struct err *err)
{
	int r = target_plug(m->target, m->vm, pair, out, err);

	if (r == 0 || target_connected(m->target))
		return r;
	r = migrate_reconnect(m, err);
	return r > 0 ? target_plug(m->target, m->vm, pair, out, err) : r;
}

/* What it means that a pair has no primary there. */
static void note_not_whole(struct migration *m, const struct pair_result *out)
{
	const char *reason = out->reason ?: "QEMU did not plug it";
	const char *host = m->opts.host, *name = m->vm->name;
	struct target_state state;

	m->target_gone = target_query(m->target, &state, NULL) == 0 && !state.alive;
	if (m->target_gone)
		note_short(
			m, ERR_UNFINISHED,
			str_printf("it was handed over to %s, and its QEMU has ended there, so "
				   "it runs nowhere (%s); start it there: vmfo launch %s",
				   host, reason, name));
	else
		note_short(m, ERR_DEGRADED,
			   str_printf("it runs on %s, but pair %s has no primary: %s; to try "
				      "again, there: vmfo replug %s",
				      host, out->id, reason, name));
}

int migrate_replug(void *ctx, struct err *err)
{
	struct migration *m = ctx;

	(void)err;
	for (size_t i = 0; i < m->vm->def->n_pairs; i++) {
		struct pair_result *out = &m->run.result->pairs[i];
		struct err why = ERR_INIT;

		out->state = PAIR_UNKNOWN;
		out->evidence = PAIR_EVIDENCE_NONE;
		if (replug_one(m, &m->vm->def->pairs[i], out, &why) < 0 && !out->reason)
			out->reason = strdup(why.msg);
		run_plugged(&m->run, out);
		if (out->state < PAIR_PLUGGED)
			note_not_whole(m, out);
	}
	return 0;
}

static int finish_there(struct migration *m, struct err *err)
{
	int r = target_connected(m->target) ? 1 : migrate_reconnect(m, err);

	return r > 0 ? target_finish(m->target, err) : r;
}

int migrate_finish(void *ctx, struct err *err)
{
	struct migration *m = ctx;
	struct err why = ERR_INIT;
	int r = finish_there(m, &why);

	(void)err;
	/* The connection was lost in it. */
	if (r < 0 && m->target && !target_connected(m->target))
		r = finish_there(m, &why);
	if (r < 0)
		note_short(
			m, ERR_UNFINISHED,
			str_printf("it runs on %s, but the end of its migration could not be "
				   "written down: %s",
				   m->opts.host, why.msg));
	if (!m->vm->pid && vm_leave_host(m->vm, &why) < 0)
		run_warn(&m->run, "%s", why.msg);
	return 0;
}
