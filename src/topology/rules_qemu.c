/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the QEMU binary has, and has not. Its version is told, and never judged by:
 * distributions carry features back.
 */
#include <stdio.h>

#include "base/json.h"
#include "topology/rule.h"

#define QEMU_FMT "QEMU %s (%s)"
#define QEMU_ARGS(facts) (facts)->version, (facts)->binary

/* A machine whose devices are known, and of which none is in a pair, asks nothing of QEMU. */
static bool has_no_pairs(const struct topo *topo)
{
	return topo->machine && topo->n_pairs == 0;
}

/* ---- qemu-too-old ---- */

static void need_property(const struct topo *topo, const char *driver, const char *property,
			  struct verdict *verdict)
{
	const struct qemu_facts *qemu = topo->qemu;
	int there = qemu_has_device(qemu, driver, NULL);

	/* One that QEMU does not have at all is device-unknown's. */
	if (there < 0)
		verdict_unknown(verdict, "%s was not asked whether it has %s", qemu->binary,
				driver);
	else if (there > 0 && qemu_has_device(qemu, driver, property) == 0)
		verdict_find(verdict, "QEMU", QEMU_FMT ": %s has no property \"%s\"",
			     QEMU_ARGS(qemu), driver, property);
}

static void rule_check_too_old(const struct topo *topo, struct verdict *verdict)
{
	if (has_no_pairs(topo))
		return;
	need_property(topo, "virtio-net-pci", "failover", verdict);
	need_property(topo, "vfio-pci", "failover_pair_id", verdict);
	for (size_t i = 0; i < topo->n_pairs; i++)
		if (topo->pairs[i].primary)
			need_property(topo, topo->pairs[i].primary->driver, "failover_pair_id",
				      verdict);
	if (!topo->qemu->wait_unplug)
		verdict_find(verdict, "QEMU", QEMU_FMT ": no migration status \"wait-unplug\"",
			     QEMU_ARGS(topo->qemu));
}

/* ---- qemu-lacks ---- */

/* What each costs is in the rule's own text. */
static void rule_check_lacks(const struct topo *topo, struct verdict *verdict)
{
	const struct qemu_facts *qemu = topo->qemu;
	const struct {
		bool there;
		const char *name;
	} additions[] = {
		{ qemu->patches.unplug_timeout, "unplug-timeout" },
		{ qemu->patches.query_failover, "query-failover" },
		{ qemu->patches.failover_replug, "failover-replug" },
		{ qemu->patches.failover_buses, "query-pci-failover-buses" },
		{ qemu->patches.primary_event, "FAILOVER_PRIMARY_CHANGED" },
	};
	char names[256] = "";
	size_t len = 0;

	if (has_no_pairs(topo))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(additions); i++)
		if (!additions[i].there && len < sizeof(names))
			len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s",
						len ? ", " : "", additions[i].name);
	if (len)
		verdict_find(verdict, "QEMU", QEMU_FMT " has no %s", QEMU_ARGS(qemu), names);
}

/* ---- controller-no-partial-unplug ---- */

static void rule_check_controller(const struct topo *topo, struct verdict *verdict)
{
	for (size_t i = 0; i < topo->n_pairs; i++) {
		const struct topo_pair *pair = &topo->pairs[i];
		const struct bus *bus;
		char name[96];

		if (!pair->primary)
			continue;
		topo_pair_name(pair, name);
		bus = topo_bus_of(topo, pair->primary);
		if (!bus)
			verdict_unknown(verdict, "%s: QEMU has no bus \"%s\"", name,
					pair->primary->bus ?: "");
		else if (*bus->handler && !bus->partial_unplug)
			verdict_find(verdict, name,
				     "bus %s of the primary has the hot-plug controller %s%s",
				     bus->name, bus->handler,
				     str_eq(bus->handler, bus->owner) &&
						     str_eq(bus->type, "PCI") && !bus->root ?
					     " (SHPC)" :
					     "");
	}
}

/* ---- machine-unknown, machine-deprecated, cpu-unknown ---- */

/* The type that "q35" stands for, if name is of that family; "": none. */
static const char *current_of_family(const struct qemu_facts *qemu, const char *name)
{
	const char *end = strrchr(name, '-');
	const json_t *machine;
	size_t i;

	json_array_foreach (qemu->machines, i, machine) {
		const char *other = json_get_text(machine, "name");

		if (end && *json_get_text(machine, "alias") &&
		    strncmp(other, name, (size_t)(end - name) + 1) == 0)
			return other;
	}
	return "";
}

static void rule_check_machine(const struct topo *topo, struct verdict *verdict)
{
	const char *type = topo->machine->type, *current;
	char object[96];

	/* On a migration's target this is machine-unsupported. */
	if (!type || topo->machine->running || topo->source ||
	    qemu_has_machine(topo->qemu, type))
		return;
	current = current_of_family(topo->qemu, type);
	snprintf(object, sizeof(object), "machine %s", type);
	verdict_find(verdict, object, QEMU_FMT " has no machine type \"%s\"%s%s",
		     QEMU_ARGS(topo->qemu), type, *current ? "; of its kind it has " : "",
		     current);
}

static void rule_check_deprecated(const struct topo *topo, struct verdict *verdict)
{
	const char *type = topo->machine->type;
	const char *current;
	char object[96];

	if (!type || !qemu_machine_deprecated(topo->qemu, type))
		return;
	current = current_of_family(topo->qemu, qemu_machine_name(topo->qemu, type));
	snprintf(object, sizeof(object), "machine %s", type);
	verdict_find(verdict, object, QEMU_FMT " says that \"%s\" is deprecated%s%s",
		     QEMU_ARGS(topo->qemu), qemu_machine_name(topo->qemu, type),
		     *current ? "; of its kind it has " : "", current);
}

static void rule_check_cpu(const struct topo *topo, struct verdict *verdict)
{
	const char *cpu = topo->machine->cpu;
	char object[96];

	/* On a migration's target this is cpu-incompatible. */
	if (!cpu || topo->machine->running || topo->source || qemu_has_cpu(topo->qemu, cpu))
		return;
	snprintf(object, sizeof(object), "CPU %s", cpu);
	verdict_find(verdict, object, QEMU_FMT " has no CPU model \"%s\"",
		     QEMU_ARGS(topo->qemu), cpu);
}

/* ---- device-unknown ---- */

/* What QEMU can be built to have as a module, in a file of its own. */
static bool may_be_module(const char *driver)
{
	static const char *const prefixes[] = { "ccid-card",      "qxl",
						"u2f-",           "usb-host",
						"usb-redir",      "vhost-user-gpu",
						"vhost-user-vga", "virtio-gpu",
						"virtio-vga" };

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (str_starts(driver, prefixes[i]))
			return true;
	return false;
}

static void look_at_device(const struct topo *topo, const struct machine_device *device,
			   struct verdict *verdict)
{
	int there = qemu_has_device(topo->qemu, device->driver, NULL);
	char name[64];

	if (there < 0)
		verdict_unknown(verdict, "%s was not asked whether it has %s",
				topo->qemu->binary, device->driver);
	else if (there == 0)
		verdict_find(verdict, machine_device_name(device, name),
			     QEMU_FMT " has no device \"%s\"%s", QEMU_ARGS(topo->qemu),
			     device->driver,
			     may_be_module(device->driver) ?
				     "; it may be built as a module, whose file is missing or "
				     "of another build" :
				     "");
}

static void rule_check_devices(const struct topo *topo, struct verdict *verdict)
{
	const struct machine *machine = topo->machine;
	json_t *seen;

	if (machine->running)
		return;
	/* Without memory for it, some are told twice. */
	seen = json_object();
	for (size_t i = 0; i < machine->n_devices; i++) {
		const char *driver = machine->devices[i].driver;

		if (json_object_get(seen, driver))
			continue;
		json_object_set_new(seen, driver, json_true());
		look_at_device(topo, &machine->devices[i], verdict);
	}
	json_decref(seen);
}

/* ---- the table ---- */

/*
 * Of a definition the binary is this host's own, and without it nothing starts; a command
 * line may have come from anywhere.
 */
static void rule_check_unusable(const struct topo *topo, struct verdict *verdict)
{
	if (!topo->qemu)
		verdict_find(verdict, "QEMU", "%s", topo->why_not[TOPO_QEMU] ?: "unknown");
}

const struct rule rules_qemu[] = {
	{ .name = "qemu-unusable",
	  .severity = SEVERITY_ERROR,
	  .scope = SCOPE_QEMU,
	  .needs = NEEDS(TOPO_DEFINITION),
	  .summary = "this host's QEMU cannot be started, or does not answer",
	  .why = "The VM would not start either. What the QEMU can do is asked of the binary "
		 "itself, started without a machine.",
	  .remedy = "Install QEMU (Debian: qemu-system-x86), or name the right binary in "
		    "host.json or in the definition (\"qemu\").",
	  .source = "vmfo-host(5), vmfo-vm(5): \"qemu\"; QMP, qmp_capabilities",
	  .check = rule_check_unusable },
	{ .name = "qemu-too-old",
	  .severity = SEVERITY_ERROR,
	  .scope = SCOPE_QEMU,
	  .needs = NEEDS(TOPO_QEMU),
	  .summary = "this QEMU does not know failover pairs",
	  .why = "Without failover_pair_id a primary cannot be hidden from a guest that does "
		 "not know pairs, and without wait-unplug it is not unplugged at a migration: "
		 "QEMU refuses to migrate with a passed-through device.",
	  .remedy = "Use a QEMU of 4.2 or later: install it, and name it by \"qemu\" in the "
		    "definition or in host.json.",
	  .source = "QEMU docs/system/virtio-net-failover.rst; QMP device-list-properties, "
		    "query-qmp-schema",
	  .check = rule_check_too_old },
	{ .name = "qemu-lacks",
	  .severity = SEVERITY_WARNING,
	  .scope = SCOPE_QEMU,
	  .needs = NEEDS(TOPO_QEMU),
	  .summary = "this QEMU lacks additions for failover that vmfo would use",
	  .why = "A migration works without them, by what vmfo does in their place. Without the "
		 "migration parameter unplug-timeout QEMU itself waits without end for a guest "
		 "that keeps its primary: nothing but vmfo watches the time. Without the command "
		 "query-failover QEMU does not tell a primary that the guest has let go of from "
		 "one that is plugged: vmfo concludes it from the guest agent and the bridge, and "
		 "where neither says anything, vmfo status calls it plugged; why a plug failed is "
		 "in QEMU's log only. Without failover-replug vmfo replug cannot give back a "
		 "primary that the guest has let go of and QEMU has kept, as after a migration to "
		 "a file. Without query-pci-failover-buses vmfo judges buses by their hot-plug "
		 "controllers. Without the event FAILOVER_PRIMARY_CHANGED vmfo asks again and "
		 "again, and sees later what has become of a primary.",
	  .remedy =
		  "Build a QEMU with the patches in qemu-patches/: after `make qemu` or `make "
		  "install-qemu` vmfo takes it by itself, unless host.json or the definition "
		  "names another by \"qemu\". Or accept this with --suppress=qemu-lacks.",
	  .source = "QMP query-qmp-schema; qemu-patches/",
	  .check = rule_check_lacks },
	{ .name = "controller-no-partial-unplug",
	  .severity = SEVERITY_ERROR,
	  .scope = SCOPE_QEMU,
	  .needs = NEEDS(TOPO_MACHINE) | NEEDS(TOPO_BUSES),
	  .summary = "the primary's hot-plug controller cannot unplug it for a migration only",
	  .why = "At a migration the guest lets go of the primary while QEMU keeps the device, "
		 "to give it back if the migration fails. ACPI and native PCI Express slots do "
		 "so; SHPC, sPAPR and s390 delete the device, or refuse.",
	  .remedy = "Put the primary behind a PCI Express port: on a q35 machine, "
		    "-device pcie-root-port,id=PORT,chassis=N and bus=PORT for the primary.",
	  .source = "QEMU hw/pci/pcie.c (pcie_cap_slot_unplug_cb), hw/acpi/pcihp.c "
		    "(acpi_pcihp_eject_slot), hw/pci/shpc.c; QMP qom-get hotplug-handler",
	  .check = rule_check_controller },
	{ .name = "machine-unknown",
	  .severity = SEVERITY_ERROR,
	  .scope = SCOPE_QEMU,
	  .needs = NEEDS(TOPO_MACHINE) | NEEDS(TOPO_QEMU),
	  .summary = "this QEMU does not have the machine type",
	  .why = "The VM does not start.",
	  .remedy = "Choose a versioned machine type that the QEMU of every host has: "
		    "\"-machine help\" lists them, also the deprecated ones.",
	  .source = "QMP query-machines",
	  .check = rule_check_machine },
	{ .name = "machine-deprecated",
	  .severity = SEVERITY_WARNING,
	  .scope = SCOPE_QEMU,
	  .needs = NEEDS(TOPO_MACHINE) | NEEDS(TOPO_QEMU),
	  .summary = "the machine type is deprecated",
	  .why = "A later QEMU will not have it, and a host with that QEMU cannot take the VM. "
		 "The machine type of a running guest cannot be changed.",
	  .remedy = "At the next shutdown of the guest, go to a newer versioned machine type "
		    "that the QEMU of every host has.",
	  .source = "QMP query-machines, member \"deprecated\"; QEMU docs/about/deprecated.rst",
	  .check = rule_check_deprecated },
	{ .name = "cpu-unknown",
	  .severity = SEVERITY_ERROR,
	  .scope = SCOPE_QEMU,
	  .needs = NEEDS(TOPO_MACHINE) | NEEDS(TOPO_QEMU),
	  .summary = "this QEMU does not have the CPU model",
	  .why = "The VM does not start.",
	  .remedy = "Choose a CPU model that the QEMU of every host has: \"-cpu help\" lists "
		    "them.",
	  .source = "QMP query-cpu-definitions",
	  .check = rule_check_cpu },
	{ .name = "device-unknown",
	  .severity = SEVERITY_ERROR,
	  .scope = SCOPE_QEMU,
	  .needs = NEEDS(TOPO_MACHINE) | NEEDS(TOPO_QEMU),
	  .summary = "this QEMU does not have the device",
	  .why = "The VM does not start; a device that is added later is refused.",
	  .remedy = "Correct the name (\"-device help\" lists them), install the package that "
		    "has the device's module, or use a QEMU that is built with it.",
	  .source = "QMP device-list-properties; QEMU softmmu/qdev-monitor.c "
		    "(qdev_get_device_class)",
	  .check = rule_check_devices },
	{ 0 },
};
