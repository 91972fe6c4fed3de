/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "topology/buses.h"

#include <stdlib.h>

#include "base/json.h"
#include "base/str.h"

void buses_free(struct buses *buses)
{
	if (!buses)
		return;
	free(buses->list);
	free(buses);
}

const struct bus *buses_find(const struct buses *buses, const char *name)
{
	for (size_t i = 0; i < buses->n; i++)
		if (str_eq(buses->list[i].name, name))
			return &buses->list[i];
	return NULL;
}

static const char *reason_against(const struct bus *bus)
{
	if (bus->judged)
		return bus->supported ? NULL : bus->reason;
	if (!str_eq(bus->type, "PCIE"))
		return "conventional PCI: QEMU wants PCI Express for a primary";
	if (bus->root)
		return "a root bus: QEMU unplugs only what is behind a port";
	if (!bus->hotplug)
		return "hot-plugging is off at its port (hotplug=off)";
	if (!*bus->handler)
		return "it has no hot-plug controller: nothing on it can be unplugged";
	if (!bus->partial_unplug)
		return "its hot-plug controller cannot let the guest go without a device "
		       "that QEMU keeps";
	return NULL;
}

bool bus_takes_primary(const struct bus *bus, const char **why)
{
	const char *reason = reason_against(bus);

	if (reason)
		*why = reason;
	return !reason;
}

json_t *bus_json(const struct bus *bus)
{
	const char *reason = reason_against(bus);

	return json_pack("{ss ss ss ss so sb sb sb so ss}", "name", bus->name, "type",
			 bus->type, "owner", bus->owner, "path", bus->path, "handler",
			 json_text_or_null(*bus->handler ? bus->handler : NULL), "hotplug",
			 bus->hotplug, "partial_unplug", bus->partial_unplug, "usable", !reason,
			 "reason", json_text_or_null(reason), "judged_by",
			 bus->judged ? "qemu" : "vmfo");
}
