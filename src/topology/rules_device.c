/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the pair's two devices are, and what the machine around them is.
 */
#include <ctype.h>
#include <stdio.h>

#include "topology/rule.h"

/* ---- primary-not-ethernet ---- */

#define CLASS_ETHERNET 0x0200

static void check_passed_through(const struct topo *topo, const struct topo_pair *pair,
				 struct verdict *verdict)
{
	char address[PCI_ADDRESS_SIZE], object[96];
	const struct pci_function *function;

	topo_pair_name(pair, object);
	if (!topo_primary_address(topo, pair, address)) {
		verdict_unknown(verdict,
				"%s: it is not chosen yet which VF its primary will be",
				object);
		return;
	}
	if (!topo->host) {
		verdict_unknown(verdict, "%s: whether %s is an Ethernet device: %s", object,
				address,
				topo->why_not[TOPO_HOST] ?: "the host was not looked at");
		return;
	}
	function = host_find_function(topo->host, address);
	if (!function)
		verdict_unknown(verdict, "%s: this host has no %s", object, address);
	else if (function->class >> 8 != CLASS_ETHERNET)
		verdict_find(verdict, object,
			     "%s is %s of PCI class 0x%06x, and an Ethernet device has "
			     "0x020000",
			     address, *function->name ? function->name : "a device",
			     function->class);
}

static void rule_check_primary_not_ethernet(const struct topo *topo, struct verdict *verdict)
{
	for (size_t i = 0; i < topo->n_pairs; i++) {
		const struct topo_pair *pair = &topo->pairs[i];
		char object[96], name[64];

		if (!pair->primary)
			continue;
		if (pair->vfio)
			check_passed_through(topo, pair, verdict);
		else if (!machine_is_nic(pair->primary))
			verdict_find(verdict, topo_pair_name(pair, object),
				     "%s is a %s, which is no Ethernet card of QEMU's",
				     machine_device_name(pair->primary, name),
				     pair->primary->driver);
	}
}

/* ---- primary-rom ---- */

/* Whether QEMU gives that NIC an option ROM without being told to. */
static bool has_default_rom(const struct machine_device *device)
{
	static const char *const prefixes[] = { "e1000", "i825",    "i82801", "ne2k_pci",
						"pcnet", "rtl8139", "vmxnet3" };

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (str_starts(device->driver, prefixes[i]))
			return true;
	return machine_is_virtio_net(device);
}

static bool is_off(const char *value)
{
	return value && (str_eq(value, "0") || str_eq(value, "off") || str_eq(value, "false") ||
			 str_eq(value, "no"));
}

static void check_emulated_rom(const struct topo *topo, const struct topo_pair *pair,
			       const char *romfile, bool rombar, struct verdict *verdict)
{
	char object[96], name[64];

	if (romfile ? !*romfile : !has_default_rom(pair->primary))
		return;
	topo_pair_name(pair, object);
	machine_device_name(pair->primary, name);
	if (!rombar && !topo->machine->running)
		verdict_find(verdict, object,
			     "%s has rombar=0 and still an option ROM (%s): QEMU refuses to "
			     "plug it (\"Hot-plugged device without ROM bar can't have an "
			     "option ROM\")",
			     name, romfile ?: "QEMU's own for this card");
	else if (rombar)
		verdict_find(verdict, object, "%s has an option ROM (%s)", name,
			     romfile ?: "QEMU's own for this card");
}

/* QEMU makes a block of RAM of a file; a ROM of the device itself it reads when asked. */
static void check_vfio_rom(const struct topo *topo, const struct topo_pair *pair,
			   const char *romfile, bool rombar, struct verdict *verdict)
{
	char object[96], address[PCI_ADDRESS_SIZE];
	const struct pci_function *function;

	topo_pair_name(pair, object);
	if (romfile && *romfile) {
		verdict_find(verdict, object, "the passed-through primary has romfile=%s",
			     romfile);
		return;
	}
	/* What vmfo chooses is a VF, and no VF has a ROM. */
	if (romfile || !rombar || !topo_primary_address(topo, pair, address))
		return;
	function = topo->host ? host_find_function(topo->host, address) : NULL;
	if (!function)
		verdict_unknown(verdict, "%s: whether %s is a VF, which has no option ROM: %s",
				object, address,
				topo->host               ? "this host has no such device" :
				topo->why_not[TOPO_HOST] ?:
							   "the host was not looked at");
	else if (!*function->physfn)
		verdict_find_as(verdict, SEVERITY_WARNING, object,
				"%s is no VF, may have an option ROM, and has neither rombar=0 "
				"nor romfile=: the guest's firmware will run it",
				address);
}

static void rule_check_primary_rom(const struct topo *topo, struct verdict *verdict)
{
	for (size_t i = 0; i < topo->n_pairs; i++) {
		const struct topo_pair *pair = &topo->pairs[i];
		char file[32], bar[32];
		const char *romfile;
		bool rombar;

		if (!pair->primary)
			continue;
		romfile = machine_text(topo->machine, pair->primary, "romfile", file);
		rombar = !is_off(machine_text(topo->machine, pair->primary, "rombar", bar));
		if (pair->vfio)
			check_vfio_rom(topo, pair, romfile, rombar, verdict);
		else if (machine_is_nic(pair->primary))
			check_emulated_rom(topo, pair, romfile, rombar, verdict);
	}
}

/* ---- standby-legacy, pair-mtu ---- */

static bool is_usable_standby(const struct topo_pair *pair)
{
	return pair->standby && machine_is_virtio_net(pair->standby);
}

static void rule_check_standby_legacy(const struct topo *topo, struct verdict *verdict)
{
	for (size_t i = 0; i < topo->n_pairs; i++) {
		const struct topo_pair *pair = &topo->pairs[i];
		char object[96];

		if (is_usable_standby(pair) &&
		    machine_bool(topo->machine, pair->standby, "disable-modern", false))
			verdict_find(verdict, topo_pair_name(pair, object),
				     "the standby has disable-modern=on");
	}
}

static void rule_check_pair_mtu(const struct topo *topo, struct verdict *verdict)
{
	for (size_t i = 0; i < topo->n_pairs; i++) {
		const struct topo_pair *pair = &topo->pairs[i];
		char object[96], number[32];
		const char *text;
		int64_t mtu;

		if (!is_usable_standby(pair))
			continue;
		text = machine_text(topo->machine, pair->standby, "host_mtu", number);
		if (text && str_to_i64(text, 1, 65535, &mtu) == 0 && mtu < 1500)
			verdict_find(verdict, topo_pair_name(pair, object),
				     "the standby has host_mtu=%lld", (long long)mtu);
	}
}

/* ---- machine-unversioned, cpu-host ---- */

/* "pc-q35-7.2", "pc-q35-rhel9.6.0": a point between two digits, after the last dash. */
static bool is_versioned(const char *type)
{
	for (const char *c = strrchr(type, '-'); c && *c; c++)
		if (isdigit((unsigned char)c[0]) && c[1] == '.' && isdigit((unsigned char)c[2]))
			return true;
	return false;
}

static void rule_check_machine_unversioned(const struct topo *topo, struct verdict *verdict)
{
	const struct machine *machine = topo->machine;
	const char *real;

	if (!machine->type) {
		if (machine->running)
			verdict_unknown(verdict, "QEMU did not say which machine type it runs");
		else
			verdict_find(verdict, "machine",
				     "no machine type is given: QEMU takes its default");
		return;
	}
	if (is_versioned(machine->type))
		return;
	real = topo->qemu ? qemu_machine_name(topo->qemu, machine->type) : machine->type;
	if (str_eq(real, machine->type))
		verdict_find(verdict, "machine", "the machine type is %s, without a version",
			     machine->type);
	else
		verdict_find(verdict, "machine", "the machine type is %s, here short for %s",
			     machine->type, real);
}

static void rule_check_cpu_host(const struct topo *topo, struct verdict *verdict)
{
	const char *cpu = topo->machine->cpu;

	if (cpu && str_eq(cpu, "host"))
		verdict_find(verdict, "machine", "the CPU model is host: this host's own");
	else if (cpu && str_eq(cpu, "max"))
		verdict_find(verdict, "machine",
			     "the CPU model is max: all that this QEMU and, under KVM, this "
			     "host's CPU can do");
}

const struct rule rules_device[] = {
	{
		.name = "primary-not-ethernet",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_PAIR,
		.needs = NEEDS(TOPO_MACHINE),
		.summary = "a primary is no Ethernet device",
		.why = "QEMU refuses to plug a primary of another PCI class (\"failover primary "
		       "device is not an Ethernet device\"). It does so only when the guest "
		       "agrees to failover, and then with no more than a warning.",
		.remedy = "Use the VF of an Ethernet card, or an emulated one like e1000e.",
		.source = "QEMU hw/pci/pci.c: pci_qdev_realize()",
		.check = rule_check_primary_not_ethernet,
	},
	{
		.name = "primary-rom",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_PAIR,
		.needs = NEEDS(TOPO_MACHINE),
		.summary = "a primary has an option ROM (milder: a passed-through device may "
			   "have one of its own)",
		.why = "An option ROM that QEMU loads is a block of RAM. The source sends it, "
		       "and the target, whose primary is not plugged at that time, does not "
		       "have it: the migration fails there with \"Unknown ramblock\".",
		.remedy = "Add romfile= (with nothing after it) to an emulated primary's "
			  "-device option, in JSON \"romfile\": \"\"; for a passed-through one "
			  "rombar=0 does as well. rombar=0 alone is not enough for an emulated "
			  "one.",
		.source = "QEMU hw/pci/pci.c: pci_add_option_rom(); migration/ram.c: "
			  "parse_ramblocks()",
		.check = rule_check_primary_rom,
	},
	{
		.name = "standby-legacy",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_PAIR,
		.needs = NEEDS(TOPO_MACHINE),
		.summary = "a standby offers only the legacy virtio interface",
		.why = "VIRTIO_NET_F_STANDBY is feature bit 62, and the legacy interface has "
		       "32 bits: the guest is never offered it, and the primary stays hidden "
		       "for ever. On a PCI Express port QEMU does not even start with it, unless "
		       "disable-legacy=off.",
		.remedy = "Remove disable-modern=on from the standby's -device option.",
		.source =
			"QEMU hw/virtio/virtio-pci.c: virtio_ioport_read(); Virtual I/O Device "
			"(VIRTIO) 1.2, 5.1.3",
		.check = rule_check_standby_legacy,
	},
	{
		.name = "pair-mtu",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_PAIR,
		.needs = NEEDS(TOPO_MACHINE),
		.summary = "the MTU of a standby is below 1500",
		.why = "The guest makes the master interface with an MTU of 1500 and gives that "
		       "to what it joins. A standby with a smaller host_mtu refuses it and stays "
		       "out: the guest has no network while the primary is unplugged.",
		.remedy = "Set host_mtu= of the standby to 1500 or more, or leave it out.",
		.source = "Linux drivers/net/net_failover.c: net_failover_slave_register()",
		.check = rule_check_pair_mtu,
	},
	{
		.name = "machine-unversioned",
		.severity = SEVERITY_WARNING,
		.scope = SCOPE_PAIR,
		.needs = NEEDS(TOPO_MACHINE),
		.summary = "the machine type has no version",
		.why = "A name like q35 means the newest version that a QEMU has. On two hosts "
		       "with two versions of QEMU it is two machines, and a migration between "
		       "them fails, or goes wrong later.",
		.remedy = "Use a versioned type that both hosts have, like pc-q35-7.2; "
			  "qemu-system-x86_64 -machine help lists them.",
		.source = "QEMU docs/system/target-i386.rst; docs/devel/migration/main.rst, "
			  "\"Firmware\" and \"Backwards compatibility\"",
		.check = rule_check_machine_unversioned,
	},
	{
		.name = "cpu-host",
		.severity = SEVERITY_WARNING,
		.scope = SCOPE_PAIR,
		.needs = NEEDS(TOPO_MACHINE),
		.summary = "the CPU model depends on the host",
		.why = "The guest sees the features of the CPU that it was started on and goes "
		       "on using them after a migration. On a host whose CPU, microcode or "
		       "QEMU lacks one of them it crashes, or the migration is refused.",
		.remedy = "Use a named CPU model that every host can run, or be sure that all "
			  "hosts are alike.",
		.source = "QEMU docs/system/cpu-models-x86.rst.inc, \"Host passthrough\"",
		.check = rule_check_cpu_host,
	},
	{ 0 },
};
