/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "io/child.h"
#include "tap.h"

static struct loop *loop;

#define ARGV(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define SH(script) ARGV("sh", "-c", script)

static int run_sh(const char *script, size_t max, int64_t ms, char **out, char **out_err,
		  int *status, struct err *err)
{
	return child_run(loop, SH(script), deadline_in(ms), max, out, out_err, status, err);
}

static void test_run(void)
{
	_cleanup_free_ char *out = NULL;
	_cleanup_free_ char *out_err = NULL;
	struct err err = ERR_INIT;
	char text[64];
	int status;

	is_int(run_sh("echo hello; echo world >&2; exit 3", 1000, 10000, &out, &out_err,
		      &status, &err),
	       0, "a program runs");
	is_str(out, "hello\n", "its output");
	is_str(out_err, "world\n", "its standard error");
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 3, "its status");
	is_str(child_status_text(status, text, sizeof(text)), "exit status 3", "in words");
	free(steal_ptr(out));
	is_int(run_sh("echo noise >&2; cat; kill -9 $$", 10, 10000, &out, NULL, &status, &err),
	       0, "one that is killed; nobody wants its standard error, its input is empty");
	is_str(out, "", "no output");
	like(child_status_text(status, text, sizeof(text)), "signal 9 (Killed)", "in words");
}

static void test_run_failures(void)
{
	char *out = NULL, *out_err = NULL;
	struct err err = ERR_INIT;
	int64_t begun = clock_ms();
	int status;

	is_int(child_run(loop, ARGV("/nonexistent/program"), deadline_in(1000), 10, &out,
			 &out_err, &status, &err),
	       -ENOENT, "a program that is not there is an error");
	like(err.msg, "/nonexistent/program", "which names it");
	is_int(child_run(loop, ARGV("/etc/passwd"), deadline_in(1000), 10, &out, NULL, &status,
			 &err),
	       -EACCES, "one that cannot be executed, too");

	is_int(run_sh("printf 1234567890", 10, 10000, &out, &out_err, &status, &err), 0,
	       "as much output as is allowed");
	is_str(out, "1234567890", "is taken");
	free(out);
	free(out_err);
	is_int(run_sh("printf 12345678901", 10, 10000, &out, &out_err, &status, &err), -EFBIG,
	       "more is an error");
	begun = clock_ms();
	is_int(run_sh("exec yes", 1000, 20000, &out, NULL, &status, &err), -EFBIG,
	       "endless output is an error");
	is_int(run_sh("exec yes", 1000, 20000, &out, &out_err, &status, &err), -EFBIG,
	       "also while standard error is quiet");
	is_int(run_sh("exec yes >&2", 1000, 20000, &out, &out_err, &status, &err), -EFBIG,
	       "and endless standard error");
	ok(clock_ms() - begun < 10000, "soon");

	begun = clock_ms();
	is_int(run_sh("exec sleep 30", 10, 100, &out, &out_err, &status, &err), -ETIMEDOUT,
	       "a deadline");
	is_int(run_sh("exec sleep 30 >&- 2>&-", 10, 100, &out, &out_err, &status, &err),
	       -ETIMEDOUT, "also after it has closed its output");
	is_int(run_sh("trap '' TERM; sleep 30", 10, 100, &out, NULL, &status, &err), -ETIMEDOUT,
	       "also if it ignores SIGTERM");
	ok(clock_ms() - begun < 10000, "is kept");
	ok(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD, "no child is left of any");
}

/* A child that stays in its exit, as one that a driver holds in the kernel. */
struct held {
	struct loop *loop;
	char pid_file[32]; /* where it says who it is */
	pid_t pid;         /* once it is held */
};

static void hold(void *data)
{
	struct held *held = data;
	_cleanup_fclose_ FILE *f = fopen(held->pid_file, "re");
	int pid;

	if (held->pid || !f || fscanf(f, "%d\n", &pid) != 1)
		return;
	if (ptrace(PTRACE_SEIZE, pid, NULL, PTRACE_O_TRACEEXIT) < 0)
		bail("ptrace: %s", strerror(errno));
	held->pid = pid;
	loop_cancel(held->loop, "it is held");
}

static void test_run_held(void)
{
	struct held held = { .pid_file = "/tmp/vmfo-child-XXXXXX" };
	char *out = NULL, script[64], text[64];
	struct err err = ERR_INIT;
	struct loop_timer *timer;
	int64_t begun;
	int status;

	close(mkstemp(held.pid_file));
	snprintf(script, sizeof(script), "echo $$ >%s; exec sleep 60", held.pid_file);
	loop_new(&held.loop, NULL);
	loop_timer(held.loop, 5, hold, &held, &timer, NULL);
	begun = clock_ms();
	is_int(child_run(held.loop, SH(script), DEADLINE_NEVER, 10, &out, NULL, &status, &err),
	       -ECANCELED, "a run of what no SIGKILL ends can be cancelled");
	ok(clock_ms() - begun < 20000, "soon");
	snprintf(text, sizeof(text), "process %d (sh) does not end when it is killed: it is h",
		 held.pid);
	like(err.msg, text, "and says who stays behind");
	is_int(kill(held.pid, 0), 0, "it is there");
	ptrace(PTRACE_DETACH, held.pid, NULL, NULL);
	is_int(waitpid(held.pid, &status, 0), held.pid, "and ends when it is let go");
	loop_untimer(timer);
	loop_free(held.loop);
	unlink(held.pid_file);
}

static void test_fds(void)
{
	struct child_spec spec = CHILD_SPEC_INIT;
	struct child child = CHILD_INIT;
	struct err err = ERR_INIT;
	int fds[2], more[3], status = -1;
	char text[256] = "";

	/* Numbers that the child's own have to go around: 5 becomes 3, 3 becomes 4. */
	if (pipe(fds) < 0)
		bail("pipe");
	for (int i = 0; i < 3; i++) {
		char name[] = "/tmp/vmfo-child-XXXXXX";

		more[i] = mkstemp(name);
		unlink(name);
		dprintf(more[i], "%c", 'a' + i);
	}
	spec.argv = SH("for i in 3 4 5; do cat /proc/self/fd/$i; done; echo; "
		       "ls /proc/self/fd | tr '\\n' ' '");
	spec.out = fds[1];
	spec.fds = (const int[]){ more[2], more[0], more[1] };
	spec.n_fds = 3;
	is_int(child_spawn(&child, &spec, &err), 0, "a child with fds");
	close(fds[1]);
	is_int(child_wait(&child, loop, deadline_in(10000), &status, &err), 0, "is waited for");
	is_int(status, 0, "it ended well");
	is_int(child.pid, 0, "and is forgotten");
	ok(read(fds[0], text, sizeof(text) - 1) > 0, "it wrote");
	/* 6 is ls's own. */
	is_str(text, "cab\n0 1 2 3 4 5 6 ", "its fds are in place, and no others are there");
	close(fds[0]);
	for (int i = 0; i < 3; i++)
		close(more[i]);
}

static void test_signals(void)
{
	struct child_spec spec = CHILD_SPEC_INIT;
	struct child child = CHILD_INIT;
	sigset_t mask, old;
	int status = -1;

	/* vmfo blocks signals and ignores SIGPIPE; its children must not. */
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigprocmask(SIG_BLOCK, &mask, &old);
	spec.argv =
		SH("grep -q 'SigBlk:.0*$' /proc/self/status && "
		   "awk '/SigIgn/ { exit !(substr($2, length($2) - 3, 1) ~ /[02468ace]/) }' "
		   "/proc/self/status");
	is_int(child_spawn(&child, &spec, NULL), 0, "a child");
	child_wait(&child, loop, deadline_in(10000), &status, NULL);
	is_int(status, 0, "has no signal blocked, and SIGPIPE is not ignored");
	sigprocmask(SIG_SETMASK, &old, NULL);
	signal(SIGPIPE, SIG_DFL);
}

static void test_stop(void)
{
	struct child_spec spec = CHILD_SPEC_INIT;
	struct child child = CHILD_INIT;
	int64_t begun = clock_ms();
	int status = -1;

	spec.argv = ARGV("sleep", "30");
	child_spawn(&child, &spec, NULL);
	ok(!child_ended(&child, &status), "a child that runs has not ended");
	is_int(child_wait(&child, loop, deadline_in(50), &status, NULL), -ETIMEDOUT,
	       "nor in 50 ms");
	child_stop(&child, 5000);
	ok(clock_ms() - begun < 3000, "it is ended by SIGTERM");
	ok(child_ended(&child, &status), "and collected");
	child_stop(&child, 1000);
	ok(true, "stopping it again is nothing");

	begun = clock_ms();
	spec.argv = SH("trap '' TERM; while :; do sleep 0.1; done");
	child_spawn(&child, &spec, NULL);
	usleep(100000);
	child_stop(&child, 200);
	ok(child.pid == 0 && clock_ms() - begun >= 250 && clock_ms() - begun < 5000,
	   "one that ignores SIGTERM, by SIGKILL");

	spec.argv = ARGV("sleep", "30");
	child_spawn(&child, &spec, NULL);
	kill(child.pid, SIGSTOP);
	child_stop(&child, 100);
	is_int(child.pid, 0, "one that is stopped, too");
}

static void test_detach(void)
{
	struct child_spec spec = CHILD_SPEC_INIT;
	struct child child = CHILD_INIT;
	pid_t pid;

	spec.argv = ARGV("sleep", "30");
	spec.detach = true;
	is_int(child_spawn(&child, &spec, NULL), 0, "a detached child");
	pid = child.pid;
	is_int(getsid(pid), pid, "leads a session of its own");
	child_forget(&child);
	is_int(child.pid, 0, "forgotten");
	is_int(kill(pid, 0), 0, "it goes on");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* Whether a process goes away within two seconds: killed is not gone yet. */
static bool goes_away(pid_t pid)
{
	for (int i = 0; i < 200 && kill(pid, 0) == 0; i++)
		usleep(10000);
	return kill(pid, 0) < 0 && errno == ESRCH;
}

/* What a shell that is bound to this process has started. */
static pid_t start_bound(struct child *child, const char *script)
{
	struct child_spec spec = CHILD_SPEC_INIT;
	char text[32] = "";
	int fds[2];

	if (pipe(fds) < 0)
		bail("pipe");
	spec.argv = SH(script);
	spec.out = fds[1];
	spec.bound = true;
	is_int(child_spawn(child, &spec, NULL), 0, "a bound child: %s", script);
	close(fds[1]);
	ok(read(fds[0], text, sizeof(text) - 1) > 0, "starts one of its own");
	close(fds[0]);
	return (pid_t)strtol(text, NULL, 10);
}

static void test_bound(void)
{
	struct child child = CHILD_INIT;
	pid_t middle, grandchild;
	int fds[2];

	grandchild = start_bound(&child, "sleep 30 >&- & echo $!; wait");
	child_stop(&child, 5000);
	ok(goes_away(grandchild), "which ends with it");
	grandchild = start_bound(&child, "(trap '' TERM; exec sleep 30 >&-) & echo $!; wait");
	usleep(100000);
	child_stop(&child, 5000);
	ok(goes_away(grandchild), "also if only the one in the middle heeds SIGTERM");

	if (pipe(fds) < 0)
		bail("pipe");
	middle = fork();
	if (middle == 0) {
		struct child_spec spec = CHILD_SPEC_INIT;

		spec.argv = ARGV("sleep", "30");
		spec.bound = true;
		if (child_spawn(&child, &spec, NULL) == 0 &&
		    write(fds[1], &child.pid, sizeof(child.pid)) > 0)
			pause();
		_exit(1);
	}
	ok(read(fds[0], &grandchild, sizeof(grandchild)) == sizeof(grandchild),
	   "one that another process has bound to itself");
	kill(middle, SIGKILL);
	waitpid(middle, NULL, 0);
	ok(goes_away(grandchild), "dies with that, however it dies");
	close(fds[0]);
	close(fds[1]);
}

static void test_cancel(void)
{
	struct child_spec spec = CHILD_SPEC_INIT;
	struct child child = CHILD_INIT;
	char *out = NULL, *out_err = NULL;
	struct err err = ERR_INIT;
	int status;

	loop_cancel(loop, "cancelled by the test");
	spec.argv = ARGV("sleep", "30");
	child_spawn(&child, &spec, NULL);
	is_int(child_wait(&child, loop, deadline_in(10000), &status, &err), -ECANCELED,
	       "a wait can be cancelled");
	ok(child.pid > 0, "and the child goes on");
	child_stop(&child, 0);
	is_int(run_sh("sleep 30", 10, 10000, &out, &out_err, &status, &err), -ECANCELED,
	       "a run can be cancelled");
	ok(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD, "and leaves no child");
}

int main(void)
{
	alarm(120);
	if (loop_new(&loop, NULL) < 0)
		bail("loop_new");
	test_run();
	test_run_failures();
	test_run_held();
	test_fds();
	test_signals();
	test_stop();
	test_detach();
	test_bound();
	test_cancel();
	loop_free(loop);
	return done_testing();
}
