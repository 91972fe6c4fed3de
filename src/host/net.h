/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * This host's links, by rtnetlink (libmnl): taps, bridges and their forwarding database.
 * Source: Linux rtnetlink(7), Documentation/networking/tuntap.rst, if_bridge.h.
 */
#ifndef VMFO_HOST_NET_H
#define VMFO_HOST_NET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "model/mac.h"

#define NET_NAME_SIZE 16 /* IFNAMSIZ */

struct net_link {
	int index;
	bool up; /* administratively */
	bool carrier;
	bool is_bridge;
	int mtu;
	int master; /* index; 0: none */
};

/* Errors: ENODEV (ERR_REFUSED): no such link in this network namespace. */
int net_link_get(const char *name, struct net_link *out, struct err *err);

/*
 * Makes a tap with virtio headers (IFF_VNET_HDR), not persistent: it lives as long as
 * an fd of it is open, so it can never be left behind. name: filled with the kernel's
 * choice from pattern ("vmfo%d"). fds: queues of them, the caller's to close.
 * mtu: 0 leaves the kernel's. It becomes a port of bridge, and is set up.
 * Errors: ERR_REFUSED: no such bridge, not a bridge, no /dev/net/tun, no permission.
 */
int net_tap_make(const char *pattern, const char *bridge, int queues, int mtu,
		 char name[NET_NAME_SIZE], int *fds, struct err *err);

/* Sets a link up or down. A port that goes down loses its entries in the bridge. */
int net_link_set_up(const char *name, bool up, struct err *err);

/*
 * Whether a port's bridge learns addresses from what arrives at it. Entries that it has
 * stay. Frames for an address that is nowhere learned go to every port.
 * Errors: EINVAL (ERR_REFUSED): a port of no bridge.
 */
int net_port_set_learning(const char *port, bool on, struct err *err);

/*
 * Which port of bridge has learned mac. port: its index, 0: none has. age_ms: since it
 * was last seen there, may be NULL. Entries of the bridge itself (local) do not count.
 */
int net_fdb_find(const char *bridge, const struct mac *mac, int *port, int64_t *age_ms,
		 struct err *err);

/* Removes mac's entry on that port; absent is no error. */
int net_fdb_delete(const char *port, const struct mac *mac, struct err *err);

#endif
