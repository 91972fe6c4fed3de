/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Small files below a sysroot; the whole of a host: memory, limits, CPU, nodes.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "host/host_read.h"
#include "host/sysroot.h"
#include "synthetic.h"

static void facts_free(struct host_facts **facts)
{
	host_facts_free(*facts);
}

#define _cleanup_facts_ _cleanup_(facts_free)

static struct host_facts *read_host(const char *sysroot)
{
	struct host_facts *facts = NULL;
	struct err err = ERR_INIT;

	if (host_read(&(struct host_read){ .sysroot = sysroot }, &facts, &err) < 0)
		bail("reading %s: %s", sysroot ? sysroot : "this host", err.msg);
	return facts;
}

static struct host_facts *read_synthetic(const char *options)
{
	_cleanup_free_ char *path = synthetic_host(options);

	return read_host(path);
}

static void put(const char *path, const char *name, const char *text)
{
	_cleanup_free_ char *file = str_printf("%s/%s", path, name);
	_cleanup_fclose_ FILE *f = fopen(file, "w");

	if (!f || fputs(text, f) < 0)
		bail("cannot write %s", file);
}

/* ---- sysroot ---- */

static void check_sysroot(void)
{
	const char *root = synthetic_folder;
	_cleanup_free_ char *path = sysroot_path(root, "/sys/%d", 7);
	_cleanup_free_ char *own = sysroot_path(NULL, "/sys/%d", 7);
	_cleanup_(strv_clear) struct strv names = { 0 };
	char buf[8], name[4];

	ok(str_starts(path, root) && strstr(path, "/sys/7"), "a path below a sysroot");
	is_str(own, "/sys/7", "a path of this host");

	put(root, "text", "one\n\n");
	is_int(sysroot_read(root, buf, sizeof(buf), "/text"), 4,
	       "a file's last newline is cut");
	is_str(buf, "one\n", "and only that");
	put(root, "long", "0123456789");
	is_int(sysroot_read(root, buf, sizeof(buf), "/long"), 7, "what is too long is cut");
	is_str(buf, "0123456", "at the end of the buffer");
	put(root, "empty", "");
	is_int(sysroot_read(root, buf, sizeof(buf), "/empty"), 0, "an empty file");
	is_int(sysroot_read(root, buf, sizeof(buf), "/none"), -ENOENT, "no file");
	is_str(buf, "", "leaves nothing in the buffer");
	is_int(sysroot_read(root, buf, sizeof(buf), "/"), -EISDIR, "a folder is no file");

	put(root, "hex", "0x10c9\n");
	put(root, "big", "99999999999999999999\n");
	put(root, "trash", "7up\n");
	is_int(sysroot_read_int(root, -1, "/hex"), 0x10c9, "a hexadecimal number");
	is_int(sysroot_read_int(root, -1, "/big"), -1, "a number out of range");
	is_int(sysroot_read_int(root, -1, "/trash"), -1, "what only begins as a number");
	is_int(sysroot_read_int(root, -1, "/empty"), -1, "nothing is no number");
	is_int(sysroot_read_int(root, -1, "/none"), -1, "no file is no number");

	synthetic_run(str_printf("ln -s ../a/b/igb '%s/link'; ln -s lone '%s/bare'; "
				 "ln -s /slash/ '%s/slash'",
				 root, root, root));
	sysroot_read_link(root, name, sizeof(name), "/link");
	is_str(name, "igb", "the last name of a link");
	sysroot_read_link(root, name, sizeof(name), "/bare");
	is_str(name, "", "a name that is too long is none, not half of one");
	sysroot_read_link(root, name, sizeof(name), "/slash");
	is_str(name, "", "a link without a last name");
	sysroot_read_link(root, name, sizeof(name), "/text");
	is_str(name, "", "a file is no link");
	ok(sysroot_exists(root, "/link"), "a link to nowhere exists");
	ok(!sysroot_exists(root, "/none"), "what is not there does not");

	synthetic_run(
		str_printf("mkdir '%s/d' && cd '%s/d' && touch b a .hidden c", root, root));
	is_int(sysroot_list(root, &names, "/d"), 0, "a folder");
	ok(names.n == 3 && str_eq(names.v[0], "a") && str_eq(names.v[2], "c"),
	   "its names, sorted, without the hidden");
	is_int(sysroot_list(root, &names, "/none"), -ENOENT, "no folder");
}

static void check_fields(void)
{
	static const char *const text = "MemTotal:  12 kB\nMemTotalX: 3\nmodel name\t: A CPU\n"
					"last:";
	char buf[16], tiny[4];

	ok(sysroot_field(text, "MemTotal", buf, sizeof(buf)), "a field");
	is_str(buf, "12 kB", "its value");
	ok(sysroot_field(text, "model name", buf, sizeof(buf)),
	   "a name with a blank and a tab");
	is_str(buf, "A CPU", "its value");
	sysroot_field(text, "model name", tiny, sizeof(tiny));
	is_str(tiny, "A C", "a value is cut at the end of the buffer");
	ok(sysroot_field(text, "last", buf, sizeof(buf)), "a field without a value");
	is_str(buf, "", "has none");
	ok(!sysroot_field(text, "Total", buf, sizeof(buf)), "the end of a name is no name");
	ok(!sysroot_field("", "x", buf, sizeof(buf)), "no text, no field");
}

/* ---- a host ---- */

static void check_whole(void)
{
	_cleanup_facts_ struct host_facts *facts = read_synthetic(
		"--preset 82576 --memory 64 --available 10 --huge-pages 2048:100:40 "
		"--huge-pages 1048576:4:3 --memlock 65536:unlimited --vf 0.2:vlan=100,trust=on "
		"--cpu-model 'A CPU' --cpu-flags 'sse avx2' --kernel 6.1.0 --no-vhost-net");
	const struct pci_function *vf = host_find_function(facts, "0000:01:10.4");
	const struct host_link *link = host_find_link(facts, "enp1s0f0");
	const struct link_vf *admin = vf ? host_vf_of(facts, vf) : NULL;

	ok(!facts->live, "a captured host is not live");
	is_int(facts->memory_total_kib, 64 * 1024 * 1024, "its memory");
	is_int(facts->memory_available_kib, 10 * 1024 * 1024, "what is available");
	is_int(facts->n_huge_pages, 2, "two sizes of huge pages");
	for (size_t i = 0; i < facts->n_huge_pages; i++)
		if (facts->huge_pages[i].page_kib == 2048)
			ok(facts->huge_pages[i].total == 100 && facts->huge_pages[i].free == 40,
			   "those of 2 MiB");
	is_int(facts->memlock_soft, 65536, "the limit of locked memory");
	is_int(facts->memlock_hard, -1, "its hard limit is none");
	ok(facts->cap_ipc_lock == FACT_YES && facts->cap_sys_resource == FACT_YES,
	   "root's capabilities");
	is_str(facts->cpu_model, "A CPU", "the CPU");
	is_str(facts->cpu_flags, "sse avx2", "its flags");
	is_str(facts->kernel, "6.1.0", "the kernel");
	is_int(facts->kvm, FACT_YES, "KVM");
	is_int(facts->vhost_net, FACT_NO, "no vhost");
	ok(link && link->n_vfs == 7, "the PF's link, with its VFs");
	ok(admin && admin->index == 2 && admin->vlan == 100 && admin->trust == FACT_YES,
	   "what the PF's driver says of a VF");
	ok(vf && !host_link_of(facts, vf), "a VF with vfio has no link");
	ok(link && host_link_of(facts, host_find_function(facts, "01:00.0")) == link,
	   "a PF has");
	ok(!host_find_link(facts, "enp9s0") && !host_find_group(facts, 999) &&
		   !host_find_file(facts, "/none"),
	   "what is not there is not found");
}

static void check_unprivileged(void)
{
	_cleanup_facts_ struct host_facts *facts =
		read_synthetic("--uid 1000 --memlock 8388608");
	_cleanup_facts_ struct host_facts *some = read_synthetic("--uid 1000 --caps 4000");

	ok(facts->cap_ipc_lock == FACT_NO && facts->cap_sys_resource == FACT_NO,
	   "a user has no capabilities");
	ok(facts->memlock_soft == 8388608 && facts->memlock_hard == 8388608,
	   "one limit for both");
	ok(some->cap_ipc_lock == FACT_YES && some->cap_sys_resource == FACT_NO,
	   "CAP_IPC_LOCK alone");
}

/* Every file of a host may be missing, or nonsense. */
static void check_nonsense(void)
{
	_cleanup_free_ char *path = synthetic_host("");
	_cleanup_facts_ struct host_facts *odd = NULL, *empty = NULL;

	put(path, "proc/meminfo", "MemTotal: lots\nMemAvailable: 99999999999999999999 kB\n");
	put(path, "proc/self/limits", "Max locked memory     -5     many\n");
	put(path, "proc/self/status", "CapEff:\tno\n");
	put(path, "proc/cpuinfo", "\n");
	synthetic_run(
		str_printf("cd '%s' && rm -r dev && cd sys/kernel/mm/hugepages && "
			   "rm -r * && mkdir hugepages-kB hugepages-4 hugepages-4kBx other",
			   path));
	odd = read_host(path);
	is_int(odd->memory_total_kib, -1, "memory that is no number is unknown");
	is_int(odd->memory_available_kib, -1, "and so is what is out of range");
	ok(odd->memlock_soft == -2 && odd->memlock_hard == -2, "limits are unknown");
	ok(odd->cap_ipc_lock == FACT_UNKNOWN && odd->cap_sys_resource == FACT_UNKNOWN,
	   "capabilities are unknown");
	ok(!odd->cpu_model[0] && !odd->cpu_flags, "the CPU is unknown");
	is_int(odd->n_huge_pages, 0, "other names are no huge pages");
	ok(odd->kvm == FACT_UNKNOWN && odd->vhost_net == FACT_UNKNOWN,
	   "without its dev, nodes are unknown");

	synthetic_run(str_printf("rm -r '%s'/* && mkdir '%s/sys'", path, path));
	empty = read_host(path);
	ok(empty->pci_missing && empty->links_missing, "of an empty sys/ all is missing");
	is_int(empty->memlock_soft, -2, "and unknown");
	/* The next host is written into an empty folder only. */
	synthetic_run(str_printf("rmdir '%s/sys'", path));
}

static void check_refused(void)
{
	struct host_facts *facts = NULL;
	struct err err = ERR_INIT;

	is_int(host_read(&(struct host_read){ .sysroot = "/var/empty/nothing" }, &facts, &err),
	       -ENOENT, "no folder");
	is_int(err.kind, ERR_REFUSED, "is refused");
	like(err.msg, "/var/empty/nothing", "with its name");
	is_int(host_read(&(struct host_read){ .sysroot = "/dev/null" }, &facts, &err), -ENOTDIR,
	       "a file is no folder");
	is_int(host_read(&(struct host_read){ .sysroot = "/dev/pts" }, &facts, &err), -ENOENT,
	       "a folder of something else");
	like(err.msg, "neither sys/ nor proc/", "is no captured host");
	ok(!facts, "and nothing is returned");
	host_facts_free(NULL);
}

static void check_live(void)
{
	_cleanup_facts_ struct host_facts *facts = read_host(NULL);

	ok(facts->live, "this host is live");
	ok(facts->memory_total_kib > 0 && facts->memory_available_kib > 0, "it has memory");
	ok(facts->memlock_soft != -2 && facts->memlock_hard != -2, "its limits are known");
	ok(facts->cap_ipc_lock != FACT_UNKNOWN, "its capabilities are known");
	ok(facts->cpu_model[0] && facts->cpu_flags, "its CPU is known");
	ok(facts->kernel[0], "its kernel is known");
	is_int(strlen(facts->boot_id), 36, "and which one it is");
	ok(host_find_link(facts, "lo"), "it has the link lo");
}

#define NODES "/sys/devices/system/node/online"

/* What is captured of this host says of it what it says itself. */
static void check_capture(void)
{
	_cleanup_free_ char *path = str_printf("%s/captured", synthetic_folder);
	_cleanup_facts_ struct host_facts *live = read_host(NULL), *captured = NULL;
	char nodes[256], copied[4096];
	size_t same = 0;

	synthetic_run(str_printf("tests/capture-sysroot '%s'", path));
	captured = read_host(path);
	is_int(captured->n_functions, live->n_functions, "as many functions");
	for (size_t i = 0; i < live->n_functions && i < captured->n_functions; i++)
		same += memcmp(&live->functions[i], &captured->functions[i],
			       sizeof(live->functions[i])) == 0;
	is_int(same, live->n_functions, "each the same");
	is_int(captured->n_iommu_groups, live->n_iommu_groups, "as many IOMMU groups");
	is_int(captured->n_groups, live->n_groups, "as many groups with vfio");
	is_int(captured->iommu_tables, live->iommu_tables, "the same tables");
	is_int(captured->memory_total_kib, live->memory_total_kib, "the same memory");
	is_int(captured->n_huge_pages, live->n_huge_pages, "the same huge pages");
	is_int(captured->memlock_soft, live->memlock_soft, "the same limit");
	is_int(captured->cap_ipc_lock, live->cap_ipc_lock, "the same capabilities");
	is_str(captured->cpu_model, live->cpu_model, "the same CPU");
	is_str(captured->cpu_flags ?: "", live->cpu_flags ?: "", "the same flags");
	is_str(captured->kernel, live->kernel, "the same kernel");
	is_str(captured->boot_id, "", "which does not run here");
	is_int(captured->n_links, live->n_links, "as many links");
	is_int(captured->vhost_net, live->vhost_net, "the same vhost");
	sysroot_read(NULL, nodes, sizeof(nodes), NODES);
	sysroot_read(path, copied, sizeof(copied), NODES);
	is_str(copied, nodes, "the same NUMA nodes");
	sysroot_read(path, copied, sizeof(copied), "/proc/self/status");
	ok(sysroot_field(copied, "Mems_allowed_list", nodes, sizeof(nodes)),
	   "those that it gets memory of");

	is_int(WEXITSTATUS(system("tests/capture-sysroot / 2>/dev/null")), 1,
	       "a folder that is not empty is refused");
	is_int(WEXITSTATUS(system("tests/capture-sysroot 2>/dev/null")), 2,
	       "no folder is a usage error");
}

/* A host that has VFs, put in the place of this one's /sys for the time of the capture. */
static void check_capture_vfs(void)
{
	static const unsigned char serial[] = { 0x03, 0, 1, 0, 9, 9, 9, 9, 9, 9, 9, 9 };
	static const unsigned char chain[] = { 0x10, 0, 0x01, 0x18 }; /* SR-IOV, then 0x180 */
	const char *config = "sys/bus/pci/devices/0000:01:00.0/config";
	_cleanup_facts_ struct host_facts *host = NULL, *captured = NULL;
	_cleanup_free_ char *path = NULL, *copy = NULL, *from = NULL, *to = NULL;
	unsigned char seen[sizeof(serial)] = { 0 };
	size_t same = 0;
	_cleanup_close_ int fd = -1, copied = -1;

	if (geteuid() != 0 || system("unshare -m true 2>/dev/null") != 0) {
		skip(4, "only root can put another /sys in the place of this one");
		return;
	}
	path = synthetic_host("--preset 82576 --vf 0.0:driver=igbvf");
	copy = str_printf("%s/copy", synthetic_folder);
	from = str_printf("%s/%s", path, config);
	to = str_printf("%s/%s", copy, config);
	fd = open(from, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || pwrite(fd, chain, sizeof(chain), 0x140) != sizeof(chain) ||
	    pwrite(fd, serial, sizeof(serial), 0x180) != sizeof(serial))
		bail("cannot change %s", from);
	synthetic_run(str_printf("unshare -m sh -c 'mount --bind \"$0/sys\" /sys && "
				 "exec tests/capture-sysroot \"$1\"' '%s' '%s'",
				 path, copy));
	host = read_host(path);
	captured = read_host(copy);
	is_int(captured->n_functions, host->n_functions, "as many functions, with VFs");
	for (size_t i = 0; i < host->n_functions && i < captured->n_functions; i++)
		same += memcmp(&host->functions[i], &captured->functions[i],
			       sizeof(host->functions[i])) == 0;
	is_int(same, host->n_functions, "each the same");
	is_int(captured->n_iommu_groups, host->n_iommu_groups, "as many IOMMU groups");
	copied = open(to, O_RDONLY | O_CLOEXEC);
	if (copied < 0 || pread(copied, seen, sizeof(seen), 0x180) != sizeof(seen))
		bail("cannot read %s", to);
	ok(memcmp(seen, serial, 4) == 0 && seen[4] == 0 && memcmp(seen + 4, seen + 5, 7) == 0,
	   "the capability stays, its serial number does not");
}

static void check_committed(void)
{
	_cleanup_facts_ struct host_facts *facts = read_host("tests/data/hosts/vm-no-iommu");

	is_int(facts->n_functions, 6, "vm-no-iommu: six functions");
	is_int(facts->n_iommu_groups, 0, "no IOMMU");
	ok(host_find_link(facts, "eth0"), "its link");
}

int main(void)
{
	synthetic_open();
	check_sysroot();
	check_fields();
	check_whole();
	check_unprivileged();
	check_nonsense();
	check_refused();
	check_live();
	check_capture();
	check_capture_vfs();
	check_committed();
	synthetic_close();
	return done_testing();
}
