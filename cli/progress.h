/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a flow reports, for people: phases and notes as lines; how far a phase is as one
 * live line on a terminal, elsewhere as a line every ten seconds.
 */
#ifndef VMFO_CLI_PROGRESS_H
#define VMFO_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "flow/report.h"

struct progress {
	bool live;
	int64_t next_line_ms; /* no line about the same phase before this time of the flow */
};

void progress_init(struct progress *progress);
void progress_show(struct progress *progress, const struct report_event *event);
void progress_end(struct progress *progress); /* takes the live line away */

#endif
