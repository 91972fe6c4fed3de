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

/* Removes mac's entry on that port, a static one too; absent is no error. */
int net_fdb_delete(const char *port, const struct mac *mac, struct err *err);

/*
 * A static entry: the port's bridge sends mac's frames there, in every VLAN of the port,
 * whatever it learned or would learn.
 */
int net_fdb_pin(const char *port, const struct mac *mac, struct err *err);

/*
 * The ports of bridge that are no taps, and so may lead out of this host: a PF, or a VF, what
 * lies on one, one end of a pair.
 * Source: Linux net/bridge/br_private.h, BR_MAX_PORTS.
 */
#define NET_MAX_UPLINKS 1024

struct net_uplinks {
	int index[NET_MAX_UPLINKS];
	size_t n;
};

int net_bridge_uplinks(const char *bridge, struct net_uplinks *out, struct err *err);

/*
 * Whether each uplink's own filter lets mac in, as it needs to for the sake of a port of its
 * bridge. Devices without such a filter are left alone; what is so already is no error.
 * Source: Linux Documentation/networking/net_failover.rst, "Live Migration of a VM".
 */
int net_uplinks_admit(const struct net_uplinks *uplinks, const struct mac *mac, bool admit,
		      struct err *err);

/* Has their bridge forget mac at each of them, a static entry too; none is no error. */
int net_uplinks_forget(const struct net_uplinks *uplinks, const struct mac *mac,
		       struct err *err);

#endif
