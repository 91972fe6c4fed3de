/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Waiting for what a QEMU that has query-failover and FAILOVER_PRIMARY_CHANGED says of a
 * primary by itself. With any other QEMU the callers have ways of their own.
 */
#ifndef VMFO_FLOW_FAILOVER_H
#define VMFO_FLOW_FAILOVER_H

#include "flow/vm.h"
#include "topology/guest_facts.h"

/*
 * Until QEMU says that pair's primary is in the state `want`, that a step on the way there
 * has failed, or the deadline passes: out says what it was last, and none of these is a
 * failure of the call. out->error is that of a step that failed meanwhile, not an older one.
 * Return: 1; 0: this QEMU does not say; or a failure.
 */
int failover_await(struct vm *vm, const struct vm_pair *pair, enum failover_state want,
		   int64_t deadline, struct qemu_failover *out, struct err *err);

#endif
