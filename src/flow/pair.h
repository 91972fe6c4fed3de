/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A failover pair of a running VM: what state it is in, and how one can know.
 *
 * QEMU says whether it has the primary; not whether the guest uses it. A primary that
 * the guest has let go of stays visible in QEMU (it is only "partially" unplugged), which
 * a QEMU with query-failover tells, and another does not. So there are two further
 * witnesses: the guest agent, where it runs, and the host. Of a VF that knows its
 * interrupts, which are there while the guest's driver uses it; of an emulated primary the
 * bridge's forwarding database shows from which of the pair's two taps the guest last sent.
 */
#ifndef VMFO_FLOW_PAIR_H
#define VMFO_FLOW_PAIR_H

#include "flow/result.h"
#include "flow/vm.h"

/* Whether QEMU has the device (it is neither hidden nor absent).  Return: 1, 0, failure. */
int pair_has_primary(struct vm *vm, const struct vm_pair *pair, struct err *err);

/*
 * The address of the VF that QEMU has as the pair's primary, in full.
 * Errors: also that it has none.
 * Source: QEMU hw/core/qdev-properties-system.c, qdev_prop_pci_host_devaddr.
 */
int pair_ask_vf(struct vm *vm, const struct vm_pair *pair, char out[PCI_ADDRESS_SIZE],
		struct err *err);

/*
 * Fills state, evidence and qemu (and leaves the rest of out alone). vm->qmp is connected.
 * since_ms: what the bridge has seen longer ago than this does not count as evidence.
 */
int pair_inspect(struct vm *vm, const struct vm_pair *pair, int64_t since_ms,
		 struct pair_result *out, struct err *err);

/* Where the guest was last seen to send from, by the bridge. */
enum pair_side { PAIR_SIDE_UNKNOWN, PAIR_SIDE_STANDBY, PAIR_SIDE_PRIMARY };

enum pair_side pair_seen_side(const struct vm *vm, const struct vm_pair *pair,
			      int64_t since_ms);

/*
 * Inspects again and again until the state is at least `want` or the deadline passes, which
 * is no failure: out says what was found last.
 */
int pair_await(struct vm *vm, const struct vm_pair *pair, enum pair_state want,
	       int64_t deadline, struct pair_result *out, struct err *err);

/* "net0-primary (e1000e)", "… (VF 0000:01:10.0)", for results; freed by the caller. */
char *pair_primary_text(const struct vm *vm, const struct vm_pair *pair);

/* out: replaced; names of those settings of its VF that the PF's driver does not know. */
void pair_list_unsupported(const struct vm *vm, const struct vm_pair *pair, struct strv *out);

/*
 * Whether a driver in the guest uses the pair's VF, by the VF's interrupts on this host.
 * Return: 1, 0; negative: it has no VF, or that cannot be seen.
 */
int pair_driver_up(const struct vm *vm, const struct vm_pair *pair);

/* The host's name of a link of the pair: vmfo's tap, or the operator's; NULL: none. */
const char *pair_standby_link(const struct vm *vm, const struct vm_pair *pair);
const char *pair_primary_link(const struct vm *vm, const struct vm_pair *pair);

#endif
