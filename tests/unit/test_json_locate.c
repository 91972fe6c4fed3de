/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/json_locate.h"

#include "base/str.h"
#include "tap.h"

static const struct json_where root = { .up = NULL };

/* The line of $.KEY, of $.KEY[INDEX], and of $.KEY[INDEX].MEMBER. */
static int line_of(const char *text, const char *key, int index, const char *member)
{
	struct json_where a = { .up = &root, .key = key };
	struct json_where b = { .up = &a, .index = (size_t)index };
	struct json_where c = { .up = &b, .key = member };

	return json_locate(text, strlen(text),
			   member     ? &c :
			   index >= 0 ? &b :
			   key        ? &a :
					&root);
}

static void test_lines(void)
{
	static const char text[] = "\n"
				   "{ \"a\": 1, \"b\":\n"
				   "  \"two\\\"lines, {[ in a string\",\n"
				   "  \"c\": [ [1, 2],\n"
				   "    {\"x\": {\"c\": 0},\n"
				   "     \"y\": null },\n"
				   "    true\n"
				   "  ],\n"
				   "  \"\\u0064\\\\\": -1.5e3,\n"
				   "  \"e\" :\n"
				   "     false}\n";

	is_int(line_of(text, NULL, -1, NULL), 2, "the root begins behind the blank line");
	is_int(line_of(text, "a", -1, NULL), 2, "the first member");
	is_int(line_of(text, "b", -1, NULL), 2,
	       "a member whose value is on the next line: its key");
	is_int(line_of(text, "c", -1, NULL), 4,
	       "behind a string with brackets and a quote in it");
	is_int(line_of(text, "c", 0, NULL), 4, "the first element");
	is_int(line_of(text, "c", 1, NULL), 5, "the next, behind a nested list");
	is_int(line_of(text, "c", 1, "y"), 6, "a member of an element");
	is_int(line_of(text, "c", 2, NULL), 7, "the last element");
	is_int(line_of(text, "d\\", -1, NULL), 9, "a key written with escapes");
	is_int(line_of(text, "e", -1, NULL), 10, "behind a number");
}

static void test_missing(void)
{
	static const char text[] = "{\n"
				   "\"list\":\n"
				   "[\n"
				   "{\n"
				   "\"x\": 1},\n"
				   "{}],\n"
				   "\"empty\": [ ],\n"
				   "\"text\": \"s\"\n"
				   "}\n";

	is_int(line_of(text, "nothing", -1, NULL), 1, "a missing member: its object");
	is_int(line_of(text, "list", 0, "y"), 4, "of an element: the element");
	is_int(line_of(text, "list", 1, "y"), 6, "of an empty one");
	is_int(line_of(text, "list", 2, NULL), 2, "no such element: the list's key");
	is_int(line_of(text, "empty", 0, NULL), 7, "nor in an empty list");
	is_int(line_of(text, "text", 0, NULL), 8, "an element of what is no list");
	is_int(line_of(text, "text", 0, "x"), 8, "and below that");
	is_int(line_of(text, "list", -1, NULL), 2, "and what is there is found");
}

/* None of these may crash, hang or read on: the sanitizers watch. */
static void test_broken(void)
{
	static const char *const texts[] = {
		"",
		"{",
		"[",
		"\"",
		"{\"",
		"{\"a",
		"{\"a\"",
		"{\"a\":",
		"{\"a\":[",
		"{\"a\":[1,",
		"{\"a\\",
		"{\"b\":}",
		"{,,,",
		"{\"b\":]]]",
		"{\"b\":\"\\",
		"}",
		"nul",
		"{\"a\":[{\"x\"",
		"{\"b\" 1 2 3",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		/* In memory of its exact size: a byte too far is seen. */
		size_t len = strlen(texts[i]);
		char *exact = malloc(len ? len : 1);
		struct json_where a = { .up = &root, .key = "a" }, b = { .up = &a, .index = 1 };

		memcpy(exact, texts[i], len);
		is_int(json_locate(exact, len, &b), 1, "no line but 1 in: %s", texts[i]);
		free(exact);
	}
}

static void test_deep(void)
{
	static const char head[] = "{\"deep\":", tail[] = ",\n\"a\": 1}";
	enum { DEPTH = 100000 };
	char *text = malloc(sizeof(head) + 2 * DEPTH + sizeof(tail)), *p = text;

	memcpy(p, head, strlen(head));
	p += strlen(head);
	memset(p, '[', DEPTH);
	p += DEPTH;
	memset(p, ']', DEPTH);
	p += DEPTH;
	memcpy(p, tail, sizeof(tail));
	is_int(line_of(text, "a", -1, NULL), 2, "behind %d nested lists", DEPTH);
	free(text);
}

static void test_text(void)
{
	const struct json_where pairs = { .up = &root, .key = "pairs" };
	const struct json_where second = { .up = &pairs, .index = 1 };
	const struct json_where mac = { .up = &second, .key = "mac" };
	const struct json_where odd = { .up = &root, .key = "a.b \"\xc3\xa4\x1b" };
	const struct json_where none = { .up = &root, .key = "" };
	char buf[64], small[12];

	is_str(json_where_text(&root, buf, sizeof(buf)), "$", "the root");
	is_str(json_where_text(&mac, buf, sizeof(buf)), "$.pairs[1].mac",
	       "a member of an element");
	is_str(json_where_text(&odd, buf, sizeof(buf)), "$[\"a.b \\\"\\u00E4\\u001B\"]",
	       "an odd key is quoted, in printable ASCII");
	is_str(json_where_text(&none, buf, sizeof(buf)), "$[\"\"]", "the empty key");
	is_str(json_where_text(&mac, small, sizeof(small)), "$.pairs[...", "cut to fit");
}

int main(void)
{
	test_lines();
	test_missing();
	test_broken();
	test_deep();
	test_text();
	return done_testing();
}
