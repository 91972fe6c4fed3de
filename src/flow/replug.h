/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * vmfo replug: plugs the primaries of a VM that runs degraded. Idempotent.
 */
#ifndef VMFO_FLOW_REPLUG_H
#define VMFO_FLOW_REPLUG_H

#include "flow/env.h"
#include "flow/result.h"

/* Return: 0 (result->status ERR_NONE or ERR_DEGRADED, a reason for each), or a failure. */
int flow_replug(struct flow_env *env, const char *vm, struct result *result, struct err *err);

#endif
