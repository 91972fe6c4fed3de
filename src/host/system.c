/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/system.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "host/sysroot.h"

#define HUGE_PAGES "/sys/kernel/mm/hugepages"
#define MAX_KIB (INT64_MAX / 1024)
#define CPUINFO_SIZE 16384 /* the first processor's part is some 2 KiB */

/* "131072 kB"; -1. */
static int64_t meminfo(const char *text, const char *key)
{
	char value[64];
	int64_t kib;

	if (!sysroot_field(text, key, value, sizeof(value)))
		return -1;
	value[strcspn(value, " ")] = '\0';
	return str_to_i64(value, 0, MAX_KIB, &kib) == 0 ? kib : -1;
}

static void read_memory(const char *sysroot, struct host_facts *facts)
{
	char text[8192];

	sysroot_read(sysroot, text, sizeof(text), "/proc/meminfo");
	facts->memory_total_kib = meminfo(text, "MemTotal");
	facts->memory_available_kib = meminfo(text, "MemAvailable");
}

static int read_huge_pages(const char *sysroot, struct host_facts *facts, struct err *err)
{
	_cleanup_(strv_clear) struct strv names = { 0 };

	sysroot_list(sysroot, &names, HUGE_PAGES);
	if (names.failed)
		return err_nomem(err);
	facts->huge_pages = calloc(names.n ?: 1, sizeof(*facts->huge_pages));
	if (!facts->huge_pages)
		return err_nomem(err);
	for (size_t i = 0; i < names.n; i++) {
		struct huge_pages *pages = &facts->huge_pages[facts->n_huge_pages];
		char *name = names.v[i], *unit;

		if (!str_starts(name, "hugepages-") || !(unit = strstr(name, "kB")) || unit[2])
			continue;
		*unit = '\0';
		if (str_to_i64(name + strlen("hugepages-"), 1, MAX_KIB, &pages->page_kib) < 0)
			continue;
		pages->total =
			sysroot_read_int(sysroot, 0, HUGE_PAGES "/%skB/nr_hugepages", name);
		pages->free =
			sysroot_read_int(sysroot, 0, HUGE_PAGES "/%skB/free_hugepages", name);
		facts->n_huge_pages++;
	}
	return 0;
}

static int read_cpu(const char *sysroot, struct host_facts *facts, struct err *err)
{
	_cleanup_free_ char *text = malloc(CPUINFO_SIZE), *flags = malloc(CPUINFO_SIZE);

	if (!text || !flags)
		return err_nomem(err);
	sysroot_read(sysroot, text, CPUINFO_SIZE, "/proc/cpuinfo");
	sysroot_field(text, "model name", facts->cpu_model, sizeof(facts->cpu_model));
	if (sysroot_field(text, "flags", flags, CPUINFO_SIZE) ||
	    sysroot_field(text, "Features", flags, CPUINFO_SIZE)) {
		facts->cpu_flags = strdup(flags);
		if (!facts->cpu_flags)
			return err_nomem(err);
	}
	return 0;
}

int system_read(const char *sysroot, struct host_facts *facts, struct err *err)
{
	int ret;

	sysroot_read(sysroot, facts->kernel, sizeof(facts->kernel),
		     "/proc/sys/kernel/osrelease");
	read_memory(sysroot, facts);
	ret = read_huge_pages(sysroot, facts, err);
	return ret ?: read_cpu(sysroot, facts, err);
}
