/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The guard: a process of its own beside a migration, for the case that vmfo is killed.
 * A source QEMU that waits in pre-switchover (its guest is stopped) or in wait-unplug
 * would stay there for ever. The guard puts the datapath back, cancels, and tells the
 * target that the source has kept the VM. From `migrate-continue` on it must do nothing of
 * the kind, so it is disarmed before that, and says that it is.
 *
 * It shares the VM's lock (an inherited fd), so that nobody takes the VM up while it is at
 * work. It knows of vmfo's death by the end of the socket between them.
 */
#ifndef VMFO_FLOW_GUARD_H
#define VMFO_FLOW_GUARD_H

#include "flow/vm.h"

struct guard;

/*
 * Starts it; vm's lock is held. migration: the id of the journal; host: the target; used: by
 * pair, whether it used its primary.
 */
int guard_start(struct vm *vm, const char *migration, const char *host, const bool *used,
		struct guard **out, struct err *err);

/*
 * Disarms it and waits for its word. Idempotent.
 * Errors: it is gone, or silent: then it may act, and migrate-continue must not be sent.
 */
int guard_disarm(struct guard *guard, struct err *err);

/* Disarms it if need be, and frees. Takes NULL. */
void guard_stop(struct guard *guard);

/* The guard's own main: the socket is fd 3, the lock fd 4. */
int flow_guard(struct flow_env *env, struct err *err);

#endif
