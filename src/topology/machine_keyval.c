/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "topology/machine_parse.h"

const char *machine_excerpt(const char *text, char buf[EXCERPT_SIZE])
{
	if (snprintf(buf, EXCERPT_SIZE, "%s", text) >= EXCERPT_SIZE)
		memcpy(buf + EXCERPT_SIZE - 4, "...", 4);
	str_make_printable(buf);
	return buf;
}

/* ---- key=value ---- */

void machine_make_utf8(char *text)
{
	for (const char *p = text; *p; p += str_utf8_length(p)) {
		if (str_utf8_length(p))
			continue;
		str_make_printable(text);
		return;
	}
}

static json_t *string_of(char *text)
{
	machine_make_utf8(text);
	return json_string(text);
}

/* Reads a value at *p into buf, up to a single comma or the end, and leaves *p there. */
static void take_value(const char **p, char *buf)
{
	const char *s = *p;

	while (*s && (*s != ',' || s[1] == ',')) {
		s += *s == ',';
		*buf++ = *s++;
	}
	*buf = '\0';
	*p = s;
}

static int set(json_t *object, const char *key, json_t *value, struct err *err)
{
	char part[EXCERPT_SIZE];

	if (!value)
		return err_nomem(err);
	if (json_object_set_new(object, key, value) == 0)
		return 0;
	/* The other reason is a lack of memory: nothing is said wrong by it then. */
	return err_set(err, ERR_USAGE, EINVAL, "\"%s\" is no name of a property",
		       machine_excerpt(key, part));
}

/* "key" and "nokey", as QEMU still takes them. */
static int set_flag(json_t *object, const char *key, struct err *err)
{
	if (str_starts(key, "no") && key[2])
		return set(object, key + 2, json_string("off"), err);
	return set(object, key, json_string("on"), err);
}

/* One of them, at *p. buf: room for all of the text. */
static int take_pair(const char **p, enum keyval_kind kind, const char *implied, json_t *object,
		     char *buf, struct err *err)
{
	size_t len = strcspn(*p, "=,");
	char part[EXCERPT_SIZE];
	char *value = buf + len + 1;

	if ((*p)[len] != '=' && implied) {
		take_value(p, buf);
		return set(object, implied, string_of(buf), err);
	}
	memcpy(buf, *p, len);
	buf[len] = '\0';
	if ((*p)[len] != '=') {
		if (kind == KEYVAL_STRICT)
			return err_set(err, ERR_USAGE, EINVAL,
				       "there is no \"=\" after \"%s\", and QEMU wants one",
				       machine_excerpt(buf, part));
		*p += len;
		return set_flag(object, buf, err);
	}
	*p += len + 1;
	take_value(p, value);
	/* Of two ids QEMU takes the first. */
	if (kind == KEYVAL_OPTS && str_eq(buf, "id") && json_object_get(object, "id"))
		return 0;
	return set(object, buf, string_of(value), err);
}

int machine_parse_keyval(const char *text, enum keyval_kind kind, const char *implied,
			 json_t **out, struct err *err)
{
	_cleanup_free_ char *buf = malloc(strlen(text) + 2);
	json_t *object = json_object();
	int r = 0;

	if (!buf || !object)
		r = err_nomem(err);
	for (const char *p = text; *p && r == 0; implied = NULL) {
		r = take_pair(&p, kind, implied, object, buf, err);
		p += *p == ',';
	}
	if (r < 0) {
		json_decref(object);
		return r;
	}
	*out = object;
	return 0;
}

/* ---- JSON ---- */

/* A character of a string in quotes of that kind, made one of a string in double quotes. */
static const char *copy_char(const char *p, char quote, char **to)
{
	if (*p == '\\' && p[1]) {
		/* \' is no escape of JSON's. */
		if (p[1] != '\'')
			*(*to)++ = *p;
		*(*to)++ = p[1];
		return p + 2;
	}
	if (*p == '"' && quote == '\'')
		*(*to)++ = '\\';
	*(*to)++ = *p;
	return p + 1;
}

/* The same in double quotes; freed by the caller, NULL: out of memory. */
static char *standard_json(const char *text)
{
	/* A quote in single quotes becomes two characters. */
	char *copy = malloc(2 * strlen(text) + 1), *to = copy;
	char quote = '\0';

	if (!copy)
		return NULL;
	for (const char *p = text; *p;) {
		if (!quote && (*p == '"' || *p == '\'')) {
			quote = *p++;
			*to++ = '"';
		} else if (quote && *p == quote) {
			quote = '\0';
			*to++ = '"';
			p++;
		} else if (quote) {
			p = copy_char(p, quote, &to);
		} else {
			*to++ = *p++;
		}
	}
	*to = '\0';
	return copy;
}

int machine_parse_json(const char *text, json_t **out, struct err *err)
{
	_cleanup_free_ char *copy = standard_json(text);
	char part[EXCERPT_SIZE];
	json_error_t where;
	json_t *object;

	if (!copy)
		return err_nomem(err);
	object = json_loads(copy, JSON_REJECT_DUPLICATES, &where);
	if (!object)
		return err_set(err, ERR_USAGE, EINVAL, "it is not valid JSON: %s",
			       machine_excerpt(where.text, part));
	if (!json_is_object(object)) {
		json_decref(object);
		return err_set(err, ERR_USAGE, EINVAL, "it is JSON, but no object");
	}
	*out = object;
	return 0;
}

int machine_parse_option(const char *text, enum keyval_kind kind, const char *implied,
			 json_t **out, struct err *err)
{
	return *text == '{' ? machine_parse_json(text, out, err) :
			      machine_parse_keyval(text, kind, implied, out, err);
}

/* ---- values ---- */

/* log2 of what a suffix multiplies by; -1: none. */
static int size_shift(char suffix)
{
	static const char letters[] = "bkmgtpe";
	const char *at = suffix ? strchr(letters, suffix | 0x20) : NULL;

	return at ? 10 * (int)(at - letters) : -1;
}

int machine_parse_mib(const char *text, int64_t *mib, struct err *err)
{
	bool hex = str_starts(text, "0x") || str_starts(text, "0X");
	char part[EXCERPT_SIZE], *end;
	/* In a double every size up to 8 PiB is exact. */
	double bytes = strtod(text, &end);
	int shift = *end ? size_shift(*end) : 20;

	if (text[0] < '0' || text[0] > '9' || shift < 0 || (*end && (end[1] || hex)) ||
	    (!hex && strspn(text, "0123456789.") != (size_t)(end - text)))
		return err_set(err, ERR_USAGE, EINVAL,
			       "\"%s\" is no size: expected a number of MiB, or one with the "
			       "suffix K, M, G or T",
			       machine_excerpt(text, part));
	for (int i = 0; i < shift; i++)
		bytes *= 2;
	/* Far above what any machine has, far below what an int64_t holds. */
	if (!(bytes < 0x1p60))
		return err_set(err, ERR_USAGE, EINVAL, "\"%s\" is more than 1 EiB",
			       machine_excerpt(text, part));
	*mib = (int64_t)(((uint64_t)bytes + (1U << 20) - 1) >> 20);
	return 0;
}

bool machine_is_id(const char *text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

	return *text && strchr(letters, *text) &&
	       text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "0123456789-._")] == '\0';
}
