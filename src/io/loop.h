/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The event loop: poll(2), in one thread.
 *
 * There are two kinds of code around it. *Handlers* are called by the loop: they move
 * bytes, note what they saw, and return at once; they never call loop_run(). *Flows*
 * read like a list of things to do: they call functions that ask for something and
 * then loop_run() until it has come about, and meanwhile every handler goes on being
 * served. So a wait for an answer from the target never stops the tunnel, and a flow
 * needs no state machine of its own.
 */
#ifndef VMFO_IO_LOOP_H
#define VMFO_IO_LOOP_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct loop;
struct loop_watch;
struct loop_timer;

typedef void loop_fd_fn(void *data, int fd, short revents);
typedef void loop_timer_fn(void *data);
typedef bool loop_done_fn(void *data);

int loop_new(struct loop **out, struct err *err);
void loop_free(struct loop *loop); /* takes NULL; watches and timers must be gone */

/*
 * Calls fn when fd has one of events (POLLIN, POLLOUT; POLLHUP and POLLERR always).
 * fd stays the caller's, and outlives the watch. out: the watch, until loop_unwatch().
 */
int loop_watch(struct loop *loop, int fd, short events, loop_fd_fn *fn, void *data,
	       struct loop_watch **out, struct err *err);
/* events 0: the fd is left out of the poll, POLLHUP included, until they are set again. */
void loop_watch_events(struct loop_watch *watch, short events);
void loop_unwatch(struct loop_watch *watch); /* takes NULL; also from a handler */

/* Calls fn every interval milliseconds, the first time after one interval. */
int loop_timer(struct loop *loop, int64_t interval_ms, loop_timer_fn *fn, void *data,
	       struct loop_timer **out, struct err *err);
void loop_untimer(struct loop_timer *timer); /* takes NULL; also from a handler */

/*
 * Serves handlers until done(data) is true; it is asked first, and after every round.
 * done NULL: never true, a plain wait. deadline: in clock_ms() terms.
 * Return: 0; -ETIMEDOUT (err is set, to be wrapped with what was waited for);
 * -ECANCELED after loop_cancel() outside of a shield; or another failure.
 */
int loop_run(struct loop *loop, loop_done_fn *done, void *data, int64_t deadline,
	     struct err *err);

/* A wait of that many milliseconds.  Return: 0, or -ECANCELED with err set. */
int loop_sleep(struct loop *loop, int64_t ms, struct err *err);

/*
 * Cancellation. loop_catch_signals() turns SIGINT and SIGTERM into loop_cancel(), and
 * ignores SIGPIPE. While a shield is up, loop_run() ignores cancellation: undo is not
 * to be interrupted by the signal that started it, nor by the next. Shields nest.
 * reason: static text, for the message ("interrupted (SIGINT)").
 */
int loop_catch_signals(struct loop *loop, struct err *err);
void loop_cancel(struct loop *loop, const char *reason);
bool loop_cancelled(const struct loop *loop);
void loop_shield(struct loop *loop);
void loop_unshield(struct loop *loop);

#endif
