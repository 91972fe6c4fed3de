/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "topology/vf_match.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"
#include "model/text.h"

/* What every guest's net_failover starts with. */
#define DEFAULT_MTU 1500

/* A candidate with what does not depend on the wish. */
struct slot {
	struct vf_candidate base;      /* reason: why it fits nobody; "" */
	const struct link_vf *admin;   /* NULL: the PF's driver says nothing */
	const struct host_vm *owner;   /* NULL: no VM has it */
	const struct vfio_group *held; /* by another process; NULL */
	const struct host_link *own;   /* by which this host uses it; NULL */
	bool out_of_sight;             /* a driver uses it, by no link that is seen here */
	const char *taken_by;          /* the pair that it was given to; NULL */
	const struct host_physnet *of; /* its physnet */
	size_t pf_number;              /* PFs of host.json, counted through */
};

struct vf_pool {
	struct slot *slots; /* by physnet, then by PF, then by address */
	size_t n;
	size_t *n_free; /* by pf_number */
};

/* ---- why a VF fits nobody ---- */

__attribute__((format(printf, 2, 3))) static void set_reason(struct vf_candidate *candidate,
							     const char *fmt, ...)
{
	size_t size = sizeof(candidate->reason);
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(candidate->reason, size, fmt, ap);
	va_end(ap);
	if (len >= (int)size)
		memcpy(candidate->reason + size - sizeof("..."), "...", sizeof("..."));
	candidate->fits = false;
}

/* Whether VF is held, or another of its group: only one process can have that open. */
static bool is_held(const struct topo *topo, const char *held, const struct pci_function *vf)
{
	const struct pci_function *other = host_find_function(topo->host, held);

	return str_eq(held, vf->address) ||
	       (other && vf->iommu_group >= 0 && other->iommu_group == vf->iommu_group);
}

static const struct host_vm *find_owner(const struct topo *topo, const struct pci_function *vf)
{
	for (size_t i = 0; i < topo->n_vms; i++)
		for (size_t j = 0; j < topo->vms[i].n_vfs; j++)
			if (is_held(topo, topo->vms[i].vfs[j], vf))
				return &topo->vms[i];
	return NULL;
}

static const struct host_vm *find_process(const struct topo *topo, pid_t pid)
{
	for (size_t i = 0; pid > 0 && i < topo->n_vms; i++)
		if (topo->vms[i].pid == pid)
			return &topo->vms[i];
	return NULL;
}

static const struct pci_function *find_in_the_way(const struct host_facts *host,
						  const struct pci_function *vf)
{
	for (size_t i = 0; i < host->n_functions; i++)
		if (host_is_in_the_way(vf, &host->functions[i]))
			return &host->functions[i];
	return NULL;
}

/*
 * Whether a driver has it and its link is in another network namespace, or it has none, as
 * with the drivers of programs that are NIC drivers themselves.
 */
static bool is_out_of_sight(const struct topo *topo, const struct pci_function *vf)
{
	return *vf->driver && !text_is_vfio_driver(vf->driver) &&
	       !str_eq(vf->driver, "pci-stub") && !topo->host->links_missing &&
	       !host_link_of(topo->host, vf);
}

/* One at most of owner, held, own and out_of_sight. */
static void find_use(const struct topo *topo, struct slot *slot)
{
	const struct pci_function *vf = slot->base.vf;
	const struct vfio_group *group = host_find_group(topo->host, vf->iommu_group);
	const struct host_link *own;

	slot->owner = find_owner(topo, vf);
	if (!slot->owner && group)
		slot->owner = find_process(topo, group->holder);
	if (slot->owner)
		return;
	if (group && (group->holder > 0 || group->open_errno == EBUSY)) {
		slot->held = group;
		return;
	}
	/* Its driver here may be anything: vmfo binds it to vfio. Unless it is in use. */
	own = text_is_vfio_driver(vf->driver) ? NULL : host_link_of(topo->host, vf);
	if (own && (*own->master || own->up))
		slot->own = own;
	slot->out_of_sight = is_out_of_sight(topo, vf);
}

static void judge_use(struct slot *slot)
{
	const struct vfio_group *held = slot->held;
	const struct host_link *own = slot->own;

	if (held && held->holder > 0)
		set_reason(&slot->base, "its IOMMU group %d is held by process %d (%s)",
			   held->number, (int)held->holder, held->holder_name);
	else if (held)
		set_reason(&slot->base,
			   "its IOMMU group %d is held by a process that cannot be seen",
			   held->number);
	else if (own && *own->master)
		set_reason(&slot->base, "this host uses it itself: its link %s belongs to %s",
			   own->name, own->master);
	else if (own)
		set_reason(&slot->base, "this host uses it itself: its link %s is up",
			   own->name);
	else if (slot->out_of_sight)
		set_reason(&slot->base,
			   "its driver %s has it, and its link is not on this host: a "
			   "container's, or a program's?",
			   slot->base.vf->driver);
}

static void judge_group(const struct topo *topo, struct slot *slot)
{
	const struct host_facts *host = topo->host;
	const struct pci_function *vf = slot->base.vf, *other;
	const struct vfio_group *group;

	if (vf->iommu_group < 0) {
		set_reason(&slot->base, "it is in no IOMMU group: %s",
			   host->n_iommu_groups > 0 ? "the IOMMU does not cover it" :
						      "the host's IOMMU is off");
		return;
	}
	other = find_in_the_way(host, vf);
	if (other) {
		set_reason(&slot->base, "its IOMMU group %d is shared with %s, which %s uses",
			   vf->iommu_group, other->address, other->driver);
		return;
	}
	group = host_find_group(host, vf->iommu_group);
	if (!group || !host->live)
		return;
	if (group->open_errno > 0 && group->open_errno != EBUSY)
		set_reason(&slot->base, "its IOMMU group %d does not open: %s", group->number,
			   strerrordesc_np(group->open_errno) ?: "unknown error");
	else if (!group->open_errno && !group->viable)
		set_reason(&slot->base, "its IOMMU group %d is not viable", group->number);
}

static void judge_pf(struct vf_candidate *base)
{
	if (!base->pf_link->up)
		set_reason(base, "PF %s is down", base->pf_name);
	else if (base->pf_link->eswitch == ESWITCH_SWITCHDEV)
		set_reason(base, "PF %s is in switchdev mode", base->pf_name);
}

static void judge_vf(const struct topo *topo, struct slot *slot)
{
	struct vf_candidate *base = &slot->base;

	base->fits = true;
	find_use(topo, slot);
	judge_use(slot);
	if (base->fits)
		judge_group(topo, slot);
	if (base->fits)
		judge_pf(base);
}

/* A PF without VFs, for which host.json asks for some. */
static void judge_making(const struct topo *topo, struct slot *slot)
{
	struct vf_candidate *base = &slot->base;
	const char *failed = json_string_value(json_object_get(topo->unmade, base->pf_name));
	int n = slot->of->vfs;

	base->fits = true;
	if (n > base->pf->total_vfs)
		set_reason(base, "host.json asks for %d VFs, it can have %d", n,
			   base->pf->total_vfs);
	else if (failed)
		set_reason(base, "%s", failed);
	else
		judge_pf(base);
	if (!base->fits)
		return;
	base->to_make = n;
	set_reason(base, "its VFs are yet to be made: host.json has %d for it", n);
}

/* ---- the pool ---- */

static bool is_free(const struct slot *slot)
{
	return slot->base.fits && !slot->owner && !slot->taken_by;
}

static int add_slot(struct vf_pool *pool, const struct slot *slot)
{
	struct slot *grown;

	/* Room for a power of two of them. */
	if ((pool->n & (pool->n - 1)) == 0) {
		grown = realloc(pool->slots, (pool->n ? 2 * pool->n : 1) * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		pool->slots = grown;
	}
	pool->slots[pool->n++] = *slot;
	return 0;
}

static int add_pf_alone(const struct topo *topo, struct vf_pool *pool, struct slot *slot)
{
	const struct host_facts *host = topo->host;
	struct vf_candidate *base = &slot->base;

	if (!base->pf_link && host->links_missing)
		set_reason(base, "nothing is known of it: %s", host->links_missing);
	else if (base->pf_link && !base->pf && host->pci_missing)
		set_reason(base, "nothing is known of its VFs: %s", host->pci_missing);
	else if (!base->pf_link)
		set_reason(base, "there is no link %s on this host", base->pf_name);
	else if (!base->pf || base->pf->total_vfs == 0)
		set_reason(base, "%s cannot have VFs", base->pf_name);
	else if (base->pf->num_vfs == 0 && slot->of->vfs > 0)
		judge_making(topo, slot);
	else if (base->pf->num_vfs == 0)
		set_reason(base,
			   "no VFs are made: echo %d > /sys/class/net/%s/device/sriov_numvfs",
			   base->pf->total_vfs, base->pf_name);
	else
		set_reason(base, "its %d VFs are not to be seen", base->pf->num_vfs);
	return add_slot(pool, slot);
}

static int add_pf(const struct topo *topo, struct vf_pool *pool, struct slot pf)
{
	const struct host_facts *host = topo->host;
	struct vf_candidate *base = &pf.base;
	size_t before = pool->n;
	int r = 0;

	base->pf_link = host_find_link(host, base->pf_name);
	if (base->pf_link && *base->pf_link->pci)
		base->pf = host_find_function(host, base->pf_link->pci);
	for (size_t i = 0; base->pf && i < host->n_functions && r == 0; i++) {
		const struct pci_function *vf = &host->functions[i];
		struct slot slot = pf;

		if (!str_eq(vf->physfn, base->pf->address))
			continue;
		slot.base.vf = vf;
		slot.admin = host_vf_of(host, vf);
		judge_vf(topo, &slot);
		pool->n_free[slot.pf_number] += is_free(&slot);
		r = add_slot(pool, &slot);
	}
	return r == 0 && pool->n == before ? add_pf_alone(topo, pool, &pf) : r;
}

int vf_pool_open(const struct topo *topo, struct vf_pool **out, struct err *err)
{
	const struct hostdef *settings = topo->settings;
	struct vf_pool *pool = calloc(1, sizeof(*pool));
	size_t n_pfs = 0;
	int r = 0;

	if (!pool)
		return err_nomem(err);
	for (size_t i = 0; i < settings->n_physnets; i++)
		n_pfs += settings->physnets[i].n_pfs;
	pool->n_free = calloc(n_pfs ?: 1, sizeof(*pool->n_free));
	if (!pool->n_free)
		r = -ENOMEM;
	n_pfs = 0;
	for (size_t i = 0; i < settings->n_physnets && r == 0; i++) {
		const struct host_physnet *physnet = &settings->physnets[i];

		for (size_t j = 0; j < physnet->n_pfs && r == 0; j++) {
			const struct slot pf = { .base.pf_name = physnet->pfs[j],
						 .of = physnet,
						 .pf_number = n_pfs++ };

			r = add_pf(topo, pool, pf);
		}
	}
	if (r < 0) {
		vf_pool_free(pool);
		return err_nomem(err);
	}
	*out = pool;
	return 0;
}

void vf_pool_free(struct vf_pool *pool)
{
	if (!pool)
		return;
	free(pool->slots);
	free(pool->n_free);
	free(pool);
}

void vf_pool_take(struct vf_pool *pool, const struct pci_function *vf, const char *pair)
{
	for (size_t i = 0; i < pool->n; i++) {
		struct slot *slot = &pool->slots[i];

		if (slot->base.vf != vf)
			continue;
		if (is_free(slot))
			pool->n_free[slot->pf_number]--;
		slot->taken_by = pair;
	}
}

bool vf_pool_entry(const struct vf_pool *pool, size_t n, struct vf_entry *out)
{
	const struct slot *slot = n < pool->n ? &pool->slots[n] : NULL;

	if (!slot)
		return false;
	*out = (struct vf_entry){ .candidate = &slot->base,
				  .physnet = slot->of,
				  .admin = slot->admin,
				  .user = slot->owner ? VF_USER_VM :
					  slot->held  ? VF_USER_PROCESS :
					  slot->own   ? VF_USER_HOST :
							VF_USER_NONE,
				  .vm = slot->owner,
				  .group = slot->held,
				  .link = slot->own,
				  .free = is_free(slot),
				  .pf = slot->pf_number,
				  .n_free = pool->n_free[slot->pf_number] };
	return true;
}

/* ---- matching ---- */

int vf_wish_mtu(const struct vf_wish *wish)
{
	return wish->mtu > 0 ? wish->mtu : DEFAULT_MTU;
}

static bool is_another(const struct vf_candidate *candidate, const struct vf_wish *wish)
{
	char address[PCI_ADDRESS_SIZE];

	return wish->chosen && !(pci_address_normalize(wish->chosen, address) &&
				 str_eq(address, candidate->vf->address));
}

static void judge_mtu(const struct vf_wish *wish, struct vf_candidate *candidate)
{
	int mtu = vf_wish_mtu(wish);

	if (candidate->pf_link->mtu <= 0 || candidate->pf_link->mtu >= mtu)
		return;
	candidate->to_make = 0;
	set_reason(candidate, "PF %s has MTU %d, and the pair needs %d", candidate->pf_name,
		   candidate->pf_link->mtu, mtu);
}

/* What does depend on the wish. */
static void judge_for(const struct slot *slot, const struct vf_wish *wish,
		      struct vf_candidate *candidate)
{
	*candidate = slot->base;
	if (candidate->to_make)
		judge_mtu(wish, candidate);
	if (!candidate->fits)
		return;
	if (slot->taken_by)
		set_reason(candidate, "it is chosen for pair %s", slot->taken_by);
	else if (slot->owner && !(wish->vm && str_eq(slot->owner->name, wish->vm)))
		set_reason(candidate, "it is used by VM %s", slot->owner->name);
	else
		judge_mtu(wish, candidate);
	if (candidate->fits && is_another(candidate, wish))
		set_reason(candidate, "another one was asked for (--vf)");
}

/* A candidate and what it is sorted by; more of each is better. */
struct ranked {
	struct vf_candidate candidate;
	bool fits, has_mac, same_model, carrier, near;
	size_t n_free;
	size_t number; /* in the pool */
};

static void rank(const struct vf_pool *pool, size_t number, const struct vf_wish *wish,
		 struct ranked *out)
{
	const struct slot *slot = &pool->slots[number];
	const struct pci_function *vf = slot->base.vf;

	*out = (struct ranked){ .number = number };
	judge_for(slot, wish, &out->candidate);
	out->fits = out->candidate.fits;
	if (!out->fits)
		return;
	out->has_mac = slot->admin && !mac_is_zero(&wish->mac) &&
		       mac_equal(&slot->admin->mac, &wish->mac);
	out->same_model = vf->vendor == wish->vendor && vf->device == wish->device;
	out->carrier = slot->base.pf_link->carrier;
	out->near = wish->numa_node >= 0 && vf->numa_node == wish->numa_node;
	out->n_free = pool->n_free[slot->pf_number];
}

static int by_rank(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;
	const struct pci_function *vf = x->candidate.vf, *other = y->candidate.vf;

	if (x->fits != y->fits)
		return x->fits ? -1 : 1;
	if (x->has_mac != y->has_mac)
		return x->has_mac ? -1 : 1;
	if (x->same_model != y->same_model)
		return x->same_model ? -1 : 1;
	if (x->carrier != y->carrier)
		return x->carrier ? -1 : 1;
	if (x->near != y->near)
		return x->near ? -1 : 1;
	if (x->n_free != y->n_free)
		return x->n_free > y->n_free ? -1 : 1;
	/* The facts are sorted by address, all in one array. */
	if (vf && other)
		return vf < other ? -1 : vf > other;
	if (!vf != !other)
		return vf ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

int vf_pool_match(const struct vf_pool *pool, const struct vf_wish *wish,
		  struct vf_candidates *out, struct err *err)
{
	struct ranked *ranked = calloc(pool->n ?: 1, sizeof(*ranked));
	size_t n = 0;

	*out = (struct vf_candidates){ 0 };
	if (!ranked)
		return err_nomem(err);
	for (size_t i = 0; i < pool->n; i++)
		if (str_eq(pool->slots[i].of->id, wish->physnet))
			rank(pool, i, wish, &ranked[n++]);
	qsort(ranked, n, sizeof(*ranked), by_rank);
	out->list = calloc(n ?: 1, sizeof(*out->list));
	for (size_t i = 0; out->list && i < n; i++)
		out->list[out->n++] = ranked[i].candidate;
	free(ranked);
	return out->list ? 0 : err_nomem(err);
}

void vf_candidates_clear(struct vf_candidates *candidates)
{
	free(candidates->list);
	*candidates = (struct vf_candidates){ 0 };
}

const struct vf_candidate *vf_candidates_best(const struct vf_candidates *candidates)
{
	return candidates->n && candidates->list[0].fits ? &candidates->list[0] : NULL;
}
