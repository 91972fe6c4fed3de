/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Where the host plugs a NIC of a machine in, and where that leads: from the bridge over
 * its ports, VLANs and bonds down to hardware.
 */
#ifndef VMFO_TOPOLOGY_NIC_PORT_H
#define VMFO_TOPOLOGY_NIC_PORT_H

#include "topology/topo.h"

enum nic_port_kind {
	NIC_PORT_BRIDGE,  /* a tap is made for it, and becomes a port of the bridge `name` */
	NIC_PORT_TAP,     /* the tap `name`, which must be there and be connected */
	NIC_PORT_SCRIPT,  /* the tap `name`, which is QEMU's and a script's to connect */
	NIC_PORT_NO_LINK, /* not a link of the host: "user", "vhost-user" */
	NIC_PORT_UNKNOWN,
};

struct nic_port {
	enum nic_port_kind kind;
	const char *name; /* borrowed; NULL unless it has one */
	char why[160];    /* of the last three: what it is, in words */
};

/*
 * The port of a device: of the definition where it has one (port), else by its netdev.
 * port: may be NULL.
 */
struct nic_port nic_port_find(const struct topo *topo, const struct machine_device *device,
			      const struct vm_port *port);

/* The bridge that it is in, or will be; NULL: none, or not known. */
const struct host_link *nic_port_bridge(const struct topo *topo, const struct nic_port *port);

/* ---- uplinks ---- */

struct uplink {
	const struct host_link *port;     /* of the bridge */
	const struct host_link *hardware; /* where it ends: a PF, a VF, any other NIC */
	const struct host_link *pf;       /* whose hardware that is; itself if it is no VF */
	int vlan;                         /* in which its frames leave the host; 0: untagged */
	bool stacked;                     /* a VLAN within a VLAN */
};

#define UPLINKS_MAX 32

struct uplinks {
	struct uplink list[UPLINKS_MAX];
	size_t n;
	bool elsewhere; /* it also has a port of which nobody can see where it leads */
};

/* Taps are not among them: behind those are VMs. */
void uplinks_find(const struct host_facts *host, const char *bridge, struct uplinks *out);

/* The physnet that has the PF of that name; NULL: none, or no settings. */
const struct host_physnet *physnet_of_pf(const struct hostdef *settings, const char *pf);

/* By its id; NULL. */
const struct host_physnet *physnet_find(const struct hostdef *settings, const char *id);

#endif
