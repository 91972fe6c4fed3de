/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/replug.h"

#include <errno.h>
#include <stdlib.h>

#include "flow/pair.h"
#include "flow/plug.h"
#include "flow/replug_vf.h"
#include "flow/run.h"

/* For a guest to let go of a VF that it does not use. */
#define TAKE_OUT_MS 10000

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

/*
 * A VF that QEMU has plugged and whose driver in the guest is not there was not taken, or was
 * given up: it is taken out, to be plugged anew. A guest that does not let go keeps it.
 */
static int take_out_idle(struct vm *vm, const struct vm_pair *pair, struct err *err)
{
	int64_t deadline = deadline_in(TAKE_OUT_MS);
	struct pair_result now = { 0 };
	char id[80];
	int r = pair_inspect(vm, pair, 0, &now, err);
	bool idle = now.state == PAIR_STANDBY_ONLY && pair_has_primary(vm, pair, NULL) > 0;

	pair_result_clear(&now);
	if (r < 0 || !idle || pair_driver_up(vm, pair) != 0)
		return r;
	r = vm_qmp(vm, "device_del",
		   json_pack("{ss}", "id", vm_primary_id(pair, id, sizeof(id))), NULL, err);
	while (r == 0 && clock_ms() < deadline) {
		r = pair_has_primary(vm, pair, err);
		if (r <= 0)
			return r;
		r = loop_sleep(vm->env->loop, 100, err);
	}
	return r;
}

/* address: the VF that is named for the pair; NULL: none is. */
static int replug_pair(struct vm *vm, const struct vm_pair *pair, const char *address,
		       struct pair_result *out, struct err *err)
{
	int r = take_out_idle(vm, pair, err);

	if (r == 0 && address)
		r = replug_check_vf(vm, pair, address, err);
	return r < 0 ? r : plug_primary(vm, pair, address != NULL, out, err);
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
