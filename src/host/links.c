/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/links_internal.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "host/sysroot.h"

/* More than any host has: a captured one may claim anything. */
#define LINKS_MAX (1 << 17)
#define FDB_MAX (1 << 20)

/* A list doubles whenever it is full.  Return: where the next element goes. */
static void *grow(void *list, size_t n, size_t size, void **slot)
{
	if ((n & (n - 1)) == 0)
		list = reallocarray(list, n ? 2 * n : 1, size);
	*slot = list ? (char *)list + n * size : NULL;
	return list;
}

int links_add(struct host_facts *facts, const struct host_link *link)
{
	struct host_link *grown;
	void *slot;

	if (facts->n_links == LINKS_MAX) {
		free(link->vfs);
		return 0;
	}
	grown = grow(facts->links, facts->n_links, sizeof(*grown), &slot);
	if (!grown) {
		free(link->vfs);
		return -ENOMEM;
	}
	facts->links = grown;
	facts->links[facts->n_links++] = *link;
	return 0;
}

int links_add_fdb(struct host_facts *facts, const struct host_fdb *entry)
{
	struct host_fdb *grown;
	void *slot;

	if (facts->n_fdb == FDB_MAX)
		return 0;
	grown = grow(facts->fdb, facts->n_fdb, sizeof(*grown), &slot);
	if (!grown)
		return -ENOMEM;
	facts->fdb = grown;
	facts->fdb[facts->n_fdb++] = *entry;
	return 0;
}

void links_drop(struct host_facts *facts, const char *why)
{
	for (size_t i = 0; i < facts->n_links; i++)
		free(facts->links[i].vfs);
	free(facts->links);
	free(facts->fdb);
	facts->links = NULL;
	facts->fdb = NULL;
	facts->n_links = facts->n_fdb = 0;
	facts->links_missing = why;
}

bool link_name_ok(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len >= LINK_NAME_SIZE || str_eq(name, ".") || str_eq(name, ".."))
		return false;
	for (; *name; name++)
		if (*name == '/' || iscntrl((unsigned char)*name) ||
		    isspace((unsigned char)*name))
			return false;
	return true;
}

/* "pf0vf3", "c1pf0sf88": a PF's number, and then that of a VF or SF of it. */
static bool is_representor(const char *phys_port)
{
	unsigned int pf;
	char kind;

	if (*phys_port == 'c')
		phys_port += 1 + strspn(phys_port + 1, "0123456789");
	return sscanf(phys_port, "pf%u%cf", &pf, &kind) == 2 && (kind == 'v' || kind == 's');
}

void link_set_pci(struct host_link *link, const char *sysroot, const char *parent_bus,
		  const char *parent, const char *phys_port)
{
	char device[64];

	link->pci[0] = '\0';
	if (is_representor(phys_port) || *link->kind)
		return;
	/* sysfs shows another network namespace's links where it is not mounted anew. */
	if (*parent)
		snprintf(device, sizeof(device), "%s", str_eq(parent_bus, "pci") ? parent : "");
	else
		sysroot_read_link(sysroot, device, sizeof(device), "/sys/class/net/%s/device",
				  link->name);
	/* A virtio device's parent is "virtio0". */
	pci_address_normalize(device, link->pci);
}

static const char *why_no_netlink(int r)
{
	switch (r) {
	case -EPERM:
	case -EACCES:
		return "netlink is not permitted here";
	case -EINTR:
		return "the host's links changed while they were read: ask again";
	default:
		return "netlink does not list the host's links here";
	}
}

static const char *why_no_json(int r)
{
	switch (r) {
	case -ENOENT:
		return "the captured host has no vmfo/links.json";
	case -EBADMSG:
		return "a file of the captured host's vmfo/ is not what ip, bridge and devlink "
		       "write as JSON";
	case -EFBIG:
		return "a file of the captured host's vmfo/ is larger than is believable";
	default:
		return "a file of the captured host's vmfo/ cannot be read";
	}
}

int links_read(const char *sysroot, struct host_facts *facts, struct err *err)
{
	int r = sysroot ? links_read_json(sysroot, facts) : links_read_netlink(facts);

	if (r < 0)
		links_drop(facts, sysroot ? why_no_json(r) : why_no_netlink(r));
	if (r == -ENOMEM)
		return err_nomem(err);
	facts->tap_offloads_known = !sysroot && tap_read_offloads(&facts->tap_offloads);
	return 0;
}
