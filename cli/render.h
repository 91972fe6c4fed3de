/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Results on standard output. Text and JSON render the same structs.
 */
#ifndef VMFO_CLI_RENDER_H
#define VMFO_CLI_RENDER_H

#include <jansson.h>
#include <stddef.h>

#include "flow/result.h"
#include "flow/status.h"

/* An object, indented; whether it could be written is seen at the end.  Return: 0, -ENOMEM. */
int render_json(const json_t *object);

/* One pair, as an indented line, and another where settings of its VF are unsupported. */
void render_pair(const struct pair_result *pair);

/*
 * What a target would plug, a line for each pair, and below it why not the VFs that do not fit:
 * those of one PF and one reason together. devices: as the agent's op "check" has it; NULL:
 * nothing is printed.
 */
void render_devices(const json_t *devices, int indent);

/* What a probe saw, as indented lines. */
void render_probe(const struct probe_report *report);

/* What a flow came to; each a session_text_fn. */
void render_launch(const struct result *result);
void render_stop(const struct result *result);
void render_migrate(const struct result *result);
void render_replug(const struct result *result);

/* vmfo list: a table. vmfo status: a paragraph for each VM. */
void render_table(const struct vm_status *list, size_t n);
void render_status(const struct vm_status *status);

#endif
