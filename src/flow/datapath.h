/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The host's side of a pair: to which of its two devices the network delivers the VM's
 * frames. One table, a row for each kind of primary.
 *
 * An emulated primary has a tap beside the standby's, mostly on the same bridge, and the
 * bridge sends a frame to the tap where it last saw the VM's address. Left to itself it is
 * wrong twice:
 *
 * - The guest lets go of its primary, and is sent frames there until it says something on
 *   its standby.
 * - The guest has its primary again, and one more frame comes out of the standby's tap: an
 *   announcement of QEMU's, or the guest's own while the primary's link comes up. From then
 *   on net_failover drops everything, since it takes nothing from the standby while there
 *   is a primary; a guest that only answers is deaf until its neighbours ask again.
 *
 * So the standby's port does not learn while a primary is there or about to be, and in the
 * time in which the guest may change over by itself the bridge is made to forget: what it
 * does not know where to send goes to both taps, and the guest takes it from the right one.
 *
 *              primary's port       standby's port
 *   primary    up, learns           does not learn
 *   either     up, does not learn   learns
 *   standby    down                 learns
 *
 * With a VF the NIC decides, by the VF's MAC filter: while it is set, the guest's frames go
 * to the VF, also when nobody reads them there. Once it is cleared they go where the NIC's
 * own rules send them, which is the uplink of the standby's bridge if that lets the address
 * in: a PF that is a port of a bridge does, any other uplink has to be told.
 *
 * Some NICs hand a frame to every function that has its address. With these the guest can be
 * reached by both at once: its net_failover takes from the standby until there is a primary,
 * and drops there what it has from the VF as well. With all others its frames are lost from
 * the moment the VF gets its filter until the guest's driver has started, and in an unplug
 * until the filter is cleared.
 *
 *              VF's MAC filter   uplink's filter            standby's port
 *   primary    set                                          does not learn, no entry
 *   either     set               lets it in, of such a NIC  learns, no static entry
 *   standby    cleared           lets it in                 learns, static entry
 *
 * For the time in which a primary is plugged: an emulated one's row is "primary", so that what
 * the guest still sends by its standby teaches nobody; a VF's is "either".
 */
#ifndef VMFO_FLOW_DATAPATH_H
#define VMFO_FLOW_DATAPATH_H

#include "flow/vm.h"

/* All are idempotent, and do nothing to a link of the operator's own. */
typedef int datapath_fn(struct vm *vm, const struct vm_pair *pair, struct err *err);

datapath_fn datapath_to_standby;
datapath_fn datapath_to_either;
datapath_fn datapath_to_plug;
datapath_fn datapath_to_primary;

/* After datapath_to_plug(), once it is known whether the guest uses its primary. */
int datapath_settle(struct vm *vm, const struct vm_pair *pair, bool used, struct err *err);

/* One of these for every pair; the first failure is returned, after the rest. */
int datapath_all(struct vm *vm, datapath_fn *to, struct err *err);

/*
 * What is left on this host's links when the VM's QEMU has ended goes; the MAC filters of its
 * VFs are not of it (flow/vf_use.h).
 */
int datapath_leave(struct vm *vm, struct err *err);

#endif
