/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * PCI functions and vfio groups, as they are read of synthetic hosts and of this one.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "host/host_read.h"
#include "host/pci.h"
#include "synthetic.h"

static void facts_free(struct host_facts **facts)
{
	host_facts_free(*facts);
}

#define _cleanup_facts_ _cleanup_(facts_free)

static struct host_facts *read_with_vms(const struct host_read *what)
{
	const char *sysroot = what->sysroot;
	struct host_facts *facts = calloc(1, sizeof(*facts));
	struct err err = ERR_INIT;

	if (!facts || pci_read(sysroot, facts, &err) < 0 || vfio_read(what, facts, &err) < 0)
		bail("reading %s: %s", sysroot ? sysroot : "this host", err.msg);
	return facts;
}

static struct host_facts *read_host(const char *sysroot)
{
	return read_with_vms(&(struct host_read){ .sysroot = sysroot });
}

static struct host_facts *read_synthetic(const char *options)
{
	_cleanup_free_ char *path = synthetic_host(options);

	return read_host(path);
}

static const struct pci_function nothing;

static const struct pci_function *find(const struct host_facts *facts, const char *address)
{
	const struct pci_function *f = host_find_function(facts, address);

	ok(f, "%s is there", address);
	return f ? f : &nothing;
}

static void check_82576(void)
{
	_cleanup_facts_ struct host_facts *facts = read_synthetic("--preset 82576");
	const struct pci_function *pf = find(facts, "0000:01:00.1"),
				  *vf = find(facts, "1:11.5");

	is_str(pf->name, "Intel Corporation 82576 Gigabit Network Connection", "the PF's name");
	is_int(pf->vendor, 0x8086, "its vendor");
	is_int(pf->device, 0x10c9, "its device");
	is_int(pf->class, 0x020000, "its class");
	is_str(pf->driver, "igb", "its driver");
	is_int(pf->total_vfs, 7, "it can have 7 VFs");
	is_int(pf->num_vfs, 7, "and has them");
	is_int(pf->numa_node, 0, "its NUMA node");
	is_int(pf->iommu_group, 11, "its IOMMU group");
	ok(pf->caps_known && pf->express && pf->sriov && pf->acs, "its capabilities");
	ok(pf->multifunction, "it shares its slot with the other PF");
	ok(!pf->physfn[0] && pf->vf_index == -1, "it is no VF");

	is_str(vf->address, "0000:01:11.5", "an address without domain is found");
	is_int(vf->device, 0x10ca, "the VF's device is sysfs', not the 0xffff in its space");
	is_str(vf->driver, "vfio-pci", "its driver");
	is_str(vf->physfn, "0000:01:00.1", "its PF");
	is_int(vf->vf_index, 6, "it is its seventh");
	is_int(vf->iommu_group, 20 + 7 + 6, "its group");
	ok(!vf->multifunction,
	   "the other VFs of its slot do not make it a multifunction device");
	ok(!vf->sriov && vf->express, "it has no SR-IOV");
	is_int(find(facts, "0000:01:10.2")->vf_index, 1, "VFs of two PFs interleave");

	ok(find(facts, "00:01.0")->bridge, "the root port is a bridge");
	ok(!find(facts, "00:00.0")->express, "the host bridge is conventional");
	is_int(facts->n_functions, 2 + 2 + 14, "that is all");
	ok(facts->iommu_tables && facts->n_iommu_groups == 18, "the IOMMU is on");
	is_int(facts->n_groups, 14, "each VF's group is with vfio, the PFs' are not");
	ok(!facts->pci_missing, "nothing is missing");
}

static void check_groups(void)
{
	_cleanup_facts_ struct host_facts *shared = read_synthetic("--preset shared-group");
	_cleanup_facts_ struct host_facts *off = read_synthetic("--preset no-iommu");
	_cleanup_facts_ struct host_facts *unused = read_synthetic("--no-groups");

	is_int(shared->n_groups, 1, "two VFs of one group are one group");
	is_int(find(shared, "01:00.0")->iommu_group, 20, "which is the PF's too");
	ok(!find(shared, "01:00.0")->acs, "the PF has no ACS");
	ok(!off->iommu_tables && off->n_iommu_groups == 0, "an IOMMU that is off");
	is_int(find(off, "01:10.0")->iommu_group, -1, "nothing is in a group then");
	is_int(off->n_groups, 0, "nothing is with vfio");
	ok(unused->iommu_tables && unused->n_iommu_groups == 0, "an IOMMU that is not used");
}

/* What others than root see. */
static void check_user(void)
{
	_cleanup_facts_ struct host_facts *facts = read_synthetic("--user-config");
	const struct pci_function *pf = find(facts, "01:00.0");

	ok(!pf->caps_known, "of 64 bytes the capabilities are not known");
	ok(pf->express && pf->sriov, "sysfs shows PCI Express and SR-IOV");
	ok(!pf->acs, "but not ACS");
	ok(find(facts, "00:01.0")->bridge, "a bridge is known by its header");
	is_int(find(facts, "01:10.2")->vf_index, 1, "VFs are known");
}

static const struct vfio_group *group(const struct host_facts *facts, int number)
{
	static const struct vfio_group none;
	const struct vfio_group *found = host_find_group(facts, number);

	ok(found, "group %d is there", number);
	return found ? found : &none;
}

static void check_nodes(void)
{
	_cleanup_facts_ struct host_facts *root = read_synthetic("--vf 0.1:holder=4711");
	_cleanup_facts_ struct host_facts *user = read_synthetic("--uid 1000");
	_cleanup_facts_ struct host_facts *open = read_synthetic("--uid 1000 --node-mode 0666");
	_cleanup_facts_ struct host_facts *none = read_synthetic("--node-mode none");
	const struct vfio_group *held = group(root, 21);

	ok(held->node && held->accessible, "root may open a node of mode 0600");
	is_int(held->open_errno, -1, "a file that stands for a node is not opened");
	is_int(held->holder, 4711, "who has it open is found");
	is_str(held->holder_name, "qemu-system-x86", "and its name");
	is_int(group(root, 20)->holder, 0, "nobody has the other");
	ok(group(user, 20)->node && !group(user, 20)->accessible, "others may not");
	ok(group(open, 20)->accessible, "unless its mode lets them");
	ok(!group(none, 20)->node, "a node that is not there");
	is_int(group(none, 20)->open_errno, ENOENT, "does not open");
}

/* Devices that are no vfio group stand for those that fail. */
static void check_device_nodes(void)
{
	_cleanup_facts_ struct host_facts *facts = NULL, *mine = NULL;
	char vfs[][PCI_ADDRESS_SIZE] = { "0000:01:10.0" };
	const struct host_vm vm = { .name = "a", .vfs = vfs, .n_vfs = 1 };
	_cleanup_free_ char *path = NULL;

	if (geteuid() != 0) {
		skip(4, "only root can make devices");
		return;
	}
	facts = read_synthetic("--device-nodes");
	is_int(group(facts, 20)->open_errno, ENOTTY, "a device that is not vfio's is no group");
	ok(!group(facts, 20)->viable, "and not viable");
	path = synthetic_host("--device-nodes");
	mine = read_with_vms(&(struct host_read){ path, &vm, 1 });
	is_int(group(mine, 20)->open_errno, -1, "one of a VF that a VM holds is not opened");
	is_int(group(mine, 21)->open_errno, ENOTTY, "others are");
}

/* Owner, group and others, each with their bits. */
static void check_permissions(void)
{
	_cleanup_free_ char *path = NULL, *node = NULL;
	static const struct {
		const char *what;
		uid_t uid;
		gid_t gid;
		mode_t mode;
		bool accessible;
	} rows[] = {
		{ "its owner", 1000, 0, 0600, true },
		{ "its owner, read-only", 1000, 0, 0466, false },
		{ "its group", 0, 1000, 0660, true },
		{ "its group, without the bits", 0, 1000, 0606, false },
		{ "a stranger", 0, 0, 0660, false },
	};

	if (geteuid() != 0) {
		skip(10, "only root can give files away");
		return;
	}
	path = synthetic_host("--uid 1000");
	node = str_printf("%s/dev/vfio/20", path);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_facts_ struct host_facts *facts = NULL;

		if (chown(node, rows[i].uid, rows[i].gid) < 0 || chmod(node, rows[i].mode) < 0)
			bail("cannot change %s", node);
		facts = read_host(path);
		is_int(group(facts, 20)->accessible, rows[i].accessible, "%s: %s", rows[i].what,
		       rows[i].accessible ? "may open it" : "may not");
	}
}

static void put(const char *path, const char *name, const char *text)
{
	_cleanup_free_ char *file = str_printf("%s/%s", path, name);
	_cleanup_fclose_ FILE *f = fopen(file, "w");

	if (!f || fputs(text, f) < 0)
		bail("cannot write %s", file);
}

static void check_hostile(void)
{
	_cleanup_free_ char *path = synthetic_host("--vfs 2 --vf 0.0:driver=igbvf");
	_cleanup_facts_ struct host_facts *facts = NULL;
	const struct pci_function *pf;

	/* Names that are no address; a FIFO; a folder in place of a file. */
	synthetic_run(str_printf("cd '%s/sys/bus/pci/devices' && "
				 "mkdir x 0000:01:00.9 1:0.0 '0000:01:00.0;x' 0000:01:00.00 && "
				 "cd 0000:01:00.0 && rm numa_node class && mkfifo numa_node && "
				 "mkdir class",
				 path));
	put(path, "sys/bus/pci/devices/0000:01:00.0/vendor", "0x8086 and more");
	put(path, "sys/bus/pci/devices/0000:01:00.0/device", "what\n");
	put(path, "sys/bus/pci/devices/0000:01:00.0/sriov_numvfs", "99999999999999999999\n");
	put(path, "sys/bus/pci/devices/0000:01:10.0/config", "");
	synthetic_run(str_printf("ln -sfn /dev/vfio/99999999999999999999 '%s/proc/1'; "
				 "mkdir -p '%s/proc/77/fd' '%s/proc/99999999999/fd'; "
				 "ln -s /dev/vfio/99999999999 '%s/proc/77/fd/3'; "
				 "ln -s /dev/vfio/21 '%s/proc/99999999999/fd/4'",
				 path, path, path, path, path));
	facts = read_host(path);
	pf = find(facts, "01:00.0");
	is_int(pf->vendor, 0x8086, "a number and more is the number");
	is_int(pf->device, 0, "no number is 0");
	is_int(pf->class, 0, "a folder is no number");
	is_int(pf->numa_node, -1, "a FIFO holds nobody, and is no number");
	is_int(pf->num_vfs, 0, "a number out of range is none");
	is_int(facts->n_functions, 2 + 1 + 2, "names that are no addresses are passed over");
	ok(!find(facts, "01:10.0")->caps_known, "an empty configuration space says nothing");
	is_int(group(facts, 21)->holder, 0, "processes that cannot be do not hold a group");
}

/* Capabilities that lead in circles, or out of the space. */
static void check_capability_loops(void)
{
	_cleanup_free_ char *path = synthetic_host(""), *config = NULL;
	static const unsigned char loops[] = { 0x01, 0x40, 0, 0 };
	static const unsigned char ext[] = { 0x0d, 0x00, 0x01, 0xff };
	_cleanup_facts_ struct host_facts *facts = NULL;
	_cleanup_close_ int fd = -1;

	config = str_printf("%s/sys/bus/pci/devices/0000:01:00.0/config", path);
	fd = open(config, O_WRONLY);
	if (fd < 0 || pwrite(fd, loops, sizeof(loops), 0x40) != sizeof(loops) ||
	    pwrite(fd, ext, sizeof(ext), 0x100) != sizeof(ext))
		bail("cannot change %s", config);
	facts = read_host(path);
	ok(!find(facts, "01:00.0")->express, "a list that ends where it began has an end");
}

static void check_missing(void)
{
	_cleanup_facts_ struct host_facts *facts = read_host("/var/empty/nothing");
	_cleanup_facts_ struct host_facts *deep = NULL;
	char path[3000];

	like(facts->pci_missing, "/sys/bus/pci/devices", "PCI that cannot be read is missing");
	is_int(facts->n_functions, 0, "without functions");
	is_int(facts->n_iommu_groups, -1, "and groups unknown");

	/* Longer than libpci takes: it would end the process. */
	free(synthetic_host("--pfs 1"));
	snprintf(path, sizeof(path), "%s/host", synthetic_folder);
	while (strlen(path) < 2000)
		strcat(path, "/.");
	deep = read_host(path);
	ok(!find(deep, "01:00.0")->caps_known, "an error of libpci only costs capabilities");
	is_str(deep->functions[2].driver, "igb", "sysfs was read all the same");
}

static void check_live(void)
{
	_cleanup_facts_ struct host_facts *facts = read_host(NULL);
	size_t sorted = 1;

	for (size_t i = 1; i < facts->n_functions; i++)
		sorted += strcmp(facts->functions[i - 1].address, facts->functions[i].address) <
			  0;
	ok(facts->n_functions == 0 || sorted == facts->n_functions,
	   "this host: %zu functions, sorted", facts->n_functions);
	ok(facts->n_iommu_groups >= 0, "its IOMMU groups are known");
}

static void check_many(void)
{
	_cleanup_free_ char *path = synthetic_host("--preset 512-vfs");
	_cleanup_facts_ struct host_facts *facts = NULL;
	size_t numbered = 0;

	facts = read_host(path);
	for (size_t i = 0; i < facts->n_functions; i++)
		numbered += facts->functions[i].vf_index >= 0;
	is_int(numbered, 512, "512 VFs, each with its index");
	is_int(facts->n_groups, 512, "512 groups");
}

static void check_addresses(void)
{
	static const struct {
		const char *text, *normal;
	} rows[] = {
		{ "0000:01:10.0", "0000:01:10.0" },
		{ "01:10.7", "0000:01:10.7" },
		{ "1:2.3", "0000:01:02.3" },
		{ "0000:AB:1f.0", "0000:ab:1f.0" },
		{ "10000:01:00.0", "10000:01:00.0" },
		{ "", NULL },
		{ "01:20.0", NULL },
		{ "01:10.8", NULL },
		{ "100:10.0", NULL },
		{ "01:10", NULL },
		{ "01:10.0 ", NULL },
		{ " 01:10.0", NULL },
		{ "0x1:10.0", NULL },
		{ "-1:10.0", NULL },
		{ "1:1:1:1.0", NULL },
		{ "fffffffff:01:10.0", NULL },
		{ "0000:83b8f4f2-", NULL },
		{ ":10.0", NULL },
	};
	char out[PCI_ADDRESS_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bool good = pci_address_normalize(rows[i].text, out);

		is_str(good ? out : NULL, rows[i].normal, "address \"%s\"", rows[i].text);
	}
}

int main(void)
{
	synthetic_open();
	check_addresses();
	check_82576();
	check_groups();
	check_user();
	check_nodes();
	check_device_nodes();
	check_permissions();
	check_hostile();
	check_capability_loops();
	check_missing();
	check_live();
	check_many();
	synthetic_close();
	return done_testing();
}
