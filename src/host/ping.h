/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A socket that pings one address (ICMP echo), over IPv4 or IPv6.
 * Source: icmp(7), raw(7), socket(7) (SO_TIMESTAMPNS); Linux net/ipv4/ping.c and
 * Documentation/networking/ip-sysctl.rst (ping_group_range, which IPv6 goes by as well).
 */
#ifndef VMFO_HOST_PING_H
#define VMFO_HOST_PING_H

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define PING_ADDRESS_SIZE (INET6_ADDRSTRLEN + IF_NAMESIZE)

struct ping_address {
	bool six;
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} to;
	char text[PING_ADDRESS_SIZE]; /* as it was given */
};

/*
 * A numeric address of one host: "10.0.0.7", "2001:db8::7", "fe80::7%br0".
 * Errors: ERR_USAGE: anything else. Names are not resolved.
 */
int ping_address_parse(const char *text, struct ping_address *out, struct err *err);

struct ping;

/*
 * By a ping socket, or where this process may not have one, a raw one.  out: the caller's.
 * Errors: ERR_REFUSED: it may have neither, or there is no route; ERR_INTERNAL.
 */
int ping_open(const struct ping_address *to, struct ping **out, struct err *err);
void ping_close(struct ping *ping);   /* takes NULL */
int ping_fd(const struct ping *ping); /* borrowed; it is non-blocking */

/*
 * Sends one. That the kernel could not (no route any more, a link that is down, a queue
 * that is full) is nothing else to whoever waits for an answer than a loss on the way.
 */
void ping_send(struct ping *ping, uint64_t number);

/*
 * The next answer that has come. number: of what it answers; at_us: in clock_us() terms,
 * when the kernel got it, however late it is asked for.  Return: whether there was one.
 */
bool ping_receive(struct ping *ping, uint64_t *number, int64_t *at_us);

#endif
