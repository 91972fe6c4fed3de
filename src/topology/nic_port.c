/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "topology/nic_port.h"

#include <stdio.h>

#include "base/json.h"

/* Of links that lie on each other, and of those looked through: a captured host may claim
 * that they do so in circles. */
#define DEPTH_MAX 8
#define STEPS_MAX 256

/* ---- ports ---- */

static void set_why(struct nic_port *port, enum nic_port_kind kind, const char *fmt,
		    const char *text)
{
	port->kind = kind;
	snprintf(port->why, sizeof(port->why), fmt, text);
}

static bool is_given(const json_t *props, const char *key)
{
	return json_object_get(props, key) != NULL;
}

/* QEMU's default is a script. */
static bool has_script(const json_t *props)
{
	const char *script = json_get_text(props, "script");

	return !is_given(props, "script") || !(str_eq(script, "no") || *script == '\0');
}

static void read_tap(const struct topo *topo, const json_t *props, struct nic_port *port)
{
	const char *name = json_get_text(props, "ifname");

	if (*name) {
		const struct host_link *link = host_find_link(topo->host, name);

		port->name = name;
		port->kind = NIC_PORT_TAP;
		if (!topo->machine->running && has_script(props) && !(link && link->up))
			set_why(port, NIC_PORT_SCRIPT,
				"a script of QEMU's connects the tap %s, and only then", name);
	} else if (is_given(props, "helper")) {
		port->name = is_given(props, "br") ? json_get_text(props, "br") : "br0";
		port->kind = NIC_PORT_BRIDGE;
	} else if (is_given(props, "fd") || is_given(props, "fds")) {
		set_why(port, NIC_PORT_UNKNOWN, "its %s comes to QEMU as an open file", "tap");
	} else if (topo->machine->running) {
		set_why(port, NIC_PORT_UNKNOWN, "the running QEMU does not say which %s it has",
			"tap");
	} else {
		set_why(port, NIC_PORT_SCRIPT, "QEMU makes its %s, and a script connects it",
			"tap");
	}
}

static void read_netdev(const struct topo *topo, const char *id, struct nic_port *port)
{
	const struct machine_backend *netdev = machine_find_netdev(topo->machine, id);

	if (!netdev || !netdev->type) {
		set_why(port, NIC_PORT_UNKNOWN, "there is no netdev %s", id);
	} else if (str_eq(netdev->type, "tap")) {
		read_tap(topo, netdev->props, port);
	} else if (str_eq(netdev->type, "bridge")) {
		port->kind = NIC_PORT_BRIDGE;
		port->name = is_given(netdev->props, "br") ?
				     json_get_text(netdev->props, "br") :
				     "br0";
	} else {
		set_why(port, NIC_PORT_NO_LINK, "its netdev is of the type \"%s\"",
			netdev->type);
	}
}

struct nic_port nic_port_find(const struct topo *topo, const struct machine_device *device,
			      const struct vm_port *port)
{
	struct nic_port out = { .kind = NIC_PORT_UNKNOWN };
	const char *netdev;
	char number[32];

	if (port && (port->bridge || port->tap)) {
		out.kind = port->bridge ? NIC_PORT_BRIDGE : NIC_PORT_TAP;
		out.name = port->bridge ?: port->tap;
		return out;
	}
	netdev = machine_text(topo->machine, device, "netdev", number);
	if (netdev)
		read_netdev(topo, netdev, &out);
	else
		set_why(&out, NIC_PORT_UNKNOWN, "it has no %s", "netdev=");
	return out;
}

static bool is_bridge(const struct host_link *link)
{
	return link && str_eq(link->kind, "bridge");
}

const struct host_link *nic_port_bridge(const struct topo *topo, const struct nic_port *port)
{
	const struct host_link *link = port->name ? host_find_link(topo->host, port->name) :
						    NULL;

	if (link && port->kind != NIC_PORT_BRIDGE)
		link = host_find_link(topo->host, link->master);
	return is_bridge(link) ? link : NULL;
}

/* ---- uplinks ---- */

/* A VF is of the PF's hardware, also when the host itself uses it. */
static const struct host_link *pf_of(const struct host_facts *host,
				     const struct host_link *link, int *vlan)
{
	const struct pci_function *function = *link->pci ? host_find_function(host, link->pci) :
							   NULL;
	const struct pci_function *pf;
	const struct link_vf *vf;

	if (!function || !*function->physfn)
		return link;
	vf = host_vf_of(host, function);
	if (vf && vf->vlan)
		*vlan = vf->vlan;
	pf = host_find_function(host, function->physfn);
	return (pf ? host_link_of(host, pf) : NULL) ?: link;
}

struct walk {
	const struct host_facts *host;
	struct uplinks *out;
	struct uplink at; /* port, vlan and stacked so far */
	int *steps;       /* that are left */
};

static void descend(const struct walk *from, const struct host_link *link, int depth);

static void take(const struct walk *walk, const struct host_link *hardware)
{
	struct uplinks *out = walk->out;
	struct uplink *uplink;
	int vlan = 0;

	if (out->n == UPLINKS_MAX) {
		out->elsewhere = true;
		return;
	}
	uplink = &out->list[out->n++];
	*uplink = walk->at;
	uplink->hardware = hardware;
	uplink->pf = pf_of(walk->host, hardware, &vlan);
	/* The VLAN of a VF is put around all that the host sends through it. */
	uplink->stacked = uplink->stacked || (vlan && uplink->vlan);
	uplink->vlan = vlan ?: uplink->vlan;
}

static void descend_vlan(const struct walk *from, const struct host_link *link, int depth)
{
	const struct host_link *lower = host_find_link(from->host, link->lower);
	struct walk walk = *from;

	--*walk.steps;
	walk.at.stacked = walk.at.stacked || walk.at.vlan;
	walk.at.vlan = link->vlan_id;
	if (lower)
		descend(&walk, lower, depth);
	else
		walk.out->elsewhere = true;
}

static void descend_ports(const struct walk *walk, const struct host_link *link, int depth)
{
	--*walk->steps;
	for (size_t i = 0; i < walk->host->n_links; i++)
		if (str_eq(walk->host->links[i].master, link->name))
			descend(walk, &walk->host->links[i], depth);
}

static void descend(const struct walk *from, const struct host_link *link, int depth)
{
	bool vlan = str_eq(link->kind, "vlan");
	bool team = str_eq(link->kind, "bond") || str_eq(link->kind, "team");

	if (*link->kind == '\0')
		take(from, link);
	else if ((!vlan && !team) || depth == 0 || *from->steps == 0)
		from->out->elsewhere = true;
	else if (vlan)
		descend_vlan(from, link, depth - 1);
	else
		descend_ports(from, link, depth - 1);
}

void uplinks_find(const struct host_facts *host, const char *bridge, struct uplinks *out)
{
	int steps = STEPS_MAX;

	*out = (struct uplinks){ .n = 0 };
	for (size_t i = 0; i < host->n_links; i++) {
		const struct host_link *port = &host->links[i];
		struct walk walk = {
			.host = host, .out = out, .at = { .port = port }, .steps = &steps
		};

		if (str_eq(port->master, bridge) && !str_eq(port->kind, "tun"))
			descend(&walk, port, DEPTH_MAX);
	}
}

/* ---- physnets ---- */

const struct host_physnet *physnet_of_pf(const struct hostdef *settings, const char *pf)
{
	for (size_t i = 0; settings && i < settings->n_physnets; i++)
		for (size_t j = 0; j < settings->physnets[i].n_pfs; j++)
			if (str_eq(settings->physnets[i].pfs[j], pf))
				return &settings->physnets[i];
	return NULL;
}

const struct host_physnet *physnet_find(const struct hostdef *settings, const char *id)
{
	for (size_t i = 0; settings && i < settings->n_physnets; i++)
		if (str_eq(settings->physnets[i].id, id))
			return &settings->physnets[i];
	return NULL;
}
