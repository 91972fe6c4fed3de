/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/plug.h"

#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "flow/datapath.h"
#include "flow/failover.h"
#include "flow/pair.h"
#include "flow/reservation.h"
#include "flow/vf_reserve.h"
#include "flow/vf_use.h"
#include "host/qemu_failover.h"

/*
 * How long a sign of the guest's use is awaited: a guest enumerates and starts a NIC in
 * about a second. None in that time is not a fault: the guest may just be silent.
 */
#define USE_TIMEOUT_MS 3000
/* How long a guest may take that says itself that it has no primary yet. */
#define DENIED_TIMEOUT_MS 17000
/*
 * How long one may take whose VF shows that no driver uses it: a VF's driver waits for its
 * PF's, and a guest on a fresh QEMU without KVM is slow.
 */
#define DRIVER_TIMEOUT_MS 120000
/* For a guest to let go of one that it has or does not use. */
#define TAKE_OUT_MS 10000

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

/* ---- bringing it in ---- */

/*
 * One that is hidden is added all the same: QEMU says what it makes of that.
 * Return: 0 when QEMU has accepted it, -EREMOTEIO when it refused, -EINPROGRESS when it has
 * not answered, or a failure.
 */
static int bring_in(struct vm *vm, const struct vm_pair *pair, enum failover_state state,
		    struct err *err)
{
	const struct vm_vf *vf = reservation_vf(vm, pair);
	json_t *device;
	int r;

	if (state == FAILOVER_PLUGGED || state == FAILOVER_UNPLUG_REQUESTED)
		return 0;
	if (state == FAILOVER_UNPLUGGED && vm->patches.failover_replug) {
		r = vm_qmp_pinning(vm, "failover-replug",
				   json_pack("{ss}", "standby", pair->id), err);
		return r < 0 ? err_wrap(err, "put the primary back (failover-replug)") : 0;
	}
	r = qemu_primary_device(pair, vf ? vf->address : NULL, &device, err);
	if (r == 0)
		r = vm_qmp_pinning(vm, "device_add", device, err);
	if (r == -ETIMEDOUT)
		return err_set(err, ERR_DEGRADED, EINPROGRESS,
			       "%s: QEMU may be plugging it yet, so it is left as it is; once "
			       "its monitor answers, run 'vmfo replug %s'",
			       err->msg, vm->name);
	return r;
}

static int bring_emulated(struct vm *vm, const struct vm_pair *pair, enum failover_state state,
			  struct err *err)
{
	int r = bring_in(vm, pair, state, err);

	return r < 0 ? r : datapath_to_primary(vm, pair, err);
}

/* Whether QEMU has the device, also one that the guest has let go of. */
static bool is_in_qemu(enum failover_state state)
{
	return state == FAILOVER_PLUGGED || state == FAILOVER_UNPLUG_REQUESTED ||
	       state == FAILOVER_UNPLUGGED;
}

/* Its MAC right before: a driver that finds none takes one of its own, and never pairs. */
static int bring_vf(struct vm *vm, const struct vm_pair *pair, struct vm_vf *vf,
		    enum failover_state state, struct err *err)
{
	int r = vf_prepare(vm, pair, vf, err);

	if (r == 0)
		r = datapath_to_plug(vm, pair, err);
	return r == 0 ? bring_in(vm, pair, state, err) : r;
}

/*
 * The one that QEMU has, as it is, whichever is reserved for the pair: no other can take its
 * place before it is out.
 */
static int bring_present_vf(struct vm *vm, const struct vm_pair *pair,
			    enum failover_state state, struct err *why)
{
	char address[PCI_ADDRESS_SIZE];
	const struct vm_vf *vf = reservation_vf(vm, pair);
	int r = pair_ask_vf(vm, pair, address, why);

	if (r == 0 && (!vf || !str_eq(vf->address, address))) {
		if (!reservation_spare(vm, pair, address))
			return err_set(why, ERR_DEGRADED, ENOENT,
				       "QEMU has VF %s, which is not reserved for this pair: "
				       "nothing is changed on it",
				       address);
		reservation_prefer(vm, pair, address);
		r = reservation_save(vm, why);
	}
	if (r == 0)
		r = datapath_to_plug(vm, pair, why);
	return r == 0 ? bring_in(vm, pair, state, why) : r;
}

/* Frames go to the standby again; the VF stays, since QEMU may remember it. */
static int give_up(struct vm *vm, const struct vm_pair *pair, struct vm_vf *vf, struct err *err)
{
	struct err why = ERR_INIT;

	if (datapath_to_standby(vm, pair, &why) < 0)
		log_warn("%s", why.msg);
	vf->spare = true;
	return reservation_save(vm, err);
}

/* Those that an earlier plug has tried in vain: what was in the way may have gone. */
struct old_vfs {
	size_t next, n; /* in vm->vfs */
	/* The VF that is tried first, and not twice; vm->n_vfs and more: there is none. */
	size_t current;
};

static bool try_old(struct vm *vm, const struct vm_pair *pair, struct old_vfs *old)
{
	while (old->next < old->n) {
		size_t i = old->next++;

		if (i != old->current && vm->vfs[i].spare &&
		    str_eq(vm->vfs[i].pair, pair->id)) {
			vm->vfs[i].spare = false;
			return true;
		}
	}
	return false;
}

/* Sees to it that reservation_vf() is one to try: the one reserved, another, an old one. */
static int next_vf(struct vm *vm, const struct vm_pair *pair, struct old_vfs *old,
		   struct err *err)
{
	int r;

	if (reservation_vf(vm, pair))
		return 0;
	r = vf_reserve_another(vm, pair, NULL, err);
	if (r < 0 && try_old(vm, pair, old))
		return reservation_save(vm, err);
	return r;
}

/*
 * The VF that is reserved, and if QEMU does not take that, one after the other of those that
 * fit, unless it is the one. why: of all that failed.
 */
static int bring_some_vf(struct vm *vm, const struct vm_pair *pair, bool the_one,
			 enum failover_state state, struct err *why)
{
	const struct vm_vf *current = reservation_vf(vm, pair);
	struct old_vfs old = { .n = vm->n_vfs,
			       .current = current ? (size_t)(current - vm->vfs) : vm->n_vfs };
	struct err one = ERR_INIT, none = ERR_INIT;

	while (next_vf(vm, pair, &old, &none) == 0) {
		struct vm_vf *vf = reservation_vf(vm, pair);

		if (bring_vf(vm, pair, vf, state, &one) == 0)
			return 0;
		err_set(why, ERR_DEGRADED, one.errnum, "%s%sVF %s: %s", why->msg,
			*why->msg ? "; " : "", vf->address, one.msg);
		/*
		 * With QEMU gone, or with vmfo told to stop, the next fares no better; and a
		 * QEMU that has not answered may have this one yet.
		 */
		if (!qmp_alive(vm->qmp) || one.errnum == ECANCELED || one.errnum == EINPROGRESS)
			return -one.errnum;
		if (give_up(vm, pair, vf, &none) < 0)
			break;
		if (the_one)
			return -why->errnum;
	}
	return err_set(why, ERR_DEGRADED, ENODEV, "%s%s%s", why->msg, *why->msg ? "; " : "",
		       none.msg);
}

static int bring(struct vm *vm, const struct vm_pair *pair, bool the_one,
		 enum failover_state state, struct err *why)
{
	if (pair->primary.kind != VM_PRIMARY_VF)
		return bring_emulated(vm, pair, state, why);
	return is_in_qemu(state) ? bring_present_vf(vm, pair, state, why) :
				   bring_some_vf(vm, pair, the_one, state, why);
}

int plug_take_out(struct vm *vm, const struct vm_pair *pair, struct err *err)
{
	int64_t deadline = deadline_in(TAKE_OUT_MS);
	bool asked = false;
	char id[80];
	int r;

	vm_primary_id(pair, id, sizeof(id));
	while ((r = pair_has_primary(vm, pair, err)) > 0 && clock_ms() < deadline) {
		/* A guest that is not done with the plug refuses the unplug for a while. */
		if (!asked)
			r = vm_qmp(vm, "device_del", json_pack("{ss}", "id", id), NULL, err);
		asked = asked || r == 0;
		if (r == 0 || r == -EREMOTEIO)
			r = loop_sleep(vm->env->loop, 100, err);
		if (r < 0)
			return r;
	}
	return r;
}

/* ---- its use ---- */

/* How much longer than usual the guest is given, since something says that it has not. */
static int patience_ms(const struct pair_result *out)
{
	if (out->state != PAIR_STANDBY_ONLY)
		return 0;
	if (out->evidence == PAIR_EVIDENCE_INTERRUPTS)
		return DRIVER_TIMEOUT_MS;
	return out->evidence == PAIR_EVIDENCE_GUEST_AGENT ? DENIED_TIMEOUT_MS : 0;
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
	if (r == 0 && patience_ms(out))
		r = pair_await(vm, pair, PAIR_PLUGGED, deadline_in(patience_ms(out)), out, err);
	return r;
}

/* Why a pair is not whole although nothing was refused. */
static void explain(const struct pair_result *out, struct err *why)
{
	const char *error = out->qemu.error;

	if (patience_ms(out))
		err_set(why, ERR_DEGRADED, EAGAIN,
			"QEMU has plugged it, but %s after %d s that the guest "
			"has not taken it: has it the drivers for hot-plug and for this NIC?",
			out->evidence == PAIR_EVIDENCE_GUEST_AGENT ?
				"the guest's agent says" :
				"the VF has no interrupts, which shows",
			(USE_TIMEOUT_MS + patience_ms(out)) / 1000);
	else if (out->qemu.state == FAILOVER_UNPLUGGED)
		err_set(why, ERR_DEGRADED, EAGAIN, "QEMU has not put the primary back%s%s",
			*error ? ": " : "", error);
	else
		/* It takes a primary's options and hides it, until the guest has negotiated. */
		err_set(why, ERR_DEGRADED, EAGAIN, "QEMU keeps the primary hidden: %s",
			*error ? error : "the guest has not negotiated the standby");
}

int plug_primary(struct vm *vm, const struct vm_pair *pair, bool the_one,
		 struct pair_result *out, struct err *err)
{
	struct err why = ERR_INIT, settled = ERR_INIT;
	enum failover_state state;
	int r = ask_qemu(vm, pair, &state, err);

	if (r < 0)
		return r;
	r = bring(vm, pair, the_one, state, &why);
	/* What failed for one VF is told only if no other did better. */
	if (r == 0) {
		why = (struct err)ERR_INIT;
		r = await_use(vm, pair, out, &why);
	}
	if (r == 0 && datapath_settle(vm, pair, out->state >= PAIR_PLUGGED, &settled) < 0)
		log_warn("%s", settled.msg);
	if (r == 0 && out->state >= PAIR_PLUGGED) {
		pair_list_unsupported(vm, pair, &out->unsupported);
		free(out->target_primary);
		out->target_primary = pair_primary_text(vm, pair);
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
