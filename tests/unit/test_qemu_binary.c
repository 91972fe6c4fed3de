/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/qemu_binary.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "tap.h"

static char root[] = "/tmp/vmfo-test-XXXXXX";

static char *at(const char *path)
{
	return str_printf("%s/%s", root, path);
}

static void folder(const char *name)
{
	_cleanup_free_ char *path = at(name);

	if (mkdir(path, 0755) < 0)
		bail("mkdir %s", path);
}

static void file(const char *name, mode_t mode)
{
	_cleanup_free_ char *path = at(name);
	FILE *f = fopen(path, "w");

	if (!f || fclose(f) != 0 || chmod(path, mode) < 0)
		bail("write %s", path);
}

/* want: below root, or a name without a slash. */
static void finds(const char *where, const char *want, const char *what)
{
	_cleanup_free_ char *dir = at(where);
	_cleanup_free_ char *path = strchr(want, '/') ? at(want) : strdup(want);
	_cleanup_free_ char *found = NULL;
	struct err err = ERR_INIT;

	if (qemu_binary_near(dir, &found, &err) < 0)
		bail("%s", err.msg);
	is_str(found, path, "%s", what);
}

int main(void)
{
	_cleanup_free_ char *found = NULL, *command = NULL;
	struct err err = ERR_INIT;

	if (!mkdtemp(root))
		bail("mkdtemp");
	folder("bin");
	finds("bin", "qemu-system-x86_64", "nothing is there: PATH's");
	finds("nowhere", "qemu-system-x86_64", "not even the folder");

	folder("libexec");
	folder("libexec/vmfo");
	file("libexec/vmfo/qemu-system-x86_64", 0644);
	finds("bin", "qemu-system-x86_64", "one that cannot be started is none");
	file("libexec/vmfo/qemu-system-x86_64", 0755);
	finds("bin", "libexec/vmfo/qemu-system-x86_64", "an installed one, by its plain path");

	folder("bin/qemu");
	finds("bin", "libexec/vmfo/qemu-system-x86_64", "an empty folder is no build");
	folder("bin/qemu/qemu-system-x86_64");
	finds("bin", "libexec/vmfo/qemu-system-x86_64", "and a folder is no program");
	command = str_printf("rmdir %s/bin/qemu/qemu-system-x86_64", root);
	if (system(command) != 0)
		bail("%s", command);
	file("bin/qemu/qemu-system-x86_64", 0755);
	finds("bin", "bin/qemu/qemu-system-x86_64", "what was built beside it comes first");

	is_int(qemu_binary_find(&found, &err), 0, "of this program");
	is_str(found, "qemu-system-x86_64", "which has none beside it");

	free(steal_ptr(command));
	command = str_printf("rm -r %s", root);
	if (system(command) != 0)
		bail("%s", command);
	return done_testing();
}
