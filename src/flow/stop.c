/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/stop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/pidfd.h>

#include "flow/leave.h"
#include "flow/reservation.h"
#include "flow/run.h"
#include "flow/store.h"
#include "flow/vm.h"

/* For a cancelled migration to be undone: QEMU alone may take 30 s to get its guest back. */
#define CANCEL_TIMEOUT_MS 120000

/* The guest's own power-down; QEMU ends with it. */
static int power_down(struct vm *vm, int timeout_s, struct err *err)
{
	int r = vm_qmp(vm, "system_powerdown", NULL, NULL, err);

	if (r < 0)
		return r;
	r = vm_wait_gone(vm, deadline_in((int64_t)timeout_s * 1000), err);
	if (r == -ETIMEDOUT)
		return err_set(
			err, ERR_REFUSED, ETIMEDOUT,
			"the guest did not power down within %d s and still runs; wait longer "
			"(--timeout), or end it the hard way (--force)",
			timeout_s);
	return r;
}

static int check(struct vm *vm, struct err *err)
{
	int r = vm_find_running(vm, err);

	if (r < 0)
		return r;
	if (r == 0)
		return err_set(err, ERR_REFUSED, ESRCH, "it does not run here");
	return vm_check_settled(vm, err);
}

/* What does not come back as it was is said together with how QEMU stands. */
static int leave(struct vm *vm, const char *qemu, struct err *err)
{
	struct err why = ERR_INIT;

	if (vm_leave_host(vm, &why) == 0)
		return 0;
	return err_set(err, ERR_UNFINISHED, why.errnum, "%s, but %s", qemu, why.msg);
}

/* Only what a QEMU that died has left, or an earlier stop; nobody runs here. */
static int leave_late(struct flow_run *run, struct vm *vm, struct err *err)
{
	bool reserved = reservation_load(vm, NULL) > 0;
	int r = leave(vm, "it does not run here", err);

	if (r == 0 && reserved)
		run_note(run, "what it still had of this host was given back");
	return r;
}

static int stop(struct flow_run *run, struct vm *vm, const struct stop_opts *opts,
		struct err *err)
{
	int r = vm_lock(vm, "stop", err);

	if (r < 0)
		return r;
	r = check(vm, err);
	if (r == -ESRCH)
		return leave_late(run, vm, err) ?: r;
	if (r < 0)
		return r;
	r = vm_connect(vm, err);
	if (r == 0 && opts->timeout_s > 0) {
		run_phase(run, "power-down");
		r = power_down(vm, opts->timeout_s, err);
	}
	if (r < 0 && (!opts->force || r == -ECANCELED))
		return r;
	if (r < 0)
		run_warn(run, "%s", err->msg);
	run_phase(run, "quit");
	r = vm_end_qemu(vm, err);
	return r < 0 ? r : leave(vm, "it is stopped", err);
}

int flow_stop(struct flow_env *env, const struct stop_opts *opts, struct result *result,
	      struct err *err)
{
	_cleanup_(vm_closep) struct vm *vm = NULL;
	struct flow_run run;
	int r = run_begin(&run, env, "vmfo.stop/1", opts->vm, result, err);

	if (r == 0)
		r = vm_open(env, opts->vm, &vm, err);
	if (r == 0)
		r = stop(&run, vm, opts, err);
	return run_end(&run, r, err);
}

static int await_end(struct flow_env *env, int pidfd, struct err *err)
{
	int r = pidfd_wait(pidfd, env->loop, deadline_in(CANCEL_TIMEOUT_MS), err);

	if (r == -ETIMEDOUT)
		return err_set(
			err, ERR_UNFINISHED, ETIMEDOUT,
			"it was told to stop %d s ago and is still undoing; see 'vmfo status'",
			CANCEL_TIMEOUT_MS / 1000);
	return r;
}

int flow_cancel(struct flow_env *env, const char *name, struct err *err)
{
	_cleanup_(vm_closep) struct vm *vm = NULL;
	_cleanup_free_ char *moved_to = NULL;
	_cleanup_close_ int pidfd = -1;
	char operation[32];
	pid_t pid = 0, again = 0;
	int r = vm_open(env, name, &vm, err);

	if (r == 0)
		r = lock_holder(vm->rundir, &pid, operation, err);
	if (r < 0)
		return r;
	if (pid <= 0 || !str_eq(operation, "migrate"))
		return err_set(err, ERR_REFUSED, ESRCH, "no migration of %s is in flight here",
			       name);
	pidfd = pidfd_open(pid, 0);
	/* Only if it still holds the lock does this pidfd mean that very process. */
	if (pidfd < 0 || lock_holder(vm->rundir, &again, operation, NULL) < 0 || again != pid)
		return err_set(err, ERR_REFUSED, ESRCH, "the migration of %s has just ended",
			       name);
	if (pidfd_send_signal(pidfd, SIGINT, NULL, 0) < 0)
		return err_sys(err, ERR_REFUSED, errno, "signal process %d, which migrates %s",
			       pid, name);
	r = await_end(env, pidfd, err);
	if (r == 0)
		r = store_moved_to(env, name, &moved_to, err);
	if (r == 0 && moved_to)
		return err_set(err, ERR_REFUSED, EALREADY,
			       "it was too late: %s had been handed over to %s", name,
			       moved_to);
	return r;
}
