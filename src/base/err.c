/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/err.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/*
 * Says that a text did not fit, instead of ending it in mid-word without a sign, and
 * without half a character in front of that sign.
 */
static void mark_cut(char *msg, int len)
{
	char *end = msg + ERR_MSG_SIZE - 4;

	if (len < ERR_MSG_SIZE)
		return;
	while (end > msg && ((unsigned char)*end & 0xc0) == 0x80)
		end--;
	memcpy(end, "...", 4);
}

static int set_va(struct err *err, enum err_kind kind, int errnum, const char *suffix,
		  const char *fmt, va_list ap)
{
	char text[ERR_MSG_SIZE];

	assert(errnum > 0);
	if (!err)
		return -errnum;
	/* By way of a buffer: the arguments may include the message that is replaced. */
	mark_cut(text, vsnprintf(text, sizeof(text), fmt, ap));
	mark_cut(err->msg, snprintf(err->msg, sizeof(err->msg), "%s%s%s", text,
				    suffix ? ": " : "", suffix ? suffix : ""));
	err->kind = kind;
	err->errnum = errnum;
	return -errnum;
}

int err_set(struct err *err, enum err_kind kind, int errnum, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = set_va(err, kind, errnum, NULL, fmt, ap);
	va_end(ap);
	return r;
}

int err_sys(struct err *err, enum err_kind kind, int errnum, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = set_va(err, kind, errnum, strerrordesc_np(errnum), fmt, ap);
	va_end(ap);
	return r;
}

int err_wrap(struct err *err, const char *fmt, ...)
{
	char context[ERR_MSG_SIZE], text[ERR_MSG_SIZE];
	va_list ap;

	if (!err)
		return -EIO;
	assert(err->errnum > 0);
	va_start(ap, fmt);
	mark_cut(context, vsnprintf(context, sizeof(context), fmt, ap));
	va_end(ap);
	memcpy(text, err->msg, sizeof(text));
	mark_cut(err->msg, snprintf(err->msg, sizeof(err->msg), "%s: %s", context, text));
	return -err->errnum;
}

int err_nomem(struct err *err)
{
	return err_set(err, ERR_INTERNAL, ENOMEM, "out of memory");
}

static const char *const kind_names[] = {
	[ERR_NONE] = "none",         [ERR_INTERNAL] = "internal",
	[ERR_USAGE] = "usage",       [ERR_TOPOLOGY] = "topology",
	[ERR_REFUSED] = "refused",   [ERR_ROLLED_BACK] = "rolled-back",
	[ERR_DEGRADED] = "degraded", [ERR_UNFINISHED] = "unfinished",
};
static_assert(sizeof(kind_names) / sizeof(kind_names[0]) == ERR_UNFINISHED + 1,
	      "every kind has its name");

const char *err_kind_name(enum err_kind kind)
{
	return kind_names[kind];
}
