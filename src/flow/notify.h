/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Tells whom host.json names (`notify`) of a result. Never fatal: a failure is a warning
 * in the narration.
 */
#ifndef VMFO_FLOW_NOTIFY_H
#define VMFO_FLOW_NOTIFY_H

#include "flow/env.h"
#include "flow/result.h"

void flow_notify(struct flow_env *env, const struct result *result);

#endif
