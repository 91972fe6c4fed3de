/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One migration on its source: the context that the steps of flow/migrate.c share. The
 * steps are in migrate_prepare.c (until the stream may start), migrate_unplug.c and
 * migrate_move.c (until the commit point) and migrate_arrive.c (after it).
 */
#ifndef VMFO_FLOW_MIGRATION_H
#define VMFO_FLOW_MIGRATION_H

#include "flow/guard.h"
#include "flow/migrate.h"
#include "flow/run.h"
#include "flow/source.h"
#include "flow/state_file.h"
#include "flow/target.h"
#include "io/boot.h"
#include "io/journal.h"
#include "proto/tunnel.h"

struct migration {
	struct flow_run run;
	struct migrate_opts opts; /* with host.json's defaults filled in */
	char id[BOOT_ID_SIZE];
	struct vm *vm;
	struct source source;
	struct target *target;
	struct guard *guard;
	struct tunnel *tunnel;
	struct journal *journal;
	json_t *source_facts; /* what the target has to know of this host */
	bool *had_primary;    /* by pair: it was plugged when the migration began */
	bool *let_go;         /* by pair: the guest has let go of it, the datapath follows */
	bool *driver_up;      /* by pair: a driver in the guest used its VF until now */
	bool *used;           /* by pair: frames went to its primary when the migration began */
	bool way_back;        /* migrate_datapath_back() was called */
	bool ended_by_qemu;   /* the migration ended before that */
	bool turned_away;     /* the target has refused to reserve, which changed nothing */
	bool begun;           /* `migrate` was sent */
	int64_t retry_until;  /* QEMU may refuse it until then, and it is sent again; 0 */
	bool prepared;        /* the target was told that the source may hand over */
	bool source_gone;     /* the source QEMU has ended */
	bool target_gone;     /* the VM had arrived, and its QEMU has ended there */
	bool left_there;      /* the target may hold the only copy, and was left as it is */
	enum source_status seen_status; /* what migrate_await_news() returned with last */
	unsigned int seen_changes;
	int64_t state_written;   /* clock_ms() of the last state.json */
	const char *state_phase; /* run.phase in it */
};

/* The checks and steps; each in the form of a step_fn. */
int migrate_check_source(void *ctx, struct err *err);
int migrate_check_target(void *ctx, struct err *err);
int migrate_start_probe(void *ctx, struct err *err);
int migrate_open_journal(void *ctx, struct err *err);
int migrate_reserve(void *ctx, struct err *err);
int migrate_undo_reserve(void *ctx, struct err *err);
int migrate_start_target(void *ctx, struct err *err);
int migrate_set_up_source(void *ctx, struct err *err);
int migrate_guard(void *ctx, struct err *err);
int migrate_undo_guard(void *ctx, struct err *err);
int migrate_open_tunnel(void *ctx, struct err *err);
int migrate_undo_tunnel(void *ctx, struct err *err);

int migrate_unplug(void *ctx, struct err *err);
int migrate_undo_unplug(void *ctx, struct err *err);
int migrate_precopy(void *ctx, struct err *err);
int migrate_switchover(void *ctx, struct err *err);

int migrate_run_target(void *ctx, struct err *err);
int migrate_retire_source(void *ctx, struct err *err);
int migrate_replug(void *ctx, struct err *err);
int migrate_finish(void *ctx, struct err *err);

/* Waits for news, a moment at most.  Return: 0 news, -ETIMEDOUT none, or a failure. */
int migrate_await_news(struct migration *m, struct err *err);

/* Whether every part of a migration in flight is still there. */
int migrate_check_parts(struct migration *m, struct err *err);

/*
 * query-migrate, told as progress. text: what is particular; NULL.
 * Errors: also a migration that has failed, with QEMU's reason, or was cancelled.
 */
int migrate_query(struct migration *m, struct source_figures *now, const char *text,
		  struct err *err);

/*
 * Connects to the target again, after its connection was lost, and takes the migration
 * up there, for so long as the target is given to come back.
 * Return: 1 taken up, which a finished arrival can be as well; 0: nothing is left of it
 * there; or a failure.
 */
int migrate_reconnect(struct migration *m, struct err *err);

/* How much of the VM the target has. */
enum target_holds { TARGET_HOLDS_NOTHING, TARGET_LOADING, TARGET_HOLDS_ALL };

/* Asks it, connecting again if need be.  Errors: it cannot be reached, or does not say. */
int migrate_target_holds(struct migration *m, enum target_holds *out, struct err *err);

/*
 * Before QEMU plugs the primaries of a source that keeps its VM: their host's side. Pairs that
 * ran without stay as they are. The first failure is returned, after the rest.
 */
int migrate_datapath_back(struct migration *m, struct err *err);

/*
 * Until the primary of pair i is back in a source that keeps its VM, and then until the
 * guest is seen to use it: the pair's result says what it came to by the deadline.
 */
int migrate_await_primary(struct migration *m, size_t i, int64_t deadline, struct err *err);

/* The result gets what the probe saw, if there is one. */
void migrate_end_probe(struct migration *m);

/* state.json, at most twice a second unless the phase is new. */
void migrate_write_state(struct migration *m, const struct report_event *progress);

#endif
