/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/json_schema_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"

/* Of a value that is shown; a longer one is cut. */
#define FOUND_MAX 60
/* Keys that are longer are no misspelling of ours. */
#define KEY_MAX 32

/* A text of SCHEMA_TEXT_SIZE that grows at its end. */
struct words {
	char *buf;
	size_t len;
};

__attribute__((format(printf, 2, 3))) static void add(struct words *w, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(w->buf + w->len, SCHEMA_TEXT_SIZE - w->len, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	w->len += (size_t)n;
	if (w->len >= SCHEMA_TEXT_SIZE) {
		w->len = SCHEMA_TEXT_SIZE - 1;
		memcpy(w->buf + w->len - 3, "...", 3);
	}
}

static void add_choices(struct words *w, const char *const *choices)
{
	if (!choices[1]) {
		add(w, "\"%s\"", choices[0]);
		return;
	}
	add(w, "one of ");
	for (size_t i = 0; choices[i]; i++)
		add(w, "%s\"%s\"", i ? ", " : "", choices[i]);
}

static void add_text(struct words *w, const struct schema_field *field)
{
	if (field->choices)
		add_choices(w, field->choices);
	else
		add(w, "%s", field->expected);
}

const char *schema_text_expected(const struct schema_field *field, bool element,
				 char buf[SCHEMA_TEXT_SIZE])
{
	struct words w = { .buf = buf };

	buf[0] = '\0';
	switch (field->type) {
	case SCHEMA_TEXT:
	case SCHEMA_CHOICE:
		add_text(&w, field);
		break;
	case SCHEMA_INT:
	case SCHEMA_INT64:
		add(&w, "an integer from %" PRId64 " to %" PRId64, field->min, field->max);
		if (field->expected)
			add(&w, ": %s", field->expected);
		break;
	case SCHEMA_BOOL:
		add(&w, "true or false");
		break;
	case SCHEMA_MAC:
		add(&w, "a unicast Ethernet address like \"52:54:00:12:34:56\"");
		break;
	case SCHEMA_TEXTS:
		if (!element)
			add(&w, "a list of %" PRId64 " to %" PRId64 " items, each ", field->min,
			    field->max);
		add_text(&w, field);
		break;
	case SCHEMA_OBJECT:
		add(&w, "an object");
		break;
	case SCHEMA_OBJECTS:
		if (element)
			add(&w, "an object");
		else
			add(&w, "a list of %" PRId64 " to %" PRId64 " objects", field->min,
			    field->max);
		break;
	}
	return buf;
}

const char *schema_text_found(const json_t *value, char buf[SCHEMA_TEXT_SIZE])
{
	_cleanup_free_ char *text = NULL;

	if (json_is_object(value) || json_is_array(value)) {
		snprintf(buf, SCHEMA_TEXT_SIZE, "a%s of %zu",
			 json_is_object(value) ? "n object" : " list",
			 json_is_object(value) ? json_object_size(value) :
						 json_array_size(value));
		return buf;
	}
	text = json_dumps(value, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
	if (text && strlen(text) > FOUND_MAX)
		snprintf(buf, SCHEMA_TEXT_SIZE, "%.*s...", FOUND_MAX, text);
	else
		snprintf(buf, SCHEMA_TEXT_SIZE, "%s", text ?: "?");
	return buf;
}

/* Levenshtein's distance, with a swap of neighbours counted once; row by row. */
static size_t distance(const char *a, const char *b)
{
	size_t rows[3][KEY_MAX + 1], *before = rows[0], *last = rows[1], *row = rows[2];
	size_t n = strlen(b);

	for (size_t j = 0; j <= n; j++)
		last[j] = before[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t *oldest = before;

		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t best = last[j - 1] + (a[i - 1] != b[j - 1]);

			if (last[j] + 1 < best)
				best = last[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			row[j] = best;
		}
		before = last;
		last = row;
		row = oldest;
	}
	return last[n];
}

const char *schema_text_suggest(const struct schema_object *object, const char *key,
				char buf[SCHEMA_TEXT_SIZE])
{
	const char *nearest = NULL;
	size_t best = SIZE_MAX, len = strlen(key);
	struct words w = { .buf = buf };

	buf[0] = '\0';
	for (size_t i = 0; i < object->n_fields && len <= KEY_MAX; i++) {
		size_t d = distance(key, object->fields[i].key);

		if (d < best) {
			best = d;
			nearest = object->fields[i].key;
		}
	}
	/* Half of it wrong is another word, not a misspelling. */
	if (nearest && best <= 3 && best * 2 <= strlen(nearest)) {
		add(&w, "did you mean \"%s\"?", nearest);
		return buf;
	}
	add(&w, "known here: ");
	for (size_t i = 0; i < object->n_fields; i++)
		add(&w, "%s%s", i ? ", " : "", object->fields[i].key);
	return buf;
}

static void each_key(const struct schema_object *object, const char *prefix, schema_key_fn *fn,
		     void *data)
{
	for (size_t i = 0; i < object->n_fields; i++) {
		const struct schema_field *field = &object->fields[i];
		_cleanup_free_ char *path = str_printf("%s%s", prefix, field->key);
		_cleanup_free_ char *below = NULL;
		char expected[SCHEMA_TEXT_SIZE], type[2 * SCHEMA_TEXT_SIZE];

		if (!path)
			return;
		schema_text_expected(field, false, expected);
		if (field->required)
			snprintf(type, sizeof(type), "%s (required)", expected);
		else if (field->absent && !field->object)
			snprintf(type, sizeof(type), "%s (default %s)", expected,
				 field->absent);
		else
			snprintf(type, sizeof(type), "%s", expected);
		fn(data, path, type, field->help);
		if (!field->object)
			continue;
		below = str_printf("%s%s.", path, field->type == SCHEMA_OBJECTS ? "[]" : "");
		if (below)
			each_key(field->object, below, fn, data);
	}
}

void schema_each_key(const struct schema_object *root, schema_key_fn *fn, void *data)
{
	each_key(root, "", fn, data);
}
