/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * QEMU's command line from a definition: a pure function, so that two hosts make the
 * same devices, at the same addresses, in the same order, from the same definition.
 */
#ifndef VMFO_MODEL_QEMU_ARGV_H
#define VMFO_MODEL_QEMU_ARGV_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
#include "model/vmdef.h"

/* A NIC backend that vmfo made a tap for, in the order in which QEMU gets its fds. */
struct qemu_tap {
	char netdev[80];    /* QEMU's id of the netdev */
	const char *bridge; /* borrowed from the definition */
	const char *nic;    /* id of the pair or NIC; borrowed from the definition */
	bool primary;       /* the backend of a pair's emulated primary */
	int queues;         /* so many fds, one after the other */
};

/*
 * The taps that vmfo has to make for this definition, in a fixed order: their fds are
 * numbers 3, 4, 5 … in QEMU. out: freed by the caller.
 */
int qemu_plan_taps(const struct vmdef *def, struct qemu_tap **out, size_t *n, struct err *err);

struct qemu_argv_env {
	const char *qemu;   /* binary */
	const char *rundir; /* the VM's run folder */
	/*
	 * Confine QEMU by its seccomp filter. For binaries that can: query-command-line-options
	 * names "sandbox" there.
	 */
	bool sandbox;
	/*
	 * Write the primaries as JSON. A hidden device that was written as text keeps its id
	 * reserved for good ("Duplicate ID"): once the guest has let go of it, it could not be
	 * plugged again. For binaries that can: device_add has the feature "json-cli-hotplug".
	 */
	bool json_device;
	bool vhost_net; /* /dev/vhost-net is there */
	bool incoming;  /* start as a migration's target: -S, -incoming defer */
	/*
	 * Leave the primaries out: they are plugged later. Never at a launch, where QEMU
	 * hides them itself until the guest has negotiated the standby.
	 */
	bool without_primaries;
	/* By pair, the PCI address of the VF that is its primary; NULL: no pair has one. */
	const char *const *vfs;
	/*
	 * Nothing is started with it: the topology rules look at it. A primary that is a VF is
	 * there as vfio-pci without "host", and no model of an emulated one is refused.
	 */
	bool plan;
};

/*
 * Appends QEMU's argv, argv[0] included, to out; after an error out holds a part of it.
 * Errors: ERR_USAGE for a definition that cannot be expressed (more devices than slots, a
 * socket path over 107 bytes); ERR_TOPOLOGY for a machine without PCI Express, and for a
 * NIC model that QEMU cannot unplug as a primary (not with `plan`); ERR_REFUSED for vhost
 * "on" without /dev/vhost-net; ERR_INTERNAL for a primary that has no VF yet (not with
 * `plan`).
 */
int qemu_argv(const struct vmdef *def, const struct qemu_argv_env *env, struct strv *out,
	      struct err *err);

/*
 * The arguments of device_add for a pair's primary, equal to what qemu_argv() puts on
 * the command line: a new reference. vf: of a primary that is a VF, its address; NULL.
 * Errors: as of qemu_argv().
 */
int qemu_primary_device(const struct vm_pair *pair, const char *vf, json_t **out,
			struct err *err);

#endif
