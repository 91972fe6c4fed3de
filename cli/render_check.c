/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "render_check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "format.h"
#include "render.h"

static void put_finding(FILE *out, const struct finding *finding)
{
	fprintf(out, "%s: %s: %s\n", severity_name(finding->severity), finding->rule,
		finding->object);
	/* As it is: there may be a command in it that is to be copied. */
	fprintf(out, "  %-*s%s\n", FORMAT_LABEL_WIDTH, "found", finding->found);
	format_wrapped(out, 2, "why", finding->why);
	format_wrapped(out, 2, "remedy", finding->remedy);
	format_wrapped(out, 2, "source", finding->source);
}

char *render_finding_text(const struct finding *finding)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	put_finding(out, finding);
	if (fclose(out) != 0 || !len) {
		free(text);
		return NULL;
	}
	text[len - 1] = '\0';
	return text;
}

/* The rules that were not checked, those of one reason together. */
static void print_not_checked(const struct findings *findings)
{
	for (size_t i = 0; i < findings->n_not_checked; i++) {
		const char *reason = findings->not_checked[i].reason;
		struct strv rules = { 0 };
		_cleanup_free_ char *names = NULL;
		bool told = false;

		for (size_t j = 0; j < i && !told; j++)
			told = str_eq(findings->not_checked[j].reason, reason);
		if (told)
			continue;
		for (size_t j = i; j < findings->n_not_checked; j++)
			if (str_eq(findings->not_checked[j].reason, reason))
				strv_add(&rules, findings->not_checked[j].rule);
		names = strv_join(&rules, " ");
		printf("not checked: %s\n", reason);
		if (names)
			format_wrapped(stdout, 2, "", names);
		strv_clear(&rules);
	}
}

static void print_list(const char *label, const struct strv *list)
{
	_cleanup_free_ char *text = list->n ? strv_join(list, " ") : NULL;

	if (text)
		printf("%s: %s\n", label, text);
}

static void print_count(size_t n, const char *what, const char *separator)
{
	printf("%zu %s%s%s", n, what, n == 1 ? "" : "s", separator);
}

static void print_check(const struct check_result *result)
{
	const struct findings *findings = &result->findings;

	for (size_t i = 0; i < findings->n; i++) {
		put_finding(stdout, &findings->list[i]);
		putchar('\n');
	}
	print_not_checked(findings);
	print_list("suppressed", &findings->suppressed);
	print_list("passed over", &result->passed_over);
	render_devices(result->devices, 0);
	printf("%s: ", result->subject);
	print_count(findings_count(findings, SEVERITY_ERROR), "error", ", ");
	print_count(findings_count(findings, SEVERITY_WARNING), "warning", ", ");
	print_count(findings_count(findings, SEVERITY_INFO), "note", "");
	if (findings->n_not_checked)
		printf("; not everything was checked");
	putchar('\n');
}

int render_check(const struct check_result *result, bool json)
{
	json_t *object;
	int r;

	if (!json) {
		print_check(result);
		return 0;
	}
	object = json_pack("{ss ss}", "schema", "vmfo.check/1", "subject", result->subject);
	json_object_update_new(object, findings_json(&result->findings));
	json_object_set_new(object, "passed_over", json_of_texts(&result->passed_over));
	if (result->devices)
		json_object_set(object, "devices", result->devices);
	r = render_json(object);
	json_decref(object);
	return r;
}

/* ---- buses ---- */

static void print_buses(const struct buses *buses)
{
	printf("%-19s %-5s %-21s %-15s %-8s %s\n", "BUS", "TYPE", "HANDLER", "PARTIAL-UNPLUG",
	       "PRIMARY", "REASON");
	for (size_t i = 0; i < buses->n; i++) {
		const struct bus *bus = &buses->list[i];
		const char *why = "";
		bool usable = bus_takes_primary(bus, &why);

		printf("%-19s %-5s %-21s %-15s %-8s %s\n", bus->name, bus->type,
		       *bus->handler ? bus->handler : "-", bus->partial_unplug ? "yes" : "no",
		       usable ? "yes" : "no", usable ? "-" : why);
	}
}

int render_buses(const struct buses *buses, const char *version, bool json)
{
	json_t *list, *object;
	int r;

	if (!json) {
		print_buses(buses);
		return 0;
	}
	list = json_array();
	for (size_t i = 0; i < buses->n; i++)
		json_array_append_new(list, bus_json(&buses->list[i]));
	object = json_pack("{ss ss ss so}", "schema", "vmfo.buses/1", "machine", buses->machine,
			   "qemu_version", version, "buses", list);
	r = render_json(object);
	json_decref(object);
	return r;
}

/* ---- rules ---- */

json_t *render_rule_json(const struct rule *rule)
{
	return json_pack("{ss ss ss ss ss ss ss}", "name", rule->name, "severity",
			 severity_name(rule->severity), "scope", rule_scope_name(rule->scope),
			 "summary", rule->summary, "why", rule->why, "remedy", rule->remedy,
			 "source", rule->source);
}

static void print_rule_line(void *data, const struct rule *rule)
{
	(void)data;
	printf("%-28s %-8s %s\n", rule->name, severity_name(rule->severity), rule->summary);
}

static void add_rule(void *data, const struct rule *rule)
{
	json_array_append_new(data, render_rule_json(rule));
}

int render_rules(bool json)
{
	json_t *list, *object;
	int r;

	if (!json) {
		rule_each(print_rule_line, NULL);
		return 0;
	}
	list = json_array();
	rule_each(add_rule, list);
	object = json_pack("{ss so}", "schema", "vmfo.rules/1", "rules", list);
	r = render_json(object);
	json_decref(object);
	return r;
}

int render_rule(const struct rule *rule, bool json)
{
	json_t *object;
	int r;

	if (json) {
		object = render_rule_json(rule);
		if (object)
			json_object_set_new(object, "schema", json_string("vmfo.rule/1"));
		r = render_json(object);
		json_decref(object);
		return r;
	}
	printf("%s (%s, asked of: %s)\n", rule->name, severity_name(rule->severity),
	       rule_scope_name(rule->scope));
	format_wrapped(stdout, 2, "found", rule->summary);
	format_wrapped(stdout, 2, "why", rule->why);
	format_wrapped(stdout, 2, "remedy", rule->remedy);
	format_wrapped(stdout, 2, "source", rule->source);
	return 0;
}
