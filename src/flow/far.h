/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The far half, `vmfo agent`: this host as a migration's target.
 */
#ifndef VMFO_FLOW_FAR_H
#define VMFO_FLOW_FAR_H

#include "flow/env.h"

/* Serves the agent protocol on two fds until the input ends. */
int flow_agent(struct flow_env *env, int in_fd, int out_fd, struct err *err);

/* `vmfo agent --stream`: joins two fds to the incoming socket of the VM they name. */
int flow_agent_stream(struct flow_env *env, int in_fd, int out_fd, struct err *err);

#endif
