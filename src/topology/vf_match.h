/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which VF of this host a pair gets: of every PF of its physnet every VF, whether it fits,
 * and if not, why. Pure: it chooses, and reserves nothing.
 */
#ifndef VMFO_TOPOLOGY_VF_MATCH_H
#define VMFO_TOPOLOGY_VF_MATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "topology/topo.h"

#define VF_REASON_SIZE 220

/* What a pair wants. */
struct vf_wish {
	const char *pair;    /* its id; borrowed */
	const char *physnet; /* borrowed */
	int mtu;             /* of the standby; 0: 1500 */
	struct mac mac;
	/* Preferred, where there is a choice; 0: no preference. */
	uint16_t vendor, device;
	int numa_node;  /* of the VM's memory; -1: no preference */
	const char *vm; /* what that VM holds is not taken; borrowed; NULL: no VM */
	/* The address of the only one that will do, by topology/vf_chosen.h; borrowed; NULL. */
	const char *chosen;
};

/* One VF, or a PF that offers none. All pointers are borrowed from the facts. */
struct vf_candidate {
	const struct pci_function *vf;   /* NULL: the PF has no VFs, or is none */
	const struct pci_function *pf;   /* NULL: there is no such PF */
	const struct host_link *pf_link; /* NULL: there is no such link */
	const char *pf_name;             /* as host.json has it */
	bool fits;
	char reason[VF_REASON_SIZE]; /* why it does not fit; "" */
	/* Of a PF without VFs: so many are made when one is needed, and could fit; 0. */
	int to_make;
};

/* Who has a VF. */
enum vf_user {
	VF_USER_NONE,
	VF_USER_VM,
	VF_USER_PROCESS, /* that is no VM's of this host */
	VF_USER_HOST,    /* itself, by the VF's own link */
};

/* One VF, or a PF that offers none, whoever wishes for it. Borrowed from pool and facts. */
struct vf_entry {
	/*
	 * fits: somebody. reason: why it fits nobody; where a process or the host has it, that
	 * they do.
	 */
	const struct vf_candidate *candidate;
	const struct host_physnet *physnet;
	const struct link_vf *admin; /* NULL: the PF's driver says nothing, or there is no VF */
	enum vf_user user;
	const struct host_vm *vm;       /* VF_USER_VM */
	const struct vfio_group *group; /* VF_USER_PROCESS: its holder; 0: not to be seen */
	const struct host_link *link;   /* VF_USER_HOST */
	bool free;                      /* it fits, nobody has it, and it was not taken */
	size_t pf;                      /* PFs of host.json, counted through */
	size_t n_free;                  /* VFs of that PF that are free */
};

struct vf_candidates {
	struct vf_candidate *list;
	size_t n;
};

struct vf_pool;

/*
 * Every VF of the physnets of topo->settings in topo->host, which must be there and outlive
 * the pool, with who of topo->vms has it. out: freed by vf_pool_free().
 * Errors: ERR_INTERNAL, ENOMEM.
 */
int vf_pool_open(const struct topo *topo, struct vf_pool **out, struct err *err);
void vf_pool_free(struct vf_pool *pool); /* takes NULL */

/*
 * What the pool knows of the VF number n, in the order of host.json's PFs and then of
 * addresses.  Return: false: there are no more.
 */
bool vf_pool_entry(const struct vf_pool *pool, size_t n, struct vf_entry *out);

/*
 * Every candidate of the wish's physnet; none if this host does not have it. Those that fit
 * come first, best first: one that has the wish's MAC already (with any other, two VFs would
 * have it); the preferred model; a carrier at its PF; the preferred NUMA node; the PF with
 * most free VFs; the lower address. So list[0] is the choice, if it fits.
 * PFs without VFs come last.
 * out: cleared by vf_candidates_clear().  Errors: ERR_INTERNAL, ENOMEM.
 */
int vf_pool_match(const struct vf_pool *pool, const struct vf_wish *wish,
		  struct vf_candidates *out, struct err *err);
void vf_candidates_clear(struct vf_candidates *candidates);

/* Of those that fit, the first; NULL: none does. */
const struct vf_candidate *vf_candidates_best(const struct vf_candidates *candidates);

/* From now on vf fits nobody else. pair: for whom; borrowed. */
void vf_pool_take(struct vf_pool *pool, const struct pci_function *vf, const char *pair);

/* The MTU that a VF must carry for the wish. */
int vf_wish_mtu(const struct vf_wish *wish);

#endif
