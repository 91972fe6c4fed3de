/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the parts of qemu_argv() share. Private to qemu_*.c.
 */
#ifndef VMFO_MODEL_QEMU_BUILD_H
#define VMFO_MODEL_QEMU_BUILD_H

#include "base/cleanup.h"
#include "model/qemu_argv.h"
#include "model/qemu_opts.h"

struct qemu_build {
	const struct vmdef *def;
	const struct qemu_argv_env *env;
	struct strv *argv; /* checked for `failed` once, at the end */
	int ports;         /* root ports so far */
	int fd;            /* QEMU's number of the next tap fd */
};

/* The root port `rp-ID` for a device; every call takes the next place on pcie.0. */
void qemu_build_port(struct qemu_build *b, const char *id);
/* A device's `id` and `bus`, the latter its root port. */
void qemu_build_on_port(struct qemu_opts *device, const char *id);

/* Disks and media: their nodes, iothreads, ports and devices. */
void qemu_disks_add(struct qemu_build *b);

/* Pairs, each standby before its primary, then plain NICs. */
int qemu_nics_add(struct qemu_build *b, struct err *err);

#endif
