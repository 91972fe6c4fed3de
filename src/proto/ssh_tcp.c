/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "io/child.h"
#include "proto/ssh_internal.h"

#define ADDRESSES_MAX 16

struct address {
	struct sockaddr_storage sa;
	socklen_t len;
	char text[INET6_ADDRSTRLEN + 16];
};

/* A numeric address; getaddrinfo() asks nobody for that. */
static int parse_address(const char *text, int family, int port, struct address *out)
{
	struct addrinfo hints = { .ai_family = family,
				  .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV };
	struct addrinfo *found;
	char service[16];

	snprintf(service, sizeof(service), "%d", port);
	if (getaddrinfo(text, service, &hints, &found) != 0)
		return -EINVAL;
	memcpy(&out->sa, found->ai_addr, found->ai_addrlen);
	out->len = found->ai_addrlen;
	freeaddrinfo(found);
	snprintf(out->text, sizeof(out->text), "%s", text);
	return 0;
}

static void add_address(struct address *addresses, size_t *n, const struct address *address)
{
	for (size_t i = 0; i < *n; i++)
		if (addresses[i].len == address->len &&
		    memcmp(&addresses[i].sa, &address->sa, address->len) == 0)
			return;
	if (*n < ADDRESSES_MAX)
		addresses[(*n)++] = *address;
}

/*
 * By getent(1), which asks the same resolver as everyone else: getaddrinfo() cannot be
 * stopped once it has begun, and a child can.
 */
static int resolve(struct loop *loop, const struct ssh_config *config, int64_t deadline,
		   struct address *addresses, size_t *n, struct err *err)
{
	const char *database = config->family == AF_INET  ? "ahostsv4" :
			       config->family == AF_INET6 ? "ahostsv6" :
							    "ahosts";
	const char *const argv[] = { "getent", database, "--", config->hostname, NULL };
	_cleanup_free_ char *text = NULL;
	struct address address = { 0 };
	char *save = NULL;
	int r, status;

	*n = 0;
	if (parse_address(config->hostname, config->family, config->port, &address) == 0) {
		add_address(addresses, n, &address);
		return 0;
	}
	r = child_run(loop, argv, deadline, 64 * 1024, &text, NULL, &status, err);
	if (r == -ETIMEDOUT)
		return err_set(err, ERR_REFUSED, EHOSTUNREACH,
			       "look up %s: the name service does not answer",
			       config->hostname);
	if (r < 0 && r != -ECANCELED)
		return err_set(err, ERR_REFUSED, EHOSTUNREACH,
			       "look up %s: getent cannot be run: %s", config->hostname,
			       strerrordesc_np(-r) ?: "it failed");
	if (r < 0)
		return r;
	for (char *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		line[strcspn(line, " \t")] = '\0';
		memset(&address, 0, sizeof(address));
		if (parse_address(line, config->family, config->port, &address) == 0)
			add_address(addresses, n, &address);
	}
	if (*n == 0)
		return err_set(
			err, ERR_REFUSED, EHOSTUNREACH,
			"look up %s: no such host name is known%s; name the host in DNS or "
			"/etc/hosts, or give it a HostName in ssh_config",
			config->hostname,
			config->family == AF_INET  ? " with an IPv4 address" :
			config->family == AF_INET6 ? " with an IPv6 address" :
						     "");
	return 0;
}

/*
 * A peer that vanished without a word is noticed within SSH_DEAD_AFTER_MS: while data is
 * under way by TCP_USER_TIMEOUT, in silence by the probes, which that bounds as well.
 */
static void set_keepalive(int fd)
{
	const int on = 1, idle = 4, interval = 4, timeout = SSH_DEAD_AFTER_MS;

	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof(timeout));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static bool is_connected(void *data)
{
	return *(bool *)data;
}

static void on_writable(void *data, int fd, short revents)
{
	(void)fd;
	(void)revents;
	*(bool *)data = true;
}

static int await_connect(struct loop *loop, int fd, int64_t deadline, struct err *err)
{
	struct loop_watch *watch;
	bool done = false;
	int e = 0, r;
	socklen_t len = sizeof(e);

	r = loop_watch(loop, fd, POLLOUT, on_writable, &done, &watch, err);
	if (r < 0)
		return r;
	r = loop_run(loop, is_connected, &done, deadline, err);
	loop_unwatch(watch);
	if (r < 0)
		return r;
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &len);
	return e ? err_sys(err, ERR_REFUSED, e, "connect") : 0;
}

static int bind_to(int fd, const struct ssh_config *config, int family, struct err *err)
{
	struct address from = { 0 };

	if (!config->bind_address)
		return 0;
	if (parse_address(config->bind_address, family, 0, &from) < 0)
		return err_set(
			err, ERR_REFUSED, EADDRNOTAVAIL,
			"BindAddress %s is not an address of the kind that the host has; "
			"vmfo takes numeric ones only",
			config->bind_address);
	if (bind(fd, (struct sockaddr *)&from.sa, from.len) < 0)
		return err_sys(err, ERR_REFUSED, errno, "BindAddress %s", config->bind_address);
	return 0;
}

static int connect_one(struct loop *loop, const struct ssh_config *config,
		       const struct address *address, int64_t deadline, int *out,
		       struct err *err)
{
	int family = address->sa.ss_family;
	_cleanup_close_ int fd =
		socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
	int r;

	if (fd < 0)
		return err_sys(err, ERR_REFUSED, errno, "socket");
	set_keepalive(fd);
	r = bind_to(fd, config, family, err);
	if (r < 0)
		return r;
	if (connect(fd, (const struct sockaddr *)&address->sa, address->len) < 0) {
		if (errno != EINPROGRESS)
			return err_sys(err, ERR_REFUSED, errno, "connect");
		r = await_connect(loop, fd, deadline, err);
		if (r < 0)
			return r;
	}
	*out = steal_fd(&fd);
	return 0;
}

int ssh_tcp_connect(struct loop *loop, const struct ssh_config *config, int64_t deadline,
		    int *fd, struct err *err)
{
	struct address addresses[ADDRESSES_MAX];
	size_t n;
	int r = resolve(loop, config, deadline, addresses, &n, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		/* Each has its share of the time: one that is silent must not use up all. */
		int64_t now = clock_ms();
		int64_t share = now + (deadline - now) / (int64_t)(n - i);

		r = connect_one(loop, config, &addresses[i], share, fd, err);
		if (r == 0 || r == -ECANCELED)
			return r;
		if (r == -ETIMEDOUT)
			err_set(err, ERR_REFUSED, ETIMEDOUT, "connect: no answer");
		/* A packet filter of this host: EACCES is the server's word about keys. */
		if (r == -EACCES || r == -EPERM) {
			r = -EHOSTUNREACH;
			if (err)
				err->errnum = EHOSTUNREACH;
		}
		err_wrap(err, "%s port %d", addresses[i].text, config->port);
	}
	if (n > 1)
		err_wrap(err, "none of its %zu addresses can be reached, the last", n);
	return r;
}
