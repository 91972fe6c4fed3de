/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proto/sock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/cleanup.h"

#define SOCK_RETRY_MS 50

/* The kernel refuses a plain file with the same word as a socket that nobody has open. */
static const char *why_refused(const char *path, int e)
{
	struct stat st;

	if (e != ECONNREFUSED || stat(path, &st) < 0)
		return "";
	return S_ISSOCK(st.st_mode) ? ": nobody listens there any more" : ": it is no socket";
}

int sock_connect_unix(struct loop *loop, const char *path, int64_t deadline, int *out,
		      struct err *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = -1;

	if (strlen(path) >= sizeof(addr.sun_path))
		return err_set(
			err, ERR_REFUSED, ENAMETOOLONG,
			"connect to %s: a socket's path has at most %zu bytes, this one %zu",
			path, sizeof(addr.sun_path) - 1, strlen(path));
	memcpy(addr.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(err, ERR_INTERNAL, errno, "connect to %s: socket", path);
	while (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		int r;

		if (errno == EINTR)
			continue;
		r = errno;
		if (r != EAGAIN)
			return err_set(err, ERR_INTERNAL, r, "connect to %s: %s%s", path,
				       strerrordesc_np(r), why_refused(path, r));
		/* A full queue makes a UNIX socket say EAGAIN; nothing announces its end. */
		if (clock_ms() >= deadline)
			return err_set(err, ERR_INTERNAL, ETIMEDOUT,
				       "connect to %s: its owner accepts no connection "
				       "(another client holds it?)",
				       path);
		r = loop_sleep(loop, SOCK_RETRY_MS, err);
		if (r < 0)
			return r;
	}
	*out = steal_fd(&fd);
	return 0;
}

int sock_set_nonblock(int fd, bool nonblock, bool *was)
{
	int flags = fcntl(fd, F_GETFL);
	int wanted = nonblock ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;

	if (flags < 0)
		return -errno;
	if (was)
		*was = flags & O_NONBLOCK;
	if (wanted != flags && fcntl(fd, F_SETFL, wanted) < 0)
		return -errno;
	return 0;
}
