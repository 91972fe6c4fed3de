/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The far half's ops from the hand-over on.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "flow/datapath.h"
#include "flow/far_internal.h"
#include "flow/plug.h"
#include "flow/state_file.h"
#include "flow/store.h"

int far_op_prepared(void *ctx, const json_t *params, json_t **result, struct err *err)
{
	struct far *far = ctx;
	int r = far_require(far, FAR_STARTED, "prepared", err);

	(void)params;
	(void)result;
	if (r == 0 && !vm_process_alive(far->vm))
		r = err_set(err, ERR_REFUSED, ESRCH, "the target QEMU has ended");
	if (r == 0)
		r = journal_add(far->journal, "prepared", NULL, err);
	if (r == 0)
		far->state = FAR_PREPARED;
	return r;
}

/* MigrationStatus of the incoming side, and the runstate. */
static int read_state(struct vm *vm, char migration[32], char runstate[32], struct err *err)
{
	json_t *ret = NULL;
	int r = vm_runstate(vm, runstate, err);

	if (r == 0)
		r = vm_qmp(vm, "query-migrate", NULL, &ret, err);
	if (r < 0)
		return r;
	snprintf(migration, 32, "%s", json_get_text(ret, "status"));
	json_decref(ret);
	return 0;
}

int far_op_query(void *ctx, const json_t *params, json_t **result, struct err *err)
{
	struct far *far = ctx;
	char migration[32] = "", runstate[32] = "";
	bool alive;
	int r = far_require(far, FAR_STARTED, "query", err);

	(void)params;
	if (r < 0)
		return r;
	alive = vm_process_alive(far->vm);
	if (alive) {
		r = read_state(far->vm, migration, runstate, err);
		if (r < 0 && vm_process_alive(far->vm))
			return r;
		alive = r == 0;
	}
	*result = json_pack("{sb ss ss}", "alive", (int)alive, "migration", migration,
			    "runstate", runstate);
	return 0;
}

static int resume(struct far *far, struct err *err)
{
	char migration[32], runstate[32];
	int r = read_state(far->vm, migration, runstate, err);

	if (r < 0)
		return r;
	if (str_eq(runstate, "running"))
		return 0;
	/* `cont` in "inmigrate" would make it start by itself at the end of the load. */
	if (!str_eq(migration, "completed") || !str_eq(runstate, "paused"))
		return err_set(
			err, ERR_REFUSED, EBUSY,
			"the target is \"%s\" and \"%s\", not \"completed\" and \"paused\"",
			migration, runstate);
	r = datapath_all(far->vm, far->hidden ? datapath_to_plug : datapath_to_standby, err);
	if (r == 0)
		r = vm_qmp(far->vm, "cont", NULL, NULL, err);
	if (r == 0)
		r = vm_runstate(far->vm, runstate, err);
	if (r == 0 && !str_eq(runstate, "running"))
		r = err_set(err, ERR_REFUSED, EIO, "after \"cont\" the target is \"%s\"",
			    runstate);
	return r;
}

/*
 * Switches and neighbours learn where the VM is. Not learning at once is no failure. The
 * primaries, plugged in the middle of this, are not announced: the guest does not listen
 * there yet.
 */
static void announce(struct vm *vm)
{
	struct err err = ERR_INIT;
	json_t *names = json_array();

	for (size_t i = 0; i < vm->def->n_pairs; i++)
		json_array_append_new(names, json_string(vm->def->pairs[i].id));
	for (size_t i = 0; i < vm->def->n_nics; i++)
		json_array_append_new(names, json_string(vm->def->nics[i].id));
	if (vm_qmp(vm, "announce-self",
		   json_pack("{si si si si so}", "initial", 50, "max", 550, "rounds", 5, "step",
			     100, "interfaces", names),
		   NULL, &err) < 0)
		log_warn("announce-self: %s", err.msg);
}

int far_op_cont(void *ctx, const json_t *params, json_t **result, struct err *err)
{
	struct far *far = ctx;
	int r = far_require(far, FAR_PREPARED, "cont", err);

	(void)params;
	(void)result;
	if (r == 0 && !far->vm->qmp)
		r = err_set(err, ERR_REFUSED, ESRCH, "its QEMU has ended");
	if (r == 0)
		r = resume(far, err);
	if (r < 0)
		return r;
	far->state = FAR_RUNNING;
	announce(far->vm);
	/* It runs: a journal that cannot say so is a pity and not a failure. */
	if (far->journal)
		journal_add(far->journal, "committed", NULL, NULL);
	return 0;
}

static const struct vm_pair *find_pair(const struct vmdef *def, const char *id)
{
	for (size_t i = 0; i < def->n_pairs; i++)
		if (str_eq(def->pairs[i].id, id))
			return &def->pairs[i];
	return NULL;
}

int far_op_plug(void *ctx, const json_t *params, json_t **result, struct err *err)
{
	struct far *far = ctx;
	struct pair_result out = { 0 };
	const struct vm_pair *pair;
	int r = far_require(far, FAR_RUNNING, "plug", err);

	if (r < 0)
		return r;
	pair = find_pair(far->vm->def, json_get_text(params, "pair"));
	if (!pair)
		return err_set(err, ERR_INTERNAL, EPROTO, "the VM has no pair \"%s\"",
			       json_get_text(params, "pair"));
	if (!far->vm->qmp)
		return err_set(err, ERR_UNFINISHED, ESRCH, "its QEMU has ended");
	r = plug_primary(far->vm, pair, false, &out, err);
	if (r == 0)
		*result = json_pack("{ss so so so so}", "state", pair_state_name(out.state),
				    "evidence",
				    json_text_or_null(pair_evidence_name(out.evidence)),
				    "primary", json_text_or_null(out.target_primary), "reason",
				    json_text_or_null(out.reason), "unsupported",
				    json_of_texts(&out.unsupported));
	pair_result_clear(&out);
	return r;
}

/* The operator's monitor gets its name only now: before, a `cont` there could be fatal. */
static int show_monitor(struct vm *vm, struct err *err)
{
	_cleanup_free_ char *from = vm_path(vm, "monitor.pending.sock");
	_cleanup_free_ char *to = vm_path(vm, "monitor.sock");

	if (!from || !to)
		return err_nomem(err);
	if (rename(from, to) < 0 && errno != ENOENT)
		return err_sys(err, ERR_INTERNAL, errno, "rename %s", from);
	return 0;
}

int far_finish(struct far *far, struct err *err)
{
	int r = store_save(far->env, far->vm->def, err);

	if (r == 0)
		r = show_monitor(far->vm, err);
	if (r == 0 && far->journal)
		r = journal_close(steal_ptr(far->journal), FAR_DONE, err);
	state_file_remove(far->vm);
	far_forget(far);
	return r;
}

int far_op_finish(void *ctx, const json_t *params, json_t **result, struct err *err)
{
	struct far *far = ctx;
	int r = far_require(far, FAR_RUNNING, "finish", err);

	(void)params;
	(void)result;
	return r < 0 ? r : far_finish(far, err);
}

int far_op_abort(void *ctx, const json_t *params, json_t **result, struct err *err)
{
	struct far *far = ctx;
	int r;

	(void)params;
	(void)result;
	if (far->state == FAR_IDLE)
		return 0;
	if (far->state == FAR_RUNNING)
		return err_set(err, ERR_UNFINISHED, EBUSY,
			       "the VM runs there; it is not ended");
	/* It may have broken off a start, and so have cancelled the loop. */
	loop_shield(far->env->loop);
	r = far_clean_up(far, "aborted", err);
	loop_unshield(far->env->loop);
	return r;
}
