/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/net.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "base/str.h"
#include "host/link_message.h"
#include "host/rtnl.h"

static int on_link(const struct nlmsghdr *message, void *data)
{
	struct link_message parsed;
	struct net_link *link = data;

	if (link_message_parse(message, &parsed) == 0)
		*link = (struct net_link){
			.index = parsed.link.index,
			.up = parsed.link.up,
			.carrier = parsed.link.carrier,
			.is_bridge = str_eq(parsed.link.kind, "bridge"),
			.mtu = parsed.link.mtu,
			.master = parsed.master,
		};
	link_message_clear(&parsed);
	return MNL_CB_OK;
}

static int no_such_link(const char *name, struct err *err)
{
	return err_set(err, ERR_REFUSED, ENODEV,
		       "no network link %s in this network namespace (see \"ip link\")", name);
}

int net_link_get(const char *name, struct net_link *out, struct err *err)
{
	char buf[RTNL_REQUEST_SIZE];
	struct nlmsghdr *request;
	void *info;
	int r;

	if (*name == '\0' || strlen(name) >= NET_NAME_SIZE)
		return no_such_link(name, err);
	request = rtnl_request(buf, RTM_GETLINK, 0, sizeof(struct ifinfomsg), &info);
	mnl_attr_put_strz(request, IFLA_IFNAME, name);
	*out = (struct net_link){ .index = 0 };
	r = rtnl_talk(request, on_link, out);
	if (r == -ENODEV)
		return no_such_link(name, err);
	if (r < 0)
		return err_sys(err, ERR_INTERNAL, -r, "look up the network link %s", name);
	return 0;
}

int net_link_set_up(const char *name, bool up, struct err *err)
{
	char buf[RTNL_REQUEST_SIZE];
	struct nlmsghdr *request;
	struct ifinfomsg *info;
	struct net_link link;
	void *extra;
	int r = net_link_get(name, &link, err);

	if (r < 0)
		return r;
	request = rtnl_request(buf, RTM_NEWLINK, 0, sizeof(*info), &extra);
	info = extra;
	info->ifi_index = link.index;
	info->ifi_change = IFF_UP;
	info->ifi_flags = up ? IFF_UP : 0;
	r = rtnl_talk(request, NULL, NULL);
	if (r < 0)
		return err_sys(err, ERR_INTERNAL, -r, "set the network link %s %s", name,
			       up ? "up" : "down");
	return 0;
}

int net_port_set_learning(const char *port, bool on, struct err *err)
{
	char buf[RTNL_REQUEST_SIZE];
	struct nlmsghdr *request;
	struct ifinfomsg *info;
	struct net_link link;
	struct nlattr *nest;
	void *extra;
	int r = net_link_get(port, &link, err);

	if (r < 0)
		return r;
	if (link.master == 0)
		return err_set(
			err, ERR_REFUSED, EINVAL,
			"the network link %s is a port of no bridge: nothing learns there",
			port);
	request = rtnl_request(buf, RTM_SETLINK, 0, sizeof(*info), &extra);
	info = extra;
	info->ifi_family = AF_BRIDGE;
	info->ifi_index = link.index;
	nest = mnl_attr_nest_start(request, IFLA_PROTINFO);
	mnl_attr_put_u8(request, IFLA_BRPORT_LEARNING, on);
	mnl_attr_nest_end(request, nest);
	r = rtnl_talk(request, NULL, NULL);
	if (r < 0)
		return err_sys(err, ERR_INTERNAL, -r, "set learning %s at the bridge port %s",
			       on ? "on" : "off", port);
	return 0;
}
