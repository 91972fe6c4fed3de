/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/failover.h"

#include <errno.h>
#include <stdio.h>

#include "base/json.h"
#include "host/qemu_failover.h"

/* An ear for one pair's events. */
struct ear {
	struct vm *vm;
	const char *standby;
	enum failover_state want;
	struct qemu_failover said; /* by the last event; FAILOVER_UNKNOWN: none came */
};

static void on_event(void *user, const char *event, const json_t *data)
{
	struct ear *ear = user;

	if (!str_eq(event, "FAILOVER_PRIMARY_CHANGED") ||
	    !str_eq(json_get_text(data, "standby"), ear->standby))
		return;
	qemu_failover_decode_entry(data, &ear->said);
}

static bool heard(void *data)
{
	const struct ear *ear = data;

	return ear->said.state == ear->want || *ear->said.error || !qmp_alive(ear->vm->qmp);
}

static int listen_until(struct ear *ear, int64_t deadline, struct qemu_failover *out,
			struct err *err)
{
	struct vm *vm = ear->vm;
	int r = qemu_failover_ask(vm->qmp, ear->standby, deadline_in(VM_QMP_TIMEOUT_MS), out,
				  err);

	if (r <= 0)
		return r;
	/* An event that came with the answer is as new as it, or newer. */
	if (ear->said.state == FAILOVER_UNKNOWN)
		ear->said.state = out->state;
	r = loop_run(vm->env->loop, heard, ear, deadline, err);
	if (r < 0 && r != -ETIMEDOUT)
		return r;
	if (!qmp_alive(vm->qmp))
		return err_set(err, ERR_UNFINISHED, EPIPE, "QEMU has ended");
	out->state = ear->said.state;
	snprintf(out->error, sizeof(out->error), "%s", ear->said.error);
	return 1;
}

int failover_await(struct vm *vm, const struct vm_pair *pair, enum failover_state want,
		   int64_t deadline, struct qemu_failover *out, struct err *err)
{
	struct ear ear = { .vm = vm, .standby = pair->id, .want = want };
	struct qmp_listener listener = { .fn = on_event, .user = &ear };
	int r;

	*out = (struct qemu_failover){ .state = FAILOVER_UNKNOWN };
	if (!vm->patches.query_failover || !vm->patches.primary_event)
		return 0;
	qmp_listen(vm->qmp, &listener);
	r = listen_until(&ear, deadline, out, err);
	qmp_unlisten(vm->qmp, &listener);
	return r < 0 ? err_wrap(err, "await the primary of pair %s", pair->id) : r;
}
