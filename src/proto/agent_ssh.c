/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * An agent behind an SSH channel.
 */
#include <errno.h>
#include <stdlib.h>

#include "proto/agent_client.h"

struct ssh_link {
	struct agent *agent;
	struct ssh *ssh;
	struct ssh_channel *channel;
};

static ssize_t ssh_link_write(void *data, const char *bytes, size_t n)
{
	struct ssh_link *link = data;

	return ssh_channel_write(link->channel, bytes, n);
}

static void ssh_link_close(void *data)
{
	struct ssh_link *link = data;

	ssh_channel_close(link->channel);
	ssh_close(link->ssh);
	free(link);
}

static size_t on_data(void *user, const char *bytes, size_t n)
{
	struct ssh_link *link = user;

	agent_link_data(link->agent, bytes, n);
	return n;
}

static void on_error_output(void *user, const char *bytes, size_t n)
{
	struct ssh_link *link = user;

	agent_link_error_output(link->agent, bytes, n);
}

static void on_writable(void *user)
{
	struct ssh_link *link = user;

	agent_link_writable(link->agent);
}

static void on_end(void *user, const struct err *why)
{
	struct ssh_link *link = user;

	if (why && ssh_alive(link->ssh, NULL))
		agent_link_exited(link->agent, why);
	else
		agent_link_ended(link->agent, why);
}

static const struct ssh_channel_fns channel_fns = {
	.data = on_data,
	.error_output = on_error_output,
	.writable = on_writable,
	.end = on_end,
};

int agent_open(struct loop *loop, const struct agent_spec *spec, int64_t deadline,
	       struct agent **out, struct err *err)
{
	const struct agent_patience patience = AGENT_PATIENCE;
	struct ssh_link *link = calloc(1, sizeof(*link));
	struct agent *agent = NULL;
	int r;

	if (!link)
		return err_nomem(err);
	r = agent_new(loop, spec->host, &agent, err);
	if (r < 0) {
		free(link);
		return r;
	}
	link->agent = agent;
	agent_set_link(agent, &(struct agent_link){ .write = ssh_link_write,
						    .close = ssh_link_close,
						    .data = link });
	r = ssh_connect(loop, spec->ssh, deadline, &link->ssh, err);
	if (r == 0)
		r = ssh_channel_open(link->ssh, spec->command, &channel_fns, link, deadline,
				     &link->channel, err);
	if (r == 0)
		r = agent_begin(agent, &patience, deadline, err);
	if (r < 0) {
		agent_close(agent);
		return r;
	}
	*out = agent;
	return 0;
}
