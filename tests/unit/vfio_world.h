/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * For the tests of the rules of vfio: a host on which all is well with one VF, and what a rule
 * says of it.
 */
#ifndef VMFO_TESTS_VFIO_WORLD_H
#define VMFO_TESTS_VFIO_WORLD_H

#include "base/cleanup.h"
#include "tap.h"
#include "topology/rule.h"

#define STANDBY                                        \
	"-device", "pcie-root-port,id=rp0", "-device", \
		"virtio-net-pci,id=net0,failover=on,mac=52:54:00:00:00:01"
#define PRIMARY(what) "-device", "vfio-pci,id=vf0,bus=rp0,failover_pair_id=net0" what
#define VF "0000:01:10.0"
#define OTHER_VF "0000:01:10.2"
#define PF "0000:01:00.0"

enum { F_PORT, F_PF, F_VF, F_OTHER, N_FUNCTIONS };

/* A host on which all is well, that each case spoils. */
struct world {
	struct topo topo;
	struct host_facts host;
	struct pci_function functions[N_FUNCTIONS];
	struct vfio_group groups[2];
	struct host_link link;
	struct machine *machine;
	struct host_vm vms[2];
	char held[1][PCI_ADDRESS_SIZE];
	struct vmdef def;
	struct vm_pair pair;
	struct findings findings;
};

__attribute__((unused)) static void set_function(struct pci_function *f, const char *address,
						 const char *driver, int group)
{
	*f = (struct pci_function){ .iommu_group = group,
				    .vf_index = -1,
				    .caps_known = true,
				    .express = true,
				    .acs = true,
				    .class = 0x020000 };
	strcpy(f->address, address);
	strcpy(f->driver, driver);
}

__attribute__((unused)) static void world_open(struct world *w, const char *const *argv,
					       size_t n)
{
	struct err err = ERR_INIT;

	*w = (struct world){ 0 };
	if (machine_from_argv(argv, n, &w->machine, &err) < 0)
		bail("%s", err.msg);
	set_function(&w->functions[F_PORT], "0000:00:01.0", "pcieport", 1);
	w->functions[F_PORT].bridge = true;
	set_function(&w->functions[F_PF], PF, "igb", 10);
	w->functions[F_PF].sriov = true;
	w->functions[F_PF].num_vfs = 2;
	w->functions[F_PF].total_vfs = 7;
	set_function(&w->functions[F_VF], VF, "vfio-pci", 20);
	set_function(&w->functions[F_OTHER], OTHER_VF, "vfio-pci", 21);
	for (int i = 0; i < 2; i++) {
		strcpy(w->functions[F_VF + i].physfn, PF);
		w->functions[F_VF + i].vf_index = i;
		w->groups[i] = (struct vfio_group){
			.number = 20 + i, .node = true, .accessible = true, .viable = true
		};
	}
	strcpy(w->link.name, "enp1s0");
	strcpy(w->link.pci, PF);
	w->host = (struct host_facts){
		.live = true,
		.functions = w->functions,
		.n_functions = N_FUNCTIONS,
		.iommu_tables = true,
		.n_iommu_groups = 4,
		.groups = w->groups,
		.n_groups = 2,
		.links = &w->link,
		.n_links = 1,
		.memlock_soft = -1,
		.memlock_hard = -1,
	};
	strcpy(w->vms[0].name, "db1");
	strcpy(w->vms[1].name, "web1");
	w->vms[1].vfs = w->held;
	w->topo = (struct topo){
		.machine = w->machine, .host = &w->host, .vms = w->vms, .n_vms = 2
	};
}

__attribute__((unused)) static void world_run(struct world *w)
{
	struct err err = ERR_INIT;

	if (topo_open(&w->topo, &err) < 0)
		bail("%s", err.msg);
	if (rules_run(&w->topo, SCOPE(SCOPE_HOST), &w->findings, &err) < 0)
		bail("%s", err.msg);
}

__attribute__((unused)) static void world_close(struct world *w)
{
	topo_close(&w->topo);
	findings_clear(&w->findings);
	machine_free(w->machine);
}

__attribute__((unused)) static const struct finding *finding_of(const struct world *w,
								const char *rule)
{
	for (size_t i = 0; i < w->findings.n; i++)
		if (str_eq(w->findings.list[i].rule, rule))
			return &w->findings.list[i];
	return NULL;
}

__attribute__((unused)) static const char *reason_of(const struct world *w, const char *rule)
{
	for (size_t i = 0; i < w->findings.n_not_checked; i++)
		if (str_eq(w->findings.not_checked[i].rule, rule))
			return w->findings.not_checked[i].reason;
	return NULL;
}

enum outcome { FINDS, PASSES, UNKNOWN };

__attribute__((unused)) static void expect(const struct world *w, const char *what,
					   const char *rule, enum outcome outcome,
					   const char *text)
{
	const struct finding *finding = finding_of(w, rule);
	const char *reason = reason_of(w, rule);

	if (outcome == FINDS)
		like(finding ? finding->found : NULL, text, "%s: %s finds it", what, rule);
	else if (outcome == UNKNOWN)
		like(reason, text, "%s: %s is not checked", what, rule);
	if (outcome != FINDS && !ok(!finding, "%s: %s finds nothing", what, rule))
		printf("# found: %s\n", finding->found);
	if (outcome == PASSES && !ok(!reason, "%s: %s was checked", what, rule))
		printf("# reason: %s\n", reason);
}

/* As if vmfo had made the command line. */
__attribute__((unused)) static void with_definition(struct world *w)
{
	static char id[] = "net0", physnet[] = "prod";

	w->pair = (struct vm_pair){ .id = id, .primary = { .physnet = physnet } };
	w->def = (struct vmdef){ .pairs = &w->pair, .n_pairs = 1 };
	w->topo.def = &w->def;
	w->topo.vm = "db1";
}

/* A way in which the world may be otherwise, and what a rule says then. */
struct world_case {
	const char *what, *rule;
	void (*spoil)(struct world *w);
	enum outcome outcome;
	const char *text;
};

/* Each in a world of its own, of a VM with 8 GiB whose primary is the VF. */
__attribute__((unused)) static void check_cases(const struct world_case *cases, size_t n)
{
	static const char *const argv[] = { "qemu", "-m", "8192", STANDBY,
					    PRIMARY(",host=01:10.0") };

	for (size_t i = 0; i < n; i++) {
		struct world w;

		world_open(&w, argv, ARRAY_SIZE(argv));
		cases[i].spoil(&w);
		world_run(&w);
		expect(&w, cases[i].what, cases[i].rule, cases[i].outcome, cases[i].text);
		world_close(&w);
	}
}

__attribute__((unused)) static void spoil_nothing(struct world *w)
{
	(void)w;
}

#endif
