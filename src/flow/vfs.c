/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/vfs.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "flow/neighbours.h"
#include "flow/target.h"
#include "host/host_read.h"

static void free_facts(struct host_facts **facts)
{
	host_facts_free(*facts);
}

static void free_pool(struct vf_pool **pool)
{
	vf_pool_free(*pool);
}

void vfs_clear(struct vfs *vfs)
{
	for (size_t i = 0; i < vfs->n_pfs; i++) {
		struct vfs_pf *pf = &vfs->pfs[i];

		for (size_t j = 0; j < pf->n_vfs; j++)
			strv_clear(&pf->vfs[j].group_members);
		free(pf->vfs);
	}
	free(vfs->pfs);
	*vfs = (struct vfs){ .n_pfs = 0 };
}

/* ---- one PF, one VF ---- */

static const char *eswitch_name(enum eswitch_mode mode)
{
	switch (mode) {
	case ESWITCH_LEGACY:
		return "legacy";
	case ESWITCH_SWITCHDEV:
		return "switchdev";
	case ESWITCH_UNKNOWN:
		break;
	}
	return "";
}

static const char *link_state_name(enum vf_link_state state)
{
	switch (state) {
	case VF_LINK_AUTO:
		return "auto";
	case VF_LINK_ENABLE:
		return "enable";
	case VF_LINK_DISABLE:
		return "disable";
	case VF_LINK_UNKNOWN:
		break;
	}
	return "";
}

static void put_model(const struct pci_function *function, char vendor[8], char device[8],
		      char name[96])
{
	snprintf(vendor, 8, "%04x", function->vendor);
	snprintf(device, 8, "%04x", function->device);
	snprintf(name, 96, "%s", function->name);
	str_make_printable(name);
}

static void fill_pf(const struct vf_entry *entry, struct vfs_pf *pf)
{
	const struct pci_function *function = entry->candidate->pf;
	const struct host_link *link = entry->candidate->pf_link;

	*pf = (struct vfs_pf){ .up = FACT_UNKNOWN,
			       .carrier = FACT_UNKNOWN,
			       .mtu = -1,
			       .numa_node = -1,
			       .vfs_total = -1,
			       .vfs_existing = -1,
			       .vfs_free = -1 };
	snprintf(pf->physnet, sizeof(pf->physnet), "%s", entry->physnet->id);
	snprintf(pf->link, sizeof(pf->link), "%s", entry->candidate->pf_name);
	if (!entry->candidate->vf)
		snprintf(pf->reason, sizeof(pf->reason), "%s", entry->candidate->reason);
	if (link) {
		pf->up = link->up ? FACT_YES : FACT_NO;
		pf->carrier = link->carrier ? FACT_YES : FACT_NO;
		pf->mtu = link->mtu ?: -1;
		snprintf(pf->eswitch, sizeof(pf->eswitch), "%s", eswitch_name(link->eswitch));
	}
	if (function) {
		snprintf(pf->address, sizeof(pf->address), "%s", function->address);
		put_model(function, pf->vendor, pf->device, pf->name);
		snprintf(pf->driver, sizeof(pf->driver), "%s", function->driver);
		pf->numa_node = function->numa_node;
		pf->vfs_total = function->total_vfs;
		pf->vfs_existing = function->num_vfs;
		pf->vfs_free = (int)entry->n_free;
	}
}

static void put_owner(const struct vf_entry *entry, struct vfs_vf *vf)
{
	vf->user = entry->user;
	switch (entry->user) {
	case VF_USER_NONE:
		break;
	case VF_USER_VM:
		snprintf(vf->owner, sizeof(vf->owner), "%s", entry->vm->name);
		break;
	case VF_USER_PROCESS:
		snprintf(vf->owner, sizeof(vf->owner), "%s", entry->group->holder_name);
		/* A process calls itself as it likes. */
		str_make_printable(vf->owner);
		if (entry->group->holder > 0)
			vf->pid = entry->group->holder;
		break;
	case VF_USER_HOST:
		snprintf(vf->owner, sizeof(vf->owner), "%s", entry->link->name);
		break;
	}
}

static void put_admin(const struct link_vf *admin, struct vfs_vf *vf)
{
	if (!admin)
		return;
	if (!mac_is_zero(&admin->mac))
		mac_format(&admin->mac, vf->mac);
	vf->vlan = admin->vlan;
	vf->spoof_check = admin->spoofchk;
	vf->trust = admin->trust;
	snprintf(vf->link_state, sizeof(vf->link_state), "%s",
		 link_state_name(admin->link_state));
}

static int fill_vf(const struct host_facts *host, const struct vf_entry *entry,
		   struct vfs_vf *vf)
{
	const struct pci_function *function = entry->candidate->vf;

	*vf = (struct vfs_vf){ .index = function->vf_index,
			       .iommu_group = function->iommu_group,
			       .vlan = -1,
			       .spoof_check = FACT_UNKNOWN,
			       .trust = FACT_UNKNOWN,
			       .pid = -1,
			       .free = entry->free };
	snprintf(vf->address, sizeof(vf->address), "%s", function->address);
	put_model(function, vf->vendor, vf->device, vf->name);
	snprintf(vf->driver, sizeof(vf->driver), "%s", function->driver);
	snprintf(vf->reason, sizeof(vf->reason), "%s", entry->candidate->reason);
	str_make_printable(vf->reason);
	put_admin(entry->admin, vf);
	put_owner(entry, vf);
	for (size_t i = 0; function->iommu_group >= 0 && i < host->n_functions; i++)
		if (&host->functions[i] != function &&
		    host->functions[i].iommu_group == function->iommu_group)
			strv_add(&vf->group_members, host->functions[i].address);
	return vf->group_members.failed ? -ENOMEM : 0;
}

/* ---- all ---- */

/* One more, zeroed, at the end of the array; NULL: out of memory. */
static void *grow(void **list, size_t *n, size_t size)
{
	char *grown = reallocarray(*list, *n + 1, size);

	if (!grown)
		return NULL;
	*list = grown;
	return memset(grown + size * (*n)++, 0, size);
}

struct vfs_pf *vfs_add_pf(struct vfs *vfs)
{
	void *list = vfs->pfs;
	struct vfs_pf *pf = grow(&list, &vfs->n_pfs, sizeof(*pf));

	vfs->pfs = list;
	return pf;
}

struct vfs_vf *vfs_add_vf(struct vfs_pf *pf)
{
	void *list = pf->vfs;
	struct vfs_vf *vf = grow(&list, &pf->n_vfs, sizeof(*vf));

	pf->vfs = list;
	return vf;
}

static int add_entry(const struct topo *topo, const struct vf_entry *entry, struct vfs *out)
{
	struct vfs_vf *vf;

	/* They come PF by PF, and each has one entry at least. */
	if (entry->pf == out->n_pfs) {
		struct vfs_pf *pf = vfs_add_pf(out);

		if (!pf)
			return -ENOMEM;
		fill_pf(entry, pf);
	}
	if (!entry->candidate->vf)
		return 0;
	vf = vfs_add_vf(&out->pfs[entry->pf]);
	return vf ? fill_vf(topo->host, entry, vf) : -ENOMEM;
}

int vfs_list(const struct topo *topo, struct vfs *out, struct err *err)
{
	_cleanup_(free_pool) struct vf_pool *pool = NULL;
	struct vf_entry entry;
	int r = vf_pool_open(topo, &pool, err);

	*out = (struct vfs){ .n_pfs = 0 };
	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && vf_pool_entry(pool, i, &entry); i++)
		r = add_entry(topo, &entry, out);
	return r < 0 ? err_nomem(err) : 0;
}

static int look_here(struct flow_env *env, const char *sysroot, struct vfs *out,
		     struct err *err)
{
	_cleanup_(free_facts) struct host_facts *host = NULL;
	struct topo topo = { .settings = env->host };
	struct host_vm *vms = NULL;
	size_t n_vms = 0;
	int r = neighbours_read(env, &vms, &n_vms, err);

	if (r == 0)
		r = host_read(&(struct host_read){ sysroot, vms, n_vms }, &host, err);
	if (r == 0) {
		topo.host = host;
		topo.vms = vms;
		topo.n_vms = n_vms;
		r = vfs_list(&topo, out, err);
	}
	neighbours_free(vms, n_vms);
	if (r == 0 && !sysroot)
		gethostname(out->host, sizeof(out->host) - 1);
	return r;
}

static int look_there(struct flow_env *env, const char *host, struct vfs *out, struct err *err)
{
	struct target *target;
	json_t *json = NULL;
	int r = target_open(env, host, &target, err);

	if (r < 0)
		return r;
	r = target_vfs(target, &json, err);
	if (r == 0 && vfs_parse(json, out, err) < 0)
		r = err_wrap(err, "%s", host);
	json_decref(json);
	target_close(target);
	return r;
}

int flow_vfs(struct flow_env *env, const char *host, const char *sysroot, struct vfs *out,
	     struct err *err)
{
	*out = (struct vfs){ .n_pfs = 0 };
	return host ? look_there(env, host, out, err) : look_here(env, sysroot, out, err);
}
