/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The far half of the agent protocol.
 *
 * The input handler only notes what came: a request goes into a queue, a ping is answered
 * on the spot. agent_serve() takes requests from the queue one by one. An op may run the
 * same loop while it waits, and then pings are still answered, requests still queue up,
 * and an end of the input is noted; but no second op starts before the first is over.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "proto/agent.h"
#include "proto/agent_wire.h"
#include "proto/ndjson.h"
#include "proto/outbuf.h"
#include "proto/sock.h"

#define SERVER_READ_SIZE (64 * 1024)
#define SERVER_OUT_MAX (8 * 1024 * 1024)
#define SERVER_QUEUE_MAX 64
#define SERVER_LAST_FLUSH_MS 2000

struct agent_server {
	struct loop *loop;
	int in, out;
	bool in_was_nonblock, out_was_nonblock;
	struct loop_watch *in_watch, *out_watch;
	struct ndjson codec;
	struct outbuf outbuf;
	json_t *queue; /* requests to be served, an array */
	const struct agent_op *ops;
	size_t n_ops;
	void *ctx;
	bool breakable; /* the running op */
	bool broken;    /* it was told to end, by a cancel of the loop */
	struct agent_pulse pulse;
	struct loop_timer *timer;
	bool gone;        /* no more input */
	bool mute;        /* no more output */
	struct err fault; /* the peer broke the protocol */
};

/* ---- the output ---- */

static void server_flush(struct agent_server *server)
{
	if (outbuf_flush(&server->outbuf, outbuf_write_fd, &server->out) < 0) {
		/* Nobody reads any more: what is left is for nobody. */
		outbuf_clear(&server->outbuf);
		server->mute = true;
		server->gone = true;
	}
	loop_watch_events(server->out_watch, outbuf_pending(&server->outbuf) ? POLLOUT : 0);
}

/* message: stolen; NULL after a failed json_pack(). */
static void server_send(struct agent_server *server, json_t *message)
{
	_cleanup_free_ char *line = NULL;
	struct err err = ERR_INIT;
	size_t len;
	int r;

	if (server->mute) {
		json_decref(message);
		return;
	}
	if (message)
		line = ndjson_encode(message, &len);
	json_decref(message);
	r = line ? outbuf_add(&server->outbuf, line, len, &err) : err_nomem(&err);
	if (r < 0) {
		/* A client that misses one answer cannot trust the next. */
		err_wrap(&err, "answer the client");
		server->fault = err;
		server->mute = true;
		server->gone = true;
		outbuf_clear(&server->outbuf);
	}
	server_flush(server);
}

static void send_result(struct agent_server *server, const json_t *id, json_t *result)
{
	server_send(server, json_pack("{s:O?,s:o}", "id", id, "result",
				      result ? result : json_object()));
}

static void send_error(struct agent_server *server, const json_t *id, const struct err *err)
{
	server_send(server,
		    json_pack("{s:O?,s:o}", "id", id, "error", agent_error_encode(err)));
}

void agent_server_event(struct agent_server *server, const char *event, json_t *data)
{
	server_send(server, json_pack("{s:s,s:o}", "event", event, "data",
				      data ? data : json_object()));
}

/* ---- the input ---- */

static void break_off(struct agent_server *server)
{
	if (!server->breakable)
		return;
	server->broken = true;
	loop_cancel(server->loop, "given up by the source");
}

void agent_server_breakable(struct agent_server *server)
{
	server->breakable = true;
	if (server->gone || json_array_size(server->queue) > 0)
		break_off(server);
}

static void take_request(struct agent_server *server, json_t *request)
{
	const char *op = json_string_value(json_object_get(request, "op"));
	const json_t *id = json_object_get(request, "id");
	struct err err = ERR_INIT;

	if (op && str_eq(op, "ping")) {
		send_result(server, id, NULL);
		return;
	}
	break_off(server);
	if (json_array_size(server->queue) >= SERVER_QUEUE_MAX) {
		err_set(&err, ERR_REFUSED, EBUSY, "%d requests are waiting already",
			SERVER_QUEUE_MAX);
		send_error(server, id, &err);
	} else if (json_array_append(server->queue, request) < 0) {
		err_nomem(&err);
		send_error(server, id, &err);
	}
}

static void take_bytes(struct agent_server *server, const char *bytes, size_t n)
{
	struct err err = ERR_INIT;
	json_t *request;
	int r = ndjson_feed(&server->codec, bytes, n, &err);

	if (r == 0) {
		while ((r = ndjson_next(&server->codec, &request, &err)) > 0) {
			take_request(server, request);
			json_decref(request);
		}
	}
	if (r < 0) {
		err_wrap(&err, "the client sent");
		server->fault = err;
		server->gone = true;
	}
}

static void on_input(void *data, int fd, short revents)
{
	struct agent_server *server = data;
	char bytes[SERVER_READ_SIZE];
	ssize_t n = read(fd, bytes, sizeof(bytes));

	(void)revents;
	agent_pulse_heard(&server->pulse, clock_ms());
	if (n > 0)
		take_bytes(server, bytes, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		server->gone = true;
	if (server->gone) {
		loop_watch_events(server->in_watch, 0);
		break_off(server);
	}
}

/*
 * A client's host that vanishes leaves a connection that never ends by itself: sshd may
 * not notice for hours.
 */
static void on_tick(void *data)
{
	struct agent_server *server = data;

	if (agent_pulse_tick(&server->pulse, clock_ms()) != AGENT_BEAT_DEAD)
		return;
	server->gone = true;
	loop_watch_events(server->in_watch, 0);
	break_off(server);
}

static void on_output(void *data, int fd, short revents)
{
	(void)fd;
	(void)revents;
	server_flush(data);
}

bool agent_server_peer_gone(const struct agent_server *server)
{
	return server->gone;
}

/* ---- requests ---- */

static const struct agent_op *find_op(const struct agent_server *server, const char *name)
{
	for (size_t i = 0; name && i < server->n_ops; i++)
		if (str_eq(server->ops[i].name, name))
			return &server->ops[i];
	return NULL;
}

static void serve_request(struct agent_server *server, const json_t *request)
{
	const char *name = json_string_value(json_object_get(request, "op"));
	const struct agent_op *op = find_op(server, name);
	json_t *params = json_incref(json_object_get(request, "params"));
	const json_t *id = json_object_get(request, "id");
	struct err err = ERR_INIT;
	json_t *result = NULL;
	int r;

	if (!params)
		params = json_object();
	if (!op)
		r = err_set(&err, ERR_REFUSED, ENOSYS,
			    "this vmfo agent knows no request \"%s\"", name ? name : "");
	else if (!json_is_object(params))
		r = err_set(&err, ERR_REFUSED, EINVAL, "%s: params is not an object", op->name);
	else
		r = op->run(server->ctx, params, &result, &err);
	server->breakable = false;
	json_decref(params);
	if (r < 0) {
		json_decref(result);
		send_error(server, id, &err);
	} else {
		send_result(server, id, result);
	}
}

static bool has_work(void *data)
{
	const struct agent_server *server = data;

	return server->gone || json_array_size(server->queue) > 0;
}

/*
 * Once the peer is gone, requests that still wait are not begun: nobody would hear of
 * them, and the caller is about to undo what was done.
 */
static int serve_requests(struct agent_server *server, struct err *err)
{
	for (;;) {
		json_t *request;
		int r = loop_run(server->loop, has_work, server, DEADLINE_NEVER, err);

		if (r < 0)
			return r == -ECANCELED && server->broken ? 0 : r;
		if (server->gone)
			break;
		request = json_incref(json_array_get(server->queue, 0));
		json_array_remove(server->queue, 0);
		serve_request(server, request);
		json_decref(request);
	}
	if (server->fault.kind != ERR_NONE)
		return err_set(err, server->fault.kind, server->fault.errnum, "%s",
			       server->fault.msg);
	return 0;
}

static bool flushed(void *data)
{
	const struct agent_server *server = data;

	return !outbuf_pending(&server->outbuf);
}

/* ---- the service ---- */

static int server_start(struct agent_server *server, const json_t *hello, struct err *err)
{
	json_t *message;
	int r;

	r = sock_set_nonblock(server->in, true, &server->in_was_nonblock);
	if (r == 0)
		r = sock_set_nonblock(server->out, true, &server->out_was_nonblock);
	if (r < 0)
		return err_sys(err, ERR_INTERNAL, -r,
			       "set the agent's input and output non-blocking");
	server->queue = json_array();
	message = agent_hello_make(hello);
	if (!server->queue || !message) {
		json_decref(message);
		return err_nomem(err);
	}
	r = loop_watch(server->loop, server->out, 0, on_output, server, &server->out_watch,
		       err);
	if (r == 0)
		r = loop_watch(server->loop, server->in, POLLIN, on_input, server,
			       &server->in_watch, err);
	agent_pulse_start(&server->pulse, AGENT_PING_INTERVAL_MS, AGENT_CLIENT_DEAD_AFTER_MS,
			  clock_ms());
	if (r == 0)
		r = loop_timer(server->loop, server->pulse.tick_ms, on_tick, server,
			       &server->timer, err);
	if (r < 0)
		json_decref(message);
	else
		server_send(server, message);
	return r;
}

static void server_stop(struct agent_server *server)
{
	/* The last answer still goes out, if somebody reads it. */
	if (server->out_watch) {
		loop_shield(server->loop);
		loop_run(server->loop, flushed, server, deadline_in(SERVER_LAST_FLUSH_MS),
			 NULL);
		loop_unshield(server->loop);
	}
	loop_untimer(server->timer);
	loop_unwatch(server->in_watch);
	loop_unwatch(server->out_watch);
	/* The fds may be a terminal's, which others share. */
	sock_set_nonblock(server->out, server->out_was_nonblock, NULL);
	sock_set_nonblock(server->in, server->in_was_nonblock, NULL);
	ndjson_clear(&server->codec);
	outbuf_clear(&server->outbuf);
	json_decref(server->queue);
}

int agent_serve(struct loop *loop, int in_fd, int out_fd, const json_t *hello,
		const struct agent_op *ops, size_t n_ops, void *ctx, struct agent_server **self,
		struct err *err)
{
	struct agent_server server = {
		.loop = loop, .in = in_fd, .out = out_fd, .ops = ops, .n_ops = n_ops, .ctx = ctx
	};
	int r;

	ndjson_init(&server.codec, AGENT_LINE_MAX);
	outbuf_init(&server.outbuf, SERVER_OUT_MAX);
	*self = &server;
	r = server_start(&server, hello, err);
	if (r == 0)
		r = serve_requests(&server, err);
	server_stop(&server);
	*self = NULL;
	return r;
}
