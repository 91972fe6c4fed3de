/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <stdio.h>

#include "format.h"
#include "render.h"

/* A person reads so many, the longest; --json has them all. */
#define MAX_GAPS 10

/* "812 sent, 6 lost (0.7 %), longest gap 68 ms" */
static void print_count(const struct probe_count *count)
{
	int64_t lost = count->sent - count->received;
	char longest[FORMAT_SIZE];

	printf("%" PRId64 " sent, %" PRId64 " lost", count->sent, lost);
	if (lost)
		printf(" (%.1f %%)", 100.0 * (double)lost / (double)count->sent);
	printf(", longest gap %s", format_ms(probe_ms(count->longest_us), longest));
}

static void print_gap(const struct probe_gap *gap)
{
	char start[FORMAT_SIZE], length[FORMAT_SIZE];

	printf("    at %s: no answer for %s, %" PRId64 " lost (%s)\n",
	       format_ms(probe_ms(gap->start_us), start),
	       format_ms(probe_ms(gap->length_us), length), gap->lost, gap->phase ?: "-");
}

/* Whether it is one of the longest; of two that are equal the earlier counts as longer. */
static bool is_shown(const struct probe_report *report, size_t n)
{
	int longer = 0;

	for (size_t i = 0; i < report->n_gaps && longer < MAX_GAPS; i++) {
		int64_t more_us = report->gaps[i].length_us - report->gaps[n].length_us;

		longer += more_us > 0 || (more_us == 0 && i < n);
	}
	return longer < MAX_GAPS;
}

static void print_gaps(const struct probe_report *report)
{
	int64_t more = report->more_gaps;

	for (size_t i = 0; i < report->n_gaps; i++) {
		if (is_shown(report, i))
			print_gap(&report->gaps[i]);
		else
			more++;
	}
	if (more)
		printf("    and %" PRId64 " more gaps\n", more);
}

void render_probe(const struct probe_report *report)
{
	printf("  probe of %s, every %d ms: ", report->address ?: "?", report->interval_ms);
	print_count(&report->total);
	if (report->not_sent)
		printf("; %" PRId64 " could not be sent in time", report->not_sent);
	putchar('\n');
	for (size_t i = 0; i < report->n_phases; i++) {
		printf("    %s: ", report->phases[i].name);
		print_count(&report->phases[i].count);
		putchar('\n');
	}
	print_gaps(report);
}
