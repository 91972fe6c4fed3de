/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The topology rules. A rule is one row of a table: its name (its identity in output,
 * suppressions and the manual), its texts, and a pure function over struct topo. The
 * tables are the only place where a rule is written down; `--list-rules`, `--explain` and
 * vmfo-rules(7) are made from them.
 */
#ifndef VMFO_TOPOLOGY_RULE_H
#define VMFO_TOPOLOGY_RULE_H

#include "topology/finding.h"
#include "topology/topo.h"

struct verdict;

typedef void rule_fn(const struct topo *topo, struct verdict *verdict);

#define NEEDS(part) (1U << (part))

/* Who asks it, and where. */
enum rule_scope {
	SCOPE_PAIR,   /* of a definition or a command line: once, on the source */
	SCOPE_QEMU,   /* of each host's binary */
	SCOPE_HOST,   /* of each host */
	SCOPE_GUEST,  /* of the running VM: on the source */
	SCOPE_TARGET, /* of a migration's target, against its source */
	SCOPE_REACH,  /* of the way to the target; found by the flow, without a check() */
};

struct rule {
	const char *name;
	enum severity severity; /* a finding may be milder: says `summary` then */
	enum rule_scope scope;
	unsigned int needs;  /* NEEDS(…) | …: without them it is "not checked" */
	const char *summary; /* what is wrong then: one line, no full stop */
	const char *why;     /* it matters: whole sentences */
	const char *remedy;  /* what to do: whole sentences, imperative */
	const char *source;  /* of the claim: file and function, or document */
	rule_fn *check;
};

/* ---- for the checks ---- */

/* A finding of the rule's own severity, or of another. object: "pair net0". */
void verdict_find(struct verdict *verdict, const char *object, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void verdict_find_as(struct verdict *verdict, enum severity severity, const char *object,
		     const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Something that could not be evaluated, and why: the rule is listed as not checked. */
void verdict_unknown(struct verdict *verdict, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* ---- the tables: each ends in a row without a name ---- */

extern const struct rule rules_pair[];      /* SCOPE_PAIR: the two devices */
extern const struct rule rules_mac[];       /* SCOPE_PAIR: their MAC addresses */
extern const struct rule rules_device[];    /* SCOPE_PAIR: what they are, the machine */
extern const struct rule rules_slot[];      /* SCOPE_PAIR: where they are plugged */
extern const struct rule rules_stable[];    /* SCOPE_PAIR: and whether for good */
extern const struct rule rules_qemu[];      /* SCOPE_QEMU */
extern const struct rule rules_vf[];        /* SCOPE_HOST: VFs and their PFs */
extern const struct rule rules_vfio[];      /* SCOPE_HOST: IOMMU, groups, pinned memory */
extern const struct rule rules_network[];   /* SCOPE_HOST: bridges, taps, MACs */
extern const struct rule rules_storage[];   /* SCOPE_HOST: disks, media, firmware */
extern const struct rule rules_resources[]; /* SCOPE_HOST: memory, accelerators, threads */
extern const struct rule rules_shared[];    /* SCOPE_TARGET: what both hosts must have */
extern const struct rule rules_guest[];     /* SCOPE_GUEST */
extern const struct rule rules_target[];    /* SCOPE_TARGET */
extern const struct rule rules_reach[];     /* SCOPE_REACH */

/* ---- for those who run them ---- */

/* Calls fn for every rule, table by table, in order. */
void rule_each(void (*fn)(void *data, const struct rule *rule), void *data);
const struct rule *rule_find(const char *name); /* NULL: none */

const char *rule_scope_name(enum rule_scope scope); /* "pair", "qemu", …; static */

#define SCOPE(scope) (1U << (scope))

/*
 * Evaluates every rule of the scopes (SCOPE(…) | …) that has a check. topo: after
 * topo_open().  Errors: ERR_INTERNAL, ENOMEM.
 */
int rules_run(const struct topo *topo, unsigned int scopes, struct findings *out,
	      struct err *err);

/* A finding of a rule that has no check: what the flow itself has seen. */
void rule_report(struct findings *out, const char *rule, const char *object, const char *fmt,
		 ...) __attribute__((format(printf, 4, 5)));

#endif
