/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A connection's bytes: between the socket and libssh2. See ssh_internal.h for why
 * libssh2 does not get the socket itself.
 */
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "proto/ssh_internal.h"

/*
 * Beyond the channel data that SSH_QUEUE_MAX bounds there are only answers to the server:
 * one that asks on and on, and never reads, is not to fill the memory.
 */
#define OUT_LIMIT (SSH_QUEUE_MAX + 1024 * 1024)

/* In one go; then the loop's other handlers have their turn. */
#define INTAKE_MAX (1024 * 1024)

#define UNUSED_STREAM 0x7ffffff0 /* SSH has 0, standard output, and 1, standard error */

static pthread_once_t library_once = PTHREAD_ONCE_INIT;
static int library_rc;

static void library_start(void)
{
	library_rc = libssh2_init(0);
}

int ssh_library_init(struct err *err)
{
	pthread_once(&library_once, library_start);
	if (library_rc)
		return err_set(err, ERR_INTERNAL, EIO, "start libssh2: error %d", library_rc);
	return 0;
}

/* ---- failure ---- */

void ssh_fail(struct ssh *ssh, int errnum, const char *fmt, ...)
{
	char text[ERR_MSG_SIZE];
	va_list ap;

	if (ssh->dead)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	ssh->dead = true;
	err_set(&ssh->why, ERR_REFUSED, errnum, "%s", text);
	if (ssh->connected)
		err_wrap(&ssh->why, "%s", ssh->name);
	ssh_update_events(ssh);
	ssh_pump_soon(ssh);
}

void ssh_fail_lib(struct ssh *ssh, const char *doing, int rc)
{
	char *text = NULL;

	if (ssh->dead)
		return;
	libssh2_session_last_error(ssh->session, &text, NULL, 0);
	if (ssh->goodbye[0])
		ssh_fail(ssh, ECONNABORTED, "the server ended the connection: %s",
			 ssh->goodbye);
	else if (ssh->peer_closed)
		ssh_fail(ssh, ECONNRESET, "%s: the server closed the connection", doing);
	else if (ssh->io_errno == ETIMEDOUT)
		ssh_fail(ssh, ETIMEDOUT, "the connection is dead: no answer for %d s",
			 SSH_DEAD_AFTER_MS / 1000);
	else if (ssh->io_errno)
		ssh_fail(ssh, ssh->io_errno, "%s: %s", doing, strerrordesc_np(ssh->io_errno));
	else
		ssh_fail(ssh, EPROTO, "%s: %s (libssh2 error %d)", doing,
			 text && *text ? text : "no more is known", rc);
}

bool ssh_alive(const struct ssh *ssh, struct err *why)
{
	if (ssh->dead && why)
		*why = ssh->why;
	return !ssh->dead;
}

/* ---- libssh2's callbacks; they return a negative errno ---- */

static void *lib_alloc(size_t n, void **abstract)
{
	(void)abstract;
	return malloc(n);
}

static void *lib_realloc(void *p, size_t n, void **abstract)
{
	(void)abstract;
	return realloc(p, n);
}

static void lib_free(void *p, void **abstract)
{
	(void)abstract;
	free(p);
}

static int queue_append(struct ssh *ssh, const char *bytes, size_t n)
{
	if (n == 0)
		return 0;
	if (ssh->out.head && ssh->out.head + ssh->out.len + n > ssh->out.room) {
		memmove(ssh->out.bytes, ssh->out.bytes + ssh->out.head, ssh->out.len);
		ssh->out.head = 0;
	}
	if (ssh->out.len + n > OUT_LIMIT)
		return -ENOBUFS;
	if (ssh->out.len + n > ssh->out.room) {
		size_t room = 2 * (ssh->out.len + n);
		char *grown = realloc(ssh->out.bytes, room);

		if (!grown)
			return -ENOMEM;
		ssh->out.bytes = grown;
		ssh->out.room = room;
	}
	memcpy(ssh->out.bytes + ssh->out.head + ssh->out.len, bytes, n);
	ssh->out.len += n;
	return 0;
}

/* Return: what the socket took, 0 when it is full, or a negative errno. */
static ssize_t socket_send(struct ssh *ssh, const char *bytes, size_t n)
{
	ssize_t sent;

	do
		sent = send(ssh->fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent >= 0)
		return sent;
	if (errno == EAGAIN)
		return 0;
	ssh->io_errno = errno;
	return -errno;
}

static ssize_t lib_send(libssh2_socket_t fd, const void *bytes, size_t n, int flags,
			void **abstract)
{
	struct ssh *ssh = *abstract;
	ssize_t sent = 0;
	int r;

	(void)fd;
	(void)flags;
	if (ssh->dead)
		return -EPIPE;
	if (ssh->out.len == 0)
		sent = socket_send(ssh, bytes, n);
	if (sent < 0)
		return sent;
	r = queue_append(ssh, (const char *)bytes + sent, n - (size_t)sent);
	if (r < 0) {
		ssh->io_errno = -r;
		return r;
	}
	return (ssize_t)n;
}

static ssize_t lib_recv(libssh2_socket_t fd, void *bytes, size_t n, int flags, void **abstract)
{
	struct ssh *ssh = *abstract;
	ssize_t got;

	(void)fd;
	(void)flags;
	if (ssh->dead)
		return -EPIPE;
	if (!ssh->intake)
		return -EAGAIN;
	do
		got = recv(ssh->fd, bytes, n < ssh->intake ? n : ssh->intake, MSG_DONTWAIT);
	while (got < 0 && errno == EINTR);
	if (got > 0) {
		ssh->intake -= (size_t)got;
		ssh->heard_at = clock_ms();
		return got;
	}
	if (got == 0) {
		ssh->peer_closed = true;
		return -ECONNRESET;
	}
	if (errno != EAGAIN)
		ssh->io_errno = errno;
	return -errno;
}

static void lib_disconnect(LIBSSH2_SESSION *session, int reason, const char *message,
			   int message_len, const char *language, int language_len,
			   void **abstract)
{
	struct ssh *ssh = *abstract;

	(void)session;
	(void)language;
	(void)language_len;
	if (message && message_len > 0)
		snprintf(ssh->goodbye, sizeof(ssh->goodbye), "%.*s", message_len, message);
	else
		snprintf(ssh->goodbye, sizeof(ssh->goodbye), "reason %d", reason);
	str_make_printable(ssh->goodbye);
}

/* ---- the loop's side ---- */

void ssh_flush(struct ssh *ssh)
{
	while (ssh->out.len && !ssh->dead) {
		ssize_t n = socket_send(ssh, ssh->out.bytes + ssh->out.head, ssh->out.len);

		if (n < 0)
			ssh_fail_lib(ssh, "send", (int)n);
		if (n <= 0)
			return;
		ssh->out.head += (size_t)n;
		ssh->out.len -= (size_t)n;
	}
	if (!ssh->out.len)
		ssh->out.head = 0;
}

void ssh_update_events(struct ssh *ssh)
{
	short events;

	if (!ssh->watch)
		return;
	/*
	 * With no one to read for, only the end of the connection is looked at: input
	 * would be signalled over and over.
	 */
	events = ssh->awaiting || !TAILQ_EMPTY(&ssh->channels) ? POLLIN : POLLRDHUP;
	if (ssh->out.len)
		events |= POLLOUT;
	loop_watch_events(ssh->watch, ssh->dead ? 0 : events);
}

/*
 * Takes in what the socket has, for all channels: a read of a stream that nobody uses.
 * libssh2 sorts it into queues, which the channels' windows bound.
 *
 * Every read asks for the same size, and has to: libssh2 widens the window by a number that
 * it derives from the size, and makes that anew when it repeats itself after a key
 * exchange. With another size it would grant one number and note the other, and then cut
 * what comes beyond its own note, without a word.
 */
static int take_in(struct ssh *ssh)
{
	struct ssh_channel *any = TAILQ_FIRST(&ssh->channels);
	ssize_t n;

	if (!any || ssh->dead)
		return 0;
	ssh->intake = INTAKE_MAX;
	n = libssh2_channel_read_ex(any->lib, UNUSED_STREAM, ssh->buffer, SSH_READ_SIZE);
	ssh->intake = 0;
	return n < 0 && n != LIBSSH2_ERROR_EAGAIN ? (int)n : 0;
}

/*
 * Input first and in one go, then every channel: what one of them took in for another
 * that has had its turn, or a key exchange that it finished, would go unnoticed, as the
 * socket has nothing more to say.
 */
static void pump(struct ssh *ssh)
{
	struct ssh_channel *channel = TAILQ_FIRST(&ssh->channels);
	int rc = take_in(ssh);

	/* Another comes first next time: whoever does may fill the queue again at once. */
	if (channel) {
		TAILQ_REMOVE(&ssh->channels, channel, link);
		TAILQ_INSERT_TAIL(&ssh->channels, channel, link);
		channel = TAILQ_FIRST(&ssh->channels);
	}
	while (channel) {
		struct ssh_channel *next = TAILQ_NEXT(channel, link);

		ssh_channel_pump(channel);
		channel = next;
	}
	/* After the channels have had what came before it. */
	if (rc)
		ssh_fail_lib(ssh, "receive", rc);
	ssh_update_events(ssh);
}

static void on_again(void *data)
{
	struct ssh *ssh = data;

	loop_untimer(steal_ptr(ssh->again));
	pump(ssh);
}

void ssh_pump_soon(struct ssh *ssh)
{
	if (ssh->again)
		return;
	/* Out of memory: the next event of the socket does it as well, though later. */
	if (loop_timer(ssh->loop, 0, on_again, ssh, &ssh->again, NULL) < 0)
		ssh->again = NULL;
}

static void on_socket(void *data, int fd, short revents)
{
	struct ssh *ssh = data;

	(void)fd;
	if (revents & POLLOUT)
		ssh_flush(ssh);
	if (TAILQ_EMPTY(&ssh->channels) && !ssh->awaiting &&
	    revents & (POLLRDHUP | POLLHUP | POLLERR))
		ssh_fail(ssh, ECONNRESET, "the server closed the connection");
	pump(ssh);
}

struct await {
	struct ssh *ssh;
	ssh_step_fn *step;
	void *arg;
	int rc;
};

static bool await_done(void *data)
{
	struct await *await = data;
	struct ssh *ssh = await->ssh;

	if (!ssh->dead) {
		ssh->intake = INTAKE_MAX;
		await->rc = await->step(ssh, await->arg);
		ssh->intake = 0;
		/* It may have read what is meant for other channels. */
		if (!TAILQ_EMPTY(&ssh->channels))
			ssh_pump_soon(ssh);
		ssh_update_events(ssh);
	}
	return ssh->dead || await->rc != LIBSSH2_ERROR_EAGAIN;
}

int ssh_await(struct ssh *ssh, ssh_step_fn *step, void *arg, int64_t deadline, int *rc,
	      struct err *err)
{
	struct await await = { .ssh = ssh, .step = step, .arg = arg };
	int r;

	await.rc = LIBSSH2_ERROR_EAGAIN;
	ssh->awaiting = true;
	r = loop_run(ssh->loop, await_done, &await, deadline, err);
	ssh->awaiting = false;
	ssh_update_events(ssh);
	if (r < 0)
		return r;
	if (ssh->dead && await.rc == LIBSSH2_ERROR_EAGAIN) {
		if (err)
			*err = ssh->why;
		return -EPIPE;
	}
	*rc = await.rc;
	return 0;
}

/* ---- birth and death ---- */

static void ssh_closep(struct ssh **ssh)
{
	ssh_close(*ssh);
}

int ssh_transport_new(struct loop *loop, int fd, const char *name, struct ssh **out,
		      struct err *err)
{
	_cleanup_(ssh_closep) struct ssh *ssh = calloc(1, sizeof(*ssh));
	int r;

	if (!ssh) {
		close(fd);
		return err_nomem(err);
	}
	ssh->loop = loop;
	ssh->fd = fd;
	TAILQ_INIT(&ssh->channels);
	snprintf(ssh->name, sizeof(ssh->name), "%s", name);
	ssh->buffer = malloc(SSH_READ_SIZE);
	ssh->session = libssh2_session_init_ex(lib_alloc, lib_free, lib_realloc, ssh);
	if (!ssh->buffer || !ssh->session)
		return err_nomem(err);
	libssh2_session_set_blocking(ssh->session, 0);
	libssh2_session_callback_set(ssh->session, LIBSSH2_CALLBACK_SEND, (void *)lib_send);
	libssh2_session_callback_set(ssh->session, LIBSSH2_CALLBACK_RECV, (void *)lib_recv);
	libssh2_session_callback_set(ssh->session, LIBSSH2_CALLBACK_DISCONNECT,
				     (void *)lib_disconnect);
	r = loop_watch(loop, fd, POLLIN, on_socket, ssh, &ssh->watch, err);
	if (r < 0)
		return r;
	*out = steal_ptr(ssh);
	return 0;
}

void ssh_close(struct ssh *ssh)
{
	if (!ssh)
		return;
	if (ssh->session && !ssh->dead) {
		/* What the server does not take at once is not waited for. */
		libssh2_session_disconnect(ssh->session, "done");
		ssh_flush(ssh);
	}
	ssh->dead = true;
	while (!TAILQ_EMPTY(&ssh->channels))
		ssh_channel_free(TAILQ_FIRST(&ssh->channels));
	if (ssh->session)
		libssh2_session_free(ssh->session);
	loop_untimer(ssh->again);
	loop_untimer(ssh->keepalive);
	loop_unwatch(ssh->watch);
	if (ssh->fd >= 0)
		close(ssh->fd);
	free(ssh->out.bytes);
	free(ssh->buffer);
	free(ssh);
}
