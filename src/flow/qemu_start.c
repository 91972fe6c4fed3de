/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/qemu_start.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "flow/reservation.h"
#include "host/memlock.h"
#include "host/qemu_probe.h"

/* For QEMU to answer on QMP, beside the time that preallocation takes. */
#define START_TIMEOUT_MS 30000
/* Preallocating is zeroing memory; 1 GiB a second is slow for any host. */
#define PREALLOC_MS_PER_GIB 1000

const char *qemu_binary(const struct vm *vm)
{
	return vm->def->qemu ?: vm->env->host->qemu;
}

/* ---- taps ---- */

/* The fds that QEMU gets, in the order of the plan. */
struct tap_fds {
	int *fd;
	size_t n;
};

static void tap_fds_clear(struct tap_fds *fds)
{
	for (size_t i = 0; i < fds->n; i++)
		close(fds->fd[i]);
	free(fds->fd);
}

static int mtu_of(const struct vmdef *def, const char *nic)
{
	for (size_t i = 0; i < def->n_pairs; i++)
		if (str_eq(def->pairs[i].id, nic))
			return def->pairs[i].mtu;
	for (size_t i = 0; i < def->n_nics; i++)
		if (str_eq(def->nics[i].id, nic))
			return def->nics[i].mtu;
	return 0;
}

static int make_tap(struct vm *vm, const struct qemu_tap *plan, struct tap_fds *fds, bool down,
		    struct err *err)
{
	struct vm_tap *tap = &vm->taps[vm->n_taps];
	int r;

	*tap = (struct vm_tap){ .nic = strdup(plan->nic),
				.primary = plan->primary,
				.bridge = strdup(plan->bridge) };
	vm->n_taps++;
	if (!tap->nic || !tap->bridge)
		return err_nomem(err);
	r = net_tap_make("vmfo%d", plan->bridge, plan->queues, mtu_of(vm->def, plan->nic),
			 tap->name, fds->fd + fds->n, err);
	if (r < 0)
		return err_wrap(err, "make the tap of %s", plan->netdev);
	fds->n += (size_t)plan->queues;
	/* A primary that is not plugged yet must not attract the VM's traffic. */
	return down && plan->primary ? net_link_set_up(tap->name, false, err) : 0;
}

static int make_taps(struct vm *vm, const struct qemu_tap *plan, size_t n, struct tap_fds *fds,
		     bool primaries_down, struct err *err)
{
	size_t queues = 0;

	/* Those of a QEMU that died. */
	vm_forget_taps(vm);
	for (size_t i = 0; i < n; i++)
		queues += (size_t)plan[i].queues;
	if (n == 0)
		return 0;
	fds->fd = calloc(queues, sizeof(*fds->fd));
	vm->taps = calloc(n, sizeof(*vm->taps));
	if (!fds->fd || !vm->taps)
		return err_nomem(err);
	for (size_t i = 0; i < n; i++) {
		int r = make_tap(vm, &plan[i], fds, primaries_down, err);

		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- the process ---- */

/*
 * What an earlier QEMU, or one that died, has left in the folder. state.json is not among
 * it: that is this vmfo's own by now.
 */
static void remove_stale(const struct vm *vm)
{
	static const char *const files[] = {
		"qmp.sock",  "monitor.sock",  "monitor.pending.sock",
		"qga.sock",  "incoming.sock", "out.sock",
		"vm.json",   "pid",           "qemu.log",
		"serial.log"
	};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_free_ char *path = vm_path(vm, files[i]);

		if (path)
			unlink(path);
	}
}

/*
 * Where systemd runs, a scope of its own keeps QEMU out of the session (an SSH login, as
 * a rule) that started it, and so alive when that ends.
 */
static void add_scope(const struct vm *vm, struct strv *argv)
{
	if (access("/run/systemd/system", F_OK) < 0)
		return;
	strv_add(argv, "systemd-run");
	strv_add(argv, "--scope");
	strv_add(argv, "--quiet");
	strv_add(argv, "--collect");
	strv_add(argv, "--slice=machine.slice");
	strv_addf(argv, "--unit=vmfo-%s.scope", vm->name);
	strv_add(argv, "--");
}

/* By pair, the VF that is its primary; NULL for none. out: freed by the caller. */
static int list_vfs(const struct vm *vm, const char ***out, struct err *err)
{
	*out = calloc(vm->def->n_pairs ?: 1, sizeof(**out));
	if (!*out)
		return err_nomem(err);
	for (size_t i = 0; i < vm->def->n_pairs; i++) {
		const struct vm_vf *vf = reservation_vf(vm, &vm->def->pairs[i]);

		(*out)[i] = vf ? vf->address : NULL;
	}
	return 0;
}

static int make_argv(struct vm *vm, const struct qemu_start *how, struct strv *argv,
		     struct err *err)
{
	_cleanup_free_ const char **vfs = NULL;
	struct qemu_argv_env env = { .qemu = qemu_binary(vm),
				     .rundir = vm->rundir,
				     .vhost_net = access("/dev/vhost-net", R_OK | W_OK) == 0,
				     .incoming = how->incoming,
				     .without_primaries = how->without_primaries };
	const struct qemu_facts *facts = how->facts;
	struct qemu_facts *asked = NULL;
	int r = list_vfs(vm, &vfs, err);

	if (r < 0)
		return r;
	env.vfs = vfs;
	if (!facts) {
		r = qemu_probe(vm->env->loop, env.qemu, NULL, &asked, err);

		if (r < 0)
			return r;
		facts = asked;
	}
	env.sandbox = facts->sandbox;
	env.json_device = facts->json_device;
	vm->patches = facts->patches;
	qemu_facts_free(asked);
	add_scope(vm, argv);
	return qemu_argv(vm->def, &env, argv, err);
}

static int spawn(struct vm *vm, const struct strv *argv, const struct tap_fds *fds,
		 struct err *err)
{
	_cleanup_free_ char *log_path = vm_path(vm, "qemu.log");
	_cleanup_close_ int log_fd = -1;
	struct child_spec spec = CHILD_SPEC_INIT;
	int r;

	if (!log_path)
		return err_nomem(err);
	log_fd = open(log_path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	if (log_fd < 0)
		return err_sys(err, ERR_INTERNAL, errno, "open %s", log_path);
	spec.argv = strv_argv(argv);
	spec.out = log_fd;
	spec.err = log_fd;
	spec.fds = fds->fd;
	spec.n_fds = fds->n;
	spec.detach = true;
	r = child_spawn(&vm->child, &spec, err);
	if (r < 0)
		return r;
	vm->pid = vm->child.pid;
	vm->pidfd = fcntl(vm->child.pidfd, F_DUPFD_CLOEXEC, 3);
	return vm->pidfd < 0 ? err_sys(err, ERR_INTERNAL, errno, "dup") : 0;
}

static int ended_early(struct vm *vm, struct err *err)
{
	char tail[300], how[64];
	int status;

	if (!child_ended(&vm->child, &status))
		return 0;
	vm_log_tail(vm, tail, sizeof(tail));
	return err_set(err, ERR_REFUSED, ECHILD, "QEMU ended with %s: %s",
		       child_status_text(status, how, sizeof(how)),
		       *tail ? tail : "it wrote nothing");
}

/* Tries until the socket is there and QEMU greets, or QEMU has ended. */
static int await_qmp(struct vm *vm, struct err *err)
{
	int64_t deadline = deadline_in(START_TIMEOUT_MS + (int64_t)vm->def->memory.mib *
								  PREALLOC_MS_PER_GIB / 1024);
	_cleanup_free_ char *path = vm_path(vm, "qmp.sock");

	if (!path)
		return err_nomem(err);
	for (;;) {
		int r = qmp_connect(vm->env->loop, path, deadline, &vm->qmp, err);

		if (r == 0)
			return 0;
		if (r == -ECANCELED)
			return r;
		/* What QEMU said in the end explains more than a broken connection. */
		r = loop_sleep(vm->env->loop, 20, err);
		if (r == 0)
			r = ended_early(vm, err);
		if (r < 0)
			return r;
		if (clock_ms() >= deadline)
			return err_set(err, ERR_REFUSED, ETIMEDOUT,
				       "QEMU (process %d) does not answer on QMP", vm->pid);
	}
}

static int start_process(struct vm *vm, const struct qemu_start *how, const struct tap_fds *fds,
			 struct err *err)
{
	struct strv argv = { 0 };
	int r = make_argv(vm, how, &argv, err);

	if (r == 0) {
		log_debug("%s: starting %s", vm->name, argv.v[0]);
		r = spawn(vm, &argv, fds, err);
	}
	strv_clear(&argv);
	if (r == 0)
		r = vm_record_running(vm, err);
	/* It may have ended before it could be recorded: then the reason is in its log. */
	if (r == -ESRCH)
		ended_early(vm, err);
	return r < 0 ? r : await_qmp(vm, err);
}

/*
 * What vfio pins is counted against QEMU's own limit: all RAM, and what the devices need
 * beside it. A QEMU that may lock anyway, or is root's, does without.
 */
static void raise_memlock(const struct vm *vm)
{
	int64_t bytes = ((int64_t)vm->def->memory.mib + 1024) << 20;
	struct err err = ERR_INIT;

	for (size_t i = 0; i < vm->def->n_pairs; i++) {
		if (vm->def->pairs[i].primary.kind != VM_PRIMARY_VF)
			continue;
		if (memlock_raise(vm->pid, bytes, &err) < 0)
			log_warn("%s", err.msg);
		return;
	}
}

int qemu_start(struct vm *vm, const struct qemu_start *how, struct err *err)
{
	_cleanup_(tap_fds_clear) struct tap_fds fds = { 0 };
	_cleanup_free_ struct qemu_tap *plan = NULL;
	size_t n_plan;
	int r;

	remove_stale(vm);
	r = qemu_plan_taps(vm->def, &plan, &n_plan, err);
	if (r == 0)
		r = make_taps(vm, plan, n_plan, &fds, how->without_primaries, err);
	if (r == 0)
		r = start_process(vm, how, &fds, err);
	if (r == 0)
		raise_memlock(vm);
	if (r < 0 && vm->pid) {
		loop_shield(vm->env->loop);
		vm_end_qemu(vm, NULL);
		loop_unshield(vm->env->loop);
	}
	return r < 0 ? err_wrap(err, "start QEMU (%s)", qemu_binary(vm)) : 0;
}
