/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "topology/place.h"

#include <errno.h>
#include <stdio.h>

/* ---- the command line ---- */

/* What the bus behind a device of that driver is; a driver that is not here makes none. */
static const struct {
	const char *driver;
	enum place_kind kind;
} makers[] = {
	{ "pcie-root-port", PLACE_PORT },
	{ "ioh3420", PLACE_PORT },
	{ "xio3130-downstream", PLACE_PORT },
	{ "cxl-rp", PLACE_PORT },
	{ "cxl-downstream", PLACE_PORT },
	{ "pxb-pcie", PLACE_ROOT },
	{ "pxb-cxl", PLACE_ROOT },
	{ "pci-bridge", PLACE_CONVENTIONAL },
	{ "pci-bridge-seat", PLACE_CONVENTIONAL },
	{ "pcie-pci-bridge", PLACE_CONVENTIONAL },
	{ "i82801b11-bridge", PLACE_CONVENTIONAL },
	{ "pxb", PLACE_CONVENTIONAL },
};

static enum place_kind kind_by_driver(const char *driver)
{
	for (size_t i = 0; i < ARRAY_SIZE(makers); i++)
		if (str_eq(makers[i].driver, driver))
			return makers[i].kind;
	return PLACE_UNKNOWN;
}

bool place_is_port(const char *driver)
{
	return kind_by_driver(driver) == PLACE_PORT;
}

static bool is_q35(const char *type)
{
	return type && (str_eq(type, "q35") || str_starts(type, "pc-q35-"));
}

static bool is_i440fx(const char *type)
{
	return type && (str_eq(type, "pc") || str_starts(type, "pc-i440fx-"));
}

/* "pc-q35-7.2" after "pc-q35-".  Return: 0; -ENOENT: it has no version. */
static int machine_version(const char *type, const char *prefix, int *major, int *minor)
{
	if (!str_starts(type, prefix) ||
	    sscanf(type + strlen(prefix), "%3d.%3d", major, minor) != 2)
		return -ENOENT;
	return 0;
}

/*
 * Whether the machine's ports are under ACPI. QEMU has that for the ports that are on
 * pcie.0 from the start, by default since the machine type 6.1.
 */
static enum fact native_by_type(const struct machine *machine,
				const struct machine_device *port)
{
	int major, minor;

	if (!is_q35(machine->type) || !port->bus || !str_eq(port->bus, "pcie.0"))
		return FACT_UNKNOWN;
	for (size_t i = 0; i < machine->n_globals; i++) {
		const struct machine_global *global = &machine->globals[i];

		if (str_eq(global->driver, "ICH9-LPC") &&
		    str_eq(global->property, "acpi-pci-hotplug-with-bridge-support"))
			return str_eq(global->value, "off") || str_eq(global->value, "no") ||
					       str_eq(global->value, "false") ?
				       FACT_YES :
				       FACT_NO;
	}
	if (machine_version(machine->type, "pc-q35-", &major, &minor) < 0)
		return FACT_UNKNOWN;
	return major > 6 || (major == 6 && minor >= 1) ? FACT_NO : FACT_YES;
}

/* By the name of the machine's own bus, which QEMU also takes where none is given. */
static void place_on_root(const struct machine *machine, struct place *place)
{
	const char *type = machine->type;

	if (place->chosen && is_q35(type))
		place->bus = "pcie.0";
	if (place->chosen && is_i440fx(type))
		place->bus = "pci.0";
	if (place->bus && str_eq(place->bus, "pcie.0"))
		place->kind = is_i440fx(type) ? PLACE_MISSING : PLACE_ROOT;
	else if (place->bus && str_eq(place->bus, "pci.0"))
		place->kind = is_q35(type) ? PLACE_MISSING : PLACE_CONVENTIONAL;
}

static void place_by_text(const struct topo *topo, struct place *place)
{
	const struct machine *machine = topo->machine;

	if (place->port) {
		place->kind = kind_by_driver(place->port->driver);
		if (place->kind != PLACE_PORT)
			return;
		place->hotplug = machine_bool(machine, place->port, "hotplug", true) ?
					 FACT_YES :
					 FACT_NO;
		place->native = native_by_type(machine, place->port);
		return;
	}
	place_on_root(machine, place);
}

/* ---- what QEMU said ---- */

static void place_by_bus(const struct bus *bus, struct place *place)
{
	place->bus = bus->name;
	place->told = bus;
	if (!str_eq(bus->type, "PCIE")) {
		place->kind = PLACE_CONVENTIONAL;
		return;
	}
	place->kind = bus->root ? PLACE_ROOT : PLACE_PORT;
	place->hotplug = bus->hotplug && *bus->handler ? FACT_YES : FACT_NO;
	place->native = bus->native ? FACT_YES : FACT_NO;
}

/* Whether more devices are in files that nothing here reads. */
static bool reads_config(const struct machine *machine)
{
	for (size_t i = 0; i < machine->passed_over.n; i++)
		if (str_starts(machine->passed_over.v[i], "-readconfig "))
			return true;
	return false;
}

struct place place_of(const struct topo *topo, const struct machine_device *device)
{
	const struct bus *bus = topo_bus_of(topo, device);
	struct place place = {
		.bus = device->bus,
		.chosen = !device->bus,
		.port = device->bus ? machine_find(topo->machine, device->bus) : NULL,
		.hotplug = FACT_UNKNOWN,
		.native = FACT_UNKNOWN,
		.why = topo->why_not[TOPO_BUSES] ?: "its buses were not asked for",
	};

	if (bus)
		place_by_bus(bus, &place);
	else
		place_by_text(topo, &place);
	/* All buses are known, and this is none of them. */
	if (place.kind == PLACE_UNKNOWN && topo->buses && device->bus && !place.port)
		place.kind = PLACE_MISSING;
	if (place.kind == PLACE_MISSING && reads_config(topo->machine)) {
		place.kind = PLACE_UNKNOWN;
		place.why = "a file of -readconfig may make its bus";
	}
	return place;
}

/* ---- asking ---- */

const char *place_name(const struct place *place)
{
	return place->bus ?: "the machine's root bus";
}

int place_slot(const struct place *place, const struct machine_device *device, int *slot,
	       int *function)
{
	*slot = *function = 0;
	if (device->addr)
		return machine_parse_addr(device->addr, slot, function);
	return place->kind == PLACE_PORT ? 0 : -ENOENT;
}

bool place_same_bus(const struct place *a, const struct place *b)
{
	return a->bus && b->bus && str_eq(a->bus, b->bus);
}
