/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/replug.h"

#include <errno.h>
#include <stdlib.h>

#include "flow/plug.h"
#include "flow/run.h"

static int connect_running(struct vm *vm, struct err *err)
{
	char state[32];
	int r = vm_lock(vm, "replug", err);

	if (r == 0)
		r = vm_find_running(vm, err);
	if (r < 0)
		return r;
	if (r == 0) {
		/* The folder that taking the lock has made; not what a crashed QEMU left. */
		if (!vm->def)
			vm_remove_rundir(vm, NULL);
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

static int replug(struct flow_run *run, struct vm *vm, struct err *err)
{
	struct result *result = run->result;
	int r = connect_running(vm, err);

	if (r < 0)
		return r;
	run_phase(run, "replug");
	result->pairs = calloc(vm->def->n_pairs ?: 1, sizeof(*result->pairs));
	if (!result->pairs)
		return err_nomem(err);
	for (size_t i = 0; i < vm->def->n_pairs; i++) {
		struct pair_result *out = &result->pairs[i];

		out->id = strdup(vm->def->pairs[i].id);
		result->n_pairs++;
		if (!out->id)
			return err_nomem(err);
		r = plug_primary(vm, &vm->def->pairs[i], out, err);
		if (r < 0)
			return r;
		run_pair(run, out->id, pair_state_name(out->state));
		if (out->state >= PAIR_PLUGGED)
			continue;
		result->status = ERR_DEGRADED;
		if (!result->reason)
			result->reason = str_printf("pair %s: %s", out->id, out->reason);
	}
	return 0;
}

int flow_replug(struct flow_env *env, const char *name, struct result *result, struct err *err)
{
	_cleanup_(vm_closep) struct vm *vm = NULL;
	struct flow_run run;
	int r = run_begin(&run, env, "vmfo.replug/1", name, result, err);

	if (r == 0)
		r = vm_open(env, name, &vm, err);
	if (r == 0)
		r = replug(&run, vm, err);
	return run_end(&run, r, err);
}
