/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/launch.h"

#include <errno.h>
#include <stdlib.h>

#include "flow/datapath.h"
#include "flow/judge.h"
#include "flow/leave.h"
#include "flow/notify.h"
#include "flow/pair.h"
#include "flow/qemu_start.h"
#include "flow/run.h"
#include "flow/store.h"
#include "flow/survey.h"
#include "flow/vf_reserve.h"
#include "flow/vf_use.h"

#define SCOPES (SCOPE(SCOPE_PAIR) | SCOPE(SCOPE_QEMU) | SCOPE(SCOPE_HOST))

/*
 * The topology rules, those that a VM that does not run yet can be asked. facts: what its
 * QEMU can do, the caller's; NULL where it could not be asked.
 */
static int check_topology(struct flow_run *run, struct vm *vm, const struct launch_opts *opts,
			  struct qemu_facts **facts, struct err *err)
{
	const struct survey_what what = { .def = vm->def, .chosen = opts->vfs };
	struct findings found = { 0 };
	struct survey survey;
	int r = survey_open(run->env, &what, &survey, err);

	if (r < 0)
		return r;
	r = survey_run(&survey, SCOPES, &found, err);
	if (r == 0)
		r = judge_findings(run, &found, &opts->suppress, NULL, SCOPES, ERR_TOPOLOGY,
				   err);
	findings_clear(&found);
	*facts = steal_ptr(survey.qemu);
	survey_close(&survey);
	return r;
}

/* Return: 0: it does not run here, and nothing is in doubt; so what is here may go. */
static int check_vacant(struct vm *vm, struct err *err)
{
	int r = vm_find_running(vm, err);

	if (r < 0)
		return r;
	if (r > 0)
		return err_set(err, ERR_REFUSED, EEXIST,
			       "it runs already (process %d); see 'vmfo status %s'", vm->pid,
			       vm->name);
	return vm_check_settled(vm, err);
}

/* Everything that can be found wrong without changing anything. */
static int check(struct flow_run *run, struct vm *vm, const struct launch_opts *opts,
		 struct qemu_facts **facts, struct err *err)
{
	int r;

	vmdef_free(vm->def);
	vm->def = NULL;
	r = store_load(run->env, vm->name, opts->file, &vm->def, err);
	return r < 0 ? r : check_topology(run, vm, opts, facts, err);
}

/* Waits for the pairs, all under one deadline, and says what each came to. */
static int await_pairs(struct vm *vm, int wait_s, struct flow_run *run, struct err *err)
{
	struct result *result = run->result;
	int64_t deadline = wait_s < 0 ? 0 : deadline_in((int64_t)wait_s * 1000);

	result->pairs = calloc(vm->def->n_pairs ?: 1, sizeof(*result->pairs));
	if (!result->pairs)
		return err_nomem(err);
	for (size_t i = 0; i < vm->def->n_pairs; i++) {
		const struct vm_pair *pair = &vm->def->pairs[i];
		struct pair_result *out = &result->pairs[i];
		int r;

		out->id = strdup(pair->id);
		result->n_pairs++;
		if (!out->id)
			return err_nomem(err);
		r = pair_await(vm, pair, PAIR_PLUGGED, deadline, out, err);
		if (r < 0)
			return r;
		if (out->state >= PAIR_PLUGGED)
			out->target_primary = pair_primary_text(vm, pair);
		else if (wait_s >= 0)
			result->status = ERR_DEGRADED;
		pair_list_unsupported(vm, pair, &out->unsupported);
		run_plugged(run, out);
	}
	if (result->status == ERR_DEGRADED) {
		result->reason =
			str_printf("after %d s the guest has not taken its pair whole; "
				   "is net_failover in it? See: vmfo status %s",
				   wait_s, vm->name);
	}
	return 0;
}

/* QEMU plugs the primaries by itself, once the guest has negotiated: all is to be ready. */
static int start(struct vm *vm, const struct launch_opts *opts, const struct qemu_facts *facts,
		 struct err *err)
{
	const struct vf_reserve what = { .chosen = opts->vfs, .suppress = &opts->suppress };
	const struct qemu_start how = { .facts = facts };
	int r = vf_reserve(vm, &what, err);

	if (r == 0)
		r = vf_prepare_all(vm, true, err);
	if (r == 0)
		r = qemu_start(vm, &how, err);
	return r;
}

static int launch(struct flow_run *run, struct vm *vm, const struct launch_opts *opts,
		  struct err *err)
{
	struct qemu_facts *facts = NULL;
	int r = vm_lock(vm, "launch", err);

	if (r < 0)
		return r;
	run_phase(run, "check");
	r = check_vacant(vm, err);
	if (r < 0)
		return r;
	r = check(run, vm, opts, &facts, err);
	if (r == 0) {
		run_phase(run, "start");
		r = start(vm, opts, facts, err);
	}
	qemu_facts_free(facts);
	if (r < 0) {
		/* The folder of a VM that runs is not ours to remove. */
		if (!vm->pid)
			vm_leave_host_or_warn(vm);
		return r;
	}
	run->result->pid = vm->pid;
	r = store_save(run->env, vm->def, err);
	if (r < 0)
		return r;
	run_note(run, "QEMU %s runs as process %d", qmp_version(vm->qmp), vm->pid);
	r = datapath_all(vm, datapath_to_primary, err);
	if (r < 0)
		return r;
	if (opts->wait_pair_s >= 0)
		run_phase(run, "wait-pair");
	return await_pairs(vm, opts->wait_pair_s, run, err);
}

int flow_launch(struct flow_env *env, const struct launch_opts *opts, struct result *result,
		struct err *err)
{
	_cleanup_(vm_closep) struct vm *vm = NULL;
	struct flow_run run;
	int r = run_begin(&run, env, "vmfo.launch/1", opts->vm, result, err);

	if (r == 0)
		r = vm_open(env, opts->vm, &vm, err);
	if (r == 0)
		r = launch(&run, vm, opts, err);
	/* Once QEMU runs, a failure to look at it does not take it back. */
	if (r < 0 && result->pid)
		r = err_set(err, ERR_DEGRADED, err->errnum, "it runs (process %d), but: %s",
			    result->pid, err->msg);
	r = run_end(&run, r, err);
	/* Nobody is to wait for the VM's lock while a server takes its time. */
	vm_close(steal_ptr(vm));
	flow_notify(env, result);
	return r;
}
