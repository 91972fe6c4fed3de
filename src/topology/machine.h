/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A QEMU machine as a set of devices: what a command line asks for, or what a running
 * QEMU says that it has. The topology rules look at this, whatever it was made from.
 */
#ifndef VMFO_TOPOLOGY_MACHINE_H
#define VMFO_TOPOLOGY_MACHINE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "model/mac.h"
#include "model/vmdef.h"

/* A -device, or a device of /machine/peripheral and /machine/peripheral-anon. */
struct machine_device {
	char *driver; /* "vfio-pci"; an alias ("virtio-net") as it was written */
	char *id;     /* NULL: none was given */
	char *bus;    /* the bus's name; NULL: QEMU chooses */
	char *addr;   /* as written, "0x2.0x1"; NULL: QEMU chooses */
	/*
	 * Every property that was given, "driver", "id", "bus" and "addr" left out. From text
	 * the values are strings, from JSON they are what was written: ask by machine_text()
	 * and the others below, which also know of -global.
	 */
	json_t *props;
	size_t order;    /* in which QEMU makes them, from 0: after text come those as JSON */
	size_t position; /* among the arguments, from 1; 0: not from a command line */
};

struct machine_backend {
	char *type; /* of a netdev "tap"; of an object "memory-backend-file" */
	char *id;   /* NULL: none was given */
	json_t *props;
};

struct machine_global {
	char *driver;
	char *property;
	char *value;
};

struct machine {
	bool running;  /* read from a running QEMU: there is no order, and no hidden primary */
	char *binary;  /* argv[0]; NULL when running */
	char *type;    /* "pc-q35-7.2", "q35"; NULL: the binary's default */
	json_t *props; /* of -machine, type left out; an object */
	struct strv accel;  /* in order of preference; empty: the binary's default */
	char *cpu;          /* model, without its flags; NULL: the machine's default */
	char *uuid;         /* of the VM; NULL: not given */
	int64_t memory_mib; /* 0: not given */
	bool huge_pages; /* all of the RAM lies in huge pages (memory-backend-file, hugetlb) */
	bool preallocated;
	struct machine_device *devices;
	size_t n_devices;
	json_t *device_index; /* id -> place in devices, for machine_find(); or NULL */
	struct machine_backend *netdevs;
	size_t n_netdevs;
	struct machine_backend *objects;
	size_t n_objects;
	struct machine_global *globals;
	size_t n_globals;
	json_t *global_index; /* driver -> property -> last value, for machine_text() */
	/*
	 * Options that nothing here looks at, each once: "-nographic". Those that may make or
	 * change a device are there with their argument: "-set device.net0.mac=…", "-nic user".
	 */
	struct strv passed_over;
};

/* So many devices, netdevs, objects and -globals, each; more than any machine has. */
#define MACHINE_MAX_PARTS 2048

/*
 * Reads a command line as QEMU would: `-device` as key=value text and as JSON, -netdev,
 * -machine/-M, -accel, -global in both its forms, -object, -cpu, -m; one or two dashes.
 * argv[0] is the binary. Values that are no UTF-8 have '?' in place of what is not. out:
 * freed by machine_free().
 * Errors: ERR_USAGE, EINVAL: an option without its argument, text or JSON that QEMU
 * would refuse, an argv[0] that starts other programs ("sudo"); E2BIG: more parts than
 * MACHINE_MAX_PARTS. The message has the position and the text.
 * Source: QEMU softmmu/vl.c (qemu_init, qemu_create_cli_devices), util/qemu-option.c,
 * util/keyval.c.
 */
int machine_from_argv(const char *const *argv, size_t n, struct machine **out, struct err *err);

/*
 * Splits the text of a file into arguments as a POSIX shell would ('', "", \, # at the
 * begin of a word, \ before a newline), and expands nothing. A newline is a blank, and
 * assignments before the first word ("LC_ALL=C", as libvirt's logs have) are left out.
 * After an error out holds a part.
 * Errors: ERR_USAGE, EINVAL: an open quote; what only a shell can do: $ and ` other than
 * in single quotes, |, ;, &, <, >, (, ) and a word's first ~ outside of quotes, by
 * line; a NUL.
 */
int machine_split_text(const char *text, size_t len, const char *file, struct strv *out,
		       struct err *err);

/*
 * What vmfo would start for a definition, its qemu_args included, on a host with vhost-net.
 * Primaries that are VFs are there as vfio-pci without "host": which one is not chosen yet.
 * The binary is the definition's, NULL where it names none.
 * Errors: those of qemu_argv() and machine_from_argv().
 */
int machine_from_definition(const struct vmdef *def, struct machine **out, struct err *err);

void machine_free(struct machine *machine); /* takes NULL */

/* ---- asking ---- */

/*
 * The value of a device's property as text; into buf where it was not written as text. What
 * -global says of the device's own class counts where the device itself does not say it, of
 * NICs also what it says of "pci-device", of virtio-net of "virtio-net-device".
 * Return: borrowed; NULL: not given, or neither a text, a number nor a boolean.
 */
const char *machine_text(const struct machine *machine, const struct machine_device *device,
			 const char *property, char buf[32]);

/* on/yes/true/y, off/no/false/n.  Return: absent where it was not given, or is neither. */
bool machine_bool(const struct machine *machine, const struct machine_device *device,
		  const char *property, bool absent);

/* NULL: no device has that id. */
const struct machine_device *machine_find(const struct machine *machine, const char *id);
const struct machine_backend *machine_find_netdev(const struct machine *machine,
						  const char *id);

bool machine_is_virtio_net(const struct machine_device *device); /* any of its PCI names */
bool machine_is_vfio(const struct machine_device *device);       /* vfio-pci and variants */
bool machine_is_nic(const struct machine_device *device);        /* that QEMU has, PCI */

/*
 * The id of the standby that a device is the primary of; NULL: it is none. Of -global
 * nothing counts here: QEMU hides a device for what is written of itself.
 */
const char *machine_pair_id(const struct machine *machine, const struct machine_device *device);

/* "net0", or "e1000e (argument 12)" for a device without an id; into buf.  Return: buf. */
const char *machine_device_name(const struct machine_device *device, char buf[64]);

/*
 * Slot and function of an address as QEMU reads it ("2", "0x2", "2.1"): hexadecimal.
 * Return: 0; -EINVAL; -ENOENT for NULL.
 */
int machine_parse_addr(const char *addr, int *slot, int *function);

#endif
