/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What every flow works with: the loop, the folders, this host's settings, and the one
 * to whom it reports.
 */
#ifndef VMFO_FLOW_ENV_H
#define VMFO_FLOW_ENV_H

#include "base/err.h"
#include "flow/report.h"
#include "io/loop.h"
#include "model/hostdef.h"

struct flow_env {
	struct loop *loop;
	char *confdir;         /* $VMFO_CONFDIR, or /etc/vmfo */
	char *rundir;          /* $VMFO_RUNDIR, or /run/vmfo */
	char *statedir;        /* $VMFO_STATEDIR, or /var/lib/vmfo */
	struct hostdef *host;  /* with a QEMU binary, host.json's or the one that was found */
	struct report *report; /* borrowed */
	const struct vf_host *vf_host; /* vf_this_host; a test may put another there */
};

/*
 * Reads the environment and CONFDIR/host.json (a host without one has the defaults).
 * report: borrowed, outlives env; NULL: nobody listens.  Errors: ERR_USAGE for
 * host.json; ERR_INTERNAL.
 */
int flow_env_open(struct flow_env *env, struct report *report, struct err *err);
void flow_env_close(struct flow_env *env);

#endif
