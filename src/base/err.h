/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The error object. What can fail returns 0 or a negative errno and takes a
 * `struct err *` last. The caller owns it, usually on its stack: nothing to free,
 * no out-of-memory path. Every function takes a NULL err, and then only returns.
 */
#ifndef VMFO_BASE_ERR_H
#define VMFO_BASE_ERR_H

#include <stddef.h>

#define ERR_MSG_SIZE 512

/* The kind decides the exit status (see vmfo(1), EXIT STATUS): the numbers are equal. */
enum err_kind {
	ERR_NONE = 0,
	ERR_INTERNAL = 1,    /* a bug, or the operating system refused something ordinary */
	ERR_USAGE = 2,       /* wrong arguments, or a definition that is not valid */
	ERR_TOPOLOGY = 3,    /* the failover pair cannot work */
	ERR_REFUSED = 4,     /* nothing was changed */
	ERR_ROLLED_BACK = 5, /* failed; running on the source, pair whole */
	ERR_DEGRADED = 6,    /* running, without its primary */
	ERR_UNFINISHED = 7,  /* neither done nor undone */
};

struct err {
	enum err_kind kind;
	int errnum; /* positive errno; 0 only while there is no error */
	char msg[ERR_MSG_SIZE];
};

#define ERR_INIT                 \
	{                        \
		.kind = ERR_NONE \
	}

/*
 * Sets the error. A message says what was tried, on what, what was found, and what
 * to do about it; it has no trailing newline. A longer one is cut, marked by "...".
 * errnum: positive errno.  Return: -errnum, so that `return err_set(...)` is the idiom.
 */
int err_set(struct err *err, enum err_kind kind, int errnum, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Like err_set(), with ": " and the text of errnum appended. */
int err_sys(struct err *err, enum err_kind kind, int errnum, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Prepends context and ": " to a set error.  Return: -errnum of the error. */
int err_wrap(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Out of memory.  Return: -ENOMEM. */
int err_nomem(struct err *err);

/* The name of a kind as programs see it ("refused", "rolled-back", ...); static. */
const char *err_kind_name(enum err_kind kind);

#endif
