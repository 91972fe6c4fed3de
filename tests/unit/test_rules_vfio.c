/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The rules of vfio, each in the cases in which it finds something, in which it does not, and
 * in which it cannot tell.
 */
#include <errno.h>

#include "vfio_world.h"

/* ---- the cases: what of the world is otherwise ---- */

static void spoil_iommu(struct world *w)
{
	w->host.n_iommu_groups = 0;
	w->host.iommu_tables = false;
}

static void spoil_iommu_unused(struct world *w)
{
	w->host.n_iommu_groups = 0;
}

static void spoil_iommu_unknown(struct world *w)
{
	w->host.n_iommu_groups = -1;
}

static void spoil_no_group(struct world *w)
{
	w->functions[F_VF].iommu_group = -1;
}

static void spoil_pci(struct world *w)
{
	w->host.pci_missing = "nobody looked";
}

static void spoil_shared(struct world *w)
{
	w->functions[F_PF].iommu_group = 20;
	w->functions[F_PF].acs = false;
}

static void spoil_shared_acs_unknown(struct world *w)
{
	spoil_shared(w);
	w->functions[F_PF].caps_known = false;
}

static void spoil_shared_harmless(struct world *w)
{
	w->functions[F_PORT].iommu_group = 20;
	w->functions[F_OTHER].iommu_group = 20;
	w->functions[F_PF].iommu_group = 20;
	strcpy(w->functions[F_PF].driver, "pci-stub");
}

static void spoil_shared_unbound(struct world *w)
{
	w->functions[F_OTHER].iommu_group = 20;
	w->functions[F_OTHER].driver[0] = '\0';
}

static void spoil_missing(struct world *w)
{
	w->host.n_functions = F_VF;
}

static void spoil_driver(struct world *w)
{
	strcpy(w->functions[F_VF].driver, "igbvf");
	w->host.groups++;
	w->host.n_groups--;
}

static void spoil_driver_none(struct world *w)
{
	spoil_driver(w);
	w->functions[F_VF].driver[0] = '\0';
}

static void spoil_driver_variant(struct world *w)
{
	strcpy(w->functions[F_VF].driver, "mlx5_vfio_pci");
}

static void spoil_driver_defined(struct world *w)
{
	spoil_driver(w);
	with_definition(w);
}

static void spoil_holder(struct world *w)
{
	w->groups[0].holder = 4711;
	strcpy(w->groups[0].holder_name, "qemu-system-x86");
	w->groups[0].open_errno = EBUSY;
}

static void spoil_holder_itself(struct world *w)
{
	spoil_holder(w);
	w->topo.vm = "db1";
	w->topo.runs_here = true;
	w->vms[0].pid = 4711;
}

static void spoil_holder_another(struct world *w)
{
	spoil_holder_itself(w);
	w->vms[0].pid = 4712;
}

static void spoil_holder_running(struct world *w)
{
	spoil_holder(w);
	w->machine->running = true;
}

static void spoil_holder_unseen(struct world *w)
{
	w->groups[0].open_errno = EBUSY;
}

static void spoil_reserved(struct world *w)
{
	w->topo.vm = "db1";
	strcpy(w->held[0], "01:10.0");
	w->vms[1].n_vfs = 1;
}

static void spoil_reserved_itself(struct world *w)
{
	spoil_reserved(w);
	w->topo.vm = "web1";
}

static void spoil_access(struct world *w)
{
	w->groups[0].accessible = false;
	w->groups[0].viable = false;
	w->groups[0].open_errno = EACCES;
}

static void spoil_node(struct world *w)
{
	w->groups[0] = (struct vfio_group){ .number = 20, .open_errno = ENOENT };
}

static void spoil_open(struct world *w)
{
	w->groups[0].open_errno = EPERM;
}

static void spoil_viable(struct world *w)
{
	w->groups[0].viable = false;
}

static void spoil_captured(struct world *w)
{
	w->host.live = false;
	w->groups[0].open_errno = -1;
}

static const struct world_case cases[] = {
	{ "all is well", "iommu-off", spoil_nothing, PASSES, "" },
	{ "no IOMMU", "iommu-off", spoil_iommu, FINDS, "no DMAR or IVRS" },
	{ "no groups", "iommu-off", spoil_iommu_unused, FINDS, "the kernel uses none" },
	{ "groups unknown", "iommu-off", spoil_iommu_unknown, UNKNOWN, "unknown" },
	{ "in no group", "iommu-off", spoil_no_group, FINDS, VF " is in no IOMMU group" },
	{ "in no group", "iommu-group-shared", spoil_no_group, PASSES, "" },

	{ "all is well", "iommu-group-shared", spoil_nothing, PASSES, "" },
	{ "with its PF", "iommu-group-shared", spoil_shared, FINDS, "group 20" },
	{ "with its PF", "iommu-group-shared", spoil_shared, FINDS, PF " (igb)" },
	{ "with its PF, no ACS", "iommu-group-shared", spoil_shared, FINDS, "(ACS)" },
	{ "harmless ones", "iommu-group-shared", spoil_shared_harmless, PASSES, "" },
	{ "without driver", "iommu-group-shared", spoil_shared_unbound, PASSES, "" },
	{ "PCI unknown", "iommu-group-shared", spoil_pci, UNKNOWN, "nobody looked" },

	{ "all is well", "vf-missing", spoil_nothing, PASSES, "" },
	{ "no such VF", "vf-missing", spoil_missing, FINDS, "no PCI function " VF },
	{ "no such VF", "vf-missing", spoil_missing, FINDS, PF " has 2 of 7 VFs" },
	{ "no such VF", "vf-is-pf", spoil_missing, UNKNOWN, "no PCI function" },
	{ "no such VF", "vf-driver", spoil_missing, UNKNOWN, "no PCI function" },
	{ "PCI unknown", "vf-missing", spoil_pci, UNKNOWN, "nobody looked" },
	{ "PCI unknown", "vf-is-pf", spoil_pci, UNKNOWN, "nobody looked" },
	{ "all is well", "vf-is-pf", spoil_nothing, PASSES, "" },

	{ "all is well", "vf-driver", spoil_nothing, PASSES, "" },
	{ "its own driver", "vf-driver", spoil_driver, FINDS, "the driver igbvf" },
	{ "no driver", "vf-driver", spoil_driver_none, FINDS, "no driver" },
	{ "a variant", "vf-driver", spoil_driver_variant, PASSES, "" },
	{ "a definition", "vf-driver", spoil_driver_defined, FINDS, "vmfo binds it" },
	{ "PCI unknown", "vf-driver", spoil_pci, UNKNOWN, "nobody looked" },

	{ "all is well", "vf-busy", spoil_nothing, PASSES, "" },
	{ "held", "vf-busy", spoil_holder, FINDS, "process 4711 (qemu-system-x86)" },
	{ "held by itself", "vf-busy", spoil_holder_itself, PASSES, "" },
	{ "held by another", "vf-busy", spoil_holder_another, FINDS, "process 4711" },
	{ "held, running", "vf-busy", spoil_holder_running, PASSES, "" },
	{ "held unseen", "vf-busy", spoil_holder_unseen, FINDS, "cannot be seen" },
	{ "no access", "vf-busy", spoil_access, UNKNOWN, "/dev/vfio/20" },
	{ "reserved", "vf-busy", spoil_reserved, FINDS, "belongs to the VM web1" },
	{ "its own", "vf-busy", spoil_reserved_itself, PASSES, "" },
	{ "its own driver", "vf-busy", spoil_driver, PASSES, "" },

	{ "all is well", "vfio-node-access", spoil_nothing, PASSES, "" },
	{ "no access", "vfio-node-access", spoil_access, FINDS, "/dev/vfio/20" },
	{ "no node", "vfio-node-access", spoil_node, FINDS, "there is no /dev/vfio/20" },
	{ "its own driver", "vfio-node-access", spoil_driver, UNKNOWN, "not with vfio-pci" },
	{ "held, running", "vfio-node-access", spoil_holder_running, PASSES, "" },

	{ "all is well", "group-does-not-open", spoil_nothing, PASSES, "" },
	{ "refused", "group-does-not-open", spoil_open, FINDS, "Operation not permitted" },
	{ "not viable", "group-does-not-open", spoil_viable, FINDS, "not viable" },
	{ "no access", "group-does-not-open", spoil_access, UNKNOWN, "cannot be reached" },
	{ "no node", "group-does-not-open", spoil_node, UNKNOWN, "cannot be reached" },
	{ "held", "group-does-not-open", spoil_holder, UNKNOWN, "in use" },
	{ "held by itself", "group-does-not-open", spoil_holder_itself, PASSES, "" },
	{ "captured", "group-does-not-open", spoil_captured, UNKNOWN, "captured" },
	{ "its own driver", "group-does-not-open", spoil_driver, UNKNOWN, "not with vfio-pci" },
};

/* ---- command lines ---- */

/* Rules that look at one VF. */
static const char *const of_vf[] = { "iommu-group-shared", "vf-is-pf",
				     "vf-driver",          "vf-busy",
				     "vfio-node-access",   "group-does-not-open" };

static void check_texts(void)
{
	static const struct {
		const char *primary;
		enum outcome outcome;
		const char *text;
	} rows[] = {
		{ ",host=0000:01:10.0", PASSES, "" },
		{ ",host=1:10.0", PASSES, "" },
		{ ",sysfsdev=/sys/bus/pci/devices/0000:01:10.0", PASSES, "" },
		{ "", FINDS, "neither host= nor sysfsdev=" },
		{ ",host=enp1s0", FINDS, "\"enp1s0\" is no PCI address" },
		{ ",host=01:10.9", FINDS, "is no PCI address" },
		{ ",host=02:10.0", FINDS, "0000:02:10.0" },
		{ ",sysfsdev=/sys/bus/mdev/devices/83b8f4f2-509f-382f-3c1e-e6bfe0fa1001",
		  UNKNOWN, "no PCI address" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *device =
			str_printf("vfio-pci,id=vf0,failover_pair_id=net0%s", rows[i].primary);
		const char *argv[] = { "qemu", STANDBY, "-device", device };
		struct world w;

		world_open(&w, argv, ARRAY_SIZE(argv));
		world_run(&w);
		expect(&w, rows[i].primary, "vf-missing", rows[i].outcome, rows[i].text);
		for (size_t j = 0; j < ARRAY_SIZE(of_vf); j++)
			expect(&w, rows[i].primary, of_vf[j],
			       rows[i].outcome == PASSES ? PASSES : UNKNOWN, "pair net0");
		world_close(&w);
	}
}

/* A definition's VF is not chosen yet: nothing is said of any. */
static void check_not_chosen(void)
{
	static const char *const argv[] = { "qemu", "-m", "8192", STANDBY, PRIMARY("") };
	struct world w;

	world_open(&w, argv, ARRAY_SIZE(argv));
	with_definition(&w);
	w.host.memlock_hard = 0;
	world_run(&w);
	expect(&w, "not chosen", "vf-missing", UNKNOWN, "physnet prod");
	for (size_t i = 0; i < ARRAY_SIZE(of_vf); i++)
		expect(&w, "not chosen", of_vf[i], UNKNOWN, "physnet prod");
	expect(&w, "not chosen", "memlock", FINDS, "0 MiB may be locked");
	expect(&w, "not chosen", "pin-time", FINDS, "8192 MiB");
	world_close(&w);
}

static void check_pf(void)
{
	static const char *const argv[] = { "qemu", STANDBY, PRIMARY(",host=01:00.0") };
	struct world w;

	world_open(&w, argv, ARRAY_SIZE(argv));
	world_run(&w);
	expect(&w, "a PF", "vf-is-pf", FINDS, "enp1s0 is a PF, with 2 of 7 VFs");
	expect(&w, "a PF", "vf-missing", PASSES, "");
	world_close(&w);

	world_open(&w, argv, ARRAY_SIZE(argv));
	w.functions[F_PF].sriov = false;
	world_run(&w);
	expect(&w, "a NIC without SR-IOV", "vf-is-pf", PASSES, "");
	world_close(&w);
}

static void check_severities(void)
{
	static const char *const argv[] = { "qemu", STANDBY, PRIMARY(",host=01:10.0") };
	struct world w;

	world_open(&w, argv, ARRAY_SIZE(argv));
	spoil_driver(&w);
	world_run(&w);
	is_int(finding_of(&w, "vf-driver")->severity, SEVERITY_ERROR, "QEMU binds nothing");
	is_str(finding_of(&w, "vf-driver")->object, "pair net0", "the pair is named");
	world_close(&w);

	world_open(&w, argv, ARRAY_SIZE(argv));
	spoil_driver_defined(&w);
	world_run(&w);
	is_int(finding_of(&w, "vf-driver")->severity, SEVERITY_INFO, "vmfo does");
	world_close(&w);

	world_open(&w, argv, ARRAY_SIZE(argv));
	spoil_shared_acs_unknown(&w);
	world_run(&w);
	ok(!strstr(finding_of(&w, "iommu-group-shared")->found, "ACS"),
	   "ACS that was not seen is not said to be missing");
	world_close(&w);
}

static void check_without_vfio(void)
{
	static const char *const argv[] = { "qemu",    "-m",
					    "8192",    STANDBY,
					    "-device", "e1000e,id=p0,failover_pair_id=net0" };
	static const char *const rules[] = { "iommu-off", "vf-missing", "memlock", "pin-time" };
	struct world w;

	world_open(&w, argv, ARRAY_SIZE(argv));
	spoil_iommu(&w);
	w.host.memlock_soft = w.host.memlock_hard = 0;
	w.host.pci_missing = "nobody looked";
	world_run(&w);
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		expect(&w, "an emulated primary", rules[i], PASSES, "");
	for (size_t i = 0; i < ARRAY_SIZE(of_vf); i++)
		expect(&w, "an emulated primary", of_vf[i], PASSES, "");
	world_close(&w);

	world_open(&w, argv, ARRAY_SIZE(argv));
	w.topo.host = NULL;
	w.topo.why_not[TOPO_HOST] = "--no-host";
	world_run(&w);
	for (size_t i = 0; i < ARRAY_SIZE(of_vf); i++)
		expect(&w, "no host", of_vf[i], UNKNOWN, "--no-host");
	world_close(&w);
}

/* A group of many names some of them. */
static void check_many(void)
{
	static const char *const argv[] = { "qemu", STANDBY, PRIMARY(",host=01:10.0") };
	struct pci_function functions[40];
	struct world w;

	world_open(&w, argv, ARRAY_SIZE(argv));
	for (int i = 0; i < 40; i++) {
		char address[PCI_ADDRESS_SIZE];

		snprintf(address, sizeof(address), "0000:01:%02x.%d", 0x10 + i / 8, i % 8);
		set_function(&functions[i], address, "igbvf", 20);
	}
	w.host.functions = functions;
	w.host.n_functions = ARRAY_SIZE(functions);
	world_run(&w);
	expect(&w, "40 devices", "iommu-group-shared", FINDS,
	       "0000:01:10.4 (igbvf) and 35 more");
	world_close(&w);
}

int main(void)
{
	check_cases(cases, ARRAY_SIZE(cases));
	check_texts();
	check_not_chosen();
	check_pf();
	check_severities();
	check_without_vfio();
	check_many();
	return done_testing();
}
