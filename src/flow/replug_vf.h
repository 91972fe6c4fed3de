/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * vmfo replug --vf: VFs that the operator names for pairs of a VM that runs.
 */
#ifndef VMFO_FLOW_REPLUG_VF_H
#define VMFO_FLOW_REPLUG_VF_H

#include "flow/vm.h"

/* The address that is named for a pair, normal, into out.  Return: out; NULL: none is. */
const char *replug_named_vf(const struct vm *vm, const struct vm_pair *pair,
			    const json_t *named, char out[PCI_ADDRESS_SIZE]);

/*
 * Reserves each VF that is named ({PAIR: ADDRESS}; NULL: none) for its pair, whose other VFs
 * are spare then, without the guest's MAC. A pair that has it already is left as it is.
 * Errors: ERR_REFUSED: EINVAL: no such pair, or the VF does not fit; EBUSY: the pair's guest
 * uses another.
 */
int replug_name_vfs(struct vm *vm, const json_t *named, struct err *err);

/*
 * Before the pair's primary is plugged: that QEMU has none, or that very VF.
 * Errors: ERR_DEGRADED, EBUSY: it has another one still, which is the pair's again.
 */
int replug_check_vf(struct vm *vm, const struct vm_pair *pair, const char *address,
		    struct err *err);

#endif
