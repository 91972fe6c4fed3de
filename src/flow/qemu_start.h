/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Starts a VM's QEMU on this host: the same way for a launch and for a migration's
 * target.
 */
#ifndef VMFO_FLOW_QEMU_START_H
#define VMFO_FLOW_QEMU_START_H

#include <stdbool.h>

#include "flow/vm.h"
#include "topology/qemu_facts.h"

struct qemu_start {
	bool incoming;                  /* paused, awaiting a migration */
	bool without_primaries;         /* they are plugged later, by plug_primary() */
	const struct qemu_facts *facts; /* of its binary; NULL: it is asked first */
};

/* The binary that vm would run: its definition's, or the host's; borrowed. */
const char *qemu_binary(const struct vm *vm);

/*
 * Makes the taps, starts QEMU (in a systemd scope of its own where systemd runs), and
 * waits until QMP answers; vm->qmp is connected then. Needs the VM's lock and vm->def. On
 * failure nothing is left but the run folder with qemu.log.
 * Errors: ERR_REFUSED with the last line that QEMU wrote.
 */
int qemu_start(struct vm *vm, const struct qemu_start *how, struct err *err);

#endif
