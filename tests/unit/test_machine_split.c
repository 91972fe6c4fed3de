/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A command line in a file, split into arguments; and that a large one is read in no time.
 */
#include <errno.h>

#include "base/cleanup.h"
#include "tap.h"
#include "topology/machine.h"

/* The arguments in brackets, as "[a][b c]"; or the error's message. */
static char *split(const char *text, size_t len)
{
	struct strv out = { 0 };
	struct err err = ERR_INIT;
	char *list = strdup("");

	if (machine_split_text(text, len, "f", &out, &err) < 0) {
		free(list);
		strv_clear(&out);
		return strdup(err.msg);
	}
	for (size_t i = 0; i < out.n; i++) {
		char *more = str_printf("%s[%s]", list, out.v[i]);

		free(list);
		list = more;
	}
	strv_clear(&out);
	return list;
}

static void is_split(const char *text, const char *want)
{
	_cleanup_free_ char *got = split(text, strlen(text));

	is_str(got, want, "%.*s", (int)strcspn(want, "\n"), want);
}

static void is_refused(const char *text, const char *want)
{
	_cleanup_free_ char *got = split(text, strlen(text));

	like(got, want, "refused: %s", want);
}

static void test_words(void)
{
	is_split("", "");
	is_split(" \t\n", "");
	is_split("a b\tc\nd", "[a][b][c][d]");
	is_split("a '' \"\" b", "[a][][][b]");
	is_split("a'b c'd\"e f\"g", "[ab cde fg]");
	is_split("'a\\b\"$`' c", "[a\\b\"$`][c]");
	is_split("\"a\\\"\\\\\\$\\`\\b'\" c", "[a\"\\$`\\b'][c]");
	is_split("a\\ b \\' \\\\ \\$x \\#", "[a b]['][\\][$x][#]");
	is_split("a \\\n  -b \\\n", "[a][-b]");
	is_split("ab\\\ncd", "[abcd]");
	is_split("\"ab\\\ncd\"", "[abcd]");
	is_split("a \\\r\n b\r\n", "[a][b]");
	is_split("a\\", "[a]");
	is_split("# one 'comment\na # another\n#\nb#c '#d'", "[a][b#c][#d]");
	is_split("{\"driver\":1} a=b*?[x]! x~y", "[{driver:1}][a=b*?[x]!][x~y]");
	is_split("'line\nbreak'", "[line\nbreak]");
}

static void test_assignments(void)
{
	is_split("LC_ALL=C PATH=/bin:/usr/bin _x1='a b' qemu a=b", "[qemu][a=b]");
	is_split("'A'=b q", "[A=b][q]");
	is_split("A\\=b q", "[A=b][q]");
	is_split("1=b q", "[1=b][q]");
	is_split("=b q", "[=b][q]");
	is_split("a-b=c A=b", "[a-b=c][A=b]");
}

static void test_refused(void)
{
	is_refused("a\n'b\nc", "f:2: the quote ' that begins here has no end");
	is_refused("a \"b", "f:1: the quote \" that begins here");
	is_refused("a \"b\\\"", "f:1: the quote \"");
	is_refused("a\\\n\n$b", "f:3: \"$\" is for a shell");
	is_refused("'\n\n' \"$b\"", "f:3: \"$\" is for a shell");
	is_refused("\"\\\n`\"", "f:2: \"`\" is for a shell");
	is_refused("a `b`", "\"`\" is for a shell");
	is_refused("a | b", "\"|\" is for a shell");
	is_refused("a; b", "\";\" is for a shell");
	is_refused("a &", "\"&\" is for a shell");
	is_refused("a <b", "\"<\" is for a shell");
	is_refused("a 2>&1", "\">\" is for a shell");
	is_refused("(a)", "\"(\" is for a shell");
	is_refused("a)", "\")\" is for a shell");
	is_refused("a ~/b", "f:1: \"~\" is for a shell");
}

static void test_binary(void)
{
	_cleanup_free_ char *outside = split("a\0b", 3), *inside = split("'a\0b'", 5);

	like(outside, "it has a NUL", "a NUL");
	like(inside, "it has a NUL", "a NUL in quotes");
}

/* ---- large ones ---- */

#define LARGE (1 << 20)

/* Splits and reads as many repetitions of text as fit into LARGE. */
static bool is_read(const char *text)
{
	_cleanup_free_ char *line = malloc(LARGE + 1);
	struct strv argv = { 0 };
	struct err err = ERR_INIT;
	struct machine *machine = NULL;
	size_t len = strlen(text), n = 2;
	bool good;

	memcpy(line, "q ", 2);
	for (; n + len <= LARGE; n += len)
		memcpy(line + n, text, len);
	good = machine_split_text(line, n, "f", &argv, &err) == 0 &&
	       machine_from_argv(strv_argv(&argv), argv.n, &machine, &err) == 0;
	machine_free(machine);
	strv_clear(&argv);
	return good;
}

static void test_large(void)
{
	static const struct {
		const char *text, *name;
		bool good;
	} cases[] = {
		{ "-S ", "many options", true },
		{ "-append x ", "many arguments", true },
		{ "x,", "one long word", true },
		{ "-device e1000e ", "too many devices", false },
		{ "-global a.b=c ", "too many globals", false },
		{ "-machine a=b ", "many -machine", true },
		{ "\\", "backslashes", true },
		{ "''", "quotes", true },
		{ "#", "a comment", true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		/* Some ms; anything quadratic would take minutes, and be ended for it. */
		ok(is_read(cases[i].text) == cases[i].good, "%s: %s", cases[i].name,
		   cases[i].good ? "read" : "refused");
	}
}

/* One option with so many properties. */
static void test_large_option(void)
{
	_cleanup_free_ char *text = malloc(LARGE);
	const char *argv[] = { "q", "-device", text };
	struct machine *machine = NULL;
	struct err err = ERR_INIT;
	size_t n = 0;

	for (int i = 0; n < LARGE - 32; i++)
		n += (size_t)sprintf(text + n, n ? ",k%d=,,," : "e1000e,k%d=", i);
	ok(machine_from_argv(argv, 3, &machine, &err) == 0, "a long device");
	machine_free(machine);

	memset(text, '{', LARGE - 1);
	text[LARGE - 1] = '\0';
	ok(machine_from_argv(argv, 3, &machine, &err) < 0, "braces without end");
	memset(text + 5, '[', LARGE - 6);
	memcpy(text, "{\"a\":", 5);
	ok(machine_from_argv(argv, 3, &machine, &err) < 0, "brackets without end");
	like(err.msg, "not valid JSON", "are refused");
}

int main(void)
{
	test_words();
	test_assignments();
	test_refused();
	test_binary();
	test_large();
	test_large_option();
	return done_testing();
}
