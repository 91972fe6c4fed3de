/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The client of the operator's ssh-agent. Our own, as libssh2's blocks: an agent that
 * asks its user for a confirmation, or hangs, would stop the whole loop.
 * Source: draft-miller-ssh-agent (as OpenSSH's PROTOCOL.agent), sections 3 and 4.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "proto/ssh_internal.h"

#define REQUEST_IDENTITIES 11
#define IDENTITIES_ANSWER 12
#define SIGN_REQUEST 13
#define SIGN_RESPONSE 14
#define MESSAGE_MAX (256 * 1024)
#define IDENTITIES_MAX 256

struct ssh_keyagent {
	struct loop *loop;
	int fd;
	char *path;
	unsigned char *out; /* the request that is being sent */
	size_t out_len, out_sent;
	unsigned char *in; /* the answer, with its length */
	size_t in_len;
	int failed; /* negative errno */
};

void ssh_keyagent_close(struct ssh_keyagent *agent)
{
	if (!agent)
		return;
	if (agent->fd >= 0)
		close(agent->fd);
	free(agent->path);
	free(agent->out);
	free(agent->in);
	free(agent);
}

static void ssh_keyagent_closep(struct ssh_keyagent **agent)
{
	ssh_keyagent_close(*agent);
}

int ssh_keyagent_open(struct loop *loop, const char *path, struct ssh_keyagent **out,
		      struct err *err)
{
	_cleanup_(ssh_keyagent_closep) struct ssh_keyagent *agent = calloc(1, sizeof(*agent));
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	if (!agent)
		return err_nomem(err);
	agent->loop = loop;
	agent->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	agent->path = strdup(path);
	agent->in = malloc(4 + MESSAGE_MAX);
	if (!agent->path || !agent->in)
		return err_nomem(err);
	if (agent->fd < 0)
		return err_sys(err, ERR_INTERNAL, errno, "socket");
	if (strlen(path) >= sizeof(sa.sun_path))
		return err_set(err, ERR_REFUSED, ENAMETOOLONG,
			       "the agent's socket %s has a path of over 107 bytes", path);
	strcpy(sa.sun_path, path);
	if (connect(agent->fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return err_sys(err, ERR_REFUSED, errno, "connect to the agent %s", path);
	*out = steal_ptr(agent);
	return 0;
}

/* The length of the answer behind its length field; 0: not known yet. */
static size_t answer_length(const struct ssh_keyagent *agent)
{
	const unsigned char *at = agent->in;
	size_t left = agent->in_len;
	uint32_t n;

	return ssh_wire_u32(&at, &left, &n) ? n : 0;
}

static bool answer_complete(const struct ssh_keyagent *agent)
{
	return agent->in_len >= 4 && agent->in_len == 4 + answer_length(agent);
}

static void on_agent(void *data, int fd, short revents)
{
	struct ssh_keyagent *agent = data;
	ssize_t n;

	if (agent->out_sent < agent->out_len) {
		if (!(revents & (POLLOUT | POLLHUP | POLLERR)))
			return;
		n = send(fd, agent->out + agent->out_sent, agent->out_len - agent->out_sent,
			 MSG_NOSIGNAL);
		if (n > 0)
			agent->out_sent += (size_t)n;
	} else {
		size_t want = agent->in_len < 4 ? 4 : 4 + answer_length(agent);

		n = recv(fd, agent->in + agent->in_len, want - agent->in_len, 0);
		if (n > 0)
			agent->in_len += (size_t)n;
		if (n == 0)
			agent->failed = -ECONNRESET;
		if (agent->in_len >= 4 &&
		    (answer_length(agent) == 0 || answer_length(agent) > MESSAGE_MAX))
			agent->failed = -EBADMSG;
	}
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		agent->failed = -errno;
}

struct transaction {
	struct ssh_keyagent *agent;
	struct loop_watch *watch;
};

static bool transaction_done(void *data)
{
	struct transaction *t = data;

	loop_watch_events(t->watch, t->agent->out_sent < t->agent->out_len ? POLLOUT : POLLIN);
	return t->agent->failed || answer_complete(t->agent);
}

/* Sends agent->out and takes the answer, which must be of that type. at: behind the type. */
static int transact(struct ssh_keyagent *agent, unsigned char type, int64_t deadline,
		    const unsigned char **at, size_t *left, struct err *err)
{
	struct transaction t = { .agent = agent };
	int r;

	agent->in_len = agent->out_sent = 0;
	r = loop_watch(agent->loop, agent->fd, POLLOUT, on_agent, agent, &t.watch, err);
	if (r < 0)
		return r;
	r = loop_run(agent->loop, transaction_done, &t, deadline, err);
	loop_unwatch(t.watch);
	if (r < 0)
		return err_wrap(err, "ask the agent %s", agent->path);
	if (agent->failed)
		return err_sys(err, ERR_REFUSED, -agent->failed, "ask the agent %s",
			       agent->path);
	if (agent->in[4] != type)
		return err_set(err, ERR_REFUSED, EACCES, "the agent %s refuses", agent->path);
	*at = agent->in + 5;
	*left = agent->in_len - 5;
	return 0;
}

static unsigned char *put_u32(unsigned char *to, size_t value)
{
	*to++ = (unsigned char)(value >> 24);
	*to++ = (unsigned char)(value >> 16);
	*to++ = (unsigned char)(value >> 8);
	*to++ = (unsigned char)value;
	return to;
}

/* A request of n bytes behind its length.  Return: where the first goes; NULL: no memory. */
static unsigned char *new_request(struct ssh_keyagent *agent, size_t n)
{
	free(agent->out);
	agent->out = malloc(4 + n);
	if (!agent->out)
		return NULL;
	agent->out_len = 4 + n;
	return put_u32(agent->out, n);
}

void ssh_identities_free(struct ssh_identity *identities, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ssh_blob_clear(&identities[i].blob);
	free(identities);
}

static int take_identity(const unsigned char **at, size_t *left, struct ssh_identity *identity)
{
	const unsigned char *key, *comment;
	size_t n_key, n_comment;

	if (!ssh_wire_string(at, left, &key, &n_key) ||
	    !ssh_wire_string(at, left, &comment, &n_comment))
		return -EBADMSG;
	identity->blob.bytes = malloc(n_key + 1);
	if (!identity->blob.bytes)
		return -ENOMEM;
	memcpy(identity->blob.bytes, key, n_key);
	identity->blob.len = n_key;
	ssh_blob_type(&identity->blob, identity->type, sizeof(identity->type));
	snprintf(identity->comment, sizeof(identity->comment), "%.*s", (int)n_comment, comment);
	str_make_printable(identity->comment);
	return 0;
}

int ssh_keyagent_list(struct ssh_keyagent *agent, int64_t deadline, struct ssh_identity **out,
		      size_t *n, struct err *err)
{
	struct ssh_identity *identities;
	const unsigned char *at;
	unsigned char *to = new_request(agent, 1);
	size_t left;
	uint32_t count;
	int r;

	if (!to)
		return err_nomem(err);
	*to = REQUEST_IDENTITIES;
	r = transact(agent, IDENTITIES_ANSWER, deadline, &at, &left, err);
	if (r < 0)
		return r;
	if (!ssh_wire_u32(&at, &left, &count) || count > IDENTITIES_MAX)
		return err_set(err, ERR_REFUSED, EBADMSG, "the agent %s: not a list of keys",
			       agent->path);
	identities = calloc(count + 1, sizeof(*identities));
	if (!identities)
		return err_nomem(err);
	for (uint32_t i = 0; i < count; i++)
		if (take_identity(&at, &left, &identities[i]) < 0) {
			ssh_identities_free(identities, count);
			return err_set(err, ERR_REFUSED, EBADMSG,
				       "the agent %s: not a list of keys", agent->path);
		}
	*out = identities;
	*n = count;
	return 0;
}

int ssh_keyagent_sign(struct ssh_keyagent *agent, const struct ssh_blob *key,
		      const unsigned char *data, size_t len, int64_t deadline,
		      struct ssh_blob *signature, struct err *err)
{
	const unsigned char *at, *whole, *name, *bytes;
	size_t left, n_whole, n_name, n;
	unsigned char *to = new_request(agent, 1 + 4 + key->len + 4 + len + 4);
	int r;

	if (!to)
		return err_nomem(err);
	*to++ = SIGN_REQUEST;
	to = put_u32(to, key->len);
	to = mempcpy(to, key->bytes, key->len);
	to = put_u32(to, len);
	to = mempcpy(to, data, len);
	put_u32(to, 0); /* no flags */
	r = transact(agent, SIGN_RESPONSE, deadline, &at, &left, err);
	if (r < 0)
		return r;
	if (!ssh_wire_string(&at, &left, &whole, &n_whole) ||
	    !ssh_wire_string(&whole, &n_whole, &name, &n_name) ||
	    !ssh_wire_string(&whole, &n_whole, &bytes, &n))
		return err_set(err, ERR_REFUSED, EBADMSG, "the agent %s: not a signature",
			       agent->path);
	signature->bytes = malloc(n + 1);
	if (!signature->bytes)
		return err_nomem(err);
	memcpy(signature->bytes, bytes, n);
	signature->len = n;
	return 0;
}
