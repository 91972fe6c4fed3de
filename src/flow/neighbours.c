/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/neighbours.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "flow/reservation.h"
#include "flow/store.h"
#include "flow/vm.h"
#include "io/boot.h"

void neighbours_free(struct host_vm *vms, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(vms[i].macs);
		free(vms[i].vfs);
	}
	free(vms);
}

static int fill(struct host_vm *out, const struct vm *vm, struct err *err)
{
	const struct vmdef *def = vm->def;

	snprintf(out->name, sizeof(out->name), "%s", def->name);
	snprintf(out->uuid, sizeof(out->uuid), "%s", def->uuid);
	out->pid = vm->pid;
	out->macs = calloc(def->n_pairs + def->n_nics + 1, sizeof(*out->macs));
	if (!out->macs)
		return err_nomem(err);
	for (size_t i = 0; i < def->n_pairs; i++)
		out->macs[out->n_macs++] = def->pairs[i].mac;
	for (size_t i = 0; i < def->n_nics; i++)
		out->macs[out->n_macs++] = def->nics[i].mac;
	out->vfs = calloc(vm->n_vfs ?: 1, sizeof(*out->vfs));
	if (!out->vfs)
		return err_nomem(err);
	for (size_t i = 0; i < vm->n_vfs; i++)
		memcpy(out->vfs[out->n_vfs++], vm->vfs[i].address, sizeof(*out->vfs));
	return 0;
}

/*
 * One that does not run may be about to: what it has reserved is its own already.
 * Return: 1 with vm->def set, 0, or a failure.
 */
static int find_reserved(struct vm *vm, struct err *err)
{
	int r;

	vmdef_free(vm->def);
	vm->def = NULL;
	r = reservation_counts(vm, err);
	return r > 0 ? reservation_load(vm, err) : r;
}

/*
 * A QEMU that was just started takes its memory bit by bit, and what it has not taken yet looks
 * available. One that does not preallocate takes it when the guest does, if ever; and huge
 * pages are none of what is available.
 */
static int reserved_of_running(const struct vm *vm)
{
	int64_t has = process_resident_kib(vm->pid);
	int64_t left = vm->def->memory.mib - has / 1024;

	if (!vm->def->memory.preallocated || vm->def->memory.huge_pages || has < 0 || left < 0)
		return 0;
	return (int)left;
}

/* Return: 1 with out filled, 0: it neither runs, nor is about to, nor is stored here. */
static int look(struct flow_env *env, const char *name, struct host_vm *out, struct err *err)
{
	_cleanup_(vm_closep) struct vm *vm = NULL;
	struct err why = ERR_INIT;
	int r = vm_open(env, name, &vm, err);

	if (r < 0)
		return r;
	r = vm_find_running(vm, &why);
	if (r > 0)
		out->reserved_mib = reserved_of_running(vm);
	if (r == 0) {
		r = find_reserved(vm, &why);
		if (r > 0)
			out->reserved_mib = vm->def->memory.mib;
	}
	if (r == 0) {
		/* What lies in CONFDIR only was never launched here; a tombstone has left. */
		r = store_load_stored(env, name, &vm->def, &why);
	}
	if (r < 0)
		log_warn("the VM \"%s\" of this host is not looked at: %s", name, why.msg);
	if (r <= 0)
		return 0;
	r = fill(out, vm, err);
	return r < 0 ? r : 1;
}

int neighbours_read(struct flow_env *env, struct host_vm **out, size_t *n, struct err *err)
{
	struct strv names = { 0 };
	struct host_vm *vms;
	size_t filled = 0;
	int r = store_names(env, &names, err);

	vms = r < 0 ? NULL : calloc(names.n ?: 1, sizeof(*vms));
	if (!vms) {
		strv_clear(&names);
		return r < 0 ? r : err_nomem(err);
	}
	for (size_t i = 0; r >= 0 && i < names.n; i++) {
		r = look(env, names.v[i], &vms[filled], err);
		filled += r != 0; /* of one that failed something may be filled in, too */
	}
	strv_clear(&names);
	if (r < 0) {
		neighbours_free(vms, filled);
		return r;
	}
	*out = vms;
	*n = filled;
	return 0;
}
