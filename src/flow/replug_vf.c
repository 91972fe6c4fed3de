/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/replug_vf.h"

#include <errno.h>

#include "flow/pair.h"
#include "flow/reservation.h"
#include "flow/vf_reserve.h"
#include "flow/vf_use.h"
#include "topology/vf_chosen.h"

/* One that the guest uses, or may use, is not taken from it. */
static int check_vacant(struct vm *vm, const struct vm_pair *pair, struct err *err)
{
	_cleanup_free_ char *primary = pair_primary_text(vm, pair);
	int has = pair_has_primary(vm, pair, err);

	if (has <= 0 || pair_driver_up(vm, pair) == 0)
		return has < 0 ? has : 0;
	return err_set(
		err, ERR_REFUSED, EBUSY,
		"pair %s: it has its primary, %s, which is not taken from the guest: --vf "
		"is for a pair without",
		pair->id, primary ?: "a VF");
}

/*
 * From now on address is the pair's. The filter of the VF that was is cleared: no two are to
 * have the guest's MAC.
 */
static int give(struct vm *vm, const struct vm_pair *pair, const char *address, struct err *err)
{
	const struct vm_vf *now = reservation_vf(vm, pair);
	char former[PCI_ADDRESS_SIZE] = "";
	int r;

	if (now && str_eq(now->address, address))
		return 0;
	if (now)
		memcpy(former, now->address, sizeof(former));
	r = check_vacant(vm, pair, err);
	if (r == 0)
		r = vf_reserve_another(vm, pair, address, err);
	if (r == 0 && *former)
		r = vf_admit(vm, pair, reservation_spare(vm, pair, former), false, err);
	return r;
}

const char *replug_named_vf(const struct vm *vm, const struct vm_pair *pair,
			    const json_t *named, char out[PCI_ADDRESS_SIZE])
{
	const char *text = vf_chosen_for(named, vm->def, pair->id);

	return text && pci_address_normalize(text, out) ? out : NULL;
}

int replug_name_vfs(struct vm *vm, const json_t *named, struct err *err)
{
	char address[PCI_ADDRESS_SIZE];
	int r = vf_chosen_check(named, vm->def, err);

	for (size_t i = 0; r == 0 && i < vm->def->n_pairs; i++)
		if (replug_named_vf(vm, &vm->def->pairs[i], named, address))
			r = give(vm, &vm->def->pairs[i], address, err);
	return r;
}

int replug_check_vf(struct vm *vm, const struct vm_pair *pair, const char *address,
		    struct err *err)
{
	char now[PCI_ADDRESS_SIZE];
	int r = pair_has_primary(vm, pair, err);

	if (r > 0)
		r = pair_ask_vf(vm, pair, now, err);
	else
		return r;
	if (r < 0 || str_eq(now, address))
		return r;
	if (reservation_spare(vm, pair, now)) {
		reservation_prefer(vm, pair, now);
		reservation_save(vm, NULL);
	}
	return err_set(
		err, ERR_DEGRADED, EBUSY,
		"QEMU still has VF %s, which the guest does not let go of; run this again "
		"once it has, or without --vf",
		now);
}
