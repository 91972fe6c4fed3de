/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The target, as the source asks it: the agent's ops (flow/far.c) as functions.
 */
#ifndef VMFO_FLOW_TARGET_H
#define VMFO_FLOW_TARGET_H

#include "flow/env.h"
#include "flow/result.h"
#include "flow/vm.h"
#include "topology/finding.h"

struct target;

/* Connects and greets.  Errors: those of ssh_config_load() and agent_open(). */
int target_open(struct flow_env *env, const char *host, struct target **out, struct err *err);
void target_close(struct target *target); /* takes NULL */

const struct ssh_config *target_ssh(const struct target *target); /* borrowed */
const char *const *target_command(const struct target *target);   /* the agent's; borrowed */

/*
 * Whether the agent there can still be heard. Here, and to the ops below, target may be
 * NULL: one that could not be reached again. The ops return -EPIPE then.
 */
bool target_connected(const struct target *target);

/* Whether it can, and its QEMU lives; why: set if not. */
bool target_alive(const struct target *target, struct err *why);

/* What a target is asked about; all borrowed. */
struct target_question {
	const struct vmdef *def;
	json_t *source; /* survey_source_json() */
	json_t *vfs;    /* --vf: {PAIR: ADDRESS} there; NULL: none */
};

/*
 * Runs the topology rules of that host, and of it against this one, for a definition.
 * out: added to. devices: what it would plug, [{pair, primary|null, candidates}], the
 * caller's; NULL: not wanted.
 */
int target_check(struct target *target, const struct target_question *question,
		 struct findings *out, json_t **devices, struct err *err);

/*
 * Opens it and checks: out has the host put before each object. Where a rule says why it
 * cannot be reached, that is a finding as well, and the error only names the rule.
 * target: the caller's, also on failure; NULL: it was not reached. The rest: as above.
 */
int target_look(struct flow_env *env, const char *host, const struct target_question *question,
		struct findings *out, json_t **devices, struct target **target,
		struct err *err);

/* The PFs and VFs there: vfs_json() of that host; the caller's. */
int target_vfs(struct target *target, json_t **out, struct err *err);

struct target_reserve {
	const char *migration;       /* the id of the journal */
	bool hidden;                 /* QEMU plugs the primaries itself */
	json_t *source;              /* as of struct target_question */
	json_t *vfs;                 /* {PAIR: ADDRESS} that the operator chose; NULL: none */
	const struct strv *suppress; /* as of struct vf_reserve */
};

/* Takes name, VFs and memory there. what: borrowed. */
int target_reserve(struct target *target, const struct vm *vm,
		   const struct target_reserve *what, struct err *err);
int target_start(struct target *target, const struct vm *vm, struct err *err);
int target_attach(struct target *target, const char *vm, const char *migration,
		  struct err *err);
int target_prepared(struct target *target, struct err *err);

struct target_state {
	bool alive;         /* its QEMU */
	char migration[32]; /* MigrationStatus */
	char runstate[32];
};

int target_query(struct target *target, struct target_state *out, struct err *err);
int target_cont(struct target *target, struct err *err);

/* Fills state, evidence, target_primary and reason of out. */
int target_plug(struct target *target, const struct vm *vm, const struct vm_pair *pair,
		struct pair_result *out, struct err *err);
int target_finish(struct target *target, struct err *err);
int target_abort(struct target *target, struct err *err);

#endif
