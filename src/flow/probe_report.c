/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/probe_report.h"

#include <stdlib.h>

#include "base/json.h"

int64_t probe_ms(int64_t us)
{
	return (us + 500) / 1000;
}

static json_t *count_json(const struct probe_count *count)
{
	return json_pack("{sI sI sI sI}", "sent", (json_int_t)count->sent, "received",
			 (json_int_t)count->received, "lost",
			 (json_int_t)(count->sent - count->received), "longest_gap_ms",
			 (json_int_t)probe_ms(count->longest_us));
}

static json_t *phase_json(const struct probe_phase *phase)
{
	json_t *object = count_json(&phase->count);

	json_object_set_new(object, "phase", json_string(phase->name));
	return object;
}

static json_t *gap_json(const struct probe_gap *gap)
{
	return json_pack("{sI sI sI so}", "start_ms", (json_int_t)probe_ms(gap->start_us),
			 "length_ms", (json_int_t)probe_ms(gap->length_us), "lost",
			 (json_int_t)gap->lost, "phase", json_text_or_null(gap->phase));
}

json_t *probe_report_json(const struct probe_report *report)
{
	json_t *object = count_json(&report->total);
	json_t *phases = json_array(), *gaps = json_array();

	for (size_t i = 0; i < report->n_phases; i++)
		json_array_append_new(phases, phase_json(&report->phases[i]));
	for (size_t i = 0; i < report->n_gaps; i++)
		json_array_append_new(gaps, gap_json(&report->gaps[i]));
	json_object_set_new(object, "address", json_text_or_null(report->address));
	json_object_set_new(object, "interval_ms", json_integer(report->interval_ms));
	json_object_set_new(object, "not_sent", json_integer(report->not_sent));
	json_object_set_new(object, "by_phase", phases);
	json_object_set_new(object, "gaps", gaps);
	json_object_set_new(object, "more_gaps", json_integer(report->more_gaps));
	return object;
}

void probe_report_free(struct probe_report *report)
{
	if (!report)
		return;
	free(report->address);
	free(report->gaps);
	free(report);
}
