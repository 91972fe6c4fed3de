/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The journal of one operation on one host: STATEDIR/journal/VM/ID.jsonl, one JSON
 * object a line: {"at", "boot_id", "what", "step"?, "state"?, …}. Each line is on the
 * disk (fdatasync) before the call returns, so what is about to have an effect is
 * always written down before it has it. A line torn by a crash can only be the last.
 *
 * A journal is open until a line says "closed". Lines:
 *   {"what":"open", "schema":"vmfo.journal/1", "role":"source"|"target", …}
 *   {"what":"step", "step":NAME, "state":"begin"|"done"|"undone"|"failed", …}
 *   {"what":"prepared"} {"what":"committed"} {"what":"closed", "outcome":…}
 */
#ifndef VMFO_IO_JOURNAL_H
#define VMFO_IO_JOURNAL_H

#include <jansson.h>

#include "base/err.h"

struct journal;

/*
 * Makes the journal of operation id on vm under statedir; details (borrowed, may be
 * NULL) are merged into its first line.  Errors: EEXIST for an id that has been used.
 */
int journal_create(const char *statedir, const char *vm, const char *id, const char *role,
		   const json_t *details, struct journal **out, struct err *err);

/* Opens an existing one to append to it. */
int journal_reopen(const char *statedir, const char *vm, const char *id, struct journal **out,
		   struct err *err);

/* One line {"what": what, details…}; details borrowed, may be NULL. */
int journal_add(struct journal *journal, const char *what, const json_t *details,
		struct err *err);

/* One line of what "step". */
int journal_step(struct journal *journal, const char *step, const char *state,
		 const json_t *details, struct err *err);

/* Writes "closed" with the outcome and frees, also when the write fails. */
int journal_close(struct journal *journal, const char *outcome, struct err *err);

/* Frees without closing: the operation stays open, for recovery. Takes NULL. */
void journal_abandon(struct journal *journal);

/*
 * All lines of a journal as a JSON array (a new reference); a torn last line is left
 * out.  Errors: ENOENT.
 */
int journal_read(const char *statedir, const char *vm, const char *id, json_t **out,
		 struct err *err);

/*
 * The id of vm's open journal in out (empty when there is none). At most one is open at
 * a time, as an operation needs the VM's lock and a VM with an open one is refused.
 */
int journal_find_open(const char *statedir, const char *vm, char out[64], struct err *err);

#endif
