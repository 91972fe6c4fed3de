/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "format.h"

#include <inttypes.h>

#include "base/str.h"

#define WIDTH 96

const char *format_bytes(int64_t bytes, char buf[FORMAT_SIZE])
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	double value = (double)bytes;
	size_t unit = 0;

	/* 1023.95 would be printed as 1024.0. */
	while (value >= 1023.95 && unit + 1 < ARRAY_SIZE(units)) {
		value /= 1024;
		unit++;
	}
	snprintf(buf, FORMAT_SIZE, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
	return buf;
}

const char *format_ms(int64_t ms, char buf[FORMAT_SIZE])
{
	if (ms < 1000)
		snprintf(buf, FORMAT_SIZE, "%" PRId64 " ms", ms);
	else if (ms < 100 * 1000)
		snprintf(buf, FORMAT_SIZE, "%" PRId64 ".%" PRId64 " s", ms / 1000,
			 ms % 1000 / 100);
	else
		snprintf(buf, FORMAT_SIZE, "%" PRId64 " min %02" PRId64 " s", ms / 60000,
			 ms / 1000 % 60);
	return buf;
}

/* The length of the first word. A command in `…` is one word: it is there to be copied. */
static size_t word_length(const char *text)
{
	const char *quote = *text == '`' ? strchr(text + 1, '`') : NULL;

	return quote ? (size_t)(quote - text) + strcspn(quote, " ") : strcspn(text, " ");
}

void format_wrapped(FILE *out, int indent, const char *label, const char *text)
{
	int start = indent + FORMAT_LABEL_WIDTH;
	size_t column = (size_t)start;

	fprintf(out, "%*s%-*s", indent, "", FORMAT_LABEL_WIDTH, label);
	while (*text) {
		size_t len = word_length(text);

		if (column > (size_t)start && column + 1 + len > WIDTH) {
			fprintf(out, "\n%*s", start, "");
			column = (size_t)start;
		} else if (column > (size_t)start) {
			putc(' ', out);
			column++;
		}
		fwrite(text, 1, len, out);
		column += len;
		text += len;
		text += strspn(text, " ");
	}
	putc('\n', out);
}
