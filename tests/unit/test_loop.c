/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/loop.h"
#include "tap.h"

static struct loop *loop;

static int run_for(int64_t ms)
{
	struct err err = ERR_INIT;

	return loop_run(loop, NULL, NULL, deadline_in(ms), &err);
}

/* ---- fds ---- */

struct seen {
	int calls;
	short revents;
	struct loop_watch *watch, *other;
	bool unwatch_both, unwatch_self, add;
	struct loop_watch *added;
	int fd;
};

static void on_fd(void *data, int fd, short revents)
{
	struct seen *seen = data;
	char byte;

	seen->calls++;
	seen->revents = revents;
	if (seen->unwatch_both) {
		loop_unwatch(seen->watch);
		loop_unwatch(seen->other);
		return;
	}
	if (seen->unwatch_self) {
		loop_unwatch(seen->watch);
		return;
	}
	if (seen->add) {
		seen->add = false;
		loop_watch(loop, seen->fd, POLLIN, on_fd, seen, &seen->added, NULL);
	}
	if (revents & POLLIN && read(fd, &byte, 1) < 0)
		return;
}

static bool called(void *data)
{
	return ((struct seen *)data)->calls > 0;
}

static void test_fds(void)
{
	struct seen seen = { 0 };
	struct err err = ERR_INIT;
	int fds[2];

	if (pipe(fds) < 0)
		bail("pipe");
	is_int(loop_watch(loop, fds[0], POLLIN, on_fd, &seen, &seen.watch, &err), 0,
	       "watch a pipe");
	is_int(run_for(20), -ETIMEDOUT, "nothing comes: a timeout");
	is_int(seen.calls, 0, "the handler was not called");
	if (write(fds[1], "ab", 2) != 2)
		bail("write");
	is_int(loop_run(loop, called, &seen, deadline_in(1000), &err), 0, "a byte comes");
	is_int(seen.calls, 1, "the handler was called once");
	loop_watch_events(seen.watch, 0);
	run_for(20);
	is_int(seen.calls, 1, "without events it is not called, though there is a byte");
	close(fds[1]);
	run_for(20);
	is_int(seen.calls, 1, "nor when the other end is closed");
	loop_watch_events(seen.watch, POLLIN);
	seen.unwatch_self = true;
	run_for(20);
	is_int(seen.calls, 2, "with events it is; it unwatched itself then");
	close(fds[0]);

	loop_unwatch(NULL);
	loop_untimer(NULL);
	ok(true, "NULL may be unwatched and untimed");
}

/* Two fds are ready, the first handler unwatches both: the second is not called. */
static void test_unwatch_other(void)
{
	struct seen a = { .unwatch_both = true }, b = { .unwatch_both = true };
	int first[2], second[2];

	if (pipe(first) < 0 || pipe(second) < 0)
		bail("pipe");
	loop_watch(loop, first[0], POLLIN, on_fd, &a, &a.watch, NULL);
	loop_watch(loop, second[0], POLLIN, on_fd, &b, &b.watch, NULL);
	a.other = b.watch;
	b.other = a.watch;
	if (write(first[1], "x", 1) != 1 || write(second[1], "x", 1) != 1)
		bail("write");
	run_for(20);
	is_int(a.calls + b.calls, 1,
	       "a handler that was unwatched in the same round is not called");
	for (int i = 0; i < 2; i++) {
		close(first[i]);
		close(second[i]);
	}
}

static void test_watch_in_handler(void)
{
	struct seen seen = { .add = true };
	int first[2], second[2];

	if (pipe(first) < 0 || pipe(second) < 0)
		bail("pipe");
	seen.fd = second[0];
	loop_watch(loop, first[0], POLLIN, on_fd, &seen, &seen.watch, NULL);
	if (write(first[1], "x", 1) != 1 || write(second[1], "x", 1) != 1)
		bail("write");
	run_for(20);
	is_int(seen.calls, 2, "a handler may watch another fd");
	loop_unwatch(seen.watch);
	loop_unwatch(seen.added);
	for (int i = 0; i < 2; i++) {
		close(first[i]);
		close(second[i]);
	}
}

static void test_many(void)
{
	enum { MANY = 100 };
	static struct seen seen[MANY];
	static int fds[MANY][2];
	int calls = 0;

	for (int i = 0; i < MANY; i++) {
		if (pipe(fds[i]) < 0 || write(fds[i][1], "x", 1) != 1)
			bail("pipe");
		loop_watch(loop, fds[i][0], POLLIN, on_fd, &seen[i], &seen[i].watch, NULL);
	}
	run_for(20);
	for (int i = 0; i < MANY; i++) {
		calls += seen[i].calls;
		loop_unwatch(seen[i].watch);
		close(fds[i][0]);
		close(fds[i][1]);
	}
	is_int(calls, MANY, "each of %d fds was served once", MANY);
}

/* ---- timers ---- */

struct ticks {
	int n;
	struct loop_timer *timer;
	int end_at;
};

static void on_tick(void *data)
{
	struct ticks *ticks = data;

	if (++ticks->n == ticks->end_at)
		loop_untimer(ticks->timer);
}

static void test_timers(void)
{
	struct ticks ticks = { 0 }, few = { .end_at = 2 };
	struct err err = ERR_INIT;

	is_int(loop_timer(loop, 10, on_tick, &ticks, &ticks.timer, &err), 0,
	       "a timer of 10 ms");
	loop_timer(loop, 5, on_tick, &few, &few.timer, NULL);
	is_int(ticks.n, 0, "does not fire at once");
	run_for(95);
	ok(ticks.n >= 2 && ticks.n <= 9, "fires again and again (%d times in 95 ms)", ticks.n);
	is_int(few.n, 2, "one that ended itself after two does not fire a third time");
	usleep(50000);
	ticks.n = 0;
	run_for(1);
	is_int(ticks.n, 1, "after a long stop it fires once, not in a burst");
	loop_untimer(ticks.timer);
	run_for(20);
	is_int(ticks.n, 1, "a timer that was ended is silent");
}

/* ---- waiting ---- */

static bool always(void *data)
{
	(void)data;
	return true;
}

static void test_waits(void)
{
	struct err err = ERR_INIT;
	int64_t begun = clock_ms();

	is_int(loop_run(loop, always, NULL, 0, &err), 0,
	       "done is asked before the deadline is");
	is_int(loop_run(loop, NULL, NULL, begun - 1, &err), -ETIMEDOUT,
	       "a deadline in the past");
	ok(err.errnum == ETIMEDOUT && *err.msg, "its error is set");
	is_int(loop_sleep(loop, 30, &err), 0, "a sleep");
	ok(clock_ms() - begun >= 30, "takes its time");
}

/* ---- cancellation ---- */

static void test_cancel(void)
{
	struct err err = ERR_INIT;

	ok(!loop_cancelled(loop), "not cancelled");
	loop_cancel(loop, "first");
	loop_cancel(loop, "second");
	ok(loop_cancelled(loop), "cancelled");
	is_int(run_for(1000), -ECANCELED, "a wait ends");
	is_int(loop_sleep(loop, 1000, &err), -ECANCELED, "a sleep as well");
	is_str(err.msg, "first", "the first reason counts");
	is_int(loop_run(loop, always, NULL, DEADLINE_NEVER, &err), 0, "what is done is done");
	loop_shield(loop);
	loop_shield(loop);
	is_int(run_for(10), -ETIMEDOUT, "not behind a shield");
	loop_unshield(loop);
	is_int(run_for(10), -ETIMEDOUT, "nor behind the second of two");
	loop_unshield(loop);
	is_int(run_for(1000), -ECANCELED, "but when both are down");
}

/* Signals, in a child: they must not reach this program. */
static int signal_child(int sig, int times_at_end)
{
	struct err err = ERR_INIT;
	int r;

	if (loop_new(&loop, &err) < 0 || loop_catch_signals(loop, &err) < 0)
		return 10;
	kill(getpid(), sig);
	r = loop_run(loop, NULL, NULL, deadline_in(5000), &err);
	if (r != -ECANCELED)
		return 11;
	if (!strstr(err.msg, sig == SIGINT ? "SIGINT" : "SIGTERM"))
		return 12;
	kill(getpid(), SIGPIPE);
	/* An impatient operator, when nobody runs the loop any more. */
	for (int i = 0; i < times_at_end; i++)
		kill(getpid(), i % 2 ? SIGTERM : SIGINT);
	loop_free(loop);
	return 0;
}

static void test_signals(void)
{
	static const struct {
		int sig, times_at_end;
		const char *what;
	} cases[] = {
		{ SIGINT, 0, "SIGINT cancels" },
		{ SIGTERM, 0, "SIGTERM cancels" },
		{ SIGINT, 3, "signals that come when all is over do not kill" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int status = 0;
		pid_t pid;

		fflush(stdout);
		pid = fork();
		if (pid == 0)
			_exit(signal_child(cases[i].sig, cases[i].times_at_end));
		waitpid(pid, &status, 0);
		is_int(status, 0, "%s", cases[i].what);
	}
}

int main(void)
{
	struct err err = ERR_INIT;

	alarm(60);
	is_int(loop_new(&loop, &err), 0, "a loop");
	test_fds();
	test_unwatch_other();
	test_watch_in_handler();
	test_many();
	test_timers();
	test_waits();
	test_cancel();
	loop_free(loop);
	loop_free(NULL);
	test_signals();
	return done_testing();
}
