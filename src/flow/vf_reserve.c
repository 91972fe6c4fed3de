/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/vf_reserve.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "flow/leave.h"
#include "flow/reservation.h"
#include "flow/store.h"
#include "flow/vf_choose.h"
#include "flow/vf_host.h"

#define LOCK_POLL_MS 50

/* Not a VM's name. */
#define HOST_LOCK_FOLDER ".host"

/* ---- under the host's lock ---- */

/* Return: 1 with the reservation loaded: it counts no longer; 0: it does, or there is none. */
static int find_left(struct vm *vm, struct err *err)
{
	int r = vm_find_running(vm, err);

	if (r == 0)
		r = reservation_counts(vm, err);
	if (r != 0)
		return r < 0 ? r : 0;
	return reservation_load(vm, err);
}

/*
 * Under that VM's lock: else its own vmfo could give back meanwhile, and what is given back
 * here after that would be another's already.
 */
static int give_back_left(struct vm *vm, struct err *err)
{
	int r = lock_take(vm->rundir, "reserve", 0, &vm->lock, err);

	/* Somebody works on it now. */
	if (r < 0)
		return r == -EBUSY ? 0 : r;
	r = find_left(vm, err);
	if (r <= 0)
		return r;
	if (vm->n_vfs)
		log_note("VM \"%s\" has left VFs behind that it had here: giving them back",
			 vm->name);
	return vm_leave_network(vm, err);
}

/* Return: 0 also where something could not be given back: it is told, and tried again. */
static int reap(struct flow_env *env, const char *name, struct err *err)
{
	_cleanup_(vm_closep) struct vm *vm = NULL;
	struct err why = ERR_INIT;
	int r = vm_open(env, name, &vm, err);

	if (r < 0)
		return r;
	/* Without the lock first: taking it would make the folder of a VM that has none. */
	r = find_left(vm, &why);
	if (r > 0)
		r = give_back_left(vm, &why);
	if (r < 0)
		log_warn("what VM \"%s\" has reserved here: %s", name, why.msg);
	return 0;
}

static int reap_all(const struct vm *vm, struct err *err)
{
	struct strv names = { 0 };
	int r = store_names(vm->env, &names, err);

	for (size_t i = 0; r == 0 && i < names.n; i++)
		if (!str_eq(names.v[i], vm->name))
			r = reap(vm->env, names.v[i], err);
	strv_clear(&names);
	return r;
}

/* ---- memory, addresses ---- */

static bool is_suppressed(const struct vf_reserve *how, const char *rule)
{
	return how->suppress && strv_has(how->suppress, rule);
}

static int check_memory(const struct vf_view *view, const struct vf_reserve *how,
			struct err *err)
{
	int64_t available = topo_memory_available_mib(&view->topo);
	const struct vmdef *def = view->topo.def;

	if (def->memory.huge_pages || available < 0 || available >= def->memory.mib ||
	    is_suppressed(how, "memory-short"))
		return 0;
	return err_set(err, ERR_REFUSED, ENOMEM,
		       "memory: it needs %d MiB, and %" PRId64
		       " MiB are available beside what other VMs have reserved (memory-short)",
		       def->memory.mib, available);
}

static bool has_mac(const struct host_vm *vm, const struct mac *mac)
{
	for (size_t i = 0; i < vm->n_macs; i++)
		if (mac_equal(&vm->macs[i], mac))
			return true;
	return false;
}

static int check_mac(const struct host_vm *other, const char *what, const char *id,
		     const struct mac *mac, const char *rule, struct err *err)
{
	char text[MAC_TEXT_SIZE];

	return !has_mac(other, mac) ?
		       0 :
		       err_set(err, ERR_REFUSED, EADDRINUSE,
			       "%s %s: VM \"%s\" on this host has its MAC, %s, already (%s)",
			       what, id, other->name, mac_format(mac, text), rule);
}

static int check_macs(const struct vf_view *view, const struct vf_reserve *how, struct err *err)
{
	const char *rule = how->source ? "mac-taken" : "mac-duplicate";
	const struct vmdef *def = view->topo.def;
	int r = 0;

	for (size_t i = 0; !is_suppressed(how, rule) && i < view->n_vms; i++) {
		const struct host_vm *other = &view->vms[i];

		/* A VM that is only stored here wants nothing. */
		if (str_eq(other->name, view->topo.vm) || (!other->pid && !other->reserved_mib))
			continue;
		for (size_t j = 0; r == 0 && j < def->n_pairs; j++)
			r = check_mac(other, "pair", def->pairs[j].id, &def->pairs[j].mac, rule,
				      err);
		for (size_t j = 0; r == 0 && j < def->n_nics; j++)
			r = check_mac(other, "NIC", def->nics[j].id, &def->nics[j].mac, rule,
				      err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- the whole ---- */

static int lock_busy(const char *folder, int waited_ms, struct err *err)
{
	char operation[32], who[32] = "";
	pid_t pid = 0;

	if (lock_holder(folder, &pid, operation, NULL) == 0 && pid > 0)
		snprintf(who, sizeof(who), " (process %d)", pid);
	return err_set(err, ERR_REFUSED, EBUSY,
		       "reserve VFs, memory and addresses: another vmfo%s is doing so on this "
		       "host, and has not ended within %d s; try again when it has",
		       who, waited_ms / 1000);
}

/* The loop runs meanwhile: an agent's source goes on being answered, and SIGINT counts. */
static int lock_host(const struct flow_env *env, struct lock **out, struct err *err)
{
	_cleanup_free_ char *folder = str_printf("%s/" HOST_LOCK_FOLDER, env->rundir);
	int wait_ms = env->vf_host->lock_ms;
	int64_t deadline = deadline_in(wait_ms);
	int r;

	if (!folder)
		return err_nomem(err);
	for (;;) {
		r = lock_take(folder, "reserve", 0, out, err);
		if (r != -EBUSY)
			return r;
		if (clock_ms() >= deadline)
			return lock_busy(folder, wait_ms, err);
		r = loop_sleep(env->loop, LOCK_POLL_MS, err);
		if (r < 0)
			return r;
	}
}

static int reserve_all(struct vm *vm, const struct vf_reserve *how, struct err *err)
{
	struct vf_view view = { 0 };
	int r = reap_all(vm, err);

	/* Its own, of a QEMU that has crashed. */
	if (r == 0)
		r = vm_leave_network(vm, err);
	if (r == 0)
		r = vf_view_open(vm, how->chosen, how->source, &view, err);
	if (r == 0)
		r = check_memory(&view, how, err);
	if (r == 0)
		r = check_macs(&view, how, err);
	if (r == 0)
		r = vf_choose(vm, &view, NULL, err);
	vf_view_close(&view);
	return r < 0 ? r : reservation_save(vm, err);
}

int vf_reserve(struct vm *vm, const struct vf_reserve *how, struct err *err)
{
	struct lock *lock;
	int r = lock_host(vm->env, &lock, err);

	if (r < 0)
		return r;
	r = reserve_all(vm, how, err);
	lock_release(lock);
	if (r < 0)
		reservation_forget(vm);
	return r;
}

static int reserve_another(struct vm *vm, const struct vm_pair *pair, const char *address,
			   struct err *err)
{
	json_t *chosen = address ? json_pack("{ss}", pair->id, address) : NULL;
	struct vf_view view = { 0 };
	int r = address && !chosen ? err_nomem(err) : reap_all(vm, err);

	if (r == 0)
		r = vf_view_open(vm, chosen, NULL, &view, err);
	if (r == 0)
		r = vf_choose(vm, &view, pair, err);
	vf_view_close(&view);
	json_decref(chosen);
	return r;
}

int vf_reserve_another(struct vm *vm, const struct vm_pair *pair, const char *address,
		       struct err *err)
{
	const struct vm_vf *now = reservation_vf(vm, pair);
	char former[PCI_ADDRESS_SIZE] = "";
	size_t held = vm->n_vfs;
	struct lock *lock;
	int r = lock_host(vm->env, &lock, err);

	if (r < 0)
		return r;
	if (now)
		memcpy(former, now->address, sizeof(former));
	if (address && reservation_spare(vm, pair, address))
		reservation_prefer(vm, pair, address);
	else
		r = reserve_another(vm, pair, address, err);
	if (r == 0)
		r = reservation_save(vm, err);
	lock_release(lock);
	if (r < 0) {
		reservation_cut(vm, held);
		/* No VF has the address "": all are spare, as they were. */
		reservation_prefer(vm, pair, former);
	}
	return r;
}
