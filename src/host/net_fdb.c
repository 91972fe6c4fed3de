/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/net.h"
#include "host/net_fdb.h"
#include "host/rtnl.h"

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

	/* Permanent ones are the ports' own addresses. A kernel may not have filtered. */
	if (fdb_message_parse(message, &entry) < 0 || !mac_equal(&entry.mac, search->mac) ||
	    entry.master != search->bridge || (entry.state & NUD_PERMANENT))
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

int net_fdb_delete(const char *port, const struct mac *mac, struct err *err)
{
	char buf[RTNL_REQUEST_SIZE], text[MAC_TEXT_SIZE];
	struct nlmsghdr *request;
	struct net_link link;
	struct ndmsg *info;
	void *extra;
	int r = net_link_get(port, &link, err);

	if (r < 0)
		return r;
	if (link.master == 0)
		return err_set(
			err, ERR_REFUSED, EINVAL,
			"the network link %s is a port of no bridge: no entry of %s there",
			port, mac_format(mac, text));
	request = rtnl_request(buf, RTM_DELNEIGH, 0, sizeof(*info), &extra);
	info = extra;
	info->ndm_family = AF_BRIDGE;
	info->ndm_ifindex = link.index;
	info->ndm_flags = NTF_MASTER;
	mnl_attr_put(request, NDA_LLADDR, sizeof(*mac), mac);
	r = rtnl_talk(request, NULL, NULL);
	if (r < 0 && r != -ENOENT)
		return err_sys(err, ERR_INTERNAL, -r,
			       "remove %s from the port %s of its bridge",
			       mac_format(mac, text), port);
	return 0;
}
