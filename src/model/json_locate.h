/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Where in a JSON text a value stands, for messages to the person who wrote it. jansson
 * tells lines only of syntax errors; what is wrong with a value is known later, and only
 * then is the text searched again. Pure.
 */
#ifndef VMFO_MODEL_JSON_LOCATE_H
#define VMFO_MODEL_JSON_LOCATE_H

#include <stddef.h>

/*
 * One step on the way from the root to a value; the steps live on the stack of whoever
 * walks the value. The root is { .up = NULL }.
 */
struct json_where {
	const struct json_where *up;
	const char *key; /* of a member; NULL for an element of a list */
	size_t index;    /* of an element, from 0 */
};

/*
 * The way as people write it, "$.pairs[1].mac", into buf; keys that are no plain words
 * are quoted: $["a b"]. Printable ASCII, cut to fit.  Return: buf.
 */
const char *json_where_text(const struct json_where *where, char *buf, size_t size);

/*
 * The line, from 1, on which the member's key or the element stands in text, which is
 * valid JSON (another is safe, but its answer means nothing). Where a step of the way is
 * not there, the line of the last one that is: a missing key is the fault of its object.
 */
int json_locate(const char *text, size_t len, const struct json_where *where);

#endif
