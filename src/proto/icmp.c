/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proto/icmp.h"

#include <arpa/inet.h>
#include <endian.h>
#include <string.h>

/* Where the fields are. */
enum {
	AT_TYPE = 0,
	AT_CODE = 1,
	AT_CHECKSUM = 2,
	AT_ID = 4,
	AT_SEQUENCE = 6,
	AT_COOKIE = 8,
	AT_NUMBER = 16
};

enum { V4_REPLY = 0, V4_REQUEST = 8, V6_REQUEST = 128, V6_REPLY = 129 };

static void put16(uint8_t *at, uint16_t value)
{
	value = htons(value);
	memcpy(at, &value, sizeof(value));
}

static void put64(uint8_t *at, uint64_t value)
{
	value = htobe64(value);
	memcpy(at, &value, sizeof(value));
}

static uint64_t get64(const uint8_t *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return be64toh(value);
}

/* RFC 1071, over an even number of bytes; 0 over a message whose own checksum is right. */
static uint16_t checksum(const uint8_t *in, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)in[i] << 8 | in[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

void icmp_echo_write(const struct icmp_echo *echo, bool six, uint8_t out[ICMP_ECHO_SIZE])
{
	memset(out, 0, ICMP_ECHO_SIZE);
	out[AT_TYPE] = six ? V6_REQUEST : V4_REQUEST;
	put16(out + AT_ID, echo->id);
	put16(out + AT_SEQUENCE, (uint16_t)echo->number);
	put64(out + AT_COOKIE, echo->cookie);
	put64(out + AT_NUMBER, echo->number);
	if (!six)
		put16(out + AT_CHECKSUM, checksum(out, ICMP_ECHO_SIZE));
}

bool icmp_echo_read(const uint8_t *in, size_t len, bool six, struct icmp_echo *out)
{
	if (len != ICMP_ECHO_SIZE || in[AT_TYPE] != (six ? V6_REPLY : V4_REPLY) || in[AT_CODE])
		return false;
	/* The kernel has checked ICMPv6's, which covers addresses that are not here. */
	if (!six && checksum(in, len))
		return false;
	*out = (struct icmp_echo){ .id = (uint16_t)(in[AT_ID] << 8 | in[AT_ID + 1]),
				   .cookie = get64(in + AT_COOKIE),
				   .number = get64(in + AT_NUMBER) };
	return true;
}

size_t icmp_ipv4_header(const uint8_t *in, size_t len)
{
	size_t header = len ? (size_t)(in[0] & 0x0f) * 4 : 0;

	return header >= 20 && header <= len && in[0] >> 4 == 4 ? header : 0;
}
