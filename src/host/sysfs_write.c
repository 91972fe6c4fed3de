/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/sysfs_write.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "io/child.h"

/* Whoever changes it first decides: the child is done, or nobody waits for it any more. */
enum { WRITING, WRITTEN, LEFT };

/* Return: 0 or a positive errno, which fits an exit status. */
static int put(const struct sysfs_write *write_this)
{
	size_t len = strlen(write_this->text);
	/* sysfs does not mind the truncation; the plain files of a test need it. */
	int fd = open(write_this->path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return errno;
	n = write(fd, write_this->text, len);
	if (n < 0)
		return errno > 255 ? EIO : errno;
	close(fd);
	return (size_t)n == len ? 0 : EIO;
}

/*
 * Only async-signal-safe calls, as vmfo may have threads. go: begins when a byte comes, and
 * ends if none does: nobody could wait for it then, nor undo what it wrote.
 */
static void write_in_child(int go, atomic_int *state, const struct sysfs_write *write,
			   const struct sysfs_write *late, size_t n_late)
{
	int expected = WRITING, e;
	char byte;

	if (read(go, &byte, 1) != 1)
		_exit(ECANCELED);
	/* A lock, a socket or a pipe of vmfo's must not live as long as this may. */
	if (setsid() < 0 || close_range(0, ~0U, 0) < 0)
		_exit(errno);
	e = put(write);
	if (!atomic_compare_exchange_strong(state, &expected, WRITTEN))
		for (size_t i = 0; i < n_late; i++)
			put(&late[i]);
	_exit(e);
}

static int await(struct loop *loop, struct child *child, atomic_int *state,
		 const struct sysfs_write *write, int64_t ms, struct err *err)
{
	int expected = WRITING, status, r;
	pid_t pid = child->pid;

	loop_shield(loop);
	r = child_wait(child, loop, deadline_in(ms), &status, err);
	if (r < 0 && !atomic_compare_exchange_strong(state, &expected, LEFT)) {
		/* Written after all: it is about to end. */
		if (err)
			*err = (struct err)ERR_INIT;
		r = child_wait(child, loop, DEADLINE_NEVER, &status, err);
	}
	loop_unshield(loop);
	if (r == -ETIMEDOUT)
		return err_set(err, ERR_REFUSED, ETIMEDOUT,
			       "write to %s: the kernel has not come back from it within %d s; "
			       "process %d waits there",
			       write->path, (int)(ms / 1000), pid);
	if (r < 0)
		return r;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return err_sys(err, ERR_REFUSED, WIFEXITED(status) ? WEXITSTATUS(status) : EINTR,
		       "write to %s", write->path);
}

/* Nothing is written before the child is known by its pidfd. */
static int start(struct child *child, atomic_int *state, const struct sysfs_write *write_this,
		 const struct sysfs_write *late, size_t n_late)
{
	_cleanup_close_ int theirs = -1;
	_cleanup_close_ int ours = -1;
	int fds[2], e;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	theirs = fds[0];
	ours = fds[1];
	child->pid = fork();
	if (child->pid < 0)
		return -errno;
	if (child->pid == 0) {
		close(ours);
		write_in_child(theirs, state, write_this, late, n_late);
	}
	child->pidfd = pidfd_open(child->pid, 0);
	if (child->pidfd >= 0 && write(ours, "", 1) == 1)
		return 0;
	e = errno;
	close(steal_fd(&ours));
	waitpid(child->pid, NULL, 0);
	return -e;
}

int sysfs_write(struct loop *loop, const struct sysfs_write *write, int64_t ms,
		const struct sysfs_write *late, size_t n_late, struct err *err)
{
	struct child child = CHILD_INIT;
	atomic_int *state;
	int r;

	state = mmap(NULL, sizeof(*state), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		     -1, 0);
	if (state == MAP_FAILED)
		return err_nomem(err);
	atomic_init(state, WRITING);
	r = start(&child, state, write, late, n_late);
	if (r < 0)
		err_sys(err, ERR_INTERNAL, -r, "write to %s: start a process", write->path);
	else
		r = await(loop, &child, state, write, ms, err);
	child_forget(&child);
	munmap(state, sizeof(*state));
	return r;
}
