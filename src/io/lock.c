/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "base/cleanup.h"
#include "io/file.h"

struct lock {
	int fd;
	char *dir;
};

static void lock_freep(struct lock **lock)
{
	lock_release(*lock);
}

/*
 * The folder, and the lock file in it, are removed by a holder that leaves nothing
 * behind. So a lock counts only if the name still leads to the file that was locked.
 */
static bool still_there(const char *path, int fd)
{
	struct stat by_name, by_fd;

	return stat(path, &by_name) == 0 && fstat(fd, &by_fd) == 0 &&
	       by_name.st_ino == by_fd.st_ino && by_name.st_dev == by_fd.st_dev;
}

static void read_holder(int fd, pid_t *pid, char operation[32])
{
	char text[64] = "";
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	*pid = 0;
	strcpy(operation, "");
	if (n > 0)
		sscanf(text, "%d %31s", pid, operation);
}

/* Return: 1 taken, 0 held by another, -EAGAIN the file vanished: again; or an error. */
static int try_take(const char *path, int *fd_out, struct err *err)
{
	_cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return errno == ENOENT ? -EAGAIN :
					 err_sys(err, ERR_INTERNAL, errno, "open %s", path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK)
			return err_sys(err, ERR_INTERNAL, errno, "lock %s", path);
		*fd_out = steal_fd(&fd);
		return 0;
	}
	if (!still_there(path, fd))
		return -EAGAIN;
	*fd_out = steal_fd(&fd);
	return 1;
}

/* Only a help for people: who cannot be named still holds the lock. */
void lock_name_holder(const struct lock *lock, const char *operation)
{
	char text[64];
	int len = snprintf(text, sizeof(text), "%d %s\n", getpid(), operation);

	if (ftruncate(lock->fd, 0) == 0 && pwrite(lock->fd, text, (size_t)len, 0) < len)
		return;
}

static int busy(const char *dir, int fd, struct err *err)
{
	const char *name = strrchr(dir, '/');
	char operation[32];
	pid_t pid;

	read_holder(fd, &pid, operation);
	if (pid == 0)
		return err_set(err, ERR_REFUSED, EBUSY,
			       "another vmfo is at work on it; wait for it to end");
	return err_set(err, ERR_REFUSED, EBUSY,
		       "another vmfo is at work on it (%s, process %d); wait for it to end, or "
		       "see 'vmfo status %s'",
		       operation, pid, name ? name + 1 : dir);
}

int lock_take(const char *dir, const char *operation, int wait_ms, struct lock **out,
	      struct err *err)
{
	_cleanup_(lock_freep) struct lock *lock = calloc(1, sizeof(*lock));
	_cleanup_free_ char *path = str_printf("%s/lock", dir);
	int64_t deadline = deadline_in(wait_ms);
	int r;

	if (!lock)
		return err_nomem(err);
	lock->fd = -1;
	lock->dir = strdup(dir);
	if (!lock->dir || !path)
		return err_nomem(err);
	for (;;) {
		_cleanup_close_ int fd = -1;

		r = dir_make(dir, 0700, err);
		if (r < 0)
			return r;
		r = try_take(path, &fd, err);
		if (r == 1) {
			lock->fd = steal_fd(&fd);
			break;
		}
		if (r < 0 && r != -EAGAIN)
			return r;
		if (r == 0 && clock_ms() >= deadline)
			return busy(dir, fd, err);
		if (r == 0)
			nanosleep(&(struct timespec){ .tv_nsec = 20 * 1000 * 1000 }, NULL);
	}
	lock_name_holder(lock, operation);
	*out = steal_ptr(lock);
	return 0;
}

int lock_fd(const struct lock *lock)
{
	return lock->fd;
}

int lock_adopt(const char *dir, int fd, struct lock **out, struct err *err)
{
	struct lock *lock = calloc(1, sizeof(*lock));

	if (!lock)
		return err_nomem(err);
	lock->fd = fd;
	lock->dir = strdup(dir);
	if (!lock->dir) {
		free(lock);
		return err_nomem(err);
	}
	*out = lock;
	return 0;
}

void lock_release(struct lock *lock)
{
	if (!lock)
		return;
	if (lock->fd >= 0)
		close(lock->fd);
	free(lock->dir);
	free(lock);
}

int lock_release_and_remove(struct lock *lock, struct err *err)
{
	const char *slash = strrchr(lock->dir, '/');
	int parent = slash ? (int)(slash - lock->dir + 1) : 0;
	_cleanup_free_ char *gone =
		str_printf("%.*s.gone-%s-%d", parent, lock->dir, lock->dir + parent, getpid());
	int r;

	/*
	 * Under another name first, one that is no VM's: a newcomer makes a folder of its
	 * own, and never finds its lock swept away with this one.
	 */
	if (!gone)
		r = err_nomem(err);
	else if (rename(lock->dir, gone) < 0)
		r = err_sys(err, ERR_INTERNAL, errno, "remove folder %s", lock->dir);
	else
		r = dir_remove(gone, err);
	lock_release(lock);
	return r;
}

int lock_holder(const char *dir, pid_t *pid, char operation[32], struct err *err)
{
	_cleanup_free_ char *path = str_printf("%s/lock", dir);
	_cleanup_close_ int fd = -1;

	*pid = 0;
	strcpy(operation, "");
	if (!path)
		return err_nomem(err);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : err_sys(err, ERR_INTERNAL, errno, "open %s", path);
	if (flock(fd, LOCK_SH | LOCK_NB) == 0)
		return 0;
	read_holder(fd, pid, operation);
	if (*pid == 0)
		*pid = -1;
	return 0;
}
