/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The agent protocol: newline-delimited JSON between a vmfo and the `vmfo agent` that
 * it started on a far host, over that process's standard input and output.
 *
 *   agent:  {"vmfo":"agent","protocol":1,"version":"0.1.0","host":NAME,"boot_id":…}
 *   client: {"id":7,"op":"start","params":{…}}
 *   agent:  {"id":7,"result":{…}}
 *        or {"id":7,"error":{"kind":"refused","errno":17,"message":…}}
 *   agent:  {"event":"warning","data":{…}}            at any time
 *
 * Requests are served one after another; `ping` is answered at once, also while another
 * is being served, which is how a dead peer is told from a busy one. What precedes the
 * hello on the agent's output (a login shell's noise) is skipped, up to 64 KiB.
 */
#ifndef VMFO_PROTO_AGENT_H
#define VMFO_PROTO_AGENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "io/loop.h"
#include "proto/ssh.h"

#define AGENT_PROTOCOL 1
#define AGENT_NOISE_MAX (64 * 1024)
#define AGENT_LINE_MAX (4 * 1024 * 1024)
#define AGENT_PING_INTERVAL_MS 3000
#define AGENT_DEAD_AFTER_MS 12000 /* without a byte from the peer */
/* The far half is more patient: a client that lives pings all the time. */
#define AGENT_CLIENT_DEAD_AFTER_MS 30000

/* ---- the near half ---- */

struct agent;
typedef void agent_event_fn(void *user, const char *event, const json_t *data);

struct agent_spec {
	const char *host; /* as the operator named it: for messages */
	const struct ssh_config *ssh;
	const char *const *command; /* argv there, NULL-terminated */
};

/*
 * Connects, starts the agent and awaits its hello.
 * Errors (all ERR_REFUSED): those of ssh_connect(); ENOENT: no agent there (the message
 * quotes its standard error), ETIME and EBADMSG: none that says its hello; EPERM: sshd
 * runs no command; EPROTOTYPE: another protocol version, naming both.
 */
int agent_open(struct loop *loop, const struct agent_spec *spec, int64_t deadline,
	       struct agent **out, struct err *err);

void agent_on_event(struct agent *agent, agent_event_fn *fn, void *user);

/*
 * Asks and waits for the answer, serving the loop. params: stolen, may be NULL.
 * result: a new reference; may be NULL.
 * Errors: what the agent answered, with its kind, errno and message; -EPIPE when the
 * connection was lost, before or while waiting; -ETIMEDOUT; -ECANCELED.
 */
int agent_call(struct agent *agent, const char *op, json_t *params, int64_t deadline,
	       json_t **result, struct err *err);

/* False once the connection is lost; why: set then (may be NULL). */
bool agent_alive(const struct agent *agent, struct err *why);

const json_t *agent_hello(const struct agent *agent); /* borrowed */

void agent_close(struct agent *agent); /* takes NULL */

/* ---- the far half ---- */

struct agent_server;

struct agent_op {
	const char *name;
	/* params: borrowed, an object. result: a new reference, or NULL for {}. */
	int (*run)(void *ctx, const json_t *params, json_t **result, struct err *err);
};

/*
 * Says hello (hello: members beside "vmfo" and "protocol", borrowed) and serves
 * requests until the input ends or the loop is cancelled. ctx: for the ops.
 * Return: 0 at the end of input, and after an op that was broken off (which cancels the
 * loop) once no request is left; the caller then undoes what it has to.
 */
int agent_serve(struct loop *loop, int in_fd, int out_fd, const json_t *hello,
		const struct agent_op *ops, size_t n_ops, void *ctx, struct agent_server **self,
		struct err *err);

/* Sends an event from within an op; data: stolen. */
void agent_server_event(struct agent_server *server, const char *event, json_t *data);

/*
 * From now until the running op ends: as soon as nobody waits for it any more (the next
 * request comes, or the input ends) the loop is cancelled, and so is the op.
 */
void agent_server_breakable(struct agent_server *server);

/* Whether the input has ended: an op that waits for long asks this. */
bool agent_server_peer_gone(const struct agent_server *server);

#endif
