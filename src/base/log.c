/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/log.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#define LOG_LINE_SIZE 1024

static struct {
	log_sink_fn *fn;
	void *data;
} sink;

void log_set_sink(log_sink_fn *fn, void *data)
{
	sink.fn = fn;
	sink.data = data;
}

static void log_va(enum log_level level, const char *fmt, va_list ap)
{
	char line[LOG_LINE_SIZE];

	if (!sink.fn)
		return;
	vsnprintf(line, sizeof(line), fmt, ap);
	sink.fn(sink.data, level, line);
}

#define LOG_AT(level)                   \
	do {                            \
		va_list ap;             \
		va_start(ap, fmt);      \
		log_va(level, fmt, ap); \
		va_end(ap);             \
	} while (0)

void log_debug(const char *fmt, ...)
{
	LOG_AT(LOG_LEVEL_DEBUG);
}

void log_note(const char *fmt, ...)
{
	LOG_AT(LOG_LEVEL_NOTE);
}

void log_warn(const char *fmt, ...)
{
	LOG_AT(LOG_LEVEL_WARN);
}
