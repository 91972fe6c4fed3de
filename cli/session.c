/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session.h"

#include <errno.h>

#include "base/str.h"
#include "render.h"

static void on_report(void *user, const struct report_event *event)
{
	struct session *session = user;
	json_t *object = NULL;

	progress_show(&session->progress, event);
	for (size_t i = 0; i < ARRAY_SIZE(session->events); i++) {
		if (session->events[i].fd < 0)
			continue;
		if (!object)
			object = report_event_json(event);
		if (object)
			events_put(&session->events[i], object, event->kind == REPORT_PROGRESS);
	}
	json_decref(object);
}

static void close_all(struct session *session)
{
	progress_end(&session->progress);
	for (size_t i = 0; i < ARRAY_SIZE(session->events); i++)
		events_close(&session->events[i]);
	if (session->env.loop)
		flow_env_close(&session->env);
}

int session_open(struct session *session, const struct invocation *call,
		 const char *events_file, int progress_fd, struct err *err)
{
	int r = 0;

	*session = (struct session){
		.call = call,
		.report = { .fn = on_report, .user = session },
		.events = { EVENTS_INIT, EVENTS_INIT },
	};
	progress_init(&session->progress);
	if (progress_fd >= 0)
		r = events_attach(&session->events[1], progress_fd, err);
	if (r == 0)
		r = flow_env_open(&session->env, &session->report, err);
	if (r == 0)
		r = loop_catch_signals(session->env.loop, err);
	/* Last, so that a file is not emptied by a call that does nothing. */
	if (r == 0 && events_file)
		r = events_open(&session->events[0], events_file, err);
	if (r < 0)
		close_all(session);
	return r;
}

/* The last event: what became of it all. */
static void put_result(struct session *session, json_t *result)
{
	json_t *event = json_pack("{ss sO}", "event", "result", "result", result);

	for (size_t i = 0; event && i < ARRAY_SIZE(session->events); i++)
		events_put(&session->events[i], event, false);
	json_decref(event);
}

int session_end(struct session *session, int r, struct result *result, bool json,
		session_text_fn *text, struct err *err)
{
	bool made = result->schema; /* false: it failed before the flow began */
	int status = 0;

	progress_end(&session->progress);
	if (made) {
		json_t *object = result_json(result);

		put_result(session, object);
		if (json)
			status = render_json(object) < 0 ? ERR_INTERNAL : 0;
		else if (result->outcome != OUTCOME_REFUSED)
			/* Of what was refused there is nothing to tell but why. */
			text(result);
		json_decref(object);
	}
	close_all(session);
	/* A flow may also end in something else than what was asked for, as "degraded". */
	if (r == 0 && result->status != ERR_NONE)
		r = err_set(err, result->status, EIO, "%s: %s", result->vm,
			    result->reason ?: outcome_name(result->outcome));
	if (r < 0)
		status = command_fail(session->call, err);
	result_clear(result);
	return status;
}
