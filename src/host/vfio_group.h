/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The IOMMU group of a VF, as QEMU is about to open it.
 * Source: Linux Documentation/driver-api/vfio.rst.
 */
#ifndef VMFO_HOST_VFIO_GROUP_H
#define VMFO_HOST_VFIO_GROUP_H

#include "base/err.h"

/*
 * Opens the group of a function that is bound to vfio, and closes it again: a QEMU that
 * cannot do so would remember the device all the same.
 * Errors: ERR_REFUSED, which do not name the function: no group, no node, not permitted;
 * EBUSY: another process has it; a member of it is with another driver.
 */
int vfio_group_try(const char *address, struct err *err);

#endif
