/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "topology/vf_match.h"

#include <errno.h>

#include "base/str.h"
#include "tap.h"
#include "vf_build.h"

static const struct vf_wish plain = { .pair = "net0",
				      .physnet = "prod",
				      .mac = { { 0x52, 0x54, 0, 0, 0, 1 } },
				      .numa_node = -1,
				      .vm = "a" };

/* A host, its settings, and what is asked of them. */
struct bed {
	struct host_facts *host;
	struct hostdef *settings;
	struct topo topo;
	struct vf_pool *pool;
	struct vf_candidates all;
};

static struct bed make_bed(int pfs, int vfs)
{
	struct bed bed = { .host = vf_build_host(pfs, vfs),
			   .settings = vf_build_settings("prod", pfs) };

	bed.topo = (struct topo){ .host = bed.host, .settings = bed.settings };
	return bed;
}

static void match(struct bed *bed, const struct vf_wish *wish)
{
	struct err err = ERR_INIT;

	vf_candidates_clear(&bed->all);
	if (!bed->pool && vf_pool_open(&bed->topo, &bed->pool, &err) < 0)
		bail("%s", err.msg);
	if (vf_pool_match(bed->pool, wish, &bed->all, &err) < 0)
		bail("%s", err.msg);
}

static void free_bed(struct bed *bed)
{
	vf_candidates_clear(&bed->all);
	vf_pool_free(bed->pool);
	hostdef_free(bed->settings);
	host_facts_free(bed->host);
}

static const struct vf_candidate *find(const struct bed *bed, const struct pci_function *vf)
{
	for (size_t i = 0; i < bed->all.n; i++)
		if (bed->all.list[i].vf == vf)
			return &bed->all.list[i];
	bail("no such candidate");
}

static void is_best(const struct bed *bed, const char *address, const char *what)
{
	const struct vf_candidate *best = vf_candidates_best(&bed->all);

	is_str(best ? best->vf->address : "none", address, "%s", what);
}

/* VF 0 of one PF with one other VF, after `change`, does not fit, and says why. */
#define REFUSES(change, text)                                                         \
	do {                                                                          \
		struct bed bed = make_bed(1, 2);                                      \
		struct host_facts *host = bed.host;                                   \
		struct pci_function *vf = vf_build_vf(host, 0, 0);                    \
		const struct vf_candidate *one;                                       \
                                                                                      \
		change;                                                               \
		match(&bed, &plain);                                                  \
		one = find(&bed, vf);                                                 \
		ok(!one->fits, "does not fit: %s", #change);                          \
		like(one->reason, text, "and says why");                              \
		ok(one->pf_link == &host->links[0] && one->pf == &host->functions[0], \
		   "its PF");                                                         \
		free_bed(&bed);                                                       \
	} while (0)

/* The same, and it fits. */
#define ACCEPTS(change)                                                 \
	do {                                                            \
		struct bed bed = make_bed(1, 2);                        \
		struct host_facts *host = bed.host;                     \
		struct pci_function *vf = vf_build_vf(host, 0, 0);      \
                                                                        \
		change;                                                 \
		match(&bed, &plain);                                    \
		ok(find(&bed, vf)->fits, "fits: %s", #change);          \
		is_str(find(&bed, vf)->reason, "", "and says nothing"); \
		free_bed(&bed);                                         \
	} while (0)

static void add_own_link(struct host_facts *host, const struct pci_function *vf, bool up,
			 const char *master)
{
	struct host_link *link = vf_build_add_link(host, "pf0v0");

	snprintf(link->pci, sizeof(link->pci), "%s", vf->address);
	snprintf(link->master, sizeof(link->master), "%s", master);
	link->up = up;
}

static void set_driver(struct pci_function *function, const char *driver)
{
	snprintf(function->driver, sizeof(function->driver), "%s", driver);
}

/* PF 0 gets into the group of VF 0. */
static void share_group(struct host_facts *host, const char *driver, bool bridge)
{
	struct pci_function *pf = vf_build_pf(host, 0);

	pf->iommu_group = vf_build_vf(host, 0, 0)->iommu_group;
	pf->bridge = bridge;
	set_driver(pf, driver);
}

static struct vfio_group *held(struct host_facts *host, pid_t pid)
{
	struct vfio_group *group = vf_build_add_group(host, 0, 0);

	group->holder = pid;
	snprintf(group->holder_name, sizeof(group->holder_name), "dpdk-testpmd");
	return group;
}

static void test_reasons(void)
{
	ACCEPTS(vf->numa_node = 1);
	REFUSES(vf->iommu_group = -1, "it is in no IOMMU group: the IOMMU does not cover it");
	REFUSES((vf->iommu_group = -1, host->n_iommu_groups = 0), "the host's IOMMU is off");

	REFUSES(share_group(host, "igb", false),
		"its IOMMU group 1000 is shared with 0000:01:00.0, which igb uses");
	ACCEPTS(share_group(host, "pci-stub", false));
	ACCEPTS(share_group(host, "vfio-pci", false));
	ACCEPTS(share_group(host, "", false));
	ACCEPTS(share_group(host, "pcieport", true));

	REFUSES(held(host, 4711),
		"its IOMMU group 1000 is held by process 4711 (dpdk-testpmd)");
	REFUSES(held(host, 0)->open_errno = EBUSY, "is held by a process that cannot be seen");
	REFUSES(held(host, 0)->open_errno = EIO, "does not open: Input/output error");
	REFUSES(held(host, 0)->viable = false, "its IOMMU group 1000 is not viable");
	/* In a captured host no node can be opened. */
	ACCEPTS(held(host, 0)->open_errno = -1);
	ACCEPTS((host->live = false, held(host, 0)->open_errno = ENOTTY));

	REFUSES((set_driver(vf, "igbvf"), add_own_link(host, vf, true, "")),
		"this host uses it itself: its link pf0v0 is up");
	REFUSES((set_driver(vf, "igbvf"), add_own_link(host, vf, false, "br0")),
		"this host uses it itself: its link pf0v0 belongs to br0");
	ACCEPTS((set_driver(vf, "igbvf"), add_own_link(host, vf, false, "")));
	REFUSES(set_driver(vf, "igbvf"),
		"its driver igbvf has it, and its link is not on this host: a container's, or a "
		"program's?");
	ACCEPTS(set_driver(vf, "pci-stub"));
	ACCEPTS(set_driver(vf, ""));

	REFUSES(host->links[0].up = false, "PF pf0 is down");
	REFUSES(host->links[0].eswitch = ESWITCH_SWITCHDEV, "PF pf0 is in switchdev mode");
	ACCEPTS(host->links[0].eswitch = ESWITCH_UNKNOWN);
	ACCEPTS(host->links[0].carrier = false);
	REFUSES(host->links[0].mtu = 1400, "PF pf0 has MTU 1400, and the pair needs 1500");
	ACCEPTS(host->links[0].mtu = 0);
}

static void test_owners(void)
{
	char held_vf[1][PCI_ADDRESS_SIZE] = { "0000:01:10.0" };
	struct host_vm vms[] = { { .name = "b", .vfs = held_vf, .n_vfs = 1 },
				 { .name = "c", .pid = 99 } };
	struct bed bed = make_bed(1, 3);
	struct vf_wish wish = plain;

	bed.topo.vms = vms;
	bed.topo.n_vms = 2;
	vf_build_add_group(bed.host, 0, 1)->holder = 99;
	match(&bed, &wish);
	like(find(&bed, vf_build_vf(bed.host, 0, 0))->reason, "it is used by VM b",
	     "a VM's own by its list");
	like(find(&bed, vf_build_vf(bed.host, 0, 1))->reason, "it is used by VM c",
	     "a VM's own by its process");
	is_best(&bed, "0000:01:10.2", "what is left is the choice");
	wish.vm = "b";
	match(&bed, &wish);
	is_best(&bed, "0000:01:10.0", "a VM's own is free for it");
	wish.vm = NULL;
	match(&bed, &wish);
	is_best(&bed, "0000:01:10.2", "and for no command line");
	free_bed(&bed);
}

/* The n-th entry of the pool. */
static struct vf_entry entry(struct bed *bed, size_t n)
{
	struct err err = ERR_INIT;
	struct vf_entry out;

	if (!bed->pool && vf_pool_open(&bed->topo, &bed->pool, &err) < 0)
		bail("%s", err.msg);
	if (!vf_pool_entry(bed->pool, n, &out))
		bail("there is no entry %zu", n);
	return out;
}

/* A VM has reserved one of two VFs of a group, and its QEMU has not opened that yet. */
static void test_group_of_a_vm(void)
{
	char held_vf[1][PCI_ADDRESS_SIZE] = { "0000:01:10.0" };
	struct host_vm vms[] = { { .name = "b", .vfs = held_vf, .n_vfs = 1 } };
	struct bed bed = make_bed(1, 3);

	bed.topo.vms = vms;
	bed.topo.n_vms = 1;
	vf_build_vf(bed.host, 0, 1)->iommu_group = vf_build_vf(bed.host, 0, 0)->iommu_group;
	match(&bed, &plain);
	is_str(find(&bed, vf_build_vf(bed.host, 0, 1))->reason, "it is used by VM b",
	       "the other VF of a VM's group is that VM's");
	is_best(&bed, "0000:01:10.2", "one of another group is nobody's");
	vms[0].name[0] = 'a';
	match(&bed, &plain);
	ok(find(&bed, vf_build_vf(bed.host, 0, 1))->fits, "the VM itself can have both");
	free_bed(&bed);
}

static void test_entries(void)
{
	char held_vf[1][PCI_ADDRESS_SIZE] = { "0000:01:10.0" };
	struct host_vm vms[] = { { .name = "b", .vfs = held_vf, .n_vfs = 1 },
				 { .name = "c", .pid = 99 } };
	struct bed bed = make_bed(2, 6);
	struct host_facts *host = bed.host;
	struct vf_entry one;

	bed.topo.vms = vms;
	bed.topo.n_vms = 2;
	vf_build_add_group(host, 0, 0)->holder = 98;
	vf_build_add_group(host, 0, 1)->holder = 99;
	vf_build_add_group(host, 0, 2)->holder = 100;
	vf_build_add_group(host, 0, 3)->open_errno = EBUSY;
	set_driver(vf_build_vf(host, 0, 4), "igbvf");
	add_own_link(host, vf_build_vf(host, 0, 4), true, "");
	vf_build_admin(host, 0, 5)->vlan = 7;
	vf_build_vf(host, 1, 0)->iommu_group = -1;

	one = entry(&bed, 0);
	ok(one.candidate->vf == vf_build_vf(host, 0, 0) && one.pf == 0, "in their order");
	is_str(one.physnet->id, "prod", "with its physnet");
	ok(one.user == VF_USER_VM && one.vm == &vms[0], "a VM's, whatever process holds it");
	ok(one.candidate->fits && !one.free, "it fits, and is not free");
	is_int(one.n_free, 1, "how many of its PF are");
	one = entry(&bed, 1);
	ok(one.user == VF_USER_VM && one.vm == &vms[1], "a VM's by its process");
	one = entry(&bed, 2);
	ok(one.user == VF_USER_PROCESS && one.group->holder == 100, "a process's");
	ok(!one.candidate->fits && !one.free, "it fits nobody");
	one = entry(&bed, 3);
	ok(one.user == VF_USER_PROCESS && one.group->holder == 0, "one that cannot be seen");
	one = entry(&bed, 4);
	ok(one.user == VF_USER_HOST, "the host's own");
	is_str(one.link->name, "pf0v0", "by this link");
	one = entry(&bed, 5);
	ok(one.user == VF_USER_NONE && one.free, "nobody's");
	ok(one.admin == vf_build_admin(host, 0, 5), "with what the PF says of it");
	vf_pool_take(bed.pool, one.candidate->vf, "net0");
	one = entry(&bed, 5);
	ok(!one.free && one.n_free == 0, "once it is taken it is not free");
	one = entry(&bed, 6);
	ok(one.pf == 1 && one.n_free == 5, "the next PF");
	ok(one.user == VF_USER_NONE && !one.free, "nobody's, and not free: it fits nobody");
	entry(&bed, 11);
	ok(!vf_pool_entry(bed.pool, 12, &one), "they end");
	free_bed(&bed);
}

/* Who has it is told before what else there is against it. */
static void test_use_comes_first(void)
{
	REFUSES((share_group(host, "igb", false), held(host, 4711)), "held by process 4711");
	REFUSES((vf->iommu_group = -1, set_driver(vf, "igbvf"),
		 add_own_link(host, vf, true, "")),
		"its link pf0v0 is up");
}

/* What could not be read is not taken for what is not there. */
static void test_unknown(void)
{
	struct bed bed = make_bed(1, 1);

	bed.host->n_links = 0;
	bed.host->links_missing = "netlink is away";
	is_str(entry(&bed, 0).candidate->reason, "nothing is known of it: netlink is away",
	       "links that are not known");
	bed.host->n_links = 1;
	free_bed(&bed);

	bed = make_bed(1, 1);
	bed.host->n_functions = 0;
	bed.host->pci_missing = "no /sys";
	is_str(entry(&bed, 0).candidate->reason, "nothing is known of its VFs: no /sys",
	       "functions that are not known");
	free_bed(&bed);
}

static void test_pfs_alone(void)
{
	struct bed bed = make_bed(3, 0);

	vf_build_pf(bed.host, 1)->total_vfs = 0;
	bed.host->links[2].name[2] = '7';
	vf_build_pf(bed.host, 0)->total_vfs = 7;
	match(&bed, &plain);
	is_int(bed.all.n, 3, "a PF without VFs is a candidate too");
	ok(!vf_candidates_best(&bed.all), "that does not fit");
	is_str(bed.all.list[0].reason,
	       "no VFs are made: echo 7 > /sys/class/net/pf0/device/sriov_numvfs",
	       "one that could have some");
	ok(!bed.all.list[0].vf && bed.all.list[0].pf, "has no VF, and is a PF");
	is_int(bed.all.list[0].to_make, 0, "and nobody makes any");
	is_str(bed.all.list[1].reason, "pf1 cannot have VFs", "one that cannot");
	is_str(bed.all.list[2].reason, "there is no link pf2 on this host", "one that is none");
	ok(!bed.all.list[2].pf && !bed.all.list[2].pf_link, "has no PF");
	free_bed(&bed);

	bed = make_bed(1, 0);
	bed.settings->physnets[0].vfs = 5;
	vf_build_pf(bed.host, 0)->total_vfs = 5;
	match(&bed, &plain);
	is_int(bed.all.list[0].to_make, 5, "one of which vmfo makes some");
	is_str(bed.all.list[0].reason, "its VFs are yet to be made: host.json has 5 for it",
	       "says so");
	ok(!vf_candidates_best(&bed.all), "and does not fit before that");
	free_bed(&bed);

	bed = make_bed(1, 0);
	vf_build_pf(bed.host, 0)->num_vfs = 2;
	match(&bed, &plain);
	like(bed.all.list[0].reason, "its 2 VFs are not to be seen", "one whose VFs went");
	free_bed(&bed);

	bed = make_bed(1, 1);
	vf_build_add_link(bed.host, "br0");
	bed.settings->physnets[0].pfs[0][0] = 'b';
	memcpy(bed.settings->physnets[0].pfs[0], "br0", 3);
	match(&bed, &plain);
	is_str(bed.all.list[0].reason, "br0 cannot have VFs", "a bridge is no PF");
	free_bed(&bed);
}

static void test_physnets(void)
{
	struct bed bed = make_bed(1, 2);
	struct vf_wish wish = plain;

	wish.physnet = "storage";
	match(&bed, &wish);
	is_int(bed.all.n, 0, "another physnet has no candidates");
	ok(!vf_candidates_best(&bed.all), "and no best one");
	free_bed(&bed);
}

/* Each preference beats all that come after it: PF 1 has it, PF 0 has all the later ones. */
static void test_preferences(void)
{
	struct vf_wish wish = plain;
	struct bed bed = make_bed(2, 3);
	struct host_facts *host = bed.host;
	struct pci_function *late = vf_build_vf(host, 1, 2);

	match(&bed, &wish);
	is_best(&bed, "0000:01:10.0", "else alike: the lowest address");
	is_int(bed.all.n, 6, "all are listed");
	for (size_t i = 1; i < bed.all.n; i++)
		ok(bed.all.list[i - 1].vf < bed.all.list[i].vf, "by address");

	vf_pool_take(bed.pool, vf_build_vf(host, 0, 0), "net9");
	match(&bed, &wish);
	is_best(&bed, "0000:02:10.0", "the PF with more free VFs");
	like(find(&bed, vf_build_vf(host, 0, 0))->reason, "it is chosen for pair net9",
	     "one that was taken does not fit");
	vf_pool_take(bed.pool, vf_build_vf(host, 0, 0), "net9");
	vf_pool_take(bed.pool, vf_build_vf(host, 1, 0), "net8");
	match(&bed, &wish);
	is_best(&bed, "0000:01:10.1", "counted once, when taken twice");

	/* PF 0 has one VF more that is free from here on. */
	vf_pool_take(bed.pool, vf_build_vf(host, 1, 1), "net7");
	wish.numa_node = 1;
	late->numa_node = 1;
	match(&bed, &wish);
	is_best(&bed, late->address, "the NUMA node before the free VFs");
	wish.numa_node = -1;
	match(&bed, &wish);
	is_best(&bed, "0000:01:10.1", "if it is asked for");

	wish.numa_node = 1;
	late->numa_node = -1;
	vf_build_vf(host, 0, 1)->numa_node = 1;
	host->links[0].carrier = false;
	match(&bed, &wish);
	is_best(&bed, late->address, "the carrier before the NUMA node");

	host->links[0].carrier = true;
	host->links[1].carrier = false;
	wish.vendor = late->vendor;
	wish.device = 0x1889;
	late->device = 0x1889;
	match(&bed, &wish);
	is_best(&bed, late->address, "the model before the carrier");

	late->device = 0x10ca;
	wish.device = 0x10ca;
	vf_build_vf(host, 0, 1)->device = 0x10ca;
	late->device = 0x1889;
	vf_build_admin(host, 1, 2)->mac = wish.mac;
	match(&bed, &wish);
	is_best(&bed, late->address, "the MAC before the model");

	host->links[1].up = false;
	free_bed(&bed);
}

static void test_unfit_last(void)
{
	struct bed bed = make_bed(2, 1);

	bed.host->links[0].up = false;
	vf_build_admin(bed.host, 0, 0)->mac = plain.mac;
	match(&bed, &plain);
	is_best(&bed, "0000:02:10.0", "what does not fit is preferred for nothing");
	ok(!bed.all.list[1].fits, "and comes last");
	free_bed(&bed);
}

static void test_many(void)
{
	struct bed bed = make_bed(4, 128);
	struct vf_wish wish = plain;
	char pair[64][16];

	for (int i = 0; i < 64; i++) {
		snprintf(pair[i], sizeof(pair[i]), "net%d", i);
		wish.pair = pair[i];
		match(&bed, &wish);
		if (!vf_candidates_best(&bed.all))
			bail("no VF for %s", pair[i]);
		vf_pool_take(bed.pool, vf_candidates_best(&bed.all)->vf, pair[i]);
	}
	is_int(bed.all.n, 512, "512 VFs");
	match(&bed, &plain);
	for (int pf = 0; pf < 4; pf++) {
		int taken = 0;

		for (int vf = 0; vf < 128; vf++)
			taken += !find(&bed, vf_build_vf(bed.host, pf, vf))->fits;
		is_int(taken, 16, "evenly: PF %d", pf);
	}
	free_bed(&bed);
}

int main(void)
{
	test_reasons();
	test_owners();
	test_group_of_a_vm();
	test_entries();
	test_use_comes_first();
	test_unknown();
	test_pfs_alone();
	test_physnets();
	test_preferences();
	test_unfit_last();
	test_many();
	vf_pool_free(NULL);
	return done_testing();
}
