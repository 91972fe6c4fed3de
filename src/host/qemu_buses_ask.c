/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The buses of a QEMU that can be asked, found by a walk through its objects: a bus is the
 * child of what has it. `qom-list-types` could tell which types are slots, and is left
 * alone: it loads every module of QEMU into the process, and if the package has been
 * upgraded while the VM ran, those do not fit, and the VM aborts.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "host/qemu_buses.h"

/* Of a machine with 64 pairs some 800 are asked. */
#define MAX_OBJECTS 8192
#define MAX_BUSES 1024
/* /machine/chip[0]/phb[0]/root: the deepest is 4 below. */
#define MAX_DEPTH 5

struct walk {
	struct qmp *qmp;
	int64_t deadline;
	struct buses *buses;
	size_t room;  /* of buses->list */
	size_t asked; /* objects */
	/* Most buses have the same handler: its path, and its type. */
	char *handler;
	char *handler_type;
};

/* What a walk has to know of the object that it looks into. */
struct object {
	const char *path, *type;
	const json_t *members; /* of qom-list */
};

/* The kinds of PCI bus. Source: QEMU hw/pci, hw/pci-bridge, hw/pci-host. */
static const struct {
	const char *type;
	bool express;
} bus_types[] = {
	{ "PCI", false },          { "pxb-bus", false },      { "PCIE", true },
	{ "CXL", true },           { "pxb-pcie-bus", true },  { "pxb-cxl-bus", true },
	{ "pnv-phb3-root", true }, { "pnv-phb4-root", true },
};

/* Return: index into bus_types; -1: no PCI bus. */
static int bus_type_of(const char *type)
{
	for (size_t i = 0; i < ARRAY_SIZE(bus_types); i++)
		if (str_eq(bus_types[i].type, type))
			return (int)i;
	return -1;
}

/* The type in "child<TYPE>", the caller's; NULL: a property that is no child. */
static char *child_type(const json_t *member)
{
	const char *text = json_get_text(member, "type");
	size_t length = strlen(text);

	if (!str_starts(text, "child<") || text[length - 1] != '>')
		return NULL;
	return strndup(text + 6, length - 7);
}

static bool has_member(const struct object *object, const char *name)
{
	const json_t *member;
	size_t i;

	json_array_foreach (object->members, i, member)
		if (str_eq(json_get_text(member, "name"), name))
			return true;
	return false;
}

/* value: NULL where there is no such property (any more). */
static int get(struct walk *walk, const char *path, const char *property, json_t **value,
	       struct err *err)
{
	int r = qmp_command(walk->qmp, "qom-get",
			    json_pack("{ss ss}", "path", path, "property", property),
			    walk->deadline, value, err);

	if (r == -EREMOTEIO) {
		*value = NULL;
		return 0;
	}
	return r < 0 ? err_wrap(err, "qom-get %s %s", path, property) : 0;
}

static int get_text(struct walk *walk, const char *path, const char *property, char **text,
		    struct err *err)
{
	json_t *value;
	int r = get(walk, path, property, &value, err);

	if (r < 0)
		return r;
	*text = strdup(json_is_string(value) ? json_string_value(value) : "");
	json_decref(value);
	return *text ? 0 : err_nomem(err);
}

/* QEMU's text, which is not trusted, cut to the size. */
static void copy_text(char *to, size_t size, const char *text)
{
	snprintf(to, size, "%s", text);
	str_make_printable(to);
}

/* Leaves the handler's path and type in walk. */
static int ask_handler(struct walk *walk, const char *bus_path, const struct object *owner,
		       struct err *err)
{
	char *path, *type;
	int r = get_text(walk, bus_path, "hotplug-handler", &path, err);

	if (r < 0)
		return r;
	if (walk->handler && str_eq(walk->handler, path)) {
		free(path);
		return 0;
	}
	if (!*path || str_eq(path, owner->path)) {
		type = strdup(*path ? owner->type : "");
		r = type ? 0 : err_nomem(err);
	} else {
		r = get_text(walk, path, "type", &type, err);
	}
	if (r < 0) {
		free(path);
		return r;
	}
	free(walk->handler);
	free(walk->handler_type);
	walk->handler = path;
	walk->handler_type = type;
	return 0;
}

/*
 * A port that is its own bus's handler works as a native PCI Express slot; a bridge of
 * conventional PCI that is does so by SHPC. ACPI has one handler for all its buses.
 */
static void judge_handler(const struct walk *walk, const struct object *owner, struct bus *bus)
{
	static const char *const acpi[] = { "ICH9-LPC", "PIIX4_PM" };

	copy_text(bus->handler, sizeof(bus->handler), walk->handler_type);
	bus->native = !bus->root && str_eq(bus->type, "PCIE") &&
		      str_eq(walk->handler, owner->path);
	bus->partial_unplug = bus->native;
	for (size_t i = 0; i < ARRAY_SIZE(acpi); i++)
		if (str_eq(walk->handler_type, acpi[i]))
			bus->partial_unplug = true;
}

static int push_bus(struct walk *walk, const struct bus *bus, struct err *err)
{
	struct buses *buses = walk->buses;

	if (buses->n == MAX_BUSES)
		return err_set(err, ERR_REFUSED, E2BIG, "it has more than %d PCI buses",
			       MAX_BUSES);
	if (buses->n == walk->room) {
		size_t room = walk->room ? 2 * walk->room : 16;
		struct bus *grown = realloc(buses->list, room * sizeof(*grown));

		if (!grown)
			return err_nomem(err);
		buses->list = grown;
		walk->room = room;
	}
	buses->list[buses->n++] = *bus;
	return 0;
}

/* The port's property; most buses' owners have none. */
static int ask_hotplug(struct walk *walk, const struct object *owner, bool *hotplug,
		       struct err *err)
{
	json_t *value;
	int r;

	*hotplug = true;
	if (!has_member(owner, "hotplug"))
		return 0;
	r = get(walk, owner->path, "hotplug", &value, err);
	if (r < 0)
		return r;
	*hotplug = !json_is_false(value);
	json_decref(value);
	return 0;
}

static int add_bus(struct walk *walk, const struct object *owner, const char *name,
		   bool express, struct err *err)
{
	_cleanup_free_ char *path = str_printf("%s/%s", owner->path, name);
	struct bus bus = { 0 };
	int r;

	if (!path)
		return err_nomem(err);
	/* A name that does not fit would be another bus's: better an unknown bus. */
	if (strlen(name) >= sizeof(bus.name))
		return 0;
	r = ask_hotplug(walk, owner, &bus.hotplug, err);
	if (r == 0)
		r = ask_handler(walk, path, owner, err);
	if (r < 0)
		return r;
	copy_text(bus.name, sizeof(bus.name), name);
	copy_text(bus.type, sizeof(bus.type), express ? "PCIE" : "PCI");
	copy_text(bus.owner, sizeof(bus.owner), owner->type);
	copy_text(bus.path, sizeof(bus.path), path);
	/* A bridge is itself a PCI device, at an address; a host bridge is not. */
	bus.root = !has_member(owner, "addr");
	judge_handler(walk, owner, &bus);
	return push_bus(walk, &bus, err);
}

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), n = strlen(end);

	return length >= n && str_eq(text + length - n, end);
}

/* Things of which there are many, a port alone has some seventeen, and that have no bus. */
static bool is_leaf(const char *type)
{
	return ends_with(type, "memory-region") || ends_with(type, "-cpu") ||
	       str_eq(type, "irq") ||
	       (str_starts(type, "virtio-") && ends_with(type, "-device"));
}

static int look_into(struct walk *walk, const char *path, const char *type, int depth,
		     struct err *err);

static int look_at(struct walk *walk, const struct object *owner, const json_t *member,
		   int depth, struct err *err)
{
	_cleanup_free_ char *type = child_type(member);
	_cleanup_free_ char *path = NULL;
	const char *name = json_get_text(member, "name");
	int bus_type;

	if (!type)
		return 0;
	bus_type = bus_type_of(type);
	if (bus_type >= 0)
		return add_bus(walk, owner, name, bus_types[bus_type].express, err);
	if (depth == MAX_DEPTH || is_leaf(type))
		return 0;
	path = str_printf("%s/%s", owner->path, name);
	return path ? look_into(walk, path, type, depth + 1, err) : err_nomem(err);
}

static int look_into(struct walk *walk, const char *path, const char *type, int depth,
		     struct err *err)
{
	struct object object = { .path = path, .type = type };
	json_t *members;
	json_t *member;
	size_t i;
	int r;

	if (walk->asked++ == MAX_OBJECTS)
		return err_set(err, ERR_REFUSED, E2BIG, "it has more than %d objects",
			       MAX_OBJECTS);
	r = qmp_command(walk->qmp, "qom-list", json_pack("{ss}", "path", path), walk->deadline,
			&members, err);
	if (r == -EREMOTEIO && depth > 0) /* unplugged meanwhile */
		return 0;
	if (r < 0)
		return err_wrap(err, "qom-list %s", path);
	object.members = members;
	json_array_foreach (members, i, member) {
		r = look_at(walk, &object, member, depth, err);
		if (r < 0)
			break;
	}
	json_decref(members);
	return r;
}

/* "pc-q35-7.2-machine" is of the machine type "pc-q35-7.2". */
static int ask_machine(struct walk *walk, struct err *err)
{
	char *type, *end;
	int r = get_text(walk, "/machine", "type", &type, err);

	if (r < 0)
		return r;
	end = strstr(type, "-machine");
	if (end)
		*end = '\0';
	copy_text(walk->buses->machine, sizeof(walk->buses->machine), type);
	free(type);
	return 0;
}

/* A pxb is a root bus as well, but devices without a bus never go there. */
static int rank(const struct bus *bus)
{
	if (!bus->root)
		return 2;
	return str_starts(bus->owner, "pxb-") || str_starts(bus->path, "/machine/peripheral");
}

static int by_rank(const void *a, const void *b)
{
	const struct bus *x = a, *y = b;
	int order = rank(x) - rank(y);

	return order ? order : strverscmp(x->name, y->name);
}

int qemu_buses_ask(struct qmp *qmp, int64_t deadline, struct buses **out, struct err *err)
{
	struct walk walk = { .qmp = qmp, .deadline = deadline };
	int r;

	walk.buses = calloc(1, sizeof(*walk.buses));
	if (!walk.buses)
		return err_nomem(err);
	r = ask_machine(&walk, err);
	if (r == 0)
		r = look_into(&walk, "/machine", "", 0, err);
	if (r == 0)
		r = qemu_buses_ask_verdicts(qmp, deadline, walk.buses, err);
	free(walk.handler);
	free(walk.handler_type);
	if (r < 0) {
		buses_free(walk.buses);
		return r;
	}
	if (walk.buses->n)
		qsort(walk.buses->list, walk.buses->n, sizeof(struct bus), by_rank);
	*out = walk.buses;
	return 0;
}
