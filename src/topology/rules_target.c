/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A migration's target against its source: QEMU, CPU, names and addresses.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/str.h"
#include "topology/rule.h"

/* ---- QEMU ---- */

/* Of "7.2.18": major * 1000 + minor; the third number only mends. -1: it is no version. */
static int version_number(const char *version)
{
	int major, minor;

	if (sscanf(version, "%4d.%3d", &major, &minor) != 2 || major < 0 || minor < 0)
		return -1;
	return major * 1000 + minor;
}

/* What the VM runs as, or would; NULL: not known. */
static const char *machine_wanted(const struct topo *topo)
{
	if (topo->source->machine)
		return topo->source->machine;
	if (topo->def)
		return topo->def->machine;
	return topo->machine ? topo->machine->type : NULL;
}

static void rule_check_machine_unsupported(const struct topo *topo, struct verdict *verdict)
{
	const struct qemu_facts *qemu = topo->qemu;
	const char *wanted = machine_wanted(topo), *here;

	if (!wanted) {
		verdict_unknown(verdict, "the machine type that the VM runs with is not known");
		return;
	}
	if (!qemu_has_machine(qemu, wanted)) {
		verdict_find(verdict, "QEMU", "its QEMU %s (%s) has no machine type \"%s\"",
			     qemu->version, qemu->binary, wanted);
		return;
	}
	/* "q35" is another machine in every version: the target would make its own. */
	if (!topo->def || !topo->source->machine)
		return;
	here = qemu_machine_name(qemu, topo->def->machine);
	if (!str_eq(here, wanted))
		verdict_find(
			verdict, "QEMU",
			"machine type \"%s\" is %s in its QEMU %s (%s), and the VM runs as "
			"%s",
			topo->def->machine, here, qemu->version, qemu->binary, wanted);
}

static void rule_check_qemu_older(const struct topo *topo, struct verdict *verdict)
{
	const struct qemu_facts *qemu = topo->qemu;
	const char *from = topo->source->qemu_version, *wanted = machine_wanted(topo);
	int here, there;

	/* One that is so old that it lacks the machine is told so. */
	if (wanted && !qemu_has_machine(qemu, wanted))
		return;
	here = version_number(qemu->version);
	there = from ? version_number(from) : -1;
	if (here < 0 || there < 0)
		verdict_unknown(verdict,
				"the versions of QEMU are not known on both hosts: %s here, %s "
				"on the source",
				qemu->version, from ?: "none");
	else if (here < there)
		verdict_find(verdict, "QEMU",
			     "its QEMU %s (%s) is older than the one the VM runs in (%s): QEMU "
			     "only migrates to the same version or a newer one",
			     qemu->version, qemu->binary, from);
}

/* ---- the CPU ---- */

/* Whether a list of words, as /proc/cpuinfo has them, has one of them. */
static bool has_word(const char *list, const char *word, size_t len)
{
	for (const char *at = list; *at;) {
		size_t n = strcspn(at, " ");

		if (n == len && strncmp(at, word, n) == 0)
			return true;
		at += n + strspn(at + n, " ");
	}
	return false;
}

/*
 * Up to ten words of one list that the other has not, into buf.  Return: how many there
 * are. Both lists come from /proc/cpuinfo and are a few hundred words; from another host
 * they are bounded by source_facts_parse().
 */
static size_t missing_words(const char *of, const char *in, char *buf, size_t size)
{
	size_t count = 0, used = 0;

	*buf = '\0';
	for (const char *at = of + strspn(of, " "); *at;) {
		size_t n = strcspn(at, " ");

		if (!has_word(in, at, n)) {
			if (count < 10 && n < 32 && used + n + 2 < size)
				used += (size_t)snprintf(buf + used, size - used, "%s%.*s",
							 used ? " " : "", (int)n, at);
			count++;
		}
		at += n + strspn(at + n, " ");
	}
	return count;
}

static void find_flags(struct verdict *verdict, const char *what, const char *of,
		       const char *in)
{
	char flags[384];
	size_t n = missing_words(of, in, flags, sizeof(flags));

	if (n)
		verdict_find(verdict, "host", "its CPU %s: %s%s (%zu flags in all)", what,
			     flags, n > 10 ? " …" : "", n);
}

/* A guest under `host` or `max` has what its host has. */
static void check_host_cpu(const struct topo *topo, struct verdict *verdict, const char *model)
{
	const struct source_facts *source = topo->source;
	const struct host_facts *host = topo->host;

	if (!host || !*host->cpu_model || !host->cpu_flags || !source->cpu_model ||
	    !source->cpu_flags) {
		verdict_unknown(verdict,
				"CPU model \"%s\": the CPUs of both hosts are not known",
				model);
		return;
	}
	if (!str_eq(host->cpu_model, source->cpu_model))
		verdict_find(verdict, "host",
			     "its CPU is \"%s\", the source's is \"%s\", and the VM has CPU "
			     "model \"%s\"",
			     host->cpu_model, source->cpu_model, model);
	find_flags(verdict, "lacks", source->cpu_flags, host->cpu_flags);
	find_flags(verdict, "has what the source's lacks", host->cpu_flags, source->cpu_flags);
}

static const json_t *find_cpu(const struct qemu_facts *qemu, const char *model)
{
	const json_t *one;
	size_t i;

	json_array_foreach (qemu->cpus, i, one)
		if (str_eq(json_get_text(one, "name"), model))
			return one;
	return NULL;
}

/* A named model of which this host's CPU has only a part. */
static void check_named_cpu(const struct topo *topo, struct verdict *verdict, const char *model)
{
	const json_t *list =
		json_object_get(find_cpu(topo->qemu, model), "unavailable-features");
	bool enforced = topo->def && topo->def->cpu.enforce;
	char features[384] = "";
	const json_t *one;
	size_t i, used = 0;

	/* Under TCG every host offers the same. */
	if (!topo->qemu->kvm || !topo->source->kvm)
		return;
	if (!list) {
		verdict_unknown(verdict,
				"CPU model \"%s\": its QEMU does not say what the CPU lacks of "
				"it",
				model);
		return;
	}
	json_array_foreach (list, i, one) {
		const char *name = json_string_value(one) ?: "?";

		if (i < 10 && strlen(name) < 32 && used + strlen(name) + 2 < sizeof(features))
			used += (size_t)snprintf(features + used, sizeof(features) - used,
						 "%s%s", used ? " " : "", name);
	}
	/* Not enforced, the guest may run without them on the source as well. */
	if (json_array_size(list))
		verdict_find_as(verdict, enforced ? SEVERITY_ERROR : SEVERITY_WARNING, "host",
				"its CPU lacks of CPU model \"%s\": %s%s", model, features,
				json_array_size(list) > 10 ? " …" : "");
}

static void rule_check_cpu_incompatible(const struct topo *topo, struct verdict *verdict)
{
	const struct qemu_facts *qemu = topo->qemu;
	const char *model = topo->def     ? topo->def->cpu.model :
			    topo->machine ? topo->machine->cpu :
					    NULL;

	if (!model)
		verdict_unknown(verdict, "the VM's CPU model is not known");
	else if (!qemu_has_cpu(qemu, model))
		verdict_find(verdict, "QEMU", "its QEMU %s (%s) has no CPU model \"%s\"",
			     qemu->version, qemu->binary, model);
	else if (!str_eq(model, "host") && !str_eq(model, "max"))
		check_named_cpu(topo, verdict, model);
	else if (topo->source->kvm)
		check_host_cpu(topo, verdict, model);
}

static void rule_check_kvm_differs(const struct topo *topo, struct verdict *verdict)
{
	bool there = topo->source->kvm;

	if (there && topo->host->kvm == FACT_UNKNOWN)
		verdict_unknown(verdict, "it is not known whether /dev/kvm can be opened");
	else if (there && topo->host->kvm == FACT_NO)
		verdict_find(verdict, "host",
			     "the VM runs under KVM, and /dev/kvm there cannot be opened");
	else if (there && topo->qemu && !topo->qemu->kvm)
		verdict_find(verdict, "QEMU",
			     "the VM runs under KVM, and its QEMU %s (%s) does not use KVM",
			     topo->qemu->version, topo->qemu->binary);
	/* Of one that does not run, nobody knows yet. */
	else if (!there && topo->source->running && topo->qemu && topo->qemu->kvm)
		verdict_find_as(verdict, SEVERITY_WARNING, "QEMU",
				"the VM runs without KVM, and its QEMU %s (%s) would use KVM",
				topo->qemu->version, topo->qemu->binary);
}

/* ---- names and addresses ---- */

static void rule_check_name_taken(const struct topo *topo, struct verdict *verdict)
{
	const struct vmdef *def = topo->def;

	for (size_t i = 0; i < topo->n_vms; i++) {
		const struct host_vm *vm = &topo->vms[i];
		bool named = str_eq(vm->name, def->name);
		bool same = strcasecmp(vm->uuid, def->uuid) == 0;
		char object[80];

		snprintf(object, sizeof(object), "VM %s", vm->name);
		if (named && vm->pid)
			verdict_find(verdict, object,
				     "a VM \"%s\" runs there already (process %d)", vm->name,
				     (int)vm->pid);
		if (named && *vm->uuid && !same)
			verdict_find(verdict, object,
				     "another VM is defined there by the name \"%s\" (uuid %s)",
				     vm->name, vm->uuid);
		if (!named && same)
			verdict_find(verdict, object, "it has the uuid of \"%s\" (%s)",
				     def->name, def->uuid);
	}
}

/* Of a VF: whoever uses it gives it a MAC; rule vf-mac-clash looks at those. */
static bool is_vf(const struct host_facts *host, const struct host_link *link)
{
	const struct pci_function *function = *link->pci ? host_find_function(host, link->pci) :
							   NULL;

	return function && *function->physfn;
}

static void check_mac(const struct topo *topo, struct verdict *verdict, const char *object,
		      const struct mac *mac)
{
	char text[MAC_TEXT_SIZE];

	mac_format(mac, text);
	for (size_t i = 0; i < topo->n_vms; i++) {
		const struct host_vm *vm = &topo->vms[i];

		/* One that does not run takes nothing; this VM's own is no other. */
		if (!vm->pid || (topo->vm && str_eq(vm->name, topo->vm)))
			continue;
		for (size_t j = 0; j < vm->n_macs; j++)
			if (mac_equal(&vm->macs[j], mac))
				verdict_find(verdict, object,
					     "%s is a MAC of the VM \"%s\" that runs there "
					     "(process %d)",
					     text, vm->name, (int)vm->pid);
	}
	for (size_t i = 0; topo->host && i < topo->host->n_links; i++) {
		const struct host_link *link = &topo->host->links[i];

		if (mac_equal(&link->mac, mac) && !is_vf(topo->host, link))
			verdict_find(verdict, object, "%s is the MAC of the link %s there",
				     text, link->name);
	}
}

static void rule_check_mac_taken(const struct topo *topo, struct verdict *verdict)
{
	const struct vmdef *def = topo->def;
	char object[128];

	if (!topo->host)
		verdict_unknown(verdict, "the links of the host: %s",
				topo->why_not[TOPO_HOST] ?: "they were not asked for");
	else if (topo->host->links_missing)
		verdict_unknown(verdict, "the links of the host: %s",
				topo->host->links_missing);
	for (size_t i = 0; i < def->n_pairs; i++) {
		snprintf(object, sizeof(object), "pair %s", def->pairs[i].id);
		check_mac(topo, verdict, object, &def->pairs[i].mac);
	}
	for (size_t i = 0; i < def->n_nics; i++) {
		snprintf(object, sizeof(object), "NIC %s", def->nics[i].id);
		check_mac(topo, verdict, object, &def->nics[i].mac);
	}
}

const struct rule rules_target[] = {
	{
		.name = "machine-unsupported",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_TARGET,
		.needs = NEEDS(TOPO_SOURCE) | NEEDS(TOPO_QEMU),
		.summary = "the target's QEMU does not have the VM's machine type",
		.why = "A machine type fixes the devices and their state down to the bit. The "
		       "target must make the very machine that the source has.",
		.remedy =
			"Install a QEMU on the target that has it (qemu-system-x86_64 -machine "
			"help), or name it by \"qemu\" in host.json there. For the VM's next "
			"start, choose a versioned machine type that both hosts have.",
		.source = "QEMU docs/devel/migration.rst (Firmware, Machine types); QAPI "
			  "query-machines",
		.check = rule_check_machine_unsupported,
	},
	{
		.name = "qemu-older",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_TARGET,
		.needs = NEEDS(TOPO_SOURCE) | NEEDS(TOPO_QEMU),
		.summary = "the target's QEMU is older than the source's",
		.why = "The state of a device may have parts that an older QEMU does not know, "
		       "even with one machine type. It then refuses the whole stream at its end, "
		       "with the guest stopped.",
		.remedy = "Update QEMU on the target, or choose a target that has the source's "
			  "version.",
		.source = "QEMU docs/devel/migration.rst (Backwards compatibility)",
		.check = rule_check_qemu_older,
	},
	{
		.name = "cpu-incompatible",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_TARGET,
		.needs = NEEDS(TOPO_SOURCE) | NEEDS(TOPO_QEMU),
		.summary = "the target cannot give the VM the CPU that it has",
		.why = "The guest has chosen its code by the CPU flags that it saw at its boot. "
		       "Where one is missing it is killed by an invalid instruction, or QEMU "
		       "refuses the state.",
		.remedy = "Choose a target with the same CPU; or start the VM with a named CPU "
			  "model that both hosts offer (qemu-system-x86_64 -cpu help).",
		.source = "QEMU docs/system/cpu-models-x86.rst.inc; QAPI query-cpu-definitions "
			  "(unavailable-features)",
		.check = rule_check_cpu_incompatible,
	},
	{
		.name = "kvm-differs",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_TARGET,
		.needs = NEEDS(TOPO_SOURCE) | NEEDS(TOPO_HOST),
		.summary = "one host would run the VM under KVM, the other without it",
		.why = "KVM and QEMU's own emulation offer different CPUs and clocks, and keep "
		       "parts of their state in different forms.",
		.remedy =
			"Make /dev/kvm usable on the target (modules kvm_intel or kvm_amd, "
			"group kvm); or give \"accel\" of the definition as just one of \"kvm\" "
			"and \"tcg\", and start the VM anew.",
		.source = "QEMU target/i386/machine.c; Linux Documentation/virt/kvm/api.rst",
		.check = rule_check_kvm_differs,
	},
	{
		.name = "name-taken",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_TARGET,
		.needs = NEEDS(TOPO_SOURCE) | NEEDS(TOPO_DEFINITION),
		.summary = "the target has a VM of that name already",
		.why = "A host keeps a VM's definition, sockets and locks under its name. Two VMs "
		       "of one name, or one VM twice, cannot be told apart.",
		.remedy =
			"On the target, look at it (vmfo status NAME). Stop it, or rename one of "
			"the two; a definition that is left over is removed from its store "
			"there.",
		.source = "vmfo-vm(5), \"name\" and \"uuid\"",
		.check = rule_check_name_taken,
	},
	{
		.name = "mac-taken",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_TARGET,
		.needs = NEEDS(TOPO_SOURCE) | NEEDS(TOPO_DEFINITION),
		.summary = "the target has a MAC of the VM already",
		.why = "With one MAC at two ports, bridges and the NIC's switch send the guest's "
		       "packets now to the one, now to the other.",
		.remedy =
			"Give the other VM or link its own MAC: ip link set LINK address MAC, or "
			"\"mac\" in the other VM's definition.",
		.source = "IEEE 802.1D (learning); Linux Documentation/networking/bridge.rst",
		.check = rule_check_mac_taken,
	},
	{ 0 },
};
