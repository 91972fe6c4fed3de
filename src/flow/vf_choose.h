/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which VFs of this host a VM is to have, with the host as it is now. Under the host's lock;
 * nothing is written down (flow/vf_reserve.h does both).
 */
#ifndef VMFO_FLOW_VF_CHOOSE_H
#define VMFO_FLOW_VF_CHOOSE_H

#include <jansson.h>

#include "flow/vm.h"
#include "topology/topo.h"

/* What is known of the host, as the choice needs it. */
struct vf_view {
	struct topo topo;
	struct host_facts *host;
	struct host_vm *vms;
	size_t n_vms;
	json_t *unmade; /* topo.unmade */
};

/*
 * For vm->def. chosen, source: as of struct vf_reserve; borrowed.
 * out: to be closed also on failure.
 */
int vf_view_open(struct vm *vm, const json_t *chosen, const struct source_facts *source,
		 struct vf_view *out, struct err *err);
void vf_view_close(struct vf_view *view);

/*
 * Adds to vm->vfs one for each pair that wants one. only: the one pair that is to get one;
 * NULL: all. Where the VFs that there are do not suffice, those that host.json asks for are
 * made, of one PF after the other; view has the host as it is then.
 * Errors: ENODEV, EINVAL and ETIMEDOUT of vf_reserve(). -ECANCELED.
 */
int vf_choose(struct vm *vm, struct vf_view *view, const struct vm_pair *only, struct err *err);

#endif
