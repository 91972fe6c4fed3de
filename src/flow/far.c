/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The far half: one migration's target, as the ops that the source asks for.
 *
 *   idle --reserve--> reserved --start--> started --prepared--> prepared
 *                                                                  | cont
 *   (attach leads to started or later)                             v
 *                             idle <--finish-- running <-----------+
 *
 * When the connection ends, what is left depends on how far it got. Before `prepared`
 * the source cannot have handed over: everything is undone here. In `prepared` the target
 * is in doubt: only the source knows, so QEMU stays, paused, and the journal stays open.
 * In `running` the VM has arrived: what is missing is done here.
 */
#include "flow/far.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "flow/far_internal.h"
#include "flow/leave.h"
#include "flow/plug.h"
#include "io/boot.h"
#include "proto/tunnel.h"

int far_require(const struct far *far, enum far_state least, const char *op, struct err *err)
{
	if (far->state >= least)
		return 0;
	return err_set(err, ERR_INTERNAL, EPROTO, "\"%s\" was asked for out of turn", op);
}

static void unwatch_end(struct far *far)
{
	loop_unwatch(far->end_watch);
	far->end_watch = NULL;
}

/* Lets go of the VM; what is on this host stays as it is. */
void far_forget(struct far *far)
{
	unwatch_end(far);
	journal_abandon(steal_ptr(far->journal));
	vm_close(steal_ptr(far->vm));
	far->state = FAR_IDLE;
}

/*
 * Everything that reserve and start made goes. Once QEMU is gone nothing is in doubt, whatever
 * else stays: with its journal open it would stay for good.
 */
int far_clean_up(struct far *far, const char *outcome, struct err *err)
{
	int r = 0;

	unwatch_end(far);
	if (far->vm->pid)
		r = vm_end_qemu(far->vm, err);
	if (r == 0) {
		vm_leave_host_or_warn(far->vm);
		r = journal_close(steal_ptr(far->journal), outcome, err);
	}
	far_forget(far);
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
				   json_pack("{ss}", "log",
					     vm_log_tail(far->vm, tail, sizeof(tail))));
}

int far_watch_end(struct far *far, struct err *err)
{
	return loop_watch(far->env->loop, far->vm->pidfd, POLLIN, on_qemu_end, far,
			  &far->end_watch, err);
}

static const struct agent_op ops[] = {
	{ "check", far_op_check },       { "reserve", far_op_reserve },
	{ "start", far_op_start },       { "attach", far_op_attach },
	{ "prepared", far_op_prepared }, { "query", far_op_query },
	{ "cont", far_op_cont },         { "plug", far_op_plug },
	{ "finish", far_op_finish },     { "abort", far_op_abort },
	{ "vfs", far_op_vfs },
};

/* ---- the connection ---- */

/* The VM has arrived and nobody is left to say so: plug, store, close. */
static void finish_alone(struct far *far)
{
	struct err err = ERR_INIT;

	for (size_t i = 0; far->vm->qmp && i < far->vm->def->n_pairs; i++) {
		struct pair_result out = { 0 };

		if (plug_primary(far->vm, &far->vm->def->pairs[i], false, &out, &err) < 0)
			log_warn("%s", err.msg);
		pair_result_clear(&out);
	}
	if (far_finish(far, &err) < 0)
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
		if (far_clean_up(far, "connection lost", &err) < 0)
			log_warn("%s", err.msg);
		break;
	case FAR_PREPARED:
		far_forget(far);
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
	return json_pack("{ss ss ss}", "version", VMFO_VERSION, "host", host, "boot_id",
			 boot_id);
}

int flow_agent(struct flow_env *env, int in_fd, int out_fd, struct err *err)
{
	struct far far = { .env = env };
	json_t *greeting = hello();
	int r;

	if (!greeting)
		return err_nomem(err);
	r = agent_serve(env->loop, in_fd, out_fd, greeting, ops, ARRAY_SIZE(ops), &far,
			&far.server, err);
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
