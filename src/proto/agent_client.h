/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The near half of the agent protocol, apart from what carries its bytes. agent_open()
 * (agent_ssh.c) carries them by an SSH channel, agent_attach_fds() by a pair of fds.
 */
#ifndef VMFO_PROTO_AGENT_CLIENT_H
#define VMFO_PROTO_AGENT_CLIENT_H

#include "proto/agent.h"
#include "proto/outbuf.h"

struct agent_link {
	/*
	 * Of an outbuf_write_fn's kind. After it has taken too few, the link calls
	 * agent_link_writable() when it would take more.
	 */
	outbuf_write_fn *write;
	void (*close)(void *data); /* frees data, too */
	void *data;
};

/* When to ping, and when silence means death. */
struct agent_patience {
	int64_t ping_ms;
	int64_t dead_ms;
};

#define AGENT_PATIENCE                                                            \
	{                                                                         \
		.ping_ms = AGENT_PING_INTERVAL_MS, .dead_ms = AGENT_DEAD_AFTER_MS \
	}

/* An agent without a link. host: copied. */
int agent_new(struct loop *loop, const char *host, struct agent **out, struct err *err);

/* Gives it its link, which is the agent's from now on. */
void agent_set_link(struct agent *agent, const struct agent_link *link);

/* Awaits the hello, then watches over the peer. */
int agent_begin(struct agent *agent, const struct agent_patience *patience, int64_t deadline,
		struct err *err);

/*
 * What a link reports, from the loop. It has ended: the connection is lost (why), or in
 * good order (NULL). It has exited: the connection is good, but the agent's command failed
 * (how: its exit status, or its signal).
 */
void agent_link_data(struct agent *agent, const char *bytes, size_t n);
void agent_link_error_output(struct agent *agent, const char *bytes, size_t n);
void agent_link_writable(struct agent *agent);
void agent_link_ended(struct agent *agent, const struct err *why);
void agent_link_exited(struct agent *agent, const struct err *how);

/*
 * An agent at the other end of two fds, which may be one; both are taken over, on failure
 * too.
 */
int agent_attach_fds(struct loop *loop, int in, int out_fd, const char *host,
		     const struct agent_patience *patience, int64_t deadline,
		     struct agent **out, struct err *err);

#endif
