/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/vf_reserve.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "flow/leave.h"
#include "flow/neighbours.h"
#include "flow/reservation.h"
#include "flow/store.h"
#include "flow/vf_host.h"
#include "topology/vf_chosen.h"

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

/* ---- VFs that are yet to be made ---- */

static bool wants_physnet(const struct vmdef *def, const char *physnet)
{
	for (size_t i = 0; i < def->n_pairs; i++)
		if (def->pairs[i].primary.kind == VM_PRIMARY_VF &&
		    str_eq(def->pairs[i].primary.physnet, physnet))
			return true;
	return false;
}

/* Return: 1: it has them now; 0: nothing was to be done, or could be; or a failure. */
static int make_vfs_of(struct vm *vm, const struct host_facts *host, const char *pf_link, int n,
		       struct err *err)
{
	const struct host_link *link = host_find_link(host, pf_link);
	const struct pci_function *pf = link ? host_find_function(host, link->pci) : NULL;
	int r;

	/* One that has some has them by somebody's will. */
	if (!pf || !pf->sriov || pf->num_vfs > 0)
		return 0;
	log_note("making %d VFs of PF %s (%s)", n, pf_link, pf->address);
	r = vm->env->vf_host->set_num_vfs(vm->env->loop, pf->address, n, err);
	return r < 0 ? err_wrap(err, "make VFs of PF %s", pf_link) : 1;
}

/* Those that host.json asks for, of the physnets that the VM is on.  Return: as above. */
static int make_vfs(struct vm *vm, const struct host_facts *host, struct err *err)
{
	const struct hostdef *settings = vm->env->host;
	int made = 0;

	for (size_t i = 0; i < settings->n_physnets; i++) {
		const struct host_physnet *physnet = &settings->physnets[i];

		if (physnet->vfs <= 0 || !wants_physnet(vm->def, physnet->id))
			continue;
		for (size_t j = 0; j < physnet->n_pfs; j++) {
			int r = make_vfs_of(vm, host, physnet->pfs[j], physnet->vfs, err);

			if (r < 0)
				return r;
			made |= r;
		}
	}
	return made;
}

/* ---- the facts ---- */

/* What is known of the host, as the choice needs it. */
struct view {
	struct topo topo;
	struct host_facts *host;
	struct host_vm *vms;
	size_t n_vms;
};

static void view_close(struct view *view)
{
	topo_close(&view->topo);
	host_facts_free(view->host);
	neighbours_free(view->vms, view->n_vms);
}

/* The pairs as the definition has them: what they are to become nobody needs to know. */
static int open_pairs(struct view *view, const struct vmdef *def, struct err *err)
{
	view->topo.pairs = calloc(def->n_pairs ?: 1, sizeof(*view->topo.pairs));
	if (!view->topo.pairs)
		return err_nomem(err);
	for (size_t i = 0; i < def->n_pairs; i++)
		view->topo.pairs[view->topo.n_pairs++] =
			(struct topo_pair){ .id = def->pairs[i].id,
					    .vfio = def->pairs[i].primary.kind == VM_PRIMARY_VF,
					    .def = &def->pairs[i] };
	return 0;
}

static int view_open(struct vm *vm, const struct source_facts *source, struct view *out,
		     struct err *err)
{
	struct host_read what = { .sysroot = NULL };
	int r = neighbours_read(vm->env, &out->vms, &out->n_vms, err);

	what.vms = out->vms;
	what.n_vms = out->n_vms;
	if (r == 0)
		r = vm->env->vf_host->read(&what, &out->host, err);
	if (r == 0)
		r = make_vfs(vm, out->host, err);
	if (r > 0) {
		host_facts_free(steal_ptr(out->host));
		r = vm->env->vf_host->read(&what, &out->host, err);
	}
	if (r == 0)
		r = open_pairs(out, vm->def, err);
	out->topo.def = vm->def;
	out->topo.host = out->host;
	out->topo.settings = vm->env->host;
	out->topo.source = source;
	out->topo.vms = out->vms;
	out->topo.n_vms = out->n_vms;
	out->topo.vm = vm->name;
	out->topo.memory_node = vm->env->vf_host->memory_node(vm->pid);
	return r;
}

/* ---- memory, addresses ---- */

static bool is_suppressed(const struct vf_reserve *how, const char *rule)
{
	return how->suppress && strv_has(how->suppress, rule);
}

static int check_memory(const struct view *view, const struct vf_reserve *how, struct err *err)
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

static int check_macs(const struct view *view, const struct vf_reserve *how, struct err *err)
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

/* ---- the choice ---- */

/* "0000:01:10.0: it is used by VM x; 0000:01:10.2: …" into buf. */
static const char *list_reasons(const struct vf_candidates *candidates, char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < candidates->n && len < size; i++) {
		const struct vf_candidate *one = &candidates->list[i];

		len += (size_t)snprintf(buf + len, size - len, "%s%s: %s", len ? "; " : "",
					one->vf ? one->vf->address : one->pf_name, one->reason);
	}
	return buf;
}

static int none_fits(const struct vf_wish *wish, const struct vf_candidates *candidates,
		     struct err *err)
{
	char reasons[380];

	if (!candidates->n)
		return err_set(err, ERR_REFUSED, ENODEV,
			       "pair %s: this host has no physnet \"%s\" (see vmfo-host(5), "
			       "physnets)",
			       wish->pair, wish->physnet);
	return err_set(err, ERR_REFUSED, ENODEV, "pair %s: no VF of physnet %s is free: %s",
		       wish->pair, wish->physnet,
		       list_reasons(candidates, reasons, sizeof(reasons)));
}

static int add(struct vm *vm, const struct vf_wish *wish, const struct vf_candidate *best,
	       struct err *err)
{
	const struct vm_pair *pair = NULL;
	struct vm_vf *vf;
	int r;

	for (size_t i = 0; i < vm->def->n_pairs && !pair; i++)
		if (str_eq(vm->def->pairs[i].id, wish->pair))
			pair = &vm->def->pairs[i];
	r = reservation_add(vm, pair, &vf, err);
	if (r < 0)
		return r;
	memcpy(vf->address, best->vf->address, sizeof(vf->address));
	snprintf(vf->pf, sizeof(vf->pf), "%s", best->pf_name);
	snprintf(vf->pf_driver, sizeof(vf->pf_driver), "%s", best->pf->driver);
	snprintf(vf->former, sizeof(vf->former), "%s", best->vf->driver);
	vf->index = best->vf->vf_index;
	reservation_prefer(vm, pair, vf->address);
	return 0;
}

/* Return: 0 with out set, borrowed from candidates; or a failure. */
static int find_best(const struct view *view, const struct vf_wish *wish,
		     const struct vf_candidates *candidates, const struct vf_candidate **out,
		     struct err *err)
{
	*out = vf_candidates_best(candidates);
	if (*out)
		return 0;
	if (wish->chosen && vf_chosen_judge(&view->topo, wish, candidates, err) < 0)
		return err_wrap(err, "pair %s", wish->pair);
	return none_fits(wish, candidates, err);
}

static int choose(struct vm *vm, const struct view *view, struct vf_pool *pool,
		  const struct vf_wish *wish, struct err *err)
{
	struct vf_candidates candidates;
	const struct vf_candidate *best;
	int r = vf_pool_match(pool, wish, &candidates, err);

	if (r < 0)
		return r;
	r = find_best(view, wish, &candidates, &best, err);
	if (r == 0)
		r = add(vm, wish, best, err);
	if (r == 0)
		vf_pool_take(pool, best->vf, wish->pair);
	vf_candidates_clear(&candidates);
	return r;
}

/* What the VM has already fits nobody else, and none of its own pairs again. */
static void take_held(const struct vm *vm, const struct view *view, struct vf_pool *pool)
{
	for (size_t i = 0; i < vm->n_vfs; i++) {
		const struct pci_function *vf =
			host_find_function(view->host, vm->vfs[i].address);

		if (vf)
			vf_pool_take(pool, vf, vm->vfs[i].pair);
	}
}

/* only: the one pair that is to get a VF; NULL: all that want one. */
static int choose_all(struct vm *vm, const struct view *view, const struct vm_pair *only,
		      struct err *err)
{
	_cleanup_free_ struct vf_wish *wishes = NULL;
	struct vf_pool *pool = NULL;
	size_t n;
	int r = vf_chosen_check(view->topo.chosen, vm->def, err);

	if (r == 0)
		r = vf_wishes_of(&view->topo, &wishes, &n, err);
	if (r == 0)
		r = vf_pool_open(&view->topo, &pool, err);
	if (r < 0)
		return r;
	take_held(vm, view, pool);
	for (size_t i = 0; r == 0 && i < n; i++)
		if (!only || str_eq(wishes[i].pair, only->id))
			r = choose(vm, view, pool, &wishes[i], err);
	vf_pool_free(pool);
	return r;
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
	struct view view = { .topo.chosen = how->chosen };
	int r = reap_all(vm, err);

	/* Its own, of a QEMU that has crashed. */
	if (r == 0)
		r = vm_leave_network(vm, err);
	if (r == 0)
		r = view_open(vm, how->source, &view, err);
	if (r == 0)
		r = check_memory(&view, how, err);
	if (r == 0)
		r = check_macs(&view, how, err);
	if (r == 0)
		r = choose_all(vm, &view, NULL, err);
	view_close(&view);
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
	struct view view = { .topo.chosen = chosen };
	int r = address && !chosen ? err_nomem(err) : reap_all(vm, err);

	if (r == 0)
		r = view_open(vm, NULL, &view, err);
	if (r == 0)
		r = choose_all(vm, &view, pair, err);
	view_close(&view);
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
