/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "format.h"
#include "render.h"

#define DETAIL_SIZE 256

/* "precopy 43%, 312.0 MiB/s, about 4.1 s": how far a migration is. */
static void print_migration(FILE *out, const struct vm_status *status)
{
	char number[FORMAT_SIZE];

	fputs(status->phase ?: "starting", out);
	if (status->percent >= 0)
		fprintf(out, " %d%%", status->percent);
	if (status->rate >= 0)
		fprintf(out, ", %s/s", format_bytes(status->rate, number));
	if (status->remaining_ms >= 0)
		fprintf(out, ", about %s", format_ms(status->remaining_ms, number));
}

/* What there is to say beside the state, in one line; it may be empty. */
static void describe(const struct vm_status *status, char *text, size_t size)
{
	FILE *out = fmemopen(text, size, "w");

	text[0] = '\0';
	if (!out)
		return;
	if (status->state == VM_MOVED) {
		fprintf(out, "to %s", status->moved_to ?: "another host");
	} else if (status->state == VM_MIGRATING) {
		fprintf(out, "to %s: ", status->peer ?: "another host");
		print_migration(out, status);
	} else if (status->detail && !str_eq(status->detail, vm_state_name(status->state))) {
		fputs(status->detail, out);
	}
	/* While somebody is at work on it, an open journal is as it should be. */
	if (status->open_journal && status->state != VM_MIGRATING &&
	    status->state != VM_INCOMING && status->state != VM_BUSY)
		fprintf(out, "%sunfinished: %s", ftell(out) ? "; " : "", status->open_journal);
	fclose(out);
	text[size - 1] = '\0';
}

void render_table(const struct vm_status *list, size_t n)
{
	int width = (int)strlen("NAME");

	if (n == 0)
		return;
	for (size_t i = 0; i < n; i++)
		if ((int)strlen(list[i].name) > width)
			width = (int)strlen(list[i].name);
	printf("%-*s  %-9s  %-8s  %-7s  %s\n", width, "NAME", "STATE", "PAIR", "PID", "DETAIL");
	for (size_t i = 0; i < n; i++) {
		const struct vm_status *status = &list[i];
		char pid[16] = "-", detail[DETAIL_SIZE];

		if (status->pid)
			snprintf(pid, sizeof(pid), "%d", status->pid);
		describe(status, detail, sizeof(detail));
		printf("%-*s  %-9s  %-8s  %-*s%s%s\n", width, status->name,
		       vm_state_name(status->state), vm_status_pair_summary(status),
		       *detail ? 7 : 0, pid, *detail ? "  " : "", detail);
	}
}

/* What QEMU itself says of the pair, where it can. */
static void print_qemu_word(const struct qemu_failover *said)
{
	if (said->state == FAILOVER_UNKNOWN)
		return;
	printf("    QEMU: primary %s%s%s, standby %s", *said->primary ? said->primary : "",
	       *said->primary ? " " : "", failover_state_name(said->state),
	       said->negotiated ? "negotiated" : "not negotiated");
	if (*said->error)
		printf("; the last step failed: %s", said->error);
	putchar('\n');
}

void render_status(const struct vm_status *status)
{
	char detail[DETAIL_SIZE];

	printf("%s: %s", status->name, vm_state_name(status->state));
	if (status->pid)
		printf(", process %d", status->pid);
	describe(status, detail, sizeof(detail));
	printf("%s%s\n", *detail ? ", " : "", detail);
	if (!status->pairs_known)
		return;
	printf("  pairs: %s\n", vm_status_pair_summary(status));
	for (size_t i = 0; i < status->n_pairs; i++) {
		render_pair(&status->pairs[i]);
		print_qemu_word(&status->pairs[i].qemu);
	}
}
