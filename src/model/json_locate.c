/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/json_locate.h"

#include <ctype.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"

/* ---- the way as text ---- */

static bool is_word(const char *key)
{
	if (!*key)
		return false;
	for (; *key; key++)
		if (!isascii(*key) || (!isalnum(*key) && *key != '_' && *key != '-'))
			return false;
	return true;
}

static void put_step(FILE *f, const struct json_where *where)
{
	_cleanup_free_ char *quoted = NULL;
	json_t *key;

	if (!where->up) {
		fputc('$', f);
		return;
	}
	put_step(f, where->up);
	if (!where->key) {
		fprintf(f, "[%zu]", where->index);
		return;
	}
	if (is_word(where->key)) {
		fprintf(f, ".%s", where->key);
		return;
	}
	key = json_string(where->key);
	quoted = key ? json_dumps(key, JSON_ENCODE_ANY | JSON_ENSURE_ASCII) : NULL;
	json_decref(key);
	fprintf(f, "[%s]", quoted ?: "?");
}

const char *json_where_text(const struct json_where *where, char *buf, size_t size)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (f) {
		put_step(f, where);
		fclose(f);
	}
	if (snprintf(buf, size, "%s", text ?: "$") >= (int)size && size > 4)
		memcpy(buf + size - 4, "...", 4);
	return buf;
}

/* ---- the search ---- */

struct scan {
	const char *p, *end;
	int line;
};

static char peek(const struct scan *s)
{
	return s->p < s->end ? *s->p : '\0';
}

static void skip_blank(struct scan *s)
{
	for (; s->p < s->end && strchr(" \t\r\n", *s->p) && *s->p; s->p++)
		if (*s->p == '\n')
			s->line++;
}

/* From a quote to behind the one that closes it. */
static void skip_string(struct scan *s)
{
	for (s->p++; s->p < s->end && *s->p != '"'; s->p++)
		if (*s->p == '\\' && s->p + 1 < s->end)
			s->p++;
	if (s->p < s->end)
		s->p++;
}

/* Behind the value: without recursion, so that its nesting does not matter. */
static void skip_value(struct scan *s)
{
	int depth = 0;

	do {
		skip_blank(s);
		switch (peek(s)) {
		case '"':
			skip_string(s);
			break;
		case '{':
		case '[':
			depth++;
			s->p++;
			break;
		case '}':
		case ']':
			depth--;
			s->p++;
			break;
		case ',':
		case ':':
			s->p++;
			break;
		default: /* a number, or a literal */
			while (s->p < s->end && (!*s->p || !strchr(",:]}\" \t\r\n", *s->p)))
				s->p++;
		}
	} while (depth > 0 && s->p < s->end);
}

/* Decoded by jansson: a key may be written with escapes. */
static bool token_is(const char *token, size_t len, const char *key)
{
	json_t *value = json_loadb(token, len, JSON_DECODE_ANY, NULL);
	const char *text = json_string_value(value);
	bool same = text && str_eq(text, key);

	json_decref(value);
	return same;
}

/* Goes on behind a comma.  Return: false at the end of the object or list. */
static bool next_item(struct scan *s)
{
	skip_blank(s);
	if (peek(s) != ',')
		return false;
	s->p++;
	skip_blank(s);
	return s->p < s->end;
}

static bool enter_member(struct scan *s, const char *key, int *line)
{
	if (peek(s) != '{')
		return false;
	s->p++;
	skip_blank(s);
	while (peek(s) == '"') {
		const char *token = s->p;
		int token_line = s->line;
		bool found;

		skip_string(s);
		found = token_is(token, (size_t)(s->p - token), key);
		skip_blank(s);
		if (peek(s) == ':')
			s->p++;
		skip_blank(s);
		if (found) {
			*line = token_line;
			return true;
		}
		skip_value(s);
		if (!next_item(s))
			return false;
	}
	return false;
}

static bool enter_element(struct scan *s, size_t index, int *line)
{
	if (peek(s) != '[')
		return false;
	s->p++;
	skip_blank(s);
	if (peek(s) == ']')
		return false;
	for (; index > 0; index--) {
		skip_value(s);
		if (!next_item(s))
			return false;
	}
	*line = s->line;
	return true;
}

static bool enter(struct scan *s, const struct json_where *where, int *line)
{
	if (!where->up) {
		skip_blank(s);
		*line = s->line;
		return true;
	}
	if (!enter(s, where->up, line))
		return false;
	return where->key ? enter_member(s, where->key, line) :
			    enter_element(s, where->index, line);
}

int json_locate(const char *text, size_t len, const struct json_where *where)
{
	struct scan s = { .p = text, .end = text + len, .line = 1 };
	int line = 1;

	enter(&s, where, &line);
	return line;
}
