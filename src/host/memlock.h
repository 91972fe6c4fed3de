/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * How much memory a process may lock. vfio pins all of a guest's RAM when a device is
 * plugged, and counts that against the limit of the process that plugs it: QEMU's, whose
 * limit is its own by then, and has to be raised from outside.
 * Source: prlimit(2); Linux drivers/vfio/vfio_iommu_type1.c, vfio_lock_acct().
 */
#ifndef VMFO_HOST_MEMLOCK_H
#define VMFO_HOST_MEMLOCK_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/*
 * Raises RLIMIT_MEMLOCK of a process, soft and hard, to at least bytes; -1: no limit.
 * Never lowers either.
 * Errors: ERR_REFUSED: EPERM: needs CAP_SYS_RESOURCE; ESRCH: no such process.
 */
int memlock_raise(pid_t pid, int64_t bytes, struct err *err);

#endif
