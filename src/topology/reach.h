/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which rule it is that a failure to reach the target falls under.
 */
#ifndef VMFO_TOPOLOGY_REACH_H
#define VMFO_TOPOLOGY_REACH_H

#include "base/err.h"

/*
 * err: of target_open(): reading ssh_config, connecting by SSH, starting the agent.
 * Return: the name of a rule of SCOPE_REACH, static; NULL: it is none of them (interrupted,
 * out of memory, a host's name that is not valid).
 */
const char *reach_rule(const struct err *err);

#endif
