/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "host/qemu_read.h"
#include "host/qom.h"

/* More than any machine type has room for. */
#define DEVICES_MAX 1024

struct wanted {
	const char *property;
	bool nic; /* of NICs and what is passed through; every PCI device has it */
};

/*
 * The properties that the topology rules look at. A device is asked for those that its
 * type has, one question each: all of them would take seconds on a large machine.
 */
static const struct wanted wanted[] = {
	{ "multifunction", false },
	{ "hotplug", false },
	{ "chassis", false },
	{ "slot", false },
	{ "shpc", false },
	{ "mac", false },
	{ "netdev", false },
	{ "failover", false },
	{ "host_mtu", false },
	{ "host", false },
	{ "sysfsdev", false },
	{ "iommufd", false },
	{ "failover_pair_id", true },
	{ "rombar", true },
	{ "romfile", true },
	{ "disable-modern", true },
	{ "addr", false },
};

struct reader {
	struct qom qom;
	struct machine *machine;
	json_t *types; /* by driver: what its devices are asked for, [property, …] */
	json_t *pci;   /* of qemu_decode_pci() */
};

/* ---- devices ---- */

/* What devices of a driver are asked for, by the properties that the first of them has. */
static int wanted_of(struct reader *reader, const char *driver, const char *path,
		     const json_t **out, struct err *err)
{
	json_t *list, *names;
	bool nic;
	int r;

	*out = json_object_get(reader->types, driver);
	if (*out)
		return 1;
	r = qom_list(&reader->qom, path, &list, err);
	if (r <= 0)
		return r;
	nic = qemu_decode_has(list, "mac") || qemu_decode_has(list, "sysfsdev");
	names = json_array();
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		if ((nic || !wanted[i].nic) && qemu_decode_has(list, wanted[i].property))
			json_array_append_new(names, json_string(wanted[i].property));
	json_decref(list);
	if (json_object_set_new(reader->types, driver, names) < 0)
		return err_nomem(err);
	*out = names;
	return 1;
}

/* "2.1": of a number, slot and function in one; of a text, as it is. New; NULL: neither. */
static char *addr_text(const json_t *value)
{
	json_int_t devfn = json_integer_value(value);

	if (json_is_integer(value) && devfn >= 0 && devfn <= 0xff)
		return str_printf("%x.%x", (unsigned int)devfn >> 3, (unsigned int)devfn & 7);
	if (json_is_string(value) && json_string_length(value) < QEMU_NAME_SIZE)
		return strdup(json_string_value(value));
	return NULL;
}

/* One property; takes value. */
static void take_property(struct machine_device *device, const char *property, json_t *value)
{
	json_t *clean;

	if (str_eq(property, "addr")) {
		device->addr = addr_text(value);
	} else {
		clean = qemu_decode_value(value);
		/* Since 9.1 "rombar" can be -1: nobody has chosen. */
		if (clean && !(str_eq(property, "rombar") && json_integer_value(clean) < 0))
			json_object_set(device->props, property, clean);
		json_decref(clean);
	}
	json_decref(value);
}

/*
 * "rombar" is not the whole truth. An emulated device has a ROM only if it has a file of it.
 * One that is passed through may bring its own; query-pci tells of that once the guest's
 * firmware has numbered the buses.
 */
static void judge_rom(const struct reader *reader, struct machine_device *device)
{
	struct qemu_pci_place place;
	bool none = false;

	if (machine_is_vfio(device) || json_object_get(device->props, "romfile"))
		none = device->id &&
		       qemu_decode_pci_place(reader->pci, device->id, &place) == 0 &&
		       !place.rom;
	else
		none = machine_is_nic(device);
	if (none)
		json_object_set_new(device->props, "rombar", json_integer(0));
}

/* Return: 1; 0: it has gone meanwhile; or a failure. */
static int read_device(struct reader *reader, const char *path, const char *driver,
		       struct machine_device *device, struct err *err)
{
	char bus[QEMU_NAME_SIZE];
	const json_t *names, *name;
	struct qemu_pci_place place;
	json_t *value;
	size_t i;
	int r = wanted_of(reader, driver, path, &names, err);

	if (r > 0)
		r = qom_get(&reader->qom, path, "parent_bus", &value, err);
	if (r <= 0)
		return r;
	if (qemu_decode_path_end(value, bus))
		device->bus = strdup(bus);
	json_decref(value);
	device->driver = strdup(driver);
	device->props = json_object();
	if (!device->driver || !device->props)
		return err_nomem(err);
	if (device->id && qemu_decode_pci_place(reader->pci, device->id, &place) == 0)
		device->addr = str_printf("%x.%x", (unsigned int)place.slot,
					  (unsigned int)place.function);
	json_array_foreach (names, i, name) {
		const char *property = json_string_value(name);

		if (device->addr && str_eq(property, "addr"))
			continue;
		r = qom_get(&reader->qom, path, property, &value, err);
		if (r < 0)
			return r;
		if (r > 0)
			take_property(device, property, value);
	}
	judge_rom(reader, device);
	return 1;
}

static void device_clear(struct machine_device *device)
{
	free(device->driver);
	free(device->id);
	free(device->bus);
	free(device->addr);
	json_decref(device->props);
	*device = (struct machine_device){ 0 };
}

static int read_folder(struct reader *reader, const char *folder, bool ids, struct err *err)
{
	struct machine *machine = reader->machine;
	_cleanup_free_ struct qom_child *list = NULL;
	struct machine_device *grown;
	char path[QOM_PATH_SIZE];
	size_t n;
	int r = qom_children(&reader->qom, folder, &list, &n, err);

	if (r < 0 || n == 0)
		return r;
	if (machine->n_devices + n > DEVICES_MAX)
		return err_set(err, ERR_REFUSED, E2BIG,
			       "QEMU says that it has %zu devices; vmfo reads at most %d",
			       machine->n_devices + n, DEVICES_MAX);
	grown = realloc(machine->devices, (machine->n_devices + n) * sizeof(*grown));
	if (!grown)
		return err_nomem(err);
	machine->devices = grown;
	for (size_t i = 0; i < n; i++) {
		struct machine_device *device = &machine->devices[machine->n_devices];

		*device = (struct machine_device){ .order = machine->n_devices };
		snprintf(path, sizeof(path), "%.*s/%s", QOM_PATH_SIZE - QEMU_NAME_SIZE - 2,
			 folder, list[i].name);
		if (ids)
			device->id = strdup(list[i].name);
		r = ids && !device->id ? err_nomem(err) :
					 read_device(reader, path, list[i].type, device, err);
		if (r > 0)
			machine->n_devices++;
		else
			device_clear(device);
		if (r < 0)
			return err_wrap(err, "read device %s", path);
	}
	return 0;
}

static int read_devices(struct reader *reader, struct err *err)
{
	json_t *answer;
	int r = qom_ask(&reader->qom, "query-pci", NULL, &answer, err);

	if (r < 0)
		return r;
	/* A machine without PCI refuses. */
	reader->pci = r > 0 ? qemu_decode_pci(answer) : json_object();
	if (r > 0)
		json_decref(answer);
	r = read_folder(reader, qom_device_folders[0], true, err);
	return r < 0 ? r : read_folder(reader, qom_device_folders[1], false, err);
}

/* ---- objects ---- */

/*
 * Of a memory backend. Of other objects nothing but their type is asked for: some of
 * them are secrets.
 */
static int read_memory_backend(struct reader *reader, struct machine_backend *object,
			       struct err *err)
{
	static const char *const properties[] = { "size",    "mem-path", "share",
						  "hugetlb", "prealloc", "hugetlbsize" };
	char path[QOM_PATH_SIZE];
	json_t *value, *clean;

	snprintf(path, sizeof(path), "/objects/%.*s", QEMU_NAME_SIZE, object->id);
	for (size_t i = 0; i < ARRAY_SIZE(properties); i++) {
		int r = qom_get(&reader->qom, path, properties[i], &value, err);

		if (r < 0)
			return r;
		if (r == 0)
			continue;
		clean = qemu_decode_value(value);
		if (clean)
			json_object_set_new(object->props, properties[i], clean);
		json_decref(value);
	}
	return 0;
}

static int read_objects(struct reader *reader, struct err *err)
{
	struct machine *machine = reader->machine;
	_cleanup_free_ struct qom_child *list = NULL;
	size_t n;
	int r = qom_children(&reader->qom, "/objects", &list, &n, err);

	if (r < 0 || n == 0)
		return r;
	machine->objects = calloc(n, sizeof(*machine->objects));
	if (!machine->objects)
		return err_nomem(err);
	for (size_t i = 0; i < n; i++) {
		struct machine_backend *object = &machine->objects[machine->n_objects++];

		object->type = strdup(list[i].type);
		object->id = strdup(list[i].name);
		object->props = json_object();
		if (!object->type || !object->id || !object->props)
			return err_nomem(err);
		if (!str_starts(object->type, "memory-backend-"))
			continue;
		r = read_memory_backend(reader, object, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Whether every memory backend has that; false for none. */
static bool all_memory(const struct machine *machine,
		       bool (*has)(const struct machine_backend *object))
{
	bool any = false;

	for (size_t i = 0; i < machine->n_objects; i++) {
		if (!str_starts(machine->objects[i].type, "memory-backend-"))
			continue;
		if (!has(&machine->objects[i]))
			return false;
		any = true;
	}
	return any;
}

static bool is_preallocated(const struct machine_backend *object)
{
	return json_is_true(json_object_get(object->props, "prealloc"));
}

static bool is_huge(const struct machine_backend *object)
{
	/* Of a file only the path tells: where hugetlbfs is mounted by custom. */
	return json_is_true(json_object_get(object->props, "hugetlb")) ||
	       strstr(json_get_text(object->props, "mem-path"), "hugepages");
}

/* ---- the rest ---- */

static int read_type(struct reader *reader, struct err *err)
{
	json_t *value;
	int r = qom_get(&reader->qom, "/machine", "type", &value, err);

	if (r <= 0)
		return r;
	reader->machine->type = qemu_decode_machine_type(value);
	json_decref(value);
	return 0;
}

static int read_cpu(struct reader *reader, struct err *err)
{
	_cleanup_free_ char *path = NULL;
	const char *text;
	json_t *value;
	int r = qom_ask(&reader->qom, "query-cpus-fast", NULL, &value, err);

	if (r <= 0)
		return r;
	text = json_get_text(json_array_get(value, 0), "qom-path");
	path = strndup(text, QOM_PATH_SIZE);
	json_decref(value);
	if (!path)
		return err_nomem(err);
	r = *path ? qom_get(&reader->qom, path, "type", &value, err) : 0;
	if (r <= 0)
		return r;
	reader->machine->cpu = qemu_decode_cpu_type(value);
	json_decref(value);
	return 0;
}

static int read_accel(struct reader *reader, struct err *err)
{
	json_t *value;
	int r = qom_ask(&reader->qom, "query-kvm", NULL, &value, err);

	if (r <= 0)
		return r;
	strv_add(&reader->machine->accel,
		 json_is_true(json_object_get(value, "enabled")) ? "kvm" : "tcg");
	json_decref(value);
	return reader->machine->accel.failed ? err_nomem(err) : 0;
}

static int read_memory(struct reader *reader, struct err *err)
{
	json_int_t base, plugged;
	json_t *value;
	int r = qom_ask(&reader->qom, "query-memory-size-summary", NULL, &value, err);

	if (r <= 0)
		return r;
	base = json_integer_value(json_object_get(value, "base-memory"));
	plugged = json_integer_value(json_object_get(value, "plugged-memory"));
	json_decref(value);
	if (base >= 0 && plugged >= 0)
		reader->machine->memory_mib = base / (1 << 20) + plugged / (1 << 20);
	return 0;
}

/* A VM that was given none has one of zeros, which says nothing. */
static int read_uuid(struct reader *reader, struct err *err)
{
	json_t *value;
	int r = qom_ask(&reader->qom, "query-uuid", NULL, &value, err);

	if (r <= 0)
		return r;
	if (*json_get_text(value, "UUID") &&
	    !str_starts(json_get_text(value, "UUID"), "00000000-0000")) {
		reader->machine->uuid = strdup(json_get_text(value, "UUID"));
		r = reader->machine->uuid ? 0 : err_nomem(err);
	}
	json_decref(value);
	return r < 0 ? r : 0;
}

static int read_all(struct reader *reader, struct err *err)
{
	int (*const parts[])(struct reader * reader, struct err * err) = {
		read_type, read_cpu,     read_accel,   read_memory,
		read_uuid, read_objects, read_devices,
	};
	int r = 0;

	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(parts); i++)
		r = parts[i](reader, err);
	return r < 0 ? err_wrap(err, "read the running QEMU") : 0;
}

int qemu_read_machine(struct qmp *qmp, int64_t deadline, struct machine **out, struct err *err)
{
	struct reader reader = {
		.qom = { .qmp = qmp, .deadline = deadline },
		.machine = calloc(1, sizeof(*reader.machine)),
		.types = json_object(),
	};
	struct err local = ERR_INIT; /* the caller's has no words of what was only optional */
	int r;

	if (!reader.machine || !reader.types) {
		r = err_nomem(&local);
	} else {
		reader.machine->running = true;
		reader.machine->props = json_object();
		r = reader.machine->props ? read_all(&reader, &local) : err_nomem(&local);
	}
	json_decref(reader.types);
	json_decref(reader.pci);
	if (r < 0) {
		machine_free(reader.machine);
		return err_set(err, local.kind, local.errnum, "%s", local.msg);
	}
	reader.machine->huge_pages = all_memory(reader.machine, is_huge);
	reader.machine->preallocated = all_memory(reader.machine, is_preallocated);
	*out = reader.machine;
	return 0;
}
