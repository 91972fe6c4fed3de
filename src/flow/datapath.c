/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/datapath.h"

#include <assert.h>
#include <errno.h>

#include "flow/pair.h"

struct datapath {
	int (*to_standby)(struct vm *vm, const struct vm_pair *pair, struct err *err);
	int (*to_either)(struct vm *vm, const struct vm_pair *pair, struct err *err);
	int (*to_primary)(struct vm *vm, const struct vm_pair *pair, struct err *err);
};

/* An operator's tap is theirs to set up: NULL. */
static const char *own_primary_tap(const struct vm *vm, const struct vm_pair *pair)
{
	return pair->primary.port.tap ? NULL : pair_primary_link(vm, pair);
}

static const char *own_standby_tap(const struct vm *vm, const struct vm_pair *pair)
{
	return pair->standby.port.tap ? NULL : pair_standby_link(vm, pair);
}

/* Whether frames from the tap teach its bridge; what it knows already is forgotten. */
static int set_learning(const char *tap, bool on, const struct mac *mac, struct err *err)
{
	int r = tap ? net_port_set_learning(tap, on, err) : 0;

	return r == 0 && tap ? net_fdb_delete(tap, mac, err) : r;
}

static int emulated_to_standby(struct vm *vm, const struct vm_pair *pair, struct err *err)
{
	const char *standby = own_standby_tap(vm, pair);
	const char *primary = own_primary_tap(vm, pair);
	int r = standby ? net_port_set_learning(standby, true, err) : 0;

	return r == 0 && primary ? net_link_set_up(primary, false, err) : r;
}

static int emulated_to_either(struct vm *vm, const struct vm_pair *pair, struct err *err)
{
	const char *standby = own_standby_tap(vm, pair);
	int r = standby ? net_port_set_learning(standby, true, err) : 0;

	return r == 0 ? set_learning(own_primary_tap(vm, pair), false, &pair->mac, err) : r;
}

/*
 * The primary's entry goes, too: QEMU announces a primary that the guest does not use yet.
 * The guest's first frame brings it back.
 */
static int emulated_to_primary(struct vm *vm, const struct vm_pair *pair, struct err *err)
{
	const char *primary = own_primary_tap(vm, pair);
	int r = primary ? net_link_set_up(primary, true, err) : 0;

	if (r == 0)
		r = set_learning(primary, true, &pair->mac, err);
	return r == 0 ? set_learning(own_standby_tap(vm, pair), false, &pair->mac, err) : r;
}

/* A row for VFs comes with the code that drives them; until then none gets this far. */
static const struct datapath datapaths[] = {
	[VM_PRIMARY_EMULATED] = { emulated_to_standby, emulated_to_either,
				  emulated_to_primary },
};

static const struct datapath *datapath_of(const struct vm_pair *pair)
{
	assert(pair->primary.kind < ARRAY_SIZE(datapaths));
	return &datapaths[pair->primary.kind];
}

int datapath_to_standby(struct vm *vm, const struct vm_pair *pair, struct err *err)
{
	int r = datapath_of(pair)->to_standby(vm, pair, err);

	return r < 0 ? err_wrap(err, "pair %s: switch the datapath to the standby", pair->id) :
		       0;
}

int datapath_to_either(struct vm *vm, const struct vm_pair *pair, struct err *err)
{
	int r = datapath_of(pair)->to_either(vm, pair, err);

	return r < 0 ? err_wrap(err, "pair %s: open the datapath to both", pair->id) : 0;
}

int datapath_to_primary(struct vm *vm, const struct vm_pair *pair, struct err *err)
{
	int r = datapath_of(pair)->to_primary(vm, pair, err);

	return r < 0 ? err_wrap(err, "pair %s: switch the datapath to the primary", pair->id) :
		       0;
}

int datapath_all_to_primary(struct vm *vm, struct err *err)
{
	int result = 0;

	for (size_t i = 0; i < vm->def->n_pairs; i++) {
		int r = datapath_to_primary(vm, &vm->def->pairs[i], result < 0 ? NULL : err);

		if (r < 0 && result == 0)
			result = r;
	}
	return result;
}
