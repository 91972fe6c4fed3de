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
#include "topology/vf_wishes.h"

/*
 * A VF that was just made has its driver by and by, and while that starts it has no link: as
 * one that is somebody's.
 */
#define SETTLE_MS 2000
#define SETTLE_POLL_MS 100

/* ---- the facts ---- */

void vf_view_close(struct vf_view *view)
{
	topo_close(&view->topo);
	host_facts_free(view->host);
	json_decref(view->unmade);
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

static int read_host(struct vm *vm, struct vf_view *view, struct err *err)
{
	const struct host_read what = { .vms = view->vms, .n_vms = view->n_vms };
	int r;

	host_facts_free(steal_ptr(view->host));
	r = vm->env->vf_host->read(&what, &view->host, err);
	view->topo.host = view->host;
	return r;
}

int vf_view_open(struct vm *vm, const json_t *chosen, const struct source_facts *source,
		 struct vf_view *out, struct err *err)
{
	int r = neighbours_read(vm->env, &out->vms, &out->n_vms, err);

	if (r == 0)
		r = read_host(vm, out, err);
	if (r == 0)
		r = open_pairs(out, vm->def, err);
	out->unmade = json_object();
	if (r == 0 && !out->unmade)
		r = err_nomem(err);
	out->topo.def = vm->def;
	out->topo.settings = vm->env->host;
	out->topo.chosen = chosen;
	out->topo.unmade = out->unmade;
	out->topo.source = source;
	out->topo.vms = out->vms;
	out->topo.n_vms = out->n_vms;
	out->topo.vm = vm->name;
	out->topo.memory_node = vm->env->vf_host->memory_node(vm->pid);
	return r;
}

/* ---- VFs that are yet to be made ---- */

/* A PF that is to have VFs. */
struct making {
	const char *pf_link; /* of host.json; NULL: none is */
	char pf[PCI_ADDRESS_SIZE];
	int n;
};

/* For a wish that has none.  Return: false: that would not help. */
static bool find_making(const struct vf_view *view, const struct vf_wish *wish,
			const struct vf_candidates *candidates, struct making *out)
{
	if (wish->chosen && !vf_chosen_may_come(&view->topo, wish))
		return false;
	for (size_t i = 0; i < candidates->n; i++) {
		const struct vf_candidate *one = &candidates->list[i];

		if (!one->to_make)
			continue;
		*out = (struct making){ .pf_link = one->pf_name, .n = one->to_make };
		memcpy(out->pf, one->pf->address, sizeof(out->pf));
		return true;
	}
	return false;
}

/*
 * Return: 1: they are there; 0: that PF cannot have them, so that it is none to choose from,
 * and another may do; or a failure.
 */
static int make_vfs(struct vm *vm, struct vf_view *view, const struct making *making,
		    struct err *err)
{
	const char *result = "its VFs were made, and are not there";
	struct err why = ERR_INIT;
	int r;

	log_note("making %d VFs of PF %s (%s)", making->n, making->pf_link, making->pf);
	r = vm->env->vf_host->set_num_vfs(vm->env->loop, making->pf, making->n, &why);
	/* With one that takes its time, no time is left: others wait for the host's lock. */
	if (r == -ETIMEDOUT || r == -ECANCELED)
		return err_set(err, why.kind, why.errnum, "make VFs of PF %s: %s",
			       making->pf_link, why.msg);
	if (r < 0) {
		log_warn("PF %s: %s", making->pf_link, why.msg);
		result = why.msg;
	}
	/* None is tried twice. */
	if (json_object_set_new(view->unmade, making->pf_link, json_string(result)) < 0)
		return err_nomem(err);
	if (r < 0)
		return 0;
	r = read_host(vm, view, err);
	return r < 0 ? r : 1;
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

/* Why a wish has none. */
static int refuse(const struct vf_view *view, const struct vf_wish *wish,
		  const struct vf_candidates *candidates, struct err *err)
{
	if (wish->chosen && vf_chosen_judge(&view->topo, wish, candidates, err) < 0)
		return err_wrap(err, "pair %s", wish->pair);
	return none_fits(wish, candidates, err);
}

/* making: set for a wish that has none, unless it is set already. */
static int choose(struct vm *vm, const struct vf_view *view, struct vf_pool *pool,
		  const struct vf_wish *wish, struct making *making, struct err *err)
{
	struct vf_candidates candidates;
	const struct vf_candidate *best;
	struct making found;
	int r = vf_pool_match(pool, wish, &candidates, err);

	if (r < 0)
		return r;
	best = vf_candidates_best(&candidates);
	if (best) {
		r = add(vm, wish, best, err);
		if (r == 0)
			vf_pool_take(pool, best->vf, wish->pair);
	} else if (!find_making(view, wish, &candidates, &found)) {
		r = refuse(view, wish, &candidates, err);
	} else if (!making->pf_link) {
		*making = found;
	}
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

/* With the VFs that there are. All are judged before any are made. */
static int choose_each(struct vm *vm, const struct vf_view *view, const struct vm_pair *only,
		       struct making *making, struct err *err)
{
	_cleanup_free_ struct vf_wish *wishes = NULL;
	struct vf_pool *pool = NULL;
	size_t n;
	int r = vf_wishes_of(&view->topo, &wishes, &n, err);

	if (r == 0)
		r = vf_pool_open(&view->topo, &pool, err);
	if (r < 0)
		return r;
	take_held(vm, view, pool);
	for (size_t i = 0; r == 0 && i < n; i++)
		if (!only || str_eq(wishes[i].pair, only->id))
			r = choose(vm, view, pool, &wishes[i], making, err);
	vf_pool_free(pool);
	return r;
}

int vf_choose(struct vm *vm, struct vf_view *view, const struct vm_pair *only, struct err *err)
{
	size_t held = vm->n_vfs;
	int64_t settled = 0;
	int r = vf_chosen_check(view->topo.chosen, vm->def, err);

	while (r == 0) {
		struct making making = { .pf_link = NULL };

		r = choose_each(vm, view, only, &making, err);
		if (r == 0 && !making.pf_link)
			return 0;
		reservation_cut(vm, held);
		if (clock_ms() < settled) {
			r = loop_sleep(vm->env->loop, SETTLE_POLL_MS, err);
			if (r == 0)
				r = read_host(vm, view, err);
		} else if (r == 0) {
			r = make_vfs(vm, view, &making, err);
			if (r > 0) {
				settled = deadline_in(SETTLE_MS);
				r = 0;
			}
		}
	}
	return r;
}
