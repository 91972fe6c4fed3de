/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A VM leaves this host, or never came to be here.
 */
#ifndef VMFO_FLOW_LEAVE_H
#define VMFO_FLOW_LEAVE_H

#include "flow/vm.h"

/*
 * Its QEMU has ended. What it has reserved of this host is given back, and its entries in
 * forwarding databases and filters go; nothing where there is no reservation. Whatever fails,
 * the rest is done; what cannot be given back stays reserved.
 */
int vm_leave_network(struct vm *vm, struct err *err);

/*
 * The same, and then its run folder goes, and with it the lock, which is held; not the folder
 * of one that still has something reserved. The error says who tries again.
 */
int vm_leave_host(struct vm *vm, struct err *err);

/* The same where something else decides what is returned: that something stays is told. */
void vm_leave_host_or_warn(struct vm *vm);

#endif
