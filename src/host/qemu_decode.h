/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What QEMU's answers say, apart from the asking: pure functions of JSON that anybody may
 * have written. A QEMU that its guest has broken out into answers what it likes.
 * Source: QEMU qapi/qom.json (qom-list), qapi/virtio.json (x-query-virtio-status),
 * qapi/pci.json (query-pci); the texts of monitor/hmp-cmds.c (xp, qom-get).
 */
#ifndef VMFO_HOST_QEMU_DECODE_H
#define VMFO_HOST_QEMU_DECODE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "topology/guest_facts.h"

#define QEMU_NAME_SIZE 128 /* of an id, a type, a bus, with its NUL */
#define QEMU_TEXT_MAX 4096 /* longer values of properties are not looked at */
#define QEMU_CHILDREN_MAX 2048

/* ---- QOM ---- */

struct qom_child {
	char name[QEMU_NAME_SIZE]; /* "net0", "device[0]" */
	char type[QEMU_NAME_SIZE]; /* "virtio-net-pci" */
};

/*
 * The children ("child<TYPE>") of a qom-list answer, by name. path: for messages. out: freed
 * by the caller.
 * Errors: ERR_REFUSED: EPROTO; E2BIG: more than QEMU_CHILDREN_MAX, or a longer name.
 */
int qemu_decode_children(const json_t *answer, const char *path, struct qom_child **out,
			 size_t *n, struct err *err);

/* Whether a qom-list answer has that property. */
bool qemu_decode_has(const json_t *answer, const char *property);

/* The name at the end of a QOM path.  Return: whether there is one that fits. */
bool qemu_decode_path_end(const json_t *path, char out[QEMU_NAME_SIZE]);

/*
 * A value as machine_text() and its kin take it: a string of at most QEMU_TEXT_MAX bytes, a
 * whole number, a boolean; of a link the name of what it leads to. New; NULL: it is none of
 * these, or nothing ("").
 */
json_t *qemu_decode_value(const json_t *value);

/* "pc-q35-7.2-machine" → "pc-q35-7.2"; "qemu64-x86_64-cpu" → "qemu64". New; NULL: no text. */
char *qemu_decode_machine_type(const json_t *type);
char *qemu_decode_cpu_type(const json_t *type);

/* ---- virtio ---- */

/*
 * Of an x-query-virtio-status answer: features and status as texts ("VIRTIO_NET_F_STANDBY:
 * …") or as numbers.  Return: 0; -EPROTO: it has them in no form that is known, and both facts
 * are unknown.
 */
int qemu_decode_virtio_status(const json_t *answer, enum fact *driver_ok,
			      enum fact *negotiated);

/* ---- PCI ---- */

struct qemu_pci_place {
	int bus, slot, function; /* as the guest's firmware has numbered them */
	unsigned int vendor, device;
	bool rom; /* it has an option ROM */
};

/* The devices of a query-pci answer that have an id, by it; behind bridges too. New. */
json_t *qemu_decode_pci(const json_t *answer);

/* One of them.  Return: 0; -ENOENT; -EPROTO. */
int qemu_decode_pci_place(const json_t *devices, const char *id, struct qemu_pci_place *out);

/* ---- texts of human-monitor-command ---- */

/* "00000000b0010034: 0x0040\r\n", what `xp /1hx` of that address says.  Return: 0, -EPROTO. */
int qemu_decode_xp(const json_t *answer, uint64_t address, uint16_t *out);

/* "2952790016\r\n", what `qom-get` of a number says.  Return: 0, -EPROTO. */
int qemu_decode_number(const json_t *answer, uint64_t *out);

#endif
