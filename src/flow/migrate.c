/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/migrate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "flow/migration.h"
#include "flow/notify.h"
#include "flow/pair.h"
#include "flow/step.h"

/* src/README.md explains it, row by row. */
static const struct step table[] = {
	{ "source", NULL, migrate_check_source, NULL, NULL, 0 },
	{ "target", NULL, migrate_check_target, NULL, NULL, 0 },
	{ "probe", NULL, migrate_start_probe, NULL, NULL, 0 },
	{ "journal", "prepare", NULL, migrate_open_journal, NULL, 0 },
	{ "reserve", NULL, NULL, migrate_reserve, migrate_undo_reserve, 0 },
	{ "start-target", NULL, NULL, migrate_start_target, NULL, 0 },
	{ "set-up-source", NULL, NULL, migrate_set_up_source, NULL, 0 },
	{ "guard", NULL, NULL, migrate_guard, migrate_undo_guard, 0 },
	{ "tunnel", NULL, NULL, migrate_open_tunnel, migrate_undo_tunnel, 0 },
	{ "unplug", "wait-unplug", NULL, migrate_unplug, migrate_undo_unplug, 0 },
	{ "precopy", "precopy", NULL, migrate_precopy, NULL, 0 },
	{ "switchover", "switchover", NULL, migrate_switchover, NULL, STEP_COMMIT },
	{ "run-target", NULL, NULL, migrate_run_target, NULL, 0 },
	{ "retire-source", NULL, NULL, migrate_retire_source, NULL, 0 },
	{ "replug", "replug", NULL, migrate_replug, NULL, 0 },
	{ "finish", "finish", NULL, migrate_finish, NULL, 0 },
};

void migrate_write_state(struct migration *m, const struct report_event *progress)
{
	struct op_state state = {
		.operation = "migrate", .percent = -1, .rate = -1, .remaining_ms = -1
	};

	if (progress && m->state_phase == m->run.phase && clock_ms() - m->state_written < 500)
		return;
	m->state_written = clock_ms();
	m->state_phase = m->run.phase;
	snprintf(state.phase, sizeof(state.phase), "%s", m->run.phase ?: "check");
	snprintf(state.peer, sizeof(state.peer), "%s", m->opts.host);
	if (progress) {
		state.percent = progress->percent;
		state.rate = progress->rate;
		state.remaining_ms = progress->remaining_ms;
	}
	state_file_write(m->vm, &state);
}

static void fill_defaults(struct migrate_opts *opts, const struct hostdef *host)
{
	if (opts->unplug_timeout_s < 0)
		opts->unplug_timeout_s = host->migrate.unplug_timeout;
	if (opts->timeout_s < 0)
		opts->timeout_s = host->migrate.timeout;
	if (opts->downtime_limit_ms < 0)
		opts->downtime_limit_ms = host->migrate.downtime_limit;
	if (opts->bandwidth < 0)
		opts->bandwidth = host->migrate.bandwidth;
}

/*
 * What a rolled-back source came to: the status, and the pairs as they are. A primary is
 * given time to come back; what the guest does with it is seen in passing.
 */
static enum err_kind look_after_rollback(struct migration *m)
{
	enum err_kind status = ERR_ROLLED_BACK;
	int64_t deadline = deadline_in(10000);

	if (m->source_gone) {
		for (size_t i = 0; i < m->run.result->n_pairs; i++)
			m->run.result->pairs[i].state = PAIR_UNKNOWN;
		return ERR_UNFINISHED;
	}
	for (size_t i = 0; i < m->run.result->n_pairs; i++) {
		const struct vm_pair *pair = &m->vm->def->pairs[i];
		struct pair_result *out = &m->run.result->pairs[i];
		struct err err = ERR_INIT;
		int r = m->begun && m->had_primary[i] ?
				migrate_await_primary(m, i, deadline, &err) :
				pair_inspect(m->vm, pair, 0, out, &err);

		if (r < 0) {
			run_warn(&m->run, "%s", err.msg);
			return ERR_UNFINISHED;
		}
		run_pair(&m->run, pair->id, pair_state_name(out->state));
		if (m->had_primary[i] && out->state < PAIR_PLUGGED)
			status = ERR_DEGRADED;
		if (m->begun && m->had_primary[i] && out->state == PAIR_PLUGGED)
			run_warn(
				&m->run,
				"pair %s: the primary is plugged; nothing showed whether the guest uses "
				"it (no guest agent, no traffic)",
				pair->id);
	}
	return status;
}

static bool runs_here(struct migration *m)
{
	char state[32];

	return vm_runstate(m->vm, state, NULL) == 0 && str_eq(state, "running");
}

static void describe_failure(struct migration *m, enum steps_end end, struct err *err)
{
	enum err_kind kind;

	if (end == STEPS_STUCK)
		return; /* the step has said how it stands */
	/* Another was faster than the checks: nothing was changed, here or there. */
	if (end == STEPS_UNDONE && m->turned_away) {
		err->kind = ERR_REFUSED;
		return;
	}
	if (end == STEPS_UNDO_FAILED) {
		kind = ERR_UNFINISHED;
		err_set(err, kind, err->errnum,
			"%s; %s, but not everything could be undone (see the warnings): look "
			"at %s, 'vmfo status %s'",
			err->msg, runs_here(m) ? "it runs here" : "it does not run here",
			m->opts.host, m->vm->name);
	} else {
		kind = look_after_rollback(m);
	}
	if (m->source_gone && !m->left_there)
		err_set(err, kind, err->errnum,
			"%s; its QEMU has ended, so it runs nowhere: start it with 'vmfo launch %s'",
			err->msg, m->vm->name);
	else if (kind == ERR_ROLLED_BACK)
		err_set(err, kind, err->errnum,
			"%s; rolled back: it runs here, its pair is whole", err->msg);
	else if (kind == ERR_DEGRADED)
		err_set(err, kind, err->errnum,
			"%s; rolled back: it runs here, but without a primary; plug it: "
			"vmfo replug %s",
			err->msg, m->vm->name);
	err->kind = kind;
}

static void close_journal(struct migration *m, enum err_kind kind)
{
	struct err err = ERR_INIT;

	if (!m->journal)
		return;
	/* What is not settled stays open, for recovery. */
	if (kind == ERR_UNFINISHED && ((!m->source_gone && !m->target_gone) || m->left_there))
		journal_abandon(steal_ptr(m->journal));
	else if (journal_close(steal_ptr(m->journal), kind ? err_kind_name(kind) : "done",
			       &err) < 0)
		run_warn(&m->run, "%s", err.msg);
}

static int run_steps(struct migration *m, const struct steps *steps, struct err *err)
{
	enum steps_end end;
	int r = steps_check(steps, err);

	if (r < 0) {
		/* Whatever it was: nothing was changed. */
		if (err->kind == ERR_INTERNAL)
			err->kind = ERR_REFUSED;
		return r;
	}
	if (m->opts.dry_run)
		return 0;
	r = steps_apply(steps, &end, err);
	if (r < 0) {
		loop_shield(m->run.env->loop);
		describe_failure(m, end, err);
		loop_unshield(m->run.env->loop);
	}
	close_journal(m, r < 0 ? err->kind : m->run.result->status);
	return r;
}

static void clear(struct migration *m)
{
	tunnel_close(m->tunnel);
	guard_stop(m->guard);
	target_close(m->target);
	source_clear(&m->source);
	journal_abandon(m->journal);
	if (m->vm && m->vm->lock)
		state_file_remove(m->vm);
	vm_close(m->vm);
	free(m->had_primary);
	free(m->let_go);
	free(m->driver_up);
	free(m->used);
	json_decref(m->source_facts);
}

int flow_migrate(struct flow_env *env, const struct migrate_opts *opts, struct result *result,
		 struct err *err)
{
	struct migration m = { .opts = *opts };
	struct steps steps = { .table = table,
			       .n = ARRAY_SIZE(table),
			       .ctx = &m,
			       .run = &m.run,
			       .journal = &m.journal };
	char here[256] = "";
	int r = run_begin(&m.run, env, "vmfo.migrate/1", opts->vm, result, err);

	fill_defaults(&m.opts, env->host);
	gethostname(here, sizeof(here) - 1);
	result->source = strdup(here);
	result->target = strdup(opts->host);
	result->transferred_bytes = 0;
	result->dry_run = opts->dry_run;
	if (r == 0 && (!result->source || !result->target))
		r = err_nomem(err);
	if (r == 0)
		r = boot_new_uuid(m.id, err);
	if (r == 0)
		r = vm_open(env, opts->vm, &m.vm, err);
	if (r == 0)
		r = run_steps(&m, &steps, err);
	clear(&m);
	r = run_end(&m.run, r, err);
	migrate_end_probe(&m);
	if (!opts->dry_run)
		flow_notify(env, result);
	return r;
}
