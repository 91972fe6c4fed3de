/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A subcommand's way to the flows: their environment, with everything that they report
 * shown to people and programs.
 */
#ifndef VMFO_CLI_SESSION_H
#define VMFO_CLI_SESSION_H

#include "command.h"
#include "events.h"
#include "flow/env.h"
#include "flow/result.h"
#include "progress.h"

struct session {
	const struct invocation *call;
	struct flow_env env;
	struct report report;
	struct progress progress;
	struct events events[2]; /* --events, --progress-fd */
};

/* events_file: NULL for none; progress_fd: -1 for none. SIGINT and SIGTERM cancel. */
int session_open(struct session *session, const struct invocation *call,
		 const char *events_file, int progress_fd, struct err *err);

/* The text of a result, for people, on standard output. */
typedef void session_text_fn(const struct result *result);

/*
 * Ends it: prints the result (as JSON if json) when the flow made one, the failure if r is
 * negative, and frees both.  Return: the exit status.
 */
int session_end(struct session *session, int r, struct result *result, bool json,
		session_text_fn *text, struct err *err);

#endif
