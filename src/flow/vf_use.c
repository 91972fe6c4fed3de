/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/vf_use.h"

#include <errno.h>
#include <stdio.h>

#include "base/log.h"
#include "flow/reservation.h"
#include "flow/vf_host.h"
#include "model/text.h"

/*
 * Of a VF that was made a moment ago the facts say no driver: udev loads it. What the bind has
 * found there is what it goes back to; a driver of vfio's there is vmfo's own, of before.
 */
static int note_former(struct vm *vm, struct vm_vf *vf, const char *found, struct err *err)
{
	if (!*found || text_is_vfio_driver(found) || str_eq(found, vf->former))
		return 0;
	snprintf(vf->former, sizeof(vf->former), "%s", found);
	return reservation_save(vm, err);
}

/* Its physnet may be gone from host.json since it was reserved. */
static const char *vfio_driver(const struct vm *vm, const struct vm_pair *pair)
{
	const struct host_physnet *physnet =
		hostdef_find_physnet(vm->env->host, pair->primary.physnet);

	return physnet ? physnet->vfio_driver : "vfio-pci";
}

/* Also where it says that this was done: who was to do it may have crashed before. */
static int bind_driver(struct vm *vm, const struct vm_pair *pair, struct vm_vf *vf,
		       struct err *err)
{
	char found[VF_DRIVER_SIZE] = "";
	struct err why = ERR_INIT;
	int r = 0, noted;

	if (text_is_vfio_driver(vf->former))
		return 0;
	if (!vf->bound) {
		vf->bound = true;
		r = reservation_save(vm, err);
	}
	if (r < 0)
		return r;
	r = vm->env->vf_host->bind(vm->env->loop, vf->address, vfio_driver(vm, pair), found,
				   err);
	noted = note_former(vm, vf, found, &why);
	return r < 0 || noted == 0 ? r : err_set(err, why.kind, why.errnum, "%s", why.msg);
}

static int apply_settings(struct vm *vm, const struct vm_pair *pair, struct vm_vf *vf,
			  struct err *err)
{
	struct vf_settings want;
	unsigned int unsupported = 0;
	int r;

	vf_settings_of_pair(pair, &want);
	want.fields &= ~(unsigned int)VF_MAC;
	if (!vf->set) {
		r = vm->env->vf_host->read_settings(vf->pf, vf->index, &vf->before, err);
		if (r < 0)
			return r;
		vf->set = true;
		r = reservation_save(vm, err);
		if (r < 0)
			return r;
	}
	/* A request has both rates: the one that is not given is as the host had it. */
	if (!want.min_rate)
		want.min_rate = vf->before.min_rate;
	if (!want.max_rate)
		want.max_rate = vf->before.max_rate;
	r = vm->env->vf_host->write_settings(vm->env->loop, vf->pf, vf->index, &want,
					     &unsupported, err);
	if (r < 0)
		return r;
	/* With any other the guest gets less; without its VLAN it gets another network. */
	if (unsupported & VF_VLAN)
		return err_set(
			err, ERR_REFUSED, EOPNOTSUPP,
			"the driver of PF %s does not let the VLAN of VF %d be set to %d: "
			"take a VF of another NIC (--vf), or a physnet that is that VLAN",
			vf->pf, vf->index, want.vlan);
	if (unsupported == vf->unsupported)
		return 0;
	vf->unsupported = unsupported;
	return reservation_save(vm, err);
}

int vf_prepare(struct vm *vm, const struct vm_pair *pair, struct vm_vf *vf, struct err *err)
{
	int r = bind_driver(vm, pair, vf, err);

	if (r == 0)
		r = apply_settings(vm, pair, vf, err);
	return r < 0 ? r : vm->env->vf_host->try_group(vf->address, vm->pid, err);
}

int vf_admit(struct vm *vm, const struct vm_pair *pair, const struct vm_vf *vf, bool admit,
	     struct err *err)
{
	struct vf_settings now, want = { .fields = VF_MAC };
	unsigned int unsupported = 0;
	int r = vm->env->vf_host->read_settings(vf->pf, vf->index, &now, err);

	if (r < 0)
		return r;
	if (admit)
		want.mac = pair->mac;
	if ((now.fields & VF_MAC) && mac_equal(&now.mac, &want.mac))
		return 0;
	r = vm->env->vf_host->write_settings(vm->env->loop, vf->pf, vf->index, &want,
					     &unsupported, err);
	if (r == 0 && unsupported)
		r = err_set(err, ERR_REFUSED, EOPNOTSUPP,
			    "the driver of PF %s does not let the MAC of VF %d be set: a VF of "
			    "this NIC cannot be a primary",
			    vf->pf, vf->index);
	return r;
}

int vf_prepare_all(struct vm *vm, bool admit, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < vm->def->n_pairs; i++) {
		const struct vm_pair *pair = &vm->def->pairs[i];
		struct vm_vf *vf = reservation_vf(vm, pair);

		if (!vf)
			continue;
		r = vf_prepare(vm, pair, vf, err);
		if (r == 0 && admit)
			r = vf_admit(vm, pair, vf, true, err);
		if (r < 0)
			return err_wrap(err, "pair %s: prepare VF %s", pair->id, vf->address);
	}
	return r;
}

/* ---- the way back ---- */

/*
 * The settings first, so that the guest's address is nowhere while the driver changes; and the
 * address once more after it, since a driver on the host may have chosen one.
 */
static int give_back(struct vm *vm, struct vm_vf *vf, struct err *err)
{
	const struct vf_host *host = vm->env->vf_host;
	struct err unset = ERR_INIT, unbound = ERR_INIT;
	struct vf_settings mac = vf->before;
	unsigned int unsupported = 0;
	int settings = 0, driver = 0;

	if (vf->set)
		settings = host->write_settings(vm->env->loop, vf->pf, vf->index, &vf->before,
						&unsupported, &unset);
	if (vf->bound)
		driver = host->give_back(vm->env->loop, vf->address, vf->former, &unbound);
	/* Nobody's is better than a guest's that is gone. */
	if (driver == -ENOENT)
		log_warn("VF %s goes back to no driver: %s", vf->address, unbound.msg);
	if (driver == 0 || driver == -ENODEV || driver == -ENOENT)
		vf->bound = false;
	mac.fields &= VF_MAC;
	if (vf->set && settings == 0)
		settings = host->write_settings(vm->env->loop, vf->pf, vf->index, &mac,
						&unsupported, &unset);
	if (settings < 0 && settings != -ENODEV)
		return err_set(err, unset.kind, unset.errnum, "%s", unset.msg);
	/* Of a PF whose link was renamed, the VF may be there yet. */
	if (settings == -ENODEV && driver != -ENODEV)
		log_warn("VF %s is not set as it was before: %s", vf->address, unset.msg);
	vf->set = false;
	return vf->bound ? err_set(err, unbound.kind, unbound.errnum, "%s", unbound.msg) : 0;
}

int vf_give_back_all(struct vm *vm, struct err *err)
{
	int result = 0;

	/* Told to stop, too, vmfo waits for a VF that is busy. */
	loop_shield(vm->env->loop);
	for (size_t i = 0; i < vm->n_vfs; i++) {
		int r = give_back(vm, &vm->vfs[i], result < 0 ? NULL : err);

		if (r < 0 && result == 0)
			result = err_wrap(err, "give VF %s back", vm->vfs[i].address);
	}
	loop_unshield(vm->env->loop);
	if (result == 0)
		return reservation_remove(vm, err);
	/* What is back already is not done again by who finds it. */
	reservation_save(vm, NULL);
	return result;
}
