/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The arithmetic of a probe: from when pings were sent and answered, to what was lost, and
 * when there was silence. Pure: times come from the caller, in microseconds since any one
 * moment, and its memory does not grow with the number of pings.
 *
 * A gap lasts from one answer to the next, or from the first ping, or until the last; pings
 * that the network only held up, and delivered later, make one as well as lost ones. A time
 * without a ping proves nothing: no more than one interval of it counts at either end of a
 * gap, however long the sender was held up.
 */
#ifndef VMFO_FLOW_PROBE_GAPS_H
#define VMFO_FLOW_PROBE_GAPS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "flow/probe_report.h"

struct probe_gaps;

int probe_gaps_new(int interval_ms, struct probe_gaps **out, struct err *err);
void probe_gaps_free(struct probe_gaps *gaps); /* takes NULL */

/* A phase (static text) begins. More than PROBE_MAX_PHASES of them go on with the last. */
void probe_gaps_phase(struct probe_gaps *gaps, const char *name, int64_t at_us);

/* A ping is sent.  Return: its number. */
uint64_t probe_gaps_sent(struct probe_gaps *gaps, int64_t at_us);

/* So many were to be sent, and the time for it went by. */
void probe_gaps_not_sent(struct probe_gaps *gaps, int64_t n);

/*
 * A ping is answered. Return: whether that counts: it was sent, not answered before, and
 * is one of the last 32767.
 */
bool probe_gaps_answered(struct probe_gaps *gaps, uint64_t number, int64_t at_us);

/* How many have been; and whether all of them. */
int64_t probe_gaps_received(const struct probe_gaps *gaps);
bool probe_gaps_complete(const struct probe_gaps *gaps);

/*
 * The end: what was not answered is lost. Nothing but probe_gaps_free() may follow.
 * Return: the report, the caller's, without an address.
 */
struct probe_report *probe_gaps_end(struct probe_gaps *gaps);

#endif
