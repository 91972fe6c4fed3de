/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * host/vf_settings.h with the other end of netlink exchanged: for tests, which have no
 * PF that could refuse, be busy, or lie.
 */
#ifndef VMFO_HOST_VF_SETTINGS_INTERNAL_H
#define VMFO_HOST_VF_SETTINGS_INTERNAL_H

#include "host/rtnl.h"
#include "host/vf_settings.h"

struct vf_netlink {
	/* As rtnl_talk(). */
	int (*talk)(void *data, struct nlmsghdr *request, mnl_cb_t fn, void *fn_data);
	void *data;
	int64_t patience_ms; /* with a driver that is busy */
};

int vf_settings_read_by(const struct vf_netlink *netlink, const char *pf_link, int index,
			struct vf_settings *out, struct err *err);
int vf_settings_write_by(const struct vf_netlink *netlink, struct loop *loop,
			 const char *pf_link, int index, const struct vf_settings *want,
			 unsigned int *unsupported, struct err *err);

/* The value of one field in words, into buf ("100, QoS 3").  Return: buf. */
const char *vf_field_text(enum vf_field field, const struct vf_settings *settings, char *buf,
			  size_t size);

#endif
