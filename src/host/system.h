/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What of a host is no device of its own: memory, limits, CPU, KVM and vhost.
 * Source: Linux Documentation/filesystems/proc.rst, Documentation/admin-guide/mm/
 * hugetlbpage.rst, capabilities(7), getrlimit(2).
 */
#ifndef VMFO_HOST_SYSTEM_H
#define VMFO_HOST_SYSTEM_H

#include "base/err.h"
#include "topology/host_facts.h"

/* Fills kernel, memory, huge_pages, cpu_model, cpu_flags. */
int system_read(const char *sysroot, struct host_facts *facts, struct err *err);

/* Fills memlock, capabilities, kvm, vhost_net: of this process. */
void limits_read(const char *sysroot, struct host_facts *facts);

#endif
