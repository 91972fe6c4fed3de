/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One netlink request and its answer, by libmnl.
 * Source: Linux rtnetlink(7), include/uapi/linux/{netlink,rtnetlink,genetlink}.h.
 */
#ifndef VMFO_HOST_RTNL_H
#define VMFO_HOST_RTNL_H

#include <libmnl/libmnl.h>
#include <stdint.h>

#include "base/err.h"

#define RTNL_REQUEST_SIZE 512 /* every request of vmfo is smaller */

/*
 * Starts a request of that type in buf, with a zeroed extra header of extra_size bytes
 * (*extra, whose type depends on the request's).
 */
struct nlmsghdr *rtnl_request(char buf[RTNL_REQUEST_SIZE], uint16_t type, uint16_t flags,
			      size_t extra_size, void **extra);

/*
 * Sends it and gives each message of the answer to fn (may be NULL), until the kernel
 * says that it is done. A dump (NLM_F_DUMP) is filtered by the kernel as asked. A message
 * may be of any length: that of a link has all its VFs.
 * Return: 0 or the kernel's negative errno, which err is not set for: only the caller
 * knows what it means. -EINTR: what was dumped changed meanwhile, so ask again. Other
 * failures, of netlink itself, are negative too.
 */
int rtnl_talk(struct nlmsghdr *request, mnl_cb_t fn, void *data);

/* The same to generic netlink: the request's type is a family's, its header genlmsghdr. */
int genl_talk(struct nlmsghdr *request, mnl_cb_t fn, void *data);

#endif
