/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Bytes on their way to a peer that may not take them at once. Adding never blocks; the
 * queue is bounded, so that a peer that has stopped reading costs no more than that.
 */
#ifndef VMFO_PROTO_OUTBUF_H
#define VMFO_PROTO_OUTBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

struct outbuf {
	char *buf;
	size_t start; /* buf[start] to buf[len] is to be written */
	size_t len, room;
	size_t max;
};

/*
 * Hands bytes on.  Return: how many were taken, 0 when the peer takes none now; or a
 * negative errno.
 */
typedef ssize_t outbuf_write_fn(void *data, const char *bytes, size_t n);

void outbuf_init(struct outbuf *out, size_t max);
void outbuf_clear(struct outbuf *out);

/* Queues a copy.  Errors: ENOMEM; ENOBUFS: more than max would be waiting. */
int outbuf_add(struct outbuf *out, const char *bytes, size_t n, struct err *err);

/* Writes as much as is taken.  Return: 0, also when some is left; the writer's errno. */
int outbuf_flush(struct outbuf *out, outbuf_write_fn *write_fn, void *data);

static inline bool outbuf_pending(const struct outbuf *out)
{
	return out->len > out->start;
}

/* An outbuf_write_fn for a non-blocking fd; data: a pointer to it. Never raises SIGPIPE
 * on a socket; on a pipe the caller has to ignore it. */
ssize_t outbuf_write_fd(void *data, const char *bytes, size_t n);

#endif
