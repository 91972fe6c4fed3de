/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One entry of a forwarding database as rtnetlink describes it (RTM_NEWNEIGH of
 * AF_BRIDGE).
 * Source: Linux include/uapi/linux/neighbour.h, net/bridge/br_fdb.c (fdb_fill_info).
 */
#ifndef VMFO_HOST_NET_FDB_H
#define VMFO_HOST_NET_FDB_H

#include <stdint.h>

#include "host/rtnl.h"
#include "model/mac.h"

struct fdb_message {
	int port;       /* index */
	uint16_t state; /* NUD_… */
	uint8_t flags;  /* NTF_… */
	struct mac mac;
	int vlan;         /* 0: none */
	uint32_t master;  /* index of the bridge; 0: none */
	uint32_t updated; /* ticks since a frame came from it */
};

/* Return: 0; -EINVAL: not an entry for an Ethernet address. */
int fdb_message_parse(const struct nlmsghdr *message, struct fdb_message *out);

/* The request for all entries of a bridge (its index), or of all links (0), in buf. */
struct nlmsghdr *fdb_request(char buf[RTNL_REQUEST_SIZE], uint32_t bridge);

#endif
