/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"
#include "host/link_message.h"
#include "host/net.h"
#include "host/net_fdb.h"
#include "host/rtnl.h"

/* Of a dump that a change has interrupted. */
#define DUMP_TRIES 5

struct fdb_search {
	const struct mac *mac;
	uint32_t bridge;
	long ticks; /* per second, of the ages */
	int port;
	int64_t age_ms;
};

static int on_entry_attr(const struct nlattr *attr, void *data)
{
	struct fdb_message *entry = data;
	const void *payload = mnl_attr_get_payload(attr);
	size_t len = mnl_attr_get_payload_len(attr);

	switch (mnl_attr_get_type(attr)) {
	case NDA_LLADDR:
		if (len != sizeof(entry->mac))
			return MNL_CB_ERROR;
		memcpy(&entry->mac, payload, len);
		break;
	case NDA_VLAN:
		if (len == sizeof(uint16_t))
			entry->vlan = mnl_attr_get_u16(attr) & 0xfff;
		break;
	case NDA_MASTER:
		if (len == sizeof(uint32_t))
			entry->master = mnl_attr_get_u32(attr);
		break;
	case NDA_CACHEINFO:
		if (len >= sizeof(struct nda_cacheinfo))
			entry->updated = ((const struct nda_cacheinfo *)payload)->ndm_updated;
		break;
	default:
		break;
	}
	return MNL_CB_OK;
}

int fdb_message_parse(const struct nlmsghdr *message, struct fdb_message *out)
{
	const struct ndmsg *info = mnl_nlmsg_get_payload(message);

	if (message->nlmsg_type != RTM_NEWNEIGH ||
	    mnl_nlmsg_get_payload_len(message) < sizeof(*info) || info->ndm_family != AF_BRIDGE)
		return -EINVAL;
	*out = (struct fdb_message){ .port = info->ndm_ifindex,
				     .state = info->ndm_state,
				     .flags = info->ndm_flags };
	return mnl_attr_parse(message, sizeof(*info), on_entry_attr, out) < 0 ? -EINVAL : 0;
}

struct nlmsghdr *fdb_request(char buf[RTNL_REQUEST_SIZE], uint32_t bridge)
{
	struct nlmsghdr *request;
	struct ndmsg *info;
	void *extra;

	request = rtnl_request(buf, RTM_GETNEIGH, NLM_F_DUMP, sizeof(*info), &extra);
	info = extra;
	info->ndm_family = AF_BRIDGE;
	if (bridge)
		mnl_attr_put_u32(request, NDA_MASTER, bridge);
	return request;
}

static int on_entry(const struct nlmsghdr *message, void *data)
{
	struct fdb_search *search = data;
	struct fdb_message entry;
	int64_t age_ms;

	/*
	 * Permanent ones are the ports' own addresses, and what is pinned nobody was seen at. A
	 * kernel may not have filtered.
	 */
	if (fdb_message_parse(message, &entry) < 0 || !mac_equal(&entry.mac, search->mac) ||
	    entry.master != search->bridge || (entry.state & (NUD_PERMANENT | NUD_NOARP)))
		return MNL_CB_OK;
	/* One in each VLAN: the latest says where it is. */
	age_ms = (int64_t)entry.updated * 1000 / search->ticks;
	if (search->port == 0 || age_ms < search->age_ms) {
		search->port = entry.port;
		search->age_ms = age_ms;
	}
	return MNL_CB_OK;
}

int net_fdb_find(const char *bridge, const struct mac *mac, int *port, int64_t *age_ms,
		 struct err *err)
{
	struct fdb_search search = { .mac = mac, .ticks = sysconf(_SC_CLK_TCK) };
	char buf[RTNL_REQUEST_SIZE];
	struct net_link link;
	int r = net_link_get(bridge, &link, err);

	if (r < 0)
		return r;
	if (!link.is_bridge)
		return err_set(
			err, ERR_REFUSED, ENOTSUP,
			"the network link %s is not a Linux bridge: it has no forwarding "
			"database",
			bridge);
	search.bridge = (uint32_t)link.index;
	r = rtnl_talk(fdb_request(buf, search.bridge), on_entry, &search);
	if (r < 0)
		return err_sys(err, ERR_INTERNAL, -r, "read the forwarding database of %s",
			       bridge);
	*port = search.port;
	if (age_ms)
		*age_ms = search.age_ms;
	return 0;
}

/* The request to make or remove mac's entry at link, of its bridge or of its own. */
static struct nlmsghdr *entry_request(char buf[RTNL_REQUEST_SIZE], uint16_t type, int link,
				      uint8_t flags, const struct mac *mac)
{
	bool add = type == RTM_NEWNEIGH;
	struct nlmsghdr *request;
	struct ndmsg *info;
	void *extra;

	request = rtnl_request(buf, type, add ? NLM_F_CREATE | NLM_F_REPLACE : 0, sizeof(*info),
			       &extra);
	info = extra;
	info->ndm_family = AF_BRIDGE;
	info->ndm_ifindex = link;
	info->ndm_flags = flags;
	/* A bridge's entry is static and not its port's own; a filter knows only permanent. */
	info->ndm_state = flags == NTF_SELF ? NUD_PERMANENT : NUD_NOARP;
	mnl_attr_put(request, NDA_LLADDR, sizeof(*mac), mac);
	return request;
}

static int find_port(const char *port, const struct mac *mac, struct net_link *out,
		     struct err *err)
{
	char text[MAC_TEXT_SIZE];
	int r = net_link_get(port, out, err);

	if (r == 0 && out->master == 0)
		return err_set(
			err, ERR_REFUSED, EINVAL,
			"the network link %s is a port of no bridge: no entry of %s there",
			port, mac_format(mac, text));
	return r;
}

int net_fdb_delete(const char *port, const struct mac *mac, struct err *err)
{
	char buf[RTNL_REQUEST_SIZE], text[MAC_TEXT_SIZE];
	struct net_link link;
	int r = find_port(port, mac, &link, err);

	if (r < 0)
		return r;
	r = rtnl_talk(entry_request(buf, RTM_DELNEIGH, link.index, NTF_MASTER, mac), NULL,
		      NULL);
	if (r < 0 && r != -ENOENT)
		return err_sys(err, ERR_INTERNAL, -r,
			       "remove %s from the port %s of its bridge",
			       mac_format(mac, text), port);
	return 0;
}

int net_fdb_pin(const char *port, const struct mac *mac, struct err *err)
{
	char buf[RTNL_REQUEST_SIZE], text[MAC_TEXT_SIZE];
	struct net_link link;
	int r = find_port(port, mac, &link, err);

	if (r < 0)
		return r;
	/* Or a frame from that address that comes in by another port would move it there. */
	r = rtnl_talk(entry_request(buf, RTM_NEWNEIGH, link.index, NTF_MASTER | NTF_STICKY,
				    mac),
		      NULL, NULL);
	if (r < 0)
		return err_sys(err, ERR_INTERNAL, -r, "add %s to the port %s of its bridge",
			       mac_format(mac, text), port);
	return 0;
}

/* ---- uplinks ---- */

struct uplink_search {
	int bridge;
	struct net_uplinks *out;
};

static int on_port(const struct nlmsghdr *message, void *data)
{
	struct uplink_search *search = data;
	struct link_message parsed;

	/* A kernel may not have filtered. */
	if (link_message_parse(message, &parsed) == 0 && parsed.master == search->bridge &&
	    search->out->n < NET_MAX_UPLINKS && !str_eq(parsed.link.kind, "tun"))
		search->out->index[search->out->n++] = parsed.link.index;
	link_message_clear(&parsed);
	return MNL_CB_OK;
}

int net_bridge_uplinks(const char *bridge, struct net_uplinks *out, struct err *err)
{
	struct uplink_search search = { .out = out };
	char buf[RTNL_REQUEST_SIZE];
	struct nlmsghdr *request;
	struct net_link link;
	void *info;
	int r = net_link_get(bridge, &link, err);

	*out = (struct net_uplinks){ .n = 0 };
	if (r < 0)
		return r;
	search.bridge = link.index;
	r = -EINTR;
	for (int i = 0; i < DUMP_TRIES && r == -EINTR; i++) {
		out->n = 0;
		request = rtnl_request(buf, RTM_GETLINK, NLM_F_DUMP, sizeof(struct ifinfomsg),
				       &info);
		mnl_attr_put_u32(request, IFLA_MASTER, (uint32_t)link.index);
		r = rtnl_talk(request, on_port, &search);
	}
	if (r < 0)
		return err_sys(err, ERR_INTERNAL, -r, "list the ports of the bridge %s",
			       bridge);
	return 0;
}

static int cannot_set(int index, const char *what, const struct mac *mac, int errnum,
		      struct err *err)
{
	char text[MAC_TEXT_SIZE], name[IF_NAMESIZE];

	if (!if_indextoname((unsigned int)index, name))
		snprintf(name, sizeof(name), "%d", index);
	mac_format(mac, text);
	if (errnum == ENOMEM || errnum == ENOSPC)
		return err_set(err, ERR_REFUSED, errnum,
			       "uplink %s: %s %s: its NIC has no place for one more (see "
			       "\"bridge fdb show dev %s\")",
			       name, what, text, name);
	return err_sys(err, ERR_INTERNAL, errnum, "uplink %s: %s %s", name, what, text);
}

/*
 * type: add or delete; flags: NTF_SELF or NTF_MASTER. What is so already, or cannot be,
 * is no error, nor is a link that has just gone.
 */
static int set_entries(const struct net_uplinks *uplinks, uint16_t type, uint8_t flags,
		       const struct mac *mac, const char *what, struct err *err)
{
	char buf[RTNL_REQUEST_SIZE];
	int result = 0;

	for (size_t i = 0; i < uplinks->n; i++) {
		int r = rtnl_talk(entry_request(buf, type, uplinks->index[i], flags, mac), NULL,
				  NULL);

		if (r == 0 || r == -EOPNOTSUPP || r == -EEXIST || r == -ENOENT ||
		    r == -ENODEV || result < 0)
			continue;
		result = cannot_set(uplinks->index[i], what, mac, -r, err);
	}
	return result;
}

int net_uplinks_admit(const struct net_uplinks *uplinks, const struct mac *mac, bool admit,
		      struct err *err)
{
	uint16_t type = admit ? RTM_NEWNEIGH : RTM_DELNEIGH;

	return set_entries(uplinks, type, NTF_SELF, mac, admit ? "let in" : "let in no more",
			   err);
}

int net_uplinks_forget(const struct net_uplinks *uplinks, const struct mac *mac,
		       struct err *err)
{
	return set_entries(uplinks, RTM_DELNEIGH, NTF_MASTER, mac, "forget", err);
}
