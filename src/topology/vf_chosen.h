/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * VFs that the operator names (--vf), as topo->chosen has them: {PAIR: ADDRESS}, PAIR being ""
 * where only one pair's primary is a VF. One judgement for all who take --vf: the rule
 * vf-chosen, and who reserves.
 */
#ifndef VMFO_TOPOLOGY_VF_CHOSEN_H
#define VMFO_TOPOLOGY_VF_CHOSEN_H

#include "topology/vf_match.h"

/* The address that is named for a pair of def, as it was written; NULL: none. Borrowed. */
const char *vf_chosen_for(const json_t *chosen, const struct vmdef *def, const char *pair);

/*
 * Whether each is for a pair of def whose primary is a VF, and no pair has two.
 * chosen: NULL: none are named.  Errors: ERR_REFUSED, EINVAL.
 */
int vf_chosen_check(const json_t *chosen, const struct vmdef *def, struct err *err);

/*
 * Whether the VF that the wish names may be one of those that are yet to be made: no function
 * of this host has its address.
 */
bool vf_chosen_may_come(const struct topo *topo, const struct vf_wish *wish);

/*
 * Whether the wish can have the VF that it names. candidates: the wish's.
 * Errors: ERR_REFUSED, EINVAL, with the reason and without the pair: no address, no such
 * function, no VF, one of another physnet, or one that does not fit.
 */
int vf_chosen_judge(const struct topo *topo, const struct vf_wish *wish,
		    const struct vf_candidates *candidates, struct err *err);

#endif
