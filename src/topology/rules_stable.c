/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The ports of the pair's devices: whether all is in the same place on two hosts, and where
 * QEMU starts and a guest looks.
 */
#include <stdio.h>
#include <stdlib.h>

#include "topology/place.h"
#include "topology/rule.h"

/* ---- slot-not-stable ---- */

static void check_stable(const struct topo *topo, const struct topo_pair *pair,
			 const struct machine_device *device, struct verdict *verdict)
{
	struct place place = place_of(topo, device);
	char object[96], name[64], port[64];

	topo_pair_name(pair, object);
	machine_device_name(device, name);
	if (place.chosen)
		verdict_find(verdict, object,
			     "%s has no bus=: QEMU takes the machine's own bus%s%s%s", name,
			     place.bus ? " " : "", place.bus ?: "",
			     device->addr ? "" : ", and the first slot there that is free");
	else if (place.kind == PLACE_PORT && place.port && !place.port->addr)
		verdict_find_as(
			verdict, SEVERITY_WARNING, object,
			"%s is on the port %s, which has no addr=: QEMU takes the first "
			"slot that is free",
			name, machine_device_name(place.port, port));
	else if ((place.kind == PLACE_ROOT || place.kind == PLACE_CONVENTIONAL) &&
		 !device->addr)
		verdict_find_as(verdict, SEVERITY_WARNING, object,
				"%s is on %s and has no addr=: QEMU takes the first slot there "
				"that is free",
				name, place_name(&place));
	else if (place.kind == PLACE_UNKNOWN && !device->addr)
		verdict_unknown(verdict, "%s: what the bus %s is: %s", object,
				place_name(&place), place.why);
}

static void rule_check_slot_not_stable(const struct topo *topo, struct verdict *verdict)
{
	for (size_t i = 0; i < topo->n_pairs; i++) {
		const struct topo_pair *pair = &topo->pairs[i];

		if (topo->machine->running) {
			verdict_unknown(verdict,
					"the machine was read from a running QEMU, which does "
					"not say which slots it was told and which it chose");
			return;
		}
		if (pair->standby)
			check_stable(topo, pair, pair->standby, verdict);
		if (pair->primary)
			check_stable(topo, pair, pair->primary, verdict);
	}
}

/* ---- port-slot-shared ---- */

static long number_of(const struct machine *machine, const struct machine_device *device,
		      const char *property)
{
	char number[32];
	const char *text = machine_text(machine, device, property, number);

	return text ? strtol(text, NULL, 0) : 0;
}

static void rule_check_port_slot_shared(const struct topo *topo, struct verdict *verdict)
{
	const struct machine *machine = topo->machine;

	for (size_t i = 0; i < machine->n_devices; i++) {
		const struct machine_device *port = &machine->devices[i];
		char object[96], name[64], other[64];
		long chassis, slot;

		if (!place_is_port(port->driver))
			continue;
		chassis = number_of(machine, port, "chassis");
		slot = number_of(machine, port, "slot");
		snprintf(object, sizeof(object), "port %s", machine_device_name(port, name));
		for (size_t j = 0; j < i; j++) {
			const struct machine_device *earlier = &machine->devices[j];

			if (!place_is_port(earlier->driver) ||
			    number_of(machine, earlier, "chassis") != chassis ||
			    number_of(machine, earlier, "slot") != slot)
				continue;
			verdict_find(verdict, object,
				     "%s and %s both have chassis %ld and slot %ld", name,
				     machine_device_name(earlier, other), chassis, slot);
			break;
		}
	}
}

/* ---- port-without-function-0 ---- */

/*
 * Whether something is function 0 of a slot of bus. Of devices that QEMU places only one with
 * multifunction=on can be: UNKNOWN. Another it refuses there.
 */
static enum fact has_function_0(const struct topo *topo, const struct place *bus, int slot)
{
	enum fact known = FACT_NO;

	for (size_t i = 0; i < topo->machine->n_devices; i++) {
		const struct machine_device *device = &topo->machine->devices[i];
		struct place place = place_of(topo, device);
		int its_slot, function;

		if (!place_same_bus(&place, bus))
			continue;
		if (!device->addr &&
		    machine_bool(topo->machine, device, "multifunction", false))
			known = FACT_UNKNOWN;
		else if (machine_parse_addr(device->addr, &its_slot, &function) == 0 &&
			 its_slot == slot && function == 0)
			return FACT_YES;
	}
	return known;
}

static void check_port(const struct topo *topo, const struct topo_pair *pair,
		       const struct machine_device *device, struct verdict *verdict)
{
	const struct place place = place_of(topo, device);
	struct place bus;
	int slot, function;
	enum fact has;
	char object[96], name[64];

	if (place.kind != PLACE_PORT || !place.port || !place.port->addr ||
	    machine_parse_addr(place.port->addr, &slot, &function) < 0 || function == 0)
		return;
	bus = place_of(topo, place.port);
	has = has_function_0(topo, &bus, slot);
	topo_pair_name(pair, object);
	machine_device_name(place.port, name);
	if (has == FACT_NO)
		verdict_find(verdict, object,
			     "the port %s has addr=%s, and no device is function 0 of slot %d "
			     "of %s",
			     name, place.port->addr, slot, place_name(&bus));
	else if (has == FACT_UNKNOWN)
		verdict_unknown(
			verdict,
			"%s: whether a device is function 0 of the slot of the port %s: "
			"QEMU chooses the slots of some devices on %s",
			object, name, place_name(&bus));
}

static void rule_check_port_without_function_0(const struct topo *topo, struct verdict *verdict)
{
	for (size_t i = 0; i < topo->n_pairs; i++) {
		const struct topo_pair *pair = &topo->pairs[i];

		if (pair->standby)
			check_port(topo, pair, pair->standby, verdict);
		if (pair->primary)
			check_port(topo, pair, pair->primary, verdict);
	}
}

const struct rule rules_stable[] = {
	{
		.name = "slot-not-stable",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_PAIR,
		.needs = NEEDS(TOPO_MACHINE),
		.summary =
			"QEMU chooses the slot of a device of a pair (milder: only the slot, "
			"not the bus)",
		.why = "Where QEMU chooses, the place depends on every other device of the "
		       "command line, on the default devices of that version, and on what was "
		       "plugged since. If it is another one at the target, the migration fails "
		       "(\"Unknown savevm section or instance\"), or, worse, two network cards "
		       "of the guest change places, and each goes on in the other's network.",
		.remedy = "Give each device of the pair bus= with a pcie-root-port of its own, "
			  "and the port bus=pcie.0,addr=0x2,chassis=1,slot=1 with numbers that "
			  "no other has; start QEMU with -nodefaults.",
		.source = "QEMU docs/pcie.txt; hw/pci/pci.c: do_pci_register_device(); "
			  "migration/savevm.c",
		.check = rule_check_slot_not_stable,
	},
	{
		.name = "port-slot-shared",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_PAIR,
		.needs = NEEDS(TOPO_MACHINE),
		.summary = "two PCI Express ports have one chassis and slot number",
		.why = "The two numbers together name a slot to the guest. QEMU does not start "
		       "with a pair of them that is taken (\"Can't add chassis slot\"); not "
		       "given they are 0.",
		.remedy = "Give each port a chassis= or slot= that no other has.",
		.source = "QEMU hw/pci/pcie_port.c: pcie_chassis_add_slot(); docs/pcie.txt",
		.check = rule_check_port_slot_shared,
	},
	{
		.name = "port-without-function-0",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_PAIR,
		.needs = NEEDS(TOPO_MACHINE),
		.summary = "the port of a device of a pair is in a slot that has no function 0",
		.why = "A guest looks at function 0 of a slot first, and at the others only if "
		       "that is there: it sees neither this port nor what is behind it.",
		.remedy = "Give one port of that slot function 0 and multifunction=on "
			  "(addr=0x2.0), or each port a slot of its own.",
		.source =
			"PCI Local Bus Specification 3.0, 3.2.2.3.4; Linux drivers/pci/probe.c: "
			"pci_scan_slot()",
		.check = rule_check_port_without_function_0,
	},
	{ 0 },
};
