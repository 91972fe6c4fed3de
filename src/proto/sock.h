/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * UNIX stream sockets, non-blocking.
 */
#ifndef VMFO_PROTO_SOCK_H
#define VMFO_PROTO_SOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "io/loop.h"

/*
 * Connects to path. While the listener's queue is full it tries again, serving the loop.
 * out: non-blocking, close-on-exec, the caller's.
 * Errors: ENAMETOOLONG (over 107 bytes); ENOENT, ECONNREFUSED: nobody listens;
 * ETIMEDOUT: the listener accepts nobody; ECANCELED.
 */
int sock_connect_unix(struct loop *loop, const char *path, int64_t deadline, int *out,
		      struct err *err);

/* Sets or clears O_NONBLOCK.  Return: 0 or a negative errno; was: before (may be NULL). */
int sock_set_nonblock(int fd, bool nonblock, bool *was);

#endif
