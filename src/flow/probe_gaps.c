/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/probe_gaps.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/str.h"

/* Pings that can still be answered: half a minute of them at 1000 a second. */
#define WINDOW 32768

/* A gap is told of when it is longer than so many intervals. */
#define GAP_INTERVALS 3

#define NO_GAP (-1)

struct sent_ping {
	int64_t sent_us;
	int32_t gap; /* that it is counted in as lost; an index; NO_GAP */
	int16_t phase;
	bool answered;
};

struct probe_gaps {
	int64_t interval_us;
	struct probe_report *report; /* as it is so far */
	struct sent_ping *pings;     /* by number, modulo WINDOW */
	uint64_t n_sent;
	uint64_t next;        /* after the highest number that was answered */
	int64_t next_sent_us; /* when that was sent, once it was */
	int64_t last_us;      /* of the last answer; before the first: the first ping's */
};

int probe_gaps_new(int interval_ms, struct probe_gaps **out, struct err *err)
{
	struct probe_gaps *gaps = calloc(1, sizeof(*gaps));

	if (!gaps)
		return err_nomem(err);
	gaps->interval_us = (int64_t)interval_ms * 1000;
	gaps->pings = calloc(WINDOW, sizeof(*gaps->pings));
	gaps->report = calloc(1, sizeof(*gaps->report));
	if (!gaps->pings || !gaps->report) {
		probe_gaps_free(gaps);
		return err_nomem(err);
	}
	gaps->report->interval_ms = interval_ms;
	*out = gaps;
	return 0;
}

void probe_gaps_free(struct probe_gaps *gaps)
{
	if (!gaps)
		return;
	probe_report_free(gaps->report);
	free(gaps->pings);
	free(gaps);
}

static struct sent_ping *ping_of(const struct probe_gaps *gaps, uint64_t number)
{
	return &gaps->pings[number % WINDOW];
}

/* The oldest is left out: of all others the one before is there as well. */
static bool in_window(const struct probe_gaps *gaps, uint64_t number)
{
	return number + WINDOW > gaps->n_sent;
}

void probe_gaps_phase(struct probe_gaps *gaps, const char *name, int64_t at_us)
{
	struct probe_report *report = gaps->report;

	if (report->n_phases < PROBE_MAX_PHASES)
		report->phases[report->n_phases++] =
			(struct probe_phase){ .name = name, .start_us = at_us };
}

uint64_t probe_gaps_sent(struct probe_gaps *gaps, int64_t at_us)
{
	struct probe_report *report = gaps->report;
	int16_t phase = (int16_t)((int)report->n_phases - 1);

	*ping_of(gaps, gaps->n_sent) =
		(struct sent_ping){ .sent_us = at_us, .gap = NO_GAP, .phase = phase };
	if (gaps->n_sent == 0)
		gaps->last_us = at_us;
	if (gaps->n_sent == gaps->next)
		gaps->next_sent_us = at_us;
	report->total.sent++;
	if (phase >= 0)
		report->phases[phase].count.sent++;
	return gaps->n_sent++;
}

void probe_gaps_not_sent(struct probe_gaps *gaps, int64_t n)
{
	gaps->report->not_sent += n;
}

/* ---- gaps ---- */

static void keep_longest(struct probe_count *count, int64_t length_us)
{
	if (length_us > count->longest_us)
		count->longest_us = length_us;
}

/* Gives each phase its share of a silence.  Return: the phase with the most of it; NULL. */
static const char *share_out(struct probe_report *report, int64_t begin, int64_t end)
{
	const char *name = NULL;
	int64_t most = 0;

	for (size_t i = 0; i < report->n_phases; i++) {
		struct probe_phase *phase = &report->phases[i];
		int64_t from = begin > phase->start_us ? begin : phase->start_us;
		int64_t to = end;

		if (i + 1 < report->n_phases && to > report->phases[i + 1].start_us)
			to = report->phases[i + 1].start_us;
		keep_longest(&phase->count, to - from);
		if (to - from > most) {
			most = to - from;
			name = phase->name;
		}
	}
	return name;
}

/* One more gap for the list; nothing was lost in it yet.  Return: whether there was room. */
static bool add_gap(struct probe_report *report, const struct probe_gap *gap)
{
	struct probe_gap *grown = NULL;

	if (report->n_gaps < PROBE_MAX_GAPS)
		grown = reallocarray(report->gaps, report->n_gaps + 1, sizeof(*grown));
	if (!grown) {
		report->more_gaps++;
		return false;
	}
	report->gaps = grown;
	report->gaps[report->n_gaps++] = *gap;
	return true;
}

/* Return: whether it is the last gap of the list now. */
static bool end_silence(struct probe_gaps *gaps, int64_t begin, int64_t end)
{
	struct probe_gap gap = { .start_us = begin, .length_us = end - begin };

	if (end <= begin)
		return false;
	keep_longest(&gaps->report->total, end - begin);
	gap.phase = share_out(gaps->report, begin, end);
	return gap.length_us > GAP_INTERVALS * gaps->interval_us && add_gap(gaps->report, &gap);
}

/*
 * The pings from gaps->next to upto - 1 were overtaken: they are lost in the last gap. If
 * that is not fresh, those are which were sent while it lasted: a gap often ends with the
 * answer to a ping from its beginning, which was held up, and not lost as those after it.
 */
static void lose(struct probe_gaps *gaps, uint64_t upto, bool fresh)
{
	struct probe_report *report = gaps->report;
	struct probe_gap *gap;

	if (!report->n_gaps)
		return;
	gap = &report->gaps[report->n_gaps - 1];
	if (fresh)
		gap->lost = (int64_t)(upto - gaps->next);
	for (uint64_t i = gaps->next; i < upto; i++) {
		struct sent_ping *ping = ping_of(gaps, i);

		if (!in_window(gaps, i) ||
		    (!fresh && ping->sent_us >= gap->start_us + gap->length_us))
			continue;
		ping->gap = (int32_t)report->n_gaps - 1;
		gap->lost += !fresh;
	}
}

/* The beginning of the silence before the answer to gaps->next, or to a later one. */
static int64_t silent_since(const struct probe_gaps *gaps)
{
	int64_t due_us = gaps->next_sent_us - gaps->interval_us;

	return due_us > gaps->last_us ? due_us : gaps->last_us;
}

/* The end of one in which pings were lost, the last of them being that before number. */
static int64_t silent_until(const struct probe_gaps *gaps, uint64_t number, int64_t at_us)
{
	int64_t took_us = at_us - ping_of(gaps, number)->sent_us;
	int64_t due_us = ping_of(gaps, number - 1)->sent_us + gaps->interval_us + took_us;

	return due_us < at_us ? due_us : at_us;
}

/* An answer that no later ping's has overtaken. */
static void advance(struct probe_gaps *gaps, uint64_t number, int64_t at_us)
{
	int64_t end_us = number > gaps->next ? silent_until(gaps, number, at_us) : at_us;

	lose(gaps, number, end_silence(gaps, silent_since(gaps), end_us));
	gaps->next = number + 1;
	if (gaps->next < gaps->n_sent)
		gaps->next_sent_us = ping_of(gaps, gaps->next)->sent_us;
}

bool probe_gaps_answered(struct probe_gaps *gaps, uint64_t number, int64_t at_us)
{
	struct probe_report *report = gaps->report;
	struct sent_ping *ping = ping_of(gaps, number);

	if (number >= gaps->n_sent || !in_window(gaps, number) || ping->answered)
		return false;
	ping->answered = true;
	report->total.received++;
	if (ping->phase >= 0)
		report->phases[ping->phase].count.received++;
	if (at_us < gaps->last_us)
		at_us = gaps->last_us;
	if (number >= gaps->next) {
		advance(gaps, number, at_us);
	} else {
		if (ping->gap != NO_GAP)
			report->gaps[ping->gap].lost--;
		/* It was waited for all the time. */
		end_silence(gaps, gaps->last_us, at_us);
	}
	gaps->last_us = at_us;
	return true;
}

int64_t probe_gaps_received(const struct probe_gaps *gaps)
{
	return gaps->report->total.received;
}

bool probe_gaps_complete(const struct probe_gaps *gaps)
{
	return gaps->report->total.received == gaps->report->total.sent;
}

struct probe_report *probe_gaps_end(struct probe_gaps *gaps)
{
	if (gaps->next < gaps->n_sent) {
		int64_t end_us = ping_of(gaps, gaps->n_sent - 1)->sent_us + gaps->interval_us;

		lose(gaps, gaps->n_sent, end_silence(gaps, silent_since(gaps), end_us));
	}
	return steal_ptr(gaps->report);
}
