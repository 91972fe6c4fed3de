/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Echo requests and replies of ICMP and ICMPv6, as bytes. Pure: no socket.
 * Source: RFC 792, "Echo or Echo Reply Message"; RFC 4443, 4.1 and 4.2; RFC 1071.
 */
#ifndef VMFO_PROTO_ICMP_H
#define VMFO_PROTO_ICMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ICMP_ECHO_SIZE 24 /* the header, and a payload of 16 bytes */

/*
 * The 16 bits of the header's sequence number start again after a minute at 1000 a second.
 * The payload, which a reply repeats, has the whole number, and whose it is.
 */
struct icmp_echo {
	uint16_t id;     /* a ping socket's is the kernel's, whatever is written here */
	uint64_t cookie; /* of the sender's run */
	uint64_t number;
};

/* A request. six: ICMPv6, whose checksum the kernel fills in; it is 0 here. */
void icmp_echo_write(const struct icmp_echo *echo, bool six, uint8_t out[ICMP_ECHO_SIZE]);

/* A message without its IP header.  Return: whether it is a reply to such a request. */
bool icmp_echo_read(const uint8_t *in, size_t len, bool six, struct icmp_echo *out);

/* The length of the IPv4 header that a raw socket hands out as well; 0: it is none. */
size_t icmp_ipv4_header(const uint8_t *in, size_t len);

#endif
