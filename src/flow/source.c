/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/source.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"

/*
 * QEMU waits 30 s for a guest to finish an unplug that it had begun before it gives its
 * migration up; and this much for everything else.
 */
#define CANCEL_TIMEOUT_MS 45000
#define POLL_MS 100

static const char *const status_names[] = {
	[SOURCE_NONE] = "none",
	[SOURCE_SETUP] = "setup",
	[SOURCE_WAIT_UNPLUG] = "wait-unplug",
	[SOURCE_ACTIVE] = "active",
	[SOURCE_PRE_SWITCHOVER] = "pre-switchover",
	[SOURCE_DEVICE] = "device",
	[SOURCE_COMPLETED] = "completed",
	[SOURCE_FAILED] = "failed",
	[SOURCE_CANCELLING] = "cancelling",
	[SOURCE_CANCELLED] = "cancelled",
	[SOURCE_OTHER] = "other",
};
static_assert(ARRAY_SIZE(status_names) == SOURCE_OTHER + 1, "every status has its name");

const char *source_status_name(enum source_status status)
{
	return status_names[status];
}

static enum source_status status_from(const char *name)
{
	/* query-migrate without a status: there never was a migration. */
	if (!name)
		return SOURCE_NONE;
	for (size_t i = 0; i < SOURCE_OTHER; i++)
		if (str_eq(name, status_names[i]))
			return (enum source_status)i;
	return SOURCE_OTHER;
}

static void note_asked(struct source *source, const char *id)
{
	char(*grown)[80];

	if (!id)
		return;
	grown = realloc(source->asked, (source->n_asked + 1) * sizeof(*grown));
	if (!grown)
		return;
	source->asked = grown;
	snprintf(source->asked[source->n_asked++], sizeof(*grown), "%s", id);
}

/* The entry of that standby, made if it is new; NULL: out of memory. */
static struct source_primary *entry_of(struct source *source, const char *standby)
{
	struct source_primary *grown;

	for (size_t i = 0; i < source->n_primaries; i++)
		if (str_eq(source->primaries[i].standby, standby))
			return &source->primaries[i];
	grown = realloc(source->primaries, (source->n_primaries + 1) * sizeof(*grown));
	if (!grown)
		return NULL;
	source->primaries = grown;
	grown += source->n_primaries++;
	*grown = (struct source_primary){ 0 };
	snprintf(grown->standby, sizeof(grown->standby), "%s", standby);
	return grown;
}

static void note_primary(struct source *source, const json_t *data)
{
	struct source_primary *primary = entry_of(source, json_get_text(data, "standby"));
	const char *error = json_get_text(data, "error");

	if (!primary)
		return;
	primary->state = failover_state_from_name(json_get_text(data, "state"));
	if (*error) {
		snprintf(primary->error, sizeof(primary->error), "%s", error);
		str_make_printable(primary->error);
	}
	source->n_changes++;
}

static void on_event(void *user, const char *event, const json_t *data)
{
	struct source *source = user;

	if (str_eq(event, "MIGRATION"))
		source->status =
			status_from(json_string_value(json_object_get(data, "status")));
	else if (str_eq(event, "UNPLUG_PRIMARY"))
		note_asked(source, json_string_value(json_object_get(data, "device-id")));
	else if (str_eq(event, "FAILOVER_PRIMARY_CHANGED"))
		note_primary(source, data);
	else if (str_eq(event, "SHUTDOWN"))
		source->ended = true;
}

void source_watch(struct source *source, struct vm *vm)
{
	*source = (struct source){ .vm = vm, .listener = { .fn = on_event, .user = source } };
	qmp_listen(vm->qmp, &source->listener);
}

void source_clear(struct source *source)
{
	if (source->vm && source->vm->qmp)
		qmp_unlisten(source->vm->qmp, &source->listener);
	free(source->asked);
	free(source->primaries);
	*source = (struct source){ 0 };
}

void source_begin(struct source *source)
{
	source->status = SOURCE_NONE;
	source->n_asked = 0;
	source->n_primaries = 0;
}

const struct source_primary *source_primary(const struct source *source,
					    const struct vm_pair *pair)
{
	for (size_t i = 0; i < source->n_primaries; i++)
		if (str_eq(source->primaries[i].standby, pair->id))
			return &source->primaries[i];
	return NULL;
}

bool source_was_asked(const struct source *source, const struct vm_pair *pair)
{
	char id[80];

	vm_primary_id(pair, id, sizeof(id));
	for (size_t i = 0; i < source->n_asked; i++)
		if (str_eq(source->asked[i], id))
			return true;
	return false;
}

static int64_t get_integer(const json_t *object, const char *key, int64_t absent)
{
	const json_t *value = json_object_get(object, key);

	return json_is_integer(value) ? json_integer_value(value) : absent;
}

int source_query(struct source *source, struct source_figures *out, struct err *err)
{
	const json_t *ram;
	json_t *ret;
	int r = vm_qmp(source->vm, "query-migrate", NULL, &ret, err);

	if (r < 0)
		return r;
	ram = json_object_get(ret, "ram");
	*out = (struct source_figures){
		.status = status_from(json_string_value(json_object_get(ret, "status"))),
		.transferred = get_integer(ram, "transferred", 0),
		.remaining = get_integer(ram, "remaining", -1),
		.total = get_integer(ram, "total", -1),
		/* Megabits a second, as a floating-point number. */
		.rate = (int64_t)(json_number_value(json_object_get(ram, "mbps")) * 125000),
		.downtime_ms = get_integer(ret, "downtime", -1),
		.expected_downtime_ms = get_integer(ret, "expected-downtime", -1),
	};
	snprintf(out->error, sizeof(out->error), "%s", json_get_text(ret, "error-desc"));
	str_make_printable(out->error);
	source->status = out->status;
	json_decref(ret);
	return 0;
}

static bool is_over(enum source_status status)
{
	return status == SOURCE_NONE || status == SOURCE_COMPLETED || status == SOURCE_FAILED ||
	       status == SOURCE_CANCELLED;
}

/*
 * After a cancel or a failure QEMU lets the guest run again by itself, a moment later. A
 * guest that was stopped by its operator stays so, and that is no failure of the cancel.
 */
static int await_running(struct source *source, struct err *err)
{
	int64_t deadline = deadline_in(5000);
	char state[32];

	for (;;) {
		int r = vm_runstate(source->vm, state, err);

		if (r < 0 || str_eq(state, "running") || str_eq(state, "paused"))
			return r;
		if (clock_ms() >= deadline)
			break;
		r = loop_sleep(source->vm->env->loop, POLL_MS, err);
		if (r < 0)
			return r;
	}
	/* Only of a QEMU that has not completed: nothing can be running elsewhere. */
	return vm_qmp(source->vm, "cont", NULL, NULL, err);
}

int source_cancel(struct source *source, struct err *err)
{
	int64_t deadline = deadline_in(CANCEL_TIMEOUT_MS);
	struct source_figures now;
	bool asked = false;

	for (;;) {
		int r = source_query(source, &now, err);

		if (r < 0)
			return !qmp_alive(source->vm->qmp) ?
				       err_set(err, ERR_UNFINISHED, EPIPE,
					       "the source QEMU has ended") :
				       r;
		if (now.status == SOURCE_COMPLETED)
			return err_set(err, ERR_INTERNAL, EALREADY,
				       "the migration has completed");
		if (is_over(now.status))
			return await_running(source, err);
		if (clock_ms() >= deadline)
			return err_set(err, ERR_UNFINISHED, ETIMEDOUT,
				       "QEMU still says \"%s\" %d s after migrate_cancel",
				       source_status_name(now.status),
				       CANCEL_TIMEOUT_MS / 1000);
		if (!asked)
			r = vm_qmp(source->vm, "migrate_cancel", NULL, NULL, err);
		asked = r == 0;
		if (r == 0 || qmp_alive(source->vm->qmp))
			r = loop_sleep(source->vm->env->loop, POLL_MS, err);
		if (r == -ECANCELED)
			return r;
	}
}
