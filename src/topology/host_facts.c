/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "topology/host_facts.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"
#include "model/text.h"

void host_facts_free(struct host_facts *facts)
{
	if (!facts)
		return;
	for (size_t i = 0; i < facts->n_links; i++)
		free(facts->links[i].vfs);
	for (size_t i = 0; i < facts->n_files; i++)
		free(facts->files[i].path);
	free(facts->functions);
	free(facts->groups);
	free(facts->links);
	free(facts->fdb);
	free(facts->huge_pages);
	free(facts->cpu_flags);
	free(facts->files);
	free(facts);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* One hexadecimal number up to max, which ends where it ends.  Return: what follows; NULL. */
static const char *parse_hex(const char *text, unsigned int max, unsigned int *out)
{
	int digit = hex_digit(*text);

	if (digit < 0)
		return NULL;
	*out = 0;
	for (; (digit = hex_digit(*text)) >= 0; text++) {
		if ((unsigned int)digit > max || *out > (max - (unsigned int)digit) / 16)
			return NULL;
		*out = *out * 16 + (unsigned int)digit;
	}
	return text;
}

bool pci_address_normalize(const char *text, char out[PCI_ADDRESS_SIZE])
{
	unsigned int part[4] = { 0 }; /* domain, bus, slot, function */
	bool domain = strchr(text, ':') != strrchr(text, ':');
	const char *at = text;
	static const unsigned int max[] = { 0x0fffffff, 0xff, 0x1f, 7 };
	static const char after[] = { ':', ':', '.', '\0' };

	out[0] = '\0';
	for (int i = domain ? 0 : 1; i < 4; i++) {
		at = parse_hex(at, max[i], &part[i]);
		if (!at || *at != after[i])
			return false;
		at++;
	}
	snprintf(out, PCI_ADDRESS_SIZE, "%04x:%02x:%02x.%x", part[0], part[1], part[2],
		 part[3]);
	return true;
}

static int by_address(const void *key, const void *function)
{
	return strcmp(key, ((const struct pci_function *)function)->address);
}

const struct pci_function *host_find_function(const struct host_facts *facts,
					      const char *address)
{
	char normal[PCI_ADDRESS_SIZE];

	if (!facts->n_functions || !pci_address_normalize(address, normal))
		return NULL;
	return bsearch(normal, facts->functions, facts->n_functions, sizeof(*facts->functions),
		       by_address);
}

const struct host_link *host_find_link(const struct host_facts *facts, const char *name)
{
	for (size_t i = 0; i < facts->n_links; i++)
		if (str_eq(facts->links[i].name, name))
			return &facts->links[i];
	return NULL;
}

const struct vfio_group *host_find_group(const struct host_facts *facts, int number)
{
	for (size_t i = 0; i < facts->n_groups; i++)
		if (facts->groups[i].number == number)
			return &facts->groups[i];
	return NULL;
}

const struct host_file *host_find_file(const struct host_facts *facts, const char *path)
{
	for (size_t i = 0; i < facts->n_files; i++)
		if (facts->files[i].path && str_eq(facts->files[i].path, path))
			return &facts->files[i];
	return NULL;
}

/*
 * A PF in switchdev mode has more links of its address: its VFs' representors. The one that
 * knows the VFs is the PF's own.
 */
const struct host_link *host_link_of(const struct host_facts *facts,
				     const struct pci_function *function)
{
	const struct host_link *first = NULL;

	for (size_t i = 0; i < facts->n_links; i++) {
		const struct host_link *link = &facts->links[i];

		if (!link->pci[0] || !str_eq(link->pci, function->address))
			continue;
		if (link->n_vfs)
			return link;
		if (!first)
			first = link;
	}
	return first;
}

const struct link_vf *host_vf_of(const struct host_facts *facts,
				 const struct pci_function *function)
{
	const struct pci_function *pf;
	const struct host_link *link;

	if (!function->physfn[0] || function->vf_index < 0)
		return NULL;
	pf = host_find_function(facts, function->physfn);
	link = pf ? host_link_of(facts, pf) : NULL;
	for (size_t i = 0; link && i < link->n_vfs; i++)
		if (link->vfs[i].index == function->vf_index)
			return &link->vfs[i];
	return NULL;
}

bool host_is_in_the_way(const struct pci_function *vf, const struct pci_function *other)
{
	return other != vf && other->iommu_group == vf->iommu_group && !other->bridge &&
	       *other->driver && !text_is_vfio_driver(other->driver) &&
	       !str_eq(other->driver, "pci-stub");
}
