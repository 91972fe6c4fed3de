/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The source QEMU's side of a migration, as QMP shows it: events, status, figures, and
 * the way back.
 */
#ifndef VMFO_FLOW_SOURCE_H
#define VMFO_FLOW_SOURCE_H

#include "flow/vm.h"
#include "topology/guest_facts.h"

/* MigrationStatus as this flow tells the states apart. Source: QAPI, MigrationStatus. */
enum source_status {
	SOURCE_NONE,
	SOURCE_SETUP,
	SOURCE_WAIT_UNPLUG,
	SOURCE_ACTIVE,
	SOURCE_PRE_SWITCHOVER,
	SOURCE_DEVICE,
	SOURCE_COMPLETED,
	SOURCE_FAILED,
	SOURCE_CANCELLING,
	SOURCE_CANCELLED,
	SOURCE_OTHER, /* one that this vmfo never asks for (postcopy, colo) */
};

struct source_figures {
	enum source_status status;
	char error[256];     /* error-desc; "" */
	int64_t transferred; /* bytes */
	int64_t remaining;
	int64_t total;
	int64_t rate;                 /* bytes a second */
	int64_t downtime_ms;          /* of a completed one; -1 */
	int64_t expected_downtime_ms; /* -1 */
};

/* What FAILOVER_PRIMARY_CHANGED said of a pair last, where QEMU has that event. */
struct source_primary {
	char standby[80];
	enum failover_state state;
	char error[256]; /* why a step of it failed, since the migration began; "" */
};

/* Watches a VM's QMP events during a migration. */
struct source {
	struct vm *vm;
	struct qmp_listener listener;
	enum source_status status; /* of the last event or query */
	char (*asked)[80];         /* primaries that QEMU asked the guest to unplug, by id */
	size_t n_asked;
	struct source_primary *primaries;
	size_t n_primaries;
	unsigned int n_changes; /* how many of those events have come */
	bool ended;             /* SHUTDOWN was seen, or the connection is gone */
};

/* source: stays in place until source_clear(). */
void source_watch(struct source *source, struct vm *vm);
void source_clear(struct source *source);

/* Before `migrate`: what an earlier migration of this QEMU came to is not news. */
void source_begin(struct source *source);

/* What was said of a pair since source_begin(); NULL: nothing, or not by this QEMU. */
const struct source_primary *source_primary(const struct source *source,
					    const struct vm_pair *pair);

/* Whether UNPLUG_PRIMARY has come for pair's primary. */
bool source_was_asked(const struct source *source, const struct vm_pair *pair);

/* query-migrate; also updates source->status. */
int source_query(struct source *source, struct source_figures *out, struct err *err);

/*
 * The way back from wherever the migration is, short of completed: migrate_cancel, and
 * then until QEMU says that it is over and the guest runs again.
 * Return: 0: the VM runs here. -EALREADY: it is too late, the migration has completed.
 * -EPIPE: this QEMU has ended. Other failures: it did not come about.
 */
int source_cancel(struct source *source, struct err *err);

const char *source_status_name(enum source_status status);

#endif
