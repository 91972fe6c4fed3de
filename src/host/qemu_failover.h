/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What QEMU itself says of its failover pairs, where it is built with the patches that let
 * it: query-failover. Without them a primary that its guest has let go of looks like one
 * that is plugged.
 */
#ifndef VMFO_HOST_QEMU_FAILOVER_H
#define VMFO_HOST_QEMU_FAILOVER_H

#include <jansson.h>
#include <stdint.h>

#include "base/err.h"
#include "proto/qmp.h"
#include "topology/guest_facts.h"

/*
 * One entry of query-failover, or the data of FAILOVER_PRIMARY_CHANGED (which does not tell
 * what was negotiated), whoever wrote it. out: state FAILOVER_UNKNOWN: it is neither.
 */
void qemu_failover_decode_entry(const json_t *entry, struct qemu_failover *out);

/* Of a whole query-failover answer the entry of a standby; as above if there is none. */
void qemu_failover_decode(const json_t *answer, const char *standby, struct qemu_failover *out);

/*
 * Of one standby.  Return: 1; 0: QEMU has no such command, or knows no such standby, and out's
 * state is FAILOVER_UNKNOWN; or a failure of the connection.
 */
int qemu_failover_ask(struct qmp *qmp, const char *standby, int64_t deadline,
		      struct qemu_failover *out, struct err *err);

#endif
