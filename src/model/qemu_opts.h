/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One option of QEMU's command line, "HEAD,KEY=VALUE,…", as a list: written out for
 * the command line, or as the arguments of a QMP command. Private to qemu_*.c.
 */
#ifndef VMFO_MODEL_QEMU_OPTS_H
#define VMFO_MODEL_QEMU_OPTS_H

#include <jansson.h>

#include "base/str.h"

struct qemu_opts {
	const char *head; /* the value of the key that need not be written: "e1000e" */
	struct strv keys, values;
};

/* Starts a list; head is borrowed. */
#define QEMU_OPTS(first)        \
	{                       \
		.head = (first) \
	}

/* The value is taken as it is: commas in it are no separators. */
void qemu_opts_add(struct qemu_opts *opts, const char *key, const char *value);
void qemu_opts_addf(struct qemu_opts *opts, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Appends option and the text to argv, whose `failed` tells of a lack of memory. */
void qemu_opts_write(const struct qemu_opts *opts, const char *option, struct strv *argv);

/*
 * The same as an object of strings; head_key: what head is the value of.
 * Return: a new reference, NULL without memory.
 */
json_t *qemu_opts_json(const struct qemu_opts *opts, const char *head_key);

/* Appends option and that object, as text, to argv; as qemu_opts_write(). */
void qemu_opts_write_json(const struct qemu_opts *opts, const char *head_key,
			  const char *option, struct strv *argv);

void qemu_opts_clear(struct qemu_opts *opts);

#define _cleanup_qemu_opts_ _cleanup_(qemu_opts_clear)

#endif
