/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What everybody does with jansson's strings.
 */
#ifndef VMFO_BASE_JSON_H
#define VMFO_BASE_JSON_H

#include <jansson.h>

#include "base/str.h"

/* A string member of object, borrowed; "" where there is none, or no object. */
static inline const char *json_get_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* A new reference: the string, or null for NULL. */
static inline json_t *json_text_or_null(const char *text)
{
	return text ? json_string(text) : json_null();
}

/* A new reference: an array of them. */
static inline json_t *json_of_texts(const struct strv *texts)
{
	json_t *array = json_array();

	for (size_t i = 0; i < texts->n; i++)
		json_array_append_new(array, json_string(texts->v[i]));
	return array;
}

#endif
