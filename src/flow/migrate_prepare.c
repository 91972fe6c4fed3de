/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A migration's steps until the stream may start: nothing here touches the guest.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "base/log.h"
#include "flow/judge.h"
#include "flow/migration.h"
#include "flow/pair.h"
#include "flow/survey.h"

/* How much later than this vmfo QEMU itself gives a guest up: for when vmfo no longer can. */
#define UNPLUG_SPARE_S 10

/* For the SSH connections of the tunnel. */
#define TUNNEL_MS 20000

/* How long stock QEMU must not be given another `migrate` after a failed one. */
#define AFTER_FAILED_S 30

/* For a target that was cut off to be reached again. */
#define RECONNECT_MS 30000

/* The same, for one that most likely needs nothing more. */
#define LOOK_AGAIN_MS 10000

/*
 * For one that is there, whose former agent holds the VM yet: it may be about to plug the
 * primaries, and ends by itself.
 */
#define AT_WORK_MS 300000

/* "No limit" for QEMU, whose own default is 128 MiB/s. */
#define BANDWIDTH_UNLIMITED (INT64_C(1) << 50)

/* ---- checks ---- */

static int check_pairs(struct migration *m, struct err *err)
{
	struct result *result = m->run.result;
	const struct vmdef *def = m->vm->def;

	result->pairs = calloc(def->n_pairs ?: 1, sizeof(*result->pairs));
	m->had_primary = calloc(def->n_pairs ?: 1, sizeof(*m->had_primary));
	m->let_go = calloc(def->n_pairs ?: 1, sizeof(*m->let_go));
	m->driver_up = calloc(def->n_pairs ?: 1, sizeof(*m->driver_up));
	m->used = calloc(def->n_pairs ?: 1, sizeof(*m->used));
	if (!result->pairs || !m->had_primary || !m->let_go || !m->driver_up || !m->used)
		return err_nomem(err);
	for (size_t i = 0; i < def->n_pairs; i++) {
		struct pair_result *out = &result->pairs[i];
		int r;

		out->id = strdup(def->pairs[i].id);
		result->n_pairs++;
		if (!out->id)
			return err_nomem(err);
		r = pair_inspect(m->vm, &def->pairs[i], 0, out, err);
		if (r < 0)
			return r;
		r = pair_has_primary(m->vm, &def->pairs[i], err);
		if (r < 0)
			return r;
		/* One that it has let go of QEMU does not ask for again. */
		m->had_primary[i] = r > 0 && out->qemu.state != FAILOVER_UNPLUGGED;
		m->used[i] = m->had_primary[i] && out->state >= PAIR_PLUGGED;
		m->driver_up[i] = pair_driver_up(m->vm, &def->pairs[i]) > 0;
		if (m->had_primary[i]) {
			out->source_primary = pair_primary_text(m->vm, &def->pairs[i]);
			if (!out->source_primary)
				return err_nomem(err);
		} else if (!m->opts.allow_degraded) {
			return err_set(
				err, ERR_REFUSED, ENODEV,
				"pair %s is %s: its primary is not plugged; plug it (vmfo "
				"replug %s), wait for the guest to boot, or move the VM as it "
				"is (--allow-degraded)",
				def->pairs[i].id, pair_state_name(out->state), m->vm->name);
		}
	}
	return 0;
}

/* When the last migration from here failed is the time of this file. */
static char *failed_path(const struct vm *vm)
{
	return vm_path(vm, "failed");
}

/*
 * The thread of a failed migration may live on in QEMU for up to 30 s, and another
 * `migrate` in that time aborts stock QEMU. A failure that nobody here has seen may be new.
 * A QEMU of the patches refuses that `migrate`, which is then tried again.
 */
static int wait_after_failure(struct migration *m, struct err *err)
{
	_cleanup_free_ char *path = failed_path(m->vm);
	struct source_figures now;
	int64_t wait_s = AFTER_FAILED_S;
	struct stat st;
	int r = source_query(&m->source, &now, err);

	if (r < 0 || now.status != SOURCE_FAILED)
		return r;
	if (m->vm->patches.query_failover) {
		m->retry_until = deadline_in(AFTER_FAILED_S * INT64_C(1000));
		return 0;
	}
	if (path && stat(path, &st) == 0)
		wait_s -= time(NULL) - st.st_mtime;
	if (wait_s <= 0)
		return 0;
	if (wait_s > AFTER_FAILED_S)
		wait_s = AFTER_FAILED_S;
	run_note(&m->run,
		 "the last migration failed inside QEMU, which may not have finished with it: "
		 "waiting %d s",
		 (int)wait_s);
	return loop_sleep(m->run.env->loop, wait_s * 1000, err);
}

static int check_running(struct migration *m, struct err *err)
{
	char state[32];
	int r = vm_find_running(m->vm, err);

	if (r < 0)
		return r;
	if (r == 0)
		return err_set(err, ERR_REFUSED, ESRCH, "it does not run here");
	r = vm_check_settled(m->vm, err);
	if (r == 0)
		r = vm_connect(m->vm, err);
	if (r == 0)
		r = vm_runstate(m->vm, state, err);
	if (r == 0 && !str_eq(state, "running"))
		return err_set(
			err, ERR_REFUSED, EBUSY,
			"it is not running but \"%s\"; its guest could not let go of its "
			"primary. Let it run first ('cont' on its monitor)",
			state);
	return r;
}

/*
 * What this host lacks for the VM does not hold it here: it runs, and may be moved for
 * that very reason. So the rules of the host are told and do not refuse.
 */
static int check_topology(struct migration *m, struct err *err)
{
	const struct survey_what what = { .def = m->vm->def, .running = m->vm };
	unsigned int refusing = SCOPE(SCOPE_PAIR) | SCOPE(SCOPE_QEMU);
	unsigned int scopes = refusing | SCOPE(SCOPE_HOST) | SCOPE(SCOPE_GUEST);
	struct findings found = { 0 };
	struct survey survey;
	int r = survey_open(m->run.env, &what, &survey, err);

	if (r < 0)
		return r;
	if (!m->opts.allow_degraded)
		refusing |= SCOPE(SCOPE_GUEST);
	m->source_facts = survey_source_json(&survey);
	if (survey.qemu)
		m->vm->patches = survey.qemu->patches;
	r = m->source_facts ? survey_run(&survey, scopes, &found, err) : err_nomem(err);
	if (r == 0)
		r = judge_findings(&m->run, &found, &m->opts.suppress, NULL, refusing,
				   ERR_TOPOLOGY, err);
	findings_clear(&found);
	survey_close(&survey);
	return r;
}

int migrate_check_source(void *ctx, struct err *err)
{
	struct migration *m = ctx;
	int r = access(m->vm->rundir, F_OK);

	if (r < 0)
		return err_set(err, ERR_REFUSED, ESRCH, "it does not run here");
	r = vm_lock(m->vm, "migrate", err);
	if (r < 0)
		return r;
	migrate_write_state(m, NULL);
	r = check_running(m, err);
	if (r < 0)
		return r;
	source_watch(&m->source, m->vm);
	r = check_pairs(m, err);
	if (r == 0)
		r = check_topology(m, err);
	return r < 0 ? r : wait_after_failure(m, err);
}

int migrate_check_target(void *ctx, struct err *err)
{
	struct migration *m = ctx;
	const struct target_question question = { .def = m->vm->def,
						  .source = m->source_facts,
						  .vfs = m->opts.vfs };
	const unsigned int every = ~0U;
	struct findings found = { 0 };
	struct err verdict = ERR_INIT;
	int r = target_look(m->run.env, m->opts.host, &question, &found,
			    &m->run.result->devices, &m->target, err);
	int judged = judge_findings(&m->run, &found, &m->opts.suppress, m->opts.host, every,
				    ERR_REFUSED, r < 0 ? &verdict : err);

	findings_clear(&found);
	return r < 0 ? r : judged;
}

/* ---- the target ---- */

int migrate_open_journal(void *ctx, struct err *err)
{
	struct migration *m = ctx;
	json_t *details =
		json_pack("{ss sb}", "peer", m->opts.host, "hidden", (int)m->opts.hidden);
	int r;

	if (!details)
		return err_nomem(err);
	r = journal_create(m->run.env->statedir, m->vm->name, m->id, "source", details,
			   &m->journal, err);
	json_decref(details);
	migrate_write_state(m, NULL);
	return r;
}

int migrate_reserve(void *ctx, struct err *err)
{
	struct migration *m = ctx;
	const struct target_reserve what = { .migration = m->id,
					     .hidden = m->opts.hidden,
					     .source = m->source_facts,
					     .vfs = m->opts.vfs,
					     .suppress = &m->opts.suppress };

	int r = target_reserve(m->target, m->vm, &what, err);

	/* Not one whose answer was not waited for: it may reserve yet. */
	m->turned_away = r < 0 && err->kind == ERR_REFUSED && target_connected(m->target);
	return r;
}

static int reconnect(struct migration *m, int64_t deadline, struct err *err)
{
	int64_t busy_deadline = deadline_in(AT_WORK_MS);
	int r;

	target_close(steal_ptr(m->target));
	for (;;) {
		r = target_open(m->run.env, m->opts.host, &m->target, err);
		if (r == 0)
			r = target_attach(m->target, m->vm->name, m->id, err);
		if (r == 0)
			return 1;
		if (r == -ENOENT && m->target)
			return 0;
		target_close(steal_ptr(m->target));
		if (clock_ms() >= (r == -EBUSY ? busy_deadline : deadline))
			return err_wrap(err, "reach %s again", m->opts.host);
		r = loop_sleep(m->run.env->loop, 1000, err);
		if (r < 0)
			return r;
	}
}

int migrate_reconnect(struct migration *m, struct err *err)
{
	return reconnect(m, deadline_in(RECONNECT_MS), err);
}

int migrate_target_holds(struct migration *m, enum target_holds *out, struct err *err)
{
	struct target_state state = { .alive = false };
	int r = target_connected(m->target) ? 1 : migrate_reconnect(m, err);

	if (r > 0)
		r = target_query(m->target, &state, err);
	if (r < 0)
		return r;
	if (!state.alive || str_eq(state.migration, "failed"))
		*out = TARGET_HOLDS_NOTHING;
	else
		*out = str_eq(state.migration, "completed") ? TARGET_HOLDS_ALL : TARGET_LOADING;
	return 0;
}

/*
 * With the source QEMU dead, a target that was told `prepared` is ended only if it is
 * known to hold nothing: else its copy may be the only one.
 */
static int check_not_only_copy(struct migration *m, struct err *err)
{
	enum target_holds holds;
	int r = migrate_target_holds(m, &holds, err);

	if (r == 0 && holds == TARGET_HOLDS_NOTHING)
		return 0;
	m->left_there = true;
	return err_set(
		err, ERR_UNFINISHED, EBUSY,
		"%s may hold the only copy of it, stopped, and is left as it is%s%s: look "
		"there, 'vmfo status %s'",
		m->opts.host, r < 0 ? "; " : "", r < 0 ? err->msg : "", m->vm->name);
}

/*
 * Before it was told `prepared` a target that lost its connection undoes everything by
 * itself, unless its agent was killed: so it is looked at. After that it waits for this
 * very call, so it has to be reached.
 */
int migrate_undo_reserve(void *ctx, struct err *err)
{
	struct migration *m = ctx;
	int r = m->source_gone && m->prepared ? check_not_only_copy(m, err) : 0;

	if (r < 0)
		return r;
	if (target_connected(m->target)) {
		r = target_abort(m->target, err);
		if (r == 0 || target_connected(m->target))
			return r;
	}
	r = reconnect(m, deadline_in(m->prepared ? RECONNECT_MS : LOOK_AGAIN_MS), err);
	if (r < 0 && !m->prepared) {
		run_note(&m->run, "%s is cut off; its agent cleans up by itself", m->opts.host);
		return 0;
	}
	return r <= 0 ? r : target_abort(m->target, err);
}

int migrate_start_target(void *ctx, struct err *err)
{
	struct migration *m = ctx;

	return target_start(m->target, m->vm, err);
}

/* ---- the source ---- */

int migrate_set_up_source(void *ctx, struct err *err)
{
	struct migration *m = ctx;
	int64_t bandwidth = m->opts.bandwidth ?: BANDWIDTH_UNLIMITED;
	json_t *parameters = json_pack("{sI si}", "max-bandwidth", (json_int_t)bandwidth,
				       "downtime-limit", m->opts.downtime_limit_ms);
	int r = parameters ? vm_set_capabilities(m->vm, NULL, err) : err_nomem(err);

	if (r == 0 && m->vm->patches.unplug_timeout)
		json_object_set_new(parameters, "unplug-timeout",
				    json_integer((m->opts.unplug_timeout_s + UNPLUG_SPARE_S) *
						 INT64_C(1000)));
	if (r < 0) {
		json_decref(parameters);
		return r;
	}
	return vm_qmp(m->vm, "migrate-set-parameters", parameters, NULL, err);
}

int migrate_guard(void *ctx, struct err *err)
{
	struct migration *m = ctx;

	return guard_start(m->vm, m->id, m->opts.host, m->used, &m->guard, err);
}

int migrate_undo_guard(void *ctx, struct err *err)
{
	struct migration *m = ctx;

	(void)err;
	guard_stop(steal_ptr(m->guard));
	return 0;
}

int migrate_open_tunnel(void *ctx, struct err *err)
{
	struct migration *m = ctx;
	_cleanup_free_ char *path = vm_path(m->vm, "out.sock");
	struct tunnel_spec spec = { .listen_path = path,
				    .ssh = target_ssh(m->target),
				    .command = target_command(m->target),
				    .vm = m->vm->name,
				    .lanes = 1 };

	if (!path)
		return err_nomem(err);
	return tunnel_open(m->run.env->loop, &spec, deadline_in(TUNNEL_MS), &m->tunnel, err);
}

int migrate_undo_tunnel(void *ctx, struct err *err)
{
	struct migration *m = ctx;

	(void)err;
	tunnel_close(steal_ptr(m->tunnel));
	return 0;
}
