/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The agent protocol's far half, alone: all that the client says is in the socket before
 * agent_serve() runs, or is said from within an op.
 */
#include "proto/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tap.h"

struct near {
	struct loop *loop;
	struct agent_server *server;
	int fd;     /* the client's end */
	int far;    /* the server's */
	int served; /* ops that ran */
	int sent;   /* events of op_flood */
	bool saw_gone;
};

static void say(struct near *near, const char *text)
{
	if (write(near->fd, text, strlen(text)) != (ssize_t)strlen(text))
		bail("write to the server");
}

static int op_count(void *ctx, const json_t *params, json_t **result, struct err *err)
{
	struct near *near = ctx;

	(void)params;
	(void)err;
	*result = json_pack("{s:i}", "served", ++near->served);
	return 0;
}

static bool peer_is_gone(void *data)
{
	struct near *near = data;

	return agent_server_peer_gone(near->server);
}

/* The client ends, with a request behind the one that is served, in mid-op. */
static int op_await_gone(void *ctx, const json_t *params, json_t **result, struct err *err)
{
	struct near *near = ctx;
	int r;

	(void)params;
	(void)result;
	near->saw_gone = agent_server_peer_gone(near->server);
	say(near, "{\"id\":90,\"op\":\"ping\"}\n{\"id\":91,\"op\":\"count\"}\n");
	shutdown(near->fd, SHUT_WR);
	r = loop_run(near->loop, peer_is_gone, near, deadline_in(5000), err);
	if (r == 0 && !near->saw_gone && !loop_cancelled(near->loop))
		near->saw_gone = agent_server_peer_gone(near->server);
	return r;
}

static int op_flood(void *ctx, const json_t *params, json_t **result, struct err *err)
{
	static char text[1000001];
	struct near *near = ctx;

	(void)params;
	(void)result;
	(void)err;
	memset(text, 'x', sizeof(text) - 1);
	while (!agent_server_peer_gone(near->server) && near->sent < 100) {
		agent_server_event(near->server, "flood", json_pack("{s:s}", "text", text));
		near->sent++;
	}
	return 0;
}

/* The client goes away altogether, while its answer is being made. */
static int op_hang_up(void *ctx, const json_t *params, json_t **result, struct err *err)
{
	struct near *near = ctx;

	(void)params;
	(void)result;
	(void)err;
	close(steal_fd(&near->fd));
	return 0;
}

static int op_cancel(void *ctx, const json_t *params, json_t **result, struct err *err)
{
	struct near *near = ctx;

	(void)params;
	(void)result;
	loop_cancel(near->loop, "interrupted (test)");
	return loop_sleep(near->loop, 5000, err);
}

/* Waits for long, until the client has something better to do, or says so now. */
static int op_wait(void *ctx, const json_t *params, json_t **result, struct err *err)
{
	const char *say_now = json_string_value(json_object_get(params, "say"));
	struct near *near = ctx;

	(void)result;
	agent_server_breakable(near->server);
	if (say_now)
		say(near, say_now);
	else
		shutdown(near->fd, SHUT_WR);
	return loop_sleep(near->loop, 60000, err);
}

static const struct agent_op ops[] = {
	{ "count", op_count },     { "await-gone", op_await_gone }, { "flood", op_flood },
	{ "hang-up", op_hang_up }, { "cancel", op_cancel },         { "wait", op_wait },
};

/*
 * Serves what input says, and its end if `end`.  Return: as agent_serve(); output: all
 * that the server said, freed by the caller.
 */
static int serve(struct near *near, const char *input, bool end, char **output, struct err *err)
{
	size_t room = 1 << 20, len = 0;
	int fds[2], r;
	ssize_t n;

	*near = (struct near){ .fd = -1 };
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
		bail("socketpair");
	near->fd = fds[0];
	near->far = fds[1];
	loop_new(&near->loop, NULL);
	say(near, input);
	if (end)
		shutdown(near->fd, SHUT_WR);
	r = agent_serve(near->loop, near->far, near->far, NULL, ops, ARRAY_SIZE(ops), near,
			&near->server, err);
	if (fcntl(near->far, F_GETFL) & O_NONBLOCK)
		bail("the server left its fd non-blocking");
	if (near->server)
		bail("the server left itself behind");
	close(near->far);
	*output = malloc(room);
	while (near->fd >= 0 && len < room - 1 &&
	       (n = read(near->fd, *output + len, room - 1 - len)) > 0)
		len += (size_t)n;
	(*output)[len] = '\0';
	if (near->fd >= 0)
		close(near->fd);
	loop_free(near->loop);
	return r;
}

#define HELLO "{\"vmfo\":\"agent\",\"protocol\":1}\n"

static void test_requests(void)
{
	static const struct {
		const char *in, *out;
	} requests[] = {
		{ "", HELLO },
		{ "{\"id\":1,\"op\":\"count\"}\n\n"
		  "{\"id\":\"two\",\"op\":\"count\",\"params\":{}}\n",
		  HELLO "{\"id\":1,\"result\":{\"served\":1}}\n"
			"{\"id\":\"two\",\"result\":{\"served\":2}}\n" },
		{ "{\"op\":\"count\"}\n", HELLO "{\"id\":null,\"result\":{\"served\":1}}\n" },
		{ "{\"id\":1,\"op\":\"count\"}\n{\"id\":2,\"op\":\"ping\"}\n",
		  HELLO "{\"id\":2,\"result\":{}}\n{\"id\":1,\"result\":{\"served\":1}}\n" },
		{ "{\"id\":1}\n",
		  HELLO "{\"id\":1,\"error\":{\"kind\":\"refused\",\"errno\":38,"
			"\"message\":\"this vmfo agent knows no request \\\"\\\"\"}}\n" },
		{ "{\"id\":1,\"op\":\"count\",\"params\":3}\n",
		  HELLO "{\"id\":1,\"error\":{\"kind\":\"refused\",\"errno\":22,\"message\":\""
			"count: params is not an object\"}}\n" },
		{ "{\"id\":1,\"op\":\"cou", HELLO },
	};
	struct err err = ERR_INIT;
	struct near near;

	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		_cleanup_free_ char *output = NULL;

		is_int(serve(&near, requests[i].in, true, &output, &err), 0, "serve '%.40s'",
		       requests[i].in);
		is_str(output, requests[i].out, "its answers");
	}
}

static void test_faults(void)
{
	_cleanup_free_ char *output = NULL;
	_cleanup_free_ char *second = NULL;
	struct err err = ERR_INIT;
	struct near near;

	is_int(serve(&near, "GET / HTTP/1.1\r\n", false, &output, &err), -EBADMSG,
	       "a client that speaks something else is dropped");
	like(err.msg, "the client sent: a line that is not JSON", "the message says why");
	is_int(serve(&near, "{\"id\":1,\"op\":\"count\"}\nxx\n{\"id\":2,\"op\":\"count\"}\n",
		     false, &second, &err),
	       -EBADMSG, "one that goes wrong later too");
	is_int(near.served, 0, "nothing more is begun for it");
}

static void test_queue(void)
{
	_cleanup_free_ char *output = NULL;
	struct err err = ERR_INIT;
	struct near near;
	char input[8192] = "";

	for (int i = 0; i < 70; i++)
		strcat(input, "{\"id\":1,\"op\":\"count\"}\n");
	is_int(serve(&near, input, true, &output, &err), 0, "70 requests at once");
	is_int(near.served, 64, "64 are queued and served");
	like(output, "64 requests are waiting already", "the rest are refused");
}

static void test_gone(void)
{
	_cleanup_free_ char *output = NULL;
	_cleanup_free_ char *second = NULL;
	struct err err = ERR_INIT;
	struct near near;

	is_int(serve(&near, "{\"id\":1,\"op\":\"await-gone\"}\n", false, &output, &err), 0,
	       "the client ends while an op runs");
	ok(near.saw_gone, "the op sees it, and nothing is cancelled");
	is_int(near.served, 0, "what waited behind it is not begun");
	is_str(output, HELLO "{\"id\":90,\"result\":{}}\n{\"id\":1,\"result\":{}}\n",
	       "the ping was answered meanwhile, the op in the end");
	is_int(serve(&near, "{\"id\":1,\"op\":\"hang-up\"}\n", false, &second, &err), 0,
	       "a client that is gone for the answer ends it in good order");
}

static void test_flood(void)
{
	_cleanup_free_ char *output = NULL;
	struct err err = ERR_INIT;
	struct near near;
	int64_t before = clock_ms();

	is_int(serve(&near, "{\"id\":1,\"op\":\"flood\"}\n", false, &output, &err), -ENOBUFS,
	       "a client that reads nothing is dropped");
	ok(near.sent >= 8 && near.sent <= 10, "after some 8 MiB (%d events of 1 MB)",
	   near.sent);
	ok(clock_ms() - before < 5000, "and blocks nobody");
}

#define GIVEN_UP \
	"\"error\":{\"kind\":\"internal\",\"errno\":125,\"message\":\"given up by the source\"}}\n"

static void test_break(void)
{
	static const char *const inputs[] = {
		/* A ping is no reason; the next request is. */
		"{\"id\":1,\"op\":\"wait\",\"params\":{\"say\":\"{\\\"id\\\":2,\\\"op\\\":\\\"ping\\\"}\\n"
		"{\\\"id\\\":3,\\\"op\\\":\\\"count\\\"}\\n\"}}\n",
		/* It was there before the op began. */
		"{\"id\":1,\"op\":\"wait\",\"params\":{\"say\":"
		"\"{\\\"id\\\":2,\\\"op\\\":\\\"ping\\\"}\\n\"}}\n"
		"{\"id\":3,\"op\":\"count\"}\n",
	};
	_cleanup_free_ char *last = NULL;
	struct err err = ERR_INIT;
	struct near near;

	for (size_t i = 0; i < ARRAY_SIZE(inputs); i++) {
		_cleanup_free_ char *output = NULL;

		is_int(serve(&near, inputs[i], false, &output, &err), 0,
		       "an op that is broken off ends the service in good order, %zu", i);
		like(output, "{\"id\":1," GIVEN_UP, "it says that it was given up");
		like(output, "{\"id\":3,\"result\":{\"served\":1}}\n",
		     "and what it was given up for is served");
	}
	is_int(serve(&near, "{\"id\":1,\"op\":\"wait\"}\n", false, &last, &err), 0,
	       "the end of the input breaks it off as well");
	is_str(last, HELLO "{\"id\":1," GIVEN_UP, "and nothing more is said");
	is_int(near.served, 0, "nor done");
}

static void test_cancel(void)
{
	_cleanup_free_ char *output = NULL;
	struct err err = ERR_INIT;
	struct near near;

	is_int(serve(&near, "{\"id\":1,\"op\":\"cancel\"}\n", false, &output, &err), -ECANCELED,
	       "a cancelled loop ends the service");
	like(output,
	     "{\"id\":1,\"error\":{\"kind\":\"internal\",\"errno\":125,\"message\":"
	     "\"interrupted (test)\"}}\n",
	     "the op's answer still went out");
}

/* The two fds of a pipe each, as sshd may give them. */
static void test_pipes(void)
{
	struct near near = { .fd = -1 };
	struct err err = ERR_INIT;
	int in[2], out[2];
	char text[256];
	ssize_t n;

	loop_new(&near.loop, NULL);
	if (pipe(in) < 0 || pipe(out) < 0)
		bail("pipe");
	near.fd = in[1];
	say(&near, "{\"id\":1,\"op\":\"count\"}\n");
	close(in[1]);
	is_int(agent_serve(near.loop, in[0], out[1], NULL, ops, ARRAY_SIZE(ops), &near,
			   &near.server, &err),
	       0, "serve over pipes");
	n = read(out[0], text, sizeof(text) - 1);
	text[n < 0 ? 0 : n] = '\0';
	is_str(text, HELLO "{\"id\":1,\"result\":{\"served\":1}}\n", "the answer came");
	close(out[0]);
	close(in[0]);
	if (pipe(in) < 0)
		bail("pipe");
	is_int(agent_serve(near.loop, in[0], out[1], NULL, ops, ARRAY_SIZE(ops), &near,
			   &near.server, &err),
	       0, "an output that nobody reads ends it, input or not");
	close(in[0]);
	close(in[1]);
	close(out[1]);
	loop_free(near.loop);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	test_requests();
	test_faults();
	test_queue();
	test_gone();
	test_flood();
	test_break();
	test_cancel();
	test_pipes();
	return done_testing();
}
