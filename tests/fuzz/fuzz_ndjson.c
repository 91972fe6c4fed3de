/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The codec, and the search for the hello, under any bytes in pieces of any size: the
 * first byte of the input chooses the size.
 */
#include <stdint.h>
#include <stdlib.h>

#include "proto/agent_wire.h"
#include "proto/ndjson.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_codec(const char *bytes, size_t n, size_t piece)
{
	struct err err = ERR_INIT;
	struct ndjson codec;
	json_t *object;
	int r;

	ndjson_init(&codec, 4096);
	for (size_t at = 0; at < n; at += piece) {
		size_t len = n - at < piece ? n - at : piece;

		if (ndjson_feed(&codec, bytes + at, len, &err) < 0)
			ndjson_clear(&codec);
		while ((r = ndjson_next(&codec, &object, &err)) != 0) {
			if (r < 0)
				continue;
			agent_error_decode(object, &err);
			agent_hello_check(object, "fuzz", &err);
			json_decref(object);
		}
	}
	ndjson_clear(&codec);
}

static void fuzz_hello(const char *bytes, size_t n, size_t piece)
{
	struct agent_hello_scan scan = { 0 };
	struct err err = ERR_INIT;
	json_t *hello = NULL;
	const char *rest;
	size_t n_rest;
	int r = 0;

	for (size_t at = 0; at < n && r == 0; at += piece) {
		size_t len = n - at < piece ? n - at : piece;

		r = agent_hello_feed(&scan, bytes + at, len, &hello, &rest, &n_rest, &err);
		if (r > 0 && n_rest > len)
			abort();
	}
	json_decref(hello);
	agent_hello_clear(&scan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t piece;

	if (size < 2)
		return 0;
	piece = (size_t)data[0] + 1;
	fuzz_codec((const char *)data + 1, size - 1, piece);
	fuzz_hello((const char *)data + 1, size - 1, piece);
	return 0;
}
