/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/signalfd.h>

#include "base/cleanup.h"

struct loop_watch {
	struct loop *loop;
	int fd;
	short events;
	loop_fd_fn *fn;
	void *data;
	bool dead; /* unwatched in mid-round: freed when the round is over */
	TAILQ_ENTRY(loop_watch) link;
};

struct loop_timer {
	struct loop *loop;
	int64_t interval;
	int64_t next;
	loop_timer_fn *fn;
	void *data;
	bool dead;
	TAILQ_ENTRY(loop_timer) link;
};

struct loop {
	TAILQ_HEAD(, loop_watch) watches;
	TAILQ_HEAD(, loop_timer) timers;
	/* What is polled, rebuilt each round: polled[i] belongs to fds[i]. */
	struct pollfd *fds;
	struct loop_watch **polled;
	size_t room;
	size_t watched;
	bool dispatching;

	int signal_fd;
	struct loop_watch *signal_watch;
	sigset_t old_mask;
	const char *cancel_reason; /* NULL: not cancelled */
	int shields;
};

int loop_new(struct loop **out, struct err *err)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return err_nomem(err);
	TAILQ_INIT(&loop->watches);
	TAILQ_INIT(&loop->timers);
	loop->signal_fd = -1;
	*out = loop;
	return 0;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	if (loop->signal_fd >= 0) {
		struct signalfd_siginfo info;

		/* One that came when nobody ran the loop any more is not to strike now. */
		while (read(loop->signal_fd, &info, sizeof(info)) > 0)
			;
		loop_unwatch(loop->signal_watch);
		close(loop->signal_fd);
		sigprocmask(SIG_SETMASK, &loop->old_mask, NULL);
	}
	free(loop->fds);
	free(loop->polled);
	free(loop);
}

int loop_watch(struct loop *loop, int fd, short events, loop_fd_fn *fn, void *data,
	       struct loop_watch **out, struct err *err)
{
	struct loop_watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return err_nomem(err);
	*watch = (struct loop_watch){
		.loop = loop, .fd = fd, .events = events, .fn = fn, .data = data
	};
	TAILQ_INSERT_TAIL(&loop->watches, watch, link);
	loop->watched++;
	*out = watch;
	return 0;
}

void loop_watch_events(struct loop_watch *watch, short events)
{
	watch->events = events;
}

static void watch_free(struct loop_watch *watch)
{
	TAILQ_REMOVE(&watch->loop->watches, watch, link);
	watch->loop->watched--;
	free(watch);
}

void loop_unwatch(struct loop_watch *watch)
{
	if (!watch)
		return;
	watch->dead = true;
	if (!watch->loop->dispatching)
		watch_free(watch);
}

int loop_timer(struct loop *loop, int64_t interval_ms, loop_timer_fn *fn, void *data,
	       struct loop_timer **out, struct err *err)
{
	struct loop_timer *timer = calloc(1, sizeof(*timer));

	if (!timer)
		return err_nomem(err);
	*timer = (struct loop_timer){ .loop = loop,
				      .interval = interval_ms,
				      .next = deadline_in(interval_ms),
				      .fn = fn,
				      .data = data };
	TAILQ_INSERT_TAIL(&loop->timers, timer, link);
	*out = timer;
	return 0;
}

static void timer_free(struct loop_timer *timer)
{
	TAILQ_REMOVE(&timer->loop->timers, timer, link);
	free(timer);
}

void loop_untimer(struct loop_timer *timer)
{
	if (!timer)
		return;
	timer->dead = true;
	if (!timer->loop->dispatching)
		timer_free(timer);
}

/* Fills fds and polled from the watches.  Return: their number, or -ENOMEM. */
static int collect(struct loop *loop)
{
	struct loop_watch *watch;
	int n = 0;

	if (loop->room < loop->watched) {
		size_t room = loop->watched * 2;
		struct pollfd *fds = reallocarray(loop->fds, room, sizeof(*fds));
		struct loop_watch **polled;

		if (!fds)
			return -ENOMEM;
		loop->fds = fds;
		polled = reallocarray(loop->polled, room, sizeof(struct loop_watch *));
		if (!polled)
			return -ENOMEM;
		loop->polled = polled;
		loop->room = room;
	}
	TAILQ_FOREACH (watch, &loop->watches, link) {
		if (!watch->events)
			continue;
		loop->fds[n] = (struct pollfd){ .fd = watch->fd, .events = watch->events };
		loop->polled[n++] = watch;
	}
	return n;
}

static int poll_timeout(struct loop *loop, int64_t deadline)
{
	struct loop_timer *timer;
	int64_t left;

	TAILQ_FOREACH (timer, &loop->timers, link)
		if (timer->next < deadline)
			deadline = timer->next;
	if (deadline == DEADLINE_NEVER)
		return -1;
	left = deadline - clock_ms();
	if (left < 0)
		return 0;
	return left > INT32_MAX ? INT32_MAX : (int)left;
}

static void run_timers(struct loop *loop)
{
	struct loop_timer *timer;
	int64_t now = clock_ms();

	TAILQ_FOREACH (timer, &loop->timers, link) {
		if (timer->dead || timer->next > now)
			continue;
		/* After a long stop, one call and not a burst of them. */
		timer->next = now + timer->interval;
		timer->fn(timer->data);
	}
}

/* Frees what handlers gave up while the lists were being walked. */
static void sweep(struct loop *loop)
{
	struct loop_watch *watch = TAILQ_FIRST(&loop->watches);
	struct loop_timer *timer = TAILQ_FIRST(&loop->timers);

	while (watch) {
		struct loop_watch *next = TAILQ_NEXT(watch, link);

		if (watch->dead)
			watch_free(watch);
		watch = next;
	}
	while (timer) {
		struct loop_timer *next = TAILQ_NEXT(timer, link);

		if (timer->dead)
			timer_free(timer);
		timer = next;
	}
}

static int run_once(struct loop *loop, int64_t deadline, struct err *err)
{
	int n = collect(loop);

	if (n < 0)
		return err_nomem(err);
	if (poll(loop->fds, (nfds_t)n, poll_timeout(loop, deadline)) < 0) {
		if (errno == EINTR)
			return 0;
		return err_sys(err, ERR_INTERNAL, errno, "poll");
	}
	loop->dispatching = true;
	for (int i = 0; i < n; i++) {
		struct loop_watch *watch = loop->polled[i];

		if (!watch->dead && loop->fds[i].revents)
			watch->fn(watch->data, watch->fd, loop->fds[i].revents);
	}
	run_timers(loop);
	loop->dispatching = false;
	sweep(loop);
	return 0;
}

int loop_run(struct loop *loop, loop_done_fn *done, void *data, int64_t deadline,
	     struct err *err)
{
	for (;;) {
		int r;

		if (done && done(data))
			return 0;
		if (loop->cancel_reason && !loop->shields)
			return err_set(err, ERR_INTERNAL, ECANCELED, "%s", loop->cancel_reason);
		if (clock_ms() >= deadline)
			return err_set(err, ERR_INTERNAL, ETIMEDOUT, "timed out");
		r = run_once(loop, deadline, err);
		if (r < 0)
			return r;
	}
}

int loop_sleep(struct loop *loop, int64_t ms, struct err *err)
{
	int r = loop_run(loop, NULL, NULL, deadline_in(ms), err);

	return r == -ETIMEDOUT ? 0 : r;
}

static void on_signal(void *data, int fd, short revents)
{
	struct signalfd_siginfo info;

	(void)revents;
	if (read(fd, &info, sizeof(info)) != sizeof(info))
		return;
	loop_cancel(data, info.ssi_signo == SIGINT ? "interrupted (SIGINT)" :
						     "interrupted (SIGTERM)");
}

int loop_catch_signals(struct loop *loop, struct err *err)
{
	_cleanup_close_ int fd = -1;
	sigset_t mask;
	int r;

	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return err_sys(err, ERR_INTERNAL, errno, "signalfd");
	r = loop_watch(loop, fd, POLLIN, on_signal, loop, &loop->signal_watch, err);
	if (r < 0)
		return r;
	sigprocmask(SIG_BLOCK, &mask, &loop->old_mask);
	signal(SIGPIPE, SIG_IGN);
	loop->signal_fd = steal_fd(&fd);
	return 0;
}

void loop_cancel(struct loop *loop, const char *reason)
{
	/* The first reason is the one that counts. */
	if (!loop->cancel_reason)
		loop->cancel_reason = reason;
}

bool loop_cancelled(const struct loop *loop)
{
	return loop->cancel_reason;
}

void loop_shield(struct loop *loop)
{
	loop->shields++;
}

void loop_unshield(struct loop *loop)
{
	loop->shields--;
}
