/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A lane: a thread with a loop and an SSH connection of its own, and any number of
 * connections of QEMU, each with its channel. A connection's life:
 *
 *   opened      its channel runs the far half, which was sent our line
 *   greeted     the far half has answered {"ok":true}: bytes flow
 *   far ended   the far half has no more: QEMU sees the end of its input, a moment later
 *   local ended QEMU has closed or shut down: the channel's input ends
 *   closed      both have ended
 *   held        something failed: its socket stays open, silent, until the tunnel is
 *               closed, as QEMU must not notice before the datapath is back
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "proto/tunnel_internal.h"

#define OPEN_MS 20000      /* for a channel, and for the far half's line */
#define HALF_CLOSE_MS 1000 /* between the end of the far half and QEMU's knowledge of it */

struct conn {
	struct lane *lane;
	int fd;
	struct loop_watch *watch;
	struct ssh_channel *channel;
	struct loop_timer *timer; /* until it is greeted */
	char *buffer;             /* QEMU's bytes that the channel has not taken */
	size_t start, len;
	char *noise; /* what came before the far half's line */
	size_t noise_len;
	char complaint[160]; /* the last of its standard error */
	bool greeted, held;
	bool far_ended, local_ended, eof_sent;
	bool want_write; /* QEMU's socket is full */
	bool deaf;       /* QEMU does not read any more: what comes is dropped */
	TAILQ_ENTRY(conn) link;
};

struct lane {
	struct tunnel_lane *shared;
	struct tunnel *tunnel;
	struct loop *loop;
	struct loop_watch *pipe_watch;
	struct ssh *ssh;
	bool stop, failed;
	TAILQ_HEAD(, conn) conns;
	TAILQ_HEAD(, conn) waiting; /* accepted, without a channel yet */
};

static void set_state(struct lane *lane, enum lane_state state, const struct err *why)
{
	struct tunnel *tunnel = lane->tunnel;
	const uint64_t one = 1;

	pthread_mutex_lock(&tunnel->lock);
	lane->shared->state = state;
	if (why && tunnel->why.errnum == 0)
		tunnel->why = *why;
	pthread_mutex_unlock(&tunnel->lock);
	if (write(tunnel->event_fd, &one, sizeof(one)) < 0)
		return; /* full: it is awake already */
}

/* ---- a connection ---- */

static void conn_update(struct conn *conn)
{
	short events = 0;

	if (!conn->watch)
		return;
	if (!conn->held) {
		if (conn->greeted && !conn->local_ended && conn->len == 0)
			events |= POLLIN;
		if (conn->want_write)
			events |= POLLOUT;
	}
	loop_watch_events(conn->watch, events);
}

static void conn_free(struct conn *conn)
{
	loop_untimer(conn->timer);
	ssh_channel_close(conn->channel);
	loop_unwatch(conn->watch);
	close(conn->fd);
	free(conn->buffer);
	free(conn->noise);
	free(conn);
}

/* Everything stops; QEMU's sockets stay open. */
static void lane_fail(struct lane *lane, const struct err *why)
{
	struct conn *conn;

	if (lane->failed)
		return;
	lane->failed = true;
	TAILQ_FOREACH (conn, &lane->conns, link) {
		conn->held = true;
		conn_update(conn);
	}
	set_state(lane, LANE_FAILED, why);
}

static void conn_fail(struct conn *conn, int errnum, const char *text)
{
	struct err why = ERR_INIT;

	err_set(&why, ERR_REFUSED, errnum, "%s", text);
	lane_fail(conn->lane, &why);
}

/* QEMU's bytes into the channel, as many as it takes. */
static void conn_push(struct conn *conn)
{
	while (conn->len && !conn->held) {
		ssize_t n =
			ssh_channel_write(conn->channel, conn->buffer + conn->start, conn->len);

		if (n < 0 && conn->far_ended) {
			/* In the middle of the stream: that QEMU has died. */
			conn_fail(conn, EPIPE, "QEMU closed its end of the stream early");
			return;
		}
		if (n < 0)
			return; /* end() says why */
		conn->start += (size_t)n;
		conn->len -= (size_t)n;
		atomic_fetch_add_explicit(&conn->lane->tunnel->bytes, (uint64_t)n,
					  memory_order_relaxed);
		if (n == 0 || conn->len)
			break;
	}
	if (conn->len == 0 && conn->local_ended && !conn->eof_sent) {
		conn->eof_sent = true;
		ssh_channel_send_eof(conn->channel);
	}
	conn_update(conn);
}

static void on_local(void *data, int fd, short revents)
{
	struct conn *conn = data;
	ssize_t n;

	if (revents & POLLOUT || (conn->want_write && revents & (POLLHUP | POLLERR))) {
		conn->want_write = false;
		ssh_channel_resume(conn->channel);
	}
	if (conn->greeted && !conn->local_ended && conn->len == 0 &&
	    revents & (POLLIN | POLLHUP | POLLERR)) {
		n = recv(fd, conn->buffer, TUNNEL_BUFFER, MSG_DONTWAIT);
		if (n > 0) {
			conn->start = 0;
			conn->len = (size_t)n;
		} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
			conn->local_ended = true;
		}
		conn_push(conn);
	}
	conn_update(conn);
}

/* The far half's bytes into QEMU's socket.  Return: how many were taken. */
static size_t conn_forward(struct conn *conn, const char *bytes, size_t n)
{
	size_t taken = 0;

	while (taken < n && !conn->deaf) {
		ssize_t sent =
			send(conn->fd, bytes + taken, n - taken, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno == EAGAIN) {
			conn->want_write = true;
			conn_update(conn);
			return taken;
		}
		if (sent < 0)
			conn->deaf = true;
		else
			taken += (size_t)sent;
	}
	return n;
}

/* ---- the far half's line ---- */

static void conn_greeted(struct conn *conn)
{
	conn->greeted = true;
	loop_untimer(steal_ptr(conn->timer));
	free(steal_ptr(conn->noise));
	conn_update(conn);
}

/* A line of the far side's output before it was greeted: noise, unless it is the answer. */
static void take_line(struct conn *conn, const char *line, size_t n)
{
	const char *begin = memchr(line, '{', n);
	json_t *root, *good;

	if (!begin)
		return;
	/* Noise without a newline may stand in front of it. */
	root = json_loadb(begin, n - (size_t)(begin - line), JSON_REJECT_DUPLICATES, NULL);
	good = json_object_get(root, "ok");
	if (json_is_true(good)) {
		conn_greeted(conn);
	} else if (json_is_false(good)) {
		const char *message = json_string_value(json_object_get(root, "message"));
		_cleanup_free_ char *text = strdup(message ? message : "refused");

		if (text)
			str_make_printable(text);
		conn_fail(conn, EREMOTEIO, text ? text : "refused");
	}
	json_decref(root);
}

/* Return: how many bytes belong to what precedes the stream. */
static size_t take_noise(struct conn *conn, const char *bytes, size_t n)
{
	const char *end = memchr(bytes, '\n', n);
	size_t part = end ? (size_t)(end - bytes) + 1 : n;

	if (conn->noise_len + part > TUNNEL_NOISE_MAX) {
		conn_fail(conn, EPROTO,
			  "there is no answer of vmfo in 64 KiB of output: is agent_command in "
			  "host.json right, and does a login script print without end?");
		return n;
	}
	memcpy(conn->noise + conn->noise_len, bytes, part);
	/* The line's beginning: noise_len counts all noise, so that the total is bounded. */
	if (end) {
		size_t begin = conn->noise_len;

		while (begin && conn->noise[begin - 1] != '\n')
			begin--;
		conn->noise_len += part;
		take_line(conn, conn->noise + begin, conn->noise_len - begin);
	} else {
		conn->noise_len += part;
	}
	return part;
}

/* ---- what the channel tells ---- */

static size_t on_data(void *user, const char *bytes, size_t n)
{
	struct conn *conn = user;
	size_t taken = 0;

	while (taken < n && !conn->greeted && !conn->held)
		taken += take_noise(conn, bytes + taken, n - taken);
	if (conn->held)
		return n;
	return taken + conn_forward(conn, bytes + taken, n - taken);
}

static void on_error_output(void *user, const char *bytes, size_t n)
{
	struct conn *conn = user;
	const size_t room = sizeof(conn->complaint) - 1;
	size_t kept = strlen(conn->complaint);

	if (n > room) {
		bytes += n - room;
		n = room;
	}
	if (kept > room - n) {
		memmove(conn->complaint, conn->complaint + kept - (room - n), room - n);
		kept = room - n;
	}
	memcpy(conn->complaint + kept, bytes, n);
	conn->complaint[kept + n] = '\0';
}

static void on_channel_writable(void *user)
{
	conn_push(user);
}

/* The last line of the far half's standard error says more than its exit status. */
static void conn_fail_with_complaint(struct conn *conn, const struct err *why)
{
	char text[ERR_MSG_SIZE], *line;
	size_t n = strlen(conn->complaint);

	while (n && conn->complaint[n - 1] == '\n')
		conn->complaint[--n] = '\0';
	line = strrchr(conn->complaint, '\n');
	line = line ? line + 1 : conn->complaint;
	str_make_printable(line);
	snprintf(text, sizeof(text), "%.300s%s%s", why->msg, *line ? ": " : "", line);
	conn_fail(conn, why->errnum, text);
}

/*
 * QEMU before 8.0 closes all of its socket when its return path ends, and so its stream
 * fails. In order that happens when both have finished; if the far QEMU has died, whoever
 * holds the tunnel learns of it meanwhile, and what comes now is late enough.
 */
static void on_half_close(void *data)
{
	struct conn *conn = data;

	loop_untimer(steal_ptr(conn->timer));
	if (!conn->held)
		shutdown(conn->fd, SHUT_WR);
}

static void on_end(void *user, const struct err *why)
{
	struct conn *conn = user;

	if (conn->held)
		return;
	if (why)
		conn_fail_with_complaint(conn, why);
	else if (!conn->greeted)
		conn_fail(conn, EPROTO, "the far half ended without an answer");
	else if (conn->local_ended || loop_timer(conn->lane->loop, HALF_CLOSE_MS, on_half_close,
						 conn, &conn->timer, NULL) < 0)
		shutdown(conn->fd, SHUT_WR);
	conn->far_ended = true;
}

static void on_timer(void *data)
{
	struct conn *conn = data;

	loop_untimer(steal_ptr(conn->timer));
	conn_fail(conn, ETIMEDOUT, "the far half does not answer");
}

static const struct ssh_channel_fns channel_fns = {
	.data = on_data,
	.error_output = on_error_output,
	.writable = on_channel_writable,
	.end = on_end,
};

/* ---- the lane ---- */

static int send_line(struct conn *conn, struct err *err)
{
	json_t *root =
		json_pack("{s:s, s:s}", "schema", TUNNEL_SCHEMA, "vm", conn->lane->tunnel->vm);
	_cleanup_free_ char *text = root ? json_dumps(root, JSON_COMPACT) : NULL;
	_cleanup_free_ char *line = text ? str_printf("%s\n", text) : NULL;
	ssize_t n;

	json_decref(root);
	if (!line)
		return err_nomem(err);
	/* It is far below what a new channel takes at once. */
	n = ssh_channel_write(conn->channel, line, strlen(line));
	if (n < 0 || (size_t)n != strlen(line))
		return err_set(err, ERR_REFUSED, EPIPE, "the channel takes no input");
	return 0;
}

static int conn_open(struct conn *conn, struct err *err)
{
	struct lane *lane = conn->lane;
	int r;

	conn->buffer = malloc(TUNNEL_BUFFER);
	conn->noise = malloc(TUNNEL_NOISE_MAX);
	if (!conn->buffer || !conn->noise)
		return err_nomem(err);
	r = loop_watch(lane->loop, conn->fd, 0, on_local, conn, &conn->watch, err);
	if (r == 0)
		r = loop_timer(lane->loop, OPEN_MS, on_timer, conn, &conn->timer, err);
	if (r == 0)
		r = ssh_channel_open(lane->ssh, strv_argv(&lane->tunnel->command), &channel_fns,
				     conn, deadline_in(OPEN_MS), &conn->channel, err);
	if (r == 0)
		r = send_line(conn, err);
	return r;
}

static void on_pipe(void *data, int fd, short revents)
{
	struct lane *lane = data;
	struct conn *conn;
	int value = TUNNEL_STOP;
	ssize_t n = read(fd, &value, sizeof(value));

	(void)revents;
	if (n < 0)
		return;
	if (n == 0 || value == TUNNEL_STOP) {
		lane->stop = true;
		loop_watch_events(lane->pipe_watch, 0);
		loop_cancel(lane->loop, "the tunnel is closed");
		return;
	}
	conn = calloc(1, sizeof(*conn));
	if (!conn) {
		close(value);
		return;
	}
	conn->lane = lane;
	conn->fd = value;
	TAILQ_INSERT_TAIL(&lane->waiting, conn, link);
}

/* Closes what has ended on both sides. */
static void reap(struct lane *lane)
{
	struct conn *conn = TAILQ_FIRST(&lane->conns);

	while (conn) {
		struct conn *next = TAILQ_NEXT(conn, link);

		if (!conn->held && conn->far_ended && conn->local_ended && conn->len == 0) {
			TAILQ_REMOVE(&lane->conns, conn, link);
			conn_free(conn);
		}
		conn = next;
	}
}

static bool lane_has_work(void *data)
{
	struct lane *lane = data;
	struct err why;

	if (!lane->failed && !ssh_alive(lane->ssh, &why))
		lane_fail(lane, &why);
	reap(lane);
	return lane->stop || !TAILQ_EMPTY(&lane->waiting);
}

static void open_next(struct lane *lane)
{
	struct conn *conn = TAILQ_FIRST(&lane->waiting);
	struct err err = ERR_INIT;

	TAILQ_REMOVE(&lane->waiting, conn, link);
	TAILQ_INSERT_TAIL(&lane->conns, conn, link);
	conn->held = lane->failed;
	if (conn->held || conn_open(conn, &err) == 0)
		return;
	if (!lane->stop)
		conn_fail(conn, err.errnum, err.msg);
	conn->held = true;
}

static int lane_run(struct lane *lane, struct err *err)
{
	int r = loop_new(&lane->loop, err);

	if (r == 0)
		r = loop_watch(lane->loop, lane->shared->in, POLLIN, on_pipe, lane,
			       &lane->pipe_watch, err);
	if (r == 0)
		r = ssh_connect(lane->loop, lane->tunnel->ssh, lane->shared->deadline,
				&lane->ssh, err);
	if (r < 0)
		return r;
	set_state(lane, LANE_UP, NULL);
	while (!lane->stop) {
		r = loop_run(lane->loop, lane_has_work, lane, DEADLINE_NEVER, err);
		if (r < 0)
			return lane->stop ? 0 : r;
		if (!lane->stop)
			open_next(lane);
	}
	return 0;
}

static void free_all(struct lane *lane)
{
	struct conn *conn;

	while ((conn = TAILQ_FIRST(&lane->waiting))) {
		TAILQ_REMOVE(&lane->waiting, conn, link);
		conn_free(conn);
	}
	while ((conn = TAILQ_FIRST(&lane->conns))) {
		TAILQ_REMOVE(&lane->conns, conn, link);
		conn_free(conn);
	}
}

void *tunnel_lane_main(void *arg)
{
	struct tunnel_lane *shared = arg;
	struct lane lane = { .shared = shared, .tunnel = shared->tunnel };
	struct err err = ERR_INIT;

	TAILQ_INIT(&lane.conns);
	TAILQ_INIT(&lane.waiting);
	if (lane_run(&lane, &err) < 0)
		lane_fail(&lane, &err);
	free_all(&lane);
	ssh_close(lane.ssh);
	loop_unwatch(lane.pipe_watch);
	loop_free(lane.loop);
	return NULL;
}
