/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "topology/rules_vf.h"

#include <stdio.h>

/* ---- what the checks need ---- */

bool rules_vf_needs_links(const struct topo *topo, struct verdict *verdict)
{
	const char *missing = topo->host->pci_missing ?: topo->host->links_missing;

	if (missing)
		verdict_unknown(verdict, "%s", missing);
	return !missing;
}

bool rules_vf_needs_settings(const struct topo *topo, struct verdict *verdict)
{
	if (!topo->settings)
		verdict_unknown(verdict, "%s",
				topo->why_not[TOPO_SETTINGS] ?:
					"the settings of this host are not known");
	return topo->settings;
}

void rules_vf_no_physnet(struct verdict *verdict, const char *physnet)
{
	verdict_unknown(verdict, "physnet %s has no PF on this host", physnet);
}

/* ---- VFs that the machine names ---- */

static bool find_known(const struct topo *topo, struct verdict *verdict, const char *address,
		       struct known_vf *out)
{
	const struct host_facts *host = topo->host;
	const struct pci_function *pf;

	if (!rules_vf_needs_links(topo, verdict))
		return false;
	out->vf = host_find_function(host, address);
	if (!out->vf) {
		verdict_unknown(verdict, "%s: this host has no PCI function %s", out->name,
				address);
		return false;
	}
	if (!*out->vf->physfn) {
		verdict_unknown(verdict, "%s: %s is no VF", out->name, out->vf->address);
		return false;
	}
	pf = host_find_function(host, out->vf->physfn);
	out->link = pf ? host_link_of(host, pf) : NULL;
	if (!out->link) {
		verdict_unknown(verdict, "%s: PF %s of %s has no link on this host", out->name,
				out->vf->physfn, out->vf->address);
		return false;
	}
	out->pf_name = out->link->name;
	out->admin = host_vf_of(host, out->vf);
	return true;
}

void rules_vf_each_known(const struct topo *topo, struct verdict *verdict, known_vf_fn *fn,
			 const void *data)
{
	for (size_t i = 0; i < topo->n_pairs; i++) {
		struct known_vf known = { .pair = &topo->pairs[i] };
		char address[PCI_ADDRESS_SIZE];

		if (!known.pair->vfio)
			continue;
		topo_pair_name(known.pair, known.name);
		if (topo_primary_address(topo, known.pair, address)) {
			if (find_known(topo, verdict, address, &known))
				fn(topo, verdict, &known, data);
		} else if (!known.pair->def) {
			verdict_unknown(verdict, "%s: its primary names no VF (host=)",
					known.name);
		}
	}
}

/* What only the PF's driver can say. */
static bool needs_admin(struct verdict *verdict, const struct known_vf *known)
{
	if (!known->admin)
		verdict_unknown(verdict, "%s: the driver of PF %s says nothing of VF %s",
				known->name, known->pf_name, known->vf->address);
	return known->admin;
}

/* Its MAC is taken away on purpose while the guest is without it. */
static bool is_unplugged(const struct known_vf *known)
{
	return known->pair->guest && known->pair->guest->primary_plugged == FACT_NO;
}

bool rules_vf_pair_mac(const struct topo *topo, struct verdict *verdict,
		       const struct topo_pair *pair, struct mac *out)
{
	const char *text = NULL;
	char name[96], number[32];

	if (pair->def) {
		*out = pair->def->mac;
		return true;
	}
	if (pair->standby)
		text = machine_text(topo->machine, pair->standby, "mac", number);
	if (text && mac_parse(text, out) == 0 && !mac_is_zero(out))
		return true;
	verdict_unknown(verdict, "%s: its MAC is not known: the standby has no valid mac=",
			topo_pair_name(pair, name));
	return false;
}

/* ---- the checks ---- */

static void check_mac(const struct topo *topo, struct verdict *verdict,
		      const struct known_vf *known, const void *data)
{
	char want[MAC_TEXT_SIZE], has[MAC_TEXT_SIZE];
	struct mac mac;

	(void)data;
	if (is_unplugged(known) || !needs_admin(verdict, known) ||
	    !rules_vf_pair_mac(topo, verdict, known->pair, &mac) ||
	    mac_equal(&known->admin->mac, &mac))
		return;
	if (mac_is_zero(&known->admin->mac))
		verdict_find(
			verdict, known->name,
			"VF %s (VF %d of PF %s) has no administrative MAC, the pair has %s",
			known->vf->address, known->admin->index, known->pf_name,
			mac_format(&mac, want));
	else
		verdict_find(verdict, known->name,
			     "VF %s (VF %d of PF %s) has the administrative MAC %s, the pair "
			     "has %s",
			     known->vf->address, known->admin->index, known->pf_name,
			     mac_format(&known->admin->mac, has), mac_format(&mac, want));
}

static void rule_check_vf_mac(const struct topo *topo, struct verdict *verdict)
{
	rules_vf_each_known(topo, verdict, check_mac, NULL);
}

static void check_spoofchk(const struct topo *topo, struct verdict *verdict,
			   const struct known_vf *known, const void *data)
{
	(void)topo;
	(void)data;
	if (is_unplugged(known) || !needs_admin(verdict, known) ||
	    !mac_is_zero(&known->admin->mac))
		return;
	if (known->admin->spoofchk == FACT_YES)
		verdict_find(verdict, known->name,
			     "VF %s (VF %d of PF %s): spoof check on, MAC 00:00:00:00:00:00",
			     known->vf->address, known->admin->index, known->pf_name);
	else if (known->admin->spoofchk == FACT_UNKNOWN)
		verdict_unknown(verdict,
				"%s: the driver of PF %s does not say whether VF %s has its "
				"spoof check on",
				known->name, known->pf_name, known->vf->address);
}

static void rule_check_vf_spoofchk_zero_mac(const struct topo *topo, struct verdict *verdict)
{
	rules_vf_each_known(topo, verdict, check_spoofchk, NULL);
}

/* What the definition wants of its VF; NULL: nothing, or there is no definition. */
static const struct vm_primary *wanted_of(const struct known_vf *known)
{
	const struct vm_pair *def = known->pair->def;

	return def && def->primary.kind == VM_PRIMARY_VF ? &def->primary : NULL;
}

static void check_trust(const struct topo *topo, struct verdict *verdict,
			const struct known_vf *known, const void *data)
{
	const struct vm_primary *wanted = wanted_of(known);

	(void)topo;
	(void)data;
	if (!wanted || !wanted->trust || !needs_admin(verdict, known))
		return;
	if (known->admin->trust == FACT_NO)
		verdict_find(verdict, known->name,
			     "VF %s (VF %d of PF %s) is not trusted, the definition has "
			     "\"trust\": true",
			     known->vf->address, known->admin->index, known->pf_name);
	else if (known->admin->trust == FACT_UNKNOWN)
		verdict_unknown(verdict,
				"%s: the driver of PF %s does not say whether VF %s is trusted",
				known->name, known->pf_name, known->vf->address);
}

static void rule_check_vf_trust(const struct topo *topo, struct verdict *verdict)
{
	rules_vf_each_known(topo, verdict, check_trust, NULL);
}

static void check_vlan(const struct topo *topo, struct verdict *verdict,
		       const struct known_vf *known, const void *data)
{
	const struct vm_primary *wanted = wanted_of(known);

	(void)topo;
	(void)data;
	if (wanted && needs_admin(verdict, known) && known->admin->vlan != wanted->vlan)
		verdict_find(verdict, known->name,
			     "VF %s (VF %d of PF %s) has VLAN %d, the definition has %d (0: "
			     "none)",
			     known->vf->address, known->admin->index, known->pf_name,
			     known->admin->vlan, wanted->vlan);
}

static void rule_check_vf_vlan(const struct topo *topo, struct verdict *verdict)
{
	rules_vf_each_known(topo, verdict, check_vlan, NULL);
}

/* ---- the table ---- */

const struct rule rules_vf[] = {
	{
		.name = "physnet-unknown",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_HOST,
		.needs = NEEDS(TOPO_HOST) | NEEDS(TOPO_SETTINGS),
		.summary = "the definition's physnet is not one of this host's",
		.why = "A VF is chosen among those of the PFs that host.json lists for the "
		       "physnet. Without one, the pair can have no primary here.",
		.remedy = "Add the physnet and its PFs to host.json: \"physnets\": [{\"id\": "
			  "\"NAME\", \"pfs\": [\"INTERFACE\"]}], or correct \"physnet\" in the "
			  "definition.",
		.source = "vmfo-host(5), physnets",
		.check = rule_check_physnet_unknown,
	},
	{
		.name = "pf-missing",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_HOST,
		.needs = NEEDS(TOPO_HOST) | NEEDS(TOPO_SETTINGS),
		.summary = "a PF of the physnet is not there, or cannot have VFs; a warning "
			   "where the physnet has another PF",
		.why = "The VFs of that PF cannot be chosen.",
		.remedy = "Look for the PF's name in `ip link`; correct \"pfs\" in host.json, "
			  "load the PF's driver, or enable SR-IOV in the host's firmware and "
			  "in the NIC's.",
		.source = "Linux Documentation/PCI/pci-iov-howto.rst; "
			  "Documentation/ABI/testing/sysfs-bus-pci, sriov_totalvfs",
		.check = rule_check_pf_missing,
	},
	{
		.name = "pf-down",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_HOST,
		.needs = NEEDS(TOPO_HOST),
		.summary =
			"the PF is down; a warning where its physnet has another PF that is up",
		.why = "A VF gets its link, and its answers to the guest's driver, from the PF: "
		       "while the PF is down, the guest's driver finds the PF in reset, and has "
		       "no carrier.",
		.remedy = "ip link set INTERFACE up, and have the host's network configuration "
			  "do so at boot.",
		.source =
			"Linux drivers/net/ethernet/intel/igbvf/netdev.c, igbvf_probe(): \"PF "
			"still in reset state. Is the PF interface up?\"",
		.check = rule_check_pf_down,
	},
	{
		.name = "pf-no-carrier",
		.severity = SEVERITY_WARNING,
		.scope = SCOPE_HOST,
		.needs = NEEDS(TOPO_HOST),
		.summary = "the PF is up and has no carrier",
		.why = "Its VFs have no link either, unless their link state is set to "
		       "\"enable\". The guest then stays on its standby.",
		.remedy = "Look at the cable, the transceiver and the port of the switch: "
			  "ethtool INTERFACE. VFs of another PF of the physnet are preferred "
			  "where there are any.",
		.source = "Linux drivers/net/net_failover.c, net_failover_select_queue() and "
			  "net_failover_xmit_ready(); ip-link(8), vf NUM state",
		.check = rule_check_pf_no_carrier,
	},
	{
		.name = "switchdev-unsupported",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_HOST,
		.needs = NEEDS(TOPO_HOST),
		.summary =
			"the PF is in switchdev mode; a warning where its physnet has another "
			"PF that is not",
		.why = "In this mode the NIC's switch is programmed through representors, not "
		       "by the VFs' administrative MACs. vmfo knows only the latter, and could "
		       "not move the traffic between the VF and the standby.",
		.remedy = "devlink dev eswitch set pci/ADDRESS mode legacy, after its VFs are "
			  "free; or use another PF.",
		.source = "Linux Documentation/networking/switchdev.rst; devlink-dev(8), "
			  "eswitch mode",
		.check = rule_check_switchdev_unsupported,
	},
	{
		.name = "vf-none-free",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_HOST,
		.needs = NEEDS(TOPO_HOST) | NEEDS(TOPO_SETTINGS),
		.summary = "no VF of the physnet fits the pair and is free",
		.why = "The pair would be left without its primary on this host.",
		.remedy =
			"Free one of the VFs listed, mend what stands in its way, or make more: "
			"echo 0 > /sys/class/net/INTERFACE/device/sriov_numvfs, then the new "
			"number, while none of that PF's VFs is in use.",
		.source = "Linux Documentation/ABI/testing/sysfs-bus-pci, sriov_numvfs; "
			  "Documentation/driver-api/vfio.rst",
		.check = rule_check_vf_none_free,
	},
	{
		.name = "vf-chosen",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_HOST,
		.needs = NEEDS(TOPO_HOST) | NEEDS(TOPO_SETTINGS),
		.summary = "the VF that was asked for (--vf) cannot be the pair's",
		.why = "The pair gets that VF or none: vmfo does not take another one instead.",
		.remedy = "Ask for one that vmfo vfs shows as free, of the pair's physnet; or "
			  "leave --vf out, and the best that fits is taken.",
		.source = "vmfo-launch(1) and vmfo-migrate(1), --vf; Linux "
			  "Documentation/ABI/testing/sysfs-bus-pci, physfn",
		.check = rule_check_vf_chosen,
	},
	{
		.name = "vf-other-model",
		.severity = SEVERITY_WARNING,
		.scope = SCOPE_TARGET,
		.needs = NEEDS(TOPO_HOST) | NEEDS(TOPO_SETTINGS) | NEEDS(TOPO_SOURCE),
		.summary =
			"the VF on the target is of another model than the one on the source",
		.why = "The primary is not migrated, but plugged anew, so another model is "
		       "legal. The guest can use it only if it has a driver for it.",
		.remedy = "See that the guest has the driver of the other VF before the "
			  "migration, or free a VF of the same model on the target.",
		.source = "QEMU docs/system/virtio-net-failover.rst; Linux "
			  "Documentation/networking/net_failover.rst",
		.check = rule_check_vf_other_model,
	},
	{
		.name = "vf-mac",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_HOST,
		.needs = NEEDS(TOPO_HOST),
		.summary = "the administrative MAC of the VF is not the pair's",
		.why = "The guest's VF driver takes the administrative MAC, or makes one up if "
		       "there is none. net_failover pairs by MAC, so it would never take this VF "
		       "as the primary; and the NIC would not deliver the guest's frames to it.",
		.remedy = "ip link set PF vf NUM mac MAC, before the VF is given to the guest: "
			  "its driver reads it when it starts.",
		.source = "Linux net/core/failover.c, failover_get_bymac(); "
			  "drivers/net/ethernet/intel/igbvf/netdev.c, igbvf_probe()",
		.check = rule_check_vf_mac,
	},
	{
		.name = "vf-mac-clash",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_HOST,
		.needs = NEEDS(TOPO_HOST),
		.summary = "another VF or link of this host has the pair's MAC",
		.why = "The NIC's switch and the host's bridges deliver the guest's frames to "
		       "whoever has that MAC: some of them, or all, would go astray. A MAC that "
		       "was left on a VF after its last use does the same.",
		.remedy =
			"Clear it where it does not belong: ip link set PF vf NUM mac "
			"00:00:00:00:00:00, or give the link another address: ip link set LINK "
			"address MAC.",
		.source =
			"Linux Documentation/networking/net_failover.rst, \"Live Migration of "
			"a VM with SR-IOV VF & virtio-net in STANDBY mode\"; ip-link(8), vf "
			"NUM mac",
		.check = rule_check_vf_mac_clash,
	},
	{
		.name = "vf-spoofchk-zero-mac",
		.severity = SEVERITY_WARNING,
		.scope = SCOPE_HOST,
		.needs = NEEDS(TOPO_HOST),
		.summary = "the VF's spoof check is on, and its administrative MAC is zero",
		.why = "What is then a spoofed address is left to the driver: one lets the VF "
		       "send from the MAC that the guest sets, another drops all of its frames.",
		.remedy =
			"ip link set PF vf NUM mac MAC, with the pair's MAC; or ip link set PF "
			"vf NUM spoofchk off.",
		.source =
			"Linux drivers/net/ethernet/mellanox/mlx5/core/eswitch.c, "
			"mlx5_esw_set_vport_mac_locked(): \"Set invalid MAC while spoofchk is "
			"on\"; ip-link(8), vf NUM spoofchk",
		.check = rule_check_vf_spoofchk_zero_mac,
	},
	{
		.name = "vf-trust",
		.severity = SEVERITY_WARNING,
		.scope = SCOPE_HOST,
		.needs = NEEDS(TOPO_DEFINITION) | NEEDS(TOPO_HOST),
		.summary = "the definition wants a trusted VF, and the VF is not trusted",
		.why = "The PF refuses an untrusted VF what the guest may need: promiscuous and "
		       "all-multicast mode, many multicast groups or VLANs, a MAC of its own. "
		       "The guest sees no error, its frames are missing.",
		.remedy =
			"ip link set PF vf NUM trust on, while the guest does not have the VF.",
		.source = "ip-link(8), vf NUM trust; Linux "
			  "Documentation/networking/device_drivers/ethernet/intel/i40e.rst",
		.check = rule_check_vf_trust,
	},
	{
		.name = "vf-vlan",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_HOST,
		.needs = NEEDS(TOPO_DEFINITION) | NEEDS(TOPO_HOST),
		.summary = "the VLAN of the VF is not the definition's",
		.why = "The primary would be in another network than the standby: the guest "
		       "would lose its peers whenever it changes from one to the other.",
		.remedy = "ip link set PF vf NUM vlan VLAN, while the guest does not have the "
			  "VF; or correct \"vlan\" in the definition.",
		.source = "ip-link(8), vf NUM vlan; vmfo-vm(5), pairs[].primary.vlan",
		.check = rule_check_vf_vlan,
	},
	{
		.name = "vf-mtu",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_HOST,
		.needs = NEEDS(TOPO_HOST),
		.summary = "the MTU of the PF is smaller than the pair's",
		.why = "When the primary joins the pair, net_failover sets its MTU to the "
		       "pair's. A VF whose PF is set to smaller frames refuses, and the guest "
		       "does not take it as the primary; if it does not refuse, large frames are "
		       "lost.",
		.remedy =
			"ip link set INTERFACE mtu MTU for the PF, and the same on the switch; "
			"or lower \"mtu\" of the pair (host_mtu= on QEMU's command line).",
		.source = "Linux drivers/net/net_failover.c, net_failover_slave_register(): "
			  "\"unable to change mtu of %s to %u register failed\"; "
			  "drivers/net/ethernet/intel/ixgbe/ixgbe_sriov.c, ixgbe_set_vf_lpe()",
		.check = rule_check_vf_mtu,
	},
	{ 0 },
};
