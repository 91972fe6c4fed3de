/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * An agent behind a pair of fds.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "proto/agent_client.h"
#include "proto/sock.h"

#define LINK_READ_SIZE (64 * 1024)

struct fd_link {
	struct agent *agent;
	int in, out;
	struct loop_watch *in_watch, *out_watch;
};

static ssize_t fd_link_write(void *data, const char *bytes, size_t n)
{
	struct fd_link *link = data;
	ssize_t written = outbuf_write_fd(&link->out, bytes, n);

	loop_watch_events(link->out_watch, written >= 0 && (size_t)written < n ? POLLOUT : 0);
	return written;
}

static void fd_link_close(void *data)
{
	struct fd_link *link = data;

	loop_unwatch(link->in_watch);
	loop_unwatch(link->out_watch);
	close(link->in);
	if (link->out != link->in)
		close(link->out);
	free(link);
}

static void on_input(void *data, int fd, short revents)
{
	struct fd_link *link = data;
	struct err err = ERR_INIT;
	char bytes[LINK_READ_SIZE];
	ssize_t n = read(fd, bytes, sizeof(bytes));

	(void)revents;
	if (n > 0) {
		agent_link_data(link->agent, bytes, (size_t)n);
		return;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0)
		err_sys(&err, ERR_INTERNAL, errno, "read");
	loop_unwatch(steal_ptr(link->in_watch));
	agent_link_ended(link->agent, n < 0 ? &err : NULL);
}

static void on_output(void *data, int fd, short revents)
{
	struct fd_link *link = data;

	(void)fd;
	(void)revents;
	/* A write that is not complete asks for the next call; a lost agent writes no more. */
	loop_watch_events(link->out_watch, 0);
	agent_link_writable(link->agent);
}

static int fd_link_watch(struct fd_link *link, struct loop *loop, struct err *err)
{
	int r = sock_set_nonblock(link->in, true, NULL);

	if (r == 0)
		r = sock_set_nonblock(link->out, true, NULL);
	if (r < 0)
		return err_sys(err, ERR_INTERNAL, -r, "set the agent's fds non-blocking");
	r = loop_watch(loop, link->in, POLLIN, on_input, link, &link->in_watch, err);
	if (r == 0)
		r = loop_watch(loop, link->out, 0, on_output, link, &link->out_watch, err);
	return r;
}

int agent_attach_fds(struct loop *loop, int in, int out_fd, const char *host,
		     const struct agent_patience *patience, int64_t deadline,
		     struct agent **out, struct err *err)
{
	struct fd_link *link = calloc(1, sizeof(*link));
	struct agent *agent = NULL;
	int r;

	if (!link) {
		close(in);
		if (out_fd != in)
			close(out_fd);
		return err_nomem(err);
	}
	link->in = in;
	link->out = out_fd;
	r = agent_new(loop, host, &agent, err);
	if (r < 0) {
		fd_link_close(link);
		return r;
	}
	link->agent = agent;
	agent_set_link(agent, &(struct agent_link){ .write = fd_link_write,
						    .close = fd_link_close,
						    .data = link });
	r = fd_link_watch(link, loop, err);
	if (r == 0)
		r = agent_begin(agent, patience, deadline, err);
	if (r < 0) {
		agent_close(agent);
		return r;
	}
	*out = agent;
	return 0;
}
