/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Strings and the clock.
 */
#ifndef VMFO_BASE_STR_H
#define VMFO_BASE_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static inline bool str_eq(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static inline bool str_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* printf into memory of its own.  Return: the string, which the caller frees, or NULL. */
char *str_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * A NULL-terminated list of strings that it owns, grown one by one: an argv. After a
 * failed allocation every later call does nothing and `failed` stays set, so that a
 * long list is checked once, at its end.
 */
struct strv {
	char **v; /* NULL while empty */
	size_t n;
	bool failed;
};

void strv_add(struct strv *sv, const char *s);
void strv_addf(struct strv *sv, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void strv_clear(struct strv *sv); /* frees all; leaves it empty and usable */

/* Whether s is among them. */
bool strv_has(const struct strv *sv, const char *s);

/* All of them, with sep between; freed by the caller. NULL: out of memory, or `failed`. */
char *strv_join(const struct strv *sv, const char *sep);

/* The strings as execvp() wants them; borrowed. */
static inline const char *const *strv_argv(const struct strv *sv)
{
	return (const char *const *)sv->v;
}

/*
 * A decimal integer, all of s, within [min, max].  Return: 0, -EINVAL (not a number),
 * -ERANGE.
 */
int str_to_i64(const char *s, int64_t min, int64_t max, int64_t *out);

/*
 * Replaces what a terminal would act upon (control characters of both ranges, DEL) and
 * what is no UTF-8 by '?', in place: for text that a guest, a QEMU or another host wrote,
 * and that a person will read or JSON will carry.
 */
void str_make_printable(char *s);

/* The length of the UTF-8 character at s, 1 to 4; 0: there is none (or a NUL). */
size_t str_utf8_length(const char *s);

/* Milliseconds, and microseconds, of CLOCK_MONOTONIC. */
int64_t clock_ms(void);
int64_t clock_us(void);

#define DEADLINE_NEVER INT64_MAX

/* A deadline that many milliseconds from now, in clock_ms() terms. */
static inline int64_t deadline_in(int64_t ms)
{
	return clock_ms() + ms;
}

#endif
