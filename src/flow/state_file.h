/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * RUNDIR/NAME/state.json: what the vmfo that holds a VM's lock is doing with it, for
 * those who must not ask its QEMU meanwhile. Rewritten atomically.
 */
#ifndef VMFO_FLOW_STATE_FILE_H
#define VMFO_FLOW_STATE_FILE_H

#include <stdint.h>

#include "flow/vm.h"

struct op_state {
	char operation[32]; /* "migrate", "incoming" */
	char phase[32];
	char peer[256]; /* the other host */
	int percent;    /* -1: not known; so the next two */
	int64_t rate;   /* bytes a second */
	int64_t remaining_ms;
};

/* Failures are only logged: nothing depends on it but a display. */
void state_file_write(const struct vm *vm, const struct op_state *state);

/* Return: 0, or -ENOENT when there is none that can be read. */
int state_file_read(const struct vm *vm, struct op_state *out);

void state_file_remove(const struct vm *vm);

#endif
