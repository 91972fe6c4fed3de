/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The running VM: what its guest has made of the pair.
 */
#include <stdio.h>

#include "topology/rule.h"

typedef void pair_fn(const struct topo_pair *pair, const char *name, struct verdict *verdict);

/*
 * Every pair whose standby the guest could have been asked about. One that lacks its
 * standby, or whose standby is none, has findings of its own.
 */
static void each_pair(const struct topo *topo, struct verdict *verdict, pair_fn *fn)
{
	char name[96];

	for (size_t i = 0; i < topo->n_pairs; i++) {
		const struct topo_pair *pair = &topo->pairs[i];

		if (!pair->standby || !machine_is_virtio_net(pair->standby) ||
		    !machine_bool(topo->machine, pair->standby, "failover", false))
			continue;
		topo_pair_name(pair, name);
		if (pair->guest)
			fn(pair, name, verdict);
		else
			verdict_unknown(verdict, "QEMU was not asked about %s", name);
	}
}

/* ---- what the guest has accepted ---- */

static void check_negotiated(const struct topo_pair *pair, const char *name,
			     struct verdict *verdict)
{
	const struct guest_pair *guest = pair->guest;

	if (guest->driver_ok == FACT_UNKNOWN || guest->negotiated == FACT_UNKNOWN)
		verdict_unknown(verdict, "%s: %s", name, guest->why);
	else if (guest->driver_ok == FACT_YES && guest->negotiated == FACT_NO)
		verdict_find(verdict, name,
			     "the guest's driver of %s is up (DRIVER_OK), and has not accepted "
			     "VIRTIO_NET_F_STANDBY",
			     pair->id);
}

static void rule_check_standby_not_negotiated(const struct topo *topo, struct verdict *verdict)
{
	each_pair(topo, verdict, check_negotiated);
}

static void check_booting(const struct topo_pair *pair, const char *name,
			  struct verdict *verdict)
{
	const struct guest_pair *guest = pair->guest;

	if (guest->driver_ok == FACT_UNKNOWN)
		verdict_unknown(verdict, "%s: %s", name, guest->why);
	else if (guest->driver_ok == FACT_NO)
		verdict_find(verdict, name, "no driver in the guest has taken up %s yet",
			     pair->id);
}

static void rule_check_still_booting(const struct topo *topo, struct verdict *verdict)
{
	each_pair(topo, verdict, check_booting);
}

/* ---- the primary ---- */

static void say_absent(const struct topo_pair *pair, const char *name, struct verdict *verdict)
{
	const struct qemu_failover *said = &pair->guest->qemu;

	if (said->state == FAILOVER_UNPLUGGED)
		verdict_find(verdict, name,
			     "the guest has let go of the primary %s, and it was not plugged "
			     "again%s%s",
			     said->primary, *said->error ? ": " : "", said->error);
	else
		verdict_find(verdict, name,
			     "the guest has accepted the standby %s, and QEMU has no device "
			     "with failover_pair_id=%s%s%s",
			     pair->id, pair->id, *said->error ? ": " : "", said->error);
}

static void rule_check_primary_absent(const struct topo *topo, struct verdict *verdict)
{
	char name[96];

	for (size_t i = 0; i < topo->n_pairs; i++) {
		const struct topo_pair *pair = &topo->pairs[i];
		const struct guest_pair *guest = pair->guest;

		/* A machine as it is written says itself whether there is to be one. */
		if (!pair->standby || (!pair->primary && !topo->machine->running))
			continue;
		topo_pair_name(pair, name);
		if (!guest)
			verdict_unknown(verdict, "QEMU was not asked about %s", name);
		else if (guest->primary_plugged != FACT_NO)
			continue;
		else if (guest->negotiated == FACT_UNKNOWN)
			verdict_unknown(verdict, "%s: %s", name, guest->why);
		else if (guest->negotiated == FACT_YES)
			say_absent(pair, name, verdict);
	}
}

static void check_denied(const struct topo_pair *pair, const char *name,
			 struct verdict *verdict)
{
	const struct guest_pair *guest = pair->guest;

	/* A guest that has no use for a pair has a finding that says so. */
	if (guest->primary_plugged != FACT_YES || guest->negotiated == FACT_NO)
		return;
	if (guest->interfaces < 0)
		verdict_unknown(verdict, "%s: %s", name, guest->why_interfaces);
	else if (guest->interfaces < 3)
		verdict_find(verdict, name,
			     "QEMU has its primary; the guest has %d interface%s with its MAC, "
			     "and a whole pair is three (master, standby, primary)",
			     guest->interfaces, guest->interfaces == 1 ? "" : "s");
}

static void rule_check_guest_denies_primary(const struct topo *topo, struct verdict *verdict)
{
	each_pair(topo, verdict, check_denied);
}

static void check_reboot(const struct topo_pair *pair, const char *name,
			 struct verdict *verdict)
{
	const struct guest_pair *guest = pair->guest;

	if (guest->primary_plugged != FACT_YES)
		return;
	if (guest->negotiated == FACT_UNKNOWN)
		verdict_unknown(verdict, "%s: %s", name, guest->why);
	else if (guest->negotiated == FACT_NO)
		verdict_find(
			verdict, name,
			"QEMU has the primary of %s plugged, and what runs in the guest has "
			"not accepted VIRTIO_NET_F_STANDBY%s",
			pair->id,
			guest->driver_ok == FACT_NO ? ", nor taken up the standby at all" : "");
}

static void rule_check_reboot_without_standby(const struct topo *topo, struct verdict *verdict)
{
	each_pair(topo, verdict, check_reboot);
}

static void check_indicator(const struct topo_pair *pair, const char *name,
			    struct verdict *verdict)
{
	const struct guest_pair *guest = pair->guest;

	if (guest->primary_plugged != FACT_YES)
		return;
	if (guest->indicator == INDICATOR_UNKNOWN)
		verdict_unknown(verdict, "%s: %s", name, guest->why_indicator);
	else if (guest->indicator == INDICATOR_BLINKING)
		verdict_find(verdict, name,
			     "the power indicator of the primary's slot blinks: the guest is "
			     "plugging or unplugging what is in it");
}

static void rule_check_slot_indicator_blinking(const struct topo *topo, struct verdict *verdict)
{
	each_pair(topo, verdict, check_indicator);
}

/* ---- the VM ---- */

static void rule_check_vm_not_running(const struct topo *topo, struct verdict *verdict)
{
	const char *runstate = topo->guest->runstate;
	char name[80];

	if (topo->n_pairs == 0 || str_eq(runstate, "running"))
		return;
	snprintf(name, sizeof(name), "VM %.64s", topo->vm ?: "");
	if (!*runstate)
		verdict_unknown(verdict, "QEMU does not say in which state the VM is");
	else
		verdict_find(verdict, topo->vm ? name : "VM", "QEMU says that it is \"%s\"",
			     runstate);
}

const struct rule rules_guest[] = {
	{
		.name = "standby-not-negotiated",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_GUEST,
		.needs = NEEDS(TOPO_MACHINE) | NEEDS(TOPO_GUEST),
		.summary = "the guest has not accepted the virtio-net device as a standby",
		.why = "Without VIRTIO_NET_F_STANDBY the guest joins no failover pair, and QEMU "
		       "never plugs a primary that it has hidden. At a migration nothing would "
		       "take over from a primary that is there.",
		.remedy =
			"Run a guest that has the net_failover driver: Linux 4.18 or later with "
			"CONFIG_NET_FAILOVER and CONFIG_VIRTIO_NET. Where the standby is "
			"bound to another driver (DPDK, vfio-pci), bind it to virtio_net; where "
			"the guest has too old a kernel, take the pair out of the definition.",
		.source = "QEMU hw/net/virtio-net.c (virtio_net_set_features); Linux "
			  "drivers/net/virtio_net.c (virtnet_probe), "
			  "Documentation/networking/net_failover.rst",
		.check = rule_check_standby_not_negotiated,
	},
	{
		.name = "still-booting",
		.severity = SEVERITY_INFO,
		.scope = SCOPE_GUEST,
		.needs = NEEDS(TOPO_MACHINE) | NEEDS(TOPO_GUEST),
		.summary = "no driver in the guest has taken up the standby yet",
		.why = "QEMU plugs the primary when the guest's virtio driver accepts the standby. "
		       "Until then nobody can say whether the pair will work, and a migration "
		       "would move the VM without its primary.",
		.remedy = "Wait until the guest has booted, and check again. If it has, load "
			  "virtio_net in it; to migrate all the same, use `vmfo migrate "
			  "--allow-degraded`.",
		.source = "virtio specification 3.1 (Device Initialization, DRIVER_OK); QEMU "
			  "hw/net/virtio-net.c (virtio_net_set_features)",
		.check = rule_check_still_booting,
	},
	{
		.name = "primary-absent",
		.severity = SEVERITY_WARNING,
		.scope = SCOPE_GUEST,
		.needs = NEEDS(TOPO_MACHINE) | NEEDS(TOPO_GUEST),
		.summary = "the guest waits for a primary that is not plugged",
		.why = "The VM runs degraded: all of its traffic goes through the standby. A QEMU "
		       "without query-failover tells of a primary that it could not plug only on "
		       "its standard error.",
		.remedy =
			"Run `vmfo replug VM`. If that fails, look at the end of QEMU's log for "
			"why the primary was refused.",
		.source = "QEMU hw/net/virtio-net.c (failover_add_primary)",
		.check = rule_check_primary_absent,
	},
	{
		.name = "guest-denies-primary",
		.severity = SEVERITY_WARNING,
		.scope = SCOPE_GUEST,
		.needs = NEEDS(TOPO_MACHINE) | NEEDS(TOPO_GUEST),
		.summary = "QEMU has the primary, and the guest does not use it",
		.why = "The guest has not seen the primary, has no driver for it, or has given it "
		       "another MAC: the VM runs degraded, although QEMU looks as if it did not. "
		       "A guest that does not see the slot will not let go of the primary either.",
		.remedy =
			"Look in the guest: `ip link` (three interfaces of one MAC are a whole "
			"pair), `lspci -k` (the primary and its driver), `dmesg`. Then run `vmfo "
			"replug VM`.",
		.source = "QEMU qga/qapi-schema.json (guest-network-get-interfaces); Linux "
			  "drivers/net/net_failover.c (net_failover_slave_register), "
			  "net/core/failover.c (failover_slave_register)",
		.check = rule_check_guest_denies_primary,
	},
	{
		.name = "vm-not-running",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_GUEST,
		.needs = NEEDS(TOPO_GUEST),
		.summary = "the VM does not run, so its guest cannot let go of the primary",
		.why = "At a migration QEMU asks the guest to unplug the primary, and waits. A "
		       "guest whose CPUs stand still never answers, and QEMU never leaves "
		       "wait-unplug.",
		.remedy =
			"Let it run: `cont` on its monitor, or `system_wakeup` for one that is "
			"\"suspended\". One that is \"inmigrate\" or \"postmigrate\" is in the "
			"middle of a migration: look at `vmfo status VM` on both hosts.",
		.source = "QEMU migration/migration.c (qemu_savevm_wait_unplug); "
			  "qapi/run-state.json (RunState)",
		.check = rule_check_vm_not_running,
	},
	{
		.name = "slot-indicator-blinking",
		.severity = SEVERITY_WARNING,
		.scope = SCOPE_GUEST,
		.needs = NEEDS(TOPO_MACHINE) | NEEDS(TOPO_GUEST),
		.summary =
			"the guest is at work on the primary's slot: an unplug now is refused",
		.why = "QEMU refuses to unplug from a native PCIe slot while its power indicator "
		       "blinks, and says so on its standard error only: a migration would "
		       "complete with the primary still attached, and lose it on the way.",
		.remedy =
			"Wait some ten seconds after a plug or an unplug, and check again. If it "
			"goes on blinking, the guest has not finished what it was asked for: "
			"look at `dmesg` in it.",
		.source = "QEMU hw/pci/pcie.c (pcie_cap_slot_unplug_request_cb); Linux "
			  "drivers/pci/hotplug/pciehp_ctrl.c (pciehp_handle_button_press)",
		.check = rule_check_slot_indicator_blinking,
	},
	{
		.name = "reboot-without-standby",
		.severity = SEVERITY_INFO,
		.scope = SCOPE_GUEST,
		.needs = NEEDS(TOPO_MACHINE) | NEEDS(TOPO_GUEST),
		.summary =
			"the guest has two network devices with one MAC, and does not pair them",
		.why = "A primary that was plugged once stays plugged when the guest is reset. "
		       "Firmware, an installer, or an operating system without net_failover then "
		       "sees two NICs with one MAC, and may ask for an address on both.",
		.remedy =
			"If the guest is still booting, wait. If it is to stay with what it runs "
			"now, unplug the primary (`device_del`), or give such an operating "
			"system a definition without the pair.",
		.source = "QEMU docs/system/virtio-net-failover.rst, hw/net/virtio-net.c "
			  "(virtio_net_set_features); Linux "
			  "Documentation/networking/net_failover.rst",
		.check = rule_check_reboot_without_standby,
	},
	{ 0 },
};
