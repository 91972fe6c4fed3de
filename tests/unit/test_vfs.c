/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What vmfo vfs says of a host, as JSON and back again.
 */
#include "flow/vfs.h"

#include <errno.h>

#include "base/json.h"
#include "tap.h"
#include "vf_build.h"

/* A host with two PFs of two VFs, of which each is another one's. */
struct bed {
	struct host_facts *host;
	struct hostdef *settings;
	struct host_vm vm;
	struct vfs vfs;
};

static void set_text(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%s", text);
}

static void make_admin(struct host_facts *host)
{
	struct link_vf *admin = vf_build_admin(host, 0, 0);

	admin->mac = (struct mac){ { 0x52, 0x54, 0, 0, 0, 1 } };
	admin->vlan = 100;
	admin->spoofchk = FACT_YES;
	admin->trust = FACT_UNKNOWN;
	admin->link_state = VF_LINK_DISABLE;
	vf_build_admin(host, 0, 1)->link_state = VF_LINK_UNKNOWN;
	/* Of the second PF's first VF its driver says nothing. */
	vf_build_admin(host, 1, 0)->index = 99;
}

static void list(struct bed *bed)
{
	const struct topo topo = {
		.host = bed->host, .settings = bed->settings, .vms = &bed->vm, .n_vms = 1
	};
	struct err err = ERR_INIT;

	vfs_clear(&bed->vfs);
	if (vfs_list(&topo, &bed->vfs, &err) < 0)
		bail("%s", err.msg);
}

static struct bed make_bed(void)
{
	struct bed bed = { .host = vf_build_host(2, 2),
			   .settings = vf_build_settings("prod", 3),
			   .vm = { .name = "web1", .pid = 99 } };
	struct host_facts *host = bed.host;
	struct pci_function *own = vf_build_vf(host, 1, 0);
	struct host_link *link;
	struct vfio_group *group;

	make_admin(host);
	vf_build_add_group(host, 0, 0)->holder = 99;
	group = vf_build_add_group(host, 0, 1);
	group->holder = 4711;
	set_text(group->holder_name, sizeof(group->holder_name), "dpdk\033-test");
	set_text(own->driver, sizeof(own->driver), "igbvf");
	link = vf_build_add_link(host, "pf1v0");
	set_text(link->pci, sizeof(link->pci), own->address);
	vf_build_pf(host, 1)->iommu_group = own->iommu_group = 77;
	set_text(vf_build_pf(host, 0)->name, 96, "Intel 82576");
	vf_build_pf(host, 0)->numa_node = 1;
	host->links[1].carrier = false;
	list(&bed);
	return bed;
}

static void free_bed(struct bed *bed)
{
	vfs_clear(&bed->vfs);
	hostdef_free(bed->settings);
	host_facts_free(bed->host);
}

static void check_pfs(const struct vfs *vfs)
{
	const struct vfs_pf *pf = &vfs->pfs[0];

	is_int(vfs->n_pfs, 3, "every PF of host.json");
	is_str(pf->physnet, "prod", "its physnet");
	is_str(pf->link, "pf0", "its link");
	is_str(pf->address, "0000:01:00.0", "its address");
	is_str(pf->vendor, "8086", "its vendor");
	is_str(pf->device, "10c9", "its device");
	is_str(pf->name, "Intel 82576", "its model");
	is_str(pf->driver, "igb", "its driver");
	ok(pf->up == FACT_YES && pf->carrier == FACT_YES, "up, with a carrier");
	is_int(pf->mtu, 1500, "its MTU");
	is_int(pf->numa_node, 1, "its NUMA node");
	is_str(pf->eswitch, "legacy", "its switch mode");
	is_int(pf->vfs_total, 3, "VFs that it could have");
	is_int(pf->vfs_existing, 2, "VFs that it has");
	is_int(pf->vfs_free, 0, "free VFs");
	is_str(pf->reason, "", "nothing against it");
	is_int(pf->n_vfs, 2, "its VFs");

	pf = &vfs->pfs[1];
	is_int(pf->carrier, FACT_NO, "one without a carrier");
	is_int(pf->numa_node, -1, "one without a NUMA node");
	is_int(pf->vfs_free, 1, "one with a free VF");

	pf = &vfs->pfs[2];
	is_str(pf->link, "pf2", "one that is not there");
	is_str(pf->reason, "there is no link pf2 on this host", "says so");
	ok(!*pf->address && pf->up == FACT_UNKNOWN && pf->mtu == -1 && pf->vfs_total == -1 &&
		   pf->n_vfs == 0,
	   "and has nothing else");
}

static void check_vfs(const struct vfs *vfs)
{
	const struct vfs_vf *vf = &vfs->pfs[0].vfs[0];

	is_int(vf->index, 0, "the first VF");
	is_str(vf->address, "0000:01:10.0", "its address");
	is_str(vf->device, "10ca", "its device");
	is_int(vf->iommu_group, 1000, "its group");
	is_int(vf->group_members.n, 0, "of its own");
	is_str(vf->mac, "52:54:00:00:00:01", "its MAC");
	is_int(vf->vlan, 100, "its VLAN");
	ok(vf->spoof_check == FACT_YES && vf->trust == FACT_UNKNOWN, "spoof check, trust");
	is_str(vf->link_state, "disable", "its link state");
	is_int(vf->user, VF_USER_VM, "a VM has it");
	is_str(vf->owner, "web1", "this one");
	ok(!vf->free && vf->pid == -1, "it is not free");
	is_str(vf->reason, "", "it would fit that VM");

	vf = &vfs->pfs[0].vfs[1];
	is_str(vf->mac, "", "a VF without a MAC");
	is_int(vf->vlan, 0, "without a VLAN");
	is_str(vf->link_state, "", "of unknown link state");
	is_int(vf->user, VF_USER_PROCESS, "a process has it");
	is_int(vf->pid, 4711, "this one");
	is_str(vf->owner, "dpdk?-test", "whose name can be shown");
	like(vf->reason, "is held by process 4711 (dpdk?-test)", "and so can the reason");

	vf = &vfs->pfs[1].vfs[0];
	is_int(vf->user, VF_USER_HOST, "the host has it");
	is_str(vf->owner, "pf1v0", "by this link");
	is_int(vf->group_members.n, 1, "in a group with another");
	is_str(vf->group_members.v[0], "0000:02:00.0", "this one");
	is_int(vf->vlan, -1, "no word of its VLAN");
	ok(vf->spoof_check == FACT_UNKNOWN && vf->trust == FACT_UNKNOWN && !*vf->mac,
	   "nor others");

	vf = &vfs->pfs[1].vfs[1];
	ok(vf->user == VF_USER_NONE && vf->free, "a free one");
}

static void test_list(void)
{
	struct bed bed = make_bed();

	check_pfs(&bed.vfs);
	check_vfs(&bed.vfs);
	vf_build_link(bed.host, 1)->up = false;
	list(&bed);
	is_str(bed.vfs.pfs[1].vfs[1].reason, "PF pf1 is down", "why a VF fits nobody");
	ok(!bed.vfs.pfs[1].vfs[1].free && bed.vfs.pfs[1].vfs[1].user == VF_USER_NONE,
	   "though nobody has it");
	ok(bed.vfs.pfs[1].vfs_free == 0, "and its PF has none that is free");
	free_bed(&bed);
}

/* What comes back is what was sent, in every member that the checks above look at. */
static void test_round_trip(void)
{
	struct bed bed = make_bed();
	struct vfs back = { .n_pfs = 0 };
	struct err err = ERR_INIT;
	json_t *json, *again;

	set_text(bed.vfs.host, sizeof(bed.vfs.host), "alpha");
	json = vfs_json(&bed.vfs);
	is_str(json_get_text(json, "schema"), "vmfo.vfs/1", "the schema");
	is_int(vfs_parse(json, &back, &err), 0, "it can be read");
	is_str(back.host, "alpha", "the host");
	check_pfs(&back);
	check_vfs(&back);
	again = vfs_json(&back);
	ok(json_equal(json, again), "and written again, it is the same");
	json_decref(json);
	json_decref(again);
	vfs_clear(&back);
	free_bed(&bed);
}

static void test_no_physnets(void)
{
	struct err err = ERR_INIT;
	struct hostdef *settings;
	struct host_facts *host = vf_build_host(1, 1);
	struct vfs vfs;

	if (hostdef_parse(NULL, 0, "host.json", &settings, &err) < 0)
		bail("%s", err.msg);
	is_int(vfs_list(&(struct topo){ .host = host, .settings = settings }, &vfs, &err), 0,
	       "a host.json without physnets");
	is_int(vfs.n_pfs, 0, "no PFs");
	vfs_clear(&vfs);
	hostdef_free(settings);
	host_facts_free(host);
}

/* ---- what another host may answer ---- */

/* The JSON of the bed, the member of that path replaced; value: stolen, NULL: removed. */
static json_t *changed(const struct bed *bed, const char *where, const char *key, json_t *value)
{
	json_t *json = vfs_json(&bed->vfs);
	json_t *pf = json_array_get(json_object_get(json, "pfs"), 0);
	json_t *vf = json_array_get(json_object_get(pf, "vfs"), 0);
	json_t *object = str_eq(where, "pf")    ? pf :
			 str_eq(where, "vf")    ? vf :
			 str_eq(where, "owner") ? json_object_get(vf, "owner") :
						  json;

	if (value)
		json_object_set_new(object, key, value);
	else
		json_object_del(object, key);
	return json;
}

static void test_foreign(void)
{
	struct bed bed = make_bed();
	const struct {
		const char *where, *key;
		json_t *value; /* NULL: it is not there */
	} bad[] = {
		{ "", "pfs", NULL },
		{ "", "pfs", json_string("none") },
		{ "", "pfs", json_pack("[i]", 3) },
		{ "", "host", json_integer(1) },
		{ "pf", "link", json_string("a-name-that-no-link-can-have") },
		{ "pf", "mtu", json_integer(-5) },
		{ "pf", "mtu", json_integer(1LL << 40) },
		{ "pf", "mtu", json_real(1.5) },
		{ "pf", "carrier", json_string("yes") },
		{ "pf", "vfs", NULL },
		{ "pf", "vfs", json_pack("[n]") },
		{ "vf", "address", json_true() },
		{ "vf", "free", json_null() },
		{ "vf", "trust", NULL },
		{ "vf", "group_members", json_object() },
		{ "vf", "group_members", json_pack("[i]", 1) },
		{ "vf", "owner", json_string("web1") },
		{ "owner", "kind", json_string("nobody") },
		{ "owner", "kind", NULL },
		{ "owner", "pid", json_string("1") },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		json_t *json = changed(&bed, bad[i].where, bad[i].key, bad[i].value);
		struct err err = ERR_INIT;
		struct vfs vfs;

		is_int(vfs_parse(json, &vfs, &err), -EPROTO, "refused: %s %s (%zu)",
		       bad[i].where, bad[i].key, i);
		is_int(err.kind, ERR_REFUSED, "as nothing to go on with");
		vfs_clear(&vfs);
		json_decref(json);
	}
	free_bed(&bed);
}

/* Nothing that a terminal would act upon, and members that a later vmfo may add. */
static void test_foreign_text(void)
{
	struct bed bed = make_bed();
	json_t *json = changed(&bed, "pf", "name", json_string("a\033[2Jb"));
	struct err err = ERR_INIT;
	struct vfs vfs;

	json_object_set_new(json, "later", json_true());
	is_int(vfs_parse(json, &vfs, &err), 0, "what is not known is passed over");
	is_str(vfs.pfs[0].name, "a?[2Jb", "and what is not printable replaced");
	vfs_clear(&vfs);
	json_decref(json);
	free_bed(&bed);
}

int main(void)
{
	test_list();
	test_round_trip();
	test_no_physnets();
	test_foreign();
	test_foreign_text();
	return done_testing();
}
