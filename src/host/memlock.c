/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/memlock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>

#define LIMIT_SIZE 32

static const char *limit_text(rlim_t limit, char buf[LIMIT_SIZE])
{
	if (limit == RLIM_INFINITY)
		snprintf(buf, LIMIT_SIZE, "unlimited");
	else
		snprintf(buf, LIMIT_SIZE, "%" PRIu64 " MiB", (uint64_t)limit >> 20);
	return buf;
}

static rlim_t larger(rlim_t a, rlim_t b)
{
	return a > b ? a : b;
}

int memlock_raise(pid_t pid, int64_t bytes, struct err *err)
{
	/* RLIM_INFINITY is the largest of all. */
	rlim_t wanted = bytes < 0 ? RLIM_INFINITY : (rlim_t)bytes;
	char from[LIMIT_SIZE], to[LIMIT_SIZE];
	struct rlimit old, new;

	if (prlimit(pid, RLIMIT_MEMLOCK, NULL, &old) < 0)
		return err_sys(err, ERR_REFUSED, errno,
			       "read the locked-memory limit of process %d", pid);
	new.rlim_cur = larger(old.rlim_cur, wanted);
	new.rlim_max = larger(old.rlim_max, wanted);
	if (new.rlim_cur == old.rlim_cur &&new.rlim_max == old.rlim_max)
		return 0;
	if (prlimit(pid, RLIMIT_MEMLOCK, &new, NULL) == 0)
		return 0;
	if (errno == EPERM)
		return err_set(err, ERR_REFUSED, EPERM,
			       "raise the locked-memory limit of process %d from %s to %s: not "
			       "permitted above its hard limit, %s; run vmfo as root "
			       "(CAP_SYS_RESOURCE), or raise \"memlock\" in "
			       "/etc/security/limits.conf before it is started",
			       pid, limit_text(old.rlim_cur, from), limit_text(wanted, to),
			       limit_text(old.rlim_max, (char[LIMIT_SIZE]){ "" }));
	return err_sys(err, ERR_REFUSED, errno,
		       "raise the locked-memory limit of process %d from %s to %s", pid,
		       limit_text(old.rlim_cur, from), limit_text(wanted, to));
}
