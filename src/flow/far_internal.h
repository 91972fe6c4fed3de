/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the files of the far half share. far.c has the states and the connection,
 * far_prepare.c the ops until the hand-over, far_arrive.c those from it on.
 */
#ifndef VMFO_FLOW_FAR_INTERNAL_H
#define VMFO_FLOW_FAR_INTERNAL_H

#include <errno.h>

#include "base/json.h"
#include "flow/vm.h"
#include "io/journal.h"
#include "proto/agent.h"

/* What a journal here is closed with, once the VM has arrived and everything is done. */
#define FAR_DONE "done"

enum far_state { FAR_IDLE, FAR_RESERVED, FAR_STARTED, FAR_PREPARED, FAR_RUNNING };

struct far {
	struct flow_env *env;
	struct agent_server *server;
	enum far_state state;
	struct vm *vm;
	struct journal *journal;
	char migration[64];
	bool hidden; /* QEMU plugs the primaries itself */
	bool closed; /* it was taken up again after its journal was closed: it has arrived */
	struct loop_watch *end_watch;
};

/* Refuses an op that is asked for before its turn. */
int far_require(const struct far *far, enum far_state least, const char *op, struct err *err);

/* Sends the event "qemu-ended" when the VM's QEMU ends. */
int far_watch_end(struct far *far, struct err *err);

/* Lets go of the VM; what is on this host stays as it is. */
void far_forget(struct far *far);

/* Everything that reserve and start made goes. outcome: for the journal. */
int far_clean_up(struct far *far, const char *outcome, struct err *err);

/* The definition and the monitor appear, the journal closes. */
int far_finish(struct far *far, struct err *err);

/* The ops, each in the form of agent_op.run. */
int far_op_check(void *ctx, const json_t *params, json_t **result, struct err *err);
int far_op_vfs(void *ctx, const json_t *params, json_t **result, struct err *err);
int far_op_reserve(void *ctx, const json_t *params, json_t **result, struct err *err);
int far_op_start(void *ctx, const json_t *params, json_t **result, struct err *err);
int far_op_attach(void *ctx, const json_t *params, json_t **result, struct err *err);
int far_op_prepared(void *ctx, const json_t *params, json_t **result, struct err *err);
int far_op_query(void *ctx, const json_t *params, json_t **result, struct err *err);
int far_op_cont(void *ctx, const json_t *params, json_t **result, struct err *err);
int far_op_plug(void *ctx, const json_t *params, json_t **result, struct err *err);
int far_op_finish(void *ctx, const json_t *params, json_t **result, struct err *err);
int far_op_abort(void *ctx, const json_t *params, json_t **result, struct err *err);

#endif
