/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "topology/vf_wishes.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "topology/vf_chosen.h"

static struct vf_wish wish_of(const struct topo *topo, const struct topo_pair *pair)
{
	const struct vm_pair *def = pair->def;
	size_t number = (size_t)(def - topo->def->pairs);
	uint32_t model = 0;

	if (topo->source && number < topo->source->n_vf_models)
		model = topo->source->vf_models[number];
	return (struct vf_wish){
		.pair = def->id,
		.physnet = def->primary.physnet,
		.mtu = def->mtu,
		.mac = def->mac,
		.vendor = (uint16_t)(model >> 16),
		.device = (uint16_t)model,
		.numa_node = topo->memory_node,
		.vm = topo->vm,
		.chosen = vf_chosen_for(topo->chosen, topo->def, def->id),
	};
}

static bool is_before(const struct vf_wish *a, const struct vf_wish *b)
{
	if (!a->chosen != !b->chosen)
		return a->chosen;
	return vf_wish_mtu(a) > vf_wish_mtu(b);
}

int vf_wishes_of(const struct topo *topo, struct vf_wish **out, size_t *n, struct err *err)
{
	struct vf_wish *wishes = calloc(topo->n_pairs ?: 1, sizeof(*wishes));

	*n = 0;
	if (!wishes)
		return err_nomem(err);
	for (size_t i = 0; i < topo->n_pairs; i++) {
		const struct topo_pair *pair = &topo->pairs[i];
		char address[PCI_ADDRESS_SIZE];
		struct vf_wish wish;
		size_t at = (*n)++;

		if (!pair->vfio || !pair->def || pair->def->primary.kind != VM_PRIMARY_VF ||
		    topo_primary_address(topo, pair, address)) {
			--*n;
			continue;
		}
		/* Inserted behind its equals: at most 64, mostly of one MTU. */
		wish = wish_of(topo, pair);
		for (; at > 0 && is_before(&wish, &wishes[at - 1]); at--)
			wishes[at] = wishes[at - 1];
		wishes[at] = wish;
	}
	*out = wishes;
	return 0;
}

int vf_each_choice(const struct topo *topo, vf_choice_fn *fn, void *data, struct err *err)
{
	_cleanup_free_ struct vf_wish *wishes = NULL;
	struct vf_pool *pool = NULL;
	size_t n;
	int r = vf_wishes_of(topo, &wishes, &n, err);

	if (r == 0)
		r = vf_pool_open(topo, &pool, err);
	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct vf_candidate *best;
		struct vf_candidates candidates;

		r = vf_pool_match(pool, &wishes[i], &candidates, err);
		if (r < 0)
			break;
		fn(data, &wishes[i], &candidates);
		best = vf_candidates_best(&candidates);
		if (best)
			vf_pool_take(pool, best->vf, wishes[i].pair);
		vf_candidates_clear(&candidates);
	}
	vf_pool_free(pool);
	return r;
}

/* ---- JSON ---- */

static void add_choice(void *data, const struct vf_wish *wish,
		       const struct vf_candidates *candidates)
{
	const struct vf_candidate *best = vf_candidates_best(candidates);
	json_t *list = json_array();

	for (size_t i = 0; i < candidates->n; i++) {
		const struct vf_candidate *one = &candidates->list[i];

		json_array_append_new(list, json_pack("{ss? ss sb ss?}", "vf",
						      one->vf ? one->vf->address : NULL, "pf",
						      one->pf_name, "fits", one->fits, "reason",
						      one->fits ? NULL : one->reason));
	}
	json_object_set_new(data, wish->pair,
			    json_pack("{ss? so}", "primary", best ? best->vf->address : NULL,
				      "candidates", list));
}

json_t *vf_wishes_json(const struct topo *topo)
{
	json_t *pairs = json_object();

	if (pairs && vf_each_choice(topo, add_choice, pairs, NULL) < 0) {
		json_decref(pairs);
		return NULL;
	}
	return pairs;
}
