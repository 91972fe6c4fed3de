/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The results of the flows. Text and JSON render the same struct.
 */
#ifndef VMFO_FLOW_RESULT_H
#define VMFO_FLOW_RESULT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"
#include "flow/probe_report.h"
#include "topology/finding.h"
#include "topology/guest_facts.h"

enum outcome {
	OUTCOME_DONE,
	OUTCOME_DEGRADED,    /* running, a primary is missing */
	OUTCOME_ROLLED_BACK, /* running on the source, pair whole */
	OUTCOME_REFUSED,     /* nothing was changed */
	OUTCOME_UNFINISHED,  /* neither: a person has to settle it */
};

const char *outcome_name(enum outcome outcome); /* "done", "rolled-back", …; static */

/* Of a pair, as far as it can be known. */
enum pair_state {
	PAIR_UNKNOWN,
	PAIR_NOT_NEGOTIATED, /* the guest has not (yet) accepted the standby */
	PAIR_STANDBY_ONLY,   /* negotiated; no primary, or one that the guest does not take */
	PAIR_PLUGGED,        /* QEMU has the primary; the guest's use of it is not known */
	PAIR_PAIRED,         /* and the guest was seen to use it */
};

const char *pair_state_name(enum pair_state state);     /* "standby-only", …; static */
enum pair_state pair_state_from_name(const char *name); /* PAIR_UNKNOWN for any other */

/* What the guest's use of its primary was seen by. */
enum pair_evidence {
	PAIR_EVIDENCE_NONE,
	PAIR_EVIDENCE_GUEST_AGENT, /* the guest says so */
	PAIR_EVIDENCE_FDB,         /* the bridge has learned its address at the primary's tap */
	/* A driver in the guest has the VF's interrupts on; of PAIR_STANDBY_ONLY: none has. */
	PAIR_EVIDENCE_INTERRUPTS,
};

/* "guest-agent", "fdb", "interrupts"; NULL for none; static. */
const char *pair_evidence_name(enum pair_evidence evidence);
enum pair_evidence pair_evidence_from_name(const char *name);

struct pair_result {
	char *id;
	enum pair_state state;
	/* Of PAIR_PAIRED; of PAIR_STANDBY_ONLY and PAIR_PLUGGED where it was seen by this. */
	enum pair_evidence evidence;
	char *source_primary; /* QEMU id and model; NULL: it had none */
	char *target_primary; /* the same; NULL: none */
	char *reason;         /* why it is not whole; NULL */
	/* Of its VF's settings, those that the PF's driver does not know: "link state", … */
	struct strv unsupported;
	/* QEMU's own word at the last look, where it has query-failover. */
	struct qemu_failover qemu;
};

struct phase_result {
	const char *name;
	int64_t start_ms; /* since the beginning of the flow */
	int64_t duration_ms;
};

void pair_result_clear(struct pair_result *pair);

#define RESULT_MAX_PHASES 12

/* Of migrate, launch, replug and stop: each fills what it has. */
struct result {
	const char *schema; /* "vmfo.migrate/1", "vmfo.launch/1", …; static */
	char *vm;
	char *source, *target; /* host names; migrate only */
	enum outcome outcome;
	enum err_kind status; /* the exit status; ERR_NONE: 0 */
	char *reason;         /* NULL when done */
	pid_t pid;            /* launch */
	struct phase_result phases[RESULT_MAX_PHASES];
	size_t n_phases;
	int64_t downtime_ms; /* as QEMU measured it; -1: it never stopped */
	int64_t total_ms;
	int64_t transferred_bytes; /* -1: not a migration */
	struct pair_result *pairs;
	size_t n_pairs;
	struct strv warnings;
	struct findings findings; /* of the topology rules, the target's among them */
	json_t *devices;          /* dry run: what the target would plug; NULL */
	bool dry_run;
	struct probe_report *probe; /* migrate --probe; NULL */
};

/* A new reference; NULL: out of memory. */
json_t *result_json(const struct result *result);
void result_clear(struct result *result);

#endif
