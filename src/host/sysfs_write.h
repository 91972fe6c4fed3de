/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Writing to files of sysfs that make the kernel act: unbind, drivers_probe, sriov_numvfs.
 * The write comes back when the kernel is done, which with a driver that does not let go
 * is never, and no signal ends it. So a child process writes, without any file of vmfo's
 * open, and is left behind where it does not come back.
 */
#ifndef VMFO_HOST_SYSFS_WRITE_H
#define VMFO_HOST_SYSFS_WRITE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "io/loop.h"

struct sysfs_write {
	const char *path;
	const char *text;
};

/*
 * Writes, within ms milliseconds; not to be cancelled meanwhile, as the write is not. late:
 * what the child writes if it comes back after that, in this order: it undoes what nobody
 * waits for any more.
 * Errors: ERR_REFUSED: what the kernel says (EACCES: not root); ETIMEDOUT: not done, a
 * child is left behind. ERR_INTERNAL: no child could be started (EMFILE, ENOMEM): nothing
 * was written, nor will be.
 */
int sysfs_write(struct loop *loop, const struct sysfs_write *write, int64_t ms,
		const struct sysfs_write *late, size_t n_late, struct err *err);

#endif
