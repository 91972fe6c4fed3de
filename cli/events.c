/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "events.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "narrate.h"

#define PENDING_MAX ((size_t)256 * 1024)
#define LAST_WAIT_MS 1000

int events_open(struct events *events, const char *path, struct err *err)
{
	/* O_NONBLOCK: a FIFO without a reader is an error, and not a vmfo that hangs. */
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
		      0644);

	if (fd < 0)
		return err_sys(err, ERR_USAGE, errno, "--events: open %s", path);
	*events = (struct events){ .fd = fd, .own = true, .name = "--events" };
	return 0;
}

int events_attach(struct events *events, int fd, struct err *err)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY)
		return err_set(err, ERR_USAGE, EBADF,
			       "--progress-fd: fd %d is not open for writing", fd);
	*events = (struct events){ .fd = fd, .name = "--progress-fd" };
	return 0;
}

static void give_up(struct events *events, const char *why)
{
	narrate_warn("%s: %s; no more events are written there", events->name, why);
	if (events->own)
		close(events->fd);
	free(events->pending);
	*events = (struct events)EVENTS_INIT;
}

/*
 * Writes what the reader takes within wait_ms. The fd may be shared with others, so it is
 * not made non-blocking: what poll() calls writable takes PIPE_BUF bytes without blocking.
 */
static void flush(struct events *events, int wait_ms)
{
	int64_t deadline = deadline_in(wait_ms);

	while (events->n_pending) {
		struct pollfd pfd = { .fd = events->fd, .events = POLLOUT };
		int64_t left = deadline - clock_ms();
		size_t chunk = events->n_pending < PIPE_BUF ? events->n_pending : PIPE_BUF;
		ssize_t n;

		if (poll(&pfd, 1, left > 0 ? (int)left : 0) <= 0)
			return;
		n = write(events->fd, events->pending, chunk);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0) {
			give_up(events, strerror(errno));
			return;
		}
		events->n_pending -= (size_t)n;
		memmove(events->pending, events->pending + n, events->n_pending);
	}
}

void events_put(struct events *events, const json_t *object, bool passing)
{
	_cleanup_free_ char *line = NULL;
	char *grown;
	size_t len;

	if (events->fd < 0 || (passing && events->n_pending))
		return;
	line = json_dumps(object, JSON_COMPACT);
	if (!line)
		return;
	len = strlen(line);
	line[len++] = '\n'; /* in the place of the NUL: only the length counts below */
	if (events->n_pending + len > PENDING_MAX) {
		give_up(events, "its reader does not read");
		return;
	}
	grown = realloc(events->pending, events->n_pending + len);
	if (!grown)
		return;
	events->pending = grown;
	memcpy(grown + events->n_pending, line, len);
	events->n_pending += len;
	flush(events, 0);
}

void events_close(struct events *events)
{
	if (events->fd < 0)
		return;
	flush(events, LAST_WAIT_MS);
	if (events->fd >= 0 && events->n_pending)
		narrate_warn("%s: its reader did not take the last events", events->name);
	if (events->own && events->fd >= 0)
		close(events->fd);
	free(events->pending);
	*events = (struct events)EVENTS_INIT;
}
