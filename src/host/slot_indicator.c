/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/slot_indicator.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

#define WHY_SIZE 256

/* Source: PCI specification, configuration header; PCI Express, capability structure. */
#define PCI_VENDOR_ID 0x00
#define PCI_DEVICE_ID 0x02
#define PCI_CAPABILITY_LIST 0x34
#define PCI_CAP_ID_EXP 0x10
#define PCI_EXP_SLTCTL 0x18
#define PCI_EXP_SLTCTL_PIC_SHIFT 8

/* What fits into configuration space before it repeats itself. */
#define CAPABILITIES_MAX 48

struct slot {
	char bus[QOM_PATH_SIZE]; /* QOM path */
	char port[QEMU_NAME_SIZE];
	uint64_t config; /* its configuration space, in the guest's memory */
};

/* A text property of an object, "" where it has none.  Return: 0, or a failure. */
static int get_text(const struct qom *qom, const char *path, const char *property,
		    char out[QOM_PATH_SIZE], struct err *err)
{
	const char *text;
	json_t *value;
	int r = qom_get(qom, path, property, &value, err);

	*out = '\0';
	if (r <= 0)
		return r;
	text = json_string_value(value);
	if (text && json_string_length(value) < QOM_PATH_SIZE)
		strcpy(out, text);
	json_decref(value);
	return 0;
}

/*
 * Whether the port itself is the hot-plug handler of the device's bus: not ACPI, and not
 * a conventional bridge.  Return: 1, 0, -ENODATA: unknown; or a failure.
 */
static int is_native(const struct qom *qom, const char *path, struct slot *slot,
		     struct err *err)
{
	char handler[QOM_PATH_SIZE], type[QOM_PATH_SIZE];
	const char *end;
	int r = get_text(qom, path, "parent_bus", slot->bus, err);

	if (r == 0 && !*slot->bus)
		return -ENODATA;
	if (r == 0)
		r = get_text(qom, slot->bus, "hotplug-handler", handler, err);
	if (r == 0)
		r = get_text(qom, slot->bus, "type", type, err);
	if (r < 0)
		return r;
	if (!*type)
		return -ENODATA;
	end = strrchr(slot->bus, '/');
	if (!end || !str_eq(type, "PCIE") || !*handler ||
	    strlen(handler) != (size_t)(end - slot->bus) ||
	    strncmp(handler, slot->bus, strlen(handler)) != 0)
		return 0;
	end = strrchr(handler, '/');
	if (!end || strlen(end + 1) >= sizeof(slot->port))
		return -ENODATA;
	strcpy(slot->port, end + 1);
	return 1;
}

/* A command of the human monitor.  Return: as qom_ask(). */
static int ask_human(const struct qom *qom, const char *line, json_t **ret, struct err *err)
{
	return qom_ask(qom, "human-monitor-command", json_pack("{ss}", "command-line", line),
		       ret, err);
}

/* Return: 1; 0: it gave no number; or a failure. */
static int read_config(const struct qom *qom, const struct slot *slot, unsigned int offset,
		       uint16_t *out, struct err *err)
{
	uint64_t address = slot->config + offset;
	char line[64];
	json_t *text;
	int r;

	snprintf(line, sizeof(line), "xp /1hx %#" PRIx64, address);
	r = ask_human(qom, line, &text, err);
	if (r <= 0)
		return r;
	r = qemu_decode_xp(text, address, out) == 0;
	json_decref(text);
	return r;
}

/* The begin of the ECAM window.  Return: 1; 0: none, or not one that is known. */
static int find_window(const struct qom *qom, uint64_t *out, struct err *err)
{
	json_t *text;
	/* Not by qom-get: a window that is not mapped is at 2^64 - 1, no number of JSON's. */
	int r = ask_human(qom, "qom-get /machine/q35 MCFG", &text, err);

	if (r <= 0)
		return r;
	r = qemu_decode_number(text, out) == 0 && *out != UINT64_MAX && *out % (1 << 20) == 0;
	json_decref(text);
	return r;
}

/* Sets slot->config.  Return: 1; 0, and why says why; or a failure. */
static int find_config(const struct qom *qom, struct slot *slot, char why[WHY_SIZE],
		       struct err *err)
{
	json_t *answer = NULL, *devices;
	struct qemu_pci_place place;
	uint16_t vendor = 0, device = 0;
	int r = find_window(qom, &slot->config, err);

	if (r == 0)
		snprintf(why, WHY_SIZE,
			 "the machine has no window onto PCI configuration space"
			 " that vmfo can find");
	if (r <= 0)
		return r;
	r = qom_ask(qom, "query-pci", NULL, &answer, err);
	if (r < 0)
		return r;
	devices = qemu_decode_pci(answer);
	r = qemu_decode_pci_place(devices, slot->port, &place) == 0;
	json_decref(devices);
	json_decref(answer);
	if (r == 0) {
		snprintf(why, WHY_SIZE, "query-pci does not say where port %s is", slot->port);
		return 0;
	}
	slot->config += (uint64_t)place.bus << 20 | (uint64_t)place.slot << 15 |
			(uint64_t)place.function << 12;
	/* A guest that has not numbered its buses yet has another device there, or none. */
	r = read_config(qom, slot, PCI_VENDOR_ID, &vendor, err);
	if (r > 0)
		r = read_config(qom, slot, PCI_DEVICE_ID, &device, err);
	if (r < 0)
		return r;
	if (vendor != place.vendor || device != place.device) {
		snprintf(why, WHY_SIZE, "port %s does not answer where query-pci says it is",
			 slot->port);
		return 0;
	}
	return 1;
}

/* The Slot Control register.  Return: 1; 0: none; or a failure. */
static int read_slot_control(const struct qom *qom, const struct slot *slot, uint16_t *out,
			     struct err *err)
{
	uint16_t at;
	int r = read_config(qom, slot, PCI_CAPABILITY_LIST, &at, err);

	for (int i = 0; r > 0 && i < CAPABILITIES_MAX && (at & 0xff); i++) {
		unsigned int capability = at & 0xfc;

		r = read_config(qom, slot, capability, &at, err);
		if (r > 0 && (at & 0xff) == PCI_CAP_ID_EXP)
			return read_config(qom, slot, capability + PCI_EXP_SLTCTL, out, err);
		at >>= 8; /* of the next one */
	}
	return r < 0 ? r : 0;
}

static enum slot_indicator indicator_of(uint16_t slot_control)
{
	static const enum slot_indicator indicators[] = { INDICATOR_UNKNOWN, INDICATOR_ON,
							  INDICATOR_BLINKING, INDICATOR_OFF };

	return indicators[slot_control >> PCI_EXP_SLTCTL_PIC_SHIFT & 3];
}

int slot_indicator_read(const struct qom *qom, const char *path, bool own,
			enum slot_indicator *out, char why[WHY_SIZE], struct err *err)
{
	struct slot slot = { 0 };
	uint16_t control;
	int r = is_native(qom, path, &slot, err);

	*out = INDICATOR_UNKNOWN;
	if (r == -ENODATA) {
		snprintf(why, WHY_SIZE, "QEMU does not say in which slot the primary is");
		return 0;
	}
	if (r == 0)
		*out = INDICATOR_NONE;
	if (r <= 0)
		return r;
	if (!own) {
		snprintf(
			why, WHY_SIZE,
			"the power indicator of slot %s is read by commands of the human monitor, "
			"which vmfo gives to VMs of its own only",
			slot.port);
		return 0;
	}
	r = find_config(qom, &slot, why, err);
	if (r <= 0)
		return r;
	r = read_slot_control(qom, &slot, &control, err);
	if (r < 0)
		return r;
	if (r > 0)
		*out = indicator_of(control);
	if (*out == INDICATOR_UNKNOWN)
		snprintf(why, WHY_SIZE, "the registers of port %s do not say it", slot.port);
	return 0;
}
