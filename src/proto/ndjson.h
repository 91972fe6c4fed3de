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
	char *buf;
	size_t start; /* buf[start] to buf[len] is not consumed yet */
	size_t len, room;
	size_t tail; /* the length of the last line, which has no newline yet */
	size_t max;
};

/* max: bytes in one line, its newline not counted; a longer one is an error. */
void ndjson_init(struct ndjson *codec, size_t max);
void ndjson_clear(struct ndjson *codec); /* frees; it can be fed again */

/*
 * Takes bytes in.  Errors: ENOMEM; EMSGSIZE for a line over max: nothing is taken then,
 * and since what follows is the rest of a line, only ndjson_clear() helps.
 */
int ndjson_feed(struct ndjson *codec, const char *bytes, size_t n, struct err *err);

/*
 * The next object, a new reference.  Return: 1 with *out set; 0: no whole line yet;
 * -EBADMSG: the line is not a JSON object (the message shows its beginning, made
 * printable); the line is consumed, so the caller may go on. Blank lines are skipped.
 * An object with one key twice is no object. An integer that does not fit into 64 bits with
 * a sign, as QEMU's of 64 bits without one may not, is taken as the nearest that does.
 */
int ndjson_next(struct ndjson *codec, json_t **out, struct err *err);

/* An object as a line with its newline, freed by the caller; NULL: out of memory. */
char *ndjson_encode(const json_t *object, size_t *len);

#endif
