/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a VM takes of its host: memory, accelerators, and the threads that keep it going
 * while a plug holds QEMU's main loop.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"
#include "topology/rule.h"

#define DEFAULT_MEMORY_MIB 128 /* QEMU's, without -m */

static int64_t memory_of(const struct machine *machine)
{
	return machine->memory_mib > 0 ? machine->memory_mib : DEFAULT_MEMORY_MIB;
}

/* ---- what stalls ---- */

static bool is_on(const struct machine_backend *netdev, const char *key)
{
	const json_t *value = json_object_get(netdev->props, key);
	const char *text = json_string_value(value);

	return json_is_true(value) ||
	       (text && (str_eq(text, "on") || str_eq(text, "yes") || str_eq(text, "true")));
}

/* By the definition: "auto" is decided by this host. */
static void check_vhost_of_pair(const struct topo *topo, struct verdict *verdict,
				const struct vm_pair *pair, const char *object)
{
	enum fact there = topo->host ? topo->host->vhost_net : FACT_UNKNOWN;

	if (pair->standby.vhost == VM_VHOST_OFF)
		verdict_find(verdict, object, "its standby has \"vhost\": \"off\"");
	else if (pair->standby.vhost == VM_VHOST_AUTO && there == FACT_NO)
		verdict_find(verdict, object,
			     "its standby has \"vhost\": \"auto\", and /dev/vhost-net cannot "
			     "be used here");
	else if (pair->standby.vhost == VM_VHOST_AUTO && there == FACT_UNKNOWN)
		verdict_unknown(verdict,
				"%s: it is not known whether this host has "
				"/dev/vhost-net",
				object);
}

static void check_vhost_of_device(const struct topo *topo, struct verdict *verdict,
				  const struct topo_pair *pair, const char *object)
{
	const struct machine_backend *netdev;
	const char *id;
	char buf[32];

	if (topo->machine->running) {
		verdict_unknown(verdict,
				"%s: a running QEMU does not say whether it uses vhost",
				object);
		return;
	}
	id = machine_text(topo->machine, pair->standby, "netdev", buf);
	netdev = id ? machine_find_netdev(topo->machine, id) : NULL;
	if (!netdev)
		verdict_unknown(verdict, "%s: its standby has no netdev that is known", object);
	else if (!str_starts(netdev->type, "vhost-") && !is_on(netdev, "vhost") &&
		 !is_on(netdev, "vhostforce"))
		verdict_find(verdict, object, "its standby's netdev %s (%s) has no vhost=on",
			     id, netdev->type);
}

static void rule_check_standby_no_vhost(const struct topo *topo, struct verdict *verdict)
{
	char object[96];

	for (size_t i = 0; i < topo->n_pairs; i++) {
		const struct topo_pair *pair = &topo->pairs[i];

		if (!pair->vfio || !pair->standby)
			continue;
		topo_pair_name(pair, object);
		if (pair->def)
			check_vhost_of_pair(topo, verdict, pair->def, object);
		else
			check_vhost_of_device(topo, verdict, pair, object);
	}
}

static bool is_disk_controller(const char *driver)
{
	return str_starts(driver, "virtio-blk") || str_starts(driver, "virtio-scsi");
}

static void rule_check_disk_no_iothread(const struct topo *topo, struct verdict *verdict)
{
	const struct machine *machine = topo->machine;
	char name[64], buf[32], object[80];

	if (!topo_has_vfio(topo))
		return;
	for (size_t i = 0; i < machine->n_devices; i++) {
		const struct machine_device *device = &machine->devices[i];
		bool may_have = is_disk_controller(device->driver);

		if (!may_have && !str_eq(device->driver, "ide-hd") &&
		    !str_eq(device->driver, "nvme"))
			continue;
		if (may_have && machine->running) {
			verdict_unknown(verdict, "a running QEMU does not say which threads "
						 "serve its disks");
			return;
		}
		if (may_have && (machine_text(machine, device, "iothread", buf) ||
				 machine_text(machine, device, "iothread-vq-mapping", buf)))
			continue;
		snprintf(object, sizeof(object), "disk %s", machine_device_name(device, name));
		verdict_find(verdict, object,
			     may_have ? "its %s has no iothread" :
					"its %s cannot have an iothread",
			     device->driver);
	}
}

/* ---- what must be there ---- */

static void rule_check_kvm_unavailable(const struct topo *topo, struct verdict *verdict)
{
	const struct strv *accel = &topo->machine->accel;

	if (!accel->n)
		return;
	for (size_t i = 0; i < accel->n; i++)
		if (!str_eq(accel->v[i], "kvm"))
			return;
	if (topo->host->kvm == FACT_NO)
		verdict_find(
			verdict, "host",
			"the VM wants KVM and nothing else, and /dev/kvm cannot be opened");
	else if (topo->host->kvm == FACT_UNKNOWN)
		verdict_unknown(verdict, "it is not known whether /dev/kvm can be opened");
}

static void vhost_is_missing(const struct topo *topo, struct verdict *verdict,
			     const char *object)
{
	if (topo->host->vhost_net == FACT_NO)
		verdict_find(verdict, object,
			     "vhost is to be on, and /dev/vhost-net is not there or not "
			     "permitted");
	else if (topo->host->vhost_net == FACT_UNKNOWN)
		verdict_unknown(verdict,
				"it is not known whether this host has /dev/vhost-net");
}

static void rule_check_vhost_missing(const struct topo *topo, struct verdict *verdict)
{
	const struct machine *machine = topo->machine;
	const struct vmdef *def = topo->def;
	char object[96];

	for (size_t i = 0; def && i < def->n_pairs; i++) {
		snprintf(object, sizeof(object), "pair %s", def->pairs[i].id);
		if (def->pairs[i].standby.vhost == VM_VHOST_ON)
			vhost_is_missing(topo, verdict, object);
	}
	for (size_t i = 0; def && i < def->n_nics; i++) {
		snprintf(object, sizeof(object), "NIC %s", def->nics[i].id);
		if (def->nics[i].vhost == VM_VHOST_ON)
			vhost_is_missing(topo, verdict, object);
	}
	/* A definition's machine has vhost=on where "auto" has found it, too. */
	for (size_t i = 0; !def && i < machine->n_netdevs; i++) {
		const struct machine_backend *netdev = &machine->netdevs[i];

		snprintf(object, sizeof(object), "netdev %s", netdev->id ?: netdev->type);
		if (str_eq(netdev->type, "tap") &&
		    (is_on(netdev, "vhost") || is_on(netdev, "vhostforce")))
			vhost_is_missing(topo, verdict, object);
	}
}

/* ---- memory ---- */

/* KiB of the page size that an object asks for: "hugetlbsize" as "2M", "1G"; 0: any. */
static int64_t wanted_page_kib(const struct machine *machine)
{
	for (size_t i = 0; i < machine->n_objects; i++) {
		const json_t *value = json_object_get(machine->objects[i].props, "hugetlbsize");
		const char *text = json_string_value(value);
		char *end = NULL;
		long long n = text ? strtoll(text, &end, 10) : json_integer_value(value);

		if (n <= 0 || n > INT32_MAX)
			continue;
		switch (end ? *end : '\0') {
		case 'k':
		case 'K':
			return n;
		case 'M':
			return n * 1024;
		case 'G':
			return n * 1024 * 1024;
		default:
			return n / 1024;
		}
	}
	return 0;
}

static void rule_check_huge_pages_missing(const struct topo *topo, struct verdict *verdict)
{
	const struct host_facts *host = topo->host;
	int64_t wanted = wanted_page_kib(topo->machine), memory = memory_of(topo->machine);
	int64_t best = 0;

	if (!topo->machine->huge_pages || topo->runs_here)
		return;
	/* Without a size, QEMU takes the host's default size. */
	for (size_t i = 0; i < host->n_huge_pages; i++) {
		const struct huge_pages *pages = &host->huge_pages[i];

		if ((!wanted || pages->page_kib == wanted) && pages->free > 0 &&
		    pages->page_kib > 0 && pages->free <= INT64_MAX / pages->page_kib &&
		    pages->free * pages->page_kib > best)
			best = pages->free * pages->page_kib;
	}
	if (best / 1024 < memory)
		verdict_find(verdict, "host",
			     "the VM needs %" PRId64 " MiB of huge pages%s, %" PRId64
			     " MiB are free",
			     memory, wanted ? " of the size that it names" : "", best / 1024);
}

static void rule_check_memory_short(const struct topo *topo, struct verdict *verdict)
{
	int64_t memory = memory_of(topo->machine);
	int64_t available = topo_memory_available_mib(topo);

	/* Huge pages are set aside: MemAvailable says nothing of them. */
	if (topo->machine->huge_pages || topo->runs_here)
		return;
	if (available < 0)
		verdict_unknown(verdict, "the host does not say how much memory is available");
	else if (available < memory)
		verdict_find(verdict, "host",
			     "memory: the VM needs %" PRId64 " MiB, %" PRId64
			     " MiB are available",
			     memory, available);
}

const struct rule rules_resources[] = {
	{
		.name = "kvm-unavailable",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_HOST,
		.needs = NEEDS(TOPO_MACHINE) | NEEDS(TOPO_HOST),
		.summary = "the VM runs under KVM only, and this host offers no KVM",
		.why = "QEMU does not start when none of the accelerators that it was given "
		       "works.",
		.remedy =
			"Enable VT-x or AMD-V in the firmware, load kvm_intel or kvm_amd, and "
			"permit the user that runs QEMU to open /dev/kvm (group kvm). For a "
			"slow VM without it, add \"tcg\" to \"accel\".",
		.source = "QEMU softmmu/vl.c (configure_accelerators); "
			  "Linux Documentation/virt/kvm/api.rst",
		.check = rule_check_kvm_unavailable,
	},
	{
		.name = "vhost-missing",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_HOST,
		.needs = NEEDS(TOPO_MACHINE) | NEEDS(TOPO_HOST),
		.summary = "vhost is asked for, and /dev/vhost-net cannot be used",
		.why = "A NIC with vhost on is not made without it: QEMU does not start.",
		.remedy = "Load the module (modprobe vhost_net) and permit the user that runs "
			  "QEMU to open /dev/vhost-net; or set \"vhost\" to \"auto\".",
		.source = "QEMU net/tap.c (net_init_tap_one)",
		.check = rule_check_vhost_missing,
	},
	{
		.name = "memory-short",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_HOST,
		.needs = NEEDS(TOPO_MACHINE) | NEEDS(TOPO_HOST),
		.summary = "this host has less memory available than the VM has RAM",
		.why = "A passed-through device pins all of the VM's RAM, and preallocated RAM is "
		       "taken at the start; what is missing then makes QEMU, or something else "
		       "on this host, end by the kernel's out-of-memory killer.",
		.remedy = "Stop or move other VMs, choose another host, or give the VM less "
			  "memory.",
		.source = "Linux Documentation/filesystems/proc.rst (MemAvailable)",
		.check = rule_check_memory_short,
	},
	{
		.name = "huge-pages-missing",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_HOST,
		.needs = NEEDS(TOPO_MACHINE) | NEEDS(TOPO_HOST),
		.summary = "too few huge pages are free for the VM's RAM",
		.why = "Huge pages are set aside beforehand. QEMU does not start, or is killed by "
		       "SIGBUS later, when too few are free.",
		.remedy =
			"Set more aside, at boot (hugepages= on the kernel's command line) or "
			"now: sysctl vm.nr_hugepages=NUMBER. Or set \"huge_pages\" of "
			"\"memory\" to false.",
		.source = "Linux Documentation/admin-guide/mm/hugetlbpage.rst; "
			  "QEMU backends/hostmem-memfd.c",
		.check = rule_check_huge_pages_missing,
	},
	{
		.name = "standby-no-vhost",
		.severity = SEVERITY_WARNING,
		.scope = SCOPE_HOST,
		.needs = NEEDS(TOPO_MACHINE),
		.summary = "the standby stalls while its primary is plugged",
		.why = "Plugging a passed-through primary pins all of the VM's RAM, and holds "
		       "QEMU's main loop for as long. Without vhost that loop carries the "
		       "standby's packets, and so the guest has no network at all meanwhile.",
		.remedy =
			"Load the module vhost_net on this host and let \"vhost\" of the "
			"standby be \"auto\" or \"on\"; on a command line, add vhost=on to the "
			"standby's -netdev tap.",
		.source = "QEMU hw/vfio/common.c (vfio_dma_map), hw/net/vhost_net.c",
		.check = rule_check_standby_no_vhost,
	},
	{
		.name = "disk-no-iothread",
		.severity = SEVERITY_WARNING,
		.scope = SCOPE_HOST,
		.needs = NEEDS(TOPO_MACHINE),
		.summary = "a disk stalls while a primary is plugged",
		.why = "Plugging a passed-through primary pins all of the VM's RAM, and holds "
		       "QEMU's main loop for as long. A disk without a thread of its own is "
		       "served by that loop: the guest waits for its disk meanwhile.",
		.remedy =
			"Use virtio-blk-pci or virtio-scsi-pci with -object iothread,id=io0 and "
			"iothread=io0.",
		.source = "QEMU docs/devel/multiple-iothreads.txt, hw/vfio/common.c "
			  "(vfio_dma_map)",
		.check = rule_check_disk_no_iothread,
	},
	{ 0 },
};
