/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/status.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/json.h"
#include "flow/pair.h"
#include "flow/state_file.h"
#include "flow/store.h"
#include "io/journal.h"

/* What the bridge saw in this time counts for how a pair is now. */
#define RECENT_MS 30000

static const char *const state_names[] = {
	[VM_STOPPED] = "stopped",     [VM_RUNNING] = "running",   [VM_PAUSED] = "paused",
	[VM_MIGRATING] = "migrating", [VM_INCOMING] = "incoming", [VM_BUSY] = "busy",
	[VM_MOVED] = "moved",         [VM_CRASHED] = "crashed",   [VM_UNKNOWN] = "unknown",
};
static_assert(ARRAY_SIZE(state_names) == VM_UNKNOWN + 1, "every state has its name");

const char *vm_state_name(enum vm_state state)
{
	return state_names[state];
}

const char *vm_status_pair_summary(const struct vm_status *status)
{
	const char *summary = "whole";

	if (!status->pairs_known)
		return "unknown";
	if (status->n_pairs == 0)
		return "none";
	for (size_t i = 0; i < status->n_pairs; i++) {
		if (status->pairs[i].state == PAIR_UNKNOWN)
			return "unknown";
		if (status->pairs[i].state < PAIR_PLUGGED)
			summary = "degraded";
	}
	return summary;
}

void vm_status_clear(struct vm_status *status)
{
	for (size_t i = 0; i < status->n_pairs; i++)
		pair_result_clear(&status->pairs[i]);
	free(status->pairs);
	free(status->name);
	free(status->detail);
	free(status->moved_to);
	free(status->open_journal);
	free(status->phase);
	free(status->peer);
	*status = (struct vm_status){ 0 };
}

void vm_status_list_free(struct vm_status *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		vm_status_clear(&list[i]);
	free(list);
}

/* ---- asking ---- */

static int inspect_pairs(struct vm *vm, struct vm_status *out, struct err *err)
{
	out->pairs = calloc(vm->def->n_pairs ?: 1, sizeof(*out->pairs));
	if (!out->pairs)
		return err_nomem(err);
	for (size_t i = 0; i < vm->def->n_pairs; i++) {
		struct pair_result *pair = &out->pairs[i];
		int r;

		pair->id = strdup(vm->def->pairs[i].id);
		out->n_pairs++;
		if (!pair->id)
			return err_nomem(err);
		r = pair_inspect(vm, &vm->def->pairs[i], RECENT_MS, pair, err);
		if (r < 0)
			return r;
		if (pair->state >= PAIR_PLUGGED)
			pair->target_primary = pair_primary_text(vm, &vm->def->pairs[i]);
		pair_list_unsupported(vm, &vm->def->pairs[i], &pair->unsupported);
	}
	out->pairs_known = true;
	return 0;
}

static enum vm_state state_of_runstate(const char *runstate)
{
	if (str_eq(runstate, "running"))
		return VM_RUNNING;
	return str_eq(runstate, "inmigrate") ? VM_INCOMING : VM_PAUSED;
}

/* Of a QEMU that runs and that nobody else is talking to. */
static int ask_qemu(struct vm *vm, struct vm_status *out, struct err *err)
{
	char runstate[32];
	int r = vm_connect(vm, err);

	if (r == 0)
		r = vm_runstate(vm, runstate, err);
	if (r < 0) {
		out->state = VM_UNKNOWN;
		out->detail = err ? strdup(err->msg) : NULL;
		return 0;
	}
	out->state = state_of_runstate(runstate);
	out->detail = strdup(runstate);
	return out->detail ? inspect_pairs(vm, out, err) : err_nomem(err);
}

/* Of a VM whose lock another vmfo holds. */
static int read_other(const struct vm *vm, const char *operation, struct vm_status *out,
		      struct err *err)
{
	struct op_state state;

	out->state = VM_BUSY;
	out->detail = strdup(*operation ? operation : "another vmfo is at work");
	if (!out->detail)
		return err_nomem(err);
	/* One that a vmfo that was killed has left is not this one's. */
	if (state_file_read(vm, &state) < 0 || !str_eq(state.operation, operation))
		return 0;
	out->state = str_eq(state.operation, "incoming") ? VM_INCOMING : VM_MIGRATING;
	out->phase = strdup(state.phase);
	out->peer = strdup(state.peer);
	out->percent = state.percent;
	out->rate = state.rate;
	out->remaining_ms = state.remaining_ms;
	return out->phase && out->peer ? 0 : err_nomem(err);
}

/* Of a VM that has a run folder. */
static int look_at_running(struct vm *vm, struct vm_status *out, struct err *err)
{
	char operation[32];
	pid_t holder;
	int found, r = lock_holder(vm->rundir, &holder, operation, err);

	/* Who only looks, too, is done in a moment; who is at work is not waited for. */
	if (r == 0 && (holder <= 0 || str_eq(operation, "status"))) {
		r = vm_lock(vm, "status", err);
		if (r == -EBUSY)
			r = lock_holder(vm->rundir, &holder, operation, err);
	}
	if (r < 0)
		return r;
	found = vm_find_running(vm, err);
	if (found < 0)
		return found;
	out->pid = vm->pid;
	if (!vm->lock)
		return read_other(vm, operation, out, err);
	if (found)
		return ask_qemu(vm, out, err);
	if (vm->def)
		out->state = VM_CRASHED;
	return 0;
}

static int look(struct flow_env *env, struct vm *vm, struct vm_status *out, struct err *err)
{
	char open_id[64];
	int r = store_moved_to(env, vm->name, &out->moved_to, err);

	if (r < 0)
		return r;
	out->state = out->moved_to ? VM_MOVED : VM_STOPPED;
	r = journal_find_open(env->statedir, vm->name, open_id, err);
	if (r < 0)
		return r;
	if (open_id[0]) {
		out->open_journal = strdup(open_id);
		if (!out->open_journal)
			return err_nomem(err);
	}
	/* Taking the lock would make the folder of a VM that does not run. */
	return access(vm->rundir, F_OK) == 0 ? look_at_running(vm, out, err) : 0;
}

static bool is_defined(struct flow_env *env, const char *name)
{
	_cleanup_free_ char *state = store_path(env, name);
	_cleanup_free_ char *conf = str_printf("%s/vms/%s.json", env->confdir, name);
	_cleanup_free_ char *run = str_printf("%s/%s", env->rundir, name);

	return (state && access(state, F_OK) == 0) || (conf && access(conf, F_OK) == 0) ||
	       (run && access(run, F_OK) == 0);
}

int flow_status(struct flow_env *env, const char *name, struct vm_status *out, struct err *err)
{
	_cleanup_(vm_closep) struct vm *vm = NULL;
	int r;

	*out = (struct vm_status){ .percent = -1, .rate = -1, .remaining_ms = -1 };
	r = vm_open(env, name, &vm, err);
	if (r < 0)
		return r;
	if (!is_defined(env, name))
		return err_set(err, ERR_REFUSED, ENOENT,
			       "there is no VM \"%s\" here; 'vmfo list' shows those that are",
			       name);
	out->name = strdup(name);
	r = out->name ? look(env, vm, out, err) : err_nomem(err);
	if (r < 0)
		vm_status_clear(out);
	return r;
}

int flow_list_names(struct flow_env *env, struct strv *out, struct err *err)
{
	return store_names(env, out, err);
}

int flow_list(struct flow_env *env, struct vm_status **out, size_t *n, struct err *err)
{
	struct strv names = { 0 };
	struct vm_status *list = NULL;
	size_t filled = 0;
	int r = store_names(env, &names, err);

	if (r == 0) {
		list = calloc(names.n ?: 1, sizeof(*list));
		if (!list)
			r = err_nomem(err);
	}
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		r = flow_status(env, names.v[i], &list[filled], err);
		if (r == 0)
			filled++;
		/* It may have been stopped, and its folder removed, since it was listed. */
		else if (r == -ENOENT)
			r = 0;
	}
	strv_clear(&names);
	if (r < 0) {
		vm_status_list_free(list, filled);
		return r;
	}
	*out = list;
	*n = filled;
	return 0;
}

/* ---- as JSON ---- */

static json_t *known_or_null(int64_t value)
{
	return value >= 0 ? json_integer(value) : json_null();
}

/* null: this QEMU has no word of its own on its pairs. */
static json_t *qemu_failover_json(const struct qemu_failover *said)
{
	if (said->state == FAILOVER_UNKNOWN)
		return json_null();
	return json_pack("{ss sb so so}", "state", failover_state_name(said->state),
			 "negotiated", said->negotiated, "primary",
			 json_text_or_null(*said->primary ? said->primary : NULL), "error",
			 json_text_or_null(*said->error ? said->error : NULL));
}

static json_t *pair_json(const struct pair_result *pair)
{
	return json_pack("{ss ss so so so so}", "id", pair->id, "state",
			 pair_state_name(pair->state), "evidence",
			 json_text_or_null(pair_evidence_name(pair->evidence)), "primary",
			 json_text_or_null(pair->target_primary), "unsupported",
			 json_of_texts(&pair->unsupported), "qemu",
			 qemu_failover_json(&pair->qemu));
}

json_t *vm_status_json(const struct vm_status *status)
{
	json_t *pairs = json_array();
	json_t *object;

	for (size_t i = 0; i < status->n_pairs; i++)
		json_array_append_new(pairs, pair_json(&status->pairs[i]));
	object = json_pack("{ss ss ss so so so so ss so}", "schema", "vmfo.status/1", "vm",
			   status->name, "state", vm_state_name(status->state), "detail",
			   json_text_or_null(status->detail), "pid",
			   known_or_null(status->pid ?: -1), "moved_to",
			   json_text_or_null(status->moved_to), "open_journal",
			   json_text_or_null(status->open_journal), "pair",
			   vm_status_pair_summary(status), "pairs", pairs);
	if (object && status->state == VM_MIGRATING)
		json_object_set_new(object, "migration",
				    json_pack("{so so so so so}", "phase",
					      json_text_or_null(status->phase), "peer",
					      json_text_or_null(status->peer), "percent",
					      known_or_null(status->percent), "rate",
					      known_or_null(status->rate), "remaining_ms",
					      known_or_null(status->remaining_ms)));
	return object;
}
