/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/qemu_decode.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"

/* Bridges behind bridges: PCI has 256 buses, QEMU's own machines nest far fewer. */
#define PCI_DEPTH_MAX 32

#define PCI_ROM_BAR 6 /* QEMU include/hw/pci/pci.h: PCI_ROM_SLOT */

/* Numbers of bits. Source: virtio specification, 2.1 and 5.1.3. */
#define VIRTIO_CONFIG_S_DRIVER_OK 2
#define VIRTIO_NET_F_STANDBY 62

/* ---- QOM ---- */

static int by_name(const void *a, const void *b)
{
	const struct qom_child *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* Into out, with its NUL.  Return: whether it fits, and is a text at all. */
static bool copy_name(char out[QEMU_NAME_SIZE], const char *text, size_t len)
{
	if (len == 0 || len >= QEMU_NAME_SIZE)
		return false;
	memcpy(out, text, len);
	out[len] = '\0';
	return true;
}

/* Return: 1: a child; 0: another property; -E2BIG. */
static int decode_child(const json_t *entry, struct qom_child *out)
{
	const char *name = json_get_text(entry, "name"), *type = json_get_text(entry, "type");
	size_t len = strlen(type);

	if (!str_starts(type, "child<") || type[len - 1] != '>')
		return 0;
	type += strlen("child<");
	len -= strlen("child<") + 1;
	if (!copy_name(out->name, name, strlen(name)) || !copy_name(out->type, type, len))
		return -E2BIG;
	return 1;
}

int qemu_decode_children(const json_t *answer, const char *path, struct qom_child **out,
			 size_t *n, struct err *err)
{
	size_t size = json_array_size(answer), i;
	struct qom_child *list;
	const json_t *entry;

	*out = NULL;
	*n = 0;
	if (!json_is_array(answer))
		return err_set(err, ERR_REFUSED, EPROTO, "qom-list %s: no list", path);
	if (size > QEMU_CHILDREN_MAX)
		return err_set(err, ERR_REFUSED, E2BIG,
			       "qom-list %s: %zu entries; vmfo reads at most %d", path, size,
			       QEMU_CHILDREN_MAX);
	list = calloc(size ?: 1, sizeof(*list));
	if (!list)
		return err_nomem(err);
	json_array_foreach (answer, i, entry) {
		int r = decode_child(entry, &list[*n]);

		if (r < 0) {
			free(list);
			*n = 0;
			return err_set(err, ERR_REFUSED, -r,
				       "qom-list %s: entry %zu: a name or a type that is empty "
				       "or has more than %d bytes",
				       path, i, QEMU_NAME_SIZE - 1);
		}
		*n += (size_t)r;
	}
	qsort(list, *n, sizeof(*list), by_name);
	*out = list;
	return 0;
}

bool qemu_decode_has(const json_t *answer, const char *property)
{
	const json_t *entry;
	size_t i;

	json_array_foreach (answer, i, entry)
		if (str_eq(json_get_text(entry, "name"), property))
			return true;
	return false;
}

bool qemu_decode_path_end(const json_t *path, char out[QEMU_NAME_SIZE])
{
	const char *text = json_string_value(path), *slash = text ? strrchr(text, '/') : NULL;

	return slash && copy_name(out, slash + 1, strlen(slash + 1));
}

json_t *qemu_decode_value(const json_t *value)
{
	char name[QEMU_NAME_SIZE];

	if (json_is_integer(value) || json_is_boolean(value))
		return json_copy((json_t *)value);
	if (!json_is_string(value) || json_string_length(value) == 0 ||
	    json_string_length(value) > QEMU_TEXT_MAX)
		return NULL;
	/* A link's value is the path of what it leads to. */
	if (str_starts(json_string_value(value), "/objects/"))
		return qemu_decode_path_end(value, name) ? json_string(name) : NULL;
	return json_string(json_string_value(value));
}

/* The text without one of its ends; new. */
static char *without_end(const char *text, const char *end)
{
	size_t len = strlen(text), cut = strlen(end);

	if (len > cut && str_eq(text + len - cut, end))
		len -= cut;
	return strndup(text, len);
}

char *qemu_decode_machine_type(const json_t *type)
{
	const char *text = json_string_value(type);

	return text && *text && json_string_length(type) < QEMU_NAME_SIZE ?
		       without_end(text, "-machine") :
		       NULL;
}

char *qemu_decode_cpu_type(const json_t *type)
{
	const char *text = json_string_value(type);
	char *model, *target;

	if (!text || !*text || json_string_length(type) >= QEMU_NAME_SIZE)
		return NULL;
	model = without_end(text, "-cpu");
	/* "Skylake-Server-x86_64": what follows the last dash is the architecture. */
	target = model ? strrchr(model, '-') : NULL;
	if (target && target != model && !str_eq(model, text))
		*target = '\0';
	return model;
}

/* ---- virtio ---- */

/* Whether a list of texts "NAME: description", or a number, has that bit. */
static enum fact has_bit(const json_t *flags, const char *name, unsigned int bit)
{
	const json_t *flag;
	size_t i, len = strlen(name);

	if (json_is_integer(flags))
		return ((uint64_t)json_integer_value(flags) >> bit) & 1 ? FACT_YES : FACT_NO;
	if (!json_is_array(flags))
		return FACT_UNKNOWN;
	json_array_foreach (flags, i, flag) {
		const char *text = json_string_value(flag);

		/* Also as numbers of bits. */
		if (json_is_integer(flag) && json_integer_value(flag) == (json_int_t)bit)
			return FACT_YES;
		if (text && strncmp(text, name, len) == 0 &&
		    (text[len] == ':' || text[len] == '\0'))
			return FACT_YES;
	}
	return FACT_NO;
}

int qemu_decode_virtio_status(const json_t *answer, enum fact *driver_ok, enum fact *negotiated)
{
	const json_t *status = json_object_get(answer, "status");
	const json_t *features = json_object_get(answer, "guest-features");

	if (json_is_object(status))
		status = json_object_get(status, "statuses");
	if (json_is_object(features))
		features = json_object_get(features, "dev-features");
	*driver_ok = has_bit(status, "VIRTIO_CONFIG_S_DRIVER_OK", VIRTIO_CONFIG_S_DRIVER_OK);
	*negotiated = has_bit(features, "VIRTIO_NET_F_STANDBY", VIRTIO_NET_F_STANDBY);
	if (*driver_ok != FACT_UNKNOWN && *negotiated != FACT_UNKNOWN)
		return 0;
	*driver_ok = *negotiated = FACT_UNKNOWN;
	return -EPROTO;
}

/* ---- PCI ---- */

static void index_devices(json_t *index, const json_t *devices, unsigned int depth)
{
	const json_t *device;
	size_t i;

	if (depth > PCI_DEPTH_MAX)
		return;
	json_array_foreach (devices, i, device) {
		const char *id = json_get_text(device, "qdev_id");

		if (*id && !json_object_get(index, id))
			json_object_set(index, id, (json_t *)device);
		index_devices(index,
			      json_object_get(json_object_get(device, "pci_bridge"), "devices"),
			      depth + 1);
	}
}

json_t *qemu_decode_pci(const json_t *answer)
{
	json_t *index = json_object();
	const json_t *bus;
	size_t i;

	json_array_foreach (answer, i, bus)
		index_devices(index, json_object_get(bus, "devices"), 0);
	return index;
}

/* A number of that object, up to a limit.  Return: the number, or -1. */
static int number_of(const json_t *object, const char *key, int max)
{
	const json_t *value = json_object_get(object, key);
	json_int_t number = json_integer_value(value);

	return json_is_integer(value) && number >= 0 && number <= max ? (int)number : -1;
}

int qemu_decode_pci_place(const json_t *devices, const char *id, struct qemu_pci_place *out)
{
	const json_t *device = json_object_get(devices, id), *region, *ids, *regions;
	int bus, slot, function, vendor, model;
	size_t i;

	if (!device)
		return -ENOENT;
	ids = json_object_get(device, "id");
	regions = json_object_get(device, "regions");
	bus = number_of(device, "bus", 255);
	slot = number_of(device, "slot", 31);
	function = number_of(device, "function", 7);
	vendor = number_of(ids, "vendor", 0xffff);
	model = number_of(ids, "device", 0xffff);
	if (bus < 0 || slot < 0 || function < 0 || vendor < 0 || model < 0 ||
	    !json_is_array(regions))
		return -EPROTO;
	*out = (struct qemu_pci_place){ .bus = bus,
					.slot = slot,
					.function = function,
					.vendor = (unsigned int)vendor,
					.device = (unsigned int)model };
	json_array_foreach (regions, i, region)
		if (number_of(region, "bar", PCI_ROM_BAR) == PCI_ROM_BAR)
			out->rom = true;
	return 0;
}

/* ---- texts ---- */

/* Whether nothing but the end of a line is left. */
static bool is_line_end(const char *text)
{
	return text[strspn(text, "\r\n")] == '\0';
}

int qemu_decode_xp(const json_t *answer, uint64_t address, uint16_t *out)
{
	const char *text = json_string_value(answer);
	uint64_t at;
	unsigned int value;
	int end = 0;

	if (!text || json_string_length(answer) > 64 ||
	    sscanf(text, "%16" SCNx64 ": 0x%4x%n", &at, &value, &end) != 2 || at != address ||
	    !is_line_end(text + end))
		return -EPROTO;
	*out = (uint16_t)value;
	return 0;
}

int qemu_decode_number(const json_t *answer, uint64_t *out)
{
	const char *text = json_string_value(answer);
	char *end;

	if (!text || *text < '0' || *text > '9' || json_string_length(answer) > 32)
		return -EPROTO;
	errno = 0;
	*out = strtoull(text, &end, 10);
	return errno || !is_line_end(end) ? -EPROTO : 0;
}
