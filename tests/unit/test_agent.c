/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The agent protocol's near half: against agent_serve() in a child process, and against
 * peers that say wrong things. The far half alone is in test_agent_server.c.
 */
#include "proto/agent_client.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "proto/agent_wire.h"
#include "tap.h"

#define HELLO "{\"vmfo\":\"agent\",\"protocol\":1,\"version\":\"0.1.0\"}\n"

static const struct agent_patience patient = AGENT_PATIENCE;
static const struct agent_patience hasty = { .ping_ms = 60, .dead_ms = 400 };
static struct loop *loop;
static char events[256];

/* ---- the far process ---- */

struct far {
	struct loop *loop;
	struct agent_server *server;
	int fd;
};

static int op_echo(void *ctx, const json_t *params, json_t **result, struct err *err)
{
	(void)ctx;
	(void)err;
	*result = json_deep_copy(params);
	return 0;
}

static int op_nothing(void *ctx, const json_t *params, json_t **result, struct err *err)
{
	(void)ctx;
	(void)params;
	(void)result;
	(void)err;
	return 0;
}

static int op_fail(void *ctx, const json_t *params, json_t **result, struct err *err)
{
	(void)ctx;
	(void)params;
	(void)result;
	return err_set(err, ERR_REFUSED, EEXIST, "the name is \x1b[31mtaken, \xff");
}

/* Waits as ops do: in the loop. */
static int op_wait(void *ctx, const json_t *params, json_t **result, struct err *err)
{
	struct far *far = ctx;

	(void)result;
	return loop_sleep(far->loop, json_integer_value(json_object_get(params, "ms")), err);
}

/* Waits as no op should: no ping is answered. */
static int op_block(void *ctx, const json_t *params, json_t **result, struct err *err)
{
	(void)ctx;
	(void)result;
	(void)err;
	usleep((useconds_t)json_integer_value(json_object_get(params, "ms")) * 1000);
	return 0;
}

static int op_events(void *ctx, const json_t *params, json_t **result, struct err *err)
{
	struct far *far = ctx;

	(void)params;
	(void)result;
	(void)err;
	agent_server_event(far->server, "one", json_pack("{s:i}", "n", 1));
	agent_server_event(far->server, "two", NULL);
	return 0;
}

static int op_die(void *ctx, const json_t *params, json_t **result, struct err *err)
{
	(void)ctx;
	(void)params;
	(void)result;
	(void)err;
	_exit(3);
}

/* Says what no agent says. */
static int op_raw(void *ctx, const json_t *params, json_t **result, struct err *err)
{
	const char *text = json_string_value(json_object_get(params, "text"));
	struct far *far = ctx;

	(void)result;
	(void)err;
	if (write(far->fd, text, strlen(text)) < 0)
		_exit(4);
	return 0;
}

static const struct agent_op ops[] = {
	{ "echo", op_echo }, { "nothing", op_nothing }, { "fail", op_fail },
	{ "wait", op_wait }, { "block", op_block },     { "events", op_events },
	{ "die", op_die },   { "raw", op_raw },
};

static pid_t far_start(int *fd)
{
	struct far far = { .server = NULL };
	struct err err = ERR_INIT;
	json_t *hello;
	int fds[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		bail("socketpair");
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		bail("fork");
	if (pid > 0) {
		close(fds[1]);
		*fd = fds[0];
		return pid;
	}
	close(fds[0]);
	far.fd = fds[1];
	loop_new(&far.loop, NULL);
	hello = json_pack("{s:s,s:s}", "version", "0.1.0", "host", "far");
	_exit(agent_serve(far.loop, far.fd, far.fd, hello, ops, ARRAY_SIZE(ops), &far,
			  &far.server, &err) == 0 ?
		      0 :
		      1);
}

static void on_event(void *user, const char *event, const json_t *data)
{
	size_t len = strlen(events);

	(void)user;
	snprintf(events + len, sizeof(events) - len, "%s=%d ", event,
		 (int)json_integer_value(json_object_get(data, "n")));
}

static struct agent *attach(pid_t *pid, const struct agent_patience *patience)
{
	struct err err = ERR_INIT;
	struct agent *agent;
	int fd;

	*pid = far_start(&fd);
	if (agent_attach_fds(loop, fd, fd, "far", patience, deadline_in(5000), &agent, &err) <
	    0)
		bail("attach: %s", err.msg);
	return agent;
}

static int call(struct agent *agent, const char *op, json_t *params, int ms, struct err *err)
{
	return agent_call(agent, op, params, deadline_in(ms), NULL, err);
}

static void far_expect(pid_t pid, int want, const char *what)
{
	int status = 0;

	waitpid(pid, &status, 0);
	is_int(status, want, "%s", what);
}

static void test_calls(void)
{
	struct err err = ERR_INIT;
	json_t *result = NULL;
	struct agent *agent;
	pid_t pid;

	agent = attach(&pid, &patient);
	is_str(json_string_value(json_object_get(agent_hello(agent), "host")), "far",
	       "the hello is there");
	ok(agent_alive(agent, &err), "the agent is alive");
	is_int(agent_call(agent, "echo", json_pack("{s:s}", "a", "b"), deadline_in(5000),
			  &result, &err),
	       0, "a call");
	is_str(json_string_value(json_object_get(result, "a")), "b", "has its result");
	json_decref(result);
	is_int(agent_call(agent, "nothing", NULL, deadline_in(5000), &result, &err), 0,
	       "one without parameters or result");
	ok(json_is_object(result) && json_object_size(result) == 0, "has an empty one");
	json_decref(result);

	is_int(call(agent, "fail", NULL, 5000, &err), -EEXIST, "a failure has its errno");
	is_int(err.kind, ERR_REFUSED, "its kind");
	is_str(err.msg, "the name is ?[31mtaken, ?", "its message, printable");
	is_int(call(agent, "no-such-op", NULL, 5000, &err), -ENOSYS, "an unknown request");
	like(err.msg, "no-such-op", "is named");
	is_int(call(agent, "echo", json_array(), 5000, &err), -EINVAL,
	       "parameters that are no object");

	call(agent, "events", NULL, 5000, &err);
	is_str(events, "", "events that nobody wants are dropped");
	agent_on_event(agent, on_event, NULL);
	call(agent, "events", NULL, 5000, &err);
	is_str(events, "one=1 two=0 ", "events come in order");

	is_int(call(agent, "wait", json_pack("{s:i}", "ms", 300), 50, &err), -ETIMEDOUT,
	       "no answer in time");
	like(err.msg, "far has not answered wait in time", "says so");
	is_int(agent_call(agent, "echo", json_pack("{s:s}", "c", "d"), deadline_in(5000),
			  &result, &err),
	       0, "the next call");
	is_str(json_string_value(json_object_get(result, "c")), "d",
	       "does not take the late answer for its own");
	json_decref(result);
	agent_close(agent);
	far_expect(pid, 0, "the end of its input ends the agent in good order");
}

static void test_big(void)
{
	struct err err = ERR_INIT;
	json_t *result = NULL;
	struct agent *agent;
	char *text;
	pid_t pid;

	agent = attach(&pid, &patient);
	text = malloc(3000001);
	memset(text, 'x', 3000000);
	text[3000000] = '\0';
	is_int(agent_call(agent, "echo", json_pack("{s:s}", "text", text), deadline_in(10000),
			  &result, &err),
	       0, "3 MB there and back");
	is_int((int)json_string_length(json_object_get(result, "text")), 3000000, "all of it");
	json_decref(result);
	free(text);
	agent_close(agent);
	far_expect(pid, 0, "the agent ends");
}

static void test_pulse_live(void)
{
	struct err err = ERR_INIT;
	struct agent *agent;
	int64_t before;
	pid_t pid;

	agent = attach(&pid, &hasty);
	is_int(call(agent, "wait", json_pack("{s:i}", "ms", 1000), 5000, &err), 0,
	       "an op that waits long answers pings meanwhile");
	loop_sleep(loop, 800, &err);
	ok(agent_alive(agent, NULL), "an idle agent is alive");
	before = clock_ms();
	is_int(call(agent, "block", json_pack("{s:i}", "ms", 1500), 5000, &err), -EPIPE,
	       "one that answers no ping is dead");
	ok(clock_ms() - before < 1000, "well before its answer");
	like(err.msg, "far is silent since 0 s (while block was awaited)",
	     "the message says so");
	ok(!agent_alive(agent, &err), "it stays dead");
	like(err.msg, "silent", "for the same reason");
	is_int(call(agent, "echo", json_object(), 5000, &err), -EPIPE, "no call after that");
	like(err.msg, "(before echo)", "was made");
	agent_close(agent);
	waitpid(pid, NULL, 0);

	agent = attach(&pid, &hasty);
	kill(pid, SIGSTOP);
	is_int(call(agent, "echo", NULL, 5000, &err), -EPIPE, "a stopped agent is dead");
	kill(pid, SIGCONT);
	agent_close(agent);
	waitpid(pid, NULL, 0);
}

static void test_losses(void)
{
	struct err err = ERR_INIT;
	struct agent *agent;
	pid_t pid;

	agent = attach(&pid, &patient);
	is_int(call(agent, "die", NULL, 5000, &err), -EPIPE, "an agent that dies in a call");
	like(err.msg, "the agent on far has ended (while die was awaited)",
	     "the message says so");
	ok(!agent_alive(agent, NULL), "it is not alive");
	agent_close(agent);
	waitpid(pid, NULL, 0);

	agent = attach(&pid, &patient);
	is_int(call(agent, "raw", json_pack("{s:s}", "text", "Oops \x1b[0m\n"), 5000, &err),
	       -EPIPE, "an agent that sends no JSON");
	like(err.msg, "the agent on far sent: a line that is not JSON", "the message says so");
	like(err.msg, "Oops ?[0m", "and shows it");
	agent_close(agent);
	waitpid(pid, NULL, 0);

	agent = attach(&pid, &patient);
	is_int(call(agent, "raw", json_pack("{s:s}", "text", "{\"id\":99,\"result\":{}}\n"),
		    5000, &err),
	       0, "an answer that nobody asked for is dropped");
	is_int(call(agent, "raw", json_pack("{s:s}", "text", "{\"id\":3}\n"), 5000, &err), 0,
	       "and so is one to a call yet to come");
	is_int(call(agent, "raw", json_pack("{s:s}", "text", "{\"id\":3}\n"), 5000, &err),
	       -EPROTO, "an answer that is neither result nor error");
	agent_close(agent);
	waitpid(pid, NULL, 0);
}

static void test_cancel(void)
{
	struct err err = ERR_INIT;
	struct agent *agent;
	pid_t pid;

	agent = attach(&pid, &patient);
	loop_cancel(loop, "interrupted (test)");
	is_int(call(agent, "echo", NULL, 5000, &err), -ECANCELED, "a cancelled call");
	loop_shield(loop);
	is_int(call(agent, "echo", NULL, 5000, &err), 0, "undo can still call");
	loop_unshield(loop);
	agent_close(agent);
	waitpid(pid, NULL, 0);
	loop_free(loop);
	loop_new(&loop, NULL);
}

/* ---- hellos ---- */

/* An agent whose whole output is known; it then ends, or is silent. */
static int begin(const char *output, size_t n, bool end, struct agent **agent, struct err *err)
{
	int fds[2], r;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
		bail("socketpair");
	if (write(fds[1], output, n) != (ssize_t)n)
		bail("write");
	if (end)
		shutdown(fds[1], SHUT_WR);
	*agent = NULL;
	r = agent_attach_fds(loop, fds[0], fds[0], "far", &patient, deadline_in(300), agent,
			     err);
	close(fds[1]);
	return r;
}

static void test_hellos(void)
{
	static const struct {
		const char *output;
		bool end;
		int r;
		const char *message;
	} hellos[] = {
		{ HELLO, false, 0, NULL },
		{ "Welcome to far!\n\n" HELLO, false, 0, NULL },
		{ "no newline here: " HELLO, false, 0, NULL },
		{ "{\"vmfo\":\"agent\", broken\n" HELLO, false, 0, NULL },
		{ "+ echo '{\"vmfo\":\"agent\"'" HELLO, false, 0, NULL },
		{ "{\"id\":1,\"result\":{}}\n" HELLO, false, 0, NULL },
		{ "{\"vmfo\":\"agent\",\"protocol\":2,\"version\":\"9.9\"}\n", false,
		  -EPROTOTYPE,
		  "far is 9.9 and speaks agent protocol 2, this one speaks 1: install" },
		{ "{\"vmfo\":\"agent\",\"protocol\":2,\"version\":\"9.9\"}\n", true,
		  -EPROTOTYPE, "far is 9.9 and speaks agent protocol 2" },
		{ "{\"vmfo\":\"agent\",\"version\":\"9.\\u001b\"}\n", false, -EPROTOTYPE,
		  "the vmfo on far is 9.? and" },
		{ "", true, -ENOENT, "no vmfo on far: its command ended without a hello;" },
		{ "{\"vmfo\":\"agent\",\"prot", true, -ENOENT,
		  "set agent_command in host.json" },
		{ "", false, -ETIME, "far: no hello from its vmfo agent in time" },
		{ "{\"vmfo\":\"agent\",\"prot", false, -ETIME, "no hello" },
	};
	struct err err = ERR_INIT;
	struct agent *agent;

	for (size_t i = 0; i < ARRAY_SIZE(hellos); i++) {
		is_int(begin(hellos[i].output, strlen(hellos[i].output), hellos[i].end, &agent,
			     &err),
		       hellos[i].r, "hello %zu", i);
		if (hellos[i].r == 0)
			is_str(json_string_value(
				       json_object_get(agent_hello(agent), "version")),
			       "0.1.0", "is read");
		else
			like(err.msg, hellos[i].message, "says why");
		if (hellos[i].r < 0)
			is_int(err.kind, ERR_REFUSED, "nothing was changed");
		agent_close(agent);
	}
}

static void test_noise(void)
{
	static char noise[AGENT_NOISE_MAX + 200];
	struct err err = ERR_INIT;
	struct agent *agent;

	memset(noise, '.', sizeof(noise));
	memcpy(noise + AGENT_NOISE_MAX, HELLO, strlen(HELLO));
	is_int(begin(noise, AGENT_NOISE_MAX + strlen(HELLO), false, &agent, &err), 0,
	       "64 KiB of noise are tolerated");
	agent_close(agent);
	memset(noise, '.', sizeof(noise));
	memcpy(noise + AGENT_NOISE_MAX + 1, HELLO, strlen(HELLO));
	is_int(begin(noise, AGENT_NOISE_MAX + 1 + strlen(HELLO), false, &agent, &err), -EBADMSG,
	       "one byte more is not");
	like(err.msg, "far: no hello in the first 65536 bytes", "the message says so");
	is_int(err.kind, ERR_REFUSED, "nothing was changed");
}

/* The hello in pieces of every size, the mark cut everywhere. */
static void test_pieces(void)
{
	const char *text = "noise {\"vmfo\":\"age\n{\"vmfo\":\"agent\"\nx" HELLO "{\"id\":1}\n";
	struct err err = ERR_INIT;
	int good = 0, sizes = 0;

	for (size_t piece = 1; piece <= strlen(text); piece++, sizes++) {
		struct agent_hello_scan scan = { 0 };
		json_t *hello = NULL;
		const char *rest = NULL;
		size_t n_rest = 0, at = 0;
		int r = 0;

		for (; r == 0 && at < strlen(text); at += piece) {
			size_t n = strlen(text) - at < piece ? strlen(text) - at : piece;

			r = agent_hello_feed(&scan, text + at, n, &hello, &rest, &n_rest, &err);
		}
		if (at > strlen(text))
			at = strlen(text);
		/* What was taken, without the rest, ends right behind the hello. */
		good += r == 1 && json_object_get(hello, "version") &&
			at - n_rest == strlen(text) - strlen("{\"id\":1}\n");
		json_decref(hello);
		agent_hello_clear(&scan);
	}
	is_int(good, sizes, "a hello in pieces of any size is found");
}

/* ---- errors, the pulse ---- */

static void test_errors(void)
{
	static const struct {
		const char *json;
		int r;
		enum err_kind kind;
		const char *message;
	} bad[] = {
		{ "{}", -EIO, ERR_INTERNAL, "an error without a message" },
		{ "{\"kind\":\"none\",\"errno\":0,\"message\":\"m\"}", -EIO, ERR_INTERNAL,
		  "m" },
		{ "{\"kind\":\"refused\",\"errno\":-17,\"message\":\"m\"}", -EIO, ERR_REFUSED,
		  "m" },
		{ "{\"kind\":\"what\",\"errno\":17,\"message\":3}", -EEXIST, ERR_INTERNAL,
		  "an error without" },
		{ "{\"kind\":4,\"errno\":99999999999,\"message\":\"a\\u0007\"}", -EIO,
		  ERR_INTERNAL, "a?" },
	};
	struct err err = ERR_INIT, back = ERR_INIT;
	int same = 0;
	json_t *object;

	for (enum err_kind kind = ERR_INTERNAL; kind <= ERR_UNFINISHED; kind++) {
		err_set(&err, kind, ENODEV, "message %d", kind);
		object = agent_error_encode(&err);
		same += agent_error_decode(object, &back) == -ENODEV && back.kind == kind &&
			str_eq(back.msg, err.msg);
		json_decref(object);
	}
	is_int(same, ERR_UNFINISHED, "an error of every kind arrives as it was");
	err = (struct err)ERR_INIT;
	object = agent_error_encode(&err);
	is_int(agent_error_decode(object, &back), -EIO,
	       "an op's failure without an error is one");
	json_decref(object);
	memset(err.msg, '\xc3', sizeof(err.msg) - 1);
	err.kind = ERR_REFUSED;
	err.errnum = EPERM;
	object = agent_error_encode(&err);
	is_int(agent_error_decode(object, &back), -EPERM, "a message that is no UTF-8 is sent");
	json_decref(object);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		object = json_loads(bad[i].json, 0, NULL);
		is_int(agent_error_decode(object, &back), bad[i].r, "error %s", bad[i].json);
		is_int(back.kind, bad[i].kind, "its kind");
		like(back.msg, bad[i].message, "its message");
		json_decref(object);
	}
}

/* Ticks every second for so many seconds.  Return: the pings, -1 for death. */
static int tick(struct agent_pulse *pulse, int64_t *now, int seconds, bool hears)
{
	int pings = 0;

	while (seconds-- > 0) {
		*now += 1000;
		switch (agent_pulse_tick(pulse, *now)) {
		case AGENT_BEAT_PING:
			pings++;
			if (hears)
				agent_pulse_heard(pulse, *now + 10);
			break;
		case AGENT_BEAT_DEAD:
			return -1;
		case AGENT_BEAT_NONE:
			break;
		}
	}
	return pings;
}

static void test_pulse(void)
{
	struct agent_pulse pulse;
	int64_t now = 1000000;

	agent_pulse_start(&pulse, AGENT_PING_INTERVAL_MS, AGENT_DEAD_AFTER_MS, now);
	is_int((int)pulse.tick_ms, 1000, "a tick a second");
	is_int(tick(&pulse, &now, 60, true), 20, "a ping every three seconds");
	is_int(tick(&pulse, &now, 11, false), 3, "11 s of silence are not yet death");
	is_int(tick(&pulse, &now, 2, false), -1, "after 12 s they are");

	agent_pulse_start(&pulse, AGENT_PING_INTERVAL_MS, AGENT_DEAD_AFTER_MS, now);
	now += 3600 * 1000;
	is_int(tick(&pulse, &now, 5, false), 1,
	       "a stop of vmfo itself is no silence of the peer");
	is_int(tick(&pulse, &now, 8, false), -1, "what it lives through is");
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	loop_new(&loop, NULL);
	test_errors();
	test_pulse();
	test_pieces();
	test_hellos();
	test_noise();
	test_calls();
	test_big();
	test_pulse_live();
	test_losses();
	test_cancel();
	loop_free(loop);
	return done_testing();
}
