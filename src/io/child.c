/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"

#define KILLED_MS 2000

/* Moves fd to a number of at least `least`, so that a later dup2() cannot overwrite it. */
static int move_up(int fd, int least)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, least);
}

/* Of its own group, and dead once parent is, which may be so by now. */
static int bind_to(pid_t parent)
{
	if (setpgid(0, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return -1;
	if (getppid() != parent)
		_exit(127);
	return 0;
}

/*
 * In the child: fds into place, the rest closed, exec. Only async-signal-safe calls, as
 * vmfo may have threads. Writes errno to report_fd when it fails, and ends.
 */
static void exec_child(const struct child_spec *spec, pid_t parent, int null_fd, int report_fd)
{
	const int std[3] = { spec->in, spec->out, spec->err };
	int first_free = 3 + (int)spec->n_fds;
	int moved[3 + spec->n_fds];
	sigset_t none;
	int e;

	report_fd = move_up(report_fd, first_free);
	for (size_t i = 0; i < 3 + spec->n_fds; i++) {
		int fd = i < 3 ? std[i] : spec->fds[i - 3];

		moved[i] = move_up(fd < 0 ? null_fd : fd, first_free);
		if (moved[i] < 0)
			goto fail;
	}
	for (size_t i = 0; i < 3 + spec->n_fds; i++)
		if (dup2(moved[i], (int)i) < 0)
			goto fail;
	/* CLOEXEC and not a close: report_fd has to live until the exec. */
	if (close_range((unsigned int)first_free, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		goto fail;
	if (spec->detach && setsid() < 0)
		goto fail;
	if (spec->bound && bind_to(parent) < 0)
		goto fail;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	execvp(spec->argv[0], (char *const *)spec->argv);
fail:
	e = errno;
	if (write(report_fd, &e, sizeof(e)) < 0)
		_exit(126);
	_exit(127);
}

int child_spawn(struct child *child, const struct child_spec *spec, struct err *err)
{
	_cleanup_close_ int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	_cleanup_close_ int report_in = -1;
	_cleanup_close_ int report_out = -1;
	int pipe_fds[2], exec_errno, pidfd;
	pid_t parent = getpid(), pid;
	ssize_t n;

	if (null_fd < 0)
		return err_sys(err, ERR_INTERNAL, errno, "open /dev/null");
	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return err_sys(err, ERR_INTERNAL, errno, "pipe");
	report_in = pipe_fds[0];
	report_out = pipe_fds[1];
	pid = fork();
	if (pid < 0)
		return err_sys(err, ERR_INTERNAL, errno, "start %s: fork", spec->argv[0]);
	if (pid == 0)
		exec_child(spec, parent, null_fd, report_out);
	close(steal_fd(&report_out));
	/* A successful exec closes the pipe without a word. */
	do
		n = read(report_in, &exec_errno, sizeof(exec_errno));
	while (n < 0 && errno == EINTR);
	if (n == sizeof(exec_errno)) {
		waitpid(pid, NULL, 0);
		return err_sys(err, ERR_REFUSED, exec_errno, "start %s", spec->argv[0]);
	}
	/* It is not collected before this, so its number cannot be another's. */
	pidfd = pidfd_open(pid, 0);
	if (pidfd < 0) {
		int e = errno;

		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return err_sys(err, ERR_INTERNAL, e, "start %s: pidfd_open", spec->argv[0]);
	}
	*child = (struct child){ .pid = pid, .pidfd = pidfd, .group = spec->bound };
	return 0;
}

bool child_ended(struct child *child, int *status)
{
	int s = 0;

	if (child->pid == 0)
		return true;
	if (waitpid(child->pid, &s, WNOHANG) != child->pid)
		return false;
	if (status)
		*status = s;
	child_forget(child);
	return true;
}

struct wait_state {
	struct child *child;
	int status;
	bool ended;
};

static bool wait_done(void *data)
{
	struct wait_state *state = data;

	return state->ended;
}

static void on_pidfd(void *data, int fd, short revents)
{
	struct wait_state *state = data;

	(void)fd;
	(void)revents;
	if (waitpid(state->child->pid, &state->status, WNOHANG) == state->child->pid)
		state->ended = true;
}

int child_wait(struct child *child, struct loop *loop, int64_t deadline, int *status,
	       struct err *err)
{
	struct wait_state state = { .child = child };
	struct loop_watch *watch;
	int r = loop_watch(loop, child->pidfd, POLLIN, on_pidfd, &state, &watch, err);

	if (r < 0)
		return r;
	r = loop_run(loop, wait_done, &state, deadline, err);
	loop_unwatch(watch);
	if (r < 0)
		return r;
	*status = state.status;
	child_forget(child);
	return 0;
}

bool pidfd_ended(int pidfd)
{
	struct pollfd pfd = { .fd = pidfd, .events = POLLIN };

	return poll(&pfd, 1, 0) != 0;
}

static bool pidfd_done(void *data)
{
	return pidfd_ended(*(const int *)data);
}

/* The loop only has to wake up: pidfd_done() looks by itself. */
static void wake_up(void *data, int fd, short revents)
{
	(void)data;
	(void)fd;
	(void)revents;
}

int pidfd_wait(int pidfd, struct loop *loop, int64_t deadline, struct err *err)
{
	struct loop_watch *watch;
	int r = loop_watch(loop, pidfd, POLLIN, wake_up, NULL, &watch, err);

	if (r < 0)
		return r;
	r = loop_run(loop, pidfd_done, &pidfd, deadline, err);
	loop_unwatch(watch);
	return r;
}

/* As child_stop(), for so long.  Return: whether it is gone. */
static bool stop_until(struct child *child, int grace_ms, int64_t deadline)
{
	int64_t kill_at = deadline_in(grace_ms);
	pid_t whom = child->group ? -child->pid : child->pid;

	if (child->pid == 0)
		return true;
	kill(whom, SIGTERM);
	while (!pidfd_ended(child->pidfd)) {
		int64_t now = clock_ms();

		if (now >= deadline)
			return false;
		if (now >= kill_at)
			kill(whom, SIGKILL);
		nanosleep(&(struct timespec){ .tv_nsec = 5 * 1000 * 1000 }, NULL);
	}
	/* Until it is collected, its number is nobody else's. */
	if (child->group)
		kill(whom, SIGKILL);
	child_ended(child, NULL);
	return true;
}

void child_stop(struct child *child, int grace_ms)
{
	stop_until(child, grace_ms, DEADLINE_NEVER);
}

void child_forget(struct child *child)
{
	if (child->pidfd >= 0)
		close(child->pidfd);
	*child = (struct child)CHILD_INIT;
}

/* One of a program's output streams, while it is being collected. */
struct capture {
	int fd;
	struct loop_watch *watch;
	char *text;
	size_t len, max;
	int failed; /* negative errno */
};

static void capture_end(struct capture *c)
{
	loop_unwatch(c->watch);
	c->watch = NULL;
}

static void on_output(void *data, int fd, short revents)
{
	struct capture *c = data;
	ssize_t n = read(fd, c->text + c->len, c->max + 1 - c->len);

	(void)revents;
	if (n < 0 && errno == EINTR)
		return;
	if (n > 0)
		c->len += (size_t)n;
	if (n < 0)
		c->failed = -errno;
	else if (c->len > c->max)
		c->failed = -EFBIG;
	if (n <= 0 || c->failed)
		capture_end(c);
}

static void capture_clear(struct capture *c)
{
	capture_end(c);
	if (c->fd >= 0)
		close(c->fd);
	free(c->text);
}

/* other: the end of the pipe that is for the child. */
static int capture_start(struct capture *c, struct loop *loop, size_t max, int *other,
			 struct err *err)
{
	int fds[2];

	c->max = max;
	c->text = malloc(max + 2);
	if (!c->text)
		return err_nomem(err);
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(err, ERR_INTERNAL, errno, "pipe");
	c->fd = fds[0];
	*other = fds[1];
	return loop_watch(loop, c->fd, POLLIN, on_output, c, &c->watch, err);
}

static bool captures_done(void *data)
{
	struct capture *c = data;

	/* Nobody reads on after a failure: the program might never end by itself. */
	return (!c[0].watch && !c[1].watch) || c[0].failed || c[1].failed;
}

int child_run(struct loop *loop, const char *const *argv, int64_t deadline, size_t max,
	      char **out, char **out_err, int *status, struct err *err)
{
	struct capture captures[2] = { { .fd = -1 }, { .fd = -1 } };
	struct child_spec spec = CHILD_SPEC_INIT;
	struct child child = CHILD_INIT;
	_cleanup_close_ int out_fd = -1;
	_cleanup_close_ int err_fd = -1;
	int r;

	r = capture_start(&captures[0], loop, max, &out_fd, err);
	if (r == 0 && out_err)
		r = capture_start(&captures[1], loop, max, &err_fd, err);
	if (r == 0) {
		spec.argv = argv;
		spec.out = out_fd;
		spec.err = err_fd;
		r = child_spawn(&child, &spec, err);
	}
	if (r == 0) {
		close(steal_fd(&out_fd));
		if (err_fd >= 0)
			close(steal_fd(&err_fd));
		r = loop_run(loop, captures_done, captures, deadline, err);
	}
	if (r == 0 && (captures[0].failed || captures[1].failed))
		r = err_sys(err, ERR_INTERNAL,
			    captures[0].failed ? -captures[0].failed : -captures[1].failed,
			    "read the output of %s", argv[0]);
	if (r == 0)
		r = child_wait(&child, loop, deadline, status, err);
	if (r < 0) {
		/* In the kernel no signal reaches it: that may take for ever. */
		if (!stop_until(&child, 0, deadline_in(KILLED_MS))) {
			err_wrap(err, "process %d (%s) does not end when it is killed",
				 child.pid, argv[0]);
			child_forget(&child);
		}
	} else {
		captures[0].text[captures[0].len] = '\0';
		*out = steal_ptr(captures[0].text);
		if (out_err) {
			captures[1].text[captures[1].len] = '\0';
			*out_err = steal_ptr(captures[1].text);
		}
	}
	capture_clear(&captures[0]);
	capture_clear(&captures[1]);
	return r;
}

const char *child_status_text(int status, char *buf, size_t size)
{
	if (WIFSIGNALED(status))
		snprintf(buf, size, "killed by signal %d (%s)", WTERMSIG(status),
			 sigdescr_np(WTERMSIG(status)));
	else
		snprintf(buf, size, "exit status %d", WEXITSTATUS(status));
	return buf;
}
