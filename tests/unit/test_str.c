/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "base/str.h"
#include "tap.h"

static void test_numbers(void)
{
	static const struct {
		const char *text;
		int want;
		int64_t value;
	} cases[] = {
		{ "0", 0, 0 },
		{ "-0", 0, 0 },
		{ "42", 0, 42 },
		{ "-42", 0, -42 },
		{ "007", 0, 7 },
		{ "100", 0, 100 },
		{ "-100", 0, -100 },
		{ "101", -ERANGE, 0 },
		{ "-101", -ERANGE, 0 },
		{ "9223372036854775808", -ERANGE, 0 },
		{ "-9223372036854775809", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ " ", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 },
		{ "1 ", -EINVAL, 0 },
		{ "+1", -EINVAL, 0 },
		{ "-", -EINVAL, 0 },
		{ "--1", -EINVAL, 0 },
		{ "- 1", -EINVAL, 0 },
		{ "1x", -EINVAL, 0 },
		{ "0x10", -EINVAL, 0 },
		{ "1.5", -EINVAL, 0 },
		{ "1e3", -EINVAL, 0 },
		{ "x", -EINVAL, 0 },
		{ "99999999999999999999x", -EINVAL, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t value = 12345;
		int r = str_to_i64(cases[i].text, -100, 100, &value);

		is_int(r, cases[i].want, "\"%s\"", cases[i].text);
		is_int(value, r == 0 ? cases[i].value : 12345, "\"%s\": the value",
		       cases[i].text);
	}
	{
		int64_t value = 0;

		is_int(str_to_i64("9223372036854775807", INT64_MIN, INT64_MAX, &value), 0,
		       "the largest");
		ok(value == INT64_MAX, "is what it is");
		is_int(str_to_i64("-9223372036854775808", INT64_MIN, INT64_MAX, &value), 0,
		       "the smallest");
		ok(value == INT64_MIN, "is what it is");
	}
}

static void test_printable(void)
{
	char text[] = "a\tb\nc\033[31m\177\x01 ä";
	char empty[] = "";

	str_make_printable(text);
	is_str(text, "a?b?c?[31m?? ä", "control characters go, UTF-8 stays");
	str_make_printable(empty);
	is_str(empty, "", "nothing of nothing");
}

static void test_list(void)
{
	struct strv sv = { 0 };
	char *joined;

	joined = strv_join(&sv, ", ");
	is_str(joined, "", "an empty list joined");
	free(joined);
	for (int i = 0; i < 100; i++)
		strv_addf(&sv, "%d", i);
	strv_add(&sv, "end");
	is_int(sv.n, 101, "a list grows");
	is_str(sv.v[42], "42", "and keeps its order");
	ok(!sv.v[101], "and ends in NULL");
	ok(strv_argv(&sv)[100] == sv.v[100], "its argv is itself");
	strv_clear(&sv);
	ok(!sv.v && sv.n == 0, "cleared");
	strv_add(&sv, "a");
	joined = strv_join(&sv, ", ");
	is_str(joined, "a", "one joined");
	free(joined);
	strv_add(&sv, "");
	strv_add(&sv, "b");
	joined = strv_join(&sv, ", ");
	is_str(joined, "a, , b", "three joined");
	free(joined);
	sv.failed = true;
	strv_add(&sv, "c");
	is_int(sv.n, 3, "after a failure nothing is added");
	ok(!strv_join(&sv, ""), "and nothing joined");
	strv_clear(&sv);
	ok(!sv.failed, "cleared of the failure too");
}

int main(void)
{
	char *text = str_printf("%s-%d", "a", 1);
	int64_t now = clock_ms();

	is_str(text, "a-1", "str_printf");
	free(text);
	ok(str_starts("abc", "ab") && str_starts("abc", "") && !str_starts("ab", "abc"),
	   "str_starts");
	ok(str_eq("", "") && !str_eq("a", "A"), "str_eq");
	test_numbers();
	test_printable();
	test_list();
	ok(deadline_in(1000) >= now + 1000 && deadline_in(1000) < now + 60000, "deadline_in");
	return done_testing();
}
