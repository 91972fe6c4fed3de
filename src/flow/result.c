/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/result.h"

#include <assert.h>
#include <stdlib.h>

#include "base/json.h"

static const char *const outcome_names[] = {
	[OUTCOME_DONE] = "done",
	[OUTCOME_DEGRADED] = "degraded",
	[OUTCOME_ROLLED_BACK] = "rolled-back",
	[OUTCOME_REFUSED] = "refused",
	[OUTCOME_UNFINISHED] = "unfinished",
};
static_assert(ARRAY_SIZE(outcome_names) == OUTCOME_UNFINISHED + 1,
	      "every outcome has its name");

const char *outcome_name(enum outcome outcome)
{
	return outcome_names[outcome];
}

static const char *const pair_state_names[] = {
	[PAIR_UNKNOWN] = "unknown",
	[PAIR_NOT_NEGOTIATED] = "not-negotiated",
	[PAIR_STANDBY_ONLY] = "standby-only",
	[PAIR_PLUGGED] = "plugged",
	[PAIR_PAIRED] = "paired",
};
static_assert(ARRAY_SIZE(pair_state_names) == PAIR_PAIRED + 1, "every state has its name");

const char *pair_state_name(enum pair_state state)
{
	return pair_state_names[state];
}

enum pair_state pair_state_from_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(pair_state_names); i++)
		if (str_eq(name, pair_state_names[i]))
			return (enum pair_state)i;
	return PAIR_UNKNOWN;
}

static const char *const evidence_names[] = {
	[PAIR_EVIDENCE_NONE] = NULL,
	[PAIR_EVIDENCE_GUEST_AGENT] = "guest-agent",
	[PAIR_EVIDENCE_FDB] = "fdb",
	[PAIR_EVIDENCE_INTERRUPTS] = "interrupts",
};
static_assert(ARRAY_SIZE(evidence_names) == PAIR_EVIDENCE_INTERRUPTS + 1,
	      "every evidence has its name");

const char *pair_evidence_name(enum pair_evidence evidence)
{
	return evidence_names[evidence];
}

enum pair_evidence pair_evidence_from_name(const char *name)
{
	for (size_t i = PAIR_EVIDENCE_GUEST_AGENT; i < ARRAY_SIZE(evidence_names); i++)
		if (str_eq(name, evidence_names[i]))
			return (enum pair_evidence)i;
	return PAIR_EVIDENCE_NONE;
}

static json_t *pair_json(const struct pair_result *pair)
{
	return json_pack("{ss ss so so so so so}", "id", pair->id, "state",
			 pair_state_name(pair->state), "evidence",
			 json_text_or_null(pair_evidence_name(pair->evidence)),
			 "source_primary", json_text_or_null(pair->source_primary),
			 "target_primary", json_text_or_null(pair->target_primary), "reason",
			 json_text_or_null(pair->reason), "unsupported",
			 json_of_texts(&pair->unsupported));
}

/* What only a migration has. */
static void add_migration(json_t *object, const struct result *result)
{
	json_t *phases = json_array();

	for (size_t i = 0; i < result->n_phases; i++)
		json_array_append_new(phases,
				      json_pack("{ss sI sI}", "name", result->phases[i].name,
						"start_ms",
						(json_int_t)result->phases[i].start_ms,
						"duration_ms",
						(json_int_t)result->phases[i].duration_ms));
	json_object_set_new(object, "source", json_text_or_null(result->source));
	json_object_set_new(object, "target", json_text_or_null(result->target));
	json_object_set_new(object, "dry_run", json_boolean(result->dry_run));
	json_object_set_new(object, "phases", phases);
	json_object_set_new(object, "downtime_ms",
			    result->downtime_ms < 0 ? json_null() :
						      json_integer(result->downtime_ms));
	json_object_set_new(object, "transferred_bytes",
			    json_integer(result->transferred_bytes));
	if (result->probe)
		json_object_set_new(object, "probe", probe_report_json(result->probe));
}

json_t *result_json(const struct result *result)
{
	json_t *pairs = json_array();
	json_t *object, *findings;

	for (size_t i = 0; i < result->n_pairs; i++)
		json_array_append_new(pairs, pair_json(&result->pairs[i]));
	object = json_pack("{ss ss ss si so sI so so}", "schema", result->schema, "vm",
			   result->vm, "outcome", outcome_name(result->outcome), "exit_status",
			   (int)result->status, "reason", json_text_or_null(result->reason),
			   "total_ms", (json_int_t)result->total_ms, "pairs", pairs, "warnings",
			   json_of_texts(&result->warnings));
	if (!object)
		return NULL;
	findings = findings_json(&result->findings);
	json_object_update(object, findings);
	json_decref(findings);
	if (result->devices)
		json_object_set(object, "devices", result->devices);
	if (result->pid)
		json_object_set_new(object, "pid", json_integer(result->pid));
	if (result->transferred_bytes >= 0)
		add_migration(object, result);
	return object;
}

void pair_result_clear(struct pair_result *pair)
{
	free(pair->id);
	free(pair->source_primary);
	free(pair->target_primary);
	free(pair->reason);
	strv_clear(&pair->unsupported);
	*pair = (struct pair_result){ 0 };
}

void result_clear(struct result *result)
{
	for (size_t i = 0; i < result->n_pairs; i++)
		pair_result_clear(&result->pairs[i]);
	free(result->pairs);
	free(result->vm);
	free(result->source);
	free(result->target);
	free(result->reason);
	strv_clear(&result->warnings);
	findings_clear(&result->findings);
	json_decref(result->devices);
	probe_report_free(result->probe);
	*result = (struct result){ 0 };
}
