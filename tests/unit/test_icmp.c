/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proto/icmp.h"

#include "tap.h"

static const struct icmp_echo sent = { .id = 0x1234,
				       .cookie = 0x0102030405060708,
				       .number = 0x0000000900018002 };

/* What the other end makes of it; ICMP's checksum goes on to be right. */
static void answer(uint8_t *message, bool six)
{
	unsigned int sum = (unsigned int)message[2] << 8 | message[3];

	message[0] = six ? 129 : 0;
	if (six)
		return;
	sum += 0x0800;
	sum = (sum & 0xffff) + (sum >> 16);
	message[2] = (uint8_t)(sum >> 8);
	message[3] = (uint8_t)sum;
}

static void test_write(void)
{
	/* By hand: the sum of its words but the checksum, folded, inverted. */
	static const uint8_t want[ICMP_ECHO_SIZE] = {
		8, 0, 0xd5, 0xa8, 0x12, 0x34, 0x80, 0x02, 1, 2, 3,    4,
		5, 6, 7,    8,    0,    0,    0,    9,    0, 1, 0x80, 0x02
	};
	uint8_t out[ICMP_ECHO_SIZE];

	icmp_echo_write(&sent, false, out);
	ok(memcmp(out, want, sizeof(want)) == 0, "an ICMP request, byte for byte");
	icmp_echo_write(&sent, true, out);
	is_int(out[0], 128, "ICMPv6 has another type");
	is_int(out[2] | out[3], 0, "and leaves the checksum to the kernel");
}

static void test_read(bool six)
{
	const char *name = six ? "ICMPv6" : "ICMP";
	uint8_t message[ICMP_ECHO_SIZE + 1] = { 0 };
	struct icmp_echo got;

	icmp_echo_write(&sent, six, message);
	ok(!icmp_echo_read(message, ICMP_ECHO_SIZE, six, &got), "%s: a request is no reply",
	   name);
	answer(message, six);
	ok(icmp_echo_read(message, ICMP_ECHO_SIZE, six, &got), "%s: a reply", name);
	is_int(got.id, sent.id, "%s: its id", name);
	ok(got.cookie == sent.cookie && got.number == sent.number,
	   "%s: its cookie, and its number beyond 16 bits", name);
	ok(!icmp_echo_read(message, ICMP_ECHO_SIZE, !six, &got),
	   "%s: it is none of the other protocol", name);
	for (size_t len = 0; len < ICMP_ECHO_SIZE; len++)
		if (icmp_echo_read(message, len, six, &got))
			ok(false, "%s: a reply of %zu bytes", name, len);
	ok(!icmp_echo_read(message, ICMP_ECHO_SIZE + 1, six, &got), "%s: one too long", name);
	message[1] = 1;
	ok(!icmp_echo_read(message, ICMP_ECHO_SIZE, six, &got), "%s: another code", name);
	message[1] = 0;
	message[20] ^= 0x40;
	ok(icmp_echo_read(message, ICMP_ECHO_SIZE, six, &got) == six,
	   "%s: a wrong checksum is %s", name, six ? "the kernel's to see" : "seen");
}

static void test_header(void)
{
	uint8_t packet[64] = { 0x45 };

	is_int((intmax_t)icmp_ipv4_header(packet, sizeof(packet)), 20, "an IPv4 header");
	packet[0] = 0x47;
	is_int((intmax_t)icmp_ipv4_header(packet, sizeof(packet)), 28, "one with options");
	is_int((intmax_t)icmp_ipv4_header(packet, 27), 0, "that is cut off");
	packet[0] = 0x44;
	is_int((intmax_t)icmp_ipv4_header(packet, sizeof(packet)), 0, "one that is too short");
	packet[0] = 0x65;
	is_int((intmax_t)icmp_ipv4_header(packet, sizeof(packet)), 0, "one of IPv6");
	is_int((intmax_t)icmp_ipv4_header(packet, 0), 0, "nothing");
}

int main(void)
{
	test_write();
	test_read(false);
	test_read(true);
	test_header();
	return done_testing();
}
