/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "topology/qemu_facts.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/str.h"

static const struct {
	const char *name; /* QAPI's */
	size_t offset;    /* of its bool */
} patches_table[] = {
	{ "unplug-timeout", offsetof(struct qemu_patches, unplug_timeout) },
	{ "query-failover", offsetof(struct qemu_patches, query_failover) },
	{ "failover-replug", offsetof(struct qemu_patches, failover_replug) },
	{ "query-pci-failover-buses", offsetof(struct qemu_patches, failover_buses) },
	{ "FAILOVER_PRIMARY_CHANGED", offsetof(struct qemu_patches, primary_event) },
};
static_assert(sizeof(struct qemu_patches) == ARRAY_SIZE(patches_table) * sizeof(bool),
	      "every addition has its name");

json_t *qemu_patches_json(const struct qemu_patches *patches)
{
	json_t *names = json_array();

	for (size_t i = 0; i < ARRAY_SIZE(patches_table); i++)
		if (*(const bool *)((const char *)patches + patches_table[i].offset))
			json_array_append_new(names, json_string(patches_table[i].name));
	return names;
}

void qemu_patches_read(const json_t *names, struct qemu_patches *out)
{
	const json_t *name;
	size_t at;

	*out = (struct qemu_patches){ 0 };
	json_array_foreach (names, at, name)
		for (size_t i = 0; i < ARRAY_SIZE(patches_table); i++)
			if (json_is_string(name) &&
			    str_eq(json_string_value(name), patches_table[i].name))
				*(bool *)((char *)out + patches_table[i].offset) = true;
}

void qemu_facts_free(struct qemu_facts *facts)
{
	if (!facts)
		return;
	free(facts->binary);
	free(facts->version);
	json_decref(facts->machines);
	json_decref(facts->cpus);
	json_decref(facts->devices);
	free(facts);
}

/* The first of the objects in list that has that text under key; borrowed; NULL: none. */
static const json_t *list_find(const json_t *list, const char *key, const char *text)
{
	const json_t *object;
	size_t i;

	json_array_foreach (list, i, object) {
		const char *value = json_string_value(json_object_get(object, key));

		if (value && str_eq(value, text))
			return object;
	}
	return NULL;
}

bool qemu_has_machine(const struct qemu_facts *facts, const char *machine)
{
	return list_find(facts->machines, "name", machine) ||
	       list_find(facts->machines, "alias", machine);
}

const char *qemu_machine_name(const struct qemu_facts *facts, const char *name)
{
	const json_t *entry = list_find(facts->machines, "alias", name);
	const char *real = entry ? json_get_text(entry, "name") : "";

	return *real ? real : name;
}

bool qemu_machine_deprecated(const struct qemu_facts *facts, const char *machine)
{
	const json_t *entry =
		list_find(facts->machines, "name", qemu_machine_name(facts, machine));

	return json_is_true(json_object_get(entry, "deprecated"));
}

bool qemu_has_cpu(const struct qemu_facts *facts, const char *model)
{
	return list_find(facts->cpus, "name", model);
}

int qemu_has_device(const struct qemu_facts *facts, const char *driver, const char *property)
{
	const json_t *properties = json_object_get(facts->devices, driver);
	const json_t *name;
	size_t i;

	if (!properties)
		return -ENOENT;
	if (!json_is_array(properties))
		return 0;
	if (!property)
		return 1;
	json_array_foreach (properties, i, name)
		if (json_is_string(name) && str_eq(json_string_value(name), property))
			return 1;
	return 0;
}
