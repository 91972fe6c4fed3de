/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * vmfo launch: starts a VM with its failover pairs.
 */
#ifndef VMFO_FLOW_LAUNCH_H
#define VMFO_FLOW_LAUNCH_H

#include "flow/env.h"
#include "flow/result.h"

struct launch_opts {
	const char *vm;
	const char *file;     /* take this definition, and keep it; NULL: the one it has */
	json_t *vfs;          /* --vf: {PAIR: ADDRESS}; NULL; borrowed */
	int wait_pair_s;      /* wait so long for every pair to be whole; -1: do not */
	struct strv suppress; /* names of topology rules that do not count; borrowed */
};

/*
 * Return: 0 with the result filled (its `status` is ERR_NONE, or ERR_DEGRADED when the
 * pair was awaited in vain), or a negative errno: it is not running.
 */
int flow_launch(struct flow_env *env, const struct launch_opts *opts, struct result *result,
		struct err *err);

#endif
