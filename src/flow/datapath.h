/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The host's side of a pair: to which of its two devices the network delivers the VM's
 * frames. One table, a row for each kind of primary.
 *
 * An emulated primary has a tap beside the standby's, mostly on the same bridge. When
 * the guest lets go of it nobody reads that tap any more, but the bridge goes on sending
 * there what it has learned. Setting the port down makes the bridge forget; then frames
 * are flooded to the standby, and learned there at the guest's first word. The other way
 * round, net_failover drops what arrives on the standby while there is a primary, so the
 * bridge must forget that port.
 */
#ifndef VMFO_FLOW_DATAPATH_H
#define VMFO_FLOW_DATAPATH_H

#include "flow/vm.h"

/* Both are idempotent, and do nothing for a link of the operator's own. */
int datapath_to_standby(struct vm *vm, const struct vm_pair *pair, struct err *err);
int datapath_to_primary(struct vm *vm, const struct vm_pair *pair, struct err *err);

/* datapath_to_primary() for every pair; the first failure is returned, after the rest. */
int datapath_all_to_primary(struct vm *vm, struct err *err);

#endif
