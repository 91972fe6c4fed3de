/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What netlink says of a link or an entry of a forwarding database, from messages as the
 * kernel writes them, also of NICs that are not to be had.
 */
#include "host/link_message.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "host/links_internal.h"
#include "host/net_fdb.h"
#include "tap.h"

#define MESSAGE_SIZE (1024 * 1024)

static void put_vf(struct nlmsghdr *message, uint32_t vf, bool stats)
{
	struct ifla_vf_mac mac = { .vf = vf, .mac = { 0x52, 0x54, 0, 0, (uint8_t)(vf >> 8) } };
	struct ifla_vf_vlan_info vlan = { .vf = vf, .vlan = vf % 4095, .qos = vf % 8 };
	struct ifla_vf_vlan old_vlan = { .vf = vf, .vlan = 1 };
	struct ifla_vf_spoofchk spoofchk = { .vf = vf, .setting = vf % 2 };
	struct ifla_vf_trust trust = { .vf = vf,
				       .setting = vf == 3 ? UINT32_MAX : vf % 3 == 0 };
	struct ifla_vf_link_state state = { .vf = vf, .link_state = vf % 4 };
	struct ifla_vf_rate rate = { .vf = vf, .min_tx_rate = vf, .max_tx_rate = 10 * vf };
	struct nlattr *info = mnl_attr_nest_start(message, IFLA_VF_INFO), *list;
	char counters[100] = { 0 };

	mac.mac[5] = (uint8_t)vf;
	mnl_attr_put(message, IFLA_VF_MAC, sizeof(mac), &mac);
	mnl_attr_put(message, IFLA_VF_BROADCAST, 32, counters);
	mnl_attr_put(message, IFLA_VF_VLAN, sizeof(old_vlan), &old_vlan);
	mnl_attr_put(message, IFLA_VF_RATE, sizeof(rate), &rate);
	mnl_attr_put(message, IFLA_VF_SPOOFCHK, sizeof(spoofchk), &spoofchk);
	mnl_attr_put(message, IFLA_VF_LINK_STATE, sizeof(state), &state);
	mnl_attr_put(message, IFLA_VF_TRUST, sizeof(trust), &trust);
	if (stats)
		mnl_attr_put(message, IFLA_VF_STATS, sizeof(counters), counters);
	list = mnl_attr_nest_start(message, IFLA_VF_VLAN_LIST);
	mnl_attr_put(message, IFLA_VF_VLAN_INFO, sizeof(vlan), &vlan);
	mnl_attr_nest_end(message, list);
	mnl_attr_nest_end(message, info);
}

/* As rtnl_fill_ifinfo() does, in its order. */
static struct nlmsghdr *make_pf(char *buf, uint32_t vfs, bool stats)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buf);
	struct nlattr *list, *linkinfo;
	struct ifinfomsg *info;

	message->nlmsg_type = RTM_NEWLINK;
	info = mnl_nlmsg_put_extra_header(message, sizeof(*info));
	info->ifi_type = ARPHRD_ETHER;
	info->ifi_index = 7;
	info->ifi_flags = IFF_UP | IFF_LOWER_UP;
	mnl_attr_put_strz(message, IFLA_IFNAME, "enp1s0f0");
	mnl_attr_put_u32(message, IFLA_MTU, 9000);
	mnl_attr_put_u32(message, IFLA_MAX_MTU, 9216);
	mnl_attr_put_u32(message, IFLA_MASTER, 12);
	mnl_attr_put(message, IFLA_ADDRESS, 6, "\x02\x00\x00\x00\x00\x01");
	mnl_attr_put_strz(message, IFLA_PHYS_PORT_NAME, "p0");
	mnl_attr_put_u32(message, IFLA_NUM_VF, vfs);
	list = mnl_attr_nest_start(message, IFLA_VFINFO_LIST);
	for (uint32_t i = 0; i < vfs; i++)
		put_vf(message, i, stats);
	mnl_attr_nest_end(message, list);
	/* What follows a list must still be found. */
	linkinfo = mnl_attr_nest_start(message, IFLA_LINKINFO);
	mnl_attr_put_strz(message, IFLA_INFO_KIND, "dsa");
	mnl_attr_nest_end(message, linkinfo);
	mnl_attr_put_strz(message, IFLA_PARENT_DEV_NAME, "0000:01:00.0");
	mnl_attr_put_strz(message, IFLA_PARENT_DEV_BUS_NAME, "pci");
	return message;
}

static bool vf_is(const struct link_vf *vf, uint32_t i)
{
	static const enum vf_link_state states[] = { VF_LINK_AUTO, VF_LINK_ENABLE,
						     VF_LINK_DISABLE, VF_LINK_UNKNOWN };

	return vf->index == (int)i && vf->mac.byte[0] == 0x52 &&
	       vf->mac.byte[5] == (i & 0xff) && vf->mac.byte[4] == i >> 8 &&
	       vf->vlan == (int)(i % 4095) && vf->qos == (int)(i % 8) && vf->rate_known &&
	       vf->min_rate == i && vf->max_rate == 10 * i &&
	       vf->spoofchk == (i % 2 ? FACT_YES : FACT_NO) &&
	       vf->trust == (i == 3     ? FACT_UNKNOWN :
			     i % 3 == 0 ? FACT_YES :
					  FACT_NO) &&
	       vf->link_state == states[i % 4];
}

static void test_message(uint32_t vfs, bool stats)
{
	_cleanup_free_ char *buf = calloc(1, MESSAGE_SIZE);
	struct nlmsghdr *message = make_pf(buf, vfs, stats);
	struct link_message link;
	uint32_t right = 0;

	is_int(link_message_parse(message, &link), 0, "a PF with %u VFs (%u bytes)", vfs,
	       message->nlmsg_len);
	is_int(link.link.n_vfs, vfs, "has all of them");
	while (right < link.link.n_vfs && vf_is(&link.link.vfs[right], right))
		right++;
	is_int(right, vfs, "as they were");
	is_str(link.link.name, "enp1s0f0", "its name");
	ok(link.link.index == 7 && link.link.mtu == 9000 && link.link.max_mtu == 9216 &&
		   link.master == 12 && link.link.up && link.link.carrier &&
		   link.num_vfs == (int)vfs && link.link.mac.byte[5] == 1,
	   "its numbers");
	is_str(link.link.kind, "dsa", "what follows the list");
	is_str(link.parent, "0000:01:00.0", "and its parent");
	is_str(link.parent_bus, "pci", "on PCI");
	link_message_clear(&link);
}

/* Cut anywhere, and with any byte of its attributes' headers wrong, it is read safely. */
static void test_broken_messages(void)
{
	_cleanup_free_ char *good = calloc(1, 65536), *bad = NULL;
	struct nlmsghdr *message = make_pf(good, 3, false);
	size_t len = message->nlmsg_len;
	struct link_message link;
	bool safe = true;

	for (size_t cut = sizeof(*message); cut < len; cut++) {
		/* Its own size, so that a sanitizer sees what is beyond. */
		bad = malloc(cut);
		memcpy(bad, good, cut);
		((struct nlmsghdr *)(void *)bad)->nlmsg_len = (uint32_t)cut;
		safe = safe && link_message_parse((void *)bad, &link) <= 0 &&
		       link.link.n_vfs <= 3;
		link_message_clear(&link);
		free(steal_ptr(bad));
	}
	ok(safe, "a message that is cut anywhere");
	for (size_t at = sizeof(*message) + sizeof(struct ifinfomsg); at < len; at++) {
		bad = malloc(len);
		memcpy(bad, good, len);
		bad[at] = (char)0xff;
		safe = safe && link_message_parse((void *)bad, &link) <= 0;
		link_message_clear(&link);
		free(steal_ptr(bad));
	}
	ok(safe, "a message with any byte of it wrong");
	message->nlmsg_type = RTM_NEWNEIGH;
	is_int(link_message_parse(message, &link), -EINVAL, "another message");
	link_message_clear(&link);
}

static void test_fdb_message(void)
{
	_Alignas(struct nlmsghdr) char buf[256] = "";
	struct nlmsghdr *message = mnl_nlmsg_put_header(buf);
	struct fdb_message entry;
	struct ndmsg *info;

	message->nlmsg_type = RTM_NEWNEIGH;
	info = mnl_nlmsg_put_extra_header(message, sizeof(*info));
	info->ndm_family = AF_BRIDGE;
	info->ndm_ifindex = 4;
	info->ndm_state = NUD_NOARP;
	info->ndm_flags = NTF_SELF;
	mnl_attr_put(message, NDA_LLADDR, 6, "\x02\x00\x00\x00\x00\x09");
	mnl_attr_put_u16(message, NDA_VLAN, 5);
	is_int(fdb_message_parse(message, &entry), 0, "an entry");
	ok(entry.port == 4 && entry.vlan == 5 && entry.mac.byte[5] == 9 &&
		   entry.flags == NTF_SELF && entry.state == NUD_NOARP,
	   "with its VLAN");
	mnl_attr_put(message, NDA_LLADDR, 4, "\x0a\x00\x00\x01");
	is_int(fdb_message_parse(message, &entry), -EINVAL, "an IPv4 tunnel's is none");
	info->ndm_family = AF_INET;
	is_int(fdb_message_parse(message, &entry), -EINVAL, "nor is a neighbour");
}

static void test_pci_of(void)
{
	static const struct {
		const char *bus, *parent, *phys_port, *pci, *what;
	} rows[] = {
		{ "pci", "0000:01:00.0", "", "0000:01:00.0", "a NIC" },
		{ "pci", "0000:01:00.0", "p0", "0000:01:00.0", "the first port of one" },
		{ "pci", "0000:01:00.0", "pf0", "0000:01:00.0", "a PF's own port" },
		{ "pci", "0000:01:00.0", "pf0vf3", "", "the representor of a VF" },
		{ "pci", "0000:01:00.0", "c1pf0sf8", "", "and of an SF of another host" },
		{ "pci", "10000:e1:00.0", "", "10000:e1:00.0", "a domain of VMD" },
		{ "virtio", "virtio0", "", "", "virtio" },
		{ "pci", "../../etc", "", "", "no address" },
		{ "pci", "0000:01:00.9", "", "", "no function" },
		{ "usb", "0000:01:00.0", "", "", "no PCI" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct host_link link = { .name = "vmfo-no-such" };

		link_set_pci(&link, NULL, rows[i].bus, rows[i].parent, rows[i].phys_port);
		is_str(link.pci, rows[i].pci, "%s", rows[i].what);
	}
}

int main(void)
{
	test_message(0, false);
	test_message(7, false);
	test_message(200, true);
	/* A list longer than an attribute can say, at one and at several times 64 KiB. */
	test_message(400, false);
	test_message(512, true);
	test_message(2000, true);
	test_broken_messages();
	test_fdb_message();
	test_pci_of();
	return done_testing();
}
