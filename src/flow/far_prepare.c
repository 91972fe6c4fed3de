/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The far half's ops until the source may hand over.
 */
#include <stdio.h>
#include <stdlib.h>

#include "flow/far_check.h"
#include "flow/far_internal.h"
#include "flow/leave.h"
#include "flow/qemu_start.h"
#include "flow/state_file.h"
#include "flow/vf_reserve.h"
#include "flow/vf_use.h"
#include "io/boot.h"

/* A journal's file name is made of it. */
static int check_migration_id(const char *id, struct err *err)
{
	if (strlen(id) == BOOT_ID_SIZE - 1 && strspn(id, "0123456789abcdef-") == strlen(id))
		return 0;
	return err_set(err, ERR_REFUSED, EINVAL, "the migration's id is not a UUID");
}

/* The VM of params' definition; not locked. */
static int open_vm(struct flow_env *env, const json_t *params, struct vm **out, struct err *err)
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

int far_op_check(void *ctx, const json_t *params, json_t **result, struct err *err)
{
	struct far *far = ctx;
	_cleanup_(vm_closep) struct vm *vm = NULL;
	struct findings found = { 0 };
	json_t *devices = NULL;
	int r = open_vm(far->env, params, &vm, err);

	if (r == 0)
		r = far_check(vm, json_object_get(params, "source"),
			      json_object_get(params, "vfs"), &found, &devices, err);
	if (r == 0) {
		*result = findings_json(&found);
		json_object_set_new(*result, "devices", devices ?: json_null());
	}
	findings_clear(&found);
	return r;
}

static int open_journal(struct far *far, const json_t *params, struct err *err)
{
	json_t *details = json_pack("{ss sb}", "peer", json_get_text(params, "source_host"),
				    "hidden", (int)far->hidden);
	int r;

	if (!details)
		return err_nomem(err);
	r = journal_create(far->env->statedir, far->vm->name, far->migration, "target", details,
			   &far->journal, err);
	json_decref(details);
	return r;
}

static int reserve(struct vm *vm, const json_t *params, struct err *err)
{
	_cleanup_(strv_clear) struct strv suppress = { 0 };
	struct vf_reserve how = { .chosen = json_object_get(params, "vfs"),
				  .suppress = &suppress };
	struct source_facts *source = NULL;
	const json_t *rule;
	size_t i;
	int r = source_facts_parse(json_object_get(params, "source"), &source, err);

	if (r < 0)
		return r;
	json_array_foreach (json_object_get(params, "suppress"), i, rule)
		strv_add(&suppress, json_string_value(rule) ?: "");
	how.source = source;
	r = suppress.failed ? err_nomem(err) : vf_reserve(vm, &how, err);
	source_facts_free(source);
	return r;
}

/*
 * Return: 0: nothing of the VM is here but what a crash has left; else whatever is here is to
 * stay: its QEMU may run, or hold the only copy.
 */
static int check_vacant(struct vm *vm, struct err *err)
{
	struct vmdef *def = steal_ptr(vm->def);
	int running = vm_find_running(vm, err);
	int r = running < 0 ? running : vm_check_settled(vm, err);

	vmdef_free(vm->def);
	vm->def = def;
	if (r == 0 && running > 0)
		r = err_set(err, ERR_REFUSED, EEXIST, "a VM \"%s\" runs there already",
			    vm->name);
	return r;
}

int far_op_reserve(void *ctx, const json_t *params, json_t **result, struct err *err)
{
	struct op_state shown = { .operation = "incoming",
				  .phase = "prepare",
				  .percent = -1,
				  .rate = -1,
				  .remaining_ms = -1 };
	struct far *far = ctx;
	int r;

	(void)result;
	if (far->state != FAR_IDLE)
		return err_set(err, ERR_INTERNAL, EPROTO, "there is a reservation already");
	r = check_migration_id(json_get_text(params, "migration"), err);
	if (r == 0)
		r = open_vm(far->env, params, &far->vm, err);
	if (r == 0)
		r = vm_lock(far->vm, "incoming", err);
	/* Once more, now that nobody else can change it. */
	if (r == 0)
		r = check_vacant(far->vm, err);
	if (r < 0) {
		far_forget(far);
		return r;
	}
	snprintf(far->migration, sizeof(far->migration), "%s",
		 json_get_text(params, "migration"));
	far->hidden = json_is_true(json_object_get(params, "hidden"));
	/* Others may hold the host's lock for long: an abort does not wait for them. */
	agent_server_breakable(far->server);
	r = reserve(far->vm, params, err);
	if (r == 0)
		r = open_journal(far, params, err);
	if (r < 0) {
		vm_leave_host_or_warn(far->vm);
		far_forget(far);
		return r;
	}
	snprintf(shown.peer, sizeof(shown.peer), "%s", json_get_text(params, "source_host"));
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

int far_op_start(void *ctx, const json_t *params, json_t **result, struct err *err)
{
	struct far *far = ctx;
	struct qemu_start how = { .incoming = true, .without_primaries = !far->hidden };
	int r = far_require(far, FAR_RESERVED, "start", err);

	(void)params;
	(void)result;
	if (r == 0)
		r = journal_step(far->journal, "start", "begin", NULL, err);
	/* QEMU may take its time, or hang: an abort does not wait for it. */
	agent_server_breakable(far->server);
	/* Nothing of this shows on the wire: the addresses come last, when the VM runs. */
	if (r == 0)
		r = vf_prepare_all(far->vm, false, err);
	if (r == 0)
		r = qemu_start(far->vm, &how, err);
	if (r < 0)
		return r;
	/* The disks are not taken before `cont`: until then the source may go on. */
	r = vm_set_capabilities(far->vm, "late-block-activate", err);
	/* Of QEMU's announcements one, at the end of the load; what follows it is vmfo's. */
	if (r == 0)
		r = vm_qmp(far->vm, "migrate-set-parameters",
			   json_pack("{si}", "announce-rounds", 1), NULL, err);
	if (r == 0)
		r = listen_for_stream(far->vm, err);
	if (r == 0)
		r = far_watch_end(far, err);
	if (r == 0)
		far->state = FAR_STARTED;
	return r;
}

static int nothing_left(struct err *err)
{
	return err_set(err, ERR_REFUSED, ENOENT, "nothing is left there of this migration");
}

/*
 * How far the journal says that the migration had got. A closed one counts only if the VM
 * has arrived: an agent that was cut off then has finished by itself, and what its source
 * still asks for can be answered.
 */
static int read_journal_state(struct far *far, struct err *err)
{
	const json_t *line;
	bool done = false;
	json_t *lines;
	size_t i;
	int r = journal_read(far->env->statedir, far->vm->name, far->migration, &lines, err);

	if (r < 0)
		return r == -ENOENT ? nothing_left(err) : r;
	far->closed = false;
	far->state = FAR_STARTED;
	json_array_foreach (lines, i, line) {
		const char *what = json_get_text(line, "what");

		if (str_eq(what, "open"))
			far->hidden = json_is_true(json_object_get(line, "hidden"));
		else if (str_eq(what, "prepared"))
			far->state = FAR_PREPARED;
		else if (str_eq(what, "committed"))
			far->state = FAR_RUNNING;
		else if (str_eq(what, "closed"))
			far->closed = true;
		done = far->closed && str_eq(json_get_text(line, "outcome"), FAR_DONE);
	}
	json_decref(lines);
	return far->closed && !(done && far->state == FAR_RUNNING) ? nothing_left(err) : 0;
}

static int reopen(struct far *far, struct err *err)
{
	int r = read_journal_state(far, err);

	if (r == 0 && !far->closed)
		r = journal_reopen(far->env->statedir, far->vm->name, far->migration,
				   &far->journal, err);
	if (r == 0)
		r = vm_find_running(far->vm, err);
	/* It arrived, was run, and was stopped and taken away since. */
	if (r == 0 && far->closed && !far->vm->def)
		return nothing_left(err);
	if (r <= 0)
		return r;
	r = vm_connect(far->vm, err);
	return r < 0 ? r : far_watch_end(far, err);
}

static int attach(struct far *far, struct err *err)
{
	/* Before the lock, which would make the folder of a VM that is gone. */
	int r = read_journal_state(far, err);

	if (r == 0)
		r = vm_lock(far->vm, "incoming", err);
	if (r < 0)
		return r;
	/* And after it: the agent that held it may just have cleaned up, or finished. */
	r = reopen(far, err);
	/* Not the folder of a VM that somebody has launched there meanwhile. */
	if (r == -ENOENT && vm_find_running(far->vm, NULL) == 0 && !far->vm->def)
		vm_leave_host_or_warn(far->vm);
	return r;
}

/* Takes up a migration that an earlier agent began, whose connection was lost. */
int far_op_attach(void *ctx, const json_t *params, json_t **result, struct err *err)
{
	struct far *far = ctx;
	int r;

	(void)result;
	if (far->state != FAR_IDLE)
		return err_set(err, ERR_INTERNAL, EPROTO, "there is a reservation already");
	r = check_migration_id(json_get_text(params, "migration"), err);
	if (r == 0)
		r = vm_open(far->env, json_get_text(params, "vm"), &far->vm, err);
	if (r < 0)
		return r;
	snprintf(far->migration, sizeof(far->migration), "%s",
		 json_get_text(params, "migration"));
	r = attach(far, err);
	if (r < 0)
		far_forget(far);
	return r;
}
