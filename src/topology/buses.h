/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The PCI buses of a QEMU machine, and which of them can hold a primary.
 * Source: QEMU qom-get "hotplug-handler", "type"; hw/pci/pcie.c, hw/acpi/pcihp.c,
 * hw/pci/shpc.c; query-pci-failover-buses of qemu-patches/.
 */
#ifndef VMFO_TOPOLOGY_BUSES_H
#define VMFO_TOPOLOGY_BUSES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct bus {
	char name[80];    /* "pcie.0"; a port's bus has the port's id */
	char type[32];    /* "PCIE", "PCI": the kind; "pxb-pcie-bus" is a PCIE */
	char owner[64];   /* QOM type of the bridge or host bridge: "pcie-root-port" */
	char path[128];   /* QOM path; one that is longer is cut */
	char handler[64]; /* QOM type of its hot-plug handler: "ICH9-LPC"; "": none */
	bool root;        /* the machine's own, or of a pxb: not behind a port */
	bool hotplug;     /* the port's property; true where it has none */
	/*
	 * The handler is of a kind that lets a guest go without a device while QEMU keeps it:
	 * ACPI (PIIX4_PM, ICH9-LPC) or a PCIe slot. SHPC, s390 and sPAPR are not.
	 */
	bool partial_unplug;
	bool native; /* a PCIe slot is its handler: attention button, 5 s */
	/* A QEMU that has query-pci-failover-buses says itself if a primary can be here. */
	bool judged;
	bool supported;   /* judged: what it said */
	char reason[256]; /* judged, and not supported: why, in its words */
};

struct buses {
	char machine[64]; /* the machine type that they are of */
	/* The machine's own root bus first, other root buses, then the rest by name. */
	struct bus *list;
	size_t n;
};

void buses_free(struct buses *buses);                                      /* takes NULL */
const struct bus *buses_find(const struct buses *buses, const char *name); /* NULL: none */

/*
 * Whether a primary can be there, by QEMU's own word where it has given one. why: set if not;
 * static, or the bus's.
 */
bool bus_takes_primary(const struct bus *bus, const char **why);

/*
 * {name, type, owner, path, handler|null, hotplug, partial_unplug, usable, reason|null,
 * judged_by}; the last is "qemu" or "vmfo".
 */
json_t *bus_json(const struct bus *bus);

#endif
