/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The far half: a process of its own, between sshd and the target QEMU.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "proto/tunnel_internal.h"

#define LINE_MAX_BYTES 4096
#define NAME_MAX_BYTES 64

/* One direction. */
struct flow {
	int from, to;
	char *buffer;
	size_t start, len;
	bool ended;  /* from has no more */
	bool closed; /* and to has been told */
};

/* Fills and empties, once each.  Return: 0 or a negative errno of either side. */
static int flow_step(struct flow *flow, short from_events, short to_events)
{
	ssize_t n;

	if (!flow->ended && !flow->len && from_events & (POLLIN | POLLHUP | POLLERR)) {
		n = read(flow->from, flow->buffer, TUNNEL_BUFFER);
		if (n > 0) {
			flow->start = 0;
			flow->len = (size_t)n;
			/* As a rule there is room: it saves a poll. */
			to_events |= POLLOUT;
		} else if (n == 0) {
			flow->ended = true;
		} else if (errno != EAGAIN && errno != EINTR) {
			return -errno;
		}
	}
	if (flow->len && to_events & (POLLOUT | POLLHUP | POLLERR)) {
		n = write(flow->to, flow->buffer + flow->start, flow->len);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (n > 0) {
			flow->start += (size_t)n;
			flow->len -= (size_t)n;
		}
	}
	return 0;
}

static bool flow_done(const struct flow *flow)
{
	return flow->ended && !flow->len;
}

/*
 * sshd passes the end of a command's output on when its standard output and its standard
 * error have both ended. They are sockets as a rule, which a login shell may hold as
 * well: hence shutdown(), whereas pipes have to be closed.
 */
static void end_output(int out_fd)
{
	int null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	shutdown(out_fd, SHUT_WR);
	shutdown(STDERR_FILENO, SHUT_WR);
	if (null_fd < 0)
		return;
	dup2(null_fd, out_fd);
	dup2(null_fd, STDERR_FILENO);
	close(null_fd);
}

/* Until QEMU has left, or both directions have ended. */
static int join(int in_fd, int out_fd, int sock, struct flow *up, struct flow *down,
		struct err *err)
{
	int r;

	while (!flow_done(up) || !flow_done(down)) {
		struct pollfd fds[3] = { { .fd = in_fd }, { .fd = out_fd }, { .fd = sock } };

		if (!up->ended && !up->len)
			fds[0].events |= POLLIN;
		if (up->len)
			fds[2].events |= POLLOUT;
		if (!down->ended && !down->len)
			fds[2].events |= POLLIN;
		if (down->len)
			fds[1].events |= POLLOUT;
		/* Where nothing is wanted, a hang-up would be reported over and over. */
		if (!fds[0].events)
			fds[0].fd = -1;
		if (!fds[2].events)
			fds[2].fd = -1;
		if (down->closed)
			fds[1].fd = -1;
		if (poll(fds, 3, -1) < 0) {
			if (errno == EINTR)
				continue;
			return err_sys(err, ERR_INTERNAL, errno, "poll");
		}
		r = flow_step(up, fds[0].revents, fds[2].revents);
		if (r < 0)
			return err_sys(err, ERR_REFUSED, -r,
				       "write to QEMU's migration socket");
		r = flow_step(down, fds[2].revents, fds[1].revents);
		if (r < 0)
			return err_sys(err, ERR_REFUSED, -r,
				       "read from QEMU's migration socket");
		/*
		 * sshd has gone, or has closed the channel. What is still here is of no use: a
		 * migration's last word is the target's.
		 */
		if (fds[1].fd >= 0 && fds[1].revents & (POLLERR | POLLHUP))
			return err_set(err, ERR_REFUSED, EPIPE, "the SSH connection was lost");
		if (flow_done(up) && !up->closed) {
			up->closed = true;
			shutdown(sock, SHUT_WR);
		}
		if (flow_done(down) && !down->closed) {
			down->closed = true;
			/* QEMU has closed altogether: it will take no more either. */
			if (fds[2].revents & POLLHUP)
				return up->len ?
					       err_set(err, ERR_REFUSED, EPIPE,
						       "QEMU closed its migration socket early") :
					       0;
			end_output(out_fd);
		}
	}
	return 0;
}

/* ---- the lines in front ---- */

static int read_line(int fd, char *buffer, size_t *len, size_t *line, struct err *err)
{
	*len = 0;
	for (;;) {
		ssize_t n = read(fd, buffer + *len, LINE_MAX_BYTES - *len);
		const char *end;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, ERR_INTERNAL, errno,
				       "read the stream's first line");
		if (n == 0)
			return err_set(err, ERR_REFUSED, EPIPE,
				       "the input ended before the stream's first line");
		*len += (size_t)n;
		end = memchr(buffer, '\n', *len);
		if (end) {
			*line = (size_t)(end - buffer) + 1;
			return 0;
		}
		if (*len == LINE_MAX_BYTES)
			return err_set(err, ERR_REFUSED, EPROTO,
				       "the stream's first line is longer than %d bytes",
				       LINE_MAX_BYTES);
	}
}

/* As strict as is needed for a name that becomes part of a path. */
static int check_name(const char *name, struct err *err)
{
	if (!*name || *name == '-' || *name == '.' || strchr(name, '/') ||
	    strlen(name) > NAME_MAX_BYTES)
		return err_set(err, ERR_REFUSED, EINVAL,
			       "the stream's first line names no VM that could exist");
	return 0;
}

static int connect_qemu(const char *rundir, const char *vm, int *out, struct err *err)
{
	_cleanup_free_ char *path = str_printf("%s/%s/incoming.sock", rundir, vm);
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = -1;

	if (!path)
		return err_nomem(err);
	if (strlen(path) >= sizeof(sa.sun_path))
		return err_set(err, ERR_REFUSED, ENAMETOOLONG,
			       "%s is a path of over 107 bytes, which no socket can have",
			       path);
	strcpy(sa.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_sys(err, ERR_INTERNAL, errno, "socket");
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return err_sys(err, ERR_REFUSED, errno,
			       "connect to %s, where the target QEMU of VM %s should await it",
			       path, vm);
	*out = steal_fd(&fd);
	return 0;
}

/* Takes the first line, and connects to the QEMU that it asks for. */
static int begin(int in_fd, const char *rundir, char *buffer, size_t *len, size_t *line,
		 int *sock, struct err *err)
{
	const char *schema, *vm;
	json_t *root;
	int r = read_line(in_fd, buffer, len, line, err);

	if (r < 0)
		return r;
	root = json_loadb(buffer, *line, JSON_REJECT_DUPLICATES, NULL);
	schema = json_string_value(json_object_get(root, "schema"));
	vm = json_string_value(json_object_get(root, "vm"));
	if (!schema || !vm || !str_eq(schema, TUNNEL_SCHEMA))
		r = err_set(err, ERR_REFUSED, EPROTO,
			    "the stream's first line is not of schema " TUNNEL_SCHEMA
			    ": is this the same vmfo on both hosts?");
	if (r == 0)
		r = check_name(vm, err);
	if (r == 0)
		r = connect_qemu(rundir, vm, sock, err);
	json_decref(root);
	return r;
}

static int answer(int out_fd, const struct err *why)
{
	json_t *root = why ? json_pack("{s:b, s:s}", "ok", 0, "message", why->msg) :
			     json_pack("{s:b}", "ok", 1);
	_cleanup_free_ char *text = root ? json_dumps(root, JSON_COMPACT) : NULL;
	_cleanup_free_ char *line = text ? str_printf("%s\n", text) : NULL;
	size_t n = line ? strlen(line) : 0;

	json_decref(root);
	/* One that small is never taken in part, by a pipe or a socket. */
	return line && write(out_fd, line, n) == (ssize_t)n ? 0 : -EPIPE;
}

static int set_nonblocking(int fd, struct err *err)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return err_sys(err, ERR_INTERNAL, errno, "make fd %d non-blocking", fd);
	return 0;
}

int tunnel_serve(int in_fd, int out_fd, const char *rundir, struct err *err)
{
	_cleanup_free_ char *up_buffer = malloc(TUNNEL_BUFFER);
	_cleanup_free_ char *down_buffer = malloc(TUNNEL_BUFFER);
	struct err why = ERR_INIT;
	_cleanup_close_ int sock = -1;
	struct flow up, down;
	size_t len = 0, line = 0;
	int r;

	if (!up_buffer || !down_buffer)
		return err_nomem(err);
	/* This process has no other work: a lost peer is an error of write(), no signal. */
	signal(SIGPIPE, SIG_IGN);
	r = begin(in_fd, rundir, up_buffer, &len, &line, &sock, &why);
	if (r < 0) {
		answer(out_fd, &why);
		if (err)
			*err = why;
		return r;
	}
	if (answer(out_fd, NULL) < 0)
		return err_set(err, ERR_REFUSED, EPIPE, "the SSH connection was lost");
	up = (struct flow){
		.from = in_fd, .to = sock, .buffer = up_buffer, .start = line, .len = len - line
	};
	down = (struct flow){ .from = sock, .to = out_fd, .buffer = down_buffer };
	r = set_nonblocking(in_fd, err);
	if (r == 0)
		r = set_nonblocking(out_fd, err);
	if (r == 0)
		r = set_nonblocking(sock, err);
	return r < 0 ? r : join(in_fd, out_fd, sock, &up, &down, err);
}
