/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A running QEMU, read over QMP by queries only: its devices, and what it and its guest
 * say of the failover pairs.
 * Source: QEMU QAPI (qom-list, qom-get, query-pci, query-status, x-query-virtio-status).
 * A QEMU that its guest has broken out into is not trusted: every answer is checked.
 */
#ifndef VMFO_HOST_QEMU_READ_H
#define VMFO_HOST_QEMU_READ_H

#include "base/err.h"
#include "io/loop.h"
#include "proto/qmp.h"
#include "topology/guest_facts.h"
#include "topology/machine.h"

/*
 * out->running is set. What QMP does not tell is not there: hidden primaries, netdevs,
 * -global. Properties have the values that are in force, given or not; "romfile" is absent
 * where it is empty, and "rombar" is 0 where the device has no option ROM, whatever the
 * reason. Devices without an id come last.
 * Errors: ERR_REFUSED: EPROTO, E2BIG: answers that no QEMU gives; and those of
 * qmp_command().
 */
int qemu_read_machine(struct qmp *qmp, int64_t deadline, struct machine **out, struct err *err);

struct guest_question {
	const struct machine *machine; /* whose pairs; may be the definition's */
	const char *guest_agent; /* socket; NULL: there is none, or it is not to be asked */
	/*
	 * It is a VM of our own, and commands that are no queries may be used to read: the
	 * power indicator of a native slot (human-monitor-command qom-get, xp).
	 */
	bool own;
};

/*
 * The pairs are those of the machine's standbys that have an id, in their order. What cannot be
 * learned is unknown, with the reason; the guest agent is awaited for one second at most.
 * Errors: as above.
 */
int qemu_read_guest(struct loop *loop, struct qmp *qmp, const struct guest_question *question,
		    int64_t deadline, struct guest_facts **out, struct err *err);

#endif
