/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "topology/finding.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "topology/rule.h"

#define MAX_PARSED 4096

static const char *const severity_names[] = {
	[SEVERITY_ERROR] = "error",
	[SEVERITY_WARNING] = "warning",
	[SEVERITY_INFO] = "info",
};
static_assert(ARRAY_SIZE(severity_names) == SEVERITY_INFO + 1, "every severity has its name");

const char *severity_name(enum severity severity)
{
	return severity_names[severity];
}

static void finding_clear(struct finding *finding)
{
	free(finding->rule);
	free(finding->object);
	free(finding->found);
	free(finding->why);
	free(finding->remedy);
	free(finding->source);
}

static bool finding_equal(const struct finding *a, const struct finding *b)
{
	return a->severity == b->severity && str_eq(a->rule, b->rule) &&
	       str_eq(a->object, b->object) && str_eq(a->found, b->found);
}

/* Takes the texts of one, which may be incomplete for want of memory. */
static void take(struct findings *out, struct finding *one)
{
	struct finding *grown;
	bool whole = one->rule && one->object && one->found && one->why && one->remedy &&
		     one->source;

	for (size_t i = 0; whole && i < out->n; i++) {
		if (finding_equal(&out->list[i], one)) {
			finding_clear(one);
			return;
		}
	}
	/* Room for a power of two of them. */
	if (whole && (out->n & (out->n - 1)) == 0) {
		grown = realloc(out->list, (out->n ? 2 * out->n : 1) * sizeof(*grown));
		if (grown)
			out->list = grown;
		else
			whole = false;
	}
	if (!whole) {
		finding_clear(one);
		out->failed = true;
		return;
	}
	out->list[out->n++] = *one;
}

/*
 * Where every device of a large machine has the same mistake in common with every other,
 * there are more findings than anybody reads, or than memory holds.
 */
static bool is_too_many(struct findings *out, const struct rule *rule, enum severity severity)
{
	if (out->rule != rule) {
		out->rule = rule;
		memset(out->n_of_rule, 0, sizeof(out->n_of_rule));
	}
	if (out->n_of_rule[severity] < FINDINGS_OF_RULE)
		return false;
	/* Told once. */
	if (out->n_of_rule[severity]++ == FINDINGS_OF_RULE)
		findings_add_not_checked(out, rule->name,
					 "it ended its list of what it found after %d",
					 FINDINGS_OF_RULE);
	return true;
}

void findings_add(struct findings *out, const struct rule *rule, enum severity severity,
		  const char *object, const char *fmt, va_list ap)
{
	struct finding one = { .severity = severity };
	size_t before = out->n;

	if (is_too_many(out, rule, severity))
		return;
	if (vasprintf(&one.found, fmt, ap) < 0)
		one.found = NULL;
	one.rule = strdup(rule->name);
	one.object = strdup(object);
	one.why = strdup(rule->why);
	one.remedy = strdup(rule->remedy);
	one.source = strdup(rule->source);
	/* Parts of them may be from a guest, a file, another host. */
	if (one.found)
		str_make_printable(one.found);
	if (one.object)
		str_make_printable(one.object);
	take(out, &one);
	out->n_of_rule[severity] += out->n - before;
}

static void take_not_checked(struct findings *out, char *rule, char *reason)
{
	struct not_checked *grown;

	for (size_t i = 0; rule && reason && i < out->n_not_checked; i++) {
		if (str_eq(out->not_checked[i].rule, rule) &&
		    str_eq(out->not_checked[i].reason, reason)) {
			free(rule);
			free(reason);
			return;
		}
	}
	grown = rule && reason ?
			realloc(out->not_checked, (out->n_not_checked + 1) * sizeof(*grown)) :
			NULL;
	if (!grown) {
		free(rule);
		free(reason);
		out->failed = true;
		return;
	}
	out->not_checked = grown;
	grown[out->n_not_checked++] = (struct not_checked){ rule, reason };
}

void findings_add_not_checked(struct findings *out, const char *rule, const char *fmt, ...)
{
	char *reason;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&reason, fmt, ap) < 0)
		reason = NULL;
	va_end(ap);
	if (reason)
		str_make_printable(reason);
	take_not_checked(out, strdup(rule), reason);
}

static int by_severity(const void *a, const void *b)
{
	const struct finding *x = a, *y = b;
	int order = (int)x->severity - (int)y->severity;

	if (!order)
		order = strcmp(x->object, y->object);
	if (!order)
		order = strcmp(x->rule, y->rule);
	return order ? order : strcmp(x->found, y->found);
}

void findings_sort(struct findings *findings)
{
	if (findings->n)
		qsort(findings->list, findings->n, sizeof(*findings->list), by_severity);
}

void findings_suppress(struct findings *findings, const struct strv *rules)
{
	size_t kept = 0;

	for (size_t i = 0; i < findings->n; i++) {
		struct finding *one = &findings->list[i];

		if (!strv_has(rules, one->rule)) {
			findings->list[kept++] = *one;
			continue;
		}
		if (!strv_has(&findings->suppressed, one->rule))
			strv_add(&findings->suppressed, one->rule);
		finding_clear(one);
	}
	findings->n = kept;
	findings->failed = findings->failed || findings->suppressed.failed;
}

void findings_merge(struct findings *to, struct findings *from, const char *host)
{
	for (size_t i = 0; i < from->n; i++) {
		struct finding *one = &from->list[i];

		if (host) {
			char *object = str_printf("%s: %s", host, one->object);

			free(one->object);
			one->object = object;
		}
		take(to, one);
	}
	for (size_t i = 0; i < from->n_not_checked; i++) {
		struct not_checked *one = &from->not_checked[i];

		if (host) {
			char *reason = str_printf("%s: %s", host, one->reason);

			free(one->reason);
			one->reason = reason;
		}
		take_not_checked(to, one->rule, one->reason);
	}
	for (size_t i = 0; i < from->suppressed.n; i++)
		if (!strv_has(&to->suppressed, from->suppressed.v[i]))
			strv_add(&to->suppressed, from->suppressed.v[i]);
	from->n = from->n_not_checked = 0;
	to->failed = to->failed || from->failed || to->suppressed.failed;
	findings_clear(from);
}

size_t findings_count(const struct findings *findings, enum severity severity)
{
	size_t n = 0;

	for (size_t i = 0; i < findings->n; i++)
		n += findings->list[i].severity == severity;
	return n;
}

/* ---- JSON ---- */

json_t *finding_json(const struct finding *finding)
{
	return json_pack("{ss ss ss ss ss ss ss}", "rule", finding->rule, "severity",
			 severity_name(finding->severity), "object", finding->object, "found",
			 finding->found, "why", finding->why, "remedy", finding->remedy,
			 "source", finding->source);
}

json_t *findings_json(const struct findings *findings)
{
	json_t *list = json_array(), *not_checked = json_array();

	for (size_t i = 0; i < findings->n; i++)
		json_array_append_new(list, finding_json(&findings->list[i]));
	for (size_t i = 0; i < findings->n_not_checked; i++)
		json_array_append_new(not_checked,
				      json_pack("{ss ss}", "rule",
						findings->not_checked[i].rule, "reason",
						findings->not_checked[i].reason));
	return json_pack("{so so so}", "findings", list, "not_checked", not_checked,
			 "suppressed", json_of_texts(&findings->suppressed));
}

/* A text of a foreign object; NULL: it has none. */
static char *foreign_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	char *own = text ? strdup(text) : NULL;

	if (own)
		str_make_printable(own);
	return own;
}

static bool parse_finding(const json_t *object, struct findings *out)
{
	struct finding one = { .severity = SEVERITY_ERROR };
	const char *severity = json_get_text(object, "severity");

	while (one.severity <= SEVERITY_INFO && !str_eq(severity_names[one.severity], severity))
		one.severity++;
	one.rule = foreign_text(object, "rule");
	one.object = foreign_text(object, "object");
	one.found = foreign_text(object, "found");
	one.why = foreign_text(object, "why");
	one.remedy = foreign_text(object, "remedy");
	one.source = foreign_text(object, "source");
	if (one.severity > SEVERITY_INFO || !one.rule || !one.object || !one.found ||
	    !one.why || !one.remedy || !one.source) {
		finding_clear(&one);
		return false;
	}
	take(out, &one);
	return true;
}

int findings_parse(const json_t *json, struct findings *out, struct err *err)
{
	const json_t *list = json_object_get(json, "findings");
	const json_t *not_checked = json_object_get(json, "not_checked");
	const json_t *object;
	size_t i;

	if (!json_is_array(list) || !json_is_array(not_checked) ||
	    json_array_size(list) > MAX_PARSED || json_array_size(not_checked) > MAX_PARSED)
		return err_set(err, ERR_REFUSED, EPROTO,
			       "its findings are not of the form that was expected");
	json_array_foreach (list, i, object)
		if (!parse_finding(object, out))
			return err_set(err, ERR_REFUSED, EPROTO,
				       "its finding %zu is not of the form that was expected",
				       i);
	json_array_foreach (not_checked, i, object) {
		char *rule = foreign_text(object, "rule");
		char *reason = foreign_text(object, "reason");

		if (!rule || !reason) {
			free(rule);
			free(reason);
			return err_set(err, ERR_REFUSED, EPROTO,
				       "its list of what was not checked is not of the form "
				       "that was expected");
		}
		take_not_checked(out, rule, reason);
	}
	return out->failed ? err_nomem(err) : 0;
}

void findings_clear(struct findings *findings)
{
	for (size_t i = 0; i < findings->n; i++)
		finding_clear(&findings->list[i]);
	for (size_t i = 0; i < findings->n_not_checked; i++) {
		free(findings->not_checked[i].rule);
		free(findings->not_checked[i].reason);
	}
	free(findings->list);
	free(findings->not_checked);
	strv_clear(&findings->suppressed);
	*findings = (struct findings){ 0 };
}
