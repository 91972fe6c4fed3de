/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A QEMU that is started only to be asked something over QMP, and ended again.
 */
#ifndef VMFO_HOST_QEMU_RUN_H
#define VMFO_HOST_QEMU_RUN_H

#include "base/err.h"
#include "base/str.h"
#include "io/loop.h"
#include "proto/qmp.h"

/* Asks. Its error's message is put behind the purpose. */
typedef int qemu_run_fn(void *data, struct qmp *qmp, int64_t deadline, struct err *err);

/*
 * argv: the command line, -nodefaults, -no-user-config, no display, -S and the QMP monitor
 * left out: they are added, so it is used up. purpose: for messages, "ask qemu what it can
 * do". Whatever ask() returns, QEMU has ended when this returns.
 * Errors: ERR_REFUSED: it does not start, does not answer, or ask() failed; the message has
 * how it ended and what it said on its standard error. -ECANCELED.
 */
int qemu_run(struct loop *loop, struct strv *argv, const char *purpose, qemu_run_fn *ask,
	     void *data, struct err *err);

#endif
