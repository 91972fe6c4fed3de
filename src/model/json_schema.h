/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * JSON files that people write, described by const tables: one row a key. One walker
 * checks a text against a table and fills a struct; another lists the rows for those
 * who document them. The tables are the only place where a key, its type, its range and
 * its default are written down in code.
 */
#ifndef VMFO_MODEL_JSON_SCHEMA_H
#define VMFO_MODEL_JSON_SCHEMA_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/json_locate.h"

enum schema_type {
	SCHEMA_TEXT,    /* char *; control characters are never allowed */
	SCHEMA_CHOICE,  /* an enum: the index in choices */
	SCHEMA_INT,     /* int */
	SCHEMA_INT64,   /* int64_t */
	SCHEMA_BOOL,    /* bool */
	SCHEMA_MAC,     /* struct mac, unicast */
	SCHEMA_TEXTS,   /* char **, NULL-terminated unless empty, and its size_t count */
	SCHEMA_OBJECT,  /* members that lie in the same struct */
	SCHEMA_OBJECTS, /* an array of structs, and its size_t count */
};

struct schema_ctx;
struct schema_object;

struct schema_field {
	const char *key;
	enum schema_type type;
	bool required;
	size_t offset;       /* in the struct of the nearest list element, or of the root */
	size_t count_offset; /* of a list */
	int64_t min, max;    /* of an integer; of the number of elements of a list */
	/*
	 * Of a text, or of each in a list: the choices, NULL-terminated; or valid() and what it
	 * wants in words. Of an integer, expected is the reason for its range, or NULL.
	 */
	const char *const *choices;
	bool (*valid)(const char *text);
	const char *expected;
	const struct schema_object *object;
	/* JSON of the value that an absent key stands for; NULL: the member stays zero. */
	const char *absent;
	const char *help;
};

/* Offset of a key, a text or a number, that is checked, and not stored. */
#define SCHEMA_UNSTORED SIZE_MAX

struct schema_object {
	const struct schema_field *fields;
	size_t n_fields;
	size_t size; /* of the struct: for the root, and for the elements of a list */
	/*
	 * What no single row can say, after all are filled in; may be NULL. base: the struct
	 * that the offsets are in. Return: 0, or what schema_fail() returned.
	 */
	int (*check)(const struct schema_ctx *ctx, const struct json_where *where,
		     const json_t *object, void *base);
};

#define SCHEMA_OBJECT_OF(rows) .fields = (rows), .n_fields = ARRAY_SIZE(rows)

/*
 * Checks text against the table of root and fills base, which is zeroed memory of
 * root->size bytes; schema_free() is due even after an error. The root's first row is
 * "schema", checked before anything else: a later version of a format should be called
 * just that. source: a new reference to the object as it was written.
 * Errors: ERR_USAGE, EINVAL, as vmdef_parse() has them.
 */
int schema_parse(const struct schema_object *root, const char *text, size_t len,
		 size_t max_bytes, const char *file, void *base, json_t **source,
		 struct err *err);

/* Frees what the table's rows own in base, not base itself. */
void schema_free(const struct schema_object *object, void *base);

/*
 * The complaint of a check() about the member key of where, or about where itself when
 * key is NULL.  Return: -EINVAL.
 */
int schema_fail(const struct schema_ctx *ctx, const struct json_where *where, const char *key,
		const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* For a check() that ran out of memory.  Return: -ENOMEM. */
int schema_nomem(const struct schema_ctx *ctx);

/*
 * Calls fn for every key of the table and below it, in order. path: "pairs[].mtu";
 * type: "an integer from 68 to 65535", with its default; all valid during the call only.
 */
typedef void schema_key_fn(void *data, const char *path, const char *type, const char *help);
void schema_each_key(const struct schema_object *root, schema_key_fn *fn, void *data);

#endif
