/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The NUMA node of a QEMU's memory.
 */
#include "host/numa.h"

#include <unistd.h>

#include "io/file.h"
#include "synthetic.h"

#define PID 4711

/* As Linux 6.1 writes it: of 4 KiB pages 30 are on node 0 and 12 on node 1. */
#define SMALL                                                                              \
	"55d0c0a00000 default file=/usr/bin/qemu mapped=20 N0=20 kernelpagesize_kB=4\n"    \
	"7f00c0000000 default anon=22 dirty=22 active=0 N0=10 N1=12 kernelpagesize_kB=4\n" \
	"7ffd5f3c8000 default stack anon=0\n"                                              \
	"7ffd5f3f9000 default\n"
#define HUGE                                                                          \
	"7f0080000000 bind:1 file=/memfd:ram\\040(deleted) huge anon=1 dirty=1 N1=1 " \
	"kernelpagesize_kB=2048\n"

/* text: NULL: there is no such file. */
static void put(const char *folder, const char *name, const char *text)
{
	_cleanup_free_ char *path = str_printf("%s/%s/%s", synthetic_folder, folder, name);
	_cleanup_free_ char *above = str_printf("%s/%s", synthetic_folder, folder);
	struct err err = ERR_INIT;

	if (!text)
		unlink(path);
	else if (dir_make(above, 0755, &err) < 0 ||
		 file_write_volatile(path, 0644, text, strlen(text), &err) < 0)
		bail("%s", err.msg);
}

static void put_nodes(const char *online)
{
	put("sys/devices/system/node", "online", online);
}

static int running(const char *maps)
{
	put("proc/4711", "numa_maps", maps);
	return numa_memory_node(synthetic_folder, PID);
}

static int starting(const char *status)
{
	put("proc/self", "status", status);
	return numa_memory_node(synthetic_folder, 0);
}

static void test_running(void)
{
	put_nodes("0-1\n");
	is_int(running(SMALL), 0, "the node of most pages");
	is_int(running(SMALL HUGE), 1, "a large page is as much as it is");
	is_int(running("7f0 default N0=1 kernelpagesize_kB=4\n7f1 default N1=1 "
		       "kernelpagesize_kB=4"),
	       0, "of two with as much the first; a last line without an end");
	is_int(running("7f0 default N0=1 N1023=2 kernelpagesize_kB=4\n"), 1023,
	       "the last node");
	is_int(running("7f0 default N1024=9 N-1=9 N=9 N1=x Nx=9 N2 N0=1 kernelpagesize_kB=4\n"
		       "7f1 default N1=9\n7f2 default N1=9 kernelpagesize_kB=0\n"),
	       0, "what is no count of pages is none");
	is_int(running("7ffd5f3f9000 default\n"), -1, "a process without pages");
	is_int(running(""), -1, "one that has ended");
	is_int(running(NULL), -1, "one that is not there, or a kernel without NUMA");
}

static void test_starting(void)
{
	put_nodes("0-1\n");
	is_int(starting("Name:\tvmfo\nMems_allowed:\t00000002\nMems_allowed_list:\t1\n"), 1,
	       "a process that gets memory of one node");
	is_int(starting("Mems_allowed_list:\t0-1\n"), -1, "of both");
	is_int(starting("Mems_allowed_list:\t0,2\n"), -1, "of two that are not neighbours");
	is_int(starting("Name:\tvmfo\n"), -1, "a kernel that does not say");
	is_int(starting(NULL), -1, "a host that was captured without");
}

static void test_one_node(void)
{
	static const char *const online[] = { "0\n", "", NULL };

	for (size_t i = 0; i < ARRAY_SIZE(online); i++) {
		put_nodes(online[i]);
		is_int(running(SMALL HUGE), -1, "%s: nothing is near or far",
		       i ? "nodes unknown" : "one node");
		is_int(starting("Mems_allowed_list:\t0\n"), -1, "for one that starts, too");
	}
}

/* Whatever this machine has. */
static void test_here(void)
{
	ok(numa_memory_node(NULL, 0) >= -1, "this host");
	ok(numa_memory_node(NULL, getpid()) >= -1, "this process");
}

int main(void)
{
	synthetic_open();
	test_running();
	test_starting();
	test_one_node();
	test_here();
	synthetic_close();
	return done_testing();
}
