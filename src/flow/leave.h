/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A VM leaves this host, or never came to be here.
 */
#ifndef VMFO_FLOW_LEAVE_H
#define VMFO_FLOW_LEAVE_H

#include "flow/vm.h"

/*
 * Its QEMU has ended. What it had of this host beside that goes: entries in forwarding
 * databases and filters, what it has reserved; then its run folder, and with it the lock,
 * which is held. What cannot be given back stays reserved, and so does the folder.
 */
int vm_leave_host(struct vm *vm, struct err *err);

#endif
