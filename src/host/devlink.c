/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The mode of a NIC's embedded switch, by generic netlink.
 * Source: Linux include/uapi/linux/devlink.h, Documentation/networking/devlink/.
 */
#include <errno.h>
#include <linux/devlink.h>
#include <linux/genetlink.h>

#include "base/str.h"
#include "host/links_internal.h"
#include "host/rtnl.h"

struct u16_wanted {
	uint16_t type;
	int value; /* -1: not there */
};

static int on_attr(const struct nlattr *attr, void *data)
{
	struct u16_wanted *wanted = data;

	if (mnl_attr_get_type(attr) == wanted->type &&
	    mnl_attr_validate(attr, MNL_TYPE_U16) >= 0)
		wanted->value = mnl_attr_get_u16(attr);
	return MNL_CB_OK;
}

static int on_message(const struct nlmsghdr *message, void *data)
{
	if (mnl_nlmsg_get_payload_len(message) < sizeof(struct genlmsghdr))
		return MNL_CB_OK;
	return mnl_attr_parse(message, sizeof(struct genlmsghdr), on_attr, data);
}

static struct nlmsghdr *make_request(char buf[RTNL_REQUEST_SIZE], uint16_t family, uint8_t cmd)
{
	struct genlmsghdr *header;
	struct nlmsghdr *request;
	void *extra;

	request = rtnl_request(buf, family, 0, sizeof(*header), &extra);
	header = extra;
	header->cmd = cmd;
	header->version = 1;
	return request;
}

uint16_t devlink_find_family(void)
{
	struct u16_wanted wanted = { .type = CTRL_ATTR_FAMILY_ID, .value = -1 };
	char buf[RTNL_REQUEST_SIZE];
	struct nlmsghdr *request = make_request(buf, GENL_ID_CTRL, CTRL_CMD_GETFAMILY);

	mnl_attr_put_strz(request, CTRL_ATTR_FAMILY_NAME, DEVLINK_GENL_NAME);
	if (genl_talk(request, on_message, &wanted) < 0 || wanted.value < 0)
		return 0;
	return (uint16_t)wanted.value;
}

enum eswitch_mode devlink_read_eswitch(uint16_t family, const char *address)
{
	struct u16_wanted wanted = { .type = DEVLINK_ATTR_ESWITCH_MODE, .value = -1 };
	char buf[RTNL_REQUEST_SIZE];
	struct nlmsghdr *request;
	int r;

	/* Whoever cannot be switched over is as it always was. */
	if (family == 0)
		return ESWITCH_LEGACY;
	request = make_request(buf, family, DEVLINK_CMD_ESWITCH_GET);
	mnl_attr_put_strz(request, DEVLINK_ATTR_BUS_NAME, "pci");
	mnl_attr_put_strz(request, DEVLINK_ATTR_DEV_NAME, address);
	r = genl_talk(request, on_message, &wanted);
	/* The driver has no devlink at all, or none for its switch. */
	if (r == -ENODEV || r == -EOPNOTSUPP)
		return ESWITCH_LEGACY;
	if (r < 0 || wanted.value < 0)
		return ESWITCH_UNKNOWN;
	/* Later kernels have more than one that is not the legacy one. */
	return wanted.value == DEVLINK_ESWITCH_MODE_LEGACY ? ESWITCH_LEGACY : ESWITCH_SWITCHDEV;
}

enum eswitch_mode devlink_mode_named(const char *name)
{
	if (str_eq(name, "legacy"))
		return ESWITCH_LEGACY;
	return str_starts(name, "switchdev") ? ESWITCH_SWITCHDEV : ESWITCH_UNKNOWN;
}
