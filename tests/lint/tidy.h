/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What clang-tidy, which sees one file at a time, has to know of another: that the
 * functions that set an error return a negative number.
 */
#include "base/err.h"

static inline int tidy_negative(int r)
{
	if (r >= 0)
		__builtin_unreachable();
	return r;
}

#define err_set(...) tidy_negative(err_set(__VA_ARGS__))
#define err_sys(...) tidy_negative(err_sys(__VA_ARGS__))
#define err_wrap(...) tidy_negative(err_wrap(__VA_ARGS__))
#define err_nomem(...) tidy_negative(err_nomem(__VA_ARGS__))
