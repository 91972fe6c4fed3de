/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/rtnl.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/cleanup.h"

/* As libmnl advises for dumps. One link with many VFs is longer than this. */
#define ANSWER_SIZE (32 * 1024)
/* Of one datagram: far more than the kernel sends, and no more than is sane to allocate. */
#define ANSWER_SIZE_MAX (16 * 1024 * 1024)

struct answer {
	char *buf;
	size_t room;
};

struct nlmsghdr *rtnl_request(char buf[RTNL_REQUEST_SIZE], uint16_t type, uint16_t flags,
			      size_t extra_size, void **extra)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(buf);

	request->nlmsg_type = type;
	request->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	request->nlmsg_seq = 1;
	*extra = mnl_nlmsg_put_extra_header(request, extra_size);
	return request;
}

/* Makes room for the datagram that comes next.  Return: 0 or a negative errno. */
static int make_room(int fd, struct answer *answer)
{
	char *grown;
	ssize_t n;

	do
		n = recv(fd, answer->buf, 0, MSG_PEEK | MSG_TRUNC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if ((size_t)n <= answer->room)
		return 0;
	if (n > ANSWER_SIZE_MAX)
		return -EMSGSIZE;
	grown = realloc(answer->buf, (size_t)n);
	if (!grown)
		return -ENOMEM;
	answer->buf = grown;
	answer->room = (size_t)n;
	return 0;
}

static int converse(struct mnl_socket *socket, struct nlmsghdr *request, mnl_cb_t fn,
		    void *data, struct answer *answer)
{
	unsigned int port = mnl_socket_get_portid(socket);
	ssize_t n;
	int r;

	if (mnl_socket_sendto(socket, request, request->nlmsg_len) < 0)
		return -errno;
	do {
		r = make_room(mnl_socket_get_fd(socket), answer);
		if (r < 0)
			return r;
		n = mnl_socket_recvfrom(socket, answer->buf, answer->room);
		if (n < 0)
			return -errno;
		r = mnl_cb_run(answer->buf, (size_t)n, request->nlmsg_seq, port, fn, data);
	} while (r > MNL_CB_STOP);
	return r < 0 ? -errno : 0;
}

static void answer_clear(struct answer *answer)
{
	free(answer->buf);
}

static int talk(int bus, struct nlmsghdr *request, mnl_cb_t fn, void *data)
{
	_cleanup_(answer_clear) struct answer answer = { .buf = malloc(ANSWER_SIZE),
							 .room = ANSWER_SIZE };
	struct mnl_socket *socket;
	int strict = 1, r = 0;

	if (!answer.buf)
		return -ENOMEM;
	socket = mnl_socket_open2(bus, SOCK_CLOEXEC);
	if (!socket)
		return -errno;
	/*
	 * Every answer ends in a message of its own: an ACK, or a dump's end. NLM_F_DUMP is two
	 * bits, of which one means something else in a request to make something.
	 */
	if ((request->nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP)
		request->nlmsg_flags |= NLM_F_ACK;
	/* Without it, the kernel ignores the filters of a dump. Absent before Linux 4.20. */
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    (mnl_socket_setsockopt(socket, NETLINK_GET_STRICT_CHK, &strict, sizeof(strict)) <
		     0 &&
	     errno != ENOPROTOOPT))
		r = -errno;
	if (r == 0)
		r = converse(socket, request, fn, data, &answer);
	mnl_socket_close(socket);
	return r;
}

int rtnl_talk(struct nlmsghdr *request, mnl_cb_t fn, void *data)
{
	return talk(NETLINK_ROUTE, request, fn, data);
}

int genl_talk(struct nlmsghdr *request, mnl_cb_t fn, void *data)
{
	return talk(NETLINK_GENERIC, request, fn, data);
}
