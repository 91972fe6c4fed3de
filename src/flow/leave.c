/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/leave.h"

#include "base/log.h"
#include "flow/datapath.h"
#include "flow/reservation.h"
#include "flow/vf_use.h"

int vm_leave_network(struct vm *vm, struct err *err)
{
	int reserved = vm->n_vfs ? 1 : reservation_load(vm, err);
	int left, given;

	if (reserved <= 0)
		return reserved;
	left = datapath_leave(vm, err);
	given = vf_give_back_all(vm, left < 0 ? NULL : err);
	return left < 0 ? left : given;
}

int vm_leave_host(struct vm *vm, struct err *err)
{
	struct err why = ERR_INIT;
	int r = vm_leave_network(vm, &why);

	if (r < 0)
		return err_set(err, why.kind, why.errnum,
			       "VM \"%s\" has left something on this host: %s; 'vmfo stop %s' "
			       "here tries again, and so does the next vmfo that reserves here",
			       vm->name, why.msg, vm->name);
	return vm_remove_rundir(vm, err);
}

void vm_leave_host_or_warn(struct vm *vm)
{
	struct err why = ERR_INIT;

	if (vm_leave_host(vm, &why) < 0)
		log_warn("%s", why.msg);
}
