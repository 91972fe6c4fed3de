/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the rules of the network share among their files.
 */
#ifndef VMFO_TOPOLOGY_RULES_NETWORK_H
#define VMFO_TOPOLOGY_RULES_NETWORK_H

#include "topology/nic_port.h"
#include "topology/rule.h"

/* A NIC whose port is looked at. */
struct nic {
	const char *object; /* "pair net0" */
	const struct machine_device *device;
	const struct vm_port *port; /* of the definition; NULL */
	int mtu;                    /* 0: not given */
};

/* object: borrowed by what is returned. */
struct nic nic_of_standby(const struct topo *topo, const struct topo_pair *pair,
			  const char *object);

/* Whether its primary is passed through, or will be. */
bool pair_wants_vf(const struct topo_pair *pair);

/* Return: false, with the verdict: the host's links are not known. */
bool knows_links(const struct topo *topo, struct verdict *verdict);

/* Where the standby's bridge leads: rules_uplink.c. */
rule_fn rule_check_standby_network;
rule_fn rule_check_standby_same_pf;
rule_fn rule_check_standby_vlan;

#endif
