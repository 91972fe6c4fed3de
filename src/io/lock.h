/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The lock of a VM on this host: an flock(2) on DIR/lock, where DIR is the VM's run
 * folder. Whoever holds it may talk to the VM's QEMU (a QMP socket serves one client)
 * and change the folder. It is bound to the open file: a forked child that inherited
 * it holds it too, and it ends with the last of them, however they end.
 */
#ifndef VMFO_IO_LOCK_H
#define VMFO_IO_LOCK_H

#include <sys/types.h>

#include "base/err.h"
#include "io/loop.h"

struct lock;

/*
 * Takes the lock of dir, making the folder (0700) if need be; the content of the lock
 * file becomes "PID OPERATION". With wait_ms, tries for so long; 0: once.
 * Errors: EBUSY (ERR_REFUSED) when another holds it; the message names the holder.
 */
int lock_take(const char *dir, const char *operation, int wait_ms, struct lock **out,
	      struct err *err);

/* The fd that holds it, to be inherited by a child; borrowed. */
int lock_fd(const struct lock *lock);

/*
 * The lock of dir that this process inherited as fd, which it takes over: it is one more
 * holder. Who holds it stays as the first has written it.
 */
int lock_adopt(const char *dir, int fd, struct lock **out, struct err *err);

/* Writes this process and operation as the holder, as lock_take() does. */
void lock_name_holder(const struct lock *lock, const char *operation);

/* Releases it and frees; takes NULL. */
void lock_release(struct lock *lock);

/* Removes the folder with everything in it, the lock file included, and releases. */
int lock_release_and_remove(struct lock *lock, struct err *err);

/*
 * Who holds the lock of dir. pid: 0 when nobody does, -1 for a holder that has not
 * written its name yet. operation: filled with what the
 * holder is doing ("migrate"), NUL-terminated.
 */
int lock_holder(const char *dir, pid_t *pid, char operation[32], struct err *err);

#endif
