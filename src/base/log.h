/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The narration: what is being done, for a person who watches. It is not the result,
 * which cli/ prints on standard output. Lower layers hand a line to the one sink that
 * cli/ installed (its default writes nothing), so that no library code writes to a
 * stream by itself. Safe from any thread once the sink is set.
 */
#ifndef VMFO_BASE_LOG_H
#define VMFO_BASE_LOG_H

enum log_level {
	LOG_LEVEL_DEBUG, /* shown under --verbose */
	LOG_LEVEL_NOTE,  /* shown unless --quiet */
	LOG_LEVEL_WARN,  /* always shown */
};

/* line: without newline, valid during the call only. */
typedef void log_sink_fn(void *data, enum log_level level, const char *line);

/* Installs the sink; before the first thread is started. */
void log_set_sink(log_sink_fn *fn, void *data);

void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
