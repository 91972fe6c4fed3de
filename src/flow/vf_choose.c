/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/vf_choose.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "flow/neighbours.h"
#include "flow/reservation.h"
#include "flow/vf_host.h"
#include "topology/vf_chosen.h"
#include "topology/vf_reasons.h"

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

void vf_view_close(struct vf_view *view)
{
	topo_close(&view->topo);
	host_facts_free(view->host);
	neighbours_free(view->vms, view->n_vms);
}

/* The pairs as the definition has them: what they are to become nobody needs to know. */
static int open_pairs(struct vf_view *view, const struct vmdef *def, struct err *err)
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

int vf_view_open(struct vm *vm, const json_t *chosen, const struct source_facts *source,
		 struct vf_view *out, struct err *err)
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
	out->topo.chosen = chosen;
	out->topo.source = source;
	out->topo.vms = out->vms;
	out->topo.n_vms = out->n_vms;
	out->topo.vm = vm->name;
	out->topo.memory_node = vm->env->vf_host->memory_node(vm->pid);
	return r;
}

/* ---- the choice ---- */

static int none_fits(const struct vf_wish *wish, const struct vf_candidates *candidates,
		     struct err *err)
{
	char reasons[VF_REASONS_SIZE];

	if (!candidates->n)
		return err_set(err, ERR_REFUSED, ENODEV,
			       "pair %s: this host has no physnet \"%s\" (see vmfo-host(5), "
			       "physnets)",
			       wish->pair, wish->physnet);
	return err_set(err, ERR_REFUSED, ENODEV, "pair %s: no VF of physnet %s is free: %s",
		       wish->pair, wish->physnet, vf_reasons_list(candidates, reasons));
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
static int find_best(const struct vf_view *view, const struct vf_wish *wish,
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

static int choose(struct vm *vm, const struct vf_view *view, struct vf_pool *pool,
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
static void take_held(const struct vm *vm, const struct vf_view *view, struct vf_pool *pool)
{
	for (size_t i = 0; i < vm->n_vfs; i++) {
		const struct pci_function *vf =
			host_find_function(view->host, vm->vfs[i].address);

		if (vf)
			vf_pool_take(pool, vf, vm->vfs[i].pair);
	}
}

int vf_choose(struct vm *vm, const struct vf_view *view, const struct vm_pair *only,
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
