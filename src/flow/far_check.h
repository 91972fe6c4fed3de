/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Whether this host could take a VM: the target's topology rules. They change nothing.
 */
#ifndef VMFO_FLOW_FAR_CHECK_H
#define VMFO_FLOW_FAR_CHECK_H

#include "flow/vm.h"
#include "topology/finding.h"

/*
 * vm: not locked, vm->def is the definition that would come. source: what its host says
 * of itself and of the VM (topology/source_facts.h). chosen: of --vf, {PAIR: ADDRESS}; NULL.
 * devices: what would be plugged here for
 * each pair: [{pair, primary|null, candidates}], candidates being those of vf_wishes_json()
 * for a VF, null else; new.
 * Return: 0 whatever was found; a failure when it could not look.
 */
int far_check(struct vm *vm, const json_t *source, const json_t *chosen, struct findings *out,
	      json_t **devices, struct err *err);

#endif
