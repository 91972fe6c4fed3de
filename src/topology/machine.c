/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "topology/machine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"
#include "topology/machine_parse.h"

void machine_device_clear(struct machine_device *device)
{
	free(device->driver);
	free(device->id);
	free(device->bus);
	free(device->addr);
	json_decref(device->props);
}

static void free_backends(struct machine_backend *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(list[i].type);
		free(list[i].id);
		json_decref(list[i].props);
	}
	free(list);
}

void machine_free(struct machine *machine)
{
	if (!machine)
		return;
	for (size_t i = 0; i < machine->n_devices; i++)
		machine_device_clear(&machine->devices[i]);
	free(machine->devices);
	json_decref(machine->device_index);
	free_backends(machine->netdevs, machine->n_netdevs);
	free_backends(machine->objects, machine->n_objects);
	for (size_t i = 0; i < machine->n_globals; i++) {
		free(machine->globals[i].driver);
		free(machine->globals[i].property);
		free(machine->globals[i].value);
	}
	free(machine->globals);
	json_decref(machine->global_index);
	free(machine->binary);
	free(machine->type);
	json_decref(machine->props);
	strv_clear(&machine->accel);
	free(machine->cpu);
	free(machine->uuid);
	strv_clear(&machine->passed_over);
	free(machine);
}

/* ---- kinds of devices ---- */

static bool is_among(const char *driver, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(driver, names[i]))
			return true;
	return false;
}

bool machine_is_virtio_net(const struct machine_device *device)
{
	/* The last is an alias of the first. */
	static const char *const names[] = { "virtio-net-pci", "virtio-net-pci-transitional",
					     "virtio-net-pci-non-transitional", "virtio-net" };

	return is_among(device->driver, names, ARRAY_SIZE(names));
}

bool machine_is_vfio(const struct machine_device *device)
{
	static const char *const names[] = { "vfio-pci", "vfio-pci-nohotplug" };

	return is_among(device->driver, names, ARRAY_SIZE(names));
}

bool machine_is_nic(const struct machine_device *device)
{
	/* Source: -device help of 7.2 and 10.0, "Network devices", those of bus PCI. */
	static const char *const names[] = {
		"e1000",   "e1000-82544gc", "e1000-82545em", "e1000e",  "i82550",  "i82551",
		"i82557a", "i82557b",       "i82557c",       "i82558a", "i82558b", "i82559a",
		"i82559b", "i82559c",       "i82559er",      "i82562",  "i82801",  "igb",
		"igbvf",   "ne2k_pci",      "pcnet",         "rtl8139", "sungem",  "sunhme",
		"tulip",   "vmxnet3",       "e1000-82540em",
	};

	return machine_is_virtio_net(device) ||
	       is_among(device->driver, names, ARRAY_SIZE(names));
}

/* ---- properties ---- */

static json_t *global_of(const struct machine *machine, const char *driver,
			 const char *property)
{
	return json_object_get(json_object_get(machine->global_index, driver), property);
}

/*
 * A -global counts for one class of QEMU's and all that are made from it, never for an
 * alias. A virtio-net-pci is two objects, and the inner has "failover", "mac" and others
 * too: what is said of the outer wins (tried with 7.2.22, `info qtree`).
 */
static const json_t *property_value(const struct machine *machine,
				    const struct machine_device *device, const char *property)
{
	const json_t *value = json_object_get(device->props, property);
	bool alias = str_eq(device->driver, "virtio-net");

	if (!value)
		value = global_of(machine, alias ? "virtio-net-pci" : device->driver, property);
	if (!value && (machine_is_nic(device) || machine_is_vfio(device)))
		value = global_of(machine, "pci-device", property);
	if (!value && machine_is_virtio_net(device))
		value = global_of(machine, "virtio-net-device", property);
	return value;
}

const char *machine_text(const struct machine *machine, const struct machine_device *device,
			 const char *property, char buf[32])
{
	const json_t *value = property_value(machine, device, property);

	if (json_is_string(value))
		return json_string_value(value);
	if (json_is_boolean(value))
		snprintf(buf, 32, "%s", json_is_true(value) ? "on" : "off");
	else if (json_is_integer(value))
		snprintf(buf, 32, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else if (json_is_real(value))
		snprintf(buf, 32, "%g", json_real_value(value));
	else
		return NULL;
	return buf;
}

bool machine_bool(const struct machine *machine, const struct machine_device *device,
		  const char *property, bool absent)
{
	static const char *const on[] = { "on", "yes", "true", "y" };
	static const char *const off[] = { "off", "no", "false", "n" };
	const json_t *value = property_value(machine, device, property);
	const char *text = json_string_value(value);

	if (json_is_boolean(value))
		return json_is_true(value);
	if (text && is_among(text, on, ARRAY_SIZE(on)))
		return true;
	if (text && is_among(text, off, ARRAY_SIZE(off)))
		return false;
	return absent;
}

const char *machine_pair_id(const struct machine *machine, const struct machine_device *device)
{
	const char *id = json_string_value(json_object_get(device->props, "failover_pair_id"));

	(void)machine;
	/* A running QEMU says "" of every device that is no primary. */
	return id && *id ? id : NULL;
}

/* ---- finding ---- */

const struct machine_device *machine_find(const struct machine *machine, const char *id)
{
	if (machine->device_index) {
		const json_t *at = json_object_get(machine->device_index, id);

		return at ? &machine->devices[json_integer_value(at)] : NULL;
	}
	for (size_t i = 0; i < machine->n_devices; i++)
		if (machine->devices[i].id && str_eq(machine->devices[i].id, id))
			return &machine->devices[i];
	return NULL;
}

const struct machine_backend *machine_find_netdev(const struct machine *machine, const char *id)
{
	for (size_t i = 0; i < machine->n_netdevs; i++)
		if (machine->netdevs[i].id && str_eq(machine->netdevs[i].id, id))
			return &machine->netdevs[i];
	return NULL;
}

/* ---- names and addresses ---- */

const char *machine_device_name(const struct machine_device *device, char buf[64])
{
	if (device->id)
		snprintf(buf, 64, "%s", device->id);
	else if (device->position)
		snprintf(buf, 64, "%.28s (argument %zu)", device->driver, device->position);
	else
		snprintf(buf, 64, "%.40s (without an id)", device->driver);
	return buf;
}

/* A hexadecimal number up to max at *p, which is left behind it.  Return: -EINVAL: none. */
static int take_hex(const char **p, int max)
{
	static const char digits[] = "0123456789abcdef";
	const char *s = *p, *digit;
	int value = -EINVAL;

	if (s[0] == '0' && (s[1] | 0x20) == 'x')
		s += 2;
	while (*s && (digit = strchr(digits, *s < 'A' || *s > 'F' ? *s : *s | 0x20))) {
		value = 16 * (value < 0 ? 0 : value) + (int)(digit - digits);
		if (value > max)
			return -EINVAL;
		s++;
	}
	*p = s;
	return value;
}

int machine_parse_addr(const char *addr, int *slot, int *function)
{
	int s, f = 0;

	if (!addr)
		return -ENOENT;
	s = take_hex(&addr, 31);
	if (s >= 0 && *addr == '.') {
		addr++;
		f = take_hex(&addr, 7);
	}
	if (s < 0 || f < 0 || *addr)
		return -EINVAL;
	*slot = s;
	*function = f;
	return 0;
}
