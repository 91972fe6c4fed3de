/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proto/outbuf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void outbuf_init(struct outbuf *out, size_t max)
{
	*out = (struct outbuf){ .max = max };
}

void outbuf_clear(struct outbuf *out)
{
	free(out->buf);
	outbuf_init(out, out->max);
}

int outbuf_add(struct outbuf *out, const char *bytes, size_t n, struct err *err)
{
	size_t room = out->room ? out->room : 4096;
	char *buf;

	if (n == 0)
		return 0;
	if (n > out->max || out->len - out->start > out->max - n)
		return err_set(err, ERR_INTERNAL, ENOBUFS,
			       "more than %zu bytes are waiting to be read", out->max);
	if (out->start > 0) {
		out->len -= out->start;
		memmove(out->buf, out->buf + out->start, out->len);
		out->start = 0;
	}
	if (out->room - out->len < n) {
		while (room - out->len < n)
			room *= 2;
		buf = realloc(out->buf, room);
		if (!buf)
			return err_nomem(err);
		out->buf = buf;
		out->room = room;
	}
	memcpy(out->buf + out->len, bytes, n);
	out->len += n;
	return 0;
}

int outbuf_flush(struct outbuf *out, outbuf_write_fn *write_fn, void *data)
{
	while (outbuf_pending(out)) {
		ssize_t n = write_fn(data, out->buf + out->start, out->len - out->start);

		if (n <= 0)
			return (int)n;
		out->start += (size_t)n;
	}
	/* What was written is seldom much; what was, is not kept. */
	outbuf_clear(out);
	return 0;
}

ssize_t outbuf_write_fd(void *data, const char *bytes, size_t n)
{
	int fd = *(const int *)data;
	ssize_t written;

	do {
		written = send(fd, bytes, n, MSG_NOSIGNAL);
		if (written < 0 && errno == ENOTSOCK)
			written = write(fd, bytes, n);
	} while (written < 0 && errno == EINTR);
	if (written < 0)
		return errno == EAGAIN ? 0 : -errno;
	return written;
}
