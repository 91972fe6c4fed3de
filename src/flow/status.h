/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * vmfo status and list. Neither opens QMP while another vmfo holds the VM's lock: what
 * that one is doing is read from its state.json.
 */
#ifndef VMFO_FLOW_STATUS_H
#define VMFO_FLOW_STATUS_H

#include "flow/env.h"
#include "flow/result.h"

enum vm_state {
	VM_STOPPED, /* defined, not running */
	VM_RUNNING,
	VM_PAUSED,
	VM_MIGRATING, /* away from here, by a vmfo that is at it */
	VM_INCOMING,  /* a migration's target, not arrived yet */
	VM_BUSY,      /* running, and another vmfo works on it */
	VM_MOVED,     /* a tombstone: it was migrated to another host */
	VM_CRASHED,   /* it was running, and its QEMU is gone */
	VM_UNKNOWN,   /* QEMU runs and does not answer */
};

const char *vm_state_name(enum vm_state state); /* static */

struct vm_status {
	char *name;
	enum vm_state state;
	char *detail;              /* QEMU's runstate, or what the other vmfo does; NULL */
	pid_t pid;                 /* 0: none */
	char *moved_to;            /* VM_MOVED */
	char *open_journal;        /* id of an operation that did not finish; NULL */
	struct pair_result *pairs; /* state, evidence and target_primary (the present one) */
	size_t n_pairs;
	bool pairs_known;
	/* VM_MIGRATING; -1 where not known */
	char *phase;
	char *peer; /* the other host */
	int percent;
	int64_t rate;
	int64_t remaining_ms;
};

/* Errors: ENOENT (ERR_REFUSED): no such VM here. */
int flow_status(struct flow_env *env, const char *vm, struct vm_status *out, struct err *err);

/* Every VM that is defined or running here, by name. out: n of them. */
int flow_list(struct flow_env *env, struct vm_status **out, size_t *n, struct err *err);

/* Only the names, without asking any QEMU: for completion. */
int flow_list_names(struct flow_env *env, struct strv *out, struct err *err);

void vm_status_clear(struct vm_status *status);
void vm_status_list_free(struct vm_status *list, size_t n);
json_t *vm_status_json(const struct vm_status *status); /* schema "vmfo.status/1" */

/* "whole", "degraded", "unknown" or "none" over all of its pairs; static. */
const char *vm_status_pair_summary(const struct vm_status *status);

#endif
