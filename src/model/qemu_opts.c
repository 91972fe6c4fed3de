/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/qemu_opts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"

void qemu_opts_add(struct qemu_opts *opts, const char *key, const char *value)
{
	strv_add(&opts->keys, key);
	strv_add(&opts->values, value);
}

void qemu_opts_addf(struct qemu_opts *opts, const char *key, const char *fmt, ...)
{
	_cleanup_free_ char *value = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&value, fmt, ap) < 0)
		value = NULL;
	va_end(ap);
	if (value)
		qemu_opts_add(opts, key, value);
	else
		opts->values.failed = true;
}

/* QEMU's keyval syntax: a comma in a value is written twice. */
static void put_escaped(FILE *f, const char *value)
{
	for (; *value; value++) {
		fputc(*value, f);
		if (*value == ',')
			fputc(',', f);
	}
}

void qemu_opts_write(const struct qemu_opts *opts, const char *option, struct strv *argv)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	FILE *f;

	if (opts->keys.failed || opts->values.failed) {
		argv->failed = true;
		return;
	}
	f = open_memstream(&text, &len);
	if (!f) {
		argv->failed = true;
		return;
	}
	put_escaped(f, opts->head);
	for (size_t i = 0; i < opts->keys.n; i++) {
		fprintf(f, ",%s=", opts->keys.v[i]);
		put_escaped(f, opts->values.v[i]);
	}
	if (fclose(f) != 0) {
		argv->failed = true;
		return;
	}
	strv_add(argv, option);
	strv_add(argv, text);
}

json_t *qemu_opts_json(const struct qemu_opts *opts, const char *head_key)
{
	json_t *json = opts->keys.failed || opts->values.failed ? NULL : json_object();
	int r = json ? json_object_set_new(json, head_key, json_string(opts->head)) : -1;

	for (size_t i = 0; i < opts->keys.n && r == 0; i++)
		r = json_object_set_new(json, opts->keys.v[i], json_string(opts->values.v[i]));
	if (r == 0)
		return json;
	json_decref(json);
	return NULL;
}

void qemu_opts_write_json(const struct qemu_opts *opts, const char *head_key,
			  const char *option, struct strv *argv)
{
	json_t *json = qemu_opts_json(opts, head_key);
	_cleanup_free_ char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

	json_decref(json);
	if (!text) {
		argv->failed = true;
		return;
	}
	strv_add(argv, option);
	strv_add(argv, text);
}

void qemu_opts_clear(struct qemu_opts *opts)
{
	strv_clear(&opts->keys);
	strv_clear(&opts->values);
}
