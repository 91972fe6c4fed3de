/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the driver of a PF has set for one of its VFs: address, VLAN, trust and so on. By
 * rtnetlink with libmnl, as all of vmfo's netlink: it adds nothing of its own to the
 * messages, and one request is one attribute, so that a refusal has a name.
 * Source: Linux include/uapi/linux/if_link.h (IFLA_VFINFO_LIST); net/core/rtnetlink.c,
 * do_setvfinfo(); Documentation/networking/net_failover.rst.
 */
#ifndef VMFO_HOST_VF_SETTINGS_H
#define VMFO_HOST_VF_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "io/loop.h"
#include "model/mac.h"
#include "model/vmdef.h"
#include "topology/host_facts.h"

/* In the order in which they are written: some drivers reset the VF on all but the last. */
enum vf_field {
	VF_VLAN = 1 << 0, /* with its QoS */
	VF_TRUST = 1 << 1,
	VF_SPOOF_CHECK = 1 << 2,
	VF_RATE = 1 << 3, /* both */
	VF_LINK_STATE = 1 << 4,
	VF_MAC = 1 << 5,
};

#define VF_ALL_FIELDS (2u * VF_MAC - 1)

struct vf_settings {
	unsigned int fields; /* VF_…: which of the rest mean anything */
	struct mac mac;      /* zero: no filter, the NIC delivers nothing for an address */
	int vlan, qos;       /* 0: none, 1 to 4094; 0 to 7 */
	bool spoof_check, trust;
	enum vf_link_state link_state;
	uint32_t min_rate, max_rate; /* Mbit/s; 0: none */
};

/*
 * Reads those of VF index of the PF whose link is pf_link. out->fields: what the driver
 * says; one that does not know a field mostly says nothing, and "auto" of the link state.
 * So what was read can be given to vf_settings_write() to put everything back.
 * Errors: ERR_REFUSED: ENODEV: no such link, or it has no such VF; ENOTSUP: it has no VFs.
 */
int vf_settings_read(const char *pf_link, int index, struct vf_settings *out, struct err *err);

/*
 * Writes want->fields, each in a request of its own, in the order of enum vf_field, and
 * reads them back. A field that is so already is not written, except for the address:
 * only a written one is the administrator's. A driver that answers busy, because the VF is
 * being reset, is asked again for 5 s. Never while the guest has the VF: some drivers reset
 * it, and net_failover sees its primary go.
 * unsupported: the fields that the driver does not know; never an error. May be NULL.
 * Errors: ERR_REFUSED: EPERM: without CAP_NET_ADMIN; EINVAL: the driver does not take the
 * value; EBUSY: busy after 5 s; EIO: another value was read back; those of
 * vf_settings_read(). -ECANCELED. Fields that were written before it stay written.
 */
int vf_settings_write(struct loop *loop, const char *pf_link, int index,
		      const struct vf_settings *want, unsigned int *unsupported,
		      struct err *err);

/*
 * What a pair's definition wants of its VF: address, VLAN with QoS, and trust always, the
 * rest where it is given.
 */
void vf_settings_of_pair(const struct vm_pair *pair, struct vf_settings *out);

/* One of VF_… in words ("spoof check"); static. */
const char *vf_field_name(enum vf_field field);

#endif
