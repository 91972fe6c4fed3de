/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/ping.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/icmp6.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "proto/icmp.h"

struct ping {
	int fd;
	bool six;
	bool raw;
	uint16_t id;
	uint64_t cookie;
};

/* ---- addresses ---- */

static int parse_v6(const char *text, struct ping_address *out, struct err *err)
{
	const struct addrinfo hints = { .ai_family = AF_INET6,
					.ai_socktype = SOCK_DGRAM,
					.ai_flags = AI_NUMERICHOST };
	struct addrinfo *found = NULL;

	/* Unlike inet_pton() it knows "%br0". */
	if (getaddrinfo(text, NULL, &hints, &found) != 0)
		return err_set(err, ERR_USAGE, EINVAL, "\"%s\" is not an IPv6 address%s", text,
			       strchr(text, '%') ? " with an interface of this host" : "");
	memcpy(&out->to.v6, found->ai_addr, sizeof(out->to.v6));
	freeaddrinfo(found);
	if (IN6_IS_ADDR_LINKLOCAL(&out->to.v6.sin6_addr) && !out->to.v6.sin6_scope_id)
		return err_set(err, ERR_USAGE, EINVAL,
			       "\"%s\" is on every link: name one, as in %s%%br0", text, text);
	return 0;
}

static bool is_one_host(const struct ping_address *address)
{
	const struct in6_addr *v6 = &address->to.v6.sin6_addr;
	uint32_t v4 = ntohl(address->to.v4.sin_addr.s_addr);

	if (address->six)
		return !IN6_IS_ADDR_UNSPECIFIED(v6) && !IN6_IS_ADDR_MULTICAST(v6);
	/* "This network", multicast and what is reserved above it, broadcast among that. */
	return v4 >> 24 && v4 < 0xe0000000;
}

int ping_address_parse(const char *text, struct ping_address *out, struct err *err)
{
	int r;

	*out = (struct ping_address){ .six = strchr(text, ':') };
	if (strlen(text) >= sizeof(out->text))
		return err_set(err, ERR_USAGE, EINVAL, "\"%.64s...\" is no IP address", text);
	strcpy(out->text, text);
	out->to.any.sa_family = out->six ? AF_INET6 : AF_INET;
	if (out->six) {
		r = parse_v6(text, out, err);
		if (r < 0)
			return r;
	} else if (inet_pton(AF_INET, text, &out->to.v4.sin_addr) != 1) {
		return err_set(err, ERR_USAGE, EINVAL,
			       "\"%s\" is no IP address (10.0.0.7, 2001:db8::7); names are not "
			       "resolved",
			       text);
	}
	if (!is_one_host(out))
		return err_set(err, ERR_USAGE, EINVAL, "\"%s\" is not the address of one host",
			       text);
	return 0;
}

/* ---- the socket ---- */

static bool is_forbidden(int errnum)
{
	return errnum == EACCES || errnum == EPERM;
}

/* Sets raw.  Return: the socket, or a negative errno with err set. */
static int open_socket(struct ping *ping, const struct ping_address *to, struct err *err)
{
	int family = to->to.any.sa_family, protocol = to->six ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);

	if (fd < 0 && is_forbidden(errno)) {
		ping->raw = true;
		fd = socket(family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
	}
	if (fd < 0 && is_forbidden(errno))
		return err_set(
			err, ERR_REFUSED, errno,
			"pinging %s: this process may open neither a ping socket (the sysctl "
			"net.ipv4.ping_group_range does not have its group %ld) nor a raw one "
			"(CAP_NET_RAW); change one of the two, or leave out the probe",
			to->text, (long)getegid());
	return fd < 0 ? err_sys(err, ERR_INTERNAL, errno, "pinging %s: socket", to->text) : fd;
}

/* A raw socket would see every ICMPv6 message that comes from there. */
static int filter_replies(const struct ping *ping)
{
	struct icmp6_filter filter;

	if (!ping->raw || !ping->six)
		return 0;
	ICMP6_FILTER_SETBLOCKALL(&filter);
	ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &filter);
	return setsockopt(ping->fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof(filter));
}

static int set_up(struct ping *ping, const struct ping_address *to, struct err *err)
{
	const int one = 1;

	if (setsockopt(ping->fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof(one)) < 0 ||
	    filter_replies(ping) < 0)
		return err_sys(err, ERR_INTERNAL, errno, "pinging %s: setsockopt", to->text);
	if (getrandom(&ping->cookie, sizeof(ping->cookie), 0) != sizeof(ping->cookie))
		return err_sys(err, ERR_INTERNAL, errno, "getrandom");
	ping->id = (uint16_t)ping->cookie;
	/* There is a route, then; and a raw socket sees only what comes from there. */
	if (connect(ping->fd, &to->to.any, to->six ? sizeof(to->to.v6) : sizeof(to->to.v4)) < 0)
		return err_sys(err, ERR_REFUSED, errno,
			       "pinging %s: this host has no way to it; is it the guest's "
			       "address?",
			       to->text);
	return 0;
}

int ping_open(const struct ping_address *to, struct ping **out, struct err *err)
{
	struct ping *ping = calloc(1, sizeof(*ping));
	int r;

	if (!ping)
		return err_nomem(err);
	ping->six = to->six;
	ping->fd = r = open_socket(ping, to, err);
	if (r >= 0)
		r = set_up(ping, to, err);
	if (r < 0) {
		ping_close(ping);
		return r;
	}
	*out = ping;
	return 0;
}

void ping_close(struct ping *ping)
{
	if (!ping)
		return;
	if (ping->fd >= 0)
		close(ping->fd);
	free(ping);
}

int ping_fd(const struct ping *ping)
{
	return ping->fd;
}

void ping_send(struct ping *ping, uint64_t number)
{
	uint8_t message[ICMP_ECHO_SIZE];

	icmp_echo_write(&(struct icmp_echo){ ping->id, ping->cookie, number }, ping->six,
			message);
	/* An error that an earlier ping met is told to this one, which was not sent then. */
	if (send(ping->fd, message, sizeof(message), MSG_NOSIGNAL) < 0)
		send(ping->fd, message, sizeof(message), MSG_NOSIGNAL);
}

/* ---- answers ---- */

static int64_t realtime_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/*
 * The kernel's stamp is of the clock that people set. How long ago it was is told by that
 * clock; an age that cannot be is a clock that was set meanwhile.
 */
static int64_t arrival_us(struct msghdr *message)
{
	int64_t now = clock_us();
	struct timespec stamp;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		int64_t age;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS)
			continue;
		memcpy(&stamp, CMSG_DATA(c), sizeof(stamp));
		age = realtime_us() - (int64_t)stamp.tv_sec * 1000000 - stamp.tv_nsec / 1000;
		if (age >= 0 && age <= now)
			return now - age;
	}
	return now;
}

static bool is_answer(const struct ping *ping, const uint8_t *in, size_t len, uint64_t *number)
{
	size_t header = ping->raw && !ping->six ? icmp_ipv4_header(in, len) : 0;
	struct icmp_echo echo;

	if (!icmp_echo_read(in + header, len - header, ping->six, &echo) ||
	    echo.cookie != ping->cookie || (ping->raw && echo.id != ping->id))
		return false;
	*number = echo.number;
	return true;
}

bool ping_receive(struct ping *ping, uint64_t *number, int64_t *at_us)
{
	uint8_t bytes[256];
	char control[CMSG_SPACE(sizeof(struct timespec)) + 64];

	for (;;) {
		struct iovec part = { bytes, sizeof(bytes) };
		struct msghdr message = { .msg_iov = &part,
					  .msg_iovlen = 1,
					  .msg_control = control,
					  .msg_controllen = sizeof(control) };
		ssize_t n = recvmsg(ping->fd, &message, 0);

		/* Also one that a ping met on its way: poll(2) says if there is more. */
		if (n < 0)
			return false;
		if (is_answer(ping, bytes, (size_t)n, number)) {
			*at_us = arrival_us(&message);
			return true;
		}
	}
}
