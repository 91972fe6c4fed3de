/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/qemu_probe.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "host/qemu_buses.h"
#include "host/qemu_run.h"

/* Each is a round trip; what is left out is "not asked", which no rule takes for "there". */
#define MAX_DRIVERS 256

struct probe {
	struct qmp *qmp;
	int64_t deadline;
	const struct machine *machine;
	struct qemu_facts *facts;
	struct buses **buses; /* NULL: not asked for */
};

/* ---- the schema ---- */

/* Source: QAPI, query-qmp-schema. meta: "command", "event", "object"; NULL: none. */
static const json_t *schema_find(const json_t *schema, const char *meta, const char *name)
{
	const json_t *entry;
	size_t i;

	json_array_foreach (schema, i, entry)
		if (str_eq(json_get_text(entry, "name"), name) &&
		    str_eq(json_get_text(entry, "meta-type"), meta))
			return entry;
	return NULL;
}

static bool list_has(const json_t *list, const char *text)
{
	const json_t *item;
	size_t i;

	json_array_foreach (list, i, item)
		if (json_is_string(item) && str_eq(json_string_value(item), text))
			return true;
	return false;
}

/* "json-cli-hotplug" is described at device_add. */
static bool has_feature(const json_t *schema, const char *command, const char *feature)
{
	const json_t *entry = schema_find(schema, "command", command);

	return list_has(json_object_get(entry, "features"), feature);
}

static bool has_argument(const json_t *schema, const char *command, const char *argument)
{
	const json_t *entry = schema_find(schema, "command", command);
	const json_t *object = schema_find(schema, "object", json_get_text(entry, "arg-type"));
	const json_t *member;
	size_t i;

	json_array_foreach (json_object_get(object, "members"), i, member)
		if (str_eq(json_get_text(member, "name"), argument))
			return true;
	return false;
}

/* The schema hides the names of types: an enum is known by two of its values. */
static bool has_enum(const json_t *schema, const char *one, const char *other)
{
	const json_t *entry;
	size_t i;

	json_array_foreach (schema, i, entry) {
		const json_t *values = json_object_get(entry, "values");

		if (list_has(values, one) && list_has(values, other))
			return true;
	}
	return false;
}

static void read_schema(struct qemu_facts *facts, const json_t *schema)
{
	facts->json_device = has_feature(schema, "device_add", "json-cli-hotplug");
	facts->wait_unplug = has_enum(schema, "postcopy-active", "wait-unplug");
	facts->patches.unplug_timeout =
		has_argument(schema, "migrate-set-parameters", "unplug-timeout");
	facts->patches.query_failover = schema_find(schema, "command", "query-failover");
	facts->patches.failover_replug = schema_find(schema, "command", "failover-replug");
	facts->patches.failover_buses =
		schema_find(schema, "command", "query-pci-failover-buses");
	facts->patches.primary_event = schema_find(schema, "event", "FAILOVER_PRIMARY_CHANGED");
}

/* ---- devices ---- */

/*
 * device-list-properties knows no aliases, and -device does.
 * Source: QEMU qdev_alias_table; "virtio-net" is a -pci, a -ccw or a -device.
 */
static void spell_driver(const char *driver, struct strv *names)
{
	static const char *const suffixes[] = { "-pci", "-ccw", "-device" };
	static const char *const aliases[][2] = { { "ac97", "AC97" },
						  { "ahci", "ich9-ahci" },
						  { "e1000-82540em", "e1000" },
						  { "es1370", "ES1370" },
						  { "lsi", "lsi53c895a" } };

	strv_add(names, driver);
	for (size_t i = 0; i < ARRAY_SIZE(aliases); i++)
		if (str_eq(driver, aliases[i][0]))
			strv_add(names, aliases[i][1]);
	if (str_starts(driver, "virtio-"))
		for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++)
			strv_addf(names, "%s%s", driver, suffixes[i]);
}

/* The names of the properties in an answer; NULL: out of memory. */
static json_t *property_names(const json_t *answer)
{
	json_t *names = json_array();
	const json_t *property;
	size_t i;

	json_array_foreach (answer, i, property)
		json_array_append(names, json_object_get(property, "name"));
	return names;
}

/*
 * It loads the module that has the driver, if one has: in a QEMU that runs, devices that
 * it has are all that is asked for, and those are loaded.
 */
static int ask_driver(const struct probe *probe, const char *driver, struct err *err)
{
	json_t *devices = probe->facts->devices;
	_cleanup_(strv_clear) struct strv names = { 0 };
	int r = -EREMOTEIO;

	if (json_object_get(devices, driver))
		return 0;
	spell_driver(driver, &names);
	if (names.failed)
		return err_nomem(err);
	for (size_t i = 0; i < names.n && r == -EREMOTEIO; i++) {
		json_t *typename = json_pack("{ss}", "typename", names.v[i]);
		json_t *answer;

		/* No UTF-8, as a command line may have it: nothing that can be asked. */
		if (!typename)
			return 0;
		r = qmp_command(probe->qmp, "device-list-properties", typename, probe->deadline,
				&answer, err);
		if (r < 0)
			continue;
		r = json_object_set_new(devices, driver, property_names(answer)) < 0 ?
			    err_nomem(err) :
			    1;
		json_decref(answer);
	}
	/* It is asked for the name of a type, and refuses only what is no device. */
	if (r == -EREMOTEIO)
		r = json_object_set_new(devices, driver, json_null()) < 0 ? err_nomem(err) : 0;
	return r < 0 ? err_wrap(err, "device-list-properties %s", driver) : 0;
}

static int ask_devices(const struct probe *probe, struct err *err)
{
	static const char *const always[] = { "virtio-net-pci", "vfio-pci" };
	const struct machine *machine = probe->machine;
	int r = 0;

	probe->facts->devices = json_object();
	if (!probe->facts->devices)
		return err_nomem(err);
	for (size_t i = 0; i < ARRAY_SIZE(always) && r == 0; i++)
		r = ask_driver(probe, always[i], err);
	for (size_t i = 0; machine && i < machine->n_devices && r == 0; i++)
		if (json_object_size(probe->facts->devices) < MAX_DRIVERS)
			r = ask_driver(probe, machine->devices[i].driver, err);
	return r;
}

/* ---- all ---- */

/* An answer that has to be an array: a QEMU that runs is not trusted. */
static int ask_array(const struct probe *probe, const char *command, json_t **out,
		     struct err *err)
{
	int r = qmp_command(probe->qmp, command, NULL, probe->deadline, out, err);

	if (r < 0)
		return err_wrap(err, "%s", command);
	if (json_is_array(*out))
		return 0;
	json_decref(*out);
	*out = NULL;
	return err_set(err, ERR_REFUSED, EPROTO, "%s: the answer is no list", command);
}

static int ask_kvm(const struct probe *probe, struct err *err)
{
	json_t *answer;
	int r = qmp_command(probe->qmp, "query-kvm", NULL, probe->deadline, &answer, err);

	if (r == -EREMOTEIO) /* a build without it */
		return 0;
	if (r < 0)
		return err_wrap(err, "query-kvm");
	probe->facts->kvm = json_is_true(json_object_get(answer, "enabled"));
	json_decref(answer);
	return 0;
}

static int ask_all(const struct probe *probe, struct err *err)
{
	struct qemu_facts *facts = probe->facts;
	json_t *schema;
	int r;

	facts->version = strdup(qmp_version(probe->qmp));
	if (!facts->version)
		return err_nomem(err);
	r = ask_array(probe, "query-machines", &facts->machines, err);
	if (r == 0)
		r = ask_array(probe, "query-cpu-definitions", &facts->cpus, err);
	if (r == 0)
		r = ask_kvm(probe, err);
	if (r < 0)
		return r;
	/* An option that was left out of the build is an error here, not an empty answer. */
	facts->sandbox = qmp_command(probe->qmp, "query-command-line-options",
				     json_pack("{ss}", "option", "sandbox"), probe->deadline,
				     NULL, NULL) == 0;
	r = ask_array(probe, "query-qmp-schema", &schema, err);
	if (r < 0)
		return r;
	read_schema(facts, schema);
	json_decref(schema);
	return ask_devices(probe, err);
}

static int probe_new(struct probe *probe, const char *binary, const struct machine *machine,
		     struct err *err)
{
	struct qemu_facts *facts = calloc(1, sizeof(*facts));

	if (!facts)
		return err_nomem(err);
	facts->binary = strdup(binary);
	if (!facts->binary) {
		free(facts);
		return err_nomem(err);
	}
	*probe = (struct probe){ .machine = machine, .facts = facts };
	return 0;
}

static int on_started(void *data, struct qmp *qmp, int64_t deadline, struct err *err)
{
	struct probe *probe = data;
	int r;

	probe->qmp = qmp;
	probe->deadline = deadline;
	r = ask_all(probe, err);
	if (r == 0 && probe->buses)
		r = qemu_buses_ask(qmp, deadline, probe->buses, err);
	return r;
}

static int run_probe(struct loop *loop, struct probe *probe, struct err *err)
{
	const char *binary = probe->facts->binary;
	_cleanup_free_ char *purpose = str_printf("ask %s what it can do", binary);
	_cleanup_(strv_clear) struct strv argv = { 0 };
	const struct machine *machine = probe->machine;
	int r = 0;

	if (!purpose)
		return err_nomem(err);
	strv_add(&argv, binary);
	if (probe->buses) {
		r = qemu_buses_add_args(machine, &argv, err);
	} else {
		strv_add(&argv, "-machine");
		strv_add(&argv, "none");
	}
	if (r < 0)
		return err_wrap(err, "%s", purpose);
	for (size_t i = 0; machine && i < machine->accel.n; i++) {
		strv_add(&argv, "-accel");
		strv_add(&argv, machine->accel.v[i]);
	}
	return qemu_run(loop, &argv, purpose, on_started, probe, err);
}

int qemu_probe_machine(struct loop *loop, const char *binary, const struct machine *machine,
		       struct qemu_facts **out, struct buses **buses, struct err *err)
{
	struct buses *found = NULL;
	struct probe probe;
	int r = probe_new(&probe, binary, machine, err);

	if (r < 0)
		return r;
	if (buses)
		probe.buses = &found;
	r = run_probe(loop, &probe, err);
	if (r < 0) {
		qemu_facts_free(probe.facts);
		buses_free(found);
		return r;
	}
	*out = probe.facts;
	if (buses)
		*buses = found;
	return 0;
}

int qemu_probe(struct loop *loop, const char *binary, const struct machine *machine,
	       struct qemu_facts **out, struct err *err)
{
	return qemu_probe_machine(loop, binary, machine, out, NULL, err);
}

int qemu_probe_running(struct qmp *qmp, const char *binary, const struct machine *machine,
		       int64_t deadline, struct qemu_facts **out, struct err *err)
{
	struct probe probe;
	int r = probe_new(&probe, binary, machine, err);

	if (r < 0)
		return r;
	probe.qmp = qmp;
	probe.deadline = deadline;
	r = ask_all(&probe, err);
	if (r < 0)
		qemu_facts_free(probe.facts);
	else
		*out = probe.facts;
	return r < 0 ? err_wrap(err, "ask %s what it can do", binary) : 0;
}
