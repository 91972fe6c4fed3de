/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/qemu_binary.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"

#define BINARY "qemu-system-x86_64"

static bool is_program(const char *path)
{
	struct stat info;

	return stat(path, &info) == 0 && S_ISREG(info.st_mode) && access(path, X_OK) == 0;
}

static int take_from_path(char **out, struct err *err)
{
	*out = strdup(BINARY);
	return *out ? 0 : err_nomem(err);
}

int qemu_binary_near(const char *folder, char **out, struct err *err)
{
	static const char *const places[] = { "qemu/" BINARY, "../libexec/vmfo/" BINARY };

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		_cleanup_free_ char *path = str_printf("%s/%s", folder, places[i]);

		if (!path)
			return err_nomem(err);
		if (!is_program(path))
			continue;
		/* As people and ps will see it: without "..". */
		*out = realpath(path, NULL);
		return *out ? 0 : err_sys(err, ERR_INTERNAL, errno, "realpath %s", path);
	}
	return take_from_path(out, err);
}

int qemu_binary_find(char **out, struct err *err)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n < 0) /* a /proc that is not there tells no folder */
		return take_from_path(out, err);
	self[n] = '\0';
	return qemu_binary_near(dirname(self), out, err);
}
