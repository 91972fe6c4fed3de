/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The facts of a host: this one, or one that was captured into a folder (a "sysroot")
 * that holds its /sys, /proc and /dev as far as they matter, and what netlink said as
 * JSON in its folder vmfo (host/links.h). tests/capture-sysroot makes such a folder.
 */
#ifndef VMFO_HOST_HOST_READ_H
#define VMFO_HOST_HOST_READ_H

#include "base/err.h"
#include "topology/topo.h"

struct host_read {
	const char *sysroot; /* NULL: this host; borrowed, as the rest */
	/*
	 * The VMs of this host. Groups of VFs that they hold are not opened to see whether
	 * they are free: only one process can have a group open, and at that moment it may be
	 * a QEMU that wants to.
	 */
	const struct host_vm *vms;
	size_t n_vms;
};

/*
 * What cannot be read is unknown in out, and no error.
 * out: freed by host_facts_free().  Errors: ERR_REFUSED: no such folder; ERR_INTERNAL.
 */
int host_read(const struct host_read *what, struct host_facts **out, struct err *err);

#endif
