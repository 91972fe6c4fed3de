/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the topology rules found: a list that is sorted, filtered, and carried from host
 * to host as JSON.
 */
#ifndef VMFO_TOPOLOGY_FINDING_H
#define VMFO_TOPOLOGY_FINDING_H

#include <jansson.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

enum severity { SEVERITY_ERROR, SEVERITY_WARNING, SEVERITY_INFO };

const char *severity_name(enum severity severity); /* "error", "warning", "info"; static */

/* All its texts are its own. */
struct finding {
	char *rule;
	enum severity severity;
	char *object; /* "pair net0", "host", "kvm2: bridge br0" */
	char *found;  /* the values */
	char *why;    /* it matters */
	char *remedy;
	char *source;
};

struct not_checked {
	char *rule;
	char *reason;
};

struct rule; /* topology/rule.h */

struct findings {
	struct finding *list;
	size_t n;
	struct not_checked *not_checked;
	size_t n_not_checked;
	struct strv suppressed; /* rules that would have had findings */
	/* The rule of the last findings_add(), and how many of each severity it has added. */
	const struct rule *rule;
	size_t n_of_rule[SEVERITY_INFO + 1];
	bool failed; /* out of memory: something is missing */
};

/*
 * found: printf-like. A finding that is there already, in every text, is not added again. Of a
 * rule that goes on after FINDINGS_OF_RULE of one severity the rest is not listed, and it is
 * among those not checked.
 */
#define FINDINGS_OF_RULE 512
void findings_add(struct findings *out, const struct rule *rule, enum severity severity,
		  const char *object, const char *fmt, va_list ap);
void findings_add_not_checked(struct findings *out, const char *rule, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* By severity, then object, then rule. */
void findings_sort(struct findings *findings);

/* Moves those of the named rules out; names that had none are not recorded. */
void findings_suppress(struct findings *findings, const struct strv *rules);

/* Moves everything of from to the end of to; host: put before each object ("kvm2: "), NULL. */
void findings_merge(struct findings *to, struct findings *from, const char *host);

size_t findings_count(const struct findings *findings, enum severity severity);

/* {rule, severity, object, found, why, remedy, source}; new; NULL: out of memory. */
json_t *finding_json(const struct finding *finding);

/*
 * {findings: [...], not_checked: [...], suppressed: [...]}, as check-topology --json has
 * them. New; NULL: out of memory.
 */
json_t *findings_json(const struct findings *findings);

/* Adds what findings_json() made, perhaps of another version: unknown rules stay. Bounded:
 * at most 4096 of each, texts made printable.  Errors: ERR_REFUSED, EPROTO. */
int findings_parse(const json_t *json, struct findings *out, struct err *err);

void findings_clear(struct findings *findings);

#endif
