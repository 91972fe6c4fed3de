/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A talk of one question with the guest agent.
 *
 * The channel to the guest outlives the connections to QEMU's socket, so what is read
 * first may be the answer to an earlier client that gave up. Hence guest-sync-delimited:
 * a byte 0xff, which no JSON has, makes the agent forget half a command of another; its
 * answer comes behind a 0xff again and carries our random number. What precedes is none
 * of ours; what follows is.
 */
#include "host/guest_agent.h"

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "proto/ndjson.h"
#include "proto/outbuf.h"
#include "proto/sock.h"

#define GA_LINE_MAX (64 * 1024)
#define GA_READ_SIZE (16 * 1024)
#define GA_DELIMITER '\xff'

static const char ga_question[] = "{\"execute\":\"guest-network-get-interfaces\"}\n";

struct guest_talk {
	int fd;
	struct loop_watch *watch;
	struct ndjson in;
	json_int_t sync_id;
	bool synced;
	json_t *answer;
	struct err failed;
};

static void talk_fail(struct guest_talk *talk, const struct err *why)
{
	talk->failed = *why;
	loop_watch_events(talk->watch, 0);
}

/* A fresh socket takes a command whole, whether anybody reads it or not. */
static void talk_send(struct guest_talk *talk, const char *bytes, size_t n)
{
	struct err err = ERR_INIT;
	ssize_t sent = outbuf_write_fd(&talk->fd, bytes, n);

	if (sent == (ssize_t)n)
		return;
	err_set(&err, ERR_INTERNAL, EPIPE, "its QEMU takes no command");
	talk_fail(talk, &err);
}

static void take_message(struct guest_talk *talk, json_t *message)
{
	const json_t *value = json_object_get(message, "return");

	if (talk->synced) {
		if (!talk->answer)
			talk->answer = json_incref(message);
	} else if (json_is_integer(value) && json_integer_value(value) == talk->sync_id) {
		talk->synced = true;
		talk_send(talk, ga_question, strlen(ga_question));
	}
}

static void take_bytes(struct guest_talk *talk, const char *bytes, size_t n)
{
	struct err err = ERR_INIT;
	json_t *message;
	int r = ndjson_feed(&talk->in, bytes, n, &err);

	if (r < 0 && !talk->synced) {
		ndjson_clear(&talk->in);
		return;
	}
	if (r == 0) {
		while ((r = ndjson_next(&talk->in, &message, &err)) != 0) {
			if (r > 0) {
				take_message(talk, message);
				json_decref(message);
			} else if (talk->synced) {
				break;
			}
		}
	}
	if (r < 0) {
		err_wrap(&err, "it sent");
		talk_fail(talk, &err);
	}
}

static void on_socket(void *data, int fd, short revents)
{
	struct guest_talk *talk = data;
	struct err err = ERR_INIT;
	char bytes[GA_READ_SIZE];
	const char *start = bytes;
	ssize_t n = read(fd, bytes, sizeof(bytes));

	(void)revents;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		err_set(&err, ERR_INTERNAL, EPIPE, "its QEMU ended the connection");
		talk_fail(talk, &err);
		return;
	}
	if (!talk->synced) {
		const char *delimiter = memrchr(bytes, GA_DELIMITER, (size_t)n);

		if (delimiter) {
			ndjson_clear(&talk->in);
			start = delimiter + 1;
		}
	}
	take_bytes(talk, start, (size_t)(bytes + n - start));
}

static int talk_open(struct guest_talk *talk, struct loop *loop, const char *path,
		     int64_t deadline, struct err *err)
{
	char sync[128];
	uint32_t id;
	int r;

	/* 32 bits, as every JSON reader has them. */
	if (getrandom(&id, sizeof(id), 0) != sizeof(id))
		return err_sys(err, ERR_INTERNAL, errno, "getrandom");
	talk->sync_id = id;
	r = sock_connect_unix(loop, path, deadline, &talk->fd, err);
	if (r == 0)
		r = loop_watch(loop, talk->fd, POLLIN, on_socket, talk, &talk->watch, err);
	if (r < 0)
		return r;
	snprintf(sync, sizeof(sync),
		 "%c{\"execute\":\"guest-sync-delimited\",\"arguments\":{\"id\":%u}}\n",
		 GA_DELIMITER, id);
	talk_send(talk, sync, strlen(sync));
	return 0;
}

static bool talk_over(void *data)
{
	const struct guest_talk *talk = data;

	return talk->answer || talk->failed.kind != ERR_NONE;
}

static int count_interfaces(const json_t *answer, const struct mac *mac, struct err *err)
{
	const json_t *list = json_object_get(answer, "return"), *interface;
	const char *desc;
	char text[ERR_MSG_SIZE];
	int count = 0;
	size_t i;

	if (!json_is_array(list)) {
		desc = json_string_value(
			json_object_get(json_object_get(answer, "error"), "desc"));
		snprintf(text, sizeof(text), "%s", desc ? desc : "an answer without a list");
		str_make_printable(text);
		return err_set(err, ERR_INTERNAL, desc ? EREMOTEIO : EPROTO, "%s", text);
	}
	json_array_foreach (list, i, interface) {
		const char *address =
			json_string_value(json_object_get(interface, "hardware-address"));
		struct mac found;

		if (address && mac_parse(address, &found) == 0 && mac_equal(&found, mac))
			count++;
	}
	return count;
}

int guest_agent_count_interfaces(struct loop *loop, const char *path, const struct mac *mac,
				 int64_t deadline, struct err *err)
{
	struct guest_talk talk = { .fd = -1 };
	int r;

	ndjson_init(&talk.in, GA_LINE_MAX);
	r = talk_open(&talk, loop, path, deadline, err);
	if (r == 0)
		r = loop_run(loop, talk_over, &talk, deadline, err);
	if (r == -ETIMEDOUT)
		err_set(err, ERR_INTERNAL, ETIMEDOUT, "nobody answers in the guest");
	else if (r == 0 && talk.failed.kind != ERR_NONE)
		r = err_set(err, talk.failed.kind, talk.failed.errnum, "%s", talk.failed.msg);
	else if (r == 0)
		r = count_interfaces(talk.answer, mac, err);
	if (r < 0)
		err_wrap(err, "ask the guest agent at %s for its interfaces", path);
	loop_unwatch(talk.watch);
	if (talk.fd >= 0)
		close(talk.fd);
	ndjson_clear(&talk.in);
	json_decref(talk.answer);
	return r;
}
