/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/vf_settings.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "host/link_message.h"
#include "host/vf_settings_internal.h"

#define PATIENCE_MS 5000
#define RETRY_MS 50
#define VALUE_SIZE 64

/*
 * The kernel's own ENOTSUPP, which is none of user space's; some drivers (bnxt) let it out.
 * Source: Linux include/linux/errno.h.
 */
#define KERNEL_ENOTSUPP 524

/* ---- reading ---- */

struct pf {
	const struct vf_netlink *netlink;
	const char *name;
	int ifindex; /* of the first answer: a link that is renamed meanwhile stays itself */
};

static int on_link(const struct nlmsghdr *message, void *data)
{
	struct link_message *out = data;

	link_message_clear(out);
	if (link_message_parse(message, out) == -ENOMEM) {
		errno = ENOMEM;
		return MNL_CB_ERROR;
	}
	return MNL_CB_OK;
}

static int read_link(struct pf *pf, struct link_message *out, struct err *err)
{
	char buf[RTNL_REQUEST_SIZE];
	struct nlmsghdr *request;
	struct ifinfomsg *info;
	void *extra;
	int r = -ENODEV;

	if (*pf->name && strlen(pf->name) < LINK_NAME_SIZE) {
		request = rtnl_request(buf, RTM_GETLINK, 0, sizeof(*info), &extra);
		info = extra;
		info->ifi_index = pf->ifindex;
		if (!pf->ifindex)
			mnl_attr_put_strz(request, IFLA_IFNAME, pf->name);
		mnl_attr_put_u32(request, IFLA_EXT_MASK,
				 RTEXT_FILTER_VF | RTEXT_FILTER_SKIP_STATS);
		r = pf->netlink->talk(pf->netlink->data, request, on_link, out);
	}
	if (r == -ENODEV)
		return err_set(err, ERR_REFUSED, ENODEV,
			       "no network link %s in this network namespace: a PF that is "
			       "gone, or never was (see \"ip link\")",
			       pf->name);
	if (r < 0)
		return err_sys(err, ERR_INTERNAL, -r, "read the VFs of %s", pf->name);
	pf->ifindex = out->link.index;
	return 0;
}

static struct vf_settings settings_of(const struct link_vf *vf)
{
	struct vf_settings settings = {
		.fields = VF_MAC | VF_VLAN,
		.mac = vf->mac,
		.vlan = vf->vlan,
		.qos = vf->qos,
		.spoof_check = vf->spoofchk == FACT_YES,
		.trust = vf->trust == FACT_YES,
		.link_state = vf->link_state,
		.min_rate = vf->min_rate,
		.max_rate = vf->max_rate,
	};

	if (vf->spoofchk != FACT_UNKNOWN)
		settings.fields |= VF_SPOOF_CHECK;
	if (vf->trust != FACT_UNKNOWN)
		settings.fields |= VF_TRUST;
	if (vf->link_state != VF_LINK_UNKNOWN)
		settings.fields |= VF_LINK_STATE;
	if (vf->rate_known)
		settings.fields |= VF_RATE;
	return settings;
}

static int read_vf(struct pf *pf, int index, struct vf_settings *out, struct err *err)
{
	_cleanup_(link_message_clear) struct link_message message = { .master = 0 };
	int r = read_link(pf, &message, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < message.link.n_vfs; i++)
		if (message.link.vfs[i].index == index) {
			*out = settings_of(&message.link.vfs[i]);
			return 0;
		}
	if (message.link.n_vfs == 0 && message.num_vfs > 0)
		return err_set(err, ERR_REFUSED, ENOTSUP,
			       "%s has %d VFs, and its driver says nothing of them: vmfo "
			       "cannot set their addresses (is it in switchdev mode?)",
			       pf->name, message.num_vfs);
	return err_set(err, ERR_REFUSED, ENODEV,
		       "%s has no VF %d, it has %d: they were removed, or their number was "
		       "changed (sriov_numvfs)",
		       pf->name, index, message.num_vfs);
}

int vf_settings_read_by(const struct vf_netlink *netlink, const char *pf_link, int index,
			struct vf_settings *out, struct err *err)
{
	struct pf pf = { .netlink = netlink, .name = pf_link };

	return read_vf(&pf, index, out, err);
}

/* ---- comparing ---- */

static bool same(enum vf_field field, const struct vf_settings *a, const struct vf_settings *b)
{
	switch (field) {
	case VF_VLAN:
		return a->vlan == b->vlan && a->qos == b->qos;
	case VF_TRUST:
		return a->trust == b->trust;
	case VF_SPOOF_CHECK:
		return a->spoof_check == b->spoof_check;
	case VF_RATE:
		return a->min_rate == b->min_rate && a->max_rate == b->max_rate;
	case VF_LINK_STATE:
		return a->link_state == b->link_state;
	case VF_MAC:
		return mac_equal(&a->mac, &b->mac);
	}
	return false;
}

/*
 * What a driver that does not know the field does anyway. Spoof check has no such value:
 * without a switch for it, it may be either.
 */
static bool is_off(enum vf_field field, const struct vf_settings *want)
{
	static const struct vf_settings off = { .link_state = VF_LINK_AUTO };

	return field != VF_SPOOF_CHECK && same(field, want, &off);
}

/* ---- writing ---- */

/* Sent as they are. */
static_assert((int)VF_LINK_AUTO == IFLA_VF_LINK_STATE_AUTO &&
		      (int)VF_LINK_ENABLE == IFLA_VF_LINK_STATE_ENABLE &&
		      (int)VF_LINK_DISABLE == IFLA_VF_LINK_STATE_DISABLE,
	      "a VF's link state");

static void put_field(struct nlmsghdr *request, uint32_t vf, enum vf_field field,
		      const struct vf_settings *want)
{
	struct ifla_vf_vlan vlan = { .vf = vf,
				     .vlan = (uint32_t)want->vlan,
				     .qos = (uint32_t)want->qos };
	struct ifla_vf_rate rate = { .vf = vf,
				     .min_tx_rate = want->min_rate,
				     .max_tx_rate = want->max_rate };
	struct ifla_vf_spoofchk spoof_check = { .vf = vf, .setting = want->spoof_check };
	struct ifla_vf_trust trust = { .vf = vf, .setting = want->trust };
	struct ifla_vf_link_state state = { .vf = vf, .link_state = want->link_state };
	struct ifla_vf_mac mac = { .vf = vf };

	memcpy(mac.mac, want->mac.byte, sizeof(want->mac.byte));
	switch (field) {
	case VF_VLAN:
		/* 802.1Q: what every driver takes; a list is only needed for 802.1ad. */
		mnl_attr_put(request, IFLA_VF_VLAN, sizeof(vlan), &vlan);
		break;
	case VF_TRUST:
		mnl_attr_put(request, IFLA_VF_TRUST, sizeof(trust), &trust);
		break;
	case VF_SPOOF_CHECK:
		mnl_attr_put(request, IFLA_VF_SPOOFCHK, sizeof(spoof_check), &spoof_check);
		break;
	case VF_RATE:
		mnl_attr_put(request, IFLA_VF_RATE, sizeof(rate), &rate);
		break;
	case VF_LINK_STATE:
		mnl_attr_put(request, IFLA_VF_LINK_STATE, sizeof(state), &state);
		break;
	case VF_MAC:
		mnl_attr_put(request, IFLA_VF_MAC, sizeof(mac), &mac);
		break;
	}
}

/* Return: 0 or the kernel's negative errno. */
static int send_field(const struct pf *pf, int index, enum vf_field field,
		      const struct vf_settings *want)
{
	char buf[RTNL_REQUEST_SIZE];
	struct nlattr *list, *one;
	struct nlmsghdr *request;
	struct ifinfomsg *info;
	void *extra;

	request = rtnl_request(buf, RTM_SETLINK, 0, sizeof(*info), &extra);
	info = extra;
	info->ifi_index = pf->ifindex;
	list = mnl_attr_nest_start(request, IFLA_VFINFO_LIST);
	one = mnl_attr_nest_start(request, IFLA_VF_INFO);
	put_field(request, (uint32_t)index, field, want);
	mnl_attr_nest_end(request, one);
	mnl_attr_nest_end(request, list);
	return pf->netlink->talk(pf->netlink->data, request, NULL, NULL);
}

static const char *remedy(enum vf_field field, int errnum, bool zero_mac)
{
	switch (errnum) {
	case EPERM:
	case EACCES:
		return "not permitted; run vmfo as root, or with CAP_NET_ADMIN";
	case EBUSY:
	case EAGAIN:
		return "the driver is still busy, with a reset of the VF or of the NIC; try "
		       "again, and see \"dmesg\"";
	case EINVAL:
	case ERANGE:
		break;
	default:
		return NULL;
	}
	switch (field) {
	case VF_MAC:
		return zero_mac ? "the driver does not take the zero address; some only "
				  "without spoof check" :
				  "the driver does not take this address; is it another's, or "
				  "multicast?";
	case VF_VLAN:
		return "the driver does not take this VLAN or QoS; some know no QoS, or no VLAN "
		       "while the VF has VLANs of its own";
	case VF_RATE:
		return "the driver does not take this rate; some know no minimum, need the PF's "
		       "link up, and take no more than its speed";
	default:
		return "the driver does not take this value; see \"dmesg\"";
	}
}

static int refused(const struct pf *pf, int index, enum vf_field field,
		   const struct vf_settings *want, int errnum, struct err *err)
{
	const char *what = remedy(field, errnum, mac_is_zero(&want->mac));
	char value[VALUE_SIZE];

	vf_field_text(field, want, value, sizeof(value));
	if (errnum == ENODEV)
		return err_set(err, ERR_REFUSED, ENODEV,
			       "set the %s of VF %d of %s to %s: the PF is gone",
			       vf_field_name(field), index, pf->name, value);
	if (!what)
		return err_sys(err, ERR_REFUSED, errnum,
			       "set the %s of VF %d of %s to %s: see \"dmesg\" for the "
			       "driver's reason",
			       vf_field_name(field), index, pf->name, value);
	return err_set(err, ERR_REFUSED, errnum == EAGAIN ? EBUSY : errnum,
		       "set the %s of VF %d of %s to %s: %s", vf_field_name(field), index,
		       pf->name, value, what);
}

/* Return: 1: the driver does not know the field. */
static int write_field(const struct pf *pf, struct loop *loop, int index, enum vf_field field,
		       const struct vf_settings *want, struct err *err)
{
	int64_t deadline = deadline_in(pf->netlink->patience_ms);
	int r;

	/* ice and i40e reset a VF on most of these, and answer busy until it is back. */
	while ((r = send_field(pf, index, field, want)) == -EAGAIN || r == -EBUSY) {
		int interrupted;

		if (clock_ms() >= deadline)
			break;
		interrupted = loop_sleep(loop, RETRY_MS, err);
		if (interrupted < 0) {
			err_wrap(err, "set the %s of VF %d of %s, which is busy",
				 vf_field_name(field), index, pf->name);
			return interrupted;
		}
	}
	if (r == -EOPNOTSUPP || r == -KERNEL_ENOTSUPP)
		return 1;
	return r < 0 ? refused(pf, index, field, want, -r, err) : 0;
}

/* fields: those that were to be written, and that the driver knows. */
static int verify(struct pf *pf, int index, unsigned int fields, const struct vf_settings *want,
		  struct err *err)
{
	char wanted[VALUE_SIZE], found[VALUE_SIZE];
	struct vf_settings now;
	int r = read_vf(pf, index, &now, err);

	if (r < 0)
		return r;
	fields &= now.fields;
	for (unsigned int field = VF_VLAN; field <= VF_MAC; field <<= 1)
		if ((fields & field) && !same(field, want, &now))
			return err_set(err, ERR_REFUSED, EIO,
				       "set the %s of VF %d of %s to %s: the driver took it, "
				       "and says %s now; does something else set it?",
				       vf_field_name(field), index, pf->name,
				       vf_field_text(field, want, wanted, sizeof(wanted)),
				       vf_field_text(field, &now, found, sizeof(found)));
	return 0;
}

int vf_settings_write_by(const struct vf_netlink *netlink, struct loop *loop,
			 const char *pf_link, int index, const struct vf_settings *want,
			 unsigned int *unsupported, struct err *err)
{
	struct pf pf = { .netlink = netlink, .name = pf_link };
	unsigned int unknown = 0, lost = 0;
	struct vf_settings now;
	int r = read_vf(&pf, index, &now, err);

	for (unsigned int field = VF_VLAN; r == 0 && field <= VF_MAC; field <<= 1) {
		bool is_so = (now.fields & field) && same(field, want, &now);

		if (!(want->fields & field) || (is_so && field != VF_MAC))
			continue;
		r = write_field(&pf, loop, index, field, want, err);
		if (r > 0) {
			unknown |= field;
			/* Also what is not wanted, and stays. */
			if (!is_off(field, want) || ((now.fields & field) && !is_so))
				lost |= field;
			r = 0;
		}
	}
	if (r == 0)
		r = verify(&pf, index, want->fields & ~unknown, want, err);
	if (unsupported)
		*unsupported = lost;
	return r;
}

/* ---- this host ---- */

static int talk_to_kernel(void *data, struct nlmsghdr *request, mnl_cb_t fn, void *fn_data)
{
	(void)data;
	return rtnl_talk(request, fn, fn_data);
}

static const struct vf_netlink kernel = { .talk = talk_to_kernel, .patience_ms = PATIENCE_MS };

int vf_settings_read(const char *pf_link, int index, struct vf_settings *out, struct err *err)
{
	return vf_settings_read_by(&kernel, pf_link, index, out, err);
}

int vf_settings_write(struct loop *loop, const char *pf_link, int index,
		      const struct vf_settings *want, unsigned int *unsupported,
		      struct err *err)
{
	return vf_settings_write_by(&kernel, loop, pf_link, index, want, unsupported, err);
}
