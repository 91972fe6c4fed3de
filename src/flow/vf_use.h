/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A reserved VF on its way to QEMU and back. Each change is in the reservation before it
 * is made.
 *
 * The VF's administrative MAC is a filter in the NIC: while it is set, the NIC hands the
 * guest's frames to that VF, whether or not anybody reads them there. So it is apart from
 * all else: set last, right before the guest gets the VF, and cleared when it has let go.
 */
#ifndef VMFO_FLOW_VF_USE_H
#define VMFO_FLOW_VF_USE_H

#include "flow/vm.h"

/*
 * Binds it to vfio-pci if it is not with vfio, and gives it the pair's VLAN, trust and
 * what else its definition says, all but the MAC; then its group is seen to open. What its
 * PF's driver does not know, the VLAN excepted, is no failure: vf->unsupported has it.
 * Idempotent. The guest must not own it: drivers of PFs reset a VF on such a change.
 * Errors: ERR_REFUSED, with the VF and the step.
 */
int vf_prepare(struct vm *vm, const struct vm_pair *pair, struct vm_vf *vf, struct err *err);

/*
 * vf_prepare() for every pair that has a VF reserved; admit: and its MAC, for a QEMU that
 * plugs the primary by itself.
 */
int vf_prepare_all(struct vm *vm, bool admit, struct err *err);

/* Sets the pair's MAC, or clears it. Nothing is written where it is so already. */
int vf_admit(struct vm *vm, const struct vm_pair *pair, const struct vm_vf *vf, bool admit,
	     struct err *err);

/*
 * All of the VM's VFs, as they were before, and the reservation goes. QEMU has ended. A VF
 * that is gone from the host is no error; of others the first failure is returned, after
 * the rest, and the reservation stays. Not to be cancelled.
 */
int vf_give_back_all(struct vm *vm, struct err *err);

#endif
