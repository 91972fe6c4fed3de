/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Where a device of a machine is plugged: as QEMU said of its buses, or, as far as that is
 * certain, by what the command line says of them.
 */
#ifndef VMFO_TOPOLOGY_PLACE_H
#define VMFO_TOPOLOGY_PLACE_H

#include "topology/topo.h"

enum place_kind {
	PLACE_UNKNOWN,
	PLACE_MISSING,      /* the machine has no such bus */
	PLACE_CONVENTIONAL, /* conventional PCI: the root bus of "pc", behind a bridge */
	PLACE_ROOT,         /* PCI Express, the machine's own root complex or that of a pxb */
	PLACE_PORT,         /* behind a PCI Express port: one slot, number 0 */
};

struct place {
	enum place_kind kind;
	const char *bus; /* its name; borrowed; NULL: not even that is known */
	bool chosen;     /* by QEMU: the device names no bus */
	/* The device that makes the bus; NULL: it is the machine's own, or unknown. */
	const struct machine_device *port;
	const struct bus *told; /* what QEMU said of the bus; NULL: it was not asked */
	enum fact hotplug;      /* of a port: it has hot-plug, as far as its properties say */
	enum fact native;       /* hot-plug is PCI Express's own, not ACPI's */
	const char *why;        /* something is unknown; static or borrowed */
};

struct place place_of(const struct topo *topo, const struct machine_device *device);

/* "rp0", "the machine's root bus" where the name is unknown. */
const char *place_name(const struct place *place);

/*
 * Slot and function that a device was given, 0 where a port leaves no choice.
 * Return: 0; -ENOENT: QEMU chooses; -EINVAL: no address.
 */
int place_slot(const struct place *place, const struct machine_device *device, int *slot,
	       int *function);

/* Whether both are surely plugged into one bus. */
bool place_same_bus(const struct place *a, const struct place *b);

/* Whether a driver is a PCI Express port: one slot for one device. */
bool place_is_port(const char *driver);

#endif
