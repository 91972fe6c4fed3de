/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A small TAP harness: a test program includes it, checks with ok() and its kin, and
 * ends with `return done_testing();`. One program, one file, so the state is static.
 */
#ifndef VMFO_TESTS_TAP_H
#define VMFO_TESTS_TAP_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int tap_count, tap_failed;

__attribute__((format(printf, 4, 5), unused)) static bool
tap_result(bool good, const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	printf("%sok %d - ", good ? "" : "not ", ++tap_count);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	if (!good) {
		tap_failed++;
		printf("# failed at %s:%d\n", file, line);
	}
	fflush(stdout);
	return good;
}

#define ok(cond, ...) tap_result((cond), __FILE__, __LINE__, __VA_ARGS__)

#define is_int(got, want, ...)                                                          \
	do {                                                                            \
		intmax_t g_ = (got), w_ = (want);                                       \
		if (!tap_result(g_ == w_, __FILE__, __LINE__, __VA_ARGS__))             \
			printf("#  got: %" PRIdMAX "\n# want: %" PRIdMAX "\n", g_, w_); \
	} while (0)

#define is_str(got, want, ...)                                                                 \
	do {                                                                                   \
		const char *g_ = (got), *w_ = (want);                                          \
		if (!tap_result(g_ && w_ ? strcmp(g_, w_) == 0 : g_ == w_, __FILE__, __LINE__, \
				__VA_ARGS__))                                                  \
			printf("#  got: %s\n# want: %s\n", g_ ? g_ : "(null)",                 \
			       w_ ? w_ : "(null)");                                            \
	} while (0)

/* got contains part. */
#define like(got, part, ...)                                                              \
	do {                                                                              \
		const char *g_ = (got), *p_ = (part);                                     \
		if (!tap_result(g_ && strstr(g_, p_), __FILE__, __LINE__, __VA_ARGS__))   \
			printf("#     got: %s\n# without: %s\n", g_ ? g_ : "(null)", p_); \
	} while (0)

#define skip(n, reason)                                                             \
	do {                                                                        \
		if (getenv("VMFO_TEST_STRICT"))                                     \
			ok(false, "must not be skipped here: %s", (reason));        \
		else                                                                \
			for (int i_ = 0; i_ < (n); i_++)                            \
				printf("ok %d # SKIP %s\n", ++tap_count, (reason)); \
	} while (0)

#define bail(...)                     \
	do {                          \
		printf("Bail out! "); \
		printf(__VA_ARGS__);  \
		printf("\n");         \
		exit(99);             \
	} while (0)

__attribute__((unused)) static int done_testing(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed != 0;
}

#endif
