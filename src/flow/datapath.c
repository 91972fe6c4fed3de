/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/datapath.h"

#include <assert.h>
#include <errno.h>

#include "base/log.h"
#include "flow/pair.h"
#include "flow/reservation.h"
#include "flow/vf_use.h"

struct datapath {
	datapath_fn *to_standby;
	datapath_fn *to_either;
	datapath_fn *to_plug;
	datapath_fn *to_primary;
	int (*leave)(const struct vm_pair *pair, struct err *err); /* NULL: nothing is left */
};

/* ---- an emulated NIC ---- */

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

/* ---- a VF ---- */

/* The uplinks of the standby's bridge, none where that is the operator's. */
static int find_uplinks(const struct vm_pair *pair, struct net_uplinks *out, struct err *err)
{
	*out = (struct net_uplinks){ .n = 0 };
	return pair->standby.port.bridge ?
		       net_bridge_uplinks(pair->standby.port.bridge, out, err) :
		       0;
}

static int admit_at_uplinks(const struct vm_pair *pair, bool admit, struct err *err)
{
	struct net_uplinks uplinks;
	int r = find_uplinks(pair, &uplinks, err);

	return r < 0 ? r : net_uplinks_admit(&uplinks, &pair->mac, admit, err);
}

/*
 * Whether a frame goes to every function that has its address as a filter. Not to be tried
 * with others: some refuse an address that another function has, also to the VF's driver.
 * Source: Intel 82576 datasheet, 7.10.3.3 "Rx packet switching": each exact filter that
 * matches adds its pools.
 */
static bool nic_copies(const struct vm_vf *vf)
{
	return str_eq(vf->pf_driver, "igb");
}

/*
 * The way to the standby is open before the filter that hides it goes: no frame is to find
 * neither. A pair without a VF is on its standby in any case.
 */
static int vf_to_standby(struct vm *vm, const struct vm_pair *pair, struct err *err)
{
	const struct vm_vf *vf = reservation_vf(vm, pair);
	const char *standby = own_standby_tap(vm, pair);
	int r = standby ? net_port_set_learning(standby, true, err) : 0;

	if (r == 0 && standby)
		r = net_fdb_pin(standby, &pair->mac, err);
	if (r == 0)
		r = admit_at_uplinks(pair, true, err);
	return r == 0 && vf ? vf_admit(vm, pair, vf, false, err) : r;
}

/* Where the NIC cannot, its VF comes and goes as that of any other NIC does. */
static int admit_both(const struct vm_pair *pair, const struct vm_vf *vf,
		      const struct net_uplinks *uplinks, struct err *err)
{
	struct err why = ERR_INIT;

	if (!nic_copies(vf))
		return net_uplinks_admit(uplinks, &pair->mac, false, err);
	if (net_uplinks_admit(uplinks, &pair->mac, true, &why) < 0)
		log_warn("pair %s: not reached while its VF comes or goes: %s", pair->id,
			 why.msg);
	return 0;
}

/* What the bridge does not know where to send goes to the standby and to the uplink. */
static int vf_to_either(struct vm *vm, const struct vm_pair *pair, struct err *err)
{
	const struct vm_vf *vf = reservation_vf(vm, pair);
	struct net_uplinks uplinks;
	int r;

	if (!vf)
		return 0;
	r = vf_admit(vm, pair, vf, true, err);
	if (r == 0)
		r = find_uplinks(pair, &uplinks, err);
	if (r == 0)
		r = admit_both(pair, vf, &uplinks, err);
	if (r == 0)
		r = set_learning(own_standby_tap(vm, pair), true, &pair->mac, err);
	return r == 0 ? net_uplinks_forget(&uplinks, &pair->mac, err) : r;
}

static int vf_to_primary(struct vm *vm, const struct vm_pair *pair, struct err *err)
{
	const struct vm_vf *vf = reservation_vf(vm, pair);
	int r;

	if (!vf)
		return 0;
	r = vf_admit(vm, pair, vf, true, err);
	if (r == 0)
		r = admit_at_uplinks(pair, false, err);
	return r == 0 ? set_learning(own_standby_tap(vm, pair), false, &pair->mac, err) : r;
}

static int vf_leave(const struct vm_pair *pair, struct err *err)
{
	int r = admit_at_uplinks(pair, false, err);

	/* A bridge that is gone has no uplinks. */
	return r == -ENODEV ? 0 : r;
}

static const struct datapath datapaths[] = {
	[VM_PRIMARY_EMULATED] = { emulated_to_standby, emulated_to_either, emulated_to_primary,
				  emulated_to_primary, NULL },
	[VM_PRIMARY_VF] = { vf_to_standby, vf_to_either, vf_to_either, vf_to_primary,
			    vf_leave },
};

/* ---- the table ---- */

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

int datapath_to_plug(struct vm *vm, const struct vm_pair *pair, struct err *err)
{
	int r = datapath_of(pair)->to_plug(vm, pair, err);

	return r < 0 ? err_wrap(err, "pair %s: prepare the datapath for the primary",
				pair->id) :
		       0;
}

/*
 * A VF that no driver in the guest uses swallows what is sent to it: better that the guest is
 * reached on its standby than not at all.
 */
int datapath_settle(struct vm *vm, const struct vm_pair *pair, bool used, struct err *err)
{
	const struct datapath *datapath = datapath_of(pair);

	if (datapath->to_plug == datapath->to_primary)
		return 0;
	return used ? datapath_to_primary(vm, pair, err) : datapath_to_standby(vm, pair, err);
}

int datapath_leave(struct vm *vm, struct err *err)
{
	int result = 0;

	for (size_t i = 0; i < vm->def->n_pairs; i++) {
		const struct vm_pair *pair = &vm->def->pairs[i];
		const struct datapath *datapath = datapath_of(pair);
		int r = datapath->leave ? datapath->leave(pair, result < 0 ? NULL : err) : 0;

		if (r < 0 && result == 0)
			result = err_wrap(err, "pair %s: clear the datapath", pair->id);
	}
	return result;
}

int datapath_all(struct vm *vm, datapath_fn *to, struct err *err)
{
	int result = 0;

	for (size_t i = 0; i < vm->def->n_pairs; i++) {
		int r = to(vm, &vm->def->pairs[i], result < 0 ? NULL : err);

		if (r < 0 && result == 0)
			result = r;
	}
	return result;
}
