/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Every link of this host with its VFs, and the forwarding databases, by netlink; or of
 * a captured host, from vmfo/links.json (`ip -details -json link show`), vmfo/fdb.json
 * (`bridge -json fdb show`) and vmfo/devlink.json (`devlink -json dev eswitch show`, one
 * object for each device; they follow each other). Only the first must be there.
 * Source: Linux rtnetlink(7), if_link.h (IFLA_VFINFO_LIST), if_bridge.h, devlink.h.
 */
#ifndef VMFO_HOST_LINKS_H
#define VMFO_HOST_LINKS_H

#include "base/err.h"
#include "topology/host_facts.h"

/*
 * Fills links, fdb, links_missing, tap_offloads. Links that cannot be read are missing,
 * and no error; of a captured host, so they are when any of the files is not valid.
 * Errors: ERR_INTERNAL, ENOMEM.
 */
int links_read(const char *sysroot, struct host_facts *facts, struct err *err);

#endif
