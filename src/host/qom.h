/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The objects of a running QEMU, asked for over QMP.
 * Source: QEMU qapi/qom.json.
 */
#ifndef VMFO_HOST_QOM_H
#define VMFO_HOST_QOM_H

#include <jansson.h>

#include "base/err.h"
#include "host/qemu_decode.h"
#include "proto/qmp.h"

#define QOM_PATH_SIZE 256

struct qom {
	struct qmp *qmp;
	int64_t deadline; /* of all questions together */
};

/*
 * A command that QEMU may refuse.  Return: 1 with *ret, a new reference; 0: it refused, and
 * err has its words; or a failure of the connection.
 */
int qom_ask(const struct qom *qom, const char *command, json_t *args, json_t **ret,
	    struct err *err);

/* qom-get.  Return: as qom_ask(); 0: no such object, or no such property. */
int qom_get(const struct qom *qom, const char *path, const char *property, json_t **ret,
	    struct err *err);

/* qom-list.  Return: as qom_ask(). */
int qom_list(const struct qom *qom, const char *path, json_t **ret, struct err *err);

/* The children of an object; none where there is no such object. */
int qom_children(const struct qom *qom, const char *path, struct qom_child **out, size_t *n,
		 struct err *err);

/* Where -device puts devices, those with an id first. */
extern const char *const qom_device_folders[2];

#endif
