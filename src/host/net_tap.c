/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/cleanup.h"
#include "host/net.h"
#include "host/rtnl.h"

#define TUN_PATH "/dev/net/tun"
#define TAP_QUEUES_MAX 256 /* the kernel's MAX_TAP_QUEUES */

/* Opens one queue of the tap called name, which the kernel makes and names at the first. */
static int open_queue(char name[NET_NAME_SIZE], int queues, int *out, struct err *err)
{
	_cleanup_close_ int fd = open(TUN_PATH, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };

	if (fd < 0)
		return err_sys(err, ERR_REFUSED, errno, "make a tap: open " TUN_PATH);
	if (queues > 1)
		ifr.ifr_flags |= IFF_MULTI_QUEUE;
	memcpy(ifr.ifr_name, name, NET_NAME_SIZE);
	if (ioctl(fd, TUNSETIFF, &ifr) < 0) {
		if (errno == EPERM)
			return err_set(err, ERR_REFUSED, EPERM,
				       "make a tap: not permitted; it takes CAP_NET_ADMIN");
		return err_sys(err, ERR_REFUSED, errno, "make the tap %s", name);
	}
	memcpy(name, ifr.ifr_name, NET_NAME_SIZE);
	*out = steal_fd(&fd);
	return 0;
}

/*
 * The kernel's address for the tap is random, and a bridge without an address of its own
 * takes the lowest of its ports'. With 0xfe in front a tap is never the lowest, and the
 * host's own address on the bridge stays what its neighbours know.
 */
static int raise_address(int fd, const char *name, struct err *err)
{
	struct ifreq ifr = { .ifr_flags = 0 };

	memcpy(ifr.ifr_name, name, NET_NAME_SIZE);
	if (ioctl(fd, SIOCGIFHWADDR, &ifr) < 0)
		return err_sys(err, ERR_INTERNAL, errno, "read the address of the tap %s",
			       name);
	ifr.ifr_hwaddr.sa_data[0] = (char)0xfe;
	if (ioctl(fd, SIOCSIFHWADDR, &ifr) < 0)
		return err_sys(err, ERR_INTERNAL, errno, "set the address of the tap %s", name);
	return 0;
}

static int set_link(int index, uint16_t attr, uint32_t value, unsigned int flags)
{
	char buf[RTNL_REQUEST_SIZE];
	struct nlmsghdr *request;
	struct ifinfomsg *info;
	void *extra;

	request = rtnl_request(buf, RTM_NEWLINK, 0, sizeof(*info), &extra);
	info = extra;
	info->ifi_index = index;
	info->ifi_change = flags;
	info->ifi_flags = flags;
	if (attr)
		mnl_attr_put_u32(request, attr, value);
	return rtnl_talk(request, NULL, NULL);
}

/* The MTU first: a bridge's own follows the least of its ports'. Up last. */
static int join_bridge(const char *name, const char *bridge, int bridge_index, int mtu,
		       struct err *err)
{
	struct net_link tap;
	int r = net_link_get(name, &tap, err);

	if (r < 0)
		return r;
	if (mtu > 0)
		r = set_link(tap.index, IFLA_MTU, (uint32_t)mtu, 0);
	if (r < 0)
		return err_sys(err, ERR_REFUSED, -r, "set the MTU of the tap %s to %d", name,
			       mtu);
	r = set_link(tap.index, IFLA_MASTER, (uint32_t)bridge_index, 0);
	if (r < 0)
		return err_sys(err, ERR_REFUSED, -r, "make the tap %s a port of the bridge %s",
			       name, bridge);
	r = set_link(tap.index, 0, 0, IFF_UP);
	if (r < 0)
		return err_sys(err, ERR_INTERNAL, -r, "set the tap %s up", name);
	return 0;
}

static int find_bridge(const char *bridge, struct net_link *link, struct err *err)
{
	int r = net_link_get(bridge, link, err);

	if (r < 0)
		return err_wrap(err, "bridge %s", bridge);
	if (!link->is_bridge)
		return err_set(
			err, ERR_REFUSED, ENOTSUP,
			"the network link %s is not a Linux bridge: name one, or make a tap "
			"and name that",
			bridge);
	return 0;
}

int net_tap_make(const char *pattern, const char *bridge, int queues, int mtu,
		 char name[NET_NAME_SIZE], int *fds, struct err *err)
{
	struct net_link link;
	int made = 0;
	int r = find_bridge(bridge, &link, err);

	if (r < 0)
		return r;
	if (strlen(pattern) >= NET_NAME_SIZE || queues < 1 || queues > TAP_QUEUES_MAX)
		return err_set(err, ERR_INTERNAL, EINVAL, "make a tap %s with %d queues",
			       pattern, queues);
	memset(name, 0, NET_NAME_SIZE);
	snprintf(name, NET_NAME_SIZE, "%s", pattern);
	while (r == 0 && made < queues) {
		r = open_queue(name, queues, &fds[made], err);
		if (r == 0)
			made++;
	}
	if (r == 0)
		r = raise_address(fds[0], name, err);
	if (r == 0)
		r = join_bridge(name, bridge, link.index, mtu, err);
	/* With the last fd the tap itself goes. */
	while (r < 0 && made > 0)
		close(steal_fd(&fds[--made]));
	return r;
}
