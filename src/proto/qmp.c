/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proto/qmp.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "proto/ndjson.h"
#include "proto/outbuf.h"
#include "proto/sock.h"

#define QMP_LINE_MAX (16 * 1024 * 1024) /* the whole of query-qmp-schema is one line */
#define QMP_READ_SIZE (64 * 1024)

/* The command whose reply is awaited. */
struct qmp_wait {
	json_int_t id;
	json_t *reply;
};

struct qmp {
	struct loop *loop;
	int fd;
	struct loop_watch *watch;
	char *name;
	char *version; /* NULL until QEMU has greeted */
	struct ndjson in;
	struct outbuf out;
	json_int_t last_id;
	struct qmp_wait *wait; /* NULL: none */
	struct err ended;      /* why the connection ended */
	struct qmp_listener *listeners;
};

static void qmp_end(struct qmp *qmp, const struct err *why)
{
	if (!qmp_alive(qmp))
		return;
	qmp->ended = *why;
	loop_unwatch(steal_ptr(qmp->watch));
}

static void take_greeting(struct qmp *qmp, const json_t *message)
{
	struct err err = ERR_INIT;
	json_int_t major, minor, micro;

	if (json_unpack((json_t *)message, "{s:{s:{s:{s:I,s:I,s:I}}}}", "QMP", "version",
			"qemu", "major", &major, "minor", &minor, "micro", &micro) < 0) {
		err_set(&err, ERR_INTERNAL, EPROTO, "%s: what answers there does not speak QMP",
			qmp->name);
		qmp_end(qmp, &err);
		return;
	}
	qmp->version = str_printf("%lld.%lld.%lld", major, minor, micro);
	if (!qmp->version) {
		err_nomem(&err);
		qmp_end(qmp, &err);
	}
}

static void take_reply(struct qmp *qmp, json_t *message)
{
	const json_t *id = json_object_get(message, "id");

	/*
	 * An id that nobody waits for is that of a command which was given up. An error
	 * without one is QEMU's answer to a line that it could not read as a command.
	 */
	if (!qmp->wait || qmp->wait->reply)
		return;
	if (id ? json_integer_value(id) != qmp->wait->id : !json_object_get(message, "error"))
		return;
	qmp->wait->reply = json_incref(message);
}

static void tell_listeners(const struct qmp *qmp, const char *event, const json_t *data)
{
	for (struct qmp_listener *l = qmp->listeners; l; l = l->next)
		l->fn(l->user, event, data);
}

static void take_message(struct qmp *qmp, json_t *message)
{
	const char *event = json_string_value(json_object_get(message, "event"));

	if (!qmp->version)
		take_greeting(qmp, message);
	else if (!event)
		take_reply(qmp, message);
	else
		tell_listeners(qmp, event, json_object_get(message, "data"));
}

static void take_bytes(struct qmp *qmp, const char *bytes, size_t n)
{
	struct err err = ERR_INIT;
	json_t *message;
	int r = ndjson_feed(&qmp->in, bytes, n, &err);

	if (r == 0) {
		while ((r = ndjson_next(&qmp->in, &message, &err)) > 0) {
			take_message(qmp, message);
			json_decref(message);
		}
	}
	if (r < 0) {
		err_wrap(&err, "%s: QEMU sent", qmp->name);
		qmp_end(qmp, &err);
	}
}

static void qmp_read(struct qmp *qmp)
{
	struct err err = ERR_INIT;
	char bytes[QMP_READ_SIZE];
	ssize_t n = read(qmp->fd, bytes, sizeof(bytes));

	if (n > 0) {
		take_bytes(qmp, bytes, (size_t)n);
		return;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	/* A QEMU that is killed with a command unread resets the connection. */
	if (n == 0 || errno == ECONNRESET)
		err_set(&err, ERR_INTERNAL, EPIPE, "%s: QEMU ended", qmp->name);
	else
		err_sys(&err, ERR_INTERNAL, errno, "%s: read from QEMU", qmp->name);
	qmp_end(qmp, &err);
}

static void qmp_write(struct qmp *qmp)
{
	struct err err = ERR_INIT;
	int r = outbuf_flush(&qmp->out, outbuf_write_fd, &qmp->fd);

	if (r < 0) {
		err_set(&err, ERR_INTERNAL, EPIPE, "%s: QEMU ended", qmp->name);
		qmp_end(qmp, &err);
		return;
	}
	loop_watch_events(qmp->watch, outbuf_pending(&qmp->out) ? POLLIN | POLLOUT : POLLIN);
}

static void on_socket(void *data, int fd, short revents)
{
	struct qmp *qmp = data;

	(void)fd;
	if (revents & ~POLLOUT)
		qmp_read(qmp);
	if ((revents & POLLOUT) && qmp_alive(qmp))
		qmp_write(qmp);
}

static bool greeted(void *data)
{
	const struct qmp *qmp = data;

	return qmp->version || !qmp_alive(qmp);
}

static int await_greeting(struct qmp *qmp, int64_t deadline, struct err *err)
{
	int r = loop_run(qmp->loop, greeted, qmp, deadline, err);

	if (r == -ETIMEDOUT)
		return err_set(err, ERR_INTERNAL, ETIMEDOUT,
			       "%s: no greeting: another client holds this QMP socket, or QEMU "
			       "hangs",
			       qmp->name);
	if (r < 0)
		return err_wrap(err, "%s: await the greeting", qmp->name);
	if (!qmp_alive(qmp)) {
		const struct err *why = &qmp->ended;

		return err_set(err, why->kind, why->errnum,
			       "%s (while its greeting was awaited)", why->msg);
	}
	return 0;
}

int qmp_attach(struct loop *loop, int fd, const char *name, int64_t deadline, struct qmp **out,
	       struct err *err)
{
	struct qmp *qmp = calloc(1, sizeof(*qmp));
	int r;

	if (!qmp) {
		close(fd);
		return err_nomem(err);
	}
	qmp->loop = loop;
	qmp->fd = fd;
	ndjson_init(&qmp->in, QMP_LINE_MAX);
	outbuf_init(&qmp->out, QMP_LINE_MAX);
	qmp->name = strdup(name);
	r = qmp->name ? 0 : err_nomem(err);
	if (r == 0) {
		r = sock_set_nonblock(fd, true, NULL);
		if (r < 0)
			err_sys(err, ERR_INTERNAL, -r, "%s: set non-blocking", name);
	}
	if (r == 0)
		r = loop_watch(loop, fd, POLLIN, on_socket, qmp, &qmp->watch, err);
	if (r == 0)
		r = await_greeting(qmp, deadline, err);
	if (r == 0)
		r = qmp_command(qmp, "qmp_capabilities", NULL, deadline, NULL, err);
	if (r < 0) {
		qmp_close(qmp);
		return r;
	}
	*out = qmp;
	return 0;
}

int qmp_connect(struct loop *loop, const char *path, int64_t deadline, struct qmp **out,
		struct err *err)
{
	int fd;
	int r = sock_connect_unix(loop, path, deadline, &fd, err);

	return r < 0 ? r : qmp_attach(loop, fd, path, deadline, out, err);
}

void qmp_close(struct qmp *qmp)
{
	if (!qmp)
		return;
	loop_unwatch(qmp->watch);
	close(qmp->fd);
	ndjson_clear(&qmp->in);
	outbuf_clear(&qmp->out);
	free(qmp->name);
	free(qmp->version);
	free(qmp);
}

void qmp_listen(struct qmp *qmp, struct qmp_listener *listener)
{
	listener->next = qmp->listeners;
	qmp->listeners = listener;
}

void qmp_unlisten(struct qmp *qmp, struct qmp_listener *listener)
{
	for (struct qmp_listener **at = &qmp->listeners; *at; at = &(*at)->next)
		if (*at == listener) {
			*at = listener->next;
			return;
		}
}

bool qmp_alive(const struct qmp *qmp)
{
	return qmp->ended.kind == ERR_NONE;
}

const char *qmp_version(const struct qmp *qmp)
{
	return qmp->version;
}

static int send_command(struct qmp *qmp, const char *command, json_t *args, json_int_t id,
			struct err *err)
{
	_cleanup_free_ char *line = NULL;
	json_t *message;
	size_t len;
	int r;

	message = args ? json_pack("{s:s,s:I,s:o}", "execute", command, "id", id, "arguments",
				   args) :
			 json_pack("{s:s,s:I}", "execute", command, "id", id);
	if (message)
		line = ndjson_encode(message, &len);
	json_decref(message);
	if (!line)
		return err_nomem(err);
	r = outbuf_add(&qmp->out, line, len, err);
	if (r < 0)
		return err_wrap(err, "%s: %s: QEMU reads nothing", qmp->name, command);
	qmp_write(qmp);
	return 0;
}

static bool answered(void *data)
{
	const struct qmp *qmp = data;

	return qmp->wait->reply || !qmp_alive(qmp);
}

/* What a reply says: its "return" or its "error". */
static int read_reply(const struct qmp *qmp, const char *command, json_t *reply, json_t **ret,
		      struct err *err)
{
	json_t *value = json_object_get(reply, "return");
	const char *desc;
	char text[ERR_MSG_SIZE];

	if (value) {
		if (ret)
			*ret = json_incref(value);
		return 0;
	}
	desc = json_string_value(json_object_get(json_object_get(reply, "error"), "desc"));
	if (!desc)
		return err_set(err, ERR_INTERNAL, EPROTO,
			       "%s: %s: an answer that is neither a return nor an error",
			       qmp->name, command);
	snprintf(text, sizeof(text), "%s", desc);
	str_make_printable(text);
	return err_set(err, ERR_INTERNAL, EREMOTEIO, "%s", text);
}

int qmp_command(struct qmp *qmp, const char *command, json_t *args, int64_t deadline,
		json_t **ret, struct err *err)
{
	struct qmp_wait wait = { .id = ++qmp->last_id };
	int r;

	assert(!qmp->wait);
	if (!qmp_alive(qmp)) {
		json_decref(args);
		return err_set(err, ERR_INTERNAL, EPIPE, "%s (before %s)", qmp->ended.msg,
			       command);
	}
	r = send_command(qmp, command, args, wait.id, err);
	if (r < 0)
		return r;
	qmp->wait = &wait;
	r = loop_run(qmp->loop, answered, qmp, deadline, err);
	qmp->wait = NULL;
	if (r == 0 && !wait.reply)
		r = err_set(err, ERR_INTERNAL, EPIPE, "%s (while %s was awaited)",
			    qmp->ended.msg, command);
	else if (r == 0)
		r = read_reply(qmp, command, wait.reply, ret, err);
	else if (r == -ETIMEDOUT)
		r = err_set(err, ERR_INTERNAL, ETIMEDOUT,
			    "%s: QEMU has not answered %s in time", qmp->name, command);
	json_decref(wait.reply);
	return r;
}
