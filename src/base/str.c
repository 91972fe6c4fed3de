/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/str.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

char *str_printf(const char *fmt, ...)
{
	va_list ap;
	char *s;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	return n < 0 ? NULL : s;
}

/* Takes ownership of s, which may be NULL after a failed allocation. */
static void strv_push(struct strv *sv, char *s)
{
	char **v;

	if (sv->failed || !s) {
		sv->failed = true;
		free(s);
		return;
	}
	/* Room for a power of two of them, the NULL at the end included. */
	if (!sv->v || (sv->n > 0 && (sv->n & (sv->n + 1)) == 0)) {
		v = realloc(sv->v, (sv->v ? 2 * (sv->n + 1) : 2) * sizeof(*v));
		if (!v) {
			sv->failed = true;
			free(s);
			return;
		}
		sv->v = v;
	}
	sv->v[sv->n++] = s;
	sv->v[sv->n] = NULL;
}

void strv_add(struct strv *sv, const char *s)
{
	strv_push(sv, strdup(s));
}

void strv_addf(struct strv *sv, const char *fmt, ...)
{
	va_list ap;
	char *s;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	strv_push(sv, n < 0 ? NULL : s);
}

void strv_clear(struct strv *sv)
{
	for (size_t i = 0; i < sv->n; i++)
		free(sv->v[i]);
	free(sv->v);
	*sv = (struct strv){ 0 };
}

bool strv_has(const struct strv *sv, const char *s)
{
	for (size_t i = 0; i < sv->n; i++)
		if (str_eq(sv->v[i], s))
			return true;
	return false;
}

char *strv_join(const struct strv *sv, const char *sep)
{
	size_t size = 1;
	char *text, *end;

	if (sv->failed)
		return NULL;
	for (size_t i = 0; i < sv->n; i++)
		size += strlen(sv->v[i]) + strlen(sep);
	text = malloc(size);
	if (!text)
		return NULL;
	*text = '\0';
	end = text;
	for (size_t i = 0; i < sv->n; i++)
		end = stpcpy(stpcpy(end, i ? sep : ""), sv->v[i]);
	return text;
}

int str_to_i64(const char *s, int64_t min, int64_t max, int64_t *out)
{
	long long v;
	char *end;

	/* strtoll() takes leading blanks and a sign; a number here starts with itself. */
	if (*s != '-' && (*s < '0' || *s > '9'))
		return -EINVAL;
	errno = 0;
	v = strtoll(s, &end, 10);
	if (*end || end == s)
		return -EINVAL;
	if (errno || v < min || v > max)
		return -ERANGE;
	*out = v;
	return 0;
}

/* Source: RFC 3629, section 4: no overlong forms, no surrogates, nothing over U+10FFFF. */
size_t str_utf8_length(const char *s)
{
	const unsigned char *u = (const unsigned char *)s;
	unsigned char low = 0x80, high = 0xbf; /* of the second byte */
	size_t length;

	if (u[0] < 0x80)
		return u[0] != 0;
	if (u[0] < 0xc2 || u[0] > 0xf4)
		return 0;
	length = u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;
	if (u[0] == 0xe0)
		low = 0xa0;
	else if (u[0] == 0xed)
		high = 0x9f;
	else if (u[0] == 0xf0)
		low = 0x90;
	else if (u[0] == 0xf4)
		high = 0x8f;
	if (u[1] < low || u[1] > high)
		return 0;
	for (size_t i = 2; i < length; i++)
		if (u[i] < 0x80 || u[i] > 0xbf)
			return 0;
	return length;
}

/* U+0000 to U+001F, DEL, and U+0080 to U+009F. */
static bool is_control(const char *s, size_t length)
{
	const unsigned char *u = (const unsigned char *)s;

	return (length == 1 && (u[0] < 0x20 || u[0] == 0x7f)) ||
	       (length == 2 && u[0] == 0xc2 && u[1] < 0xa0);
}

void str_make_printable(char *s)
{
	while (*s) {
		size_t length = str_utf8_length(s);

		if (length == 0 || is_control(s, length))
			memset(s, '?', length ?: 1);
		s += length ?: 1;
	}
}

int64_t clock_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t clock_ms(void)
{
	return clock_us() / 1000;
}
