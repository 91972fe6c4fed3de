/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Scope-bound ownership: a local marked with one of these attributes is released
 * when it goes out of scope; steal_ptr() and steal_fd() hand it over instead.
 */
#ifndef VMFO_BASE_CLEANUP_H
#define VMFO_BASE_CLEANUP_H

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(fn) __attribute__((cleanup(fn)))

static inline void cleanup_freep(void *p)
{
	free(*(void **)p);
}

/* close() without disturbing the errno of the failure that led here. */
static inline void cleanup_closep(const int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	errno = saved;
}

static inline void cleanup_fclosep(FILE **f)
{
	if (*f)
		fclose(*f);
}

static inline void cleanup_closedirp(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

#define _cleanup_free_ _cleanup_(cleanup_freep)
#define _cleanup_close_ _cleanup_(cleanup_closep)
#define _cleanup_fclose_ _cleanup_(cleanup_fclosep)
#define _cleanup_closedir_ _cleanup_(cleanup_closedirp)

/* The value of a pointer variable, which is left NULL. */
#define steal_ptr(p)                \
	({                          \
		typeof(p) s_ = (p); \
		(p) = NULL;         \
		s_;                 \
	})

static inline int steal_fd(int *fd)
{
	int s = *fd;

	*fd = -1;
	return s;
}

#endif
