/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The topology rules and what they found, as people and programs read it.
 */
#include "../../cli/render_check.h"
#include "base/cleanup.h"
#include "capture.h"
#include "tap.h"

#define WIDTH 96

static const char *shown(const struct check_result *result)
{
	capture_begin();
	render_check(result, false);
	return capture_end();
}

static const char *last_line(const char *text)
{
	size_t len = strlen(text);

	if (!len || text[len - 1] != '\n')
		return "(no newline at the end)";
	for (len--; len && text[len - 1] != '\n'; len--)
		;
	return text + len;
}

static char long_text[] =
	"a sentence that is so long that it takes several lines of a terminal to say what it says, "
	"and then it goes on for some more words, of which /one-is-a-path/that/is/as/long/as/a/line"
	"/of/a/terminal/and/cannot/be/broken/anywhere/without/making/another/path/of/it and ends.";

static void test_wrapping(void)
{
	struct finding one = { .rule = (char *)"rule-a",
			       .severity = SEVERITY_WARNING,
			       .object = (char *)"pair net0",
			       .found = (char *)"short",
			       .why = long_text,
			       .remedy = (char *)"  two  blanks ",
			       .source = (char *)"" };
	_cleanup_free_ char *text = render_finding_text(&one);
	_cleanup_free_ char *joined = NULL;
	struct strv words = { 0 };
	char *rest, *line;

	like(text, "warning: rule-a: pair net0\n  found   short\n  why     a sentence",
	     "a finding has a heading and labels");
	like(text, "\n          ", "what follows a first line is below its text");
	like(text, "\n  remedy  two blanks\n  source  ", "blanks are one blank");
	ok(text && text[strlen(text) - 1] != '\n', "no newline is at the end");

	/* Joined again, the text is what it was. */
	line = strstr(text, "  why") + 8;
	*strstr(line, "\n  remedy") = '\0';
	for (char *part = strtok_r(line, "\n", &rest); part;
	     part = strtok_r(NULL, "\n", &rest)) {
		part += strspn(part, " ");
		ok(strlen(part) + 10 <= WIDTH || !strchr(part, ' '),
		   "a line of %zu columns, or one word", strlen(part) + 10);
		strv_add(&words, part);
	}
	ok(words.n >= 4, "several lines");
	joined = strv_join(&words, " ");
	is_str(joined, long_text, "nothing of it is lost");
	strv_clear(&words);
}

/* Words that end at the last column, and one behind it. */
static void test_edge(void)
{
	static const struct {
		int first, second;
		bool one_line;
	} cases[] = { { 42, 43, true }, { 42, 44, false }, { 86, 1, false }, { 84, 1, true } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char words[128];
		struct finding one = { .rule = (char *)"r",
				       .object = (char *)"o",
				       .found = (char *)"",
				       .why = words,
				       .remedy = (char *)"",
				       .source = (char *)"" };
		_cleanup_free_ char *text = NULL;
		const char *why, *remedy;
		int lines = 0;

		memset(words, 'x', sizeof(words));
		words[cases[i].first] = ' ';
		words[cases[i].first + 1 + cases[i].second] = '\0';
		text = render_finding_text(&one);
		why = strstr(text, "  why");
		remedy = strstr(text, "  remedy");
		for (const char *c = why; c < remedy; c++)
			lines += *c == '\n';
		is_int(lines, cases[i].one_line ? 1 : 2, "words of %d and %d", cases[i].first,
		       cases[i].second);
	}
}

/* Who is to copy a command gets it in one piece. */
static void test_copied(void)
{
	char remedy[] =
		"Words and more words up to the point where the line is nearly full, and then "
		"`a command --with options` and on.";
	struct finding one = { .rule = (char *)"r",
			       .object = (char *)"o",
			       .found = long_text,
			       .why = (char *)"an unpaired ` is a word",
			       .remedy = remedy,
			       .source = (char *)"" };
	_cleanup_free_ char *text = render_finding_text(&one);

	like(text, long_text, "what was found is in one line");
	like(text, "`a command --with options`", "a command is not broken");
	like(text, "unpaired ` is a word", "half a pair of quotes is not one");
}

static void add(struct check_result *result, enum severity severity, const char *found, ...)
{
	va_list ap;

	va_start(ap, found);
	findings_add(&result->findings, rule_find("mac-mismatch"), severity, "pair net0", found,
		     ap);
	va_end(ap);
}

static void test_counts(void)
{
	struct check_result result = { .subject = strdup("web1") };

	is_str(shown(&result), "web1: 0 errors, 0 warnings, 0 notes\n", "nothing found");
	add(&result, SEVERITY_ERROR, "a");
	add(&result, SEVERITY_WARNING, "a");
	add(&result, SEVERITY_INFO, "a");
	is_str(last_line(shown(&result)), "web1: 1 error, 1 warning, 1 note\n", "one of each");
	add(&result, SEVERITY_ERROR, "b");
	add(&result, SEVERITY_INFO, "b");
	findings_add_not_checked(&result.findings, "vf-mac", "no host");
	is_str(last_line(shown(&result)),
	       "web1: 2 errors, 1 warning, 2 notes; not everything was checked\n",
	       "several, and not all was checked");
	check_result_clear(&result);
}

static void test_lists(void)
{
	struct check_result result = { .subject = strdup("web1") };

	findings_add_not_checked(&result.findings, "rule-a", "no host");
	findings_add_not_checked(&result.findings, "rule-b", "no guest");
	findings_add_not_checked(&result.findings, "rule-c", "no host");
	strv_add(&result.findings.suppressed, "rule-d");
	strv_add(&result.findings.suppressed, "rule-e");
	strv_add(&result.passed_over, "-nographic");
	result.devices = json_pack("[{ss ss sn} {ss sn s[{ss ss sb ss}]}]", "pair", "net0",
				   "primary", "e1000e on br0", "candidates", "pair", "net1",
				   "primary", "candidates", "vf", "0000:01:10.0", "pf", "ens1",
				   "fits", 0, "reason", "PF ens1 is down");
	is_str(shown(&result),
	       "not checked: no host\n          rule-a rule-c\n"
	       "not checked: no guest\n          rule-b\n"
	       "suppressed: rule-d rule-e\npassed over: -nographic\n"
	       "on the target, pair net0: primary e1000e on br0\n"
	       "on the target, pair net1: no primary\n"
	       "  not 0000:01:10.0 of PF ens1: PF ens1 is down\n"
	       "web1: 0 errors, 0 warnings, 0 notes; not everything was checked\n",
	       "rules of one reason are together, and each list has its line");
	check_result_clear(&result);
}

static void test_json(void)
{
	struct check_result result = { .subject = strdup("web1") };
	json_t *json;

	add(&result, SEVERITY_ERROR, "a");
	strv_add(&result.passed_over, "-nographic");
	capture_begin();
	render_check(&result, true);
	json = json_loads(capture_end(), 0, NULL);
	is_str(json_string_value(json_object_get(json, "schema")), "vmfo.check/1",
	       "an object of its schema");
	is_str(json_string_value(json_object_get(json, "subject")), "web1", "of what it is");
	is_int(json_array_size(json_object_get(json, "findings")), 1, "its findings");
	is_int(json_array_size(json_object_get(json, "not_checked")), 0,
	       "what was not checked");
	is_int(json_array_size(json_object_get(json, "suppressed")), 0, "what was suppressed");
	is_int(json_array_size(json_object_get(json, "passed_over")), 1,
	       "what was passed over");
	ok(!json_object_get(json, "devices"), "no devices where no target was asked");
	json_decref(json);
	check_result_clear(&result);
}

static void test_rule(void)
{
	const char *text;

	capture_begin();
	render_rule(rule_find("memlock"), false);
	text = capture_end();
	like(text, "memlock (error, asked of: host)\n  found   ", "a rule is explained");
	capture_begin();
	render_rules(false);
	text = capture_end();
	like(text, "mac-mismatch                 error    ", "rules are a table");
}

static void test_buses(void)
{
	struct bus list[] = { { .name = "pcie.0",
				.type = "PCIE",
				.root = true,
				.hotplug = true,
				.handler = "ICH9-LPC",
				.partial_unplug = true },
			      { .name = "rp0",
				.type = "PCIE",
				.hotplug = true,
				.handler = "pcie-root-port",
				.partial_unplug = true },
			      { .name = "none", .type = "PCI", .hotplug = true } };
	const struct buses buses = { .machine = "q35", .list = list, .n = ARRAY_SIZE(list) };
	const char *text;
	json_t *json;

	capture_begin();
	render_buses(&buses, "7.2.0", false);
	text = capture_end();
	like(text,
	     "\nrp0                 PCIE  pcie-root-port        yes             yes      -\n",
	     "a bus that can hold a primary");
	like(text,
	     "\npcie.0              PCIE  ICH9-LPC              yes             no       ",
	     "one that cannot");
	like(text,
	     "\nnone                PCI   -                     no              no       ",
	     "one without hot-plug");
	capture_begin();
	render_buses(&buses, "7.2.0", true);
	json = json_loads(capture_end(), 0, NULL);
	is_str(json_string_value(json_object_get(json, "schema")), "vmfo.buses/1",
	       "and as JSON");
	is_int(json_array_size(json_object_get(json, "buses")), 3, "all of them");
	json_decref(json);
}

int main(void)
{
	test_wrapping();
	test_edge();
	test_copied();
	test_counts();
	test_lists();
	test_json();
	test_rule();
	test_buses();
	return done_testing();
}
