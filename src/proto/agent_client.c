/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proto/agent_client.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "proto/agent_wire.h"
#include "proto/ndjson.h"
#include "proto/tail.h"

#define AGENT_OUT_MAX (8 * 1024 * 1024)
#define AGENT_NARRATION_MAX 1024 /* bytes shown of a line of its standard error */

/* Its standard error may come after the end of its output; so long is waited for it. */
#define AGENT_LAST_WORDS_MS 300

/* The call whose answer is awaited. */
struct agent_wait {
	json_int_t id;
	json_t *answer;
};

struct agent {
	struct loop *loop;
	char *host;
	struct agent_link link;
	struct agent_hello_scan scan;
	json_t *hello; /* NULL until it was said */
	struct ndjson in;
	struct outbuf out;
	json_int_t last_id;
	struct agent_wait *wait; /* NULL: none */
	struct err lost;         /* why the connection is lost */
	bool ended_silently;     /* the agent did, before the hello; the connection is good */
	char exit[64];           /* how it exited then, "" if that is not known */
	struct agent_pulse pulse;
	struct loop_timer *timer;
	agent_event_fn *on_event;
	void *user;
	struct tail said; /* the end of its standard error */
};

static void agent_lose(struct agent *agent, const struct err *why)
{
	if (!agent_alive(agent, NULL))
		return;
	agent->lost = *why;
	loop_untimer(steal_ptr(agent->timer));
}

bool agent_alive(const struct agent *agent, struct err *why)
{
	if (agent->lost.kind == ERR_NONE)
		return true;
	if (why)
		*why = agent->lost;
	return false;
}

/* ---- what comes from the agent ---- */

static void take_message(struct agent *agent, json_t *message)
{
	const char *event = json_string_value(json_object_get(message, "event"));
	json_int_t id = json_integer_value(json_object_get(message, "id"));

	if (event) {
		if (agent->on_event)
			agent->on_event(agent->user, event, json_object_get(message, "data"));
		return;
	}
	/* Other ids are those of pings, and of calls that were given up. */
	if (agent->wait && !agent->wait->answer && id == agent->wait->id)
		agent->wait->answer = json_incref(message);
}

static void take_lines(struct agent *agent, const char *bytes, size_t n)
{
	struct err err = ERR_INIT;
	json_t *message;
	int r = ndjson_feed(&agent->in, bytes, n, &err);

	if (r == 0) {
		while ((r = ndjson_next(&agent->in, &message, &err)) > 0) {
			take_message(agent, message);
			json_decref(message);
		}
	}
	if (r < 0) {
		err_wrap(&err, "the agent on %s sent", agent->host);
		agent_lose(agent, &err);
	}
}

void agent_link_data(struct agent *agent, const char *bytes, size_t n)
{
	struct err err = ERR_INIT;
	const char *rest;
	size_t n_rest;
	int r;

	if (!agent_alive(agent, NULL))
		return;
	agent_pulse_heard(&agent->pulse, clock_ms());
	if (agent->hello) {
		take_lines(agent, bytes, n);
		return;
	}
	r = agent_hello_feed(&agent->scan, bytes, n, &agent->hello, &rest, &n_rest, &err);
	if (r > 0) {
		take_lines(agent, rest, n_rest);
		agent_hello_clear(&agent->scan);
	} else if (r < 0) {
		err_wrap(&err, "%s", agent->host);
		agent_lose(agent, &err);
	}
}

void agent_link_error_output(struct agent *agent, const char *bytes, size_t n)
{
	char line[AGENT_NARRATION_MAX];

	agent_pulse_heard(&agent->pulse, clock_ms());
	tail_add(&agent->said, bytes, n);
	for (const char *end = bytes + n; bytes < end; bytes++) {
		const char *newline = memchr(bytes, '\n', (size_t)(end - bytes));
		int len = (int)((newline ? newline : end) - bytes);

		snprintf(line, sizeof(line), "%.*s", len, bytes);
		str_make_printable(line);
		log_debug("%s: %s", agent->host, line);
		bytes += len;
	}
}

static void lose_by_end(struct agent *agent)
{
	struct err err = ERR_INIT;

	agent->ended_silently = !agent->hello;
	err_set(&err, ERR_INTERNAL, EPIPE, "the agent on %s has ended%s%s%s", agent->host,
		agent->exit, agent->said.len ? ", its last words: " : "", agent->said.text);
	agent_lose(agent, &err);
}

void agent_link_ended(struct agent *agent, const struct err *why)
{
	struct err err = ERR_INIT;

	if (!agent_alive(agent, NULL))
		return;
	if (why) {
		err_set(&err, why->kind, EPIPE, "the connection to %s is lost: %s", agent->host,
			why->msg);
		agent_lose(agent, &err);
	} else {
		lose_by_end(agent);
	}
}

void agent_link_exited(struct agent *agent, const struct err *how)
{
	if (!agent_alive(agent, NULL))
		return;
	snprintf(agent->exit, sizeof(agent->exit), " (%.60s)", how->msg);
	lose_by_end(agent);
}

/* ---- what goes to it ---- */

void agent_link_writable(struct agent *agent)
{
	struct err err = ERR_INIT;
	int r;

	if (!agent_alive(agent, NULL))
		return;
	r = outbuf_flush(&agent->out, agent->link.write, agent->link.data);
	if (r < 0) {
		err_sys(&err, ERR_INTERNAL, -r, "the connection to %s is lost: write",
			agent->host);
		err.errnum = EPIPE;
		agent_lose(agent, &err);
	}
}

static int send_request(struct agent *agent, json_int_t id, const char *op, json_t *params,
			struct err *err)
{
	_cleanup_free_ char *line = NULL;
	json_t *message;
	size_t len;
	int r;

	message = params ? json_pack("{s:I,s:s,s:o}", "id", id, "op", op, "params", params) :
			   json_pack("{s:I,s:s}", "id", id, "op", op);
	if (message)
		line = ndjson_encode(message, &len);
	json_decref(message);
	if (!line)
		return err_nomem(err);
	r = outbuf_add(&agent->out, line, len, err);
	if (r < 0)
		return err_wrap(err, "send %s to %s", op, agent->host);
	agent_link_writable(agent);
	return 0;
}

static void on_tick(void *data)
{
	struct agent *agent = data;
	int64_t now = clock_ms();
	struct err err = ERR_INIT;

	switch (agent_pulse_tick(&agent->pulse, now)) {
	case AGENT_BEAT_NONE:
		break;
	case AGENT_BEAT_PING:
		/* The answer's id is nobody's; that it comes is what counts. */
		if (send_request(agent, ++agent->last_id, "ping", NULL, &err) < 0)
			agent_lose(agent, &err);
		break;
	case AGENT_BEAT_DEAD:
		err_set(&err, ERR_INTERNAL, EPIPE, "%s is silent since %lld s", agent->host,
			(long long)(now - agent->pulse.last_heard) / 1000);
		agent_lose(agent, &err);
		break;
	}
}

/* ---- its life ---- */

int agent_new(struct loop *loop, const char *host, struct agent **out, struct err *err)
{
	struct agent *agent = calloc(1, sizeof(*agent));

	if (!agent)
		return err_nomem(err);
	agent->loop = loop;
	agent->host = strdup(host);
	if (!agent->host) {
		free(agent);
		return err_nomem(err);
	}
	ndjson_init(&agent->in, AGENT_LINE_MAX);
	outbuf_init(&agent->out, AGENT_OUT_MAX);
	*out = agent;
	return 0;
}

void agent_set_link(struct agent *agent, const struct agent_link *link)
{
	agent->link = *link;
}

static bool hello_said(void *data)
{
	const struct agent *agent = data;

	return agent->hello || !agent_alive(agent, NULL);
}

static bool anything_said(void *data)
{
	const struct agent *agent = data;

	return agent->said.len > 0;
}

/* An agent that ended without a hello is, as a rule, a program that is not there. */
static int explain_no_agent(struct agent *agent, struct err *err)
{
	int r = loop_run(agent->loop, anything_said, agent, deadline_in(AGENT_LAST_WORDS_MS),
			 err);

	if (r < 0 && r != -ETIMEDOUT)
		return r;
	return err_set(
		err, ERR_REFUSED, ENOENT,
		"no vmfo on %s: its command ended%s without a hello%s%s%s; install vmfo there "
		"or set agent_command in host.json",
		agent->host, agent->exit, agent->said.len ? " and said \"" : "",
		agent->said.text, agent->said.len ? "\"" : "");
}

int agent_begin(struct agent *agent, const struct agent_patience *patience, int64_t deadline,
		struct err *err)
{
	int r = loop_run(agent->loop, hello_said, agent, deadline, err);

	if (r == -ETIMEDOUT)
		return err_set(err, ERR_REFUSED, ETIME,
			       "%s: no hello from its vmfo agent in time%s%s", agent->host,
			       agent->said.len ? "; it said: " : "", agent->said.text);
	if (r < 0)
		return err_wrap(err, "%s: await the hello", agent->host);
	if (agent->ended_silently)
		return explain_no_agent(agent, err);
	/* One of another protocol may have ended after its hello: that is why. */
	r = agent->hello ? agent_hello_check(agent->hello, agent->host, err) : 0;
	if (r == 0 && !agent_alive(agent, NULL))
		r = err_set(err, ERR_REFUSED, agent->lost.errnum, "%s", agent->lost.msg);
	if (r < 0)
		return r;
	agent_pulse_start(&agent->pulse, patience->ping_ms, patience->dead_ms, clock_ms());
	return loop_timer(agent->loop, agent->pulse.tick_ms, on_tick, agent, &agent->timer,
			  err);
}

void agent_close(struct agent *agent)
{
	if (!agent)
		return;
	loop_untimer(agent->timer);
	if (agent->link.close)
		agent->link.close(agent->link.data);
	agent_hello_clear(&agent->scan);
	json_decref(agent->hello);
	ndjson_clear(&agent->in);
	outbuf_clear(&agent->out);
	free(agent->host);
	free(agent);
}

void agent_on_event(struct agent *agent, agent_event_fn *fn, void *user)
{
	agent->on_event = fn;
	agent->user = user;
}

const json_t *agent_hello(const struct agent *agent)
{
	return agent->hello;
}

/* ---- calls ---- */

static bool answered(void *data)
{
	const struct agent *agent = data;

	return agent->wait->answer || !agent_alive(agent, NULL);
}

static int read_answer(const struct agent *agent, const char *op, const json_t *answer,
		       json_t **result, struct err *err)
{
	json_t *value = json_object_get(answer, "result");
	const json_t *error = json_object_get(answer, "error");

	if (json_is_object(error))
		return agent_error_decode(error, err);
	if (!value)
		return err_set(err, ERR_INTERNAL, EPROTO,
			       "%s answered %s with neither a result nor an error", agent->host,
			       op);
	if (result)
		*result = json_incref(value);
	return 0;
}

int agent_call(struct agent *agent, const char *op, json_t *params, int64_t deadline,
	       json_t **result, struct err *err)
{
	struct agent_wait wait = { .id = ++agent->last_id };
	int r;

	assert(!agent->wait);
	if (!agent_alive(agent, NULL)) {
		json_decref(params);
		return err_set(err, ERR_INTERNAL, EPIPE, "%s (before %s)", agent->lost.msg, op);
	}
	r = send_request(agent, wait.id, op, params, err);
	if (r < 0)
		return r;
	agent->wait = &wait;
	r = loop_run(agent->loop, answered, agent, deadline, err);
	agent->wait = NULL;
	if (r == 0 && !wait.answer)
		r = err_set(err, ERR_INTERNAL, EPIPE, "%s (while %s was awaited)",
			    agent->lost.msg, op);
	else if (r == 0)
		r = read_answer(agent, op, wait.answer, result, err);
	else if (r == -ETIMEDOUT)
		r = err_set(err, ERR_INTERNAL, ETIMEDOUT, "%s has not answered %s in time",
			    agent->host, op);
	json_decref(wait.answer);
	return r;
}
