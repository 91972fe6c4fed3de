/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Whether standby and primary find each other: by their ids, and in their order.
 */
#include <stdio.h>

#include "topology/rule.h"

#define HIDE "QEMU hw/net/virtio-net.c: failover_hide_primary_device()"

static void rule_check_standby_missing(const struct topo *topo, struct verdict *verdict)
{
	for (size_t i = 0; i < topo->n_pairs; i++) {
		const struct topo_pair *pair = &topo->pairs[i];
		char object[96], name[64];

		if (!pair->primary)
			continue;
		topo_pair_name(pair, object);
		machine_device_name(pair->primary, name);
		if (!pair->standby)
			verdict_find(verdict, object,
				     "%s has failover_pair_id=%s, and no device has that id",
				     name, pair->id);
		else if (!machine_is_virtio_net(pair->standby))
			verdict_find(verdict, object,
				     "%s has failover_pair_id=%s, which is a %s and no "
				     "virtio-net PCI device",
				     name, pair->id, pair->standby->driver);
	}
}

static void rule_check_standby_not_failover(const struct topo *topo, struct verdict *verdict)
{
	for (size_t i = 0; i < topo->n_pairs; i++) {
		const struct topo_pair *pair = &topo->pairs[i];
		char object[96], name[64], value[32];
		const char *given;

		if (!pair->primary || !pair->standby || !machine_is_virtio_net(pair->standby) ||
		    machine_bool(topo->machine, pair->standby, "failover", false))
			continue;
		given = machine_text(topo->machine, pair->standby, "failover", value);
		verdict_find(verdict, topo_pair_name(pair, object),
			     "%s names %s as its standby, and that has %s%s",
			     machine_device_name(pair->primary, name), pair->id,
			     given ? "failover=" : "no failover=on", given ?: "");
	}
}

static void rule_check_standby_without_id(const struct topo *topo, struct verdict *verdict)
{
	for (size_t i = 0; i < topo->n_pairs; i++) {
		const struct topo_pair *pair = &topo->pairs[i];
		char object[96];

		if (pair->standby && !pair->standby->id)
			verdict_find(verdict, topo_pair_name(pair, object),
				     "%s has failover=on and no id", pair->standby->driver);
	}
}

static void rule_check_primary_without_id(const struct topo *topo, struct verdict *verdict)
{
	for (size_t i = 0; i < topo->machine->n_devices; i++) {
		const struct machine_device *device = &topo->machine->devices[i];
		const char *id = machine_pair_id(topo->machine, device);
		char object[96], name[64];

		if (!id || device->id)
			continue;
		snprintf(object, sizeof(object), "pair %s", id);
		verdict_find(verdict, object, "%s has failover_pair_id=%s and no id",
			     machine_device_name(device, name), id);
	}
}

/* Every primary, so that a second one of a standby is seen as well. */
static void rule_check_primary_before_standby(const struct topo *topo, struct verdict *verdict)
{
	const struct machine *machine = topo->machine;

	for (size_t i = 0; i < machine->n_devices; i++) {
		const struct machine_device *device = &machine->devices[i];
		const char *id = machine_pair_id(machine, device);
		const struct machine_device *standby = id ? machine_find(machine, id) : NULL;
		char object[96], name[64];

		if (!standby)
			continue;
		if (machine->running) {
			verdict_unknown(verdict,
					"the machine was read from a running QEMU, which does "
					"not say in which order it made its devices");
			return;
		}
		if (device->order > standby->order)
			continue;
		snprintf(object, sizeof(object), "pair %s", id);
		if (device->position > standby->position)
			verdict_find(verdict, object,
				     "%s (argument %zu) is made before its standby (argument "
				     "%zu): QEMU makes devices that are given as JSON after "
				     "all others",
				     machine_device_name(device, name), device->position,
				     standby->position);
		else
			verdict_find(verdict, object,
				     "%s (argument %zu) comes before its standby (argument "
				     "%zu)",
				     machine_device_name(device, name), device->position,
				     standby->position);
	}
}

static void rule_check_standby_without_primary(const struct topo *topo, struct verdict *verdict)
{
	for (size_t i = 0; i < topo->n_pairs; i++) {
		const struct topo_pair *pair = &topo->pairs[i];
		char object[96];

		if (pair->primary || !pair->standby || pair->def)
			continue;
		topo_pair_name(pair, object);
		/* It may still be hidden, and is then not to be seen. */
		if (topo->machine->running)
			verdict_unknown(verdict,
					"%s: a running QEMU does not show a primary that it "
					"hides",
					object);
		else
			verdict_find(verdict, object, "no device has failover_pair_id=%s",
				     pair->id ?: "(the standby has no id)");
	}
}

static void rule_check_primary_shared(const struct topo *topo, struct verdict *verdict)
{
	const struct machine *machine = topo->machine;

	for (size_t i = 0; i < machine->n_devices; i++) {
		const struct machine_device *device = &machine->devices[i];
		const char *id = machine_pair_id(machine, device);
		char object[96], first[64], second[64];

		for (size_t j = 0; id && j < i; j++) {
			const char *other = machine_pair_id(machine, &machine->devices[j]);

			if (!other || !str_eq(other, id))
				continue;
			snprintf(object, sizeof(object), "pair %s", id);
			verdict_find(verdict, object, "%s and %s both have failover_pair_id=%s",
				     machine_device_name(&machine->devices[j], first),
				     machine_device_name(device, second), id);
			break;
		}
	}
}

const struct rule rules_pair[] = {
	{
		.name = "standby-missing",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_PAIR,
		.needs = NEEDS(TOPO_MACHINE),
		.summary = "a primary names a standby that does not exist",
		.why = "QEMU hides a primary until the guest of its standby has agreed to "
		       "failover, and asks for it back before a migration. Without the standby "
		       "it is plugged at once, like any other device, and nobody asks the guest "
		       "to let go of it.",
		.remedy = "Give failover_pair_id= the id of a virtio-net-pci device that has "
			  "failover=on, or add that device before the primary.",
		.source = HIDE,
		.check = rule_check_standby_missing,
	},
	{
		.name = "standby-not-failover",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_PAIR,
		.needs = NEEDS(TOPO_MACHINE),
		.summary = "the standby of a primary does not have failover=on",
		.why = "Only a virtio-net device with failover=on offers VIRTIO_NET_F_STANDBY "
		       "to the guest, hides the primary until the guest has accepted it, and "
		       "unplugs the primary before a migration.",
		.remedy = "Add failover=on to the standby's -device option.",
		.source = "QEMU hw/net/virtio-net.c: virtio_net_device_realize()",
		.check = rule_check_standby_not_failover,
	},
	{
		.name = "standby-without-id",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_PAIR,
		.needs = NEEDS(TOPO_MACHINE),
		.summary = "a standby has no id",
		.why = "QEMU finds the primary of a standby by comparing failover_pair_id with "
		       "the standby's id. No primary can name a standby without one, and in a "
		       "migration stock QEMU then takes any PCI device without a "
		       "failover_pair_id for its primary; one that has query-failover leaves "
		       "such a standby alone.",
		.remedy = "Add id=NAME to the standby's -device option, and "
			  "failover_pair_id=NAME to that of its primary.",
		.source = "QEMU hw/net/virtio-net.c: failover_set_primary()",
		.check = rule_check_standby_without_id,
	},
	{
		.name = "primary-without-id",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_PAIR,
		.needs = NEEDS(TOPO_MACHINE),
		.summary = "a primary has no id",
		.why = "QEMU finds a hidden primary by its id, to plug it and to unplug it: it "
		       "refuses to start with one that has none (\"Device with "
		       "failover_pair_id needs to have id\").",
		.remedy = "Add id=NAME to the primary's -device option.",
		.source = HIDE,
		.check = rule_check_primary_without_id,
	},
	{
		.name = "primary-before-standby",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_PAIR,
		.needs = NEEDS(TOPO_MACHINE),
		.summary = "a primary is made before its standby",
		.why = "A primary is hidden by its standby, which must be there before. One "
		       "that comes earlier is plugged at once: a guest that knows no failover "
		       "gets two network cards of one address, and a migration's target has "
		       "the card before the state of the guest, which then never notices it.",
		.remedy =
			"Give the -device option of the standby before that of the primary, "
			"and both in the same form (QEMU makes devices that are given as JSON "
			"after all that are given as text).",
		.source = HIDE "; QEMU docs/system/virtio-net-failover.rst",
		.check = rule_check_primary_before_standby,
	},
	{
		.name = "standby-without-primary",
		.severity = SEVERITY_WARNING,
		.scope = SCOPE_PAIR,
		.needs = NEEDS(TOPO_MACHINE),
		.summary = "a standby has no primary",
		.why = "The guest agrees to failover and makes a master interface over a "
		       "standby that stays alone: all traffic goes through virtio-net.",
		.remedy = "Add a primary with failover_pair_id= of this standby, plug it later "
			  "with device_add, or remove failover=on.",
		.source = "QEMU docs/system/virtio-net-failover.rst; Linux "
			  "drivers/net/net_failover.c",
		.check = rule_check_standby_without_primary,
	},
	{
		.name = "primary-shared",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_PAIR,
		.needs = NEEDS(TOPO_MACHINE),
		.summary = "two primaries name one standby",
		.why = "A standby has one primary: QEMU refuses to start with a second one "
		       "(\"Cannot attach more than one primary device\").",
		.remedy = "Give each primary a standby of its own, with its own MAC address.",
		.source = HIDE,
		.check = rule_check_primary_shared,
	},
	{ 0 },
};
