/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Writes by a child process, to plain files and to FIFOs: one of these holds who writes, as
 * the kernel does, until the test opens it for reading.
 */
#include "host/sysfs_write.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tap.h"

static char folder[] = "/tmp/vmfo-write-XXXXXX";
static char file[64], undone[64], fifo[64];
static struct loop *loop;
static struct err err;

static int write_file(const char *path, int64_t ms)
{
	const struct sysfs_write write = { path, "done\n" };
	const struct sysfs_write late = { undone, "undone\n" };

	err = (struct err)ERR_INIT;
	return sysfs_write(loop, &write, ms, &late, 1, &err);
}

static const char *content(const char *path)
{
	static char text[64];
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void no_child_is_left(void)
{
	ok(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD, "no child is left");
}

static void test_write(void)
{
	is_int(write_file(file, 60000), 0, "a write");
	is_str(content(file), "done\n", "is done");
	is_int(write_file(folder, 60000), -EISDIR, "one that the kernel refuses");
	is_int(err.kind, ERR_REFUSED, "is refused");
	like(err.msg, "write to /tmp/", "and says where");
	is_str(content(undone), "", "nothing was to be undone");
	no_child_is_left();
}

static void test_left_behind(void)
{
	pid_t pid;

	is_int(write_file(fifo, 50), -ETIMEDOUT, "one that does not come back");
	like(err.msg, "; process ", "says who waits there");
	is_str(content(fifo), "done\n", "it comes back");
	pid = waitpid(-1, NULL, 0);
	ok(pid > 0, "who wrote ends");
	is_str(content(undone), "undone\n", "and has undone it");
	close(creat(undone, 0600));
}

/* Holds the loop until the time is up, and the write is done. */
static void on_timer(void *data)
{
	bool *done = data;
	siginfo_t info;

	if (*done)
		return;
	*done = true;
	usleep(100 * 1000);
	is_str(content(fifo), "done\n", "the write is done while nobody looks");
	waitid(P_ALL, 0, &info, WEXITED | WNOWAIT);
}

static void test_just_in_time(void)
{
	struct loop_timer *timer;
	bool done = false;

	loop_timer(loop, 1, on_timer, &done, &timer, NULL);
	is_int(write_file(fifo, 50), 0, "a write that is done when its time is up");
	loop_untimer(timer);
	is_int(err.kind, ERR_NONE, "is no error");
	is_str(err.msg, "", "nor says one");
	is_str(content(undone), "", "and is not undone");
	no_child_is_left();
}

/* From here on n files more can be opened; before: the limit until now. */
static void spare_fds(rlim_t n, struct rlimit *before)
{
	int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct rlimit limit;

	close(next);
	getrlimit(RLIMIT_NOFILE, before);
	limit = *before;
	limit.rlim_cur = (rlim_t)next + n;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static void test_no_process(void)
{
	struct rlimit before;
	int r;

	close(creat(file, 0600));
	/* Not enough for the pipe, then not for the pidfd. */
	for (rlim_t n = 0; n < 3; n++) {
		spare_fds(n, &before);
		r = write_file(file, 60000);
		setrlimit(RLIMIT_NOFILE, &before);
		is_int(r, -EMFILE, "with %d files to spare", (int)n);
		is_int(err.kind, ERR_INTERNAL, "it is not refused");
		like(err.msg, ": start a process: Too many open files", "but not begun");
		no_child_is_left();
		is_str(content(file), "", "nothing was written");
	}
	spare_fds(3, &before);
	r = write_file(file, 60000);
	setrlimit(RLIMIT_NOFILE, &before);
	is_int(r, 0, "with three it is written");
}

int main(void)
{
	alarm(120);
	if (!mkdtemp(folder) || loop_new(&loop, NULL) < 0)
		bail("mkdtemp, loop_new");
	snprintf(file, sizeof(file), "%s/file", folder);
	snprintf(undone, sizeof(undone), "%s/undone", folder);
	snprintf(fifo, sizeof(fifo), "%s/fifo", folder);
	close(creat(file, 0600));
	close(creat(undone, 0600));
	if (mkfifo(fifo, 0600) < 0)
		bail("mkfifo");
	test_write();
	test_left_behind();
	test_just_in_time();
	test_no_process();
	loop_free(loop);
	unlink(file);
	unlink(undone);
	unlink(fifo);
	rmdir(folder);
	return done_testing();
}
