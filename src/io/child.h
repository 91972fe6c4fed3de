/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Child processes: started without a shell, watched by pidfd.
 */
#ifndef VMFO_IO_CHILD_H
#define VMFO_IO_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "io/loop.h"

struct child {
	pid_t pid;  /* 0: none */
	int pidfd;  /* -1: none */
	bool group; /* it leads a process group, which child_stop() ends as a whole */
};

#define CHILD_INIT                    \
	{                             \
		.pid = 0, .pidfd = -1 \
	}

struct child_spec {
	const char *const *argv; /* NULL-terminated; argv[0] is looked up in PATH */
	int in, out, err;        /* fds for 0, 1, 2; -1: /dev/null */
	/*
	 * More fds for the child, which get the numbers 3, 4, 5 … there. All others are
	 * closed.
	 */
	const int *fds;
	size_t n_fds;
	/* In a session of its own, without vmfo's signals: it is to outlive vmfo. */
	bool detach;
	/*
	 * It is of use to vmfo alone: killed when vmfo dies, and stopped with all that it
	 * started itself, as a QEMU does that is a script around one.
	 */
	bool bound;
};

/* What `in`, `out` and `err` are when nobody says otherwise. */
#define CHILD_SPEC_INIT                        \
	{                                      \
		.in = -1, .out = -1, .err = -1 \
	}

/*
 * Starts it. A program that cannot be executed is an error here (the message names it),
 * not a child that exits at once. The fds of the spec stay the caller's.
 */
int child_spawn(struct child *child, const struct child_spec *spec, struct err *err);

/*
 * Waits for its end. status: as of waitpid(2).  Return: 0, -ETIMEDOUT, -ECANCELED.
 */
int child_wait(struct child *child, struct loop *loop, int64_t deadline, int *status,
	       struct err *err);

/* Whether it has ended; collects it then, and status (may be NULL) is set. */
bool child_ended(struct child *child, int *status);

/*
 * SIGTERM, after grace_ms SIGKILL; collects it: it is gone then, however long that takes.
 * Nothing to do for a collected one.
 */
void child_stop(struct child *child, int grace_ms);

/* Closes the pidfd; the process goes on. */
void child_forget(struct child *child);

/*
 * Runs a program to its end and takes its standard output; its standard error goes to
 * out_err (may be NULL: /dev/null). Both are NUL-terminated, at most max bytes each (more is
 * an error, EFBIG), freed by the caller. status: as of waitpid(2). What has not ended when
 * this fails (-ETIMEDOUT, -ECANCELED) is killed; where the kernel holds it all the same it is
 * left there after 2 s, and the message says which process that is.
 */
int child_run(struct loop *loop, const char *const *argv, int64_t deadline, size_t max,
	      char **out, char **out_err, int *status, struct err *err);

/* Waits for the end of any process, by its pidfd.  Return: 0, -ETIMEDOUT, -ECANCELED. */
int pidfd_wait(int pidfd, struct loop *loop, int64_t deadline, struct err *err);

/* Whether the process of a pidfd has ended; without waiting, and without collecting it. */
bool pidfd_ended(int pidfd);

/* A wait status in words, into buf: "exit status 1", "killed by signal 9 (Killed)". */
const char *child_status_text(int status, char *buf, size_t size);

#endif
