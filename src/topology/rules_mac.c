/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The MAC addresses of the pairs, as far as the machine decides on them. That of a VF is set
 * by its PF, and looked at with the VF.
 */
#include <stdio.h>

#include "topology/rule.h"

enum mac_state {
	MAC_GIVEN,
	MAC_ABSENT, /* not given, or zero, which is the same to QEMU: it invents one */
	MAC_MALFORMED,
};

/* text: what was written; NULL: nothing. */
static enum mac_state read_mac(const struct topo *topo, const struct machine_device *device,
			       struct mac *mac, char text[32])
{
	char number[32];
	const char *given = machine_text(topo->machine, device, "mac", number);

	if (!given) {
		*text = '\0';
		return MAC_ABSENT;
	}
	snprintf(text, 32, "%s", given);
	/* QEMU takes either separator. */
	for (char *c = text; *c; c++)
		if (*c == '-')
			*c = ':';
	if (strlen(given) >= 32 || mac_parse(text, mac) < 0) {
		snprintf(text, 32, "%s", given);
		return MAC_MALFORMED;
	}
	mac_format(mac, text);
	return mac_is_zero(mac) ? MAC_ABSENT : MAC_GIVEN;
}

static bool has_nic_primary(const struct topo_pair *pair)
{
	return pair->primary && !pair->vfio && machine_is_nic(pair->primary);
}

/* ---- mac-mismatch ---- */

static void compare_macs(const struct topo *topo, const struct topo_pair *pair,
			 struct verdict *verdict)
{
	char object[96], of_standby[32], of_primary[32];
	struct mac standby, primary;
	enum mac_state a = read_mac(topo, pair->standby, &standby, of_standby);
	enum mac_state b = read_mac(topo, pair->primary, &primary, of_primary);

	/* That is a finding of its own. */
	if (a == MAC_MALFORMED || b == MAC_MALFORMED)
		return;
	topo_pair_name(pair, object);
	if (a == MAC_ABSENT && b == MAC_ABSENT)
		verdict_find(verdict, object,
			     "neither the standby nor the primary was given an address (mac=), "
			     "and QEMU invents another one for each");
	else if (a == MAC_ABSENT || b == MAC_ABSENT)
		verdict_find(verdict, object,
			     "the %s has %s, and the %s was given no address (mac=): QEMU "
			     "invents another one for it",
			     a == MAC_ABSENT ? "primary" : "standby",
			     a == MAC_ABSENT ? of_primary : of_standby,
			     a == MAC_ABSENT ? "standby" : "primary");
	else if (!mac_equal(&standby, &primary))
		verdict_find(verdict, object, "the standby has %s, the primary has %s",
			     of_standby, of_primary);
}

static void rule_check_mac_mismatch(const struct topo *topo, struct verdict *verdict)
{
	for (size_t i = 0; i < topo->n_pairs; i++) {
		const struct topo_pair *pair = &topo->pairs[i];

		if (pair->standby && machine_is_virtio_net(pair->standby) &&
		    has_nic_primary(pair))
			compare_macs(topo, pair, verdict);
	}
}

/* ---- mac-not-given ---- */

static void rule_check_mac_not_given(const struct topo *topo, struct verdict *verdict)
{
	for (size_t i = 0; i < topo->n_pairs; i++) {
		const struct topo_pair *pair = &topo->pairs[i];
		char object[96], text[32];
		struct mac mac;

		/* With an emulated primary it is a mismatch. */
		if (!pair->standby || !machine_is_virtio_net(pair->standby) ||
		    has_nic_primary(pair))
			continue;
		if (read_mac(topo, pair->standby, &mac, text) == MAC_ABSENT)
			verdict_find(verdict, topo_pair_name(pair, object),
				     "the standby was given no address (mac=%s)", text);
	}
}

/* ---- mac-invalid ---- */

static void check_mac(const struct topo *topo, const struct topo_pair *pair, const char *what,
		      const struct machine_device *device, struct verdict *verdict)
{
	char object[96], text[32];
	struct mac mac;
	enum mac_state state = read_mac(topo, device, &mac, text);

	topo_pair_name(pair, object);
	if (state == MAC_MALFORMED)
		verdict_find(verdict, object,
			     "the %s has mac=%s, which is not six bytes of two hexadecimal "
			     "digits with colons between",
			     what, text);
	else if (state == MAC_GIVEN && mac_is_multicast(&mac))
		verdict_find(verdict, object,
			     "the %s has mac=%s, which is a multicast address (the lowest bit "
			     "of its first byte is set)",
			     what, text);
	else if (state == MAC_ABSENT && *text)
		verdict_find(verdict, object, "the %s has mac=%s, all zeros", what, text);
}

static void rule_check_mac_invalid(const struct topo *topo, struct verdict *verdict)
{
	for (size_t i = 0; i < topo->n_pairs; i++) {
		const struct topo_pair *pair = &topo->pairs[i];

		if (pair->standby && machine_is_virtio_net(pair->standby))
			check_mac(topo, pair, "standby", pair->standby, verdict);
		if (has_nic_primary(pair))
			check_mac(topo, pair, "primary", pair->primary, verdict);
	}
}

/* ---- mac-duplicate ---- */

static bool is_earlier_standby(const struct topo *topo, size_t index,
			       const struct machine_device *device)
{
	for (size_t i = 0; i < index; i++)
		if (topo->pairs[i].standby == device)
			return true;
	return false;
}

/* Other NICs of this machine; those of pairs are compared once, with the earlier pair. */
static void find_in_machine(const struct topo *topo, size_t index, const struct mac *mac,
			    const char *text, struct verdict *verdict)
{
	const struct topo_pair *pair = &topo->pairs[index];
	char object[96], name[64], theirs[32];

	topo_pair_name(pair, object);
	for (size_t i = 0; i < topo->machine->n_devices; i++) {
		const struct machine_device *device = &topo->machine->devices[i];
		const char *of = machine_pair_id(topo->machine, device);
		struct mac other;

		if (device == pair->standby || device == pair->primary ||
		    (of && machine_find(topo->machine, of)) || !machine_is_nic(device) ||
		    read_mac(topo, device, &other, theirs) != MAC_GIVEN ||
		    !mac_equal(&other, mac) || is_earlier_standby(topo, index, device))
			continue;
		verdict_find(verdict, object, "%s of the same VM has %s as well",
			     machine_device_name(device, name), text);
	}
}

static void find_in_vms(const struct topo *topo, const char *object, const struct mac *mac,
			const char *text, struct verdict *verdict)
{
	for (size_t i = 0; i < topo->n_vms; i++) {
		const struct host_vm *vm = &topo->vms[i];
		bool has = false;

		for (size_t j = 0; j < vm->n_macs; j++)
			has = has || mac_equal(&vm->macs[j], mac);
		if (!has || (topo->vm && str_eq(topo->vm, vm->name)))
			continue;
		if (vm->pid)
			verdict_find(verdict, object,
				     "the VM %s, which runs on this host, has %s as well",
				     vm->name, text);
		else
			verdict_find_as(verdict, SEVERITY_WARNING, object,
					"the VM %s, which is defined on this host and does not "
					"run, has %s as well",
					vm->name, text);
	}
}

/* A VF carries the address on purpose, and a macvtap that of the guest behind it. */
static bool is_meant(const struct host_facts *host, const struct host_link *link)
{
	const struct pci_function *function = *link->pci ? host_find_function(host, link->pci) :
							   NULL;

	return (function && *function->physfn) || str_eq(link->kind, "macvtap") ||
	       str_eq(link->kind, "macvlan");
}

static void find_in_host(const struct host_facts *host, const char *object,
			 const struct mac *mac, const char *text, struct verdict *verdict)
{
	for (size_t i = 0; i < host->n_links; i++) {
		const struct host_link *link = &host->links[i];

		if (mac_equal(&link->mac, mac) && !is_meant(host, link))
			verdict_find(verdict, object,
				     "the interface %s of this host has %s as well", link->name,
				     text);
	}
}

static void rule_check_mac_duplicate(const struct topo *topo, struct verdict *verdict)
{
	const char *missing = topo->host               ? topo->host->links_missing :
			      topo->why_not[TOPO_HOST] ?:
							 "the host was not looked at";

	for (size_t i = 0; i < topo->n_pairs; i++) {
		const struct topo_pair *pair = &topo->pairs[i];
		char object[96], text[32];
		struct mac mac;

		if (!pair->standby || !machine_is_virtio_net(pair->standby) ||
		    read_mac(topo, pair->standby, &mac, text) != MAC_GIVEN)
			continue;
		topo_pair_name(pair, object);
		find_in_machine(topo, i, &mac, text, verdict);
		find_in_vms(topo, object, &mac, text, verdict);
		if (missing)
			verdict_unknown(verdict,
					"only the VM itself was looked at, not the others of "
					"its host, nor the host's own interfaces: %s",
					missing);
		else if (!pair->vfio)
			/* For a VF this is the rule vf-mac-clash. */
			find_in_host(topo->host, object, &mac, text, verdict);
	}
}

const struct rule rules_mac[] = {
	{
		.name = "mac-mismatch",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_PAIR,
		.needs = NEEDS(TOPO_MACHINE),
		.summary = "standby and primary have different MAC addresses",
		.why = "The guest joins a primary with the standby that has the same address, "
		       "and with nothing else. With two addresses it has two unrelated network "
		       "cards, and loses one of them in a migration. Neither QEMU nor libvirt "
		       "compares them.",
		.remedy = "Give both devices the same mac=.",
		.source = "Linux net/core/failover.c: failover_get_bymac()",
		.check = rule_check_mac_mismatch,
	},
	{
		.name = "mac-not-given",
		.severity = SEVERITY_WARNING,
		.scope = SCOPE_PAIR,
		.needs = NEEDS(TOPO_MACHINE),
		.summary = "a standby was given no MAC address",
		.why = "QEMU then invents 52:54:00:12:34:56 for the first network card of a "
		       "VM, the same in every VM, and counts up for the others. Whoever sets "
		       "the primary's address must set it to the same, and another VM on the "
		       "network may have it too.",
		.remedy = "Give the standby mac=, with an address that only this pair has.",
		.source = "QEMU net/net.c: qemu_macaddr_default_if_unset()",
		.check = rule_check_mac_not_given,
	},
	{
		.name = "mac-invalid",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_PAIR,
		.needs = NEEDS(TOPO_MACHINE),
		.summary = "a MAC address is malformed, zero or multicast",
		.why = "QEMU does not start with a malformed address (that of a hidden primary "
		       "it refuses, with a warning, only when the primary is plugged), and takes "
		       "zero for none. A card with a multicast address no guest takes into "
		       "service, and the pair is never whole.",
		.remedy = "Use a unicast address, the same for both devices; locally "
			  "administered ones begin with 52:54:00 by custom.",
		.source = "QEMU hw/core/qdev-properties-system.c: set_mac(); Linux "
			  "include/linux/etherdevice.h: is_valid_ether_addr()",
		.check = rule_check_mac_invalid,
	},
	{
		.name = "mac-duplicate",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_PAIR,
		.needs = NEEDS(TOPO_MACHINE),
		.summary = "another network card has the pair's MAC address (milder: one of a "
			   "VM that does not run)",
		.why = "A bridge delivers an address to one port. In the guest a PCI network "
		       "card of that address that is there from the start is joined with the "
		       "standby in the primary's place, and the primary is left out; of two "
		       "pairs of one address the second is never joined; a virtio card stays "
		       "a second interface with the pair's address.",
		.remedy = "Give every pair and every other network card an address of its own.",
		.source = "Linux net/core/failover.c: failover_get_bymac(); "
			  "drivers/net/net_failover.c: net_failover_slave_pre_register(); "
			  "net/bridge/br_fdb.c",
		.check = rule_check_mac_duplicate,
	},
	{ 0 },
};
