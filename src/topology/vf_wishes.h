/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the pairs of a definition wish for of VFs, and what each gets, one after the other.
 */
#ifndef VMFO_TOPOLOGY_VF_WISHES_H
#define VMFO_TOPOLOGY_VF_WISHES_H

#include <jansson.h>

#include "topology/vf_match.h"

/*
 * The wishes of the definition's pairs whose primary is a VF that is still to be chosen, in
 * the order in which they are to be served: those for which topo->chosen names one, then those
 * with a larger MTU, which have fewer to choose from. Served so, each taking its first, none
 * goes without a VF if all could have one.
 * out: freed by the caller.  Errors: ERR_INTERNAL, ENOMEM.
 */
int vf_wishes_of(const struct topo *topo, struct vf_wish **out, size_t *n, struct err *err);

/*
 * Serves every wish of the definition: calls fn with its candidates, and takes the best one
 * for it. topo needs host and settings, and topo_open().
 * Errors: ERR_INTERNAL, ENOMEM.
 */
typedef void vf_choice_fn(void *data, const struct vf_wish *wish,
			  const struct vf_candidates *candidates);
int vf_each_choice(const struct topo *topo, vf_choice_fn *fn, void *data, struct err *err);

/*
 * By the id of each pair whose VF is to be chosen: {primary: ADDRESS|null, candidates: [{vf:
 * ADDRESS|null, pf: LINK, fits, reason|null}, …]}, best first. New; NULL: out of memory.
 */
json_t *vf_wishes_json(const struct topo *topo);

#endif
