/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "topology/rules_vfio.h"

#define MIB (1024 * 1024)
#define DEFAULT_MEMORY_MIB 128 /* QEMU's, without -m */
#define MEMLOCK_EXTRA_MIB 1024
#define PIN_SECONDS_PER_GIB 0.4
#define PIN_WORTH_A_WORD 1.0 /* second */

static int64_t ram_mib(const struct machine *machine)
{
	return machine->memory_mib > 0 ? machine->memory_mib : DEFAULT_MEMORY_MIB;
}

static bool has_viommu(const struct machine *machine)
{
	static const char *const drivers[] = { "intel-iommu", "amd-iommu", "virtio-iommu-pci",
					       "virtio-iommu" };

	for (size_t i = 0; i < machine->n_devices; i++)
		for (size_t j = 0; j < ARRAY_SIZE(drivers); j++)
			if (str_eq(machine->devices[i].driver, drivers[j]))
				return true;
	return false;
}

/* What QEMU will lock: all RAM, once for each device that has an address space of its own. */
static int64_t locked_mib(const struct machine *machine, int *times)
{
	int64_t mib = ram_mib(machine);
	int devices = 0;

	for (size_t i = 0; i < machine->n_devices; i++)
		devices += machine_is_vfio(&machine->devices[i]);
	*times = has_viommu(machine) && devices > 1 ? devices : 1;
	if (__builtin_mul_overflow(mib, *times, &mib) ||
	    __builtin_add_overflow(mib, MEMLOCK_EXTRA_MIB, &mib))
		mib = INT64_MAX;
	return mib;
}

void rule_check_memlock(const struct topo *topo, struct verdict *verdict)
{
	const struct host_facts *host = topo->host;
	/* vmfo may raise its own limit, as far as it is allowed to; QEMU itself does not. */
	int64_t limit = topo->def ? host->memlock_hard : host->memlock_soft;
	enum fact raises = topo->def ? host->cap_sys_resource : FACT_NO;
	int64_t need;
	char each[48] = "";
	int times;

	/* A VM that runs has locked its memory already, under a limit of its own. */
	if (!topo_has_vfio(topo) || (topo->machine->running && !topo->source))
		return;
	need = locked_mib(topo->machine, &times);
	if (limit == -1 || host->cap_ipc_lock == FACT_YES || raises == FACT_YES ||
	    (limit >= 0 && limit / MIB >= need))
		return;
	if (limit < 0) {
		verdict_unknown(verdict, "the limit of locked memory is unknown");
		return;
	}
	if (host->cap_ipc_lock == FACT_UNKNOWN || raises == FACT_UNKNOWN) {
		verdict_unknown(verdict,
				"which capabilities there are, of which some lift the limit of "
				"locked memory, is unknown");
		return;
	}
	if (times > 1)
		snprintf(each, sizeof(each), "%d times, with a virtual IOMMU, ", times);
	verdict_find(verdict, "host",
		     "%jd MiB may be locked; QEMU needs %jd MiB: the VM's %jd MiB %sand %d MiB",
		     (intmax_t)(limit / MIB), (intmax_t)need, (intmax_t)ram_mib(topo->machine),
		     each, MEMLOCK_EXTRA_MIB);
}

void rule_check_pin_time(const struct topo *topo, struct verdict *verdict)
{
	double seconds = PIN_SECONDS_PER_GIB * (double)ram_mib(topo->machine) / 1024;

	if (!topo_has_vfio(topo) || topo->machine->huge_pages)
		return;
	if (topo->machine->running && topo->machine->memory_mib <= 0) {
		verdict_unknown(verdict, "how much memory the VM has is unknown");
		return;
	}
	if (seconds < PIN_WORTH_A_WORD)
		return;
	verdict_find(verdict, "host",
		     "to lock %jd MiB in pages of 4 KiB takes about %.0f s at each plug of a "
		     "primary",
		     (intmax_t)ram_mib(topo->machine), seconds);
}
