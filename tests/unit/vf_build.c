/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vf_build.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "tap.h"

static void *room(size_t n, size_t size)
{
	void *memory = calloc(n, size);

	if (!memory)
		bail("out of memory");
	return memory;
}

struct pci_function *vf_build_pf(struct host_facts *host, int pf)
{
	size_t each = (size_t)host->links[pf].n_vfs + 1;

	return &host->functions[(size_t)pf * each];
}

struct pci_function *vf_build_vf(struct host_facts *host, int pf, int vf)
{
	return vf_build_pf(host, pf) + 1 + vf;
}

struct host_link *vf_build_link(struct host_facts *host, int pf)
{
	return &host->links[pf];
}

struct link_vf *vf_build_admin(struct host_facts *host, int pf, int vf)
{
	return &host->links[pf].vfs[vf];
}

static void make_pf(struct host_facts *host, int pf, int vfs)
{
	struct host_link *link = &host->links[pf];
	struct pci_function *function;

	link->n_vfs = (size_t)vfs;
	link->vfs = room((size_t)vfs + 1, sizeof(*link->vfs));
	function = vf_build_pf(host, pf);
	*function = (struct pci_function){ .vendor = 0x8086,
					   .device = 0x10c9,
					   .class = 0x020000,
					   .driver = "igb",
					   .iommu_group = pf,
					   .numa_node = -1,
					   .express = true,
					   .sriov = true,
					   .total_vfs = vfs + 1,
					   .num_vfs = vfs,
					   .vf_index = -1 };
	snprintf(function->address, sizeof(function->address), "0000:%02x:00.0",
		 (pf + 1) & 0xff);
	snprintf(link->name, sizeof(link->name), "pf%d", pf);
	snprintf(link->pci, sizeof(link->pci), "%s", function->address);
	link->index = pf + 2;
	link->mac = (struct mac){ { 2, 0, 0, 0, 0, (uint8_t)pf } };
	link->mtu = 1500;
	link->up = link->carrier = true;
	link->eswitch = ESWITCH_LEGACY;
}

static void make_vf(struct host_facts *host, int pf, int vf)
{
	const struct pci_function *parent = vf_build_pf(host, pf);
	struct pci_function *function = vf_build_vf(host, pf, vf);

	*function = (struct pci_function){ .vendor = 0x8086,
					   .device = 0x10ca,
					   .class = 0x020000,
					   .driver = "vfio-pci",
					   .iommu_group = 1000 + pf * 256 + vf,
					   .numa_node = -1,
					   .express = true,
					   .vf_index = vf };
	snprintf(function->address, sizeof(function->address), "0000:%02x:%02x.%x",
		 (pf + 1) & 0xff, (0x10 + vf / 8) & 0xff, vf & 7);
	memcpy(function->physfn, parent->address, sizeof(function->physfn));
	*vf_build_admin(host, pf, vf) =
		(struct link_vf){ .index = vf, .spoofchk = FACT_NO, .trust = FACT_NO };
}

struct host_facts *vf_build_host(int pfs, int vfs)
{
	struct host_facts *host = room(1, sizeof(*host));

	host->live = true;
	host->iommu_tables = true;
	host->n_links = (size_t)pfs;
	host->n_functions = (size_t)pfs * ((size_t)vfs + 1);
	/* One for each of them, and some more. */
	host->links = room(host->n_functions + 8, sizeof(*host->links));
	host->n_iommu_groups = (int)host->n_functions;
	host->functions = room(host->n_functions, sizeof(*host->functions));
	host->groups = room(8, sizeof(*host->groups));
	for (int pf = 0; pf < pfs; pf++) {
		make_pf(host, pf, vfs);
		for (int vf = 0; vf < vfs; vf++)
			make_vf(host, pf, vf);
	}
	return host;
}

struct host_link *vf_build_add_link(struct host_facts *host, const char *name)
{
	struct host_link *link = &host->links[host->n_links++];

	snprintf(link->name, sizeof(link->name), "%s", name);
	link->up = link->carrier = true;
	link->mtu = 1500;
	return link;
}

struct vfio_group *vf_build_add_group(struct host_facts *host, int pf, int vf)
{
	struct vfio_group *group = &host->groups[host->n_groups++];

	*group = (struct vfio_group){ .number = vf_build_vf(host, pf, vf)->iommu_group,
				      .node = true,
				      .accessible = true,
				      .viable = true };
	return group;
}

struct hostdef *vf_build_settings(const char *physnet, int pfs)
{
	_cleanup_free_ char *text = str_printf(
		"{\"schema\": \"vmfo.host/1\", \"physnets\": [{\"id\": \"%s\", \"pfs\": [",
		physnet);
	struct err err = ERR_INIT;
	struct hostdef *def = NULL;

	for (int i = 0; i < pfs; i++) {
		char *before = text;

		text = str_printf("%s%s\"pf%d\"%s", before, i ? ", " : "", i,
				  i == pfs - 1 ? "]}]}" : "");
		free(before);
	}
	if (!text || hostdef_parse(text, strlen(text), "host.json", &def, &err) < 0)
		bail("%s", err.msg);
	return def;
}
