/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/mac.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int mac_parse(const char *text, struct mac *out)
{
	struct mac mac;

	if (strlen(text) != MAC_TEXT_SIZE - 1)
		return -EINVAL;
	for (int i = 0; i < 6; i++, text += 3) {
		int high = digit(text[0]), low = digit(text[1]);

		if (high < 0 || low < 0 || (i < 5 && text[2] != ':'))
			return -EINVAL;
		mac.byte[i] = (uint8_t)(high << 4 | low);
	}
	*out = mac;
	return 0;
}

const char *mac_format(const struct mac *mac, char buf[MAC_TEXT_SIZE])
{
	const uint8_t *b = mac->byte;

	snprintf(buf, MAC_TEXT_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3],
		 b[4], b[5]);
	return buf;
}

bool mac_equal(const struct mac *a, const struct mac *b)
{
	return memcmp(a->byte, b->byte, sizeof(a->byte)) == 0;
}

bool mac_is_zero(const struct mac *mac)
{
	return mac_equal(mac, &(struct mac){ 0 });
}

bool mac_is_multicast(const struct mac *mac)
{
	return mac->byte[0] & 1;
}
