/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The narration on standard error: plain lines, and at most one live line below them,
 * which is rewritten in place. The sink of base/log.h. Lines may come from any thread.
 */
#ifndef VMFO_CLI_NARRATE_H
#define VMFO_CLI_NARRATE_H

#include <stdbool.h>

enum narrate_level {
	NARRATE_QUIET, /* warnings only */
	NARRATE_NORMAL,
	NARRATE_VERBOSE,
};

/* Installs the narration as the log's sink. */
void narrate_start(enum narrate_level level);

/* A line, in the log's terms: a note unless --quiet, or always. */
void narrate_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void narrate_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Lines that are ready as they are, always. */
void narrate_text(const char *text);

/* Whether a live line may be shown: standard error is a terminal that can rewrite one. */
bool narrate_can_live(void);

/* Shows text as the live line, cut to the terminal's width; NULL removes it. */
void narrate_live(const char *text);

#endif
