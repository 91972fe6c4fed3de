/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proto/agent_wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "proto/agent.h"

/* ---- the hello ---- */

static int scan_append(struct agent_hello_scan *scan, const char *bytes, size_t n,
		       struct err *err)
{
	if (scan->room - scan->len < n) {
		size_t room = (scan->len + n) * 2;
		char *buf = realloc(scan->buf, room);

		if (!buf)
			return err_nomem(err);
		scan->buf = buf;
		scan->room = room;
	}
	memcpy(scan->buf + scan->len, bytes, n);
	scan->len += n;
	return 0;
}

static int too_much_noise(struct err *err)
{
	return err_set(err, ERR_REFUSED, EBADMSG,
		       "no hello in the first %d bytes of the agent's output", AGENT_NOISE_MAX);
}

int agent_hello_feed(struct agent_hello_scan *scan, const char *bytes, size_t n, json_t **hello,
		     const char **rest, size_t *n_rest, struct err *err)
{
	const size_t mark_len = strlen(AGENT_HELLO_MARK);
	int r = scan_append(scan, bytes, n, err);

	if (r < 0)
		return r;
	for (;;) {
		char *mark = memmem(scan->buf + scan->from, scan->len - scan->from,
				    AGENT_HELLO_MARK, mark_len);
		char *end = scan->buf + scan->len;
		char *newline;
		json_t *object;

		if (!mark) {
			/* It may be cut in two by the end of what has come. */
			if (scan->len - scan->from >= mark_len)
				scan->from = scan->len - mark_len + 1;
			return scan->len > AGENT_NOISE_MAX ? too_much_noise(err) : 0;
		}
		scan->from = (size_t)(mark - scan->buf);
		if (scan->from > AGENT_NOISE_MAX)
			return too_much_noise(err);
		newline = memchr(mark, '\n', (size_t)(end - mark));
		if (!newline)
			return end - mark > AGENT_HELLO_MAX ? too_much_noise(err) : 0;
		object = json_loadb(mark, (size_t)(newline - mark), JSON_REJECT_DUPLICATES,
				    NULL);
		if (json_is_object(object)) {
			*hello = object;
			*rest = newline + 1;
			*n_rest = (size_t)(end - *rest);
			return 1;
		}
		/* Noise that looks like a hello, as a shell's trace of it does. */
		json_decref(object);
		scan->from++;
	}
}

void agent_hello_clear(struct agent_hello_scan *scan)
{
	free(scan->buf);
	*scan = (struct agent_hello_scan){ 0 };
}

json_t *agent_hello_make(const json_t *details)
{
	/* jansson keeps the order, so the members of the mark come first. */
	json_t *hello = json_pack("{s:s,s:i}", "vmfo", "agent", "protocol", AGENT_PROTOCOL);

	if (hello && details && json_object_update_missing(hello, (json_t *)details) < 0) {
		json_decref(hello);
		return NULL;
	}
	return hello;
}

int agent_hello_check(const json_t *hello, const char *host, struct err *err)
{
	const json_t *protocol = json_object_get(hello, "protocol");
	const char *version = json_string_value(json_object_get(hello, "version"));
	char text[64];

	if (json_is_integer(protocol) && json_integer_value(protocol) == AGENT_PROTOCOL)
		return 0;
	snprintf(text, sizeof(text), "%s", version ? version : "of no version");
	str_make_printable(text);
	return err_set(
		err, ERR_REFUSED, EPROTOTYPE,
		"the vmfo on %s is %s and speaks agent protocol %lld, this one speaks %d: "
		"install the same vmfo on both hosts",
		host, text, (long long)json_integer_value(protocol), AGENT_PROTOCOL);
}

/* ---- errors ---- */

/* s as JSON, whatever its bytes are: JSON takes UTF-8 only. */
static json_t *json_string_lossy(const char *s)
{
	json_t *string = json_string(s);
	_cleanup_free_ char *copy = NULL;

	if (string)
		return string;
	copy = strdup(s);
	if (!copy)
		return NULL;
	for (char *p = copy; *p; p++)
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	return json_string(copy);
}

json_t *agent_error_encode(const struct err *err)
{
	/* An op that fails without a word has a bug; its client is told all the same. */
	struct err silent = { .kind = ERR_INTERNAL, .errnum = EIO, .msg = "no reason given" };

	if (err->kind == ERR_NONE)
		err = &silent;
	return json_pack("{s:s,s:i,s:o}", "kind", err_kind_name(err->kind), "errno",
			 err->errnum, "message", json_string_lossy(err->msg));
}

static enum err_kind kind_by_name(const char *name)
{
	for (enum err_kind kind = ERR_INTERNAL; name && kind <= ERR_UNFINISHED; kind++)
		if (str_eq(err_kind_name(kind), name))
			return kind;
	return ERR_INTERNAL;
}

int agent_error_decode(const json_t *object, struct err *err)
{
	const char *kind = json_string_value(json_object_get(object, "kind"));
	const char *message = json_string_value(json_object_get(object, "message"));
	json_int_t errnum = json_integer_value(json_object_get(object, "errno"));
	char text[ERR_MSG_SIZE];

	/* A number that is no errno would make the failure look like a success. */
	if (errnum < 1 || errnum > 4095)
		errnum = EIO;
	snprintf(text, sizeof(text), "%s", message ? message : "an error without a message");
	str_make_printable(text);
	return err_set(err, kind_by_name(kind), (int)errnum, "%s", text);
}

/* ---- the pulse ---- */

void agent_pulse_start(struct agent_pulse *pulse, int64_t ping_ms, int64_t dead_ms, int64_t now)
{
	/* Finer than a ping, so that death is noticed soon after its time has come. */
	*pulse = (struct agent_pulse){ .tick_ms = ping_ms > 3 ? ping_ms / 3 : 1,
				       .ping_ms = ping_ms,
				       .dead_ms = dead_ms,
				       .last_tick = now,
				       .last_heard = now };
}

void agent_pulse_heard(struct agent_pulse *pulse, int64_t now)
{
	pulse->last_heard = now;
	pulse->silent_ms = 0;
}

enum agent_beat agent_pulse_tick(struct agent_pulse *pulse, int64_t now)
{
	int64_t lived = now - pulse->last_tick;

	if (lived > 2 * pulse->tick_ms)
		lived = pulse->tick_ms;
	pulse->last_tick = now;
	pulse->silent_ms += lived;
	pulse->unpinged_ms += lived;
	if (pulse->silent_ms >= pulse->dead_ms)
		return AGENT_BEAT_DEAD;
	if (pulse->unpinged_ms < pulse->ping_ms)
		return AGENT_BEAT_NONE;
	pulse->unpinged_ms = 0;
	return AGENT_BEAT_PING;
}
