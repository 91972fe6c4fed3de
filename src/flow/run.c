/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/run.h"

#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"

int run_begin(struct flow_run *run, struct flow_env *env, const char *schema, const char *vm,
	      struct result *result, struct err *err)
{
	*run = (struct flow_run){ .env = env, .result = result, .started = clock_ms() };
	*result = (struct result){
		.schema = schema, .vm = strdup(vm), .downtime_ms = -1, .transferred_bytes = -1
	};
	return result->vm ? 0 : err_nomem(err);
}

int64_t run_elapsed_ms(const struct flow_run *run)
{
	return clock_ms() - run->started;
}

static void tell(struct flow_run *run, struct report_event *event)
{
	struct report *report = run->env->report;

	event->vm = run->result->vm;
	event->phase = run->phase;
	event->elapsed_ms = run_elapsed_ms(run);
	if (report)
		report->fn(report->user, event);
}

static void end_phase(struct flow_run *run)
{
	struct result *result = run->result;

	if (run->phase && result->n_phases > 0) {
		struct phase_result *last = &result->phases[result->n_phases - 1];

		last->duration_ms = run_elapsed_ms(run) - last->start_ms;
	}
	run->phase = NULL;
}

void run_phase(struct flow_run *run, const char *phase)
{
	struct report_event event = { .kind = REPORT_PHASE };
	struct result *result = run->result;

	end_phase(run);
	run->phase = phase;
	probe_phase(run->probe, phase);
	if (result->n_phases < RESULT_MAX_PHASES)
		result->phases[result->n_phases++] =
			(struct phase_result){ .name = phase, .start_ms = run_elapsed_ms(run) };
	tell(run, &event);
}

static enum outcome outcome_of(enum err_kind kind)
{
	switch (kind) {
	case ERR_NONE:
		return OUTCOME_DONE;
	case ERR_DEGRADED:
		return OUTCOME_DEGRADED;
	case ERR_ROLLED_BACK:
		return OUTCOME_ROLLED_BACK;
	case ERR_UNFINISHED:
		return OUTCOME_UNFINISHED;
	default:
		return OUTCOME_REFUSED;
	}
}

int run_end(struct flow_run *run, int r, struct err *err)
{
	struct result *result = run->result;

	end_phase(run);
	result->total_ms = run_elapsed_ms(run);
	if (r < 0) {
		err_wrap(err, "%s", result->vm ?: "?");
		result->status = err->kind;
		free(result->reason);
		result->reason = strdup(err->msg);
	}
	result->outcome = outcome_of(result->status);
	return r;
}

static void tell_text(struct flow_run *run, enum report_kind kind, const char *fmt, va_list ap)
{
	struct report_event event = { .kind = kind };
	char text[ERR_MSG_SIZE];

	vsnprintf(text, sizeof(text), fmt, ap);
	event.text = text;
	if (kind == REPORT_WARNING)
		strv_add(&run->result->warnings, text);
	tell(run, &event);
}

void run_note(struct flow_run *run, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell_text(run, REPORT_NOTE, fmt, ap);
	va_end(ap);
}

void run_warn(struct flow_run *run, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell_text(run, REPORT_WARNING, fmt, ap);
	va_end(ap);
}

void run_pair(struct flow_run *run, const char *pair, const char *state)
{
	struct report_event event = { .kind = REPORT_PAIR, .pair = pair, .state = state };

	tell(run, &event);
}

void run_plugged(struct flow_run *run, const struct pair_result *pair)
{
	_cleanup_free_ char *unsupported = NULL;

	run_pair(run, pair->id, pair_state_name(pair->state));
	if (pair->unsupported.n == 0)
		return;
	unsupported = strv_join(&pair->unsupported, ", ");
	run_note(run,
		 "pair %s: the driver of its PF does not know, of a VF: %s; left as it was",
		 pair->id, unsupported ?: "out of memory");
}

void run_finding(struct flow_run *run, const struct finding *finding)
{
	struct report_event event = { .kind = REPORT_FINDING, .finding = finding };

	tell(run, &event);
}

void run_progress(struct flow_run *run, struct report_event *event)
{
	event->kind = REPORT_PROGRESS;
	tell(run, event);
}
