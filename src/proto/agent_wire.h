/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What both halves of the agent protocol must agree upon beside JSON lines: the hello
 * among a login shell's noise, errors as JSON, and when silence means death. All pure.
 */
#ifndef VMFO_PROTO_AGENT_WIRE_H
#define VMFO_PROTO_AGENT_WIRE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* ---- the hello ---- */

/* A hello begins with exactly this; agent_hello_make() sees to it. */
#define AGENT_HELLO_MARK "{\"vmfo\":\"agent\""

#define AGENT_HELLO_MAX (64 * 1024)

/* The search for it in the agent's first output. Zeroed before the first use. */
struct agent_hello_scan {
	char *buf;
	size_t len, room;
	size_t from; /* no hello begins before this */
};

/*
 * Takes bytes in.  Return: 1 with *hello (a new reference) and *rest, the n_rest bytes
 * behind it, which stay in the scan; 0: not yet; -EBADMSG: more than AGENT_NOISE_MAX of
 * noise; -ENOMEM.
 */
int agent_hello_feed(struct agent_hello_scan *scan, const char *bytes, size_t n, json_t **hello,
		     const char **rest, size_t *n_rest, struct err *err);
void agent_hello_clear(struct agent_hello_scan *scan);

/* details: members for it, borrowed, may be NULL.  Return: a new reference; NULL: no memory. */
json_t *agent_hello_make(const json_t *details);

/* Errors: EPROTOTYPE (ERR_REFUSED): another protocol version. */
int agent_hello_check(const json_t *hello, const char *host, struct err *err);

/* ---- errors ---- */

/* {"kind", "errno", "message"}, a new reference; NULL: out of memory. */
json_t *agent_error_encode(const struct err *err);

/* Sets err to what object says, made printable.  Return: -errnum, always negative. */
int agent_error_decode(const json_t *object, struct err *err);

/* ---- the pulse ---- */

/*
 * Silence is counted in ticks that were lived through: a vmfo that was stopped, or a host
 * that slept, must not take its own absence for the peer's.
 */
struct agent_pulse {
	int64_t tick_ms, ping_ms, dead_ms;
	int64_t last_tick, last_heard;
	int64_t silent_ms, unpinged_ms;
};

enum agent_beat { AGENT_BEAT_NONE, AGENT_BEAT_PING, AGENT_BEAT_DEAD };

void agent_pulse_start(struct agent_pulse *pulse, int64_t ping_ms, int64_t dead_ms,
		       int64_t now);
void agent_pulse_heard(struct agent_pulse *pulse, int64_t now);
enum agent_beat agent_pulse_tick(struct agent_pulse *pulse, int64_t now);

#endif
