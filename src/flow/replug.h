/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * vmfo replug: plugs the primaries of a VM that runs degraded. Idempotent.
 */
#ifndef VMFO_FLOW_REPLUG_H
#define VMFO_FLOW_REPLUG_H

#include "flow/env.h"
#include "flow/result.h"

struct replug_opts {
	const char *vm;
	json_t *vfs; /* --vf: {PAIR: ADDRESS}; NULL; borrowed */
};

/*
 * Return: 0 (result->status ERR_NONE or ERR_DEGRADED, a reason for each), or a failure.
 * ERR_REFUSED: also a VF that was named and does not fit, or whose pair has another; no primary
 * was touched.
 */
int flow_replug(struct flow_env *env, const struct replug_opts *opts, struct result *result,
		struct err *err);

#endif
