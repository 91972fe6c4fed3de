/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The guest's own view, by the QEMU guest agent, where it runs.
 * Source: QEMU qga/qapi-schema.json (guest-sync-delimited, guest-network-get-interfaces).
 * The guest is not trusted: every answer is bounded, and none is awaited for long.
 */
#ifndef VMFO_HOST_GUEST_AGENT_H
#define VMFO_HOST_GUEST_AGENT_H

#include <stdint.h>

#include "base/err.h"
#include "io/loop.h"
#include "model/mac.h"

/*
 * How many of the guest's interfaces have mac: 3 is a whole pair (master, standby,
 * primary), 2 one without its primary. path: RUNDIR/NAME/qga.sock.
 * Return: the number; -ENOENT: no such socket; -ETIMEDOUT: nobody answers in the guest;
 * another failure.
 */
int guest_agent_count_interfaces(struct loop *loop, const char *path, const struct mac *mac,
				 int64_t deadline, struct err *err);

#endif
