/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/replug.h"

#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "flow/leave.h"
#include "flow/pair.h"
#include "flow/plug.h"
#include "flow/replug_vf.h"
#include "flow/run.h"

static int connect_running(struct vm *vm, struct err *err)
{
	struct err left = ERR_INIT;
	char state[32];
	int r = vm_lock(vm, "replug", err);

	if (r == 0)
		r = vm_find_running(vm, err);
	if (r < 0)
		return r;
	if (r == 0) {
		/*
		 * The folder that taking the lock has made; of a launch that was killed the
		 * VFs as well. What a crashed QEMU left stays.
		 */
		if (!vm->def && vm_leave_host(vm, &left) < 0)
			log_warn("%s", left.msg);
		return err_set(err, ERR_REFUSED, ESRCH, "it does not run here");
	}
	r = vm_connect(vm, err);
	if (r == 0)
		r = vm_runstate(vm, state, err);
	if (r == 0 && !str_eq(state, "running"))
		return err_set(
			err, ERR_REFUSED, EBUSY,
			"it is not running but \"%s\"; its guest could not take the primary",
			state);
	return r;
}

/*
 * A VF that QEMU has plugged and that the guest does not use was not taken, or was given up,
 * or its driver began without the pair's MAC: it is taken out, to be plugged anew. A guest
 * that does not let go keeps it.
 */
static int take_out_idle(struct vm *vm, const struct vm_pair *pair, struct err *err)
{
	struct pair_result now = { 0 };
	int r = pair_inspect(vm, pair, 0, &now, err);
	bool idle = pair->primary.kind == VM_PRIMARY_VF && now.state == PAIR_STANDBY_ONLY &&
		    now.qemu.state != FAILOVER_UNPLUGGED;

	pair_result_clear(&now);
	if (r == 0 && idle)
		r = plug_take_out(vm, pair, err);
	return r < 0 ? r : 0;
}

/* address: the VF that is named for the pair; NULL: none is. */
static int replug_pair(struct vm *vm, const struct vm_pair *pair, const char *address,
		       struct pair_result *out, struct err *err)
{
	int r = take_out_idle(vm, pair, err);

	if (r == 0 && address)
		r = replug_check_vf(vm, pair, address, err);
	if (r == 0)
		return plug_primary(vm, pair, address != NULL, out, err);
	/* Another VF is in the way: the other pairs may fare better. */
	if (err->kind != ERR_DEGRADED)
		return r;
	out->state = PAIR_STANDBY_ONLY;
	out->reason = strdup(err->msg);
	return out->reason ? 0 : err_nomem(err);
}

static int replug(struct flow_run *run, struct vm *vm, const struct replug_opts *opts,
		  struct err *err)
{
	struct result *result = run->result;
	char address[PCI_ADDRESS_SIZE];
	int r = connect_running(vm, err);

	if (r < 0)
		return r;
	r = replug_name_vfs(vm, opts->vfs, err);
	if (r < 0)
		return r;
	run_phase(run, "replug");
	result->pairs = calloc(vm->def->n_pairs ?: 1, sizeof(*result->pairs));
	if (!result->pairs)
		return err_nomem(err);
	for (size_t i = 0; i < vm->def->n_pairs; i++) {
		const struct vm_pair *pair = &vm->def->pairs[i];
		struct pair_result *out = &result->pairs[i];

		out->id = strdup(pair->id);
		result->n_pairs++;
		if (!out->id)
			return err_nomem(err);
		r = replug_pair(vm, pair, replug_named_vf(vm, pair, opts->vfs, address), out,
				err);
		if (r < 0)
			return r;
		run_plugged(run, out);
		if (out->state >= PAIR_PLUGGED)
			continue;
		result->status = ERR_DEGRADED;
		if (!result->reason)
			result->reason = str_printf("pair %s: %s", out->id, out->reason);
	}
	return 0;
}

int flow_replug(struct flow_env *env, const struct replug_opts *opts, struct result *result,
		struct err *err)
{
	_cleanup_(vm_closep) struct vm *vm = NULL;
	struct flow_run run;
	int r = run_begin(&run, env, "vmfo.replug/1", opts->vm, result, err);

	if (r == 0)
		r = vm_open(env, opts->vm, &vm, err);
	if (r == 0)
		r = replug(&run, vm, opts, err);
	return run_end(&run, r, err);
}
