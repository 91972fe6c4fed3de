/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/vf_interrupts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "host/sysroot.h"
#include "topology/host_facts.h"

/* What stands before "(ADDRESS)", up to a number in brackets. */
static const char *const names[] = { "vfio-msix[", "vfio-msi[", "vfio-intx" };

static bool is_of(const char *action, const char *address)
{
	size_t length = strlen(address);

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *at = action + strlen(names[i]);

		if (!str_starts(action, names[i]))
			continue;
		if (at[-1] == '[') {
			at += strspn(at, "0123456789");
			if (*at++ != ']')
				continue;
		}
		if (*at == '(' && strncmp(at + 1, address, length) == 0 &&
		    at[1 + length] == ')')
			return true;
	}
	return false;
}

/* The actions are at the line's end, a shared interrupt's with commas between. */
static bool line_is_of(const char *line, const char *address)
{
	for (const char *at = line; (at = strstr(at, "vfio-")); at++)
		if (is_of(at, address))
			return true;
	return false;
}

int vf_interrupts_count(const char *sysroot, const char *address)
{
	_cleanup_free_ char *path = sysroot_path(sysroot, "/proc/interrupts");
	_cleanup_free_ char *line = NULL;
	_cleanup_fclose_ FILE *f = NULL;
	char normal[PCI_ADDRESS_SIZE];
	size_t room = 0;
	int n = 0;

	if (!path)
		return -ENOMEM;
	if (!pci_address_normalize(address, normal))
		return -EINVAL;
	f = fopen(path, "re");
	if (!f)
		return -errno;
	errno = 0;
	while (getline(&line, &room, f) >= 0)
		n += line_is_of(line, normal);
	return ferror(f) || !feof(f) ? -(errno ?: EIO) : n;
}
