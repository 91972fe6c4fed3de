/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a QEMU binary can do, asked of the binary itself over QMP. Nothing is read off its
 * version.
 */
#ifndef VMFO_HOST_QEMU_PROBE_H
#define VMFO_HOST_QEMU_PROBE_H

#include "base/err.h"
#include "io/loop.h"
#include "proto/qmp.h"
#include "topology/buses.h"
#include "topology/machine.h"
#include "topology/qemu_facts.h"

/*
 * Started with `-machine none`.
 * machine: whose accelerators it is started with, and whose devices it is asked about;
 * NULL: QEMU's default, and virtio-net-pci and vfio-pci only.
 * Errors: ERR_REFUSED: it does not start, or does not answer.
 */
int qemu_probe(struct loop *loop, const char *binary, const struct machine *machine,
	       struct qemu_facts **out, struct err *err);

/*
 * The same, and the machine's buses as qemu_buses_read() finds them, of one start: with its
 * bridges, and with its own accelerators, since what the binary can do depends on those.
 * buses: NULL: as qemu_probe().
 * Errors: ERR_REFUSED: it does not start so, where it may with `-machine none`.
 */
int qemu_probe_machine(struct loop *loop, const char *binary, const struct machine *machine,
		       struct qemu_facts **out, struct buses **buses, struct err *err);

/* The same of one that runs. binary: for messages. */
int qemu_probe_running(struct qmp *qmp, const char *binary, const struct machine *machine,
		       int64_t deadline, struct qemu_facts **out, struct err *err);

#endif
