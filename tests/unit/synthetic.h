/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Synthetic hosts for unit tests: folders of their own, made by tests/data/hosts/make.
 */
#ifndef VMFO_TESTS_SYNTHETIC_H
#define VMFO_TESTS_SYNTHETIC_H

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "tap.h"

/* Where the hosts lie; one for each program. */
static char synthetic_folder[] = "/tmp/vmfo-hosts-XXXXXX";

__attribute__((unused)) static void synthetic_run(char *command)
{
	_cleanup_free_ char *text = command;

	if (!text || system(text) != 0)
		bail("this failed: %s", text ? text : "(no memory)");
}

__attribute__((unused)) static void synthetic_open(void)
{
	if (!mkdtemp(synthetic_folder))
		bail("no temporary folder");
}

__attribute__((unused)) static void synthetic_close(void)
{
	synthetic_run(str_printf("rm -rf '%s'", synthetic_folder));
}

/* Return: the folder of a host made with those options of `make`; freed by the caller. */
__attribute__((unused)) static char *synthetic_host(const char *options)
{
	char *path = str_printf("%s/host", synthetic_folder);

	synthetic_run(str_printf("tests/data/hosts/make '%s' %s", path, options));
	return path;
}

#endif
