/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The codec that QMP and the agent protocol share: one JSON object a line. Pure: bytes
 * in, objects out, so that tests and fuzzers need no socket.
 */
#ifndef VMFO_PROTO_NDJSON_H
#define VMFO_PROTO_NDJSON_H

#include <jansson.h>
#include <stddef.h>

#include "base/err.h"

struct ndjson {
	char *buf; /* what is not yet a line */
	size_t len, room;
	size_t scanned; /* so many bytes are known to have no newline */
	size_t max;
};

/* max: bytes in one line; a longer one is an error. */
void ndjson_init(struct ndjson *codec, size_t max);
void ndjson_clear(struct ndjson *codec);

/* Takes bytes in.  Errors: ENOMEM; EMSGSIZE for a line over max. */
int ndjson_feed(struct ndjson *codec, const char *bytes, size_t n, struct err *err);

/*
 * The next object, a new reference.  Return: 1 with *out set; 0: no whole line yet;
 * -EBADMSG: the line is not a JSON object (the message shows its beginning, made
 * printable); the line is consumed, so the caller may go on. Blank lines are skipped.
 */
int ndjson_next(struct ndjson *codec, json_t **out, struct err *err);

/* An object as a line with its newline, freed by the caller; NULL: out of memory. */
char *ndjson_encode(const json_t *object, size_t *len);

#endif
