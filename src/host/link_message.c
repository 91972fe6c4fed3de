/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/link_message.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

#define VFS_MAX 65535 /* NumVFs of the SR-IOV capability has 16 bits */

/* ---- attributes, each of the size that it must have ---- */

static bool get_u32(const struct nlattr *attr, int *out)
{
	if (mnl_attr_validate(attr, MNL_TYPE_U32) < 0 || mnl_attr_get_u32(attr) > INT32_MAX)
		return false;
	*out = (int)mnl_attr_get_u32(attr);
	return true;
}

static bool get_text(const struct nlattr *attr, char *out, size_t size)
{
	if (mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) < 0 ||
	    strlen(mnl_attr_get_str(attr)) >= size)
		return false;
	strcpy(out, mnl_attr_get_str(attr));
	return true;
}

static bool get_struct(const struct nlattr *attr, void *out, size_t size)
{
	if (!attr || mnl_attr_get_payload_len(attr) < size)
		return false;
	memcpy(out, mnl_attr_get_payload(attr), size);
	return true;
}

struct nested {
	const struct nlattr *attr[IFLA_BR_MAX + 1]; /* the largest of those used here */
};

static int on_nested(const struct nlattr *attr, void *data)
{
	struct nested *nested = data;

	if (mnl_attr_get_type(attr) < ARRAY_SIZE(nested->attr))
		nested->attr[mnl_attr_get_type(attr)] = attr;
	return MNL_CB_OK;
}

static struct nested parse_nested(const struct nlattr *attr)
{
	struct nested nested = { { NULL } };

	mnl_attr_parse_nested(attr, on_nested, &nested);
	return nested;
}

/* ---- VFs ---- */

static enum fact get_setting(const struct nlattr *attr)
{
	struct ifla_vf_spoofchk setting; /* ifla_vf_trust is the same */

	if (!get_struct(attr, &setting, sizeof(setting)) || setting.setting == UINT32_MAX)
		return FACT_UNKNOWN;
	return setting.setting ? FACT_YES : FACT_NO;
}

static void get_vlan(const struct nested *nested, struct link_vf *vf)
{
	const struct nlattr *list = nested->attr[IFLA_VF_VLAN_LIST];
	struct ifla_vf_vlan_info info;
	struct ifla_vf_vlan vlan;

	if (get_struct(nested->attr[IFLA_VF_VLAN], &vlan, sizeof(vlan))) {
		vf->vlan = (int)(vlan.vlan & 0xfff);
		vf->qos = (int)(vlan.qos & 7);
	}
	/* The outermost of a list is the first. */
	if (list) {
		struct nested vlans = parse_nested(list);

		if (!get_struct(vlans.attr[IFLA_VF_VLAN_INFO], &info, sizeof(info)))
			return;
		vf->vlan = (int)(info.vlan & 0xfff);
		vf->qos = (int)(info.qos & 7);
	}
}

static void get_rate(const struct nlattr *attr, struct link_vf *vf)
{
	struct ifla_vf_rate rate;

	if (!get_struct(attr, &rate, sizeof(rate)))
		return;
	vf->rate_known = true;
	vf->min_rate = rate.min_tx_rate;
	vf->max_rate = rate.max_tx_rate;
}

static enum vf_link_state get_link_state(const struct nlattr *attr)
{
	struct ifla_vf_link_state state;

	if (!get_struct(attr, &state, sizeof(state)))
		return VF_LINK_UNKNOWN;
	switch (state.link_state) {
	case IFLA_VF_LINK_STATE_AUTO:
		return VF_LINK_AUTO;
	case IFLA_VF_LINK_STATE_ENABLE:
		return VF_LINK_ENABLE;
	case IFLA_VF_LINK_STATE_DISABLE:
		return VF_LINK_DISABLE;
	default:
		return VF_LINK_UNKNOWN;
	}
}

/* Return: false: it describes no VF. */
static bool parse_vf(const struct nlattr *attr, bool ether, struct link_vf *vf)
{
	struct ifla_vf_mac mac;
	struct nested nested;

	if (mnl_attr_get_type(attr) != IFLA_VF_INFO)
		return false;
	nested = parse_nested(attr);
	if (!get_struct(nested.attr[IFLA_VF_MAC], &mac, sizeof(mac)) || mac.vf >= VFS_MAX)
		return false;
	*vf = (struct link_vf){
		.index = (int)mac.vf,
		.spoofchk = get_setting(nested.attr[IFLA_VF_SPOOFCHK]),
		.trust = get_setting(nested.attr[IFLA_VF_TRUST]),
		.link_state = get_link_state(nested.attr[IFLA_VF_LINK_STATE]),
	};
	get_vlan(&nested, vf);
	get_rate(nested.attr[IFLA_VF_RATE], vf);
	if (ether)
		memcpy(vf->mac.byte, mac.mac, sizeof(vf->mac.byte));
	return true;
}

/*
 * The length of an attribute has 16 bits. The kernel writes a list of some 220 VFs and
 * more behind a length that has wrapped around, so the list is followed for as long as
 * there are VFs in it, within the message.
 * Return: what comes after it; NULL: out of memory.
 */
static const struct nlattr *parse_vfs(const struct nlmsghdr *message, const struct nlattr *list,
				      struct link_message *out)
{
	const char *tail = (const char *)message + message->nlmsg_len;
	const struct nlattr *nominal = mnl_attr_next(list);
	const struct nlattr *attr = mnl_attr_get_payload(list);
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(message);
	struct host_link *link = &out->link;

	if (out->num_vfs == 0 || link->vfs)
		return nominal;
	link->vfs = calloc((size_t)out->num_vfs, sizeof(*link->vfs));
	if (!link->vfs)
		return NULL;
	while (link->n_vfs < (size_t)out->num_vfs &&
	       mnl_attr_ok(attr, (int)(tail - (const char *)attr)) &&
	       parse_vf(attr, info->ifi_type == ARPHRD_ETHER, &link->vfs[link->n_vfs])) {
		link->n_vfs++;
		attr = mnl_attr_next(attr);
	}
	return attr > nominal ? attr : nominal;
}

/* ---- the link ---- */

static void parse_bridge(const struct nlattr *data, struct host_link *link)
{
	struct nested nested = parse_nested(data);
	const struct nlattr *filtering = nested.attr[IFLA_BR_VLAN_FILTERING];
	const struct nlattr *pvid = nested.attr[IFLA_BR_VLAN_DEFAULT_PVID];

	link->vlan_filtering = filtering && mnl_attr_validate(filtering, MNL_TYPE_U8) >= 0 &&
			       mnl_attr_get_u8(filtering);
	if (link->vlan_filtering && pvid && mnl_attr_validate(pvid, MNL_TYPE_U16) >= 0)
		link->pvid = mnl_attr_get_u16(pvid) & 0xfff;
}

static void parse_linkinfo(const struct nlattr *attr, struct host_link *link)
{
	struct nested info = parse_nested(attr);
	const struct nlattr *data = info.attr[IFLA_INFO_DATA];

	if (info.attr[IFLA_INFO_KIND])
		get_text(info.attr[IFLA_INFO_KIND], link->kind, sizeof(link->kind));
	if (data && str_eq(link->kind, "bridge"))
		parse_bridge(data, link);
	if (data && str_eq(link->kind, "vlan")) {
		struct nested vlan = parse_nested(data);
		const struct nlattr *id = vlan.attr[IFLA_VLAN_ID];

		if (id && mnl_attr_validate(id, MNL_TYPE_U16) >= 0)
			link->vlan_id = mnl_attr_get_u16(id) & 0xfff;
	}
}

static void parse_attr(const struct nlattr *attr, struct link_message *out, bool *elsewhere)
{
	struct host_link *link = &out->link;

	switch (mnl_attr_get_type(attr)) {
	case IFLA_IFNAME:
		get_text(attr, link->name, sizeof(link->name));
		break;
	case IFLA_ADDRESS:
		if (mnl_attr_get_payload_len(attr) == sizeof(link->mac))
			memcpy(&link->mac, mnl_attr_get_payload(attr), sizeof(link->mac));
		break;
	case IFLA_MTU:
		get_u32(attr, &link->mtu);
		break;
	case IFLA_MAX_MTU:
		get_u32(attr, &link->max_mtu);
		break;
	case IFLA_MASTER:
		get_u32(attr, &out->master);
		break;
	case IFLA_LINK:
		get_u32(attr, &out->lower);
		break;
	case IFLA_LINK_NETNSID:
		*elsewhere = true;
		break;
	case IFLA_LINKINFO:
		parse_linkinfo(attr, link);
		break;
	case IFLA_NUM_VF:
		if (!get_u32(attr, &out->num_vfs) || out->num_vfs > VFS_MAX)
			out->num_vfs = 0;
		break;
	case IFLA_PHYS_PORT_NAME:
		get_text(attr, out->phys_port, sizeof(out->phys_port));
		break;
	case IFLA_PARENT_DEV_NAME:
		get_text(attr, out->parent, sizeof(out->parent));
		break;
	case IFLA_PARENT_DEV_BUS_NAME:
		get_text(attr, out->parent_bus, sizeof(out->parent_bus));
		break;
	default:
		break;
	}
}

int link_message_parse(const struct nlmsghdr *message, struct link_message *out)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(message);
	const char *tail = (const char *)message + message->nlmsg_len;
	const struct nlattr *attr = mnl_nlmsg_get_payload_offset(message, sizeof(*info));
	bool elsewhere = false;

	*out = (struct link_message){ .master = 0 };
	if (message->nlmsg_type != RTM_NEWLINK ||
	    mnl_nlmsg_get_payload_len(message) < sizeof(*info))
		return -EINVAL;
	out->link.index = info->ifi_index;
	out->link.up = info->ifi_flags & IFF_UP;
	/* LOWER_UP, and not RUNNING, which waits for a user-space word on some links. */
	out->link.carrier = info->ifi_flags & IFF_LOWER_UP;
	while (mnl_attr_ok(attr, (int)(tail - (const char *)attr))) {
		if (mnl_attr_get_type(attr) == IFLA_VFINFO_LIST) {
			attr = parse_vfs(message, attr, out);
			if (!attr)
				return -ENOMEM;
			continue;
		}
		parse_attr(attr, out, &elsewhere);
		attr = mnl_attr_next(attr);
	}
	/* A veth's other end is not what it lies on; nor is an index of another namespace. */
	if (elsewhere || str_eq(out->link.kind, "veth"))
		out->lower = 0;
	return 0;
}

void link_message_clear(struct link_message *message)
{
	free(message->link.vfs);
	*message = (struct link_message){ .master = 0 };
}
