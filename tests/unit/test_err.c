/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "base/err.h"
#include "tap.h"

static void fill(char *s, size_t n)
{
	memset(s, 'x', n);
	s[n] = '\0';
}

int main(void)
{
	struct err err = ERR_INIT;
	char longest[ERR_MSG_SIZE], longer[3 * ERR_MSG_SIZE];

	is_int(err.kind, ERR_NONE, "an error begins as none");
	is_int(err_set(&err, ERR_REFUSED, EBUSY, "open %s: %d", "x", 7), -EBUSY,
	       "-errno is returned");
	is_str(err.msg, "open x: 7", "the message is formatted");
	is_int(err.kind, ERR_REFUSED, "the kind is kept");
	is_int(err.errnum, EBUSY, "the errno is kept");

	is_int(err_sys(&err, ERR_INTERNAL, ENOENT, "read %s", "f"), -ENOENT,
	       "err_sys returns it too");
	is_str(err.msg, "read f: No such file or directory", "and appends the errno's text");
	is_int(err_wrap(&err, "launch %s", "vm"), -ENOENT,
	       "err_wrap returns the error's errno");
	is_str(err.msg, "launch vm: read f: No such file or directory", "and prepends");
	is_int(err.kind, ERR_INTERNAL, "a wrapped error keeps its kind");
	is_int(err_nomem(&err), -ENOMEM, "out of memory");
	is_str(err.msg, "out of memory", "has a message");

	err_set(&err, ERR_INTERNAL, EIO, "%s", "inner");
	err_set(&err, ERR_DEGRADED, EIO, "outer, for: %s", err.msg);
	is_str(err.msg, "outer, for: inner", "an error may be replaced by one that quotes it");

	is_int(err_set(NULL, ERR_USAGE, EINVAL, "%s", "x"), -EINVAL, "err_set takes NULL");
	is_int(err_sys(NULL, ERR_USAGE, EINVAL, "%s", "x"), -EINVAL, "err_sys takes NULL");
	ok(err_wrap(NULL, "%s", "x") < 0, "err_wrap takes NULL");
	is_int(err_nomem(NULL), -ENOMEM, "err_nomem takes NULL");

	fill(longest, sizeof(longest) - 1);
	err_set(&err, ERR_INTERNAL, EIO, "%s", longest);
	is_str(err.msg, longest, "a message that just fits is whole");
	fill(longer, sizeof(longer) - 1);
	err_set(&err, ERR_INTERNAL, EIO, "%s", longer);
	is_int(strlen(err.msg), ERR_MSG_SIZE - 1, "a longer one is cut");
	is_str(err.msg + ERR_MSG_SIZE - 4, "...", "and says so");
	err_sys(&err, ERR_INTERNAL, EIO, "%s", longest);
	is_str(err.msg + ERR_MSG_SIZE - 4, "...",
	       "also where the errno's text is what does not fit");
	err_wrap(&err, "%s", longer);
	is_str(err.msg + ERR_MSG_SIZE - 4, "...", "also after a context that fills it");
	err_set(&err, ERR_INTERNAL, EIO, "short");
	err_wrap(&err, "%s", longer);
	is_int(strnlen(err.msg, sizeof(err.msg)), ERR_MSG_SIZE - 1, "a cut one is terminated");

	for (int kind = ERR_NONE; kind <= ERR_UNFINISHED; kind++)
		ok(err_kind_name((enum err_kind)kind), "kind %d has a name", kind);
	is_str(err_kind_name(ERR_ROLLED_BACK), "rolled-back", "which programs see");
	return done_testing();
}
