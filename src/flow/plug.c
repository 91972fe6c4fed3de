/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/plug.h"

#include <errno.h>
#include <stdlib.h>

#include "flow/datapath.h"
#include "flow/failover.h"
#include "flow/pair.h"
#include "host/qemu_failover.h"

/*
 * How long a sign of the guest's use is awaited: a guest enumerates and starts a NIC in
 * about a second. None in that time is not a fault: the guest may just be silent.
 */
#define USE_TIMEOUT_MS 3000
/* How long a guest may take that says itself that it has no primary yet. */
#define DENIED_TIMEOUT_MS 17000

static void not_whole(struct pair_result *out, const struct err *why)
{
	out->state = PAIR_STANDBY_ONLY;
	out->evidence = PAIR_EVIDENCE_NONE;
	free(out->reason);
	out->reason = strdup(why->msg);
}

/*
 * What QEMU makes of the primary. Stock QEMU cannot tell one that its guest has let go of
 * from one that is plugged: it has the device, and that is all.
 */
static int ask_qemu(struct vm *vm, const struct vm_pair *pair, enum failover_state *out,
		    struct err *err)
{
	struct qemu_failover said = { .state = FAILOVER_UNKNOWN };
	int r = pair_has_primary(vm, pair, err);

	if (r < 0)
		return r;
	*out = r ? FAILOVER_PLUGGED : FAILOVER_ABSENT;
	if (vm->patches.query_failover)
		r = qemu_failover_ask(vm->qmp, pair->id, deadline_in(VM_QMP_TIMEOUT_MS), &said,
				      err);
	if (said.state != FAILOVER_UNKNOWN)
		*out = said.state;
	return r < 0 ? r : 0;
}

/*
 * One that is hidden is added all the same: QEMU says what it makes of that.
 * Return: 0 when QEMU has accepted it, -EREMOTEIO when it refused, or a failure.
 */
static int bring_in(struct vm *vm, const struct vm_pair *pair, enum failover_state state,
		    struct err *err)
{
	json_t *device;
	int r;

	if (state == FAILOVER_PLUGGED || state == FAILOVER_UNPLUG_REQUESTED)
		return 0;
	if (state == FAILOVER_UNPLUGGED && vm->patches.failover_replug) {
		r = vm_qmp(vm, "failover-replug", json_pack("{ss}", "standby", pair->id), NULL,
			   err);
		return r < 0 ? err_wrap(err, "put the primary back (failover-replug)") : 0;
	}
	r = qemu_primary_device(vm->def, pair, &device, err);
	return r < 0 ? r : vm_qmp(vm, "device_add", device, NULL, err);
}

static bool is_denied(const struct pair_result *out)
{
	return out->state == PAIR_STANDBY_ONLY && out->evidence == PAIR_EVIDENCE_GUEST_AGENT;
}

static int await_use(struct vm *vm, const struct vm_pair *pair, struct pair_result *out,
		     struct err *err)
{
	int64_t deadline = deadline_in(USE_TIMEOUT_MS);
	struct qemu_failover said;
	int r = failover_await(vm, pair, FAILOVER_PLUGGED, deadline, &said, err);

	/* Nothing is asked of the guest before QEMU says that it has the primary. */
	if (r >= 0)
		r = pair_await(vm, pair, PAIR_PAIRED, deadline, out, err);
	if (r == 0 && is_denied(out))
		r = pair_await(vm, pair, PAIR_PLUGGED, deadline_in(DENIED_TIMEOUT_MS), out,
			       err);
	return r;
}

/* Why a pair is not whole although nothing was refused. */
static void explain(const struct pair_result *out, struct err *why)
{
	const char *error = out->qemu.error;

	if (is_denied(out))
		err_set(why, ERR_DEGRADED, EAGAIN,
			"QEMU has plugged it, but the guest's agent says after %d s that the guest "
			"has not taken it: is its hot-plug driver loaded?",
			(USE_TIMEOUT_MS + DENIED_TIMEOUT_MS) / 1000);
	else if (out->qemu.state == FAILOVER_UNPLUGGED)
		err_set(why, ERR_DEGRADED, EAGAIN, "QEMU has not put the primary back%s%s",
			*error ? ": " : "", error);
	else
		/* It takes a primary's options and hides it, until the guest has negotiated. */
		err_set(why, ERR_DEGRADED, EAGAIN, "QEMU keeps the primary hidden: %s",
			*error ? error : "the guest has not negotiated the standby");
}

int plug_primary(struct vm *vm, const struct vm_pair *pair, struct pair_result *out,
		 struct err *err)
{
	struct err why = ERR_INIT;
	enum failover_state state;
	int r = ask_qemu(vm, pair, &state, err);

	if (r < 0)
		return r;
	r = bring_in(vm, pair, state, &why);
	if (r == 0)
		r = datapath_to_primary(vm, pair, &why);
	if (r == 0)
		r = await_use(vm, pair, out, &why);
	if (r == 0 && out->state >= PAIR_PLUGGED) {
		free(out->target_primary);
		out->target_primary = pair_primary_text(pair);
		return out->target_primary ? 0 : err_nomem(err);
	}
	if (r == 0)
		explain(out, &why);
	if (!qmp_alive(vm->qmp)) {
		if (err)
			*err = why;
		return why.errnum ? -why.errnum : -EPIPE;
	}
	not_whole(out, &why);
	return 0;
}
