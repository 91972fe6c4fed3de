/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/rtnl.h"

#include <errno.h>
#include <sys/socket.h>

/* As libmnl advises for dumps; a link with many VFs is long, too. */
#define RTNL_ANSWER_SIZE (32 * 1024)

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

static int converse(struct mnl_socket *socket, struct nlmsghdr *request, mnl_cb_t fn,
		    void *data)
{
	unsigned int port = mnl_socket_get_portid(socket);
	char answer[RTNL_ANSWER_SIZE];
	int strict = 1, r;
	ssize_t n;

	/* Without it, the kernel ignores the filters of a dump. Absent before Linux 4.20. */
	if (mnl_socket_setsockopt(socket, NETLINK_GET_STRICT_CHK, &strict, sizeof(strict)) <
		    0 &&
	    errno != ENOPROTOOPT)
		return -errno;
	if (mnl_socket_sendto(socket, request, request->nlmsg_len) < 0)
		return -errno;
	do {
		n = mnl_socket_recvfrom(socket, answer, sizeof(answer));
		if (n < 0)
			return -errno;
		r = mnl_cb_run(answer, (size_t)n, request->nlmsg_seq, port, fn, data);
	} while (r > MNL_CB_STOP);
	return r < 0 ? -errno : 0;
}

int rtnl_talk(struct nlmsghdr *request, mnl_cb_t fn, void *data)
{
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	int r;

	/* Every answer ends in a message of its own: an ACK, or a dump's end. */
	if (!(request->nlmsg_flags & NLM_F_DUMP))
		request->nlmsg_flags |= NLM_F_ACK;
	if (!socket)
		return -errno;
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0)
		r = -errno;
	else
		r = converse(socket, request, fn, data);
	mnl_socket_close(socket);
	return r;
}
