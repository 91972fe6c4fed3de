/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Reserving on this host what a VM needs of it: a VF for every pair that wants one, memory,
 * name and addresses, all under one lock of the host, so that of two that race for the last
 * VF one gets it.
 */
#ifndef VMFO_FLOW_VF_RESERVE_H
#define VMFO_FLOW_VF_RESERVE_H

#include <jansson.h>

#include "flow/vm.h"
#include "topology/source_facts.h"

/* Whoever holds the host's lock reads facts, and at most waits for VFs to be made. */
#define VF_RESERVE_LOCK_MS 70000

/* What reserving takes at most: the lock, a PF that makes its VFs in 60 s, and all else. */
#define VF_RESERVE_MS (VF_RESERVE_LOCK_MS + 60000 + 30000)

struct vf_reserve {
	/*
	 * {PAIR: ADDRESS}: VFs that the operator names; PAIR may be "" where only one pair has
	 * a VF. Borrowed; NULL: none.
	 */
	const json_t *chosen;
	/* Of the host that the VM comes from: which models its guest knows; NULL: unknown. */
	const struct source_facts *source;
	/*
	 * Topology rules that do not count (--suppress): memory-short; mac-taken where there is
	 * a source, mac-duplicate else. They were asked before, without the lock. Borrowed;
	 * NULL: none.
	 */
	const struct strv *suppress;
};

/*
 * Reserves for vm->def, whose lock is held and which does not run here. First gives back what
 * crashes have left; last, where no VF that is there fits, makes those that host.json asks for,
 * which stay. Nothing else is touched.
 * Errors: ERR_REFUSED: ENODEV: no VF for a pair, with the reason for each candidate; EINVAL:
 * a chosen one does not fit; ENOMEM: memory is short; EADDRINUSE: another VM here has one
 * of its addresses; EBUSY: others hold the host's lock; ETIMEDOUT: a PF has not made its VFs in
 * time. -ECANCELED.
 */
int vf_reserve(struct vm *vm, const struct vf_reserve *how, struct err *err);

/*
 * Another VF for one pair of a VM that runs, beside those that it holds already, which are
 * spare then. address: this one and no other, be it one that was given up; NULL: the best that
 * fits and was not.
 * Errors: as of vf_reserve(); the pair has the VF that it had.
 */
int vf_reserve_another(struct vm *vm, const struct vm_pair *pair, const char *address,
		       struct err *err);

#endif
