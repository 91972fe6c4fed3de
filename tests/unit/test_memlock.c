/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The locked-memory limit of another process: of children that wait to be killed.
 */
#include "host/memlock.h"

#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/sysroot.h"
#include "tap.h"

#define MIB (1024 * 1024LL)

static pid_t start(rlim_t soft, rlim_t hard)
{
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	if (pid < 0 || prlimit(pid, RLIMIT_MEMLOCK, &(struct rlimit){ soft, hard }, NULL) < 0)
		bail("a child with limits");
	return pid;
}

static void stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static bool limits_are(pid_t pid, rlim_t soft, rlim_t hard)
{
	struct rlimit now;

	return prlimit(pid, RLIMIT_MEMLOCK, NULL, &now) == 0 && now.rlim_cur == soft &&
	       now.rlim_max == hard;
}

/* Root of a container mostly has not got it. */
static bool may_raise_hard(void)
{
	char text[8192], mask[32];

	sysroot_read(NULL, text, sizeof(text), "/proc/self/status");
	return sysroot_field(text, "CapEff", mask, sizeof(mask)) &&
	       strtoull(mask, NULL, 16) & (1ULL << CAP_SYS_RESOURCE);
}

static void test_soft(void)
{
	struct err err = ERR_INIT;
	pid_t pid = start(MIB, 4 * MIB);

	is_int(memlock_raise(pid, 3 * MIB, &err), 0, "raise the soft limit");
	ok(limits_are(pid, 3 * MIB, 4 * MIB), "the hard one stays");
	is_int(memlock_raise(pid, 2 * MIB, &err), 0, "less than there is");
	ok(limits_are(pid, 3 * MIB, 4 * MIB), "lowers nothing");
	is_int(memlock_raise(pid, 4 * MIB, &err), 0, "up to the hard one");
	ok(limits_are(pid, 4 * MIB, 4 * MIB), "both are the same then");
	stop(pid);
}

static void test_hard(void)
{
	struct err err = ERR_INIT;
	pid_t pid = start(MIB, 2 * MIB);

	if (!may_raise_hard()) {
		is_int(memlock_raise(pid, -1, &err), -EPERM,
		       "without CAP_SYS_RESOURCE, none beyond the hard one");
		ok(limits_are(pid, MIB, 2 * MIB), "nothing was raised");
		stop(pid);
		return;
	}
	is_int(memlock_raise(pid, 6LL << 30, &err), 0, "raise both");
	ok(limits_are(pid, 6LL << 30, 6LL << 30), "they are");
	is_int(memlock_raise(pid, -1, &err), 0, "no limit at all");
	ok(limits_are(pid, RLIM_INFINITY, RLIM_INFINITY), "there is none");
	is_int(memlock_raise(pid, MIB, &err), 0, "a limit where there is none");
	ok(limits_are(pid, RLIM_INFINITY, RLIM_INFINITY), "does not come to be");
	stop(pid);
}

static void test_refused(void)
{
	int fds[2], status;
	struct err err = ERR_INIT;
	char text[ERR_MSG_SIZE] = "";
	pid_t pid;

	fflush(stdout);
	if (pipe(fds) < 0)
		bail("pipe");
	pid = fork();
	if (pid == 0) {
		struct rlimit limit = { MIB, 2 * MIB };

		if (setrlimit(RLIMIT_MEMLOCK, &limit) < 0 || setresuid(65534, 65534, 65534) < 0)
			_exit(2);
		if (memlock_raise(getpid(), 2 * MIB, &err) < 0)
			_exit(3);
		if (memlock_raise(getpid(), 3 * MIB, &err) != -EPERM ||
		    err.kind != ERR_REFUSED || !limits_are(getpid(), 2 * MIB, 2 * MIB))
			_exit(4);
		_exit(write(fds[1], err.msg, strlen(err.msg)) < 0);
	}
	close(fds[1]);
	waitpid(pid, &status, 0);
	is_int(status, 0, "without the privilege, up to the hard limit");
	ok(read(fds[0], text, sizeof(text) - 1) > 0, "beyond it, it is refused");
	like(text, "from 2 MiB to 3 MiB", "which says what was tried");
	like(text, "CAP_SYS_RESOURCE", "and what is needed");
	close(fds[0]);
}

static void test_gone(void)
{
	struct err err = ERR_INIT;
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	is_int(memlock_raise(pid, MIB, &err), -ESRCH, "a process that is gone");
	like(err.msg, "read the locked-memory limit of process", "is said to be");
}

int main(void)
{
	test_soft();
	test_hard();
	if (geteuid() == 0)
		test_refused();
	else
		skip(4, "a child of another user takes root");
	test_gone();
	return done_testing();
}
