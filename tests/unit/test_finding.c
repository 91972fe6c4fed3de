/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Lists of findings: added once, sorted, filtered, merged, carried as JSON that may be
 * anything.
 */
#include "topology/finding.h"

#include <errno.h>

#include "base/cleanup.h"
#include "tap.h"
#include "topology/rule.h"

static const struct rule rule_a = { .name = "rule-a",
				    .severity = SEVERITY_ERROR,
				    .why = "Why a.",
				    .remedy = "Mend a.",
				    .source = "a.c" };
static const struct rule rule_b = { .name = "rule-b",
				    .severity = SEVERITY_WARNING,
				    .why = "Why b.",
				    .remedy = "Mend b.",
				    .source = "b.c" };

__attribute__((format(printf, 5, 6))) static void add(struct findings *out,
						      const struct rule *rule,
						      enum severity severity,
						      const char *object, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	findings_add(out, rule, severity, object, fmt, ap);
	va_end(ap);
}

/* "error rule-a host: found|…"; the caller frees it. */
static char *listed(const struct findings *findings)
{
	struct strv lines = { 0 };
	char *text;

	for (size_t i = 0; i < findings->n; i++)
		strv_addf(&lines, "%s %s %s: %s", severity_name(findings->list[i].severity),
			  findings->list[i].rule, findings->list[i].object,
			  findings->list[i].found);
	text = strv_join(&lines, "|");
	strv_clear(&lines);
	return text;
}

#define is_listed(findings, want, name)                          \
	do {                                                     \
		_cleanup_free_ char *listed_ = listed(findings); \
		is_str(listed_, want, name);                     \
	} while (0)

static void test_add(void)
{
	struct findings all = { 0 };

	add(&all, &rule_a, SEVERITY_ERROR, "pair net0", "%d of %d", 1, 2);
	is_listed(&all, "error rule-a pair net0: 1 of 2", "a finding is added");
	is_str(all.list[0].why, "Why a.", "with why it matters");
	is_str(all.list[0].remedy, "Mend a.", "and how to mend it");
	is_str(all.list[0].source, "a.c", "and where that is from");

	add(&all, &rule_a, SEVERITY_ERROR, "pair net0", "1 of 2");
	is_int(all.n, 1, "one that is there already is not added again");
	add(&all, &rule_a, SEVERITY_WARNING, "pair net0", "1 of 2");
	add(&all, &rule_b, SEVERITY_ERROR, "pair net0", "1 of 2");
	add(&all, &rule_a, SEVERITY_ERROR, "pair net1", "1 of 2");
	add(&all, &rule_a, SEVERITY_ERROR, "pair net0", "2 of 2");
	is_int(all.n, 5, "one that differs in anything is");
	is_int(findings_count(&all, SEVERITY_ERROR), 4, "four errors");
	is_int(findings_count(&all, SEVERITY_WARNING), 1, "one warning");
	is_int(findings_count(&all, SEVERITY_INFO), 0, "nothing else");
	findings_clear(&all);
	is_int(all.n, 0, "cleared, there are none");

	add(&all, &rule_a, SEVERITY_ERROR, "link \033[31m",
	    "a\nb\033]0;t\a\x9b"
	    "c");
	is_str(all.list[0].object, "link ?[31m", "an object of a terminal's sequences");
	is_str(all.list[0].found, "a?b?]0;t??c", "and what was found are made printable");
	findings_clear(&all);
}

/* Nothing is lost without a word, and a later rule has its own. */
static void test_too_many(void)
{
	struct findings all = { 0 };

	for (int i = 0; i < FINDINGS_OF_RULE + 9; i++)
		add(&all, &rule_a, SEVERITY_WARNING, "host", "the same");
	is_int(all.n_not_checked, 0, "what is the same is one, however often it is found");
	for (int i = 1; i < FINDINGS_OF_RULE + 9; i++)
		add(&all, &rule_a, SEVERITY_WARNING, "host", "number %d", i);
	is_int(all.n, FINDINGS_OF_RULE, "a rule that finds without end");
	is_int(all.n_not_checked, 1, "is told once");
	is_str(all.not_checked[0].rule, "rule-a", "by its name");
	like(all.not_checked[0].reason, "after 512", "and with the number");
	add(&all, &rule_a, SEVERITY_ERROR, "host", "worse");
	is_int(findings_count(&all, SEVERITY_ERROR), 1, "an error is not lost behind warnings");
	add(&all, &rule_b, SEVERITY_WARNING, "host", "another");
	is_int(all.n, FINDINGS_OF_RULE + 2, "nor what another rule finds");
	ok(!all.failed, "and none of it is a failure");
	findings_clear(&all);
}

static void test_not_checked(void)
{
	struct findings all = { 0 };

	findings_add_not_checked(&all, "rule-a", "no %s", "host");
	findings_add_not_checked(&all, "rule-a", "no host");
	is_int(all.n_not_checked, 1, "a reason is told once");
	findings_add_not_checked(&all, "rule-a", "no guest");
	findings_add_not_checked(&all, "rule-b", "no host");
	is_int(all.n_not_checked, 3, "another one, or of another rule, too");
	findings_add_not_checked(&all, "rule-b", "%s", "\033c");
	is_str(all.not_checked[3].reason, "?c", "and it is printable");
	findings_clear(&all);
}

static void test_sort(void)
{
	struct findings all = { 0 };

	findings_sort(&all);
	is_int(all.n, 0, "nothing can be sorted");
	add(&all, &rule_b, SEVERITY_INFO, "a", "x");
	add(&all, &rule_b, SEVERITY_WARNING, "a", "x");
	add(&all, &rule_b, SEVERITY_ERROR, "b", "x");
	add(&all, &rule_b, SEVERITY_ERROR, "a", "y");
	add(&all, &rule_b, SEVERITY_ERROR, "a", "x");
	add(&all, &rule_a, SEVERITY_ERROR, "a", "z");
	findings_sort(&all);
	is_listed(&all,
		  "error rule-a a: z|error rule-b a: x|error rule-b a: y|error rule-b b: x|"
		  "warning rule-b a: x|info rule-b a: x",
		  "by severity, then object, then rule, then what was found");
	findings_clear(&all);
}

static void test_suppress(void)
{
	struct findings all = { 0 };
	struct strv names = { 0 };

	strv_add(&names, "rule-a");
	strv_add(&names, "rule-c");
	add(&all, &rule_a, SEVERITY_ERROR, "a", "x");
	add(&all, &rule_b, SEVERITY_ERROR, "a", "x");
	add(&all, &rule_a, SEVERITY_INFO, "b", "x");
	findings_add_not_checked(&all, "rule-a", "no host");
	findings_suppress(&all, &names);
	is_listed(&all, "error rule-b a: x", "those of a rule that is named are gone");
	is_int(all.suppressed.n, 1, "it is recorded once, a rule without findings is not");
	is_str(all.suppressed.v[0], "rule-a", "by its name");
	is_int(all.n_not_checked, 1, "that it was not checked stays");
	findings_suppress(&all, &names);
	is_int(all.suppressed.n, 1, "a second time changes nothing");
	/* The list is used on after it has shrunk. */
	for (int i = 0; i < 100; i++)
		add(&all, &rule_a, SEVERITY_ERROR, "a", "%d", i);
	is_int(all.n, 101, "others can be added afterwards");
	findings_suppress(&all, &names);
	is_int(all.n, 1, "and suppressed again");
	strv_clear(&names);
	findings_clear(&all);
}

static void test_merge(void)
{
	struct findings here = { 0 }, there = { 0 };

	add(&here, &rule_a, SEVERITY_ERROR, "host", "x");
	findings_add_not_checked(&here, "rule-b", "no guest");
	add(&there, &rule_a, SEVERITY_ERROR, "host", "x");
	findings_add_not_checked(&there, "rule-b", "no guest");
	strv_add(&there.suppressed, "rule-c");
	findings_merge(&here, &there, "kvm2");
	is_listed(&here, "error rule-a host: x|error rule-a kvm2: host: x",
		  "what another host found has its name");
	is_int(here.n_not_checked, 2, "and so has what it did not check");
	is_str(here.not_checked[1].reason, "kvm2: no guest", "in the reason");
	is_int(here.suppressed.n, 1, "what was suppressed there is recorded here");
	ok(there.n == 0 && there.n_not_checked == 0 && !there.list, "nothing is left there");

	add(&there, &rule_a, SEVERITY_ERROR, "kvm2: host", "x");
	findings_add_not_checked(&there, "rule-b", "kvm2: no guest");
	strv_add(&there.suppressed, "rule-c");
	findings_merge(&here, &there, NULL);
	ok(here.n == 2 && here.n_not_checked == 2 && here.suppressed.n == 1,
	   "what is there already is not taken again");
	there.failed = true;
	findings_merge(&here, &there, NULL);
	ok(here.failed, "that something is missing is not forgotten");
	findings_clear(&here);
}

/* Parses text; what came of it is in out. */
static int parse(const char *text, struct findings *out, struct err *err)
{
	json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
	int r = findings_parse(json, out, err);

	json_decref(json);
	return r;
}

#define FINDING                                                                       \
	"\"rule\": \"later-rule\", \"object\": \"host\", \"found\": \"x\", \"why\": " \
	"\"w\", \"remedy\": \"r\", \"source\": \"s\""

static void test_json(void)
{
	struct findings all = { 0 }, again = { 0 };
	struct err err = ERR_INIT;
	json_t *json, *second;

	add(&all, &rule_a, SEVERITY_ERROR, "host", "x");
	add(&all, &rule_a, SEVERITY_WARNING, "host", "x");
	add(&all, &rule_b, SEVERITY_INFO, "pair n\xc3\xa4t", "y");
	findings_add_not_checked(&all, "rule-b", "no guest");
	json = findings_json(&all);
	is_int(findings_parse(json, &again, &err), 0, "what was written is read");
	second = findings_json(&again);
	ok(json_equal(json, second), "and is the same");
	strv_add(&all.suppressed, "rule-c");
	json_decref(json);
	json = findings_json(&all);
	is_str(json_string_value(json_array_get(json_object_get(json, "suppressed"), 0)),
	       "rule-c", "what was suppressed is listed");
	json_decref(json);
	json_decref(second);
	findings_clear(&again);
	findings_clear(&all);

	is_int(parse("{\"findings\": [{\"severity\": \"info\", " FINDING
		     "}], \"not_checked\": [], \"new\": 1}",
		     &all, &err),
	       0, "a rule and a member that only another version knows are taken");
	is_listed(&all, "info later-rule host: x", "as they are");
	findings_clear(&all);
}

static void test_hostile(void)
{
	static const char *const texts[] = {
		"null",
		"[]",
		"\"findings\"",
		"{}",
		"{\"findings\": []}",
		"{\"findings\": {}, \"not_checked\": []}",
		"{\"findings\": [], \"not_checked\": {}}",
		"{\"findings\": [null], \"not_checked\": []}",
		"{\"findings\": [[]], \"not_checked\": []}",
		"{\"findings\": [{" FINDING "}], \"not_checked\": []}",
		"{\"findings\": [{\"severity\": \"\", " FINDING "}], \"not_checked\": []}",
		"{\"findings\": [{\"severity\": \"fatal\", " FINDING "}], \"not_checked\": []}",
		"{\"findings\": [{\"severity\": 0, " FINDING "}], \"not_checked\": []}",
		"{\"findings\": [{\"severity\": \"error\", \"rule\": \"r\"}], "
		"\"not_checked\": []}",
		"{\"findings\": [{\"severity\": \"error\", \"rule\": 7, \"object\": \"\", "
		"\"found\": \"\", \"why\": \"\", \"remedy\": \"\", \"source\": \"\"}], "
		"\"not_checked\": []}",
		"{\"findings\": [], \"not_checked\": [1]}",
		"{\"findings\": [], \"not_checked\": [{\"rule\": \"r\"}]}",
		"{\"findings\": [], \"not_checked\": [{\"rule\": \"r\", \"reason\": null}]}",
	};
	struct findings all = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct err err = ERR_INIT;

		is_int(parse(texts[i], &all, &err), -EPROTO, "%s", texts[i]);
		is_int(err.kind, ERR_REFUSED, "is refused");
		findings_clear(&all);
	}
	is_int(parse("{\"findings\": [{\"severity\": \"error\", \"rule\": \"a\\u001b[2J\", "
		     "\"object\": \"\\u0007\", \"found\": \"\\u009b31m\", \"why\": \"\\u007f\", "
		     "\"remedy\": \"\\n\", \"source\": \"\\t\"}], \"not_checked\": "
		     "[{\"rule\": \"\\u0008\", \"reason\": \"\\r\"}]}",
		     &all, NULL),
	       0, "control characters are taken");
	is_str(all.list[0].rule, "a?[2J", "and none of them stays: in the rule");
	is_str(all.list[0].object, "?", "the object");
	ok(!strchr(all.list[0].found, 0x9b), "what was found");
	is_str(all.list[0].why, "?", "the reason");
	is_str(all.list[0].remedy, "?", "the remedy");
	is_str(all.list[0].source, "?", "the source");
	is_str(all.not_checked[0].rule, "?", "a rule that was not checked");
	is_str(all.not_checked[0].reason, "?", "and why");
	findings_clear(&all);
}

/* n findings, and as many that were not checked, all of them different. */
static json_t *many(size_t n)
{
	json_t *list = json_array(), *not_checked = json_array();

	for (size_t i = 0; i < n; i++) {
		json_array_append_new(list, json_pack("{ss ss ss so ss ss ss}", "severity",
						      "error", "rule", "r", "object", "o",
						      "found", json_sprintf("%zu", i), "why",
						      "w", "remedy", "r", "source", "s"));
		json_array_append_new(not_checked, json_pack("{ss so}", "rule", "r", "reason",
							     json_sprintf("%zu", i)));
	}
	return json_pack("{so so}", "findings", list, "not_checked", not_checked);
}

static void test_many(void)
{
	struct findings all = { 0 };
	struct err err = ERR_INIT;
	json_t *json = many(4096);

	is_int(findings_parse(json, &all, &err), 0, "4096 are taken");
	ok(all.n == 4096 && all.n_not_checked == 4096, "all of them");
	json_decref(json);
	findings_clear(&all);
	json = many(5000);
	is_int(findings_parse(json, &all, &err), -EPROTO, "5000 are refused");
	is_int(all.n, 0, "before any is read");
	json_decref(json);
	findings_clear(&all);
}

int main(void)
{
	test_add();
	test_too_many();
	test_not_checked();
	test_sort();
	test_suppress();
	test_merge();
	test_json();
	test_hostile();
	test_many();
	return done_testing();
}
