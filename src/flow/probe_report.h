/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a probe saw of its address during a flow: how many pings were answered, and when
 * none was.
 */
#ifndef VMFO_FLOW_PROBE_REPORT_H
#define VMFO_FLOW_PROBE_REPORT_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#define PROBE_MAX_PHASES 16
#define PROBE_MAX_GAPS 1000

struct probe_count {
	int64_t sent;
	int64_t received;   /* the rest is lost */
	int64_t longest_us; /* without an answer */
};

/* Counts of a phase: the pings that were sent in it, and the longest silence in it. */
struct probe_phase {
	const char *name; /* static */
	int64_t start_us;
	struct probe_count count;
};

struct probe_gap {
	int64_t start_us, length_us;
	int64_t lost;
	const char *phase; /* that most of it fell into; static; NULL: before the first */
};

struct probe_report {
	char *address;
	int interval_ms;
	struct probe_count total;
	int64_t not_sent; /* their time went by before vmfo came to it; not in total */
	struct probe_phase phases[PROBE_MAX_PHASES];
	size_t n_phases;
	struct probe_gap *gaps; /* of more than three intervals, in their order */
	size_t n_gaps;
	int64_t more_gaps; /* after PROBE_MAX_GAPS of them */
};

/* All times of a report are rounded to this. */
int64_t probe_ms(int64_t us);

/* A new reference; NULL: out of memory. */
json_t *probe_report_json(const struct probe_report *report);
void probe_report_free(struct probe_report *report); /* takes NULL */

#endif
