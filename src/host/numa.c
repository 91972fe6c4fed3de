/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/numa.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "host/sysroot.h"
#include "io/file.h"

#define MAX_NODES 1024 /* of Linux: 1 << CONFIG_NODES_SHIFT, which is 10 at most */
#define MAPS_MAX_BYTES (64 * 1024 * 1024)
#define MAX_PAGE_KIB (1 << 24)
#define PAGE_SIZE_KEY " kernelpagesize_kB="

/* ---- one that is about to start ---- */

/* "1", and not "0-1".  Return: -1: it is not one node alone. */
static int only_node(const char *list)
{
	int64_t node;

	return str_to_i64(list, 0, MAX_NODES - 1, &node) == 0 ? (int)node : -1;
}

static bool has_several_nodes(const char *sysroot)
{
	char list[256];

	return sysroot_read(sysroot, list, sizeof(list), "/sys/devices/system/node/online") >
		       0 &&
	       only_node(list) < 0;
}

static int allowed_node(const char *sysroot)
{
	char text[8192], list[256];

	sysroot_read(sysroot, text, sizeof(text), "/proc/self/status");
	sysroot_field(text, "Mems_allowed_list", list, sizeof(list));
	return only_node(list);
}

/* ---- one that runs ---- */

/* "N1=512" of a line with pages of that size. Other words count nothing. */
static void count_word(char *word, int64_t page_kib, uint64_t kib[MAX_NODES])
{
	char *value = *word == 'N' ? strchr(word, '=') : NULL;
	int64_t node, pages;

	if (!value)
		return;
	*value++ = '\0';
	if (str_to_i64(word + 1, 0, MAX_NODES - 1, &node) == 0 &&
	    str_to_i64(value, 0, INT64_MAX, &pages) == 0)
		kib[node] += (uint64_t)pages * (uint64_t)page_kib;
}

/* "7f00c0000000 default anon=512 dirty=512 N1=512 kernelpagesize_kB=4" */
static void count_line(char *line, uint64_t kib[MAX_NODES])
{
	char *size = strstr(line, PAGE_SIZE_KEY), *rest;
	int64_t page_kib;

	/* The last word; without it there are no pages. */
	if (!size || str_to_i64(size + strlen(PAGE_SIZE_KEY), 1, MAX_PAGE_KIB, &page_kib) < 0)
		return;
	for (char *word = strtok_r(line, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		count_word(word, page_kib, kib);
}

static int fullest_node(const char *sysroot, pid_t pid)
{
	_cleanup_free_ char *path = sysroot_path(sysroot, "/proc/%d/numa_maps", (int)pid);
	uint64_t kib[MAX_NODES] = { 0 };
	_cleanup_free_ char *text = NULL;
	int fullest = 0;
	char *rest;

	if (!path || file_read(path, MAPS_MAX_BYTES, &text, NULL, NULL) < 0)
		return -1;
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		count_line(line, kib);
	for (int node = 1; node < MAX_NODES; node++)
		if (kib[node] > kib[fullest])
			fullest = node;
	return kib[fullest] ? fullest : -1;
}

int numa_memory_node(const char *sysroot, pid_t pid)
{
	if (!has_several_nodes(sysroot))
		return -1;
	return pid ? fullest_node(sysroot, pid) : allowed_node(sysroot);
}
