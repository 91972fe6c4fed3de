/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * vmfo stop and vmfo cancel.
 */
#ifndef VMFO_FLOW_STOP_H
#define VMFO_FLOW_STOP_H

#include "flow/env.h"
#include "flow/result.h"

struct stop_opts {
	const char *vm;
	int timeout_s; /* for the guest to power down; 0: do not ask it */
	bool force;    /* end QEMU when it has not; also when QMP does not answer */
};

/*
 * Errors: ERR_REFUSED: not running, in use; ETIMEDOUT: the guest did not power down.
 * ERR_UNFINISHED: QEMU has ended, and something that it had of this host could not be given
 * back: another stop tries that again, and is refused then as it does not run.
 */
int flow_stop(struct flow_env *env, const struct stop_opts *opts, struct result *result,
	      struct err *err);

/*
 * Ends a migration of vm that another vmfo has in flight, as Ctrl-C there would; returns
 * when that vmfo has ended.  Errors: ERR_REFUSED: no migration is in flight (ESRCH), or it
 * had handed the VM over before (EALREADY).
 */
int flow_cancel(struct flow_env *env, const char *vm, struct err *err);

#endif
