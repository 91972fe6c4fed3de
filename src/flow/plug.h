/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Plugs a pair's primary into a running VM, and proves that it is there.
 */
#ifndef VMFO_FLOW_PLUG_H
#define VMFO_FLOW_PLUG_H

#include "flow/result.h"
#include "flow/vm.h"

/*
 * Plugs pair's primary if QEMU has none, or says that the guest has let go of the one it has;
 * switches the datapath to it, and waits for a sign that the guest uses it. A VF that QEMU
 * does not take is followed by another; the_one: it is not. Fills out's state, evidence,
 * target_primary and reason; a pair that is not whole afterwards is no failure of the call but
 * told there.
 * Errors: QMP or the loop failed.
 */
int plug_primary(struct vm *vm, const struct vm_pair *pair, bool the_one,
		 struct pair_result *out, struct err *err);

/*
 * Has the guest let go of pair's primary, so that it can be plugged anew.
 * Return: 0: QEMU has none; 1: the guest has not let go in 10 s; or a failure.
 */
int plug_take_out(struct vm *vm, const struct vm_pair *pair, struct err *err);

#endif
