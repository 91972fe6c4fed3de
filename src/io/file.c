/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/str.h"

/* How long a pipe or a terminal may have nothing to say; files never wait. */
#define SILENCE_MS 10000

/* read(), once there is something, or the end.  Return: as read(), or a negative errno. */
static ssize_t read_some(int fd, char *buf, size_t size)
{
	const int64_t deadline = deadline_in(SILENCE_MS);

	for (;;) {
		struct pollfd pfd = { .fd = fd, .events = POLLIN };
		int64_t left = deadline - clock_ms();
		ssize_t got = poll(&pfd, 1, left > 0 ? (int)left : 0);

		if (got == 0)
			return -ETIMEDOUT;
		if (got > 0)
			got = read(fd, buf, size);
		if (got >= 0)
			return got;
		if (errno != EINTR && errno != EAGAIN)
			return -errno;
	}
}

int file_read(const char *path, size_t max, char **out, size_t *len, struct err *err)
{
	/* People name pipes, as in <(…), and a FIFO may have nobody at its other end. */
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	_cleanup_free_ char *buf = NULL;
	size_t n = 0, room = 4096;

	if (fd < 0)
		return err_sys(err, ERR_INTERNAL, errno, "read %s", path);
	for (;;) {
		ssize_t got;
		char *grown;

		if (room > max + 1)
			room = max + 1;
		grown = realloc(buf, room + 1);
		if (!grown)
			return err_nomem(err);
		buf = grown;
		got = read_some(fd, buf + n, room - n);
		if (got == -ETIMEDOUT)
			return err_set(
				err, ERR_INTERNAL, ETIMEDOUT,
				"read %s: nothing came for %d s: it is no file but a pipe "
				"or a device, and its other end is silent",
				path, SILENCE_MS / 1000);
		if (got < 0)
			return err_sys(err, ERR_INTERNAL, (int)-got, "read %s", path);
		if (got == 0)
			break;
		n += (size_t)got;
		if (n > max)
			return err_set(
				err, ERR_INTERNAL, EFBIG,
				"read %s: it has more than the %zu bytes that are allowed",
				path, max);
		if (n == room)
			room *= 2;
	}
	buf[n] = '\0';
	*out = steal_ptr(buf);
	if (len)
		*len = n;
	return 0;
}

/* All of data, however many calls it takes.  Return: 0 or a negative errno. */
static int write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

int dir_sync(const char *path, struct err *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0)
		return err_sys(err, ERR_INTERNAL, errno, "fsync of folder %s", path);
	return 0;
}

static int replace(const char *path, mode_t mode, const void *data, size_t len, bool lasting,
		   struct err *err)
{
	_cleanup_free_ char *tmp = str_printf("%s.XXXXXX", path);
	_cleanup_free_ char *copy = strdup(path);
	_cleanup_close_ int fd = -1;
	int r;

	if (!tmp || !copy)
		return err_nomem(err);
	fd = mkostemp(tmp, O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, ERR_INTERNAL, errno, "write %s", path);
	r = write_all(fd, data, len);
	if (r == 0 && fchmod(fd, mode) < 0)
		r = -errno;
	if (r == 0 && lasting && fsync(fd) < 0)
		r = -errno;
	if (r == 0 && rename(tmp, path) < 0)
		r = -errno;
	if (r < 0) {
		unlink(tmp);
		return err_sys(err, ERR_INTERNAL, -r, "write %s", path);
	}
	return lasting ? dir_sync(dirname(copy), err) : 0;
}

int file_write(const char *path, mode_t mode, const void *data, size_t len, struct err *err)
{
	return replace(path, mode, data, len, true, err);
}

int file_write_volatile(const char *path, mode_t mode, const void *data, size_t len,
			struct err *err)
{
	return replace(path, mode, data, len, false, err);
}

static int replace_json(const char *path, mode_t mode, const json_t *root, bool lasting,
			struct err *err)
{
	_cleanup_free_ char *text = json_dumps(root, JSON_INDENT(2) | JSON_ENCODE_ANY);
	size_t len;

	if (!text)
		return err_nomem(err);
	len = strlen(text);
	text[len] = '\n'; /* in the place of the NUL: only the length counts below */
	return replace(path, mode, text, len + 1, lasting, err);
}

int file_write_json(const char *path, mode_t mode, const json_t *root, struct err *err)
{
	return replace_json(path, mode, root, true, err);
}

int file_write_json_volatile(const char *path, mode_t mode, const json_t *root, struct err *err)
{
	return replace_json(path, mode, root, false, err);
}

int file_read_json(const char *path, size_t max, json_t **out, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	json_error_t json_err;
	json_t *root;
	size_t len;
	int r = file_read(path, max, &text, &len, err);

	if (r < 0)
		return r;
	root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &json_err);
	if (!json_is_object(root)) {
		json_decref(root);
		return err_set(err, ERR_INTERNAL, EBADMSG, "read %s: line %d: %s", path,
			       root ? 1 : json_err.line,
			       root ? "not an object" : json_err.text);
	}
	*out = root;
	return 0;
}

static int make_one(const char *path, mode_t mode, struct err *err)
{
	struct stat st;
	int e;

	if (mkdir(path, mode) == 0)
		return 0;
	e = errno;
	/* One that goes away meanwhile is for the caller to find out. */
	if (e == EEXIST && (stat(path, &st) < 0 || S_ISDIR(st.st_mode)))
		return 0;
	return err_sys(err, ERR_INTERNAL, e == EEXIST ? ENOTDIR : e, "make folder %s", path);
}

int dir_make(const char *path, mode_t mode, struct err *err)
{
	_cleanup_free_ char *part = strdup(path);
	size_t len;

	if (!part)
		return err_nomem(err);
	len = strlen(part);
	while (len > 1 && part[len - 1] == '/')
		part[--len] = '\0';
	for (size_t i = 1; i < len; i++) {
		int r;

		if (part[i] != '/')
			continue;
		part[i] = '\0';
		r = make_one(part, 0755, err);
		if (r < 0)
			return r;
		part[i] = '/';
	}
	return make_one(part, mode, err);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

int dir_remove(const char *path, struct err *err)
{
	if (nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS) < 0 && errno != ENOENT)
		return err_sys(err, ERR_INTERNAL, errno, "remove folder %s", path);
	return 0;
}
