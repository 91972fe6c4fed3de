/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the parts of machine_from_argv() share. Private to machine_*.c.
 */
#ifndef VMFO_TOPOLOGY_MACHINE_PARSE_H
#define VMFO_TOPOLOGY_MACHINE_PARSE_H

#include <jansson.h>
#include <stdbool.h>

#include "topology/machine.h"

/* QEMU has two parsers for "key=value,…". */
enum keyval_kind {
	/*
	 * QemuOpts (-device, -netdev, -m): a key alone is "on", and "off" after "no"; the
	 * first "id" counts, of all others the last.
	 */
	KEYVAL_OPTS,
	KEYVAL_STRICT, /* keyval (-machine, -object): a key without "=" is refused */
};

/*
 * Parses text into a new object of strings; ",," is a comma in a value. implied: the key of
 * a first word without "=".
 * Errors: ERR_USAGE, EINVAL.
 */
int machine_parse_keyval(const char *text, enum keyval_kind kind, const char *implied,
			 json_t **out, struct err *err);

/*
 * Parses an object as QEMU's own parser would: it also takes strings in single quotes.
 * Errors: ERR_USAGE, EINVAL.
 */
int machine_parse_json(const char *text, json_t **out, struct err *err);

/* Either, by the first character, as QEMU decides it. */
int machine_parse_option(const char *text, enum keyval_kind kind, const char *implied,
			 json_t **out, struct err *err);

/*
 * A size as -m has it: "4096" is in MiB, "4G", "1.5G"; rounded up.
 * Errors: ERR_USAGE, EINVAL.
 */
int machine_parse_mib(const char *text, int64_t *mib, struct err *err);

/* Whether QEMU takes it for an id: a letter, then letters, digits, '-', '.', '_'. */
bool machine_is_id(const char *text);

/* Whether an option of QEMU, without its dashes, takes the next word as its argument. */
bool machine_option_has_argument(const char *name);

/* Replaces what is no UTF-8, and then what is not printable: JSON will carry it. */
void machine_make_utf8(char *text);

/* Room in the excerpt of a foreign text that a message quotes. */
#define EXCERPT_SIZE 80

/* The begin of text, printable, "..." at its end where it was cut; into buf.  Return: buf. */
const char *machine_excerpt(const char *text, char buf[EXCERPT_SIZE]);

/* ---- a command line that is being read ---- */

struct machine_reader {
	const char *const *argv;
	size_t n;
	size_t at;     /* the argument that is next */
	size_t option; /* the position of the option at hand */
	struct machine *machine;
	struct machine_device *json; /* the devices that are made after all others */
	size_t n_json;
	json_t *device_ids, *netdev_ids, *object_ids; /* what is taken: sets */
	json_t *passed;                               /* in passed_over already: a set */
	json_t *numa;                                 /* backends of NUMA nodes: an array */
	const char *mem_path;
	bool prealloc;
};

/* text: the option's argument; NULL: it has none. */
typedef int machine_read_fn(struct machine_reader *r, const char *text, struct err *err);

machine_read_fn machine_read_device, machine_read_netdev, machine_read_object,
	machine_read_global;

/* Puts the devices that are written as JSON behind the others, numbers all of them, and
 * makes their index. */
int machine_order_devices(struct machine_reader *r, struct err *err);

/* Fills huge_pages and preallocated. */
void machine_find_memory(struct machine_reader *r);

/* Moves a text out of props; *out NULL: there is none, or it is no text. */
int machine_take_text(json_t *props, const char *key, char **out, struct err *err);

void machine_device_clear(struct machine_device *device);

#endif
