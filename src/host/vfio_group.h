/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The IOMMU group of a VF, as QEMU is about to open it.
 * Source: Linux Documentation/driver-api/vfio.rst.
 */
#ifndef VMFO_HOST_VFIO_GROUP_H
#define VMFO_HOST_VFIO_GROUP_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

/*
 * Opens the node of a group as QEMU does, which one process can at a time, and closes it.
 * viable: set if it opens.  Return: 0, or a positive errno.
 */
int vfio_group_ask(const char *node, bool *viable);

/*
 * The same for the group of a function that is bound to vfio: a QEMU that cannot open it would
 * remember the device all the same. qemu: who may have it open already, for another device of
 * the group; 0: nobody.
 * Errors: ERR_REFUSED, which do not name the function: no group, no node, not permitted;
 * EBUSY: another process has it; a member of it is with another driver.
 */
int vfio_group_try(const char *address, pid_t qemu, struct err *err);

/* By the node, "/dev/vfio/7". */
int vfio_group_try_node(const char *node, pid_t qemu, struct err *err);

#endif
