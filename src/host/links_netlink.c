/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The links of this host, by rtnetlink.
 */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "host/link_message.h"
#include "host/links_internal.h"
#include "host/net_fdb.h"
#include "host/rtnl.h"

#define TRIES 5 /* of a dump, while links come and go */

/* What is said of a link by index, until all have their names. */
struct relation {
	int master, lower;
	bool has_vfs;
};

struct name {
	int index;
	const char *name;
};

struct dump {
	struct host_facts *facts;
	struct relation *relations; /* one for each of facts->links */
	size_t room;
	struct name *names; /* of the links, by index, once all are there */
	int error;
};

static int add_relation(struct dump *dump, const struct link_message *message)
{
	struct relation *grown;

	if (dump->facts->n_links > dump->room) {
		dump->room = dump->room ? 2 * dump->room : 64;
		grown = reallocarray(dump->relations, dump->room, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		dump->relations = grown;
	}
	dump->relations[dump->facts->n_links - 1] = (struct relation){
		.master = message->master,
		.lower = message->lower,
		.has_vfs = message->num_vfs > 0,
	};
	return 0;
}

static int on_link(const struct nlmsghdr *nlmsg, void *data)
{
	struct link_message message;
	struct dump *dump = data;
	size_t before = dump->facts->n_links;
	int r = link_message_parse(nlmsg, &message);

	if (r == 0 && link_name_ok(message.link.name)) {
		link_set_pci(&message.link, NULL, message.parent_bus, message.parent,
			     message.phys_port);
		r = links_add(dump->facts, &message.link);
		message.link.vfs = NULL;
		if (r == 0 && dump->facts->n_links > before)
			r = add_relation(dump, &message);
	}
	link_message_clear(&message);
	/* The whole answer is read in any case: the socket is this dump's own. */
	if (r == -ENOMEM)
		dump->error = r;
	return MNL_CB_OK;
}

static int by_index(const void *a, const void *b)
{
	const struct name *x = a, *y = b;

	return (x->index > y->index) - (x->index < y->index);
}

/* "" for an index that none has: of another network namespace, or gone. */
static void copy_name(const struct dump *dump, int index, char name[LINK_NAME_SIZE])
{
	const struct name wanted = { .index = index };
	const struct name *found = bsearch(&wanted, dump->names, dump->facts->n_links,
					   sizeof(*dump->names), by_index);

	strcpy(name, found ? found->name : "");
}

static int name_relations(struct dump *dump)
{
	struct host_facts *facts = dump->facts;

	dump->names = calloc(facts->n_links ?: 1, sizeof(*dump->names));
	if (!dump->names)
		return -ENOMEM;
	for (size_t i = 0; i < facts->n_links; i++)
		dump->names[i] = (struct name){ facts->links[i].index, facts->links[i].name };
	qsort(dump->names, facts->n_links, sizeof(*dump->names), by_index);
	for (size_t i = 0; i < facts->n_links; i++) {
		copy_name(dump, dump->relations[i].master, facts->links[i].master);
		copy_name(dump, dump->relations[i].lower, facts->links[i].lower);
	}
	return 0;
}

static int on_fdb(const struct nlmsghdr *nlmsg, void *data)
{
	struct dump *dump = data;
	struct fdb_message message;
	struct host_fdb entry;

	if (fdb_message_parse(nlmsg, &message) < 0)
		return MNL_CB_OK;
	entry = (struct host_fdb){ .mac = message.mac,
				   .vlan = message.vlan,
				   .self = message.flags & NTF_SELF,
				   .fixed = message.state & (NUD_PERMANENT | NUD_NOARP) };
	copy_name(dump, message.port, entry.port);
	if (*entry.port && links_add_fdb(dump->facts, &entry) < 0)
		dump->error = -ENOMEM;
	return MNL_CB_OK;
}

static void read_eswitches(struct dump *dump)
{
	struct host_facts *facts = dump->facts;
	uint16_t family = 0;
	bool asked = false;

	for (size_t i = 0; i < facts->n_links; i++) {
		struct host_link *link = &facts->links[i];

		if (!dump->relations[i].has_vfs || !*link->pci)
			continue;
		if (!asked)
			family = devlink_find_family();
		asked = true;
		link->eswitch = devlink_read_eswitch(family, link->pci);
	}
}

static int dump_links(struct dump *dump)
{
	char buf[RTNL_REQUEST_SIZE];
	struct nlmsghdr *request;
	void *info;
	int r;

	request = rtnl_request(buf, RTM_GETLINK, NLM_F_DUMP, sizeof(struct ifinfomsg), &info);
	/* The counters of each VF would double its length. */
	mnl_attr_put_u32(request, IFLA_EXT_MASK, RTEXT_FILTER_VF | RTEXT_FILTER_SKIP_STATS);
	r = rtnl_talk(request, on_link, dump);
	return r < 0 ? r : dump->error;
}

static int read_all(struct dump *dump)
{
	char buf[RTNL_REQUEST_SIZE];
	int r = dump_links(dump);

	if (r == 0)
		r = name_relations(dump);
	if (r < 0)
		return r;
	r = rtnl_talk(fdb_request(buf, 0), on_fdb, dump);
	/* A kernel without bridges has no forwarding database, and so no entries. */
	if (r == -EOPNOTSUPP)
		r = 0;
	return r < 0 ? r : dump->error;
}

int links_read_netlink(struct host_facts *facts)
{
	int r = -EINTR;

	for (int i = 0; i < TRIES && r == -EINTR; i++) {
		struct dump dump = { .facts = facts };

		links_drop(facts, NULL);
		r = read_all(&dump);
		if (r == 0)
			read_eswitches(&dump);
		free(dump.relations);
		free(dump.names);
	}
	return r;
}
