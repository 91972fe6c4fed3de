/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is started, to be asked: the machine's skeleton.
 */
#include "host/qemu_buses.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "host/qemu_run.h"
#include "model/qemu_opts.h"

/* More ports than a machine has bus numbers are no machine. */
#define MAX_BRIDGES 1024

/* Those that bring a PCI bus, by their names in QEMU. */
static const char *const bridges[] = {
	"cxl-downstream",
	"cxl-rp",
	"cxl-upstream",
	"i82801b11-bridge",
	"ioh3420",
	"pci-bridge",
	"pci-bridge-seat",
	"pcie-pci-bridge",
	"pcie-root-port",
	"pnv-phb3",
	"pnv-phb3-root-port",
	"pnv-phb4",
	"pnv-phb4-root-port",
	"pnv-phb",
	"pnv-phb-root-port",
	"pxb",
	"pxb-cxl",
	"pxb-pcie",
	"spapr-pci-host-bridge",
	"x3130-upstream",
	"xio3130-downstream",
};

/* The properties of -machine that decide whether there is ACPI, PCI Express or CXL. */
static const char *const machine_props[] = { "acpi", "acpi-pcihp", "cxl", "pcie" };

static bool is_among(const char *const *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(list[i], name))
			return true;
	return false;
}

/*
 * A bridge that is not in the list gives itself away: another device is on a bus of its
 * name, as PCI bridges call theirs. A NVMe controller calls its bus so, too.
 * used: the names of the buses that devices are on, as keys.
 */
static bool is_bridge(const struct machine_device *device, const json_t *used)
{
	if (is_among(bridges, ARRAY_SIZE(bridges), device->driver))
		return true;
	return device->id && !str_eq(device->driver, "nvme") &&
	       json_object_get(used, device->id);
}

static bool is_about_hotplug(const struct machine_global *global)
{
	return strstr(global->property, "hotplug") || strstr(global->property, "shpc") ||
	       is_among(bridges, ARRAY_SIZE(bridges), global->driver);
}

/* A property's value as the text of a command line; NULL: it has none there. */
static const char *value_text(const json_t *value, char buf[32])
{
	if (json_is_string(value))
		return json_string_value(value);
	if (json_is_boolean(value))
		return json_is_true(value) ? "on" : "off";
	if (!json_is_integer(value))
		return NULL;
	snprintf(buf, 32, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	return buf;
}

static void add_machine(const struct machine *machine, struct strv *argv)
{
	if (machine->type) {
		strv_add(argv, "-machine");
		strv_add(argv, machine->type);
	}
	for (size_t i = 0; i < ARRAY_SIZE(machine_props); i++) {
		char buf[32];
		const char *value =
			value_text(json_object_get(machine->props, machine_props[i]), buf);

		if (!value)
			continue;
		strv_add(argv, "-machine");
		strv_addf(argv, "%s=%s", machine_props[i], value);
	}
}

static void add_global(const struct machine_global *global, struct strv *argv)
{
	_cleanup_free_ char *head = str_printf("driver=%s", global->driver);
	_cleanup_qemu_opts_ struct qemu_opts opts = QEMU_OPTS(head);

	qemu_opts_add(&opts, "property", global->property);
	qemu_opts_add(&opts, "value", global->value);
	if (head)
		qemu_opts_write(&opts, "-global", argv);
	else
		argv->failed = true;
}

static void add_bridge(const struct machine_device *device, struct strv *argv)
{
	_cleanup_qemu_opts_ struct qemu_opts opts = QEMU_OPTS(device->driver);
	const char *key;
	json_t *value;
	char buf[32];

	if (device->id)
		qemu_opts_add(&opts, "id", device->id);
	if (device->bus)
		qemu_opts_add(&opts, "bus", device->bus);
	if (device->addr)
		qemu_opts_add(&opts, "addr", device->addr);
	json_object_foreach (device->props, key, value) {
		const char *text = value_text(value, buf);

		if (text)
			qemu_opts_add(&opts, key, text);
	}
	qemu_opts_write(&opts, "-device", argv);
}

static int add_bridges(const struct machine *machine, struct strv *argv, struct err *err)
{
	json_t *used = json_object();
	size_t n = 0;

	if (!used)
		return err_nomem(err);
	/* A name that is no UTF-8 is no key, and no id that QEMU takes. */
	for (size_t i = 0; i < machine->n_devices; i++)
		if (machine->devices[i].bus)
			json_object_set_new(used, machine->devices[i].bus, json_true());
	for (size_t i = 0; i < machine->n_devices && n <= MAX_BRIDGES; i++) {
		if (!is_bridge(&machine->devices[i], used))
			continue;
		add_bridge(&machine->devices[i], argv);
		n++;
	}
	json_decref(used);
	return n <= MAX_BRIDGES ? 0 :
				  err_set(err, ERR_REFUSED, E2BIG,
					  "it has more than %d PCI bridges", MAX_BRIDGES);
}

int qemu_buses_add_args(const struct machine *machine, struct strv *argv, struct err *err)
{
	add_machine(machine, argv);
	for (size_t i = 0; i < machine->n_globals; i++)
		if (is_about_hotplug(&machine->globals[i]))
			add_global(&machine->globals[i], argv);
	return add_bridges(machine, argv, err);
}

static int on_started(void *data, struct qmp *qmp, int64_t deadline, struct err *err)
{
	return qemu_buses_ask(qmp, deadline, data, err);
}

int qemu_buses_read(struct loop *loop, const char *binary, const struct machine *machine,
		    struct buses **out, struct err *err)
{
	_cleanup_free_ char *purpose = str_printf("ask %s for the PCI buses of %s", binary,
						  machine->type ?: "its default machine");
	_cleanup_(strv_clear) struct strv argv = { 0 };
	struct buses *buses = NULL;
	int r;

	if (!purpose)
		return err_nomem(err);
	strv_add(&argv, binary);
	/* No guest runs: what can start anywhere will do. */
	strv_add(&argv, "-accel");
	strv_add(&argv, "tcg");
	strv_add(&argv, "-accel");
	strv_add(&argv, "kvm");
	r = qemu_buses_add_args(machine, &argv, err);
	if (r < 0)
		return err_wrap(err, "%s", purpose);
	r = qemu_run(loop, &argv, purpose, on_started, &buses, err);
	if (r < 0)
		buses_free(buses);
	else
		*out = buses;
	return r;
}
