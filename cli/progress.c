/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "progress.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "format.h"
#include "narrate.h"
#include "render_check.h"

#define LINE_INTERVAL_MS 10000

void progress_init(struct progress *progress)
{
	*progress = (struct progress){ .live = narrate_can_live() };
}

void progress_end(struct progress *progress)
{
	if (progress->live)
		narrate_live(NULL);
}

/* "precopy 43%, 312.0 MiB/s, 1.2 GiB left, about 4.1 s: net1 holds on": what is known. */
static void describe(const struct report_event *event, char *text, size_t size)
{
	char number[FORMAT_SIZE];
	FILE *out = fmemopen(text, size, "w");

	text[0] = '\0';
	if (!out)
		return;
	fputs(event->phase ? event->phase : "", out);
	if (event->percent >= 0)
		fprintf(out, " %d%%", event->percent);
	if (event->rate >= 0)
		fprintf(out, ", %s/s", format_bytes(event->rate, number));
	if (event->remaining_bytes >= 0)
		fprintf(out, ", %s left", format_bytes(event->remaining_bytes, number));
	if (event->remaining_ms >= 0)
		fprintf(out, ", about %s", format_ms(event->remaining_ms, number));
	if (event->text)
		fprintf(out, ": %s", event->text);
	fclose(out);
	text[size - 1] = '\0';
}

static void show_progress(struct progress *progress, const struct report_event *event)
{
	char text[256], line[320], elapsed[FORMAT_SIZE];

	if (!progress->live && event->elapsed_ms < progress->next_line_ms)
		return;
	progress->next_line_ms = event->elapsed_ms + LINE_INTERVAL_MS;
	describe(event, text, sizeof(text));
	snprintf(line, sizeof(line), "[%8s] %s", format_ms(event->elapsed_ms, elapsed), text);
	if (progress->live)
		narrate_live(line);
	else
		narrate_note("%s", line);
}

/*
 * An error in full, as vmfo check-topology prints it: it is what stops the flow. Of what
 * does not, a line says enough.
 */
static void show_finding(const struct finding *finding)
{
	_cleanup_free_ char *text = NULL;

	switch (finding->severity) {
	case SEVERITY_ERROR:
		text = render_finding_text(finding);
		if (text)
			narrate_text(text);
		break;
	case SEVERITY_WARNING:
		narrate_warn("%s: %s: %s", finding->rule, finding->object, finding->found);
		break;
	case SEVERITY_INFO:
		narrate_note("info: %s: %s: %s", finding->rule, finding->object,
			     finding->found);
		break;
	}
}

void progress_show(struct progress *progress, const struct report_event *event)
{
	char elapsed[FORMAT_SIZE];

	format_ms(event->elapsed_ms, elapsed);
	switch (event->kind) {
	case REPORT_PHASE:
		progress->next_line_ms = event->elapsed_ms + LINE_INTERVAL_MS;
		narrate_note("[%8s] %s", elapsed, event->phase);
		break;
	case REPORT_PROGRESS:
		show_progress(progress, event);
		break;
	case REPORT_PAIR:
		narrate_note("[%8s] pair %s: %s", elapsed, event->pair, event->state);
		break;
	case REPORT_NOTE:
		narrate_note("[%8s] %s", elapsed, event->text);
		break;
	case REPORT_WARNING:
		narrate_warn("%s", event->text);
		break;
	case REPORT_FINDING:
		show_finding(event->finding);
		break;
	}
}
