/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * vmfo check-topology --buses: which buses a machine type has and can have, and which of
 * them can hold a primary.
 */
#ifndef VMFO_FLOW_BUSES_H
#define VMFO_FLOW_BUSES_H

#include "flow/env.h"
#include "topology/buses.h"

/*
 * machine: NULL: the binary's default; it may have properties ("q35,acpi=off"). qemu: NULL:
 * the host's. version: the binary's; both are the caller's.
 * Errors: ERR_REFUSED: no such machine type, a QEMU that does not start.
 */
int flow_buses(struct flow_env *env, const char *machine, const char *qemu, struct buses **out,
	       char **version, struct err *err);

#endif
