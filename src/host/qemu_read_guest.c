/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "host/guest_agent.h"
#include "host/qemu_failover.h"
#include "host/qemu_read.h"
#include "host/qom.h"
#include "host/slot_indicator.h"

/* For a guest agent to answer; a guest without one costs this once. */
#define GUEST_AGENT_TIMEOUT_MS 1000

struct reader {
	struct loop *loop;
	struct qom qom;
	const struct guest_question *question;
	struct guest_facts *facts;
	json_t *primaries; /* by the standby's id: the QOM path of the device */
	bool agent_silent; /* nobody has answered in the guest */
};

static int read_runstate(struct reader *reader, struct err *err)
{
	json_t *answer;
	int r = qom_ask(&reader->qom, "query-status", NULL, &answer, err);

	if (r <= 0)
		return r;
	snprintf(reader->facts->runstate, sizeof(reader->facts->runstate), "%s",
		 json_get_text(answer, "status"));
	str_make_printable(reader->facts->runstate);
	json_decref(answer);
	return 0;
}

/* ---- primaries ---- */

static int find_primaries(struct reader *reader, const char *folder, struct err *err)
{
	_cleanup_free_ struct qom_child *list = NULL;
	char path[QOM_PATH_SIZE];
	const char *standby;
	json_t *value;
	size_t n;
	int r = qom_children(&reader->qom, folder, &list, &n, err);

	for (size_t i = 0; r >= 0 && i < n; i++) {
		snprintf(path, sizeof(path), "%.*s/%s", QOM_PATH_SIZE - QEMU_NAME_SIZE - 2,
			 folder, list[i].name);
		r = qom_get(&reader->qom, path, "failover_pair_id", &value, err);
		if (r <= 0)
			continue;
		standby = json_string_value(value);
		if (standby && *standby && !json_object_get(reader->primaries, standby))
			json_object_set_new(reader->primaries, standby, json_string(path));
		json_decref(value);
	}
	return r < 0 ? r : 0;
}

/* ---- one pair ---- */

static int read_negotiation(const struct reader *reader, struct guest_pair *pair,
			    struct err *err)
{
	char path[QOM_PATH_SIZE];
	json_t *answer;
	int r;

	snprintf(path, sizeof(path), "%s/%s/virtio-backend", qom_device_folders[0],
		 pair->standby);
	r = qom_ask(&reader->qom, "x-query-virtio-status", json_pack("{ss}", "path", path),
		    &answer, err);
	if (r < 0)
		return r;
	if (r == 0 && strstr(err->msg, "has not been found")) {
		snprintf(
			pair->why, sizeof(pair->why),
			"QEMU %.32s has no x-query-virtio-status, which tells what the guest has "
			"accepted (7.2 and later have it)",
			qmp_version(reader->qom.qmp));
	} else if (r == 0) {
		snprintf(pair->why, sizeof(pair->why),
			 "QEMU does not tell what the guest has accepted: %.160s", err->msg);
	} else {
		if (qemu_decode_virtio_status(answer, &pair->driver_ok, &pair->negotiated) < 0)
			snprintf(pair->why, sizeof(pair->why),
				 "QEMU %.32s tells what the guest has accepted in a form that "
				 "vmfo does not know",
				 qmp_version(reader->qom.qmp));
		json_decref(answer);
	}
	return 0;
}

/* A primary that the guest has let go of is still an object of QEMU's, and not plugged. */
static int read_failover(const struct reader *reader, struct guest_pair *pair, struct err *err)
{
	int r = qemu_failover_ask(reader->qom.qmp, pair->standby, reader->qom.deadline,
				  &pair->qemu, err);

	if (r <= 0)
		return r;
	if (pair->qemu.state == FAILOVER_UNPLUGGED)
		pair->primary_plugged = FACT_NO;
	if (pair->negotiated == FACT_UNKNOWN)
		pair->negotiated = pair->qemu.negotiated ? FACT_YES : FACT_NO;
	return 0;
}

/* Return: 0; -ECANCELED. */
static int ask_agent(struct reader *reader, const struct machine_device *standby,
		     struct guest_pair *pair, struct err *err)
{
	int64_t deadline = deadline_in(GUEST_AGENT_TIMEOUT_MS);
	const char *path = reader->question->guest_agent, *text;
	struct mac mac;
	char number[32];
	int n;

	if (!path) {
		snprintf(pair->why_interfaces, sizeof(pair->why_interfaces),
			 "there is no guest agent to ask");
		return 0;
	}
	text = machine_text(reader->question->machine, standby, "mac", number);
	if (!text || mac_parse(text, &mac) < 0) {
		snprintf(pair->why_interfaces, sizeof(pair->why_interfaces),
			 "the MAC of %s is not known", pair->standby);
		return 0;
	}
	if (reader->agent_silent) {
		snprintf(pair->why_interfaces, sizeof(pair->why_interfaces),
			 "nobody answers in the guest");
		return 0;
	}
	if (deadline > reader->qom.deadline)
		deadline = reader->qom.deadline;
	n = guest_agent_count_interfaces(reader->loop, path, &mac, deadline, err);
	if (n == -ECANCELED)
		return n;
	if (n >= 0) {
		pair->interfaces = n;
		return 0;
	}
	reader->agent_silent = n == -ETIMEDOUT;
	snprintf(pair->why_interfaces, sizeof(pair->why_interfaces), "%.200s", err->msg);
	return 0;
}

static int read_pair(struct reader *reader, const struct machine_device *standby,
		     struct err *err)
{
	struct guest_pair *pair = &reader->facts->pairs[reader->facts->n_pairs++];
	const char *primary = json_get_text(reader->primaries, standby->id);
	int r;

	*pair = (struct guest_pair){
		.driver_ok = FACT_UNKNOWN,
		.negotiated = FACT_UNKNOWN,
		.primary_plugged = *primary ? FACT_YES : FACT_NO,
		.interfaces = -1,
	};
	strcpy(pair->standby, standby->id);
	r = read_negotiation(reader, pair, err);
	if (r == 0)
		r = read_failover(reader, pair, err);
	if (r == 0)
		r = ask_agent(reader, standby, pair, err);
	if (r == 0 && pair->primary_plugged == FACT_YES)
		r = slot_indicator_read(&reader->qom, primary, reader->question->own,
					&pair->indicator, pair->why_indicator, err);
	return r < 0 ? err_wrap(err, "pair %s", pair->standby) : 0;
}

/* Whether it is a pair's standby that can be asked about. */
static bool is_standby(const struct machine *machine, const struct machine_device *device)
{
	return device->id && strlen(device->id) < sizeof(((struct guest_pair *)0)->standby) &&
	       machine_is_virtio_net(device) &&
	       machine_bool(machine, device, "failover", false);
}

static int read_all(struct reader *reader, struct err *err)
{
	const struct machine *machine = reader->question->machine;
	int r = read_runstate(reader, err);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(qom_device_folders); i++)
		r = find_primaries(reader, qom_device_folders[i], err);
	for (size_t i = 0; r == 0 && i < machine->n_devices; i++)
		if (is_standby(machine, &machine->devices[i]))
			r = read_pair(reader, &machine->devices[i], err);
	return r < 0 ? err_wrap(err, "ask QEMU for its failover pairs") : 0;
}

int qemu_read_guest(struct loop *loop, struct qmp *qmp, const struct guest_question *question,
		    int64_t deadline, struct guest_facts **out, struct err *err)
{
	struct reader reader = {
		.loop = loop,
		.qom = { .qmp = qmp, .deadline = deadline },
		.question = question,
		.facts = calloc(1, sizeof(*reader.facts)),
		.primaries = json_object(),
	};
	struct err local = ERR_INIT; /* read here, and of refusals that are no failure */
	int r = 0;

	if (reader.facts)
		reader.facts->pairs =
			calloc(question->machine->n_devices ?: 1, sizeof(*reader.facts->pairs));
	if (!reader.facts || !reader.facts->pairs || !reader.primaries)
		r = err_nomem(&local);
	if (r == 0)
		r = read_all(&reader, &local);
	json_decref(reader.primaries);
	if (r < 0) {
		guest_facts_free(reader.facts);
		return err_set(err, local.kind, local.errnum, "%s", local.msg);
	}
	*out = reader.facts;
	return 0;
}
