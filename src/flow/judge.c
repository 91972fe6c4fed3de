/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/judge.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"

static bool refuses(const struct finding *finding, unsigned int scopes)
{
	const struct rule *rule = rule_find(finding->rule);

	/* One that only a far vmfo of another version knows is an error like any other. */
	return finding->severity == SEVERITY_ERROR && (!rule || scopes & SCOPE(rule->scope));
}

static void note_rule(struct strv *rules, const char *name)
{
	if (!strv_has(rules, name))
		strv_add(rules, name);
}

int judge_findings(struct flow_run *run, struct findings *findings, const struct strv *suppress,
		   const char *host, unsigned int refusing, enum err_kind kind, struct err *err)
{
	struct findings *all = &run->result->findings;
	_cleanup_free_ char *names = NULL;
	struct strv rules = { 0 };
	size_t n = 0;
	int r = 0;

	findings_suppress(findings, suppress);
	findings_sort(findings);
	for (size_t i = 0; i < findings->n; i++) {
		if (refuses(&findings->list[i], refusing)) {
			note_rule(&rules, findings->list[i].rule);
			n++;
		}
	}
	if (n) {
		names = strv_join(&rules, ", ");
		r = err_set(err, kind, EINVAL, "%s%s%zu error%s (%s)", host ?: "the topology",
			    host ? " cannot take it: " : " is not valid: ", n,
			    n == 1 ? "" : "s", names ?: "?");
	}
	strv_clear(&rules);
	for (size_t i = 0; i < findings->n; i++)
		run_finding(run, &findings->list[i]);
	findings_merge(all, findings, NULL);
	return all->failed ? err_nomem(err) : r;
}
