/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/ssh_internal.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void ssh_blob_clear(struct ssh_blob *blob)
{
	free(blob->bytes);
	*blob = (struct ssh_blob){ 0 };
}

bool ssh_blob_equal(const struct ssh_blob *a, const struct ssh_blob *b)
{
	return a->len && a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

int ssh_base64_decode(const char *text, size_t n, struct ssh_blob *out)
{
	unsigned char *bytes = malloc(n * 3 / 4 + 3);
	uint32_t bits = 0;
	size_t len = 0;
	int held = 0;

	if (!bytes)
		return -ENOMEM;
	for (size_t i = 0; i < n && text[i] != '='; i++) {
		const char *digit;

		if (text[i] == ' ' || text[i] == '\r' || text[i] == '\n' || text[i] == '\t')
			continue;
		digit = text[i] ? strchr(digits, text[i]) : NULL;
		if (!digit) {
			free(bytes);
			return -EBADMSG;
		}
		bits = bits << 6 | (uint32_t)(digit - digits);
		held += 6;
		if (held >= 8) {
			held -= 8;
			bytes[len++] = (unsigned char)(bits >> held);
		}
	}
	*out = (struct ssh_blob){ .bytes = bytes, .len = len };
	return 0;
}

void ssh_base64_encode(const unsigned char *bytes, size_t n, char *out)
{
	uint32_t bits = 0;
	int held = 0;

	for (size_t i = 0; i < n; i++) {
		bits = bits << 8 | bytes[i];
		held += 8;
		while (held >= 6) {
			held -= 6;
			*out++ = digits[bits >> held & 63];
		}
	}
	if (held)
		*out++ = digits[bits << (6 - held) & 63];
	*out = '\0';
}

bool ssh_wire_u32(const unsigned char **at, size_t *left, uint32_t *out)
{
	const unsigned char *p = *at;

	if (*left < 4)
		return false;
	*out = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
	*at += 4;
	*left -= 4;
	return true;
}

bool ssh_wire_string(const unsigned char **at, size_t *left, const unsigned char **bytes,
		     size_t *n)
{
	uint32_t len;

	if (!ssh_wire_u32(at, left, &len) || len > *left)
		return false;
	*bytes = *at;
	*n = len;
	*at += len;
	*left -= len;
	return true;
}

const char *ssh_blob_type(const struct ssh_blob *blob, char *buf, size_t size)
{
	const unsigned char *at = blob->bytes, *type;
	size_t left = blob->len, n;

	if (!left || !ssh_wire_string(&at, &left, &type, &n) || n == 0 || n >= size) {
		snprintf(buf, size, "unknown");
		return buf;
	}
	memcpy(buf, type, n);
	buf[n] = '\0';
	str_make_printable(buf);
	return buf;
}
