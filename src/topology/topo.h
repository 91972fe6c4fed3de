/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Everything that a topology rule may look at: facts, gathered beforehand. Pure: no rule
 * asks anything of the world.
 */
#ifndef VMFO_TOPOLOGY_TOPO_H
#define VMFO_TOPOLOGY_TOPO_H

#include "model/hostdef.h"
#include "model/vmdef.h"
#include "topology/buses.h"
#include "topology/guest_facts.h"
#include "topology/host_facts.h"
#include "topology/machine.h"
#include "topology/qemu_facts.h"
#include "topology/source_facts.h"

/* A VM that is defined on the host, or runs there. */
struct host_vm {
	char name[64];
	char uuid[40];
	pid_t pid; /* 0: it does not run */
	struct mac *macs;
	size_t n_macs;
	char (*vfs)[PCI_ADDRESS_SIZE]; /* that it holds */
	size_t n_vfs;
	/* Memory that it is about to take, also one that runs; 0: it has it, or wants none. */
	int reserved_mib;
};

/* One failover pair as the machine has it; either end may be missing. */
struct topo_pair {
	const char *id; /* the standby's; borrowed; NULL: a standby without an id */
	const struct machine_device *standby, *primary;
	bool vfio;                      /* its primary is passed through */
	const struct vm_pair *def;      /* of the definition; NULL: none */
	const struct guest_pair *guest; /* NULL: not asked */
};

/*
 * The parts of the facts. A rule names those that it cannot do without. Of several that are
 * missing the first is told.
 */
enum topo_part {
	TOPO_SOURCE,
	TOPO_DEFINITION,
	TOPO_MACHINE,
	TOPO_BUSES,
	TOPO_QEMU,
	TOPO_HOST,
	TOPO_SETTINGS,
	TOPO_GUEST,
	TOPO_PARTS,
};

struct topo {
	/* Borrowed; NULL: unknown, and why_not says why. */
	const struct vmdef *def;
	const struct machine *machine;
	const struct buses *buses;
	const struct qemu_facts *qemu;
	const struct host_facts *host;
	const struct hostdef *settings;
	const struct guest_facts *guest;
	const struct source_facts *source; /* set: this host is a migration's target */
	const char *why_not[TOPO_PARTS];   /* "the VM does not run"; static or borrowed */
	const struct host_vm *vms;         /* of the host; this VM among them */
	size_t n_vms;
	const char *vm;       /* this VM's name; NULL: a bare command line */
	const json_t *chosen; /* VFs that the operator names (topology/vf_chosen.h); NULL */
	const json_t *unmade; /* {PF: why}: links of PFs whose VFs could not be made; NULL */
	bool runs_here;       /* this VM runs on this host: what it holds is its own */
	int memory_node; /* the NUMA node of the host that its memory is on; -1: not known */
	/* Made by topo_open(). */
	struct topo_pair *pairs;
	size_t n_pairs;
};

/*
 * Fills pairs from machine: every standby in its order, then primaries whose standby is
 * missing. The rest of topo is set by then.  Errors: ERR_INTERNAL, ENOMEM.
 */
int topo_open(struct topo *topo, struct err *err);
void topo_close(struct topo *topo); /* pairs only: the facts are borrowed */

/* "pair net0", or "standby NAME" for one without an id; into buf.  Return: buf. */
const char *topo_pair_name(const struct topo_pair *pair, char buf[96]);

/* The VF (or PF) that a vfio primary names by host= or sysfsdev=, into buf.  Return: buf, or
 * NULL: it names none (a definition's, before one is chosen). */
const char *topo_primary_address(const struct topo *topo, const struct topo_pair *pair,
				 char buf[PCI_ADDRESS_SIZE]);

/*
 * What the host has available, without what VMs other than this have reserved and not taken
 * yet; -1: it does not say.
 */
int64_t topo_memory_available_mib(const struct topo *topo);

/* Whether any pair's primary is passed through. */
bool topo_has_vfio(const struct topo *topo);

/* The bus that a device is on: as written, or the machine's root bus where QEMU chooses.
 * NULL: no such bus, or buses unknown. */
const struct bus *topo_bus_of(const struct topo *topo, const struct machine_device *device);

#endif
