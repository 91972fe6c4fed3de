/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The words of json_schema's messages. Private to json_schema*.c.
 */
#ifndef VMFO_MODEL_JSON_SCHEMA_TEXT_H
#define VMFO_MODEL_JSON_SCHEMA_TEXT_H

#include "model/json_schema.h"

#define SCHEMA_TEXT_SIZE 256

/*
 * What a field takes: "an integer from 1 to 16". element: what one element of its list
 * takes.  Return: buf.
 */
const char *schema_text_expected(const struct schema_field *field, bool element,
				 char buf[SCHEMA_TEXT_SIZE]);

/* A value as it was found, shortened, in printable ASCII.  Return: buf. */
const char *schema_text_found(const json_t *value, char buf[SCHEMA_TEXT_SIZE]);

/*
 * What to write instead of an unknown key: `did you mean "mtu"?`, or the list of all that
 * are known.  Return: buf.
 */
const char *schema_text_suggest(const struct schema_object *object, const char *key,
				char buf[SCHEMA_TEXT_SIZE]);

#endif
