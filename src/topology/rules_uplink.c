/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Where the bridge of a standby leads, compared with where a primary that is a VF leads:
 * the network, the VLAN, the NIC.
 */
#include <stdio.h>

#include "topology/rules_network.h"

/* ---- the primary's network ---- */

/* Of a pair with a VF: as much of it as is known. */
struct network {
	const struct host_physnet *physnet; /* NULL: not known */
	const struct pci_function *vf;      /* NULL: not chosen, or not there */
	const struct host_link *pf;         /* of a chosen VF; NULL */
};

static struct network find_network(const struct topo *topo, const struct topo_pair *pair)
{
	struct network out = { .physnet = NULL };
	char address[PCI_ADDRESS_SIZE];
	const struct pci_function *pf;

	if (topo_primary_address(topo, pair, address))
		out.vf = host_find_function(topo->host, address);
	pf = out.vf && *out.vf->physfn ? host_find_function(topo->host, out.vf->physfn) : NULL;
	if (pf)
		out.pf = host_link_of(topo->host, pf);
	if (pair->def && pair->def->primary.physnet)
		out.physnet = physnet_find(topo->settings, pair->def->primary.physnet);
	else if (out.pf)
		out.physnet = physnet_of_pf(topo->settings, out.pf->name);
	return out;
}

enum leads { LEADS_THERE, LEADS_ELSEWHERE, LEADS_ANYWHERE };

static enum leads uplink_leads(const struct topo *topo, const struct uplink *uplink,
			       const struct network *network)
{
	const struct host_physnet *physnet;

	if (network->pf && uplink->pf == network->pf)
		return LEADS_THERE;
	/* That of the VF's PF, or of the NIC that the uplink itself is. */
	physnet = physnet_of_pf(topo->settings, uplink->pf->name) ?:
			  physnet_of_pf(topo->settings, uplink->hardware->name);
	if (!physnet || !network->physnet)
		return LEADS_ANYWHERE;
	return physnet == network->physnet ? LEADS_THERE : LEADS_ELSEWHERE;
}

/*
 * The bridge of a pair's standby, where the rules that follow look at one. Without a VF
 * there is no network to compare; without a bridge, standby-link has said so.
 * Return: NULL: there is nothing to look at, and the verdict says why.
 */
static const struct host_link *bridge_of(const struct topo *topo, const struct topo_pair *pair,
					 const char *object, struct nic_port *port,
					 struct verdict *verdict)
{
	const struct nic nic = nic_of_standby(topo, pair, object);
	const struct host_link *bridge;

	*port = nic_port_find(topo, nic.device, nic.port);
	if (!port->name) {
		verdict_unknown(verdict, "%s: %s", object, port->why);
		return NULL;
	}
	if (!knows_links(topo, verdict))
		return NULL;
	bridge = nic_port_bridge(topo, port);
	if (!bridge)
		verdict_unknown(verdict, "%s: %s is not a bridge here, nor a port of one",
				object, port->name);
	return bridge;
}

static void say_elsewhere(const struct uplinks *uplinks, const struct host_link *bridge,
			  const char *wanted, const struct topo *topo, const char *object,
			  struct verdict *verdict)
{
	const struct uplink *first = &uplinks->list[0];
	const struct host_physnet *other =
		physnet_of_pf(topo->settings, first->pf->name) ?:
			physnet_of_pf(topo->settings, first->hardware->name);

	verdict_find(verdict, object,
		     "the uplink %s of %s is of the physnet %s, the primary's is %s",
		     first->hardware->name, bridge->name, other ? other->id : "?", wanted);
}

static void check_network(const struct topo *topo, const struct topo_pair *pair,
			  const char *object, struct verdict *verdict)
{
	const struct network network = find_network(topo, pair);
	const char *wanted = network.physnet ? network.physnet->id :
			     network.pf      ? network.pf->name :
					       NULL;
	const struct host_link *bridge;
	size_t unnamed = UPLINKS_MAX;
	struct uplinks uplinks;
	struct nic_port port;

	bridge = bridge_of(topo, pair, object, &port, verdict);
	if (!bridge)
		return;
	uplinks_find(topo->host, bridge->name, &uplinks);
	for (size_t i = 0; i < uplinks.n; i++) {
		enum leads leads = uplink_leads(topo, &uplinks.list[i], &network);

		if (leads == LEADS_THERE)
			return;
		if (leads == LEADS_ANYWHERE && unnamed == UPLINKS_MAX)
			unnamed = i;
	}
	if (uplinks.elsewhere)
		verdict_unknown(verdict, "%s: where the ports of %s lead cannot be seen",
				object, bridge->name);
	else if (uplinks.n == 0)
		verdict_find(verdict, object, "%s has no port that leads out of this host",
			     bridge->name);
	else if (!wanted)
		verdict_unknown(verdict, "%s: the network of its primary is not known", object);
	else if (unnamed == UPLINKS_MAX)
		say_elsewhere(&uplinks, bridge, wanted, topo, object, verdict);
	else if (network.physnet)
		verdict_find_as(
			verdict, SEVERITY_WARNING, object,
			"the uplink %s of %s is named in no physnet, the primary's is %s",
			uplinks.list[unnamed].hardware->name, bridge->name, wanted);
	else
		verdict_unknown(verdict,
				"%s: whether %s, the uplink of %s, and the PF %s are in one "
				"network is not known: no physnet of host.json has that PF",
				object, uplinks.list[unnamed].hardware->name, bridge->name,
				wanted);
}

void rule_check_standby_network(const struct topo *topo, struct verdict *verdict)
{
	char object[96];

	for (size_t i = 0; i < topo->n_pairs; i++)
		if (topo->pairs[i].standby && pair_wants_vf(&topo->pairs[i]))
			check_network(topo, &topo->pairs[i],
				      topo_pair_name(&topo->pairs[i], object), verdict);
}

/* ---- standby-same-pf ---- */

static bool may_be_of(const struct network *network, const struct host_link *pf)
{
	if (network->pf)
		return network->pf == pf;
	for (size_t i = 0; network->physnet && i < network->physnet->n_pfs; i++)
		if (str_eq(network->physnet->pfs[i], pf->name))
			return true;
	return false;
}

static void check_same_pf(const struct topo *topo, const struct topo_pair *pair,
			  const char *object, struct verdict *verdict)
{
	const struct network network = find_network(topo, pair);
	const struct host_link *bridge;
	struct uplinks uplinks;
	struct nic_port port;

	bridge = bridge_of(topo, pair, object, &port, verdict);
	if (!bridge)
		return;
	if (!network.pf && !network.physnet) {
		verdict_unknown(verdict, "%s: the PF of its primary is not known", object);
		return;
	}
	uplinks_find(topo->host, bridge->name, &uplinks);
	for (size_t i = 0; i < uplinks.n; i++) {
		const struct uplink *uplink = &uplinks.list[i];

		if (!may_be_of(&network, uplink->pf))
			continue;
		verdict_find(verdict, object, "%s has %s as uplink, which is %s%s",
			     bridge->name, uplink->hardware->name,
			     uplink->hardware != uplink->pf ? "of " : "",
			     network.pf ? "the primary's own PF" :
					  "a PF that the primary may be of");
		return;
	}
}

void rule_check_standby_same_pf(const struct topo *topo, struct verdict *verdict)
{
	char object[96];

	for (size_t i = 0; i < topo->n_pairs; i++)
		if (topo->pairs[i].standby && pair_wants_vf(&topo->pairs[i]))
			check_same_pf(topo, &topo->pairs[i],
				      topo_pair_name(&topo->pairs[i], object), verdict);
}

/* ---- standby-vlan ---- */

/* Return: -1: not known. */
static int vlan_of_primary(const struct topo *topo, const struct topo_pair *pair,
			   const struct network *network)
{
	const struct link_vf *vf;

	if (pair->def)
		return pair->def->primary.vlan;
	vf = network->vf ? host_vf_of(topo->host, network->vf) : NULL;
	return vf ? vf->vlan : -1;
}

static const char *vlan_text(int vlan, char buf[32])
{
	snprintf(buf, 32, vlan ? "VLAN %d" : "no VLAN", vlan);
	return buf;
}

/* The one that leads to the primary's network, else the first that may. */
static const struct uplink *choose_uplink(const struct topo *topo,
					  const struct uplinks *uplinks,
					  const struct network *network)
{
	const struct uplink *chosen = NULL;

	for (size_t i = 0; i < uplinks->n; i++) {
		const struct uplink *uplink = &uplinks->list[i];
		enum leads leads = uplink_leads(topo, uplink, network);

		if (leads == LEADS_THERE)
			return uplink;
		if (leads == LEADS_ANYWHERE && !chosen)
			chosen = uplink;
	}
	return chosen;
}

/*
 * In a bridge that filters, a new port is in the bridge's default VLAN, and whether that
 * leaves by the uplink tagged is said by the uplink's own list.
 */
static void compare_filtered(const struct host_link *bridge, const struct nic_port *port,
			     const struct uplink *uplink, int vlan, const char *object,
			     struct verdict *verdict)
{
	char wanted[32];

	if (port->kind != NIC_PORT_BRIDGE)
		verdict_unknown(
			verdict,
			"%s: %s filters VLANs: in which of them its port %s is, \"bridge "
			"vlan show dev %s\" tells",
			object, bridge->name, port->name, port->name);
	else if (bridge->pvid == 0)
		verdict_find(verdict, object,
			     "%s filters VLANs and has no default one: a new port gets nowhere",
			     bridge->name);
	else if (vlan != bridge->pvid && vlan != uplink->vlan)
		verdict_find(
			verdict, object,
			"the primary is in %s; %s filters VLANs, and puts the standby into "
			"VLAN %d",
			vlan_text(vlan, wanted), bridge->name, bridge->pvid);
	else
		verdict_unknown(
			verdict,
			"%s: %s filters VLANs: whether its VLAN %d leaves tagged, \"bridge "
			"vlan show dev %s\" tells",
			object, bridge->name, bridge->pvid, uplink->port->name);
}

static void check_vlan(const struct topo *topo, const struct topo_pair *pair,
		       const char *object, struct verdict *verdict)
{
	const struct network network = find_network(topo, pair);
	int vlan = vlan_of_primary(topo, pair, &network);
	const struct host_link *bridge;
	const struct uplink *uplink;
	char of_primary[32], of_standby[32];
	struct uplinks uplinks;
	struct nic_port port;

	bridge = bridge_of(topo, pair, object, &port, verdict);
	if (!bridge)
		return;
	uplinks_find(topo->host, bridge->name, &uplinks);
	uplink = choose_uplink(topo, &uplinks, &network);
	if (vlan < 0)
		verdict_unknown(verdict, "%s: the VLAN of its primary is not known", object);
	else if (!uplink)
		verdict_unknown(verdict,
				"%s: %s has no uplink to the primary's network that "
				"could be compared",
				object, bridge->name);
	else if (uplink->stacked)
		verdict_unknown(verdict, "%s: %s leaves the host in a VLAN within a VLAN",
				object, bridge->name);
	else if (bridge->vlan_filtering)
		compare_filtered(bridge, &port, uplink, vlan, object, verdict);
	else if (vlan != uplink->vlan)
		verdict_find(verdict, object,
			     "the primary is in %s, the standby by %s and %s in %s",
			     vlan_text(vlan, of_primary), bridge->name, uplink->port->name,
			     vlan_text(uplink->vlan, of_standby));
}

void rule_check_standby_vlan(const struct topo *topo, struct verdict *verdict)
{
	char object[96];

	for (size_t i = 0; i < topo->n_pairs; i++)
		if (topo->pairs[i].standby && pair_wants_vf(&topo->pairs[i]))
			check_vlan(topo, &topo->pairs[i],
				   topo_pair_name(&topo->pairs[i], object), verdict);
}
