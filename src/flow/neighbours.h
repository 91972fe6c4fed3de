/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The VMs that this host runs, or has run and may start again.
 */
#ifndef VMFO_FLOW_NEIGHBOURS_H
#define VMFO_FLOW_NEIGHBOURS_H

#include "flow/env.h"
#include "topology/topo.h"

/* One that cannot be read is left out, with a line in the narration. */
int neighbours_read(struct flow_env *env, struct host_vm **out, size_t *n, struct err *err);
void neighbours_free(struct host_vm *vms, size_t n); /* takes NULL */

#endif
