/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a VM has taken of this host: VFs, memory, its name and its addresses. It is a file
 * in the VM's run folder, reservation.json, written before anything of it is touched, with
 * what each VF was before: so whoever finds it can give everything back.
 *
 * It counts while somebody works on the VM (its lock is held), while its QEMU lives, and
 * while its journal is open. One that counts no longer is left from a crash: whoever
 * reserves next gives it back first. One of another boot says nothing at all.
 */
#ifndef VMFO_FLOW_RESERVATION_H
#define VMFO_FLOW_RESERVATION_H

#include "flow/vm.h"

/*
 * Reads it into vm->vfs, and into vm->def if that is NULL.  Return: 1; 0: there is none of
 * this boot; or a failure.
 */
int reservation_load(struct vm *vm, struct err *err);

/* Writes vm->vfs and vm->def. The VM's lock is held. */
int reservation_save(struct vm *vm, struct err *err);

/* Forgets vm->vfs, and removes the file: nothing is given back by this. */
int reservation_remove(struct vm *vm, struct err *err);

/*
 * Whether it counts, as above; a lock that is vm's own is not somebody's work on it.
 * vm_find_running() was asked before.  Return: 1, 0, or a failure.
 */
int reservation_counts(struct vm *vm, struct err *err);

/* The VF that the VM uses, or is about to use, for that pair; NULL: none. Borrowed. */
struct vm_vf *reservation_vf(const struct vm *vm, const struct vm_pair *pair);

/* The VF of that address, if it was given up for that pair; NULL: it was not. Borrowed. */
struct vm_vf *reservation_spare(const struct vm *vm, const struct vm_pair *pair,
				const char *address);

/* From now on the pair's VF is that one of vm->vfs, and its others are spare. Not saved. */
void reservation_prefer(struct vm *vm, const struct vm_pair *pair, const char *address);

/* Adds one to vm->vfs; pair is copied. out: borrowed until the next is added. */
int reservation_add(struct vm *vm, const struct vm_pair *pair, struct vm_vf **out,
		    struct err *err);

/* Those of vm->vfs that were added since it had n go again. Not saved. */
void reservation_cut(struct vm *vm, size_t n);

/* Frees vm->vfs only. */
void reservation_forget(struct vm *vm);

#endif
