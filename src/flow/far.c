/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The far half: one migration's target, as the ops that the source asks for.
 *
 *   idle ──reserve──> reserved ──start──> started ──prepared──> prepared
 *                                                                  │ cont
 *   (attach leads to prepared or running)                          v
 *                             idle <──finish── running <───────────┘
 *
 * When the connection ends, what is left depends on how far it got. Before `prepared`
 * the source cannot have handed over: everything is undone here. In `prepared` the target
 * is in doubt: only the source knows, so QEMU stays, paused, and the journal stays open.
 * In `running` the VM has arrived: what is missing is done here.
 */
#include "flow/far.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "flow/datapath.h"
#include "flow/far_check.h"
#include "flow/plug.h"
#include "flow/qemu_start.h"
#include "flow/run.h"
#include "flow/state_file.h"
#include "flow/store.h"
#include "io/boot.h"
#include "io/journal.h"
#include "proto/agent.h"
#include "proto/tunnel.h"

enum far_state { FAR_IDLE, FAR_RESERVED, FAR_STARTED, FAR_PREPARED, FAR_RUNNING };

struct far {
	struct flow_env *env;
	struct agent_server *server;
	enum far_state state;
	struct vm *vm;
	struct journal *journal;
	char migration[64];
	bool hidden; /* QEMU plugs the primaries itself */
	struct loop_watch *end_watch;
};

/* ---- helpers ---- */

static int require(const struct far *far, enum far_state least, const char *op, struct err *err)
{
	if (far->state >= least)
		return 0;
	return err_set(err, ERR_INTERNAL, EPROTO, "\"%s\" was asked for out of turn", op);
}

static const char *get_string(const json_t *params, const char *key)
{
	return json_string_value(json_object_get(params, key)) ?: "";
}

/* A journal's file name is made of it. */
static int check_migration_id(const char *id, struct err *err)
{
	if (strlen(id) == BOOT_ID_SIZE - 1 && strspn(id, "0123456789abcdef-") == strlen(id))
		return 0;
	return err_set(err, ERR_REFUSED, EINVAL, "the migration's id is not a UUID");
}

/* The VM of params' definition; not locked. */
static int open_vm(struct flow_env *env, const json_t *params, struct vm **out,
		   struct err *err)
{
	_cleanup_free_ char *text =
		json_dumps(json_object_get(params, "definition"), JSON_INDENT(2));
	_cleanup_(vm_closep) struct vm *vm = NULL;
	struct vmdef *def;
	int r;

	if (!text)
		return err_set(err, ERR_REFUSED, EINVAL, "the request has no definition");
	r = vmdef_parse(text, strlen(text), "the definition from the source", &def, err);
	if (r < 0)
		return r;
	r = vm_open(env, def->name, &vm, err);
	if (r < 0) {
		vmdef_free(def);
		return r;
	}
	vm->def = def;
	*out = steal_ptr(vm);
	return 0;
}

static void unwatch_end(struct far *far)
{
	loop_unwatch(far->end_watch);
	far->end_watch = NULL;
}

/* Lets go of the VM; what is on this host stays as it is. */
static void forget(struct far *far)
{
	unwatch_end(far);
	journal_abandon(steal_ptr(far->journal));
	vm_close(steal_ptr(far->vm));
	far->state = FAR_IDLE;
}

/* Everything that reserve and start made goes. */
static int clean_up(struct far *far, const char *outcome, struct err *err)
{
	int r = 0;

	unwatch_end(far);
	if (far->vm->pid)
		r = vm_end_qemu(far->vm, err);
	if (r == 0)
		r = vm_remove_rundir(far->vm, err);
	if (r == 0)
		r = journal_close(steal_ptr(far->journal), outcome, err);
	forget(far);
	return r;
}

static void on_qemu_end(void *data, int fd, short revents)
{
	struct far *far = data;
	char tail[300];

	(void)fd;
	(void)revents;
	unwatch_end(far);
	if (far->server)
		agent_server_event(far->server, "qemu-ended",
				   json_pack("{ss}", "log", vm_log_tail(far->vm, tail, sizeof(tail))));
}

static int watch_end(struct far *far, struct err *err)
{
	return loop_watch(far->env->loop, far->vm->pidfd, POLLIN, on_qemu_end, far, &far->end_watch,
			  err);
}

/* ---- ops before the hand-over ---- */

static int op_check(void *ctx, const json_t *params, json_t **result, struct err *err)
{
	struct far *far = ctx;
	_cleanup_(vm_closep) struct vm *vm = NULL;
	struct strv problems = { 0 };
	json_t *list;
	int r = open_vm(far->env, params, &vm, err);

	if (r == 0)
		r = far_check(vm, json_object_get(params, "source"), &problems, err);
	if (r == 0) {
		list = json_array();
		for (size_t i = 0; i < problems.n; i++)
			json_array_append_new(list, json_string(problems.v[i]));
		*result = json_pack("{so}", "problems", list);
	}
	strv_clear(&problems);
	return r;
}

static int open_journal(struct far *far, const json_t *params, struct err *err)
{
	json_t *details = json_pack("{ss sb}", "peer", get_string(params, "source_host"), "hidden",
				    (int)far->hidden);
	int r;

	if (!details)
		return err_nomem(err);
	r = journal_create(far->env->statedir, far->vm->name, far->migration, "target", details,
			   &far->journal, err);
	json_decref(details);
	return r;
}

static int op_reserve(void *ctx, const json_t *params, json_t **result, struct err *err)
{
	struct op_state shown = { .operation = "incoming", .phase = "prepare", .percent = -1,
				  .rate = -1, .remaining_ms = -1 };
	struct far *far = ctx;
	struct vmdef *def;
	int r;

	(void)result;
	if (far->state != FAR_IDLE)
		return err_set(err, ERR_INTERNAL, EPROTO, "there is a reservation already");
	r = check_migration_id(get_string(params, "migration"), err);
	if (r == 0)
		r = open_vm(far->env, params, &far->vm, err);
	if (r == 0)
		r = vm_lock(far->vm, "incoming", err);
	if (r < 0) {
		forget(far);
		return r;
	}
	/* Once more, now that nobody else can change it. */
	def = steal_ptr(far->vm->def);
	r = vm_check_settled(far->vm, err);
	if (r == 0)
		r = vm_find_running(far->vm, err);
	vmdef_free(far->vm->def);
	far->vm->def = def;
	if (r > 0)
		r = err_set(err, ERR_REFUSED, EEXIST, "a VM \"%s\" runs there already",
			    far->vm->name);
	snprintf(far->migration, sizeof(far->migration), "%s", get_string(params, "migration"));
	far->hidden = json_is_true(json_object_get(params, "hidden"));
	if (r == 0)
		r = open_journal(far, params, err);
	if (r < 0) {
		if (!far->vm->pid)
			vm_remove_rundir(far->vm, NULL);
		forget(far);
		return r;
	}
	snprintf(shown.peer, sizeof(shown.peer), "%s", get_string(params, "source_host"));
	state_file_write(far->vm, &shown);
	far->state = FAR_RESERVED;
	return 0;
}

static int listen_for_stream(struct vm *vm, struct err *err)
{
	_cleanup_free_ char *uri = str_printf("unix:%s/incoming.sock", vm->rundir);

	if (!uri)
		return err_nomem(err);
	return vm_qmp(vm, "migrate-incoming", json_pack("{ss}", "uri", uri), NULL, err);
}

static int op_start(void *ctx, const json_t *params, json_t **result, struct err *err)
{
	struct far *far = ctx;
	struct qemu_start how = { .incoming = true, .without_primaries = !far->hidden };
	int r = require(far, FAR_RESERVED, "start", err);

	(void)params;
	(void)result;
	if (r == 0)
		r = journal_step(far->journal, "start", "begin", NULL, err);
	if (r == 0)
		r = qemu_start(far->vm, &how, err);
	if (r < 0)
		return r;
	/* The disks are not taken before `cont`: until then the source may go on. */
	r = vm_set_capabilities(far->vm, "late-block-activate", err);
	if (r == 0)
		r = listen_for_stream(far->vm, err);
	if (r == 0)
		r = watch_end(far, err);
	if (r == 0)
		far->state = FAR_STARTED;
	return r;
}

static int op_prepared(void *ctx, const json_t *params, json_t **result, struct err *err)
{
	struct far *far = ctx;
	int r = require(far, FAR_STARTED, "prepared", err);

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

/* ---- the hand-over and after ---- */

/* MigrationStatus of the incoming side, and the runstate. */
static int read_state(struct vm *vm, char migration[32], char runstate[32], struct err *err)
{
	json_t *ret;
	int r = vm_runstate(vm, runstate, err);

	if (r == 0)
		r = vm_qmp(vm, "query-migrate", NULL, &ret, err);
	if (r < 0)
		return r;
	snprintf(migration, 32, "%s", get_string(ret, "status"));
	json_decref(ret);
	return 0;
}

static int op_query(void *ctx, const json_t *params, json_t **result, struct err *err)
{
	struct far *far = ctx;
	char migration[32] = "", runstate[32] = "";
	bool alive;
	int r = require(far, FAR_STARTED, "query", err);

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
	*result = json_pack("{sb ss ss}", "alive", (int)alive, "migration", migration, "runstate",
			    runstate);
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
		return err_set(err, ERR_REFUSED, EBUSY,
			       "the target is \"%s\" and \"%s\", not \"completed\" and \"paused\"",
			       migration, runstate);
	r = far->hidden ? datapath_all_to_primary(far->vm, err) : 0;
	if (r == 0)
		r = vm_qmp(far->vm, "cont", NULL, NULL, err);
	if (r == 0)
		r = vm_runstate(far->vm, runstate, err);
	if (r == 0 && !str_eq(runstate, "running"))
		r = err_set(err, ERR_REFUSED, EIO, "after \"cont\" the target is \"%s\"", runstate);
	return r;
}

/* Switches and neighbours learn where the VM is. Not learning at once is no failure. */
static void announce(struct vm *vm)
{
	struct err err = ERR_INIT;

	if (vm_qmp(vm, "announce-self",
		   json_pack("{si si si si}", "initial", 50, "max", 550, "rounds", 5, "step", 100),
		   NULL, &err) < 0)
		log_warn("announce-self: %s", err.msg);
}

static int op_cont(void *ctx, const json_t *params, json_t **result, struct err *err)
{
	struct far *far = ctx;
	int r = require(far, FAR_PREPARED, "cont", err);

	(void)params;
	(void)result;
	if (r == 0)
		r = resume(far, err);
	if (r < 0)
		return r;
	far->state = FAR_RUNNING;
	announce(far->vm);
	/* It runs: a journal that cannot say so is a pity and not a failure. */
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

static json_t *string_or_null(const char *s)
{
	return s ? json_string(s) : json_null();
}

static int op_plug(void *ctx, const json_t *params, json_t **result, struct err *err)
{
	struct far *far = ctx;
	struct pair_result out = { 0 };
	const struct vm_pair *pair;
	int r = require(far, FAR_RUNNING, "plug", err);

	if (r < 0)
		return r;
	pair = find_pair(far->vm->def, get_string(params, "pair"));
	if (!pair)
		return err_set(err, ERR_INTERNAL, EPROTO, "the VM has no pair \"%s\"",
			       get_string(params, "pair"));
	r = plug_primary(far->vm, pair, &out, err);
	if (r == 0)
		*result = json_pack("{ss so so so}", "state", pair_state_name(out.state), "evidence",
				    string_or_null(pair_evidence_name(out.evidence)), "primary",
				    string_or_null(out.target_primary), "reason",
				    string_or_null(out.reason));
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

static int finish(struct far *far, struct err *err)
{
	int r = store_save(far->env, far->vm->def, err);

	if (r == 0)
		r = show_monitor(far->vm, err);
	if (r == 0)
		r = journal_close(steal_ptr(far->journal), "done", err);
	state_file_remove(far->vm);
	forget(far);
	return r;
}

static int op_finish(void *ctx, const json_t *params, json_t **result, struct err *err)
{
	struct far *far = ctx;
	int r = require(far, FAR_RUNNING, "finish", err);

	(void)params;
	(void)result;
	return r < 0 ? r : finish(far, err);
}

static int op_abort(void *ctx, const json_t *params, json_t **result, struct err *err)
{
	struct far *far = ctx;

	(void)params;
	(void)result;
	if (far->state == FAR_IDLE)
		return 0;
	if (far->state == FAR_RUNNING)
		return err_set(err, ERR_UNFINISHED, EBUSY, "the VM runs there; it is not ended");
	return clean_up(far, "aborted", err);
}

/* How far the journal says that the migration had got. */
static int read_journal_state(struct far *far, struct err *err)
{
	const json_t *line;
	json_t *lines;
	size_t i;
	int r = journal_read(far->env->statedir, far->vm->name, far->migration, &lines, err);

	if (r < 0)
		return r;
	far->state = FAR_STARTED;
	json_array_foreach (lines, i, line) {
		const char *what = get_string(line, "what");

		if (str_eq(what, "open"))
			far->hidden = json_is_true(json_object_get(line, "hidden"));
		else if (str_eq(what, "prepared"))
			far->state = FAR_PREPARED;
		else if (str_eq(what, "committed"))
			far->state = FAR_RUNNING;
	}
	json_decref(lines);
	return 0;
}

static int attach(struct far *far, struct err *err)
{
	char open_id[64];
	int r = vm_lock(far->vm, "incoming", err);

	if (r == 0)
		r = journal_find_open(far->env->statedir, far->vm->name, open_id, err);
	if (r == 0 && !str_eq(open_id, far->migration))
		r = err_set(err, ERR_REFUSED, ENOENT, "nothing is left there of this migration");
	if (r == 0)
		r = read_journal_state(far, err);
	if (r == 0)
		r = journal_reopen(far->env->statedir, far->vm->name, far->migration, &far->journal,
				   err);
	if (r == 0)
		r = vm_find_running(far->vm, err);
	if (r <= 0)
		return r;
	r = vm_connect(far->vm, err);
	return r < 0 ? r : watch_end(far, err);
}

/* Takes up a migration that an earlier agent began, whose connection was lost. */
static int op_attach(void *ctx, const json_t *params, json_t **result, struct err *err)
{
	struct far *far = ctx;
	int r;

	(void)result;
	if (far->state != FAR_IDLE)
		return err_set(err, ERR_INTERNAL, EPROTO, "there is a reservation already");
	r = check_migration_id(get_string(params, "migration"), err);
	if (r == 0)
		r = vm_open(far->env, get_string(params, "vm"), &far->vm, err);
	if (r < 0)
		return r;
	snprintf(far->migration, sizeof(far->migration), "%s", get_string(params, "migration"));
	r = attach(far, err);
	if (r < 0)
		forget(far);
	return r;
}

static const struct agent_op ops[] = {
	{ "check", op_check },   { "reserve", op_reserve }, { "start", op_start },
	{ "attach", op_attach }, { "prepared", op_prepared }, { "query", op_query },
	{ "cont", op_cont },     { "plug", op_plug },       { "finish", op_finish },
	{ "abort", op_abort },
};

/* ---- the connection ---- */

/* The VM has arrived and nobody is left to say so: plug, store, close. */
static void finish_alone(struct far *far)
{
	struct err err = ERR_INIT;

	for (size_t i = 0; i < far->vm->def->n_pairs; i++) {
		struct pair_result out = { 0 };

		if (plug_primary(far->vm, &far->vm->def->pairs[i], &out, &err) < 0)
			log_warn("%s", err.msg);
		pair_result_clear(&out);
	}
	if (finish(far, &err) < 0)
		log_warn("%s", err.msg);
}

static void settle(struct far *far)
{
	struct err err = ERR_INIT;

	loop_shield(far->env->loop);
	switch (far->state) {
	case FAR_IDLE:
		break;
	case FAR_RESERVED:
	case FAR_STARTED:
		if (clean_up(far, "connection lost", &err) < 0)
			log_warn("%s", err.msg);
		break;
	case FAR_PREPARED:
		forget(far);
		break;
	case FAR_RUNNING:
		finish_alone(far);
		break;
	}
	loop_unshield(far->env->loop);
}

static json_t *hello(void)
{
	char boot_id[BOOT_ID_SIZE] = "", host[256] = "";

	boot_id_read(boot_id, NULL);
	gethostname(host, sizeof(host) - 1);
	return json_pack("{ss ss ss}", "version", VMFO_VERSION, "host", host, "boot_id", boot_id);
}

int flow_agent(struct flow_env *env, int in_fd, int out_fd, struct err *err)
{
	struct far far = { .env = env };
	json_t *greeting = hello();
	int r;

	if (!greeting)
		return err_nomem(err);
	r = agent_serve(env->loop, in_fd, out_fd, greeting, ops, ARRAY_SIZE(ops), &far, &far.server,
			err);
	json_decref(greeting);
	/* From here on nobody listens. */
	far.server = NULL;
	settle(&far);
	return r;
}

int flow_agent_stream(struct flow_env *env, int in_fd, int out_fd, struct err *err)
{
	return tunnel_serve(in_fd, out_fd, env->rundir, err);
}
