/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proto/ndjson.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* A buffer that grew beyond this for one long line is given back when it is empty. */
#define NDJSON_KEEP (64 * 1024)

#define NDJSON_QUOTE 64 /* bytes of a bad line that its message shows */

void ndjson_init(struct ndjson *codec, size_t max)
{
	*codec = (struct ndjson){ .max = max };
}

void ndjson_clear(struct ndjson *codec)
{
	free(codec->buf);
	ndjson_init(codec, codec->max);
}

/*
 * Measures the lines that bytes would end or go on.  Return: whether all are within max;
 * tail: the length of the one that is left unfinished.
 */
static bool measure(const struct ndjson *codec, const char *bytes, size_t n, size_t *tail)
{
	size_t line = codec->tail;

	while (n > 0) {
		const char *newline = memchr(bytes, '\n', n);
		size_t part = newline ? (size_t)(newline - bytes) : n;

		line += part;
		if (line > codec->max)
			return false;
		if (!newline)
			break;
		line = 0;
		bytes += part + 1;
		n -= part + 1;
	}
	*tail = line;
	return true;
}

static int make_room(struct ndjson *codec, size_t n, struct err *err)
{
	size_t room = codec->room ? codec->room : 4096;
	char *buf;

	if (codec->start > 0) {
		codec->len -= codec->start;
		memmove(codec->buf, codec->buf + codec->start, codec->len);
		codec->start = 0;
	}
	if (codec->room - codec->len >= n)
		return 0;
	while (room - codec->len < n)
		room *= 2;
	buf = realloc(codec->buf, room);
	if (!buf)
		return err_nomem(err);
	codec->buf = buf;
	codec->room = room;
	return 0;
}

int ndjson_feed(struct ndjson *codec, const char *bytes, size_t n, struct err *err)
{
	size_t tail;
	int r;

	if (n == 0)
		return 0;
	if (!measure(codec, bytes, n, &tail))
		return err_set(err, ERR_INTERNAL, EMSGSIZE, "a line of more than %zu bytes",
			       codec->max);
	r = make_room(codec, n, err);
	if (r < 0)
		return r;
	memcpy(codec->buf + codec->len, bytes, n);
	codec->len += n;
	codec->tail = tail;
	return 0;
}

/* line, NUL-terminated: its beginning as plain ASCII, since it may be anything. */
static void quote_line(const char *line, size_t len, char out[NDJSON_QUOTE + 1])
{
	size_t n = len < NDJSON_QUOTE ? len : NDJSON_QUOTE;

	for (size_t i = 0; i < n; i++)
		out[i] = line[i] >= 0x20 && line[i] < 0x7f ? line[i] : '?';
	out[n] = '\0';
}

/* A number, which is not part of a longer one: clamped to 64 bits with a sign. */
static void clamp_number(char *number, size_t len)
{
	static const char limit[2][20] = { "9223372036854775807", "9223372036854775808" };
	bool negative = *number == '-';
	char *digits = number + negative;
	size_t n = len - negative;

	if (n < 19 || *digits == '0' || strspn(digits, "0123456789") < n ||
	    (n == 19 && memcmp(digits, limit[negative], 19) <= 0))
		return;
	memcpy(digits, limit[negative], 19);
	memset(digits + 19, ' ', n - 19);
}

/* Source: RFC 8259 sections 6 and 7. line: followed by a newline. */
static void clamp_numbers(char *line, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		size_t number = strspn(line + i, "+-.0123456789eE");

		if (line[i] == '"') {
			for (i++; i < len && line[i] != '"'; i++)
				i += line[i] == '\\';
		} else if (number > 0) {
			clamp_number(line + i, number);
			i += number - 1;
		}
	}
}

static int decode(char *line, size_t len, json_t **out, struct err *err)
{
	char quote[NDJSON_QUOTE + 1];
	json_error_t why;
	json_t *object = json_loadb(line, len, JSON_REJECT_DUPLICATES, &why);

	/* QEMU's defaults of the kind "as large as can be" need all of 64 bits. */
	if (!object && json_error_code(&why) == json_error_numeric_overflow) {
		clamp_numbers(line, len);
		object = json_loadb(line, len, JSON_REJECT_DUPLICATES, &why);
	}
	if (json_is_object(object)) {
		*out = object;
		return 1;
	}
	quote_line(line, len, quote);
	if (object) {
		json_decref(object);
		return err_set(err, ERR_INTERNAL, EBADMSG,
			       "a line that is not a JSON object: %s", quote);
	}
	/* Its text quotes the line too, as it is; its code does not. */
	return err_set(err, ERR_INTERNAL, EBADMSG, "a line that is not JSON (column %d): %s",
		       why.column, quote);
}

static bool is_blank(const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r')
			return false;
	return true;
}

/* Marks the bytes up to `end` as used. */
static void consume(struct ndjson *codec, size_t end)
{
	codec->start = end;
	if (codec->start < codec->len)
		return;
	codec->start = 0;
	codec->len = 0;
	if (codec->room > NDJSON_KEEP)
		ndjson_clear(codec);
}

int ndjson_next(struct ndjson *codec, json_t **out, struct err *err)
{
	while (codec->len - codec->start > codec->tail) {
		char *line = codec->buf + codec->start;
		const char *newline = memchr(line, '\n', codec->len - codec->start);
		size_t len = (size_t)(newline - line);
		int r = is_blank(line, len) ? 0 : decode(line, len, out, err);

		consume(codec, codec->start + len + 1);
		if (r != 0)
			return r;
	}
	return 0;
}

char *ndjson_encode(const json_t *object, size_t *len)
{
	char *text = json_dumps(object, JSON_COMPACT);
	size_t n = text ? strlen(text) : 0;
	char *line = text ? realloc(text, n + 2) : NULL;

	if (!line) {
		free(text);
		return NULL;
	}
	memcpy(line + n, "\n", 2);
	*len = n + 1;
	return line;
}
