/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The files that a definition names, as this host has them.
 * Source: QEMU block/file-posix.c (image locks: bytes from 100 and 200, F_OFD_GETLK),
 * statfs(2), Linux Documentation/ABI/stable/sysfs-block (wwid).
 */
#ifndef VMFO_HOST_FILES_H
#define VMFO_HOST_FILES_H

#include "base/err.h"
#include "model/vmdef.h"
#include "topology/host_facts.h"

/* Fills files. None is opened for writing; no lock is taken. sysroot: put before paths. */
int files_read(const char *sysroot, const struct vmdef *def, struct host_facts *facts,
	       struct err *err);

#endif
