/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * vmfo migrate: moves a running VM to another host.
 */
#ifndef VMFO_FLOW_MIGRATE_H
#define VMFO_FLOW_MIGRATE_H

#include "flow/env.h"
#include "flow/probe.h"
#include "flow/result.h"

struct migrate_opts {
	const char *vm;
	const char *host;
	int unplug_timeout_s;  /* -1: host.json's */
	int timeout_s;         /* of precopy; 0: none; -1: host.json's */
	int downtime_limit_ms; /* -1: host.json's */
	int64_t bandwidth;     /* bytes a second; 0: no limit; -1: host.json's */
	bool hidden;           /* --replug=hidden */
	json_t *vfs;           /* --vf: {PAIR: ADDRESS} on the target; NULL; borrowed */
	bool allow_degraded;
	bool dry_run;
	const struct probe_target *probe; /* NULL: none; borrowed */
	struct strv suppress; /* names of topology rules that do not count; borrowed */
};

/*
 * Fills result in every case (outcome, status, reason), and returns 0 or, with err set,
 * the failure that decided it: err's kind equals result->status.
 */
int flow_migrate(struct flow_env *env, const struct migrate_opts *opts, struct result *result,
		 struct err *err);

#endif
