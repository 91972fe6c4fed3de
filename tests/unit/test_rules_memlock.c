/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The rules of the memory that a passed-through device locks.
 */
#include "vfio_world.h"

static void spoil_memlock(struct world *w)
{
	w->host.memlock_soft = (int64_t)9215 << 20;
	w->host.memlock_hard = -1;
}

static void spoil_memlock_enough(struct world *w)
{
	w->host.memlock_soft = (int64_t)9216 << 20;
}

static void spoil_memlock_defined(struct world *w)
{
	spoil_memlock(w);
	with_definition(w);
}

static void spoil_memlock_both(struct world *w)
{
	spoil_memlock_defined(w);
	w->host.memlock_hard = 8388608;
}

static void spoil_memlock_ipc(struct world *w)
{
	spoil_memlock(w);
	w->host.cap_ipc_lock = FACT_YES;
}

static void spoil_memlock_resource(struct world *w)
{
	spoil_memlock(w);
	w->host.cap_sys_resource = FACT_YES;
}

static void spoil_memlock_raised(struct world *w)
{
	spoil_memlock_both(w);
	w->host.cap_sys_resource = FACT_YES;
}

static void spoil_memlock_unknown(struct world *w)
{
	w->host.memlock_soft = -2;
}

static void spoil_memlock_caps(struct world *w)
{
	spoil_memlock(w);
	w->host.cap_ipc_lock = FACT_UNKNOWN;
}

static void spoil_memlock_running(struct world *w)
{
	spoil_memlock(w);
	w->machine->running = true;
}

static void spoil_memory_vast(struct world *w)
{
	spoil_memlock(w);
	w->machine->memory_mib = INT64_MAX - 1;
}

static void spoil_huge(struct world *w)
{
	w->machine->huge_pages = true;
}

static void spoil_small(struct world *w)
{
	w->machine->memory_mib = 2048;
}

static void spoil_memory_unknown(struct world *w)
{
	w->machine->running = true;
	w->machine->memory_mib = 0;
}

static const struct world_case cases[] = {
	{ "unlimited", "memlock", spoil_nothing, PASSES, "" },
	{ "1 MiB short", "memlock", spoil_memlock, FINDS, "9215 MiB may be locked" },
	{ "1 MiB short", "memlock", spoil_memlock, FINDS, "needs 9216 MiB" },
	{ "enough", "memlock", spoil_memlock_enough, PASSES, "" },
	{ "raised by vmfo", "memlock", spoil_memlock_defined, PASSES, "" },
	{ "not to be raised", "memlock", spoil_memlock_both, FINDS, "8 MiB may be locked" },
	{ "CAP_IPC_LOCK", "memlock", spoil_memlock_ipc, PASSES, "" },
	{ "CAP_SYS_RESOURCE", "memlock", spoil_memlock_raised, PASSES, "" },
	{ "CAP_SYS_RESOURCE of a QEMU that others start", "memlock", spoil_memlock_resource,
	  FINDS, "9215 MiB may be locked" },
	{ "limit unknown", "memlock", spoil_memlock_unknown, UNKNOWN, "limit" },
	{ "capabilities unknown", "memlock", spoil_memlock_caps, UNKNOWN, "capabilities" },
	{ "running", "memlock", spoil_memlock_running, PASSES, "" },
	{ "vast memory", "memlock", spoil_memory_vast, FINDS, "9215 MiB may be locked" },

	{ "8 GiB", "pin-time", spoil_nothing, FINDS, "about 3 s" },
	{ "huge pages", "pin-time", spoil_huge, PASSES, "" },
	{ "2 GiB", "pin-time", spoil_small, PASSES, "" },
	{ "memory unknown", "pin-time", spoil_memory_unknown, UNKNOWN, "unknown" },
};

/* With a virtual IOMMU each device has an address space of its own. */
static void check_viommu(void)
{
	static const char *const argv[] = { "qemu",
					    "-m",
					    "8192",
					    STANDBY,
					    PRIMARY(",host=01:10.0"),
					    "-device",
					    "vfio-pci,host=01:10.2,id=vf1",
					    "-device",
					    "intel-iommu" };
	struct world w;

	world_open(&w, argv, ARRAY_SIZE(argv) - 2);
	spoil_memlock_enough(&w);
	world_run(&w);
	expect(&w, "two devices", "memlock", PASSES, "");
	world_close(&w);

	world_open(&w, argv, ARRAY_SIZE(argv));
	spoil_memlock_enough(&w);
	world_run(&w);
	expect(&w, "two devices and a vIOMMU", "memlock", FINDS, "needs 17408 MiB");
	expect(&w, "two devices and a vIOMMU", "memlock", FINDS, "2 times");
	world_close(&w);
}

int main(void)
{
	check_cases(cases, ARRAY_SIZE(cases));
	check_viommu();
	return done_testing();
}
