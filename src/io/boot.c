/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/boot.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "io/file.h"

static int read_uuid(const char *path, char out[BOOT_ID_SIZE], struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = file_read(path, 64, &text, &len, err);

	if (r < 0)
		return r;
	if (len < BOOT_ID_SIZE - 1)
		return err_set(err, ERR_INTERNAL, EBADMSG, "read %s: it is too short", path);
	memcpy(out, text, BOOT_ID_SIZE - 1);
	out[BOOT_ID_SIZE - 1] = '\0';
	return 0;
}

int boot_id_read(char out[BOOT_ID_SIZE], struct err *err)
{
	return read_uuid("/proc/sys/kernel/random/boot_id", out, err);
}

int boot_new_uuid(char out[BOOT_ID_SIZE], struct err *err)
{
	return read_uuid("/proc/sys/kernel/random/uuid", out, err);
}

int process_start_time(pid_t pid, uint64_t *out)
{
	_cleanup_free_ char *text = NULL;
	char path[64], state;
	const char *after;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (file_read(path, 4096, &text, NULL, NULL) < 0)
		return -ESRCH;
	/* The name, in parentheses, may hold anything: the fields start after the last. */
	after = strrchr(text, ')');
	if (!after || sscanf(after + 1,
			     " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
			     "%*s %*s %*s %*s %" SCNu64,
			     &state, out) != 2)
		return -ESRCH;
	return state == 'Z' || state == 'X' ? -ESRCH : 0;
}

int64_t process_resident_kib(pid_t pid)
{
	_cleanup_free_ char *text = NULL;
	char path[64];
	const char *line;
	int64_t kib;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	if (file_read(path, 65536, &text, NULL, NULL) < 0)
		return -1;
	line = strstr(text, "\nVmRSS:");
	return line && sscanf(line, "\nVmRSS: %" SCNd64, &kib) == 1 ? kib : -1;
}
