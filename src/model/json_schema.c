/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/json_schema.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "model/json_schema_text.h"
#include "model/mac.h"

/* Of a text, in bytes: PATH_MAX, and twice what a kernel takes as its command line. */
#define TEXT_MAX 4095

static_assert(sizeof(enum schema_type) == sizeof(int), "a choice is stored as an int");

struct schema_ctx {
	const char *text, *file;
	size_t len;
	struct err *err;
};

static int read_object(const struct schema_ctx *ctx, const struct json_where *where,
		       const struct schema_object *object, const json_t *json, void *base);

/* ---- complaints ---- */

int schema_fail(const struct schema_ctx *ctx, const struct json_where *where, const char *key,
		const char *fmt, ...)
{
	const struct json_where member = { .up = where, .key = key };
	char path[160], what[ERR_MSG_SIZE];
	va_list ap;

	if (key)
		where = &member;
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return err_set(ctx->err, ERR_USAGE, EINVAL, "%s:%d: %s: %s", ctx->file,
		       json_locate(ctx->text, ctx->len, where),
		       json_where_text(where, path, sizeof(path)), what);
}

int schema_nomem(const struct schema_ctx *ctx)
{
	return err_nomem(ctx->err);
}

static int fail_value(const struct schema_ctx *ctx, const struct json_where *where,
		      const struct schema_field *field, bool element, const json_t *value)
{
	char found[SCHEMA_TEXT_SIZE], expected[SCHEMA_TEXT_SIZE];

	return schema_fail(ctx, where, NULL, "found %s, expected %s",
			   schema_text_found(value, found),
			   schema_text_expected(field, element, expected));
}

/* ---- values ---- */

static bool text_ok(const struct schema_field *field, const char *text)
{
	if (strlen(text) > TEXT_MAX)
		return false;
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return false;
	if (!field->choices)
		return !field->valid || field->valid(text);
	for (size_t i = 0; field->choices[i]; i++)
		if (str_eq(field->choices[i], text))
			return true;
	return false;
}

static int choice_index(const struct schema_field *field, const char *text)
{
	int i = 0;

	while (!str_eq(field->choices[i], text))
		i++;
	return i;
}

static int read_text(const struct schema_ctx *ctx, const struct json_where *where,
		     const struct schema_field *field, bool element, const json_t *value,
		     char **out)
{
	const char *text = json_string_value(value);

	if (!text || !text_ok(field, text))
		return fail_value(ctx, where, field, element, value);
	*out = strdup(text);
	return *out ? 0 : err_nomem(ctx->err);
}

static int read_mac(const struct schema_ctx *ctx, const struct json_where *where,
		    const struct schema_field *field, const json_t *value, struct mac *out)
{
	const char *text = json_string_value(value);

	if (!text || mac_parse(text, out) < 0)
		return fail_value(ctx, where, field, false, value);
	if (mac_is_zero(out))
		return schema_fail(ctx, where, NULL, "the zero address is nobody's");
	if (mac_is_multicast(out))
		return schema_fail(ctx, where, NULL,
				   "%s is a multicast address: the first byte must be even",
				   text);
	return 0;
}

static int check_count(const struct schema_ctx *ctx, const struct json_where *where,
		       const struct schema_field *field, const json_t *value)
{
	int64_t n = (int64_t)json_array_size(value);

	if (!json_is_array(value) || n < field->min || n > field->max)
		return fail_value(ctx, where, field, false, value);
	return 0;
}

static int read_texts(const struct schema_ctx *ctx, const struct json_where *where,
		      const struct schema_field *field, const json_t *value, char ***out,
		      size_t *count)
{
	struct json_where element = { .up = where };
	size_t n = json_array_size(value);
	int r = check_count(ctx, where, field, value);

	if (r < 0 || n == 0)
		return r;
	*out = calloc(n + 1, sizeof(**out));
	if (!*out)
		return err_nomem(ctx->err);
	*count = n;
	for (size_t i = 0; i < n && r == 0; i++) {
		element.index = i;
		r = read_text(ctx, &element, field, true, json_array_get(value, i), &(*out)[i]);
	}
	return r;
}

static int read_objects(const struct schema_ctx *ctx, const struct json_where *where,
			const struct schema_field *field, const json_t *value, char **out,
			size_t *count)
{
	struct json_where element = { .up = where };
	size_t n = json_array_size(value);
	int r = check_count(ctx, where, field, value);

	if (r < 0 || n == 0)
		return r;
	*out = calloc(n, field->object->size);
	if (!*out)
		return err_nomem(ctx->err);
	*count = n;
	for (size_t i = 0; i < n && r == 0; i++) {
		const json_t *json = json_array_get(value, i);

		element.index = i;
		r = json_is_object(json) ? read_object(ctx, &element, field->object, json,
						       *out + i * field->object->size) :
					   fail_value(ctx, &element, field, true, json);
	}
	return r;
}

static int read_value(const struct schema_ctx *ctx, const struct json_where *where,
		      const struct schema_field *field, const json_t *value, char *base)
{
	_cleanup_free_ char *unstored_text = NULL;
	int64_t unstored;
	void *at;
	json_int_t number = json_integer_value(value);

	if (field->offset == SCHEMA_UNSTORED)
		at = field->type == SCHEMA_TEXT ? (void *)&unstored_text : (void *)&unstored;
	else
		at = base + field->offset;
	switch (field->type) {
	case SCHEMA_TEXT:
		return read_text(ctx, where, field, false, value, at);
	case SCHEMA_CHOICE:
		if (!json_is_string(value) || !text_ok(field, json_string_value(value)))
			break;
		*(int *)at = choice_index(field, json_string_value(value));
		return 0;
	case SCHEMA_INT:
	case SCHEMA_INT64:
		if (!json_is_integer(value) || number < field->min || number > field->max)
			break;
		if (field->type == SCHEMA_INT)
			*(int *)at = (int)number;
		else
			*(int64_t *)at = number;
		return 0;
	case SCHEMA_BOOL:
		if (!json_is_boolean(value))
			break;
		*(bool *)at = json_is_true(value);
		return 0;
	case SCHEMA_MAC:
		return read_mac(ctx, where, field, value, at);
	case SCHEMA_TEXTS:
		return read_texts(ctx, where, field, value, at,
				  (size_t *)(base + field->count_offset));
	case SCHEMA_OBJECT:
		if (!json_is_object(value))
			break;
		return read_object(ctx, where, field->object, value, base);
	case SCHEMA_OBJECTS:
		return read_objects(ctx, where, field, value, at,
				    (size_t *)(base + field->count_offset));
	}
	return fail_value(ctx, where, field, false, value);
}

static int read_absent(const struct schema_ctx *ctx, const struct json_where *where,
		       const struct schema_field *field, char *base)
{
	char expected[SCHEMA_TEXT_SIZE];
	json_t *value;
	int r;

	if (field->required)
		return schema_fail(ctx, where, NULL, "missing, expected %s",
				   schema_text_expected(field, false, expected));
	if (!field->absent)
		return 0;
	value = json_loads(field->absent, JSON_DECODE_ANY, NULL);
	r = value ? read_value(ctx, where, field, value, base) : err_nomem(ctx->err);
	json_decref(value);
	return r;
}

/* Before what is missing: the misspelling of a key is better news than its absence. */
static int check_unknown(const struct schema_ctx *ctx, const struct json_where *where,
			 const struct schema_object *object, const json_t *json)
{
	char suggestion[SCHEMA_TEXT_SIZE];
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)json, key, value) {
		size_t i = 0;

		while (i < object->n_fields && !str_eq(object->fields[i].key, key))
			i++;
		if (i == object->n_fields)
			return schema_fail(ctx, where, key, "unknown key; %s",
					   schema_text_suggest(object, key, suggestion));
	}
	return 0;
}

static int read_object(const struct schema_ctx *ctx, const struct json_where *where,
		       const struct schema_object *object, const json_t *json, void *base)
{
	int r = check_unknown(ctx, where, object, json);

	for (size_t i = 0; i < object->n_fields && r == 0; i++) {
		const struct schema_field *field = &object->fields[i];
		const json_t *value = json_object_get(json, field->key);
		const struct json_where member = { .up = where, .key = field->key };

		r = value ? read_value(ctx, &member, field, value, base) :
			    read_absent(ctx, &member, field, base);
	}
	return r == 0 && object->check ? object->check(ctx, where, json, base) : r;
}

/* ---- whole texts ---- */

static int load(const struct schema_ctx *ctx, size_t max_bytes, json_t **out)
{
	json_error_t error;
	json_t *json;

	if (ctx->len > max_bytes)
		return err_set(ctx->err, ERR_USAGE, EINVAL,
			       "%s: %zu bytes long; more than %zu is no definition", ctx->file,
			       ctx->len, max_bytes);
	json = json_loadb(ctx->text, ctx->len, JSON_REJECT_DUPLICATES, &error);
	if (!json) {
		str_make_printable(error.text);
		return err_set(ctx->err, ERR_USAGE, EINVAL, "%s:%d:%d: not valid JSON: %s",
			       ctx->file, error.line > 0 ? error.line : 1,
			       error.column > 0 ? error.column : 1, error.text);
	}
	if (!json_is_object(json)) {
		json_decref(json);
		return err_set(ctx->err, ERR_USAGE, EINVAL,
			       "%s:1: $: found a list, expected an object", ctx->file);
	}
	*out = json;
	return 0;
}

int schema_parse(const struct schema_object *root, const char *text, size_t len,
		 size_t max_bytes, const char *file, void *base, json_t **source,
		 struct err *err)
{
	const struct schema_ctx ctx = { .text = text, .len = len, .file = file, .err = err };
	const struct json_where top = { .up = NULL };
	const struct json_where schema = { .up = &top, .key = root->fields[0].key };
	const json_t *version;
	json_t *json = NULL;
	int r = load(&ctx, max_bytes, &json);

	if (r < 0)
		return r;
	version = json_object_get(json, root->fields[0].key);
	if (version)
		r = read_value(&ctx, &schema, &root->fields[0], version, base);
	if (r == 0)
		r = read_object(&ctx, &top, root, json, base);
	if (r == 0)
		*source = json;
	else
		json_decref(json);
	return r;
}

static void free_texts(char **texts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(texts[i]);
	free(texts);
}

void schema_free(const struct schema_object *object, void *base)
{
	for (size_t i = 0; i < object->n_fields; i++) {
		const struct schema_field *field = &object->fields[i];
		char *at, *items;
		size_t n;

		if (field->offset == SCHEMA_UNSTORED)
			continue;
		at = (char *)base + field->offset;
		switch (field->type) {
		case SCHEMA_TEXT:
			free(*(char **)at);
			break;
		case SCHEMA_TEXTS:
			free_texts(*(char ***)at,
				   *(size_t *)((char *)base + field->count_offset));
			break;
		case SCHEMA_OBJECT:
			schema_free(field->object, base);
			break;
		case SCHEMA_OBJECTS:
			items = *(char **)at;
			n = *(size_t *)((char *)base + field->count_offset);
			for (size_t j = 0; j < n; j++)
				schema_free(field->object, items + j * field->object->size);
			free(items);
			break;
		case SCHEMA_CHOICE:
		case SCHEMA_INT:
		case SCHEMA_INT64:
		case SCHEMA_BOOL:
		case SCHEMA_MAC:
			break;
		}
	}
}
