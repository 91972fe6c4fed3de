/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/report.h"

#include <assert.h>

#include "base/str.h"

static const char *const kind_names[] = {
	[REPORT_PHASE] = "phase", [REPORT_PROGRESS] = "progress", [REPORT_PAIR] = "pair",
	[REPORT_NOTE] = "note",   [REPORT_WARNING] = "warning",   [REPORT_FINDING] = "finding",
};
static_assert(ARRAY_SIZE(kind_names) == REPORT_FINDING + 1, "every kind has its name");

static void set_string(json_t *object, const char *key, const char *value)
{
	if (value)
		json_object_set_new(object, key, json_string(value));
}

static void set_known(json_t *object, const char *key, int64_t value)
{
	if (value >= 0)
		json_object_set_new(object, key, json_integer(value));
}

json_t *report_event_json(const struct report_event *event)
{
	json_t *object = json_pack("{ss sI}", "event", kind_names[event->kind], "elapsed_ms",
				   (json_int_t)event->elapsed_ms);

	if (!object)
		return NULL;
	set_string(object, "vm", event->vm);
	set_string(object, "phase", event->phase);
	set_string(object, "pair", event->pair);
	set_string(object, "state", event->state);
	set_string(object, "text", event->text);
	if (event->finding) {
		json_t *finding = finding_json(event->finding);

		json_object_update(object, finding);
		json_decref(finding);
	}
	if (event->kind == REPORT_PROGRESS) {
		set_known(object, "percent", event->percent);
		set_known(object, "rate", event->rate);
		set_known(object, "remaining_ms", event->remaining_ms);
		set_known(object, "remaining_bytes", event->remaining_bytes);
		set_known(object, "transferred_bytes", event->transferred_bytes);
	}
	return object;
}
