/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The guest agent: a fake one, a handler in the same loop behind a UNIX socket, that
 * answers as a healthy, an old, a broken or a hostile guest does.
 */
#include "host/guest_agent.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "proto/ndjson.h"
#include "tap.h"

#define STALE "{\"return\":[{\"hardware-address\":\"52:54:00:12:34:56\"}]}\n"
#define PAIR                                                                                  \
	"{\"return\":[{\"name\":\"lo\",\"hardware-address\":\"00:00:00:00:00:00\"},"          \
	"{\"name\":\"eth0\",\"hardware-address\":\"52:54:00:12:34:56\",\"ip-addresses\":[]}," \
	"{\"name\":\"eth1\",\"hardware-address\":\"52:54:00:12:34:56\"},"                     \
	"{\"name\":\"eth2\",\"hardware-address\":\"52:54:00:12:34:56\"},"                     \
	"{\"name\":\"other\",\"hardware-address\":\"52:54:00:12:34:57\"},"                    \
	"{\"name\":\"odd\",\"hardware-address\":\"52:54:00:12:34:56:78\"},"                   \
	"{\"name\":\"none\"},17]}\n"

enum junk { JUNK_NONE, JUNK_LONG, JUNK_ENDLESS };

struct guest {
	const char *first;  /* what is in the channel before anything is asked */
	enum junk junk;     /* and more of it */
	bool no_sync;       /* it never answers */
	json_int_t id_add;  /* to the id that it is asked to say */
	const char *answer; /* to the question; NULL: hangs up */
	size_t piece;       /* bytes at a time; 0: all. Few fit into the socket. */

	struct loop *loop;
	int listen_fd, fd;
	struct loop_watch *listen_watch, *watch;
	struct ndjson in;
	bool delimited; /* the client began with the delimiter */
};

static void guest_say(struct guest *guest, const char *text)
{
	size_t len = strlen(text), piece = guest->piece ? guest->piece : len;

	for (size_t at = 0; at < len; at += piece) {
		size_t n = len - at < piece ? len - at : piece;

		if (send(guest->fd, text + at, n, MSG_NOSIGNAL) < 0)
			return;
		if (guest->piece)
			usleep(200);
	}
}

static void guest_answer(struct guest *guest, const json_t *command)
{
	const char *name = json_string_value(json_object_get(command, "execute"));
	json_int_t id = json_integer_value(
		json_object_get(json_object_get(command, "arguments"), "id"));
	_cleanup_free_ char *line = NULL;

	if (str_eq(name, "guest-sync-delimited")) {
		if (guest->no_sync)
			return;
		/* The parser that the client's delimiter reset complains first. */
		guest_say(guest,
			  "{\"error\":{\"class\":\"GenericError\",\"desc\":\"JSON\"}}\n");
		line = str_printf("\xff{\"return\":%lld}\n", id + guest->id_add);
		guest_say(guest, line);
	} else if (guest->answer) {
		guest_say(guest, guest->answer);
	} else {
		shutdown(guest->fd, SHUT_RDWR);
	}
}

static void on_client(void *data, int fd, short revents)
{
	struct guest *guest = data;
	char bytes[4096], *start = bytes;
	json_t *command;
	ssize_t n;

	if (guest->junk == JUNK_ENDLESS && (revents & POLLOUT)) {
		memset(bytes, 'x', sizeof(bytes));
		send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL | MSG_DONTWAIT);
	}
	if (!(revents & ~POLLOUT))
		return;
	n = read(fd, bytes, sizeof(bytes));
	if (n <= 0) {
		loop_watch_events(guest->watch, 0);
		return;
	}
	if (*bytes == '\xff') {
		guest->delimited = true;
		start++;
	}
	ndjson_feed(&guest->in, start, (size_t)(bytes + n - start), NULL);
	while (ndjson_next(&guest->in, &command, NULL) > 0) {
		guest_answer(guest, command);
		json_decref(command);
	}
}

static void on_listen(void *data, int fd, short revents)
{
	struct guest *guest = data;
	static char junk[100001];

	(void)revents;
	guest->fd = accept(fd, NULL, NULL);
	loop_watch(guest->loop, guest->fd,
		   guest->junk == JUNK_ENDLESS ? POLLIN | POLLOUT : POLLIN, on_client, guest,
		   &guest->watch, NULL);
	if (guest->first)
		guest_say(guest, guest->first);
	if (guest->junk == JUNK_LONG) {
		memset(junk, 'y', sizeof(junk) - 1);
		guest_say(guest, junk);
	}
}

/* Asks that guest.  Return: as guest_agent_count_interfaces(). */
static int ask(struct guest guest, int ms, struct err *err)
{
	static const struct mac mac = { { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 } };
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int r;

	snprintf(addr.sun_path, sizeof(addr.sun_path), "/tmp/vmfo-qga-%d.sock", (int)getpid());
	guest.fd = -1;
	guest.listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ndjson_init(&guest.in, 4096);
	loop_new(&guest.loop, NULL);
	if (bind(guest.listen_fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    listen(guest.listen_fd, 1) < 0)
		bail("listen on %s", addr.sun_path);
	loop_watch(guest.loop, guest.listen_fd, POLLIN, on_listen, &guest, &guest.listen_watch,
		   NULL);
	r = guest_agent_count_interfaces(guest.loop, addr.sun_path, &mac, deadline_in(ms), err);
	if (guest.delimited == (guest.fd < 0))
		bail("the client did not begin with the delimiter");
	loop_unwatch(guest.listen_watch);
	loop_unwatch(guest.watch);
	close(guest.listen_fd);
	if (guest.fd >= 0)
		close(guest.fd);
	unlink(addr.sun_path);
	ndjson_clear(&guest.in);
	loop_free(guest.loop);
	return r;
}

static void test_counts(void)
{
	static const struct {
		struct guest guest;
		int count;
		const char *what;
	} counts[] = {
		{ { .answer = PAIR }, 3, "a pair is three interfaces of one address" },
		{ { .answer = PAIR, .piece = 7 }, 3, "in small pieces, too" },
		{ { .answer = "{\"return\":[]}\n" }, 0, "a guest without interfaces" },
		{ { .answer = "{\"return\":[{\"hardware-address\":\"52:54:00:12:34:56\"}]}\n" },
		  1,
		  "one without its pair" },
		{ { .first = STALE, .answer = PAIR }, 3, "an answer to an earlier client" },
		{ { .first = STALE "\xff{\"return\":123}\n" STALE, .answer = PAIR },
		  3,
		  "several, an earlier client's sync among them" },
		{ { .first = "{\"return\":[{\"hardw", .answer = PAIR }, 3, "half of one" },
		{ { .first = "\x01\x02 garbage\nmore", .answer = PAIR }, 3, "garbage" },
		{ { .junk = JUNK_LONG, .answer = PAIR },
		  3,
		  "much of it, without a line's end" },
	};
	struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		is_int(ask(counts[i].guest, 5000, &err), counts[i].count, "%s", counts[i].what);
}

static void test_failures(void)
{
	static char big[70001];
	struct {
		struct guest guest;
		int r;
		const char *message, *what;
	} failures[] = {
		{ { .no_sync = true },
		  -ETIMEDOUT,
		  "nobody answers in the guest",
		  "a silent guest" },
		{ { .id_add = 1, .answer = PAIR },
		  -ETIMEDOUT,
		  "nobody answers",
		  "a sync with another's id" },
		{ { .junk = JUNK_ENDLESS, .no_sync = true },
		  -ETIMEDOUT,
		  "nobody answers",
		  "a guest that never stops talking" },
		{ { .answer = "" },
		  -ETIMEDOUT,
		  "nobody answers",
		  "one that says nothing more" },
		{ { .answer =
			    "{\"error\":{\"class\":\"x\",\"desc\":\"The command \\u001b[2J is "
			    "disabled\"}}\n" },
		  -EREMOTEIO,
		  "The command ?[2J is disabled",
		  "one that refuses" },
		{ { .answer = "{\"return\":{}}\n" }, -EPROTO, "without a list", "no list" },
		{ { .answer = "{\"return\":[{]\n" }, -EBADMSG, "not JSON", "no JSON" },
		{ { .answer = big }, -EMSGSIZE, "more than 65536 bytes", "too long an answer" },
		{ { .answer = NULL }, -EPIPE, "QEMU ended", "a QEMU that ends meanwhile" },
	};
	const struct mac mac = { { 0 } };
	struct err err = ERR_INIT;
	struct loop *loop;

	memset(big, ' ', sizeof(big) - 1);
	for (size_t i = 0; i < ARRAY_SIZE(failures); i++) {
		is_int(ask(failures[i].guest, 300, &err), failures[i].r, "%s",
		       failures[i].what);
		like(err.msg, failures[i].message, "the message says so");
	}
	loop_new(&loop, NULL);
	is_int(guest_agent_count_interfaces(loop, "/nonexistent/qga.sock", &mac,
					    deadline_in(300), &err),
	       -ENOENT, "no such socket");
	loop_cancel(loop, "interrupted (test)");
	loop_free(loop);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	test_counts();
	test_failures();
	return done_testing();
}
