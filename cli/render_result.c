/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "format.h"
#include "render.h"

int render_json(const json_t *object)
{
	_cleanup_free_ char *text = object ? json_dumps(object, JSON_INDENT(2)) : NULL;

	if (!text)
		return -ENOMEM;
	puts(text);
	return 0;
}

/* What its VF should have been set to, and was not. */
static void print_unsupported(const struct strv *settings)
{
	_cleanup_free_ char *names = settings->n ? strv_join(settings, ", ") : NULL;

	if (!names)
		return;
	/* Of another host, where that has plugged it. */
	str_make_printable(names);
	printf("    not set, as the driver of its PF does not know it: %s\n", names);
}

void render_pair(const struct pair_result *pair)
{
	printf("  pair %s: %s", pair->id, pair_state_name(pair->state));
	if (pair->evidence != PAIR_EVIDENCE_NONE)
		printf(" (by %s)", pair_evidence_name(pair->evidence));
	if (pair->target_primary)
		printf(", primary %s", pair->target_primary);
	if (pair->reason)
		printf(": %s", pair->reason);
	putchar('\n');
	print_unsupported(&pair->unsupported);
}

static void print_pairs(const struct result *result)
{
	for (size_t i = 0; i < result->n_pairs; i++)
		render_pair(&result->pairs[i]);
}

/* "  phases: prepare 812 ms, wait-unplug 251 ms": where the time went. */
static void print_phases(const struct result *result)
{
	char duration[FORMAT_SIZE];

	if (!result->n_phases)
		return;
	printf("  phases:");
	for (size_t i = 0; i < result->n_phases; i++)
		printf("%s %s %s", i ? "," : "", result->phases[i].name,
		       format_ms(result->phases[i].duration_ms, duration));
	putchar('\n');
}

/* A failure's reason is printed as vmfo's error, after this. */
static void print_outcome(const struct result *result)
{
	printf("%s: %s\n", result->vm, outcome_name(result->outcome));
}

void render_launch(const struct result *result)
{
	if (result->pid)
		printf("%s: running, process %d\n", result->vm, result->pid);
	else
		print_outcome(result);
	print_pairs(result);
}

void render_stop(const struct result *result)
{
	if (result->status == ERR_NONE)
		printf("%s: stopped\n", result->vm);
	else
		print_outcome(result);
}

void render_replug(const struct result *result)
{
	print_outcome(result);
	print_pairs(result);
}

static void print_moved(const struct result *result)
{
	char total[FORMAT_SIZE], downtime[FORMAT_SIZE], bytes[FORMAT_SIZE];

	printf("%s: moved from %s to %s in %s", result->vm, result->source, result->target,
	       format_ms(result->total_ms, total));
	if (result->downtime_ms >= 0)
		printf(", stopped for %s", format_ms(result->downtime_ms, downtime));
	printf(", %s carried\n", format_bytes(result->transferred_bytes, bytes));
}

void render_migrate(const struct result *result)
{
	bool has_ends = result->source && result->target;

	if (result->dry_run && result->status == ERR_NONE && has_ends)
		printf("%s: could move from %s to %s; nothing was changed\n", result->vm,
		       result->source, result->target);
	else if ((result->outcome == OUTCOME_DONE || result->outcome == OUTCOME_DEGRADED) &&
		 has_ends)
		print_moved(result);
	else
		print_outcome(result);
	print_pairs(result);
	if (result->dry_run)
		render_devices(result->devices, 2);
	print_phases(result);
	if (result->probe)
		render_probe(result->probe);
}
