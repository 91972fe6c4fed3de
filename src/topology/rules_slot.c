/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Where the pair's two devices are plugged.
 */
#include <stdio.h>

#include "topology/place.h"
#include "topology/rule.h"

/* ---- the nature of the bus ---- */

static void say_unknown(const struct topo_pair *pair, const struct place *place,
			struct verdict *verdict)
{
	char object[96];

	verdict_unknown(verdict, "%s: what the bus %s is: %s", topo_pair_name(pair, object),
			place_name(place), place->why);
}

/*
 * Whether QEMU itself says that a primary can be on this bus.  Return: FACT_UNKNOWN: it has no
 * word on that, and what the bus is decides. why: set to its reason with FACT_NO, else "".
 */
static enum fact ask_verdict(const struct place *place, const char **why)
{
	*why = "";
	if (!place->told || !place->told->judged)
		return FACT_UNKNOWN;
	return bus_takes_primary(place->told, why) ? FACT_YES : FACT_NO;
}

/* A QEMU that judges buses itself, and could not be asked about those of this machine. */
static bool may_take_conventional(const struct topo *topo, const struct place *place)
{
	return place->kind == PLACE_CONVENTIONAL && !place->told && topo->qemu &&
	       topo->qemu->patches.failover_buses;
}

static void rule_check_primary_not_pcie(const struct topo *topo, struct verdict *verdict)
{
	for (size_t i = 0; i < topo->n_pairs; i++) {
		const struct topo_pair *pair = &topo->pairs[i];
		char object[96], name[64];
		struct place place;
		const char *why;

		if (!pair->primary)
			continue;
		place = place_of(topo, pair->primary);
		if (place.kind == PLACE_UNKNOWN || may_take_conventional(topo, &place))
			say_unknown(pair, &place, verdict);
		else if (place.kind == PLACE_CONVENTIONAL &&
			 ask_verdict(&place, &why) != FACT_YES)
			verdict_find(verdict, topo_pair_name(pair, object),
				     "%s is on %s, which is a conventional PCI bus%s%s",
				     machine_device_name(pair->primary, name),
				     place_name(&place), *why ? "; QEMU says: " : "", why);
	}
}

static void check_bus(const struct topo *topo, const struct topo_pair *pair,
		      const struct machine_device *device, struct verdict *verdict)
{
	struct place place = place_of(topo, device);
	char object[96], name[64];

	if (place.kind == PLACE_MISSING)
		verdict_find(verdict, topo_pair_name(pair, object),
			     "%s has bus=%s, and the machine has no such bus",
			     machine_device_name(device, name), place_name(&place));
	else if (place.kind == PLACE_UNKNOWN && !place.chosen && !place.port)
		say_unknown(pair, &place, verdict);
}

static void rule_check_bus_missing(const struct topo *topo, struct verdict *verdict)
{
	for (size_t i = 0; i < topo->n_pairs; i++) {
		const struct topo_pair *pair = &topo->pairs[i];

		if (pair->standby)
			check_bus(topo, pair, pair->standby, verdict);
		if (pair->primary)
			check_bus(topo, pair, pair->primary, verdict);
	}
}

static void rule_check_primary_not_hotpluggable(const struct topo *topo,
						struct verdict *verdict)
{
	for (size_t i = 0; i < topo->n_pairs; i++) {
		const struct topo_pair *pair = &topo->pairs[i];
		char object[96], name[64];
		struct place place;
		enum fact there;
		const char *why;

		if (!pair->primary)
			continue;
		place = place_of(topo, pair->primary);
		there = ask_verdict(&place, &why);
		topo_pair_name(pair, object);
		machine_device_name(pair->primary, name);
		if (str_eq(pair->primary->driver, "vfio-pci-nohotplug"))
			verdict_find(verdict, object,
				     "%s is a vfio-pci-nohotplug, which QEMU neither plugs nor "
				     "unplugs while the VM runs",
				     name);
		else if (there == FACT_YES)
			continue;
		else if (place.kind == PLACE_ROOT)
			verdict_find(verdict, object,
				     "%s is on %s, a root complex, where no guest plugs or "
				     "unplugs anything",
				     name, place_name(&place));
		else if (place.kind == PLACE_PORT && place.hotplug == FACT_NO)
			verdict_find(verdict, object, "%s is on the port %s, which has %s",
				     name, place_name(&place),
				     place.port && !machine_bool(topo->machine, place.port,
								 "hotplug", true) ?
					     "hotplug=off" :
					     "no hot-plug controller");
		else if (place.kind == PLACE_PORT && there == FACT_NO)
			verdict_find(verdict, object, "%s is on the port %s; QEMU says: %s",
				     name, place_name(&place), why);
		else if (place.kind == PLACE_UNKNOWN)
			say_unknown(pair, &place, verdict);
	}
}

static void rule_check_hotplug_mode(const struct topo *topo, struct verdict *verdict)
{
	for (size_t i = 0; i < topo->n_pairs; i++) {
		const struct topo_pair *pair = &topo->pairs[i];
		struct place place;
		char object[96];

		if (!pair->primary)
			continue;
		place = place_of(topo, pair->primary);
		topo_pair_name(pair, object);
		if (place.kind == PLACE_UNKNOWN)
			say_unknown(pair, &place, verdict);
		else if (place.kind != PLACE_PORT || place.hotplug != FACT_YES)
			continue; /* there is no hot-plug: a finding of its own */
		else if (place.native == FACT_YES)
			verdict_find(verdict, object,
				     "the slot of %s is under PCI Express's own hot-plug: an "
				     "unplug takes 6 s and more",
				     place_name(&place));
		else if (place.native == FACT_NO)
			verdict_find_as(
				verdict, SEVERITY_INFO, object,
				"the slot of %s is under ACPI hot-plug: an unplug takes "
				"well under a second",
				place_name(&place));
		else
			verdict_unknown(
				verdict,
				"%s: whether ACPI or PCI Express's own hot-plug has the "
				"slot of %s: %s",
				object, place_name(&place), place.why);
	}
}

/* ---- slot and function ---- */

static void rule_check_primary_multifunction(const struct topo *topo, struct verdict *verdict)
{
	for (size_t i = 0; i < topo->n_pairs; i++) {
		const struct topo_pair *pair = &topo->pairs[i];
		const struct machine_device *primary = pair->primary;
		char object[96], name[64];
		int slot, function;

		if (!primary)
			continue;
		topo_pair_name(pair, object);
		machine_device_name(primary, name);
		if (machine_bool(topo->machine, primary, "multifunction", false))
			verdict_find(verdict, object, "%s has multifunction=on", name);
		if (primary->addr && machine_parse_addr(primary->addr, &slot, &function) == 0 &&
		    function != 0)
			verdict_find(verdict, object, "%s has addr=%s, function %d", name,
				     primary->addr, function);
		if (str_eq(primary->driver, "igb"))
			verdict_find(verdict, object,
				     "%s is an igb, whose virtual functions are in its slot",
				     name);
	}
}

static void check_slot(const struct topo *topo, const struct topo_pair *pair,
		       const struct machine_device *device, struct verdict *verdict)
{
	struct place place = place_of(topo, device);
	char object[96], name[64];
	int slot, function;

	if (!device->addr)
		return;
	topo_pair_name(pair, object);
	machine_device_name(device, name);
	if (machine_parse_addr(device->addr, &slot, &function) < 0)
		verdict_find(verdict, object, "%s has addr=%s, which is no slot and function",
			     name, device->addr);
	else if (place.kind == PLACE_PORT && slot != 0)
		verdict_find(verdict, object,
			     "%s has addr=%s, slot %d of the port %s, which has only slot 0",
			     name, device->addr, slot, place_name(&place));
	else if (place.kind == PLACE_UNKNOWN && slot != 0)
		say_unknown(pair, &place, verdict);
}

static void rule_check_slot_invalid(const struct topo *topo, struct verdict *verdict)
{
	for (size_t i = 0; i < topo->n_pairs; i++) {
		const struct topo_pair *pair = &topo->pairs[i];

		if (pair->standby)
			check_slot(topo, pair, pair->standby, verdict);
		if (pair->primary)
			check_slot(topo, pair, pair->primary, verdict);
	}
}

/*
 * Whether two devices on one bus are in one slot, or would be: of a port's only slot the
 * second of them gets no part that a guest sees, unless it is another function on purpose.
 */
static bool share_slot(const struct place *place, const struct machine_device *a,
		       const struct machine_device *b, bool functions_too)
{
	int slot_a, slot_b, function_a, function_b;

	if (place_slot(place, a, &slot_a, &function_a) < 0 ||
	    place_slot(place, b, &slot_b, &function_b) < 0)
		return false;
	if (place->kind != PLACE_PORT && slot_a != slot_b)
		return false;
	return functions_too || function_a == function_b;
}

static void check_sharing(const struct topo *topo, const struct topo_pair *pair,
			  const struct machine_device *device, struct verdict *verdict)
{
	struct place place = place_of(topo, device);
	char object[96], name[64], other_name[64];

	for (size_t i = 0; i < topo->machine->n_devices; i++) {
		const struct machine_device *other = &topo->machine->devices[i];
		struct place theirs;

		/* The two of a pair meet once, seen from the primary. */
		if (other == device || (device == pair->standby && other == pair->primary))
			continue;
		/* Most name another bus, and need no search for it. */
		if (other->bus && place.bus && !str_eq(other->bus, place.bus))
			continue;
		theirs = place_of(topo, other);
		if (!place_same_bus(&place, &theirs))
			continue;
		if (share_slot(&place, device, other, device == pair->primary))
			verdict_find(verdict, topo_pair_name(pair, object),
				     "%s and %s are in one slot of %s",
				     machine_device_name(device, name),
				     machine_device_name(other, other_name),
				     place_name(&place));
		else if (place.kind == PLACE_UNKNOWN && (!device->addr || !other->addr))
			say_unknown(pair, &place, verdict);
	}
}

static void rule_check_slot_shared(const struct topo *topo, struct verdict *verdict)
{
	for (size_t i = 0; i < topo->n_pairs; i++) {
		const struct topo_pair *pair = &topo->pairs[i];

		if (pair->primary)
			check_sharing(topo, pair, pair->primary, verdict);
		if (pair->standby)
			check_sharing(topo, pair, pair->standby, verdict);
	}
}

const struct rule rules_slot[] = {
	{
		.name = "bus-missing",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_PAIR,
		.needs = NEEDS(TOPO_MACHINE),
		.summary = "a device of a pair is on a bus that the machine does not have",
		.why = "QEMU does not start with it (\"Bus '…' not found\").",
		.remedy = "Add the port, with that id and before the device, or correct the "
			  "device's bus=.",
		.source = "QEMU softmmu/qdev-monitor.c, system/qdev-monitor.c: qbus_find()",
		.check = rule_check_bus_missing,
	},
	{
		.name = "primary-not-pcie",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_PAIR,
		.needs = NEEDS(TOPO_MACHINE),
		.summary = "a primary is on a conventional PCI bus",
		.why = "QEMU takes a primary only on PCI Express (\"failover primary device must "
		       "be on PCIExpress bus\"). It refuses it only when the guest agrees to "
		       "failover, and then with no more than a warning. One that has "
		       "query-pci-failover-buses also takes it on a bus that is under ACPI "
		       "hot-plug, as that of the machine type pc is, and is asked; on others, "
		       "such as SHPC's, it does not start with it.",
		.remedy = "Use a q35 machine, and a pcie-root-port of its own for the primary.",
		.source = "QEMU hw/pci/pci.c: pci_qdev_realize(); qemu-patches/, QMP "
			  "query-pci-failover-buses",
		.check = rule_check_primary_not_pcie,
	},
	{
		.name = "primary-not-hotpluggable",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_PAIR,
		.needs = NEEDS(TOPO_MACHINE),
		.summary = "a primary is where nothing can be plugged or unplugged",
		.why = "A primary is plugged when the guest agrees to failover and unplugged "
		       "before every migration. Where that is impossible QEMU does not start "
		       "or, in its older versions on pcie.0, warns when the guest agrees, and "
		       "goes on without the primary. One that is there all the same, made "
		       "before its standby, stays attached in a migration, and the guest loses "
		       "a VF without notice; a QEMU that has query-pci-failover-buses does not "
		       "start with it.",
		.remedy = "Give the primary a pcie-root-port of its own, without hotplug=off: "
			  "-device pcie-root-port,id=rp1,bus=pcie.0,addr=0x3,chassis=1,slot=1, "
			  "and bus=rp1 for the primary.",
		.source = "QEMU hw/net/virtio-net.c: failover_unplug_primary(); "
			  "docs/pcie.txt",
		.check = rule_check_primary_not_hotpluggable,
	},
	{
		.name = "hotplug-mode",
		.severity = SEVERITY_WARNING,
		.scope = SCOPE_PAIR,
		.needs = NEEDS(TOPO_MACHINE),
		.summary =
			"a primary's slot is under PCI Express's own hot-plug, which is slow "
			"(information where it is under ACPI's)",
		.why = "With PCI Express's own hot-plug the guest waits for 5 s after the "
		       "attention button in case somebody presses it again, and at least 1 s "
		       "for the power to go; an unplug that comes while the indicator still "
		       "blinks is refused. With ACPI none of this is so.",
		.remedy = "Leave ACPI hot-plug on, as it is for ports on pcie.0 since the "
			  "machine type pc-q35-6.1 "
			  "(ICH9-LPC.acpi-pci-hotplug-with-bridge-support), or allow for the "
			  "time in the migration's --unplug-timeout.",
		.source = "QEMU hw/pci/pcie.c, hw/acpi/ich9.c; Linux "
			  "drivers/pci/hotplug/pciehp_ctrl.c",
		.check = rule_check_hotplug_mode,
	},
	{
		.name = "primary-multifunction",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_PAIR,
		.needs = NEEDS(TOPO_MACHINE),
		.summary = "a primary is not the only function of its slot",
		.why = "Guests unplug slots, not functions. QEMU refuses such a primary "
		       "(\"failover: primary device must be in its own PCI slot\"), only when "
		       "the guest agrees to failover, and with no more than a warning. One "
		       "that has query-pci-failover-buses does not start with "
		       "multifunction=on, or another function in addr=.",
		.remedy =
			"Remove multifunction=on, and the function from addr=; instead of igb "
			"use e1000e.",
		.source = "QEMU hw/pci/pci.c: pci_qdev_realize()",
		.check = rule_check_primary_multifunction,
	},
	{
		.name = "slot-invalid",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_PAIR,
		.needs = NEEDS(TOPO_MACHINE),
		.summary = "a device of a pair is given a slot that its bus does not have",
		.why = "A PCI Express port has one slot, number 0. QEMU puts a device into "
		       "another one if it is told to, and no guest ever looks there; an address "
		       "that it cannot read it refuses.",
		.remedy =
			"Remove addr= from the device, or write addr=0x0. What is to be placed "
			"is its port.",
		.source = "PCI Express Base Specification, 7.3.1; QEMU hw/pci/pci.c: "
			  "do_pci_register_device()",
		.check = rule_check_slot_invalid,
	},
	{
		.name = "slot-shared",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_PAIR,
		.needs = NEEDS(TOPO_MACHINE),
		.summary = "a device of a pair shares its slot",
		.why = "A slot is plugged and unplugged as a whole: what shares it with a "
		       "primary goes with it. And a port has one slot: QEMU refuses a second "
		       "device there, or puts it where no guest looks.",
		.remedy = "Give the standby, the primary and every other device a "
			  "pcie-root-port of its own.",
		.source = "QEMU hw/pci/pci.c: pci_qdev_realize(), do_pci_register_device(); "
			  "hw/acpi/pcihp.c: acpi_pcihp_eject_slot()",
		.check = rule_check_slot_shared,
	},
	{ 0 },
};
