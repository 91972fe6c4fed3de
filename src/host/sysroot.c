/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/sysroot.h"

#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <sys/stat.h>

#include "base/cleanup.h"

#define STATUS_SIZE 8192 /* of /proc/self/status; its list of groups comes early */

static char *path_of(const char *sysroot, const char *fmt, va_list ap)
{
	_cleanup_free_ char *path = NULL;

	if (vasprintf(&path, fmt, ap) < 0) {
		path = NULL;
		return NULL;
	}
	return sysroot ? str_printf("%s%s", sysroot, path) : steal_ptr(path);
}

char *sysroot_path(const char *sysroot, const char *fmt, ...)
{
	char *path;
	va_list ap;

	va_start(ap, fmt);
	path = path_of(sysroot, fmt, ap);
	va_end(ap);
	return path;
}

bool sysroot_exists(const char *sysroot, const char *fmt, ...)
{
	_cleanup_free_ char *path = NULL;
	va_list ap;

	va_start(ap, fmt);
	path = path_of(sysroot, fmt, ap);
	va_end(ap);
	return path && faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int read_path(const char *path, char *buf, size_t size)
{
	_cleanup_close_ int fd = -1;
	size_t len = 0;

	buf[0] = '\0';
	if (!path)
		return -ENOMEM;
	/* A captured host may have anything there: a FIFO must not hold us. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	while (len < size - 1) {
		ssize_t n = read(fd, buf + len, size - 1 - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			buf[0] = '\0';
			return -errno;
		}
		if (n == 0)
			break;
		len += (size_t)n;
	}
	if (len && buf[len - 1] == '\n')
		len--;
	buf[len] = '\0';
	return len > INT_MAX ? INT_MAX : (int)len;
}

int sysroot_read(const char *sysroot, char *buf, size_t size, const char *fmt, ...)
{
	_cleanup_free_ char *path = NULL;
	va_list ap;

	va_start(ap, fmt);
	path = path_of(sysroot, fmt, ap);
	va_end(ap);
	return read_path(path, buf, size);
}

int64_t sysroot_read_int(const char *sysroot, int64_t absent, const char *fmt, ...)
{
	_cleanup_free_ char *path = NULL;
	char text[64], *end;
	long long value;
	va_list ap;

	va_start(ap, fmt);
	path = path_of(sysroot, fmt, ap);
	va_end(ap);
	if (read_path(path, text, sizeof(text)) <= 0)
		return absent;
	errno = 0;
	value = strtoll(text, &end, 0);
	if (errno || end == text || (*end && !isspace((unsigned char)*end)))
		return absent;
	return value;
}

void sysroot_read_link(const char *sysroot, char *buf, size_t size, const char *fmt, ...)
{
	_cleanup_free_ char *path = NULL;
	char target[PATH_MAX];
	const char *name;
	ssize_t n;
	va_list ap;

	va_start(ap, fmt);
	path = path_of(sysroot, fmt, ap);
	va_end(ap);
	n = path ? readlink(path, target, sizeof(target) - 1) : -1;
	target[n > 0 ? n : 0] = '\0';
	name = strrchr(target, '/');
	name = name ? name + 1 : target;
	/* Half a name would be another device's. */
	if (strlen(name) < size)
		strcpy(buf, name);
	else
		buf[0] = '\0';
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int sysroot_list(const char *sysroot, struct strv *out, const char *fmt, ...)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_closedir_ DIR *dir = NULL;
	const struct dirent *entry;
	va_list ap;

	va_start(ap, fmt);
	path = path_of(sysroot, fmt, ap);
	va_end(ap);
	if (!path)
		return -ENOMEM;
	dir = opendir(path);
	if (!dir)
		return -errno;
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			strv_add(out, entry->d_name);
	if (out->failed)
		return -ENOMEM;
	if (out->n)
		qsort(out->v, out->n, sizeof(*out->v), by_name);
	return 0;
}

bool sysroot_field(const char *text, const char *key, char *buf, size_t size)
{
	size_t length = strlen(key);

	buf[0] = '\0';
	for (const char *line = text; line; line = strchr(line, '\n')) {
		const char *value;
		size_t n;

		line += *line == '\n';
		if (strncmp(line, key, length) != 0)
			continue;
		value = line + length;
		value += strspn(value, " \t");
		if (*value != ':')
			continue;
		value++;
		value += strspn(value, " \t");
		n = strcspn(value, "\n");
		if (n >= size)
			n = size - 1;
		memcpy(buf, value, n);
		buf[n] = '\0';
		return true;
	}
	return false;
}

/* ---- permissions of a captured host ---- */

/* The second number of "real effective saved filesystem"; -1. */
static long long effective_id(const char *status, const char *key)
{
	char line[128], *end;

	if (!sysroot_field(status, key, line, sizeof(line)))
		return -1;
	strtoll(line, &end, 10);
	return strtoll(end, NULL, 10);
}

static bool has_group(const char *status, long long gid)
{
	char line[STATUS_SIZE], *end;

	if (effective_id(status, "Gid") == gid)
		return true;
	sysroot_field(status, "Groups", line, sizeof(line));
	for (char *at = line;; at = end) {
		long long group = strtoll(at, &end, 10);

		if (end == at)
			return false;
		if (group == gid)
			return true;
	}
}

static bool captured_may_open(const char *sysroot, const char *path)
{
	char status[STATUS_SIZE], caps[32];
	const mode_t both = S_IROTH | S_IWOTH;
	struct stat st;
	mode_t bits;

	if (stat(path, &st) < 0)
		return false;
	sysroot_read(sysroot, status, sizeof(status), "/proc/self/status");
	sysroot_field(status, "CapEff", caps, sizeof(caps));
	if (strtoull(caps, NULL, 16) & (1ULL << CAP_DAC_OVERRIDE))
		return true;
	if (effective_id(status, "Uid") == (long long)st.st_uid)
		bits = st.st_mode >> 6;
	else if (has_group(status, st.st_gid))
		bits = st.st_mode >> 3;
	else
		bits = st.st_mode;
	return (bits & both) == both;
}

bool sysroot_may_open(const char *sysroot, const char *fmt, ...)
{
	_cleanup_free_ char *path = NULL;
	va_list ap;

	va_start(ap, fmt);
	path = path_of(sysroot, fmt, ap);
	va_end(ap);
	if (!path)
		return false;
	if (sysroot)
		return captured_may_open(sysroot, path);
	return faccessat(AT_FDCWD, path, R_OK | W_OK, AT_EACCESS) == 0;
}
