/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a flow reports, for programs: newline-delimited JSON to --events FILE and to
 * --progress-fd N. A reader that is slow, or gone, never holds up the flow.
 */
#ifndef VMFO_CLI_EVENTS_H
#define VMFO_CLI_EVENTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct events {
	int fd;           /* -1: none */
	bool own;         /* closed by events_close() */
	const char *name; /* for messages; borrowed */
	char *pending;    /* what the reader has not taken yet */
	size_t n_pending;
};

#define EVENTS_INIT      \
	{                \
		.fd = -1 \
	}

/* Opens (and empties) a file.  Errors: ERR_USAGE. */
int events_open(struct events *events, const char *path, struct err *err);

/* Takes an fd that the caller of vmfo handed over.  Errors: ERR_USAGE: it cannot be written. */
int events_attach(struct events *events, int fd, struct err *err);

/* One line. passing: it may be left out when the reader is slow, another follows soon. */
void events_put(struct events *events, const json_t *object, bool passing);

/* Gives a slow reader a last second, and frees. */
void events_close(struct events *events);

#endif
