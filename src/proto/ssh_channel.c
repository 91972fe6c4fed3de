/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A command on a connection. Its life: opened (a flow waits); open; its output has ended,
 * which is held back for a moment (GRACE_MS) as the exit status comes right after it, but
 * a half-close has none; ended; closing, when the owner has left and libssh2 still has
 * to say so to the server; freed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "proto/ssh_internal.h"

#define GRACE_MS 250

/* ---- output ---- */

/* Return: false when the owner does not want more now. */
static bool deliver(struct ssh_channel *channel, const char *bytes, size_t n)
{
	size_t taken = channel->fns.data ? channel->fns.data(channel->user, bytes, n) : n;

	if (taken >= n)
		return true;
	channel->refused = true;
	channel->held = malloc(n - taken);
	if (!channel->held) {
		ssh_fail(channel->ssh, ENOMEM, "out of memory");
		return false;
	}
	memcpy(channel->held, bytes + taken, n - taken);
	channel->held_at = 0;
	channel->held_len = n - taken;
	return false;
}

static bool deliver_held(struct ssh_channel *channel)
{
	const char *bytes = channel->held + channel->held_at;
	size_t taken;

	if (!channel->held)
		return true;
	taken = channel->fns.data(channel->user, bytes, channel->held_len);
	channel->held_at += taken;
	channel->held_len -= taken;
	if (channel->held_len) {
		channel->refused = true;
		return false;
	}
	free(channel->held);
	channel->held = NULL;
	return true;
}

/* One read.  Return: bytes, or 0 when there is nothing now. */
static size_t read_stream(struct ssh_channel *channel, int stream)
{
	struct ssh *ssh = channel->ssh;
	ssize_t n = libssh2_channel_read_ex(channel->lib, stream, ssh->buffer, SSH_READ_SIZE);

	if (n < 0 && n != LIBSSH2_ERROR_EAGAIN)
		ssh_fail_lib(ssh, "receive", (int)n);
	return n > 0 ? (size_t)n : 0;
}

static void pump_output(struct ssh_channel *channel)
{
	struct ssh *ssh = channel->ssh;
	size_t n;

	if (!channel->refused && deliver_held(channel))
		while (!ssh->dead && (n = read_stream(channel, 0)) > 0)
			if (!deliver(channel, ssh->buffer, n))
				break;
	while (!ssh->dead && (n = read_stream(channel, SSH_EXTENDED_DATA_STDERR)) > 0) {
		if (channel->fns.error_output)
			channel->fns.error_output(channel->user, ssh->buffer, n);
	}
}

/* ---- the end ---- */

static int exit_failure(struct ssh_channel *channel, struct err *why)
{
	char *name = NULL;
	int status;

	libssh2_channel_get_exit_signal(channel->lib, &name, NULL, NULL, NULL, NULL, NULL);
	if (name) {
		str_make_printable(name);
		err_set(why, ERR_REFUSED, EPIPE, "killed by signal %s", name);
		libssh2_free(channel->ssh->session, name);
		return -EPIPE;
	}
	status = libssh2_channel_get_exit_status(channel->lib);
	if (status)
		return err_set(why, ERR_REFUSED, EPIPE, "exit status %d", status);
	return 0;
}

static void tell_end(struct ssh_channel *channel, const struct err *why)
{
	channel->ended = true;
	loop_untimer(steal_ptr(channel->grace));
	if (channel->fns.end)
		channel->fns.end(channel->user, why);
}

static void on_grace(void *data)
{
	struct ssh_channel *channel = data;

	channel->grace_over = true;
	loop_untimer(steal_ptr(channel->grace));
	ssh_pump_soon(channel->ssh);
}

static void pump_end(struct ssh_channel *channel)
{
	struct ssh *ssh = channel->ssh;
	struct err why = ERR_INIT;

	if (!channel->gone && libssh2_channel_eof(channel->lib) == 1)
		channel->gone = libssh2_channel_wait_closed(channel->lib) == 0;
	if (channel->ended || channel->held || libssh2_channel_eof(channel->lib) != 1)
		return;
	if (channel->gone)
		tell_end(channel, exit_failure(channel, &why) < 0 ? &why : NULL);
	else if (channel->grace_over)
		tell_end(channel, NULL);
	else if (!channel->grace &&
		 loop_timer(ssh->loop, GRACE_MS, on_grace, channel, &channel->grace, NULL) < 0)
		ssh_fail(ssh, ENOMEM, "out of memory");
}

/* ---- input ---- */

/* Whether a packet may be made now; its channel's window, and the queue of all. */
static bool may_send(const struct ssh_channel *channel)
{
	return channel->ssh->out.len < SSH_QUEUE_MAX &&
	       libssh2_channel_window_write_ex(channel->lib, NULL) > 0;
}

/* Only forward: what libssh2 did not finish in a key exchange has to be offered again. */
static void send_pending(struct ssh_channel *channel)
{
	while (channel->pending_len && may_send(channel)) {
		ssize_t n = libssh2_channel_write_ex(channel->lib, 0, channel->pending,
						     channel->pending_len);

		if (n == 0 || n == LIBSSH2_ERROR_EAGAIN)
			return;
		if (n < 0) {
			ssh_fail_lib(channel->ssh, "send", (int)n);
			return;
		}
		channel->pending_len -= (size_t)n;
		memmove(channel->pending, channel->pending + n, channel->pending_len);
	}
}

/* Return: how many bytes there was room for, or -EPIPE. */
static ssize_t keep_pending(struct ssh_channel *channel, const char *bytes, size_t n)
{
	size_t room = SSH_PACKET_MAX - channel->pending_len;

	if (!channel->pending)
		channel->pending = malloc(SSH_PACKET_MAX);
	if (!channel->pending) {
		ssh_fail(channel->ssh, ENOMEM, "out of memory");
		return -EPIPE;
	}
	if (n > room)
		n = room;
	memcpy(channel->pending + channel->pending_len, bytes, n);
	channel->pending_len += n;
	return (ssize_t)n;
}

/* Return: how many bytes were taken, or -EPIPE. */
static ssize_t offer(struct ssh_channel *channel, const char *bytes, size_t n)
{
	size_t taken = 0;
	ssize_t kept;

	while (taken < n && !channel->pending_len && may_send(channel)) {
		size_t part = n - taken < SSH_PACKET_MAX ? n - taken : SSH_PACKET_MAX;
		ssize_t sent = libssh2_channel_write_ex(channel->lib, 0, bytes + taken, part);

		if (sent == 0 || sent == LIBSSH2_ERROR_EAGAIN)
			break; /* from here on these very bytes have to be offered again */
		if (sent < 0) {
			ssh_fail_lib(channel->ssh, "send", (int)sent);
			return -EPIPE;
		}
		taken += (size_t)sent;
	}
	if (taken == n)
		return (ssize_t)n;
	kept = keep_pending(channel, bytes + taken, n - taken);
	return kept < 0 ? kept : (ssize_t)taken + kept;
}

ssize_t ssh_channel_write(struct ssh_channel *channel, const char *bytes, size_t n)
{
	struct ssh *ssh = channel->ssh;
	ssize_t taken;

	if (ssh->dead || channel->gone || channel->eof_wanted)
		return -EPIPE;
	taken = offer(channel, bytes, n);
	if (taken >= 0 && (size_t)taken < n)
		channel->blocked = true;
	ssh_update_events(ssh);
	return taken;
}

static void pump_input(struct ssh_channel *channel)
{
	send_pending(channel);
	if (channel->eof_wanted && !channel->eof_sent && !channel->pending_len &&
	    !channel->ssh->dead) {
		int rc = libssh2_channel_send_eof(channel->lib);

		if (rc == 0)
			channel->eof_sent = true;
		else if (rc != LIBSSH2_ERROR_EAGAIN)
			ssh_fail_lib(channel->ssh, "send", rc);
	}
	if (channel->blocked && !channel->ssh->dead &&
	    (channel->gone || (!channel->pending_len && may_send(channel)))) {
		channel->blocked = false;
		if (channel->fns.writable)
			channel->fns.writable(channel->user);
	}
}

void ssh_channel_send_eof(struct ssh_channel *channel)
{
	channel->eof_wanted = true;
	ssh_pump_soon(channel->ssh);
}

void ssh_channel_resume(struct ssh_channel *channel)
{
	channel->refused = false;
	ssh_pump_soon(channel->ssh);
}

/* ---- birth and death ---- */

void ssh_channel_pump(struct ssh_channel *channel)
{
	struct ssh *ssh = channel->ssh;

	if (channel->closing) {
		if (!ssh->dead && libssh2_channel_free(channel->lib) == LIBSSH2_ERROR_EAGAIN)
			return;
		if (!ssh->dead)
			channel->lib = NULL;
		ssh_channel_free(channel);
		return;
	}
	if (!ssh->dead)
		pump_output(channel);
	if (!ssh->dead)
		pump_input(channel);
	if (!ssh->dead)
		pump_end(channel);
	if (ssh->dead && !channel->ended)
		tell_end(channel, &ssh->why);
}

void ssh_channel_free(struct ssh_channel *channel)
{
	struct ssh *ssh = channel->ssh;

	/* On a dead connection this cannot say EAGAIN: it sends and receives nothing. */
	if (channel->lib)
		libssh2_channel_free(channel->lib);
	TAILQ_REMOVE(&ssh->channels, channel, link);
	loop_untimer(channel->grace);
	free(channel->held);
	free(channel->pending);
	free(channel);
}

void ssh_channel_close(struct ssh_channel *channel)
{
	if (!channel)
		return;
	channel->closing = true;
	channel->ended = true;
	loop_untimer(steal_ptr(channel->grace));
	ssh_pump_soon(channel->ssh);
}

struct opening {
	struct ssh_channel *channel;
	const char *command;
};

static int step_open(struct ssh *ssh, void *arg)
{
	struct opening *opening = arg;

	opening->channel->lib =
		libssh2_channel_open_ex(ssh->session, "session", sizeof("session") - 1,
					SSH_WINDOW, LIBSSH2_CHANNEL_PACKET_DEFAULT, NULL, 0);
	return opening->channel->lib ? 0 : libssh2_session_last_errno(ssh->session);
}

static int step_exec(struct ssh *ssh, void *arg)
{
	struct opening *opening = arg;

	(void)ssh;
	return libssh2_channel_process_startup(opening->channel->lib, "exec", 4,
					       opening->command,
					       (unsigned int)strlen(opening->command));
}

static int run_step(struct ssh *ssh, ssh_step_fn *step, struct opening *opening,
		    const char *doing, int64_t deadline, struct err *err)
{
	int rc = 0, r = ssh_await(ssh, step, opening, deadline, &rc, err);

	if (r == 0 && rc == 0)
		return 0;
	if (r == -EPIPE)
		return r;
	if (r < 0)
		/* libssh2 has half a request, which every later one would run into. */
		ssh_fail(ssh, -r, "%s: given up", doing);
	else if (rc == LIBSSH2_ERROR_CHANNEL_FAILURE ||
		 rc == LIBSSH2_ERROR_CHANNEL_REQUEST_DENIED)
		ssh_fail(ssh, EPERM,
			 "%s: the server refuses it (look at its MaxSessions, ForceCommand "
			 "and the key's options in authorized_keys)",
			 doing);
	else
		ssh_fail_lib(ssh, doing, rc);
	if (r == 0) {
		if (err)
			*err = ssh->why;
		return -ssh->why.errnum;
	}
	return err_wrap(err, "%s: %s", ssh->name, doing);
}

int ssh_channel_open(struct ssh *ssh, const char *const *argv,
		     const struct ssh_channel_fns *fns, void *user, int64_t deadline,
		     struct ssh_channel **out, struct err *err)
{
	_cleanup_free_ char *command = NULL;
	struct ssh_channel *channel;
	struct opening opening = { 0 };
	int r = ssh_quote_argv(argv, &command, err);

	if (r < 0)
		return r;
	if (ssh->dead) {
		if (err)
			*err = ssh->why;
		return -EPIPE;
	}
	channel = calloc(1, sizeof(*channel));
	if (!channel)
		return err_nomem(err);
	channel->ssh = ssh;
	channel->fns = *fns;
	channel->user = user;
	opening.channel = channel;
	opening.command = command;
	r = run_step(ssh, step_open, &opening, "open a channel", deadline, err);
	if (r == 0)
		r = run_step(ssh, step_exec, &opening, "start the command", deadline, err);
	if (r < 0) {
		/* Its libssh2 half, if any, goes with the session. */
		free(channel);
		return r;
	}
	TAILQ_INSERT_TAIL(&ssh->channels, channel, link);
	ssh_pump_soon(ssh);
	ssh_update_events(ssh);
	*out = channel;
	return 0;
}
