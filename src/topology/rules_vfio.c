/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What must be true of a host before QEMU can open a VF: an IOMMU, a group that is the VF's
 * own, the node of that group, and memory that may be locked.
 */
#include "topology/rules_vfio.h"
#include "model/text.h"

#include <stdio.h>

#define MAX_NAMED 4 /* of a list within one finding */

/* What a command line gives vfio-pci to find its device by; NULL: nothing. */
static const char *device_text(const struct topo *topo, const struct topo_pair *pair,
			       char buf[32])
{
	const char *text = machine_text(topo->machine, pair->primary, "host", buf);

	return text && *text ? text :
			       machine_text(topo->machine, pair->primary, "sysfsdev", buf);
}

/* Why the function is not known to be there, into why.  Return: it is known. */
static bool find_subject(const struct topo *topo, const struct topo_pair *pair,
			 struct vfio_subject *subject, char *why, size_t size)
{
	char address[PCI_ADDRESS_SIZE];

	*subject = (struct vfio_subject){ .pair = pair };
	topo_pair_name(pair, subject->object);
	if (!topo_primary_address(topo, pair, address)) {
		if (pair->def && pair->def->primary.physnet)
			snprintf(why, size,
				 "%s: its VF is chosen from those of physnet %s when the VM is "
				 "started",
				 subject->object, pair->def->primary.physnet);
		else
			snprintf(why, size, "%s: it names no VF", subject->object);
		return false;
	}
	if (!pci_address_normalize(address, subject->address)) {
		snprintf(why, size, "%s: what it names is no PCI address", subject->object);
		return false;
	}
	if (topo->host->pci_missing) {
		snprintf(why, size, "the PCI functions of the host are unknown: %s",
			 topo->host->pci_missing);
		return false;
	}
	subject->function = host_find_function(topo->host, subject->address);
	if (!subject->function) {
		snprintf(why, size, "%s: the host has no PCI function %s", subject->object,
			 subject->address);
		return false;
	}
	if (subject->function->iommu_group >= 0)
		subject->group = host_find_group(topo->host, subject->function->iommu_group);
	return true;
}

void rules_vfio_each(const struct topo *topo, struct verdict *verdict, vfio_subject_fn *fn)
{
	for (size_t i = 0; i < topo->n_pairs; i++) {
		struct vfio_subject subject;
		char why[256];

		if (!topo->pairs[i].vfio)
			continue;
		if (find_subject(topo, &topo->pairs[i], &subject, why, sizeof(why)))
			fn(topo, &subject, verdict);
		else
			verdict_unknown(verdict, "%s", why);
	}
}

/* ---- a list of names within one sentence ---- */

struct names {
	char text[256];
	int n;
};

__attribute__((format(printf, 2, 3))) static void names_add(struct names *names,
							    const char *fmt, ...)
{
	size_t used = strlen(names->text);
	va_list ap;

	if (names->n++ >= MAX_NAMED)
		return;
	if (used && used + 2 < sizeof(names->text)) {
		memcpy(names->text + used, ", ", 3);
		used += 2;
	}
	va_start(ap, fmt);
	vsnprintf(names->text + used, sizeof(names->text) - used, fmt, ap);
	va_end(ap);
}

/* " and 3 more", for what names_add() left out; into buf.  Return: buf. */
static const char *names_more(const struct names *names, char buf[32])
{
	buf[0] = '\0';
	if (names->n > MAX_NAMED)
		snprintf(buf, 32, " and %d more", names->n - MAX_NAMED);
	return buf;
}

/* ---- IOMMU ---- */

static void check_has_group(const struct topo *topo, const struct vfio_subject *subject,
			    struct verdict *verdict)
{
	(void)topo;
	if (subject->function->iommu_group < 0)
		verdict_find(verdict, subject->object,
			     "%s is in no IOMMU group, although the host has such groups",
			     subject->address);
}

static void rule_check_iommu_off(const struct topo *topo, struct verdict *verdict)
{
	const struct host_facts *host = topo->host;

	if (!topo_has_vfio(topo))
		return;
	if (host->n_iommu_groups < 0)
		verdict_unknown(verdict, "the IOMMU groups of the host are unknown");
	else if (host->n_iommu_groups > 0)
		rules_vfio_each(topo, verdict, check_has_group);
	else if (host->iommu_tables)
		verdict_find(
			verdict, "host",
			"the firmware describes an IOMMU, but the kernel uses none: it has "
			"no IOMMU groups");
	else
		verdict_find(verdict, "host",
			     "there are no IOMMU groups, and no DMAR or IVRS table of the "
			     "firmware");
}

static void check_group(const struct topo *topo, const struct vfio_subject *subject,
			struct verdict *verdict)
{
	const struct pci_function *function = subject->function, *pf;
	struct names others = { 0 };
	const char *acs = "";
	char more[32];

	for (size_t i = 0; i < topo->host->n_functions; i++) {
		const struct pci_function *f = &topo->host->functions[i];

		if (host_is_in_the_way(function, f))
			names_add(&others, "%s (%s)", f->address, f->driver);
	}
	if (function->iommu_group < 0 || others.n == 0)
		return;
	pf = function->physfn[0] ? host_find_function(topo->host, function->physfn) : NULL;
	if (pf && pf->caps_known && !pf->acs)
		acs = "; its PF has no Access Control Services (ACS), a usual reason";
	verdict_find(verdict, subject->object,
		     "%s shares the IOMMU group %d with what other drivers use: %s%s%s",
		     subject->address, function->iommu_group, others.text,
		     names_more(&others, more), acs);
}

static void rule_check_iommu_group_shared(const struct topo *topo, struct verdict *verdict)
{
	rules_vfio_each(topo, verdict, check_group);
}

/* ---- the VF ---- */

/* PFs that could have more VFs than they have. */
static void name_pfs(const struct host_facts *host, struct names *pfs)
{
	for (size_t i = 0; i < host->n_functions; i++) {
		const struct pci_function *f = &host->functions[i];

		if (f->num_vfs < f->total_vfs)
			names_add(pfs, "%s has %d of %d VFs", f->address, f->num_vfs,
				  f->total_vfs);
	}
}

static void check_is_there(const struct topo *topo, const struct topo_pair *pair,
			   struct verdict *verdict)
{
	struct vfio_subject subject;
	struct names pfs = { 0 };
	char why[256], more[32], buf[32];
	const char *text = device_text(topo, pair, buf);

	if (find_subject(topo, pair, &subject, why, sizeof(why)))
		return;
	if (!text && !(pair->def && pair->def->primary.physnet)) {
		verdict_find(verdict, subject.object,
			     "its vfio device has neither host= nor sysfsdev=");
	} else if (text && !subject.address[0] && !strchr(text, '/')) {
		verdict_find(verdict, subject.object, "\"%s\" is no PCI address", text);
	} else if (!subject.address[0] || topo->host->pci_missing) {
		verdict_unknown(verdict, "%s", why);
	} else {
		name_pfs(topo->host, &pfs);
		verdict_find(verdict, subject.object, "there is no PCI function %s%s%s%s%s",
			     subject.address, pfs.n ? " (" : "", pfs.text,
			     names_more(&pfs, more), pfs.n ? ")" : "");
	}
}

static void rule_check_vf_missing(const struct topo *topo, struct verdict *verdict)
{
	for (size_t i = 0; i < topo->n_pairs; i++)
		if (topo->pairs[i].vfio)
			check_is_there(topo, &topo->pairs[i], verdict);
}

static void check_is_vf(const struct topo *topo, const struct vfio_subject *subject,
			struct verdict *verdict)
{
	const struct pci_function *function = subject->function;
	const struct host_link *link = host_link_of(topo->host, function);

	if (function->physfn[0] || !function->sriov)
		return;
	verdict_find(verdict, subject->object, "%s%s%s is a PF, with %d of %d VFs",
		     subject->address, link ? ", the host's " : "", link ? link->name : "",
		     function->num_vfs, function->total_vfs);
}

static void rule_check_vf_is_pf(const struct topo *topo, struct verdict *verdict)
{
	rules_vfio_each(topo, verdict, check_is_vf);
}

static void check_driver(const struct topo *topo, const struct vfio_subject *subject,
			 struct verdict *verdict)
{
	const char *driver = subject->function->driver;
	bool bound_by_us = subject->pair->def && !topo->machine->running;

	if (text_is_vfio_driver(driver))
		return;
	verdict_find_as(verdict, bound_by_us ? SEVERITY_INFO : SEVERITY_ERROR, subject->object,
			"%s has %s%s, and not vfio-pci%s", subject->address,
			driver[0] ? "the driver " : "no driver", driver,
			bound_by_us ? ": vmfo binds it" : "");
}

static void rule_check_vf_driver(const struct topo *topo, struct verdict *verdict)
{
	rules_vfio_each(topo, verdict, check_driver);
}

#define VFIO_DOC "Linux Documentation/driver-api/vfio.rst"
#define LOCKED_BY "Linux drivers/vfio/vfio_iommu_type1.c (vfio_pin_pages_remote)"

const struct rule rules_vfio[] = {
	{
		.name = "iommu-off",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_HOST,
		.needs = NEEDS(TOPO_MACHINE) | NEEDS(TOPO_HOST),
		.summary = "the host has no IOMMU in use, so that no VF can be passed through",
		.why = "A VF reads and writes the guest's memory by itself. Without an IOMMU "
		       "nothing would hold it to that memory, and vfio gives no device away.",
		.remedy =
			"Switch the IOMMU on in the firmware setup (VT-d, AMD-Vi). On Intel, "
			"add intel_iommu=on iommu=pt to the kernel's command line; on AMD, "
			"remove amd_iommu=off. Reboot; `ls /sys/kernel/iommu_groups` must then "
			"show groups.",
		.source = VFIO_DOC
		"; Documentation/ABI/testing/sysfs-kernel-iommu_groups; "
		"Documentation/admin-guide/kernel-parameters.txt (intel_iommu, amd_iommu)",
		.check = rule_check_iommu_off,
	},
	{
		.name = "iommu-group-shared",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_HOST,
		.needs = NEEDS(TOPO_MACHINE) | NEEDS(TOPO_HOST),
		.summary = "the VF's IOMMU group also holds a device that another driver uses",
		.why = "Devices of one group can reach each other past the IOMMU. The kernel "
		       "gives a group away only as a whole: QEMU's opening of the VF fails with "
		       "\"group is not viable\".",
		.remedy =
			"Plug the NIC into a slot whose root port has Access Control Services "
			"(often one of the CPU's own), switch ACS on in the firmware setup, or "
			"update the NIC's firmware. Otherwise bind every other device of the "
			"group to vfio-pci, if the host can do without it.",
		.source = VFIO_DOC " (groups); drivers/iommu/iommu.c (pci_device_group, "
				   "iommu_group_claim_dma_owner)",
		.check = rule_check_iommu_group_shared,
	},
	{
		.name = "vf-missing",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_HOST,
		.needs = NEEDS(TOPO_MACHINE) | NEEDS(TOPO_HOST),
		.summary = "the host has no such PCI function",
		.why = "VFs exist only after the PF's driver made them, and not after a reboot "
		       "unless something makes them again. While a primary is hidden QEMU does "
		       "not look for its device, so that this shows only when it is plugged.",
		.remedy =
			"Make the VFs: echo NUMBER > /sys/bus/pci/devices/PF/sriov_numvfs "
			"(write 0 first if there are some), and have it done at every boot. Or "
			"correct host=; `lspci -D -d ::0200` lists the addresses.",
		.source = "Linux Documentation/PCI/pci-iov-howto.rst; QEMU hw/vfio/pci.c "
			  "(vfio_realize)",
		.check = rule_check_vf_missing,
	},
	{
		.name = "vf-is-pf",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_HOST,
		.needs = NEEDS(TOPO_MACHINE) | NEEDS(TOPO_HOST),
		.summary = "the primary is a PF, and not one of its VFs",
		.why = "With its PF the host loses the link and every VF of it, and nobody can "
		       "set the MAC address, the VLAN and the trust of what the guest was given. "
		       "On the target, where another PF waits, the MAC address would be another.",
		.remedy =
			"Give the PF back to its driver, make VFs (echo NUMBER > "
			"/sys/bus/pci/devices/PF/sriov_numvfs), and pass one of those through.",
		.source = "Linux Documentation/PCI/pci-iov-howto.rst; "
			  "Documentation/networking/net_failover.rst",
		.check = rule_check_vf_is_pf,
	},
	{
		.name = "vf-driver",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_HOST,
		.needs = NEEDS(TOPO_MACHINE) | NEEDS(TOPO_HOST),
		.summary =
			"the VF is not bound to vfio-pci (information where vmfo will bind it)",
		.why = "QEMU opens a VF through vfio only. With another driver, or none, the "
		       "plug of the primary fails, and the guest stays with its standby.",
		.remedy =
			"Bind it: modprobe vfio-pci; echo vfio-pci > "
			"/sys/bus/pci/devices/VF/driver_override; echo VF > "
			"/sys/bus/pci/devices/VF/driver/unbind (if it has a driver); echo VF > "
			"/sys/bus/pci/drivers_probe.",
		.source = VFIO_DOC
		"; Documentation/ABI/testing/sysfs-bus-pci (driver_override)",
		.check = rule_check_vf_driver,
	},
	{
		.name = "vf-busy",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_HOST,
		.needs = NEEDS(TOPO_MACHINE) | NEEDS(TOPO_HOST),
		.summary = "another process, or another VM, has the VF",
		.why = "A vfio group can be open in one process only: QEMU gets \"Device or "
		       "resource busy\".",
		.remedy = "Choose another VF, or stop who has this one.",
		.source = "Linux drivers/vfio/group.c (vfio_group_fops_open)",
		.check = rule_check_vf_busy,
	},
	{
		.name = "vfio-node-access",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_HOST,
		.needs = NEEDS(TOPO_MACHINE) | NEEDS(TOPO_HOST),
		.summary =
			"the node of the VF's group, /dev/vfio/N, is not there or may not be "
			"opened",
		.why = "QEMU opens it for reading and writing, as the user that starts it.",
		.remedy =
			"Give that user the node (a udev rule for SUBSYSTEM==\"vfio\" sets its "
			"owner and mode), or start QEMU as root. If it is not there, load the "
			"module vfio-pci; in a container, pass the node in.",
		.source = VFIO_DOC " (usage example)",
		.check = rule_check_vfio_node_access,
	},
	{
		.name = "group-does-not-open",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_HOST,
		.needs = NEEDS(TOPO_MACHINE) | NEEDS(TOPO_HOST),
		.summary = "the VF's group cannot be opened, or the kernel says that it is not "
			   "viable",
		.why = "QEMU will fail in the same way when it plugs the primary. It then keeps "
		       "this VF's options, and tries them again at the guest's next reboot.",
		.remedy =
			"Mend what the error names, or choose another VF. The kernel's log "
			"(dmesg | grep -i vfio) says more; other findings on the same VF come "
			"first.",
		.source = VFIO_DOC " (VFIO_GROUP_GET_STATUS); QEMU hw/vfio/container.c "
				   "(vfio_get_group)",
		.check = rule_check_group_does_not_open,
	},
	{
		.name = "memlock",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_HOST,
		.needs = NEEDS(TOPO_MACHINE) | NEEDS(TOPO_HOST),
		.summary = "the limit of locked memory is too low for the VM's RAM",
		.why = "A passed-through device can reach all RAM of the guest at any time, so "
		       "that all of it is locked. Above the limit the plug of the primary fails "
		       "with \"Cannot allocate memory\".",
		.remedy = "Raise the limit of who starts QEMU to what is needed: `ulimit -l "
			  "unlimited` as root, \"memlock\" in /etc/security/limits.conf, "
			  "LimitMEMLOCK= of a systemd unit. Or start it with CAP_IPC_LOCK.",
		.source = LOCKED_BY "; libvirt src/qemu/qemu_domain.c "
				    "(qemuDomainGetMemLockLimitBytes)",
		.check = rule_check_memlock,
	},
	{
		.name = "pin-time",
		.severity = SEVERITY_WARNING,
		.scope = SCOPE_HOST,
		.needs = NEEDS(TOPO_MACHINE) | NEEDS(TOPO_HOST),
		.summary =
			"locking the VM's RAM without huge pages takes long at each plug of a "
			"primary",
		.why = "Until all RAM is locked QEMU's main loop stands still: its monitor, and "
		       "disks and NICs that have no thread of their own. With "
		       "`--replug=hidden` the guest's CPUs stand still as well, in the blackout. "
		       "The estimate is from a report of 54 s for 137 GB.",
		.remedy = "Use huge pages: \"huge_pages\": true in the definition, or a "
			  "memory-backend-memfd with hugetlb=on; reserve them with "
			  "vm.nr_hugepages. Do not use `--replug=hidden` for this VM.",
		.source = LOCKED_BY "; QEMU hw/vfio/common.c (vfio_listener_region_add)",
		.check = rule_check_pin_time,
	},
	{ 0 },
};
