/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/qemu_run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "io/child.h"
#include "proto/tail.h"

#define RUN_TIMEOUT_MS 10000
#define RUN_GRACE_MS 1000 /* for what a QEMU still has to do, or to say, at its end */

struct run {
	struct loop *loop;
	struct child child;
	int err_fd;
	struct loop_watch *err_watch; /* NULL: it has ended */
	struct tail said;
};

static void on_error_output(void *data, int fd, short revents)
{
	struct run *run = data;
	char bytes[4096];
	ssize_t n = read(fd, bytes, sizeof(bytes));

	(void)revents;
	if (n > 0)
		tail_add(&run->said, bytes, (size_t)n);
	else if (n == 0 || errno != EINTR)
		loop_unwatch(steal_ptr(run->err_watch));
}

/* qmp_fd: the near end of its QMP monitor. */
static int run_start(struct run *run, const struct strv *argv, int *qmp_fd, struct err *err)
{
	struct child_spec spec = CHILD_SPEC_INIT;
	_cleanup_close_ int far = -1;
	_cleanup_close_ int near = -1;
	_cleanup_close_ int said = -1;
	int fds[2], r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return err_sys(err, ERR_INTERNAL, errno, "socketpair");
	near = fds[0];
	far = fds[1];
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(err, ERR_INTERNAL, errno, "pipe");
	run->err_fd = fds[0];
	said = fds[1];
	spec.argv = strv_argv(argv);
	spec.err = said;
	spec.fds = &far;
	spec.n_fds = 1;
	spec.bound = true;
	r = child_spawn(&run->child, &spec, err);
	if (r < 0)
		return r;
	r = loop_watch(run->loop, run->err_fd, POLLIN, on_error_output, run, &run->err_watch,
		       err);
	if (r < 0)
		return r;
	*qmp_fd = steal_fd(&near);
	return 0;
}

static void run_stop(struct run *run)
{
	loop_unwatch(run->err_watch);
	child_stop(&run->child, RUN_GRACE_MS);
	if (run->err_fd >= 0)
		close(run->err_fd);
}

static bool said_all(void *data)
{
	const struct run *run = data;

	return !run->err_watch;
}

/* The line that says what is wrong; "Use -machine help …" follows it, where it is there. */
static const char *last_words(const struct tail *said)
{
	const char *line = tail_last_line(said);

	return str_starts(line, "Use ") ? said->text : line;
}

/* A QEMU that gives up says why on its standard error, and only there. */
static int run_explain(struct run *run, const char *purpose, struct err *err)
{
	struct err why = *err;
	char text[64] = "still running";
	int status;
	int r = loop_run(run->loop, said_all, run, deadline_in(RUN_GRACE_MS), err);

	if (r < 0 && r != -ETIMEDOUT)
		return r;
	r = child_wait(&run->child, run->loop, deadline_in(RUN_GRACE_MS), &status, err);
	if (r < 0 && r != -ETIMEDOUT)
		return r;
	if (r == 0)
		child_status_text(status, text, sizeof(text));
	if (run->said.len > 0)
		return err_set(err, ERR_REFUSED, why.errnum, "%s: %s (%s); it said: %s",
			       purpose, why.msg, text, last_words(&run->said));
	return err_set(err, ERR_REFUSED, why.errnum, "%s: %s (%s)", purpose, why.msg, text);
}

static int run_ask(struct run *run, const struct strv *argv, const char *purpose,
		   qemu_run_fn *ask, void *data, struct err *err)
{
	int64_t deadline = deadline_in(RUN_TIMEOUT_MS);
	struct err local = ERR_INIT; /* the caller's may be NULL, and it is read here */
	struct qmp *qmp;
	int qmp_fd = -1;
	int r = run_start(run, argv, &qmp_fd, err);

	if (r < 0)
		return err_wrap(err, "%s", purpose);
	r = qmp_attach(run->loop, qmp_fd, "QMP", deadline, &qmp, &local);
	if (r == 0) {
		r = ask(data, qmp, deadline, &local);
		/* Its end is what is asked for: whether the answer comes does not matter. */
		if (r == 0)
			qmp_command(qmp, "quit", NULL, deadline, NULL, NULL);
		qmp_close(qmp);
	}
	if (r < 0 && r != -ECANCELED)
		r = run_explain(run, purpose, &local);
	return r < 0 ? err_set(err, local.kind, local.errnum, "%s", local.msg) : 0;
}

int qemu_run(struct loop *loop, struct strv *argv, const char *purpose, qemu_run_fn *ask,
	     void *data, struct err *err)
{
	static const char *const always[] = { "-nodefaults",
					      "-no-user-config",
					      "-display",
					      "none",
					      "-S",
					      "-chardev",
					      "socket,id=vmfo-qmp,fd=3",
					      "-mon",
					      "chardev=vmfo-qmp,mode=control" };
	struct run run = { .loop = loop, .child = CHILD_INIT, .err_fd = -1 };
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(always); i++)
		strv_add(argv, always[i]);
	r = argv->failed ? err_nomem(err) : run_ask(&run, argv, purpose, ask, data, err);
	run_stop(&run);
	return r;
}
