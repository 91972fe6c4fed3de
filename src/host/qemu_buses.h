/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The buses of a machine, asked of QEMU itself: started with the machine's type and its
 * bridges only, paused and without a guest; or of one that runs.
 */
#ifndef VMFO_HOST_QEMU_BUSES_H
#define VMFO_HOST_QEMU_BUSES_H

#include "base/err.h"
#include "base/str.h"
#include "io/loop.h"
#include "proto/qmp.h"
#include "topology/buses.h"
#include "topology/machine.h"

/*
 * machine: its type, the properties and -global that matter to hot-plugging, and its
 * bridges (ports, switches, pxb) are given to binary; nothing else of it is.
 * Errors: ERR_REFUSED: it does not start so; the message has what it said.
 */
int qemu_buses_read(struct loop *loop, const char *binary, const struct machine *machine,
		    struct buses **out, struct err *err);

/*
 * Adds what it is started with to argv, the binary and the accelerator left out.
 * Errors: ERR_REFUSED, E2BIG: more bridges than a machine has.
 */
int qemu_buses_add_args(const struct machine *machine, struct strv *argv, struct err *err);

/*
 * Of a QEMU that runs: queries only (qom-list, qom-get, query-pci-failover-buses). One that
 * has the last of them says itself which buses take a primary.
 */
int qemu_buses_ask(struct qmp *qmp, int64_t deadline, struct buses **out, struct err *err);

/* That last one. A QEMU without it leaves the buses as they are, and that is no failure. */
int qemu_buses_ask_verdicts(struct qmp *qmp, int64_t deadline, struct buses *buses,
			    struct err *err);

#endif
