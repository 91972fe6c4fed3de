/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/plug.h"

#include <errno.h>
#include <stdlib.h>

#include "flow/datapath.h"
#include "flow/pair.h"

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

/* Return: 0 when QEMU has accepted it, -EREMOTEIO when it refused, or a failure. */
static int device_add(struct vm *vm, const struct vm_pair *pair, struct err *err)
{
	json_t *device;
	int r = qemu_primary_device(vm->def, pair, &device, err);

	if (r < 0)
		return r;
	return vm_qmp(vm, "device_add", device, NULL, err);
}

static bool is_denied(const struct pair_result *out)
{
	return out->state == PAIR_STANDBY_ONLY && out->evidence == PAIR_EVIDENCE_GUEST_AGENT;
}

static int await_use(struct vm *vm, const struct vm_pair *pair, struct pair_result *out,
		     struct err *err)
{
	int r = pair_await(vm, pair, PAIR_PAIRED, deadline_in(USE_TIMEOUT_MS), out, err);

	if (r == 0 && is_denied(out))
		r = pair_await(vm, pair, PAIR_PLUGGED, deadline_in(DENIED_TIMEOUT_MS), out,
			       err);
	return r;
}

int plug_primary(struct vm *vm, const struct vm_pair *pair, struct pair_result *out,
		 struct err *err)
{
	struct err why = ERR_INIT;
	int has = pair_has_primary(vm, pair, err);
	int r;

	if (has < 0)
		return has;
	r = has ? 0 : device_add(vm, pair, &why);
	if (r == 0)
		r = datapath_to_primary(vm, pair, &why);
	if (r == 0)
		r = await_use(vm, pair, out, &why);
	if (r == 0 && out->state >= PAIR_PLUGGED) {
		free(out->target_primary);
		out->target_primary = pair_primary_text(pair);
		return out->target_primary ? 0 : err_nomem(err);
	}
	if (r == 0 && is_denied(out))
		err_set(&why, ERR_DEGRADED, EAGAIN,
			"QEMU has plugged it, but the guest's agent says after %d s that the guest "
			"has not taken it: is its hot-plug driver loaded?",
			(USE_TIMEOUT_MS + DENIED_TIMEOUT_MS) / 1000);
	/* QEMU takes a primary's options and hides it: until the guest has negotiated. */
	else if (r == 0)
		err_set(&why, ERR_DEGRADED, EAGAIN,
			"QEMU keeps the primary hidden: the guest has not negotiated the standby");
	if (!qmp_alive(vm->qmp)) {
		if (err)
			*err = why;
		return why.errnum ? -why.errnum : -EPIPE;
	}
	not_whole(out, &why);
	return 0;
}
