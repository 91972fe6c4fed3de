/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <assert.h>

#include "topology/rule.h"

static const struct rule *const tables[] = {
	rules_pair,      rules_mac,    rules_device, rules_slot,    rules_stable,
	rules_qemu,      rules_vfio,   rules_vf,     rules_network, rules_storage,
	rules_resources, rules_shared, rules_guest,  rules_target,  rules_reach,
};

static const char *const scope_names[] = {
	[SCOPE_PAIR] = "pair",   [SCOPE_QEMU] = "qemu",     [SCOPE_HOST] = "host",
	[SCOPE_GUEST] = "guest", [SCOPE_TARGET] = "target", [SCOPE_REACH] = "reach",
};
static_assert(ARRAY_SIZE(scope_names) == SCOPE_REACH + 1, "every scope has its name");

const char *rule_scope_name(enum rule_scope scope)
{
	return scope_names[scope];
}

void rule_each(void (*fn)(void *data, const struct rule *rule), void *data)
{
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		for (const struct rule *rule = tables[i]; rule->name; rule++)
			fn(data, rule);
}

const struct rule *rule_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		for (const struct rule *rule = tables[i]; rule->name; rule++)
			if (str_eq(rule->name, name))
				return rule;
	return NULL;
}

/* ---- one rule at work ---- */

struct verdict {
	const struct rule *rule;
	struct findings *out;
};

void verdict_find(struct verdict *verdict, const char *object, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	findings_add(verdict->out, verdict->rule, verdict->rule->severity, object, fmt, ap);
	va_end(ap);
}

void verdict_find_as(struct verdict *verdict, enum severity severity, const char *object,
		     const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	findings_add(verdict->out, verdict->rule, severity, object, fmt, ap);
	va_end(ap);
}

void verdict_unknown(struct verdict *verdict, const char *fmt, ...)
{
	char *reason;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&reason, fmt, ap) < 0)
		reason = NULL;
	va_end(ap);
	if (reason)
		findings_add_not_checked(verdict->out, verdict->rule->name, "%s", reason);
	else
		verdict->out->failed = true;
	free(reason);
}

void rule_report(struct findings *out, const char *rule, const char *object, const char *fmt,
		 ...)
{
	const struct rule *row = rule_find(rule);
	va_list ap;

	assert(row);
	va_start(ap, fmt);
	findings_add(out, row, row->severity, object, fmt, ap);
	va_end(ap);
}

/* The first part that a rule needs and that is not known; TOPO_PARTS: all are. */
static enum topo_part missing_part(const struct topo *topo, unsigned int needs)
{
	const bool known[] = {
		[TOPO_DEFINITION] = topo->def, [TOPO_MACHINE] = topo->machine,
		[TOPO_BUSES] = topo->buses,    [TOPO_QEMU] = topo->qemu,
		[TOPO_HOST] = topo->host,      [TOPO_SETTINGS] = topo->settings,
		[TOPO_GUEST] = topo->guest,    [TOPO_SOURCE] = topo->source,
	};
	unsigned int part = 0;

	static_assert(ARRAY_SIZE(known) == TOPO_PARTS, "every part is looked at");
	while (part < TOPO_PARTS && (!(needs & NEEDS(part)) || known[part]))
		part++;
	return (enum topo_part)part;
}

int rules_run(const struct topo *topo, unsigned int scopes, struct findings *out,
	      struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		for (const struct rule *rule = tables[i]; rule->name; rule++) {
			struct verdict verdict = { .rule = rule, .out = out };
			enum topo_part part = missing_part(topo, rule->needs);

			if (!(scopes & SCOPE(rule->scope)) || !rule->check)
				continue;
			if (part == TOPO_PARTS)
				rule->check(topo, &verdict);
			else
				findings_add_not_checked(out, rule->name, "%s",
							 topo->why_not[part] ?:
								 "it was not asked for");
		}
	}
	return out->failed ? err_nomem(err) : 0;
}
