/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/leave.h"

#include "flow/datapath.h"
#include "flow/reservation.h"
#include "flow/vf_use.h"

int vm_leave_host(struct vm *vm, struct err *err)
{
	int r = vm->n_vfs ? 1 : reservation_load(vm, err);

	if (r > 0)
		r = datapath_leave(vm, err);
	if (r == 0 && vm->n_vfs)
		r = vf_give_back_all(vm, err);
	return r < 0 ? r : vm_remove_rundir(vm, err);
}
