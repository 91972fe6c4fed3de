/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The host's side of the standby, and of every other NIC that has a tap: is it there, and
 * does it lead where the primary leads.
 */
#include <inttypes.h>
#include <stdio.h>

#include "topology/rules_network.h"
#include "topology/tap_offload.h"

/* ---- what the rules share ---- */

bool pair_wants_vf(const struct topo_pair *pair)
{
	return pair->vfio || (pair->def && pair->def->primary.kind == VM_PRIMARY_VF);
}

static int mtu_of(const struct topo *topo, const struct machine_device *device, int of_def)
{
	char number[32];
	const char *text = machine_text(topo->machine, device, "host_mtu", number);
	int64_t mtu;

	if (of_def || !text || str_to_i64(text, 0, 65535, &mtu) < 0)
		return of_def;
	return (int)mtu;
}

struct nic nic_of_standby(const struct topo *topo, const struct topo_pair *pair,
			  const char *object)
{
	return (struct nic){
		.object = object,
		.device = pair->standby,
		.port = pair->def ? &pair->def->standby.port : NULL,
		.mtu = mtu_of(topo, pair->standby, pair->def ? pair->def->mtu : 0),
	};
}

static struct nic primary_of(const struct topo *topo, const struct topo_pair *pair,
			     const char *object)
{
	return (struct nic){
		.object = object,
		.device = pair->primary,
		.port = pair->def ? &pair->def->primary.port : NULL,
		.mtu = pair->standby ? nic_of_standby(topo, pair, object).mtu : 0,
	};
}

static bool has_emulated_primary(const struct topo_pair *pair)
{
	return pair->primary && !pair_wants_vf(pair) && machine_is_nic(pair->primary);
}

/*
 * The ports of both ends are the same, as a rule: what is wrong with it is said once, of
 * the standby.
 */
static bool shares_port(const struct topo *topo, const struct topo_pair *pair,
			const struct nic_port *port)
{
	struct nic_port other;
	struct nic standby;

	if (!pair->standby)
		return false;
	standby = nic_of_standby(topo, pair, "");
	other = nic_port_find(topo, standby.device, standby.port);
	return port->name && other.name && str_eq(port->name, other.name);
}

static bool is_in_pair(const struct topo *topo, const struct machine_device *device)
{
	for (size_t i = 0; i < topo->n_pairs; i++)
		if (topo->pairs[i].standby == device || topo->pairs[i].primary == device)
			return true;
	return machine_pair_id(topo->machine, device) != NULL;
}

static const struct vm_nic *find_nic_def(const struct topo *topo, const char *id)
{
	for (size_t i = 0; topo->def && id && i < topo->def->n_nics; i++)
		if (str_eq(topo->def->nics[i].id, id))
			return &topo->def->nics[i];
	return NULL;
}

/* Return: false: the device is no NIC, or one of a pair. */
static bool plain_nic_of(const struct topo *topo, const struct machine_device *device,
			 char object[96], struct nic *out)
{
	const struct vm_nic *def = find_nic_def(topo, device->id);
	char name[64];

	if (!machine_is_nic(device) || machine_is_vfio(device) || is_in_pair(topo, device))
		return false;
	snprintf(object, 96, "NIC %s", machine_device_name(device, name));
	*out = (struct nic){ .object = object,
			     .device = device,
			     .port = def ? &def->port : NULL,
			     .mtu = mtu_of(topo, device, def ? def->mtu : 0) };
	return true;
}

bool knows_links(const struct topo *topo, struct verdict *verdict)
{
	if (topo->host->links_missing)
		verdict_unknown(verdict, "%s", topo->host->links_missing);
	return !topo->host->links_missing;
}

/* ---- standby-link, primary-link, nic-link ---- */

static void check_link(const struct topo *topo, const struct nic *nic,
		       const struct nic_port *port, struct verdict *verdict)
{
	bool bridge = port->kind == NIC_PORT_BRIDGE;
	const char *name = port->name;
	const struct host_link *link;

	if (port->kind == NIC_PORT_NO_LINK)
		return;
	if (port->kind == NIC_PORT_UNKNOWN || port->kind == NIC_PORT_SCRIPT) {
		verdict_unknown(verdict, "%s: %s", nic->object, port->why);
		return;
	}
	if (!knows_links(topo, verdict))
		return;
	link = host_find_link(topo->host, name);
	if (!link)
		verdict_find(verdict, nic->object,
			     "no network link %s in this network namespace (see \"ip link\")",
			     name);
	else if (bridge && !str_eq(link->kind, "bridge"))
		verdict_find(verdict, nic->object, "%s is not a bridge%s%s", name,
			     *link->kind ? ", but of the kind " : "", link->kind);
	else if (!bridge && !str_eq(link->kind, "tun"))
		verdict_find(verdict, nic->object, "%s is not a tap%s%s", name,
			     *link->kind ? ", but of the kind " : "", link->kind);
	else if (!link->up)
		verdict_find(verdict, nic->object, "%s is down; set it up: ip link set %s up",
			     name, name);
}

static void rule_check_standby_link(const struct topo *topo, struct verdict *verdict)
{
	for (size_t i = 0; i < topo->n_pairs; i++) {
		char object[96];
		const struct topo_pair *pair = &topo->pairs[i];
		struct nic_port port;
		struct nic nic;

		if (!pair->standby)
			continue;
		nic = nic_of_standby(topo, pair, topo_pair_name(pair, object));
		port = nic_port_find(topo, nic.device, nic.port);
		check_link(topo, &nic, &port, verdict);
	}
}

static void rule_check_primary_link(const struct topo *topo, struct verdict *verdict)
{
	for (size_t i = 0; i < topo->n_pairs; i++) {
		char object[96];
		const struct topo_pair *pair = &topo->pairs[i];
		struct nic_port port;
		struct nic nic;

		if (!has_emulated_primary(pair))
			continue;
		nic = primary_of(topo, pair, topo_pair_name(pair, object));
		port = nic_port_find(topo, nic.device, nic.port);
		if (!shares_port(topo, pair, &port))
			check_link(topo, &nic, &port, verdict);
	}
}

static void rule_check_nic_link(const struct topo *topo, struct verdict *verdict)
{
	for (size_t i = 0; i < topo->machine->n_devices; i++) {
		struct nic_port port;
		struct nic nic;
		char object[96];

		if (!plain_nic_of(topo, &topo->machine->devices[i], object, &nic))
			continue;
		port = nic_port_find(topo, nic.device, nic.port);
		check_link(topo, &nic, &port, verdict);
	}
}

/* ---- bridge-mtu ---- */

/* Frames of the NIC leave by the uplinks: the MTU of each is what they must fit in. */
static void check_bridge_mtu(const struct topo *topo, const struct nic *nic,
			     const struct host_link *bridge, struct verdict *verdict)
{
	struct uplinks uplinks;
	bool found = false;

	uplinks_find(topo->host, bridge->name, &uplinks);
	for (size_t i = 0; i < uplinks.n; i++) {
		const struct host_link *port = uplinks.list[i].port;

		/* A bond is one port, however many NICs it has. */
		if (port->mtu == 0 || port->mtu >= nic->mtu ||
		    (i > 0 && port == uplinks.list[i - 1].port))
			continue;
		found = true;
		verdict_find(verdict, nic->object,
			     "its MTU is %d, that of %s, the uplink of %s, is %d", nic->mtu,
			     port->name, bridge->name, port->mtu);
	}
	if (!found && bridge->mtu && bridge->mtu < nic->mtu)
		verdict_find_as(verdict, SEVERITY_WARNING, nic->object,
				"its MTU is %d, that of the bridge %s is %d", nic->mtu,
				bridge->name, bridge->mtu);
}

static void check_mtu(const struct topo *topo, const struct nic *nic,
		      const struct nic_port *port, struct verdict *verdict)
{
	const struct host_link *bridge, *tap;

	if (nic->mtu == 0 || port->kind == NIC_PORT_NO_LINK)
		return;
	if (!port->name) {
		verdict_unknown(verdict, "%s: %s", nic->object, port->why);
		return;
	}
	if (!knows_links(topo, verdict))
		return;
	tap = port->kind == NIC_PORT_TAP ? host_find_link(topo->host, port->name) : NULL;
	bridge = nic_port_bridge(topo, port);
	if (!tap && !bridge)
		verdict_unknown(verdict, "%s: %s is not there", nic->object, port->name);
	if (tap && tap->mtu && tap->mtu < nic->mtu)
		verdict_find(verdict, nic->object, "its MTU is %d, that of the tap %s is %d",
			     nic->mtu, tap->name, tap->mtu);
	if (bridge)
		check_bridge_mtu(topo, nic, bridge, verdict);
}

static void rule_check_bridge_mtu(const struct topo *topo, struct verdict *verdict)
{
	struct nic_port port;
	struct nic nic;
	char object[96];

	for (size_t i = 0; i < topo->n_pairs; i++) {
		const struct topo_pair *pair = &topo->pairs[i];

		topo_pair_name(pair, object);
		if (pair->standby) {
			nic = nic_of_standby(topo, pair, object);
			port = nic_port_find(topo, nic.device, nic.port);
			check_mtu(topo, &nic, &port, verdict);
		}
		if (has_emulated_primary(pair)) {
			nic = primary_of(topo, pair, object);
			port = nic_port_find(topo, nic.device, nic.port);
			if (!shares_port(topo, pair, &port))
				check_mtu(topo, &nic, &port, verdict);
		}
	}
	for (size_t i = 0; i < topo->machine->n_devices; i++) {
		if (!plain_nic_of(topo, &topo->machine->devices[i], object, &nic))
			continue;
		port = nic_port_find(topo, nic.device, nic.port);
		check_mtu(topo, &nic, &port, verdict);
	}
}

/* ---- standby-features ---- */

static bool has_virtio_tap(const struct topo *topo)
{
	for (size_t i = 0; i < topo->machine->n_devices; i++) {
		const struct machine_device *device = &topo->machine->devices[i];

		if (machine_is_virtio_net(device) &&
		    nic_port_find(topo, device, NULL).kind != NIC_PORT_NO_LINK)
			return true;
	}
	return false;
}

static void rule_check_standby_features(const struct topo *topo, struct verdict *verdict)
{
	uint32_t there = topo->source->tap_offloads, here = topo->host->tap_offloads;
	char lost[128], gained[128];

	if (!has_virtio_tap(topo))
		return;
	if (!topo->source->tap_offloads_known || !topo->host->tap_offloads_known) {
		verdict_unknown(verdict,
				"the tap offloads of the %s are not known: it takes "
				"/dev/net/tun and CAP_NET_ADMIN",
				topo->source->tap_offloads_known ? "target" : "source");
		return;
	}
	tap_offload_names(there & ~here, lost, sizeof(lost));
	tap_offload_names(here & ~there, gained, sizeof(gained));
	if (*lost)
		verdict_find(verdict, "host", "taps of the source have %s, taps here do not",
			     lost);
	if (*gained)
		verdict_find_as(
			verdict, SEVERITY_INFO, "host",
			"taps here have %s, taps of the source do not: a VM that starts "
			"here may not be able to go back",
			gained);
}

/* ---- the table ---- */

#define NEEDS_HOST (NEEDS(TOPO_MACHINE) | NEEDS(TOPO_HOST))

const struct rule rules_network[] = {
	{
		.name = "standby-link",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_HOST,
		.needs = NEEDS_HOST,
		.summary = "the standby's bridge or tap is missing, of another kind, or down",
		.why = "While the primary is away, the guest's traffic goes over the standby "
		       "alone. Without its bridge or tap, QEMU does not start, or the guest is "
		       "cut off as soon as the primary is unplugged.",
		.remedy =
			"Make the bridge (ip link add br0 type bridge) or the tap (ip tuntap "
			"add tap0 mode tap), connect it, and set it up (ip link set br0 up); or "
			"name another in the standby's \"bridge\" or \"tap\", or in its "
			"netdev.",
		.source = "QEMU net/tap.c (net_init_tap); Linux "
			  "Documentation/networking/net_failover.rst",
		.check = rule_check_standby_link,
	},
	{
		.name = "primary-link",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_HOST,
		.needs = NEEDS_HOST,
		.summary =
			"an emulated primary's bridge or tap is missing, of another kind, or "
			"down",
		.why = "While there is a primary, the guest sends through it alone: one whose "
		       "bridge or tap is not there, or down, cuts the guest off.",
		.remedy =
			"Make the bridge or the tap, connect it, and set it up (ip link set br0 "
			"up); or name another in the primary's \"bridge\" or \"tap\", or in "
			"its netdev.",
		.source = "QEMU net/tap.c (net_init_tap); Linux drivers/net/net_failover.c "
			  "(net_failover_start_xmit)",
		.check = rule_check_primary_link,
	},
	{
		.name = "nic-link",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_HOST,
		.needs = NEEDS_HOST,
		.summary =
			"the bridge or tap of a NIC outside of the pairs is missing, of another "
			"kind, or down",
		.why = "The VM does not start without it, and after a migration to a host where "
		       "it is down this NIC is cut off.",
		.remedy =
			"Make the bridge or the tap, connect it, and set it up (ip link set br0 "
			"up); or name another in the NIC's \"bridge\" or \"tap\", or in its "
			"netdev.",
		.source = "QEMU net/tap.c (net_init_tap)",
		.check = rule_check_nic_link,
	},
	{
		.name = "standby-network",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_HOST,
		.needs = NEEDS_HOST,
		.summary =
			"the standby's bridge does not lead to the primary's network (a warning "
			"where its uplink is in no physnet)",
		.why = "Standby and primary are one interface of the guest, with one address: "
		       "when the primary is unplugged, its network must go on over the standby. "
		       "In another network, nobody there knows the guest.",
		.remedy =
			"Make a PF of the primary's physnet a port of the bridge (ip link set PF "
			"master BRIDGE), or a VLAN device or bond on one; or name a bridge that "
			"has one. If the uplink is in that network, add it to the \"pfs\" of "
			"the physnet in host.json.",
		.source = "Linux Documentation/networking/net_failover.rst; vmfo-host(5)",
		.check = rule_check_standby_network,
	},
	{
		.name = "standby-same-pf",
		.severity = SEVERITY_INFO,
		.scope = SCOPE_HOST,
		.needs = NEEDS_HOST,
		.summary = "the standby's bridge is connected by the primary's own PF",
		.why = "The NIC's switch hands frames for the pair's address to the VF as long as "
		       "that has it, and afterwards to the PF only with an entry for it. A PF "
		       "that is promiscuous as a port of a bridge is not enough on most NICs.",
		.remedy =
			"Nothing: vmfo migrate and vmfo replug move the traffic. Whoever moves "
			"the VM by other means must see to it. Once the primary is unplugged: ip "
			"link set PF vf NUM mac 00:00:00:00:00:00; bridge fdb add MAC dev PF "
			"self. Before it is plugged again: bridge fdb del MAC dev PF self; ip "
			"link set PF vf NUM mac MAC.",
		.source = "Linux Documentation/networking/net_failover.rst (live migration)",
		.check = rule_check_standby_same_pf,
	},
	{
		.name = "standby-vlan",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_HOST,
		.needs = NEEDS_HOST,
		.summary = "the primary's VLAN is not the VLAN of the standby on its bridge",
		.why = "The guest does not know of the VLAN that the host puts its frames into: "
		       "with another one on the standby, it is in another network as soon as the "
		       "primary is unplugged.",
		.remedy =
			"Give the VF the standby's VLAN (\"vlan\" of the primary in the "
			"definition, or ip link set PF vf N vlan ID); or connect the bridge by a "
			"VLAN device of the VF's VLAN (ip link add link PF name PF.ID type vlan "
			"id ID).",
		.source = "Linux Documentation/networking/net_failover.rst; "
			  "ip-link(8), \"vf NUM vlan VLANID\"",
		.check = rule_check_standby_vlan,
	},
	{
		.name = "bridge-mtu",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_HOST,
		.needs = NEEDS_HOST,
		.summary =
			"the NIC's MTU does not fit through its bridge or tap (a warning where "
			"only the bridge itself has a smaller one)",
		.why = "A bridge drops frames that are larger than the MTU of the port by which "
		       "they leave, and tells nobody: small packets arrive, large ones do not.",
		.remedy =
			"Raise the MTU of the uplink and all below it, then of the bridge and "
			"the tap (ip link set DEV mtu N); or give the NIC a smaller \"mtu\".",
		.source = "Linux net/bridge/br_forward.c (br_dev_queue_push_xmit, "
			  "is_skb_forwardable)",
		.check = rule_check_bridge_mtu,
	},
	{
		.name = "standby-features",
		.severity = SEVERITY_WARNING,
		.scope = SCOPE_TARGET,
		.needs = NEEDS_HOST | NEEDS(TOPO_SOURCE),
		.summary = "taps of the two hosts' kernels have other offloads",
		.why = "QEMU offers the guest what the host's tap can do and the machine type has "
		       "(USO since 8.2), and the guest keeps what it took. A target whose tap "
		       "lacks some of that refuses the migration at its end: \"Features … unsupported\".",
		.remedy =
			"Run the same kernel on both hosts; or switch the features off for every "
			"virtio-net, in the definition's \"qemu_args\" or on the command line: "
			"-global virtio-net-pci.host_uso=off -global virtio-net-pci.guest_uso4=off "
			"-global virtio-net-pci.guest_uso6=off for USO.",
		.source = "Linux drivers/net/tun.c (set_offload); QEMU hw/net/virtio-net.c "
			  "(virtio_net_get_features), hw/virtio/virtio.c (virtio_load)",
		.check = rule_check_standby_features,
	},
	{ 0 },
};
