/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A QMP session with a QEMU that says anything, and then hangs up.
 */
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/qmp.h"

/* More would fill the socket, which nobody empties while it is written. */
#define FUZZ_MAX (64 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_event(void *user, const char *event, const json_t *data)
{
	(void)data;
	*(size_t *)user += strlen(event);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char greeting[] =
		"{\"QMP\":{\"version\":{\"qemu\":{\"micro\":0,\"minor\":0,\"major\":10}}}}\n"
		"{\"return\":{},\"id\":1}\n";
	struct err err = ERR_INIT;
	struct loop *loop;
	struct qmp *qmp;
	size_t seen = 0;
	int fds[2];

	if (size < 1 || size > FUZZ_MAX || loop_new(&loop, &err) < 0)
		return 0;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
		abort();
	/* An odd first byte: what follows is said in an established session. */
	if (data[0] & 1 &&
	    write(fds[0], greeting, sizeof(greeting) - 1) != sizeof(greeting) - 1)
		abort();
	if (write(fds[0], data + 1, size - 1) != (ssize_t)size - 1)
		abort();
	shutdown(fds[0], SHUT_WR);
	if (qmp_attach(loop, fds[1], "fuzz", deadline_in(5000), &qmp, &err) == 0) {
		struct qmp_listener listener = { .fn = on_event, .user = &seen };
		json_t *ret = NULL;

		qmp_listen(qmp, &listener);
		qmp_command(qmp, "query-status", NULL, deadline_in(5000), &ret, &err);
		json_decref(ret);
		qmp_close(qmp);
	}
	close(fds[0]);
	loop_free(loop);
	return 0;
}
