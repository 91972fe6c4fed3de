/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "narrate.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"

#define LINE_SIZE 1280
#define CLEAR_LINE "\r\033[K"

/* One standard error, one state; the tunnel's threads log as well. */
static struct {
	pthread_mutex_t mutex;
	enum narrate_level level;
	bool live_shown;
} narration = { .mutex = PTHREAD_MUTEX_INITIALIZER, .level = NARRATE_NORMAL };

static bool wanted(enum log_level level)
{
	switch (level) {
	case LOG_LEVEL_DEBUG:
		return narration.level >= NARRATE_VERBOSE;
	case LOG_LEVEL_NOTE:
		return narration.level >= NARRATE_NORMAL;
	default:
		return true;
	}
}

static void sink(void *data, enum log_level level, const char *line)
{
	char text[LINE_SIZE];

	(void)data;
	if (!wanted(level))
		return;
	/* Parts of it may be from another host, a QEMU or a guest. */
	snprintf(text, sizeof(text), "%s", line);
	str_make_printable(text);
	pthread_mutex_lock(&narration.mutex);
	/* One write for all of it, so that lines of two processes are not mixed. */
	fprintf(stderr, "%s%s%s\n", narration.live_shown ? CLEAR_LINE : "",
		level == LOG_LEVEL_WARN ? "warning: " : "", text);
	narration.live_shown = false;
	pthread_mutex_unlock(&narration.mutex);
}

void narrate_start(enum narrate_level level)
{
	narration.level = level;
	setvbuf(stderr, NULL, _IOLBF, 0);
	log_set_sink(sink, NULL);
}

#define NARRATE_AT(log_level)                           \
	do {                                            \
		char line[LINE_SIZE];                   \
		va_list ap;                             \
                                                        \
		va_start(ap, fmt);                      \
		vsnprintf(line, sizeof(line), fmt, ap); \
		va_end(ap);                             \
		sink(NULL, log_level, line);            \
	} while (0)

void narrate_note(const char *fmt, ...)
{
	NARRATE_AT(LOG_LEVEL_NOTE);
}

void narrate_warn(const char *fmt, ...)
{
	NARRATE_AT(LOG_LEVEL_WARN);
}

void narrate_text(const char *text)
{
	pthread_mutex_lock(&narration.mutex);
	fprintf(stderr, "%s%s\n", narration.live_shown ? CLEAR_LINE : "", text);
	narration.live_shown = false;
	pthread_mutex_unlock(&narration.mutex);
}

bool narrate_can_live(void)
{
	const char *term = getenv("TERM");

	return narration.level >= NARRATE_NORMAL && isatty(STDERR_FILENO) && term && *term &&
	       !str_eq(term, "dumb");
}

void narrate_live(const char *text)
{
	struct winsize size = { 0 };
	int columns = 80;

	/* Asked each time: the window may have been resized. */
	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		columns = size.ws_col;
	pthread_mutex_lock(&narration.mutex);
	if (text)
		fprintf(stderr, CLEAR_LINE "%.*s", columns - 1, text);
	else if (narration.live_shown)
		fputs(CLEAR_LINE, stderr);
	fflush(stderr);
	narration.live_shown = text;
	pthread_mutex_unlock(&narration.mutex);
}
