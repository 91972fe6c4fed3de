/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a QEMU binary can do, as it says itself over QMP (host/qemu_probe.h).
 */
#ifndef VMFO_TOPOLOGY_QEMU_FACTS_H
#define VMFO_TOPOLOGY_QEMU_FACTS_H

#include <jansson.h>
#include <stdbool.h>

struct qemu_facts {
	char *binary;
	char *version;    /* "7.2.18" */
	json_t *machines; /* query-machines */
	json_t *cpus;     /* query-cpu-definitions */
	/*
	 * By driver: an array of the names of its properties; null: this QEMU has no such
	 * device. Only those that the probe was asked for.
	 */
	json_t *devices;
	bool kvm;         /* the accelerator that it took is KVM */
	bool sandbox;     /* it was built with its seccomp filter */
	bool json_device; /* -device takes JSON, and such a device can be unplugged */
	bool wait_unplug; /* MigrationStatus has it */
	/* The additions of qemu-patches/, by their QAPI names. */
	struct {
		bool unplug_timeout;  /* migration parameter "unplug-timeout" */
		bool query_failover;  /* command */
		bool failover_replug; /* command */
		bool failover_buses;  /* command "query-pci-failover-buses" */
		bool primary_event;   /* event FAILOVER_PRIMARY_CHANGED */
	} patches;
};

void qemu_facts_free(struct qemu_facts *facts); /* takes NULL */

bool qemu_has_machine(const struct qemu_facts *facts, const char *machine); /* or alias */
bool qemu_has_cpu(const struct qemu_facts *facts, const char *model);

/* The real name of a machine type that may be an alias; name itself if it is none. */
const char *qemu_machine_name(const struct qemu_facts *facts, const char *name);

bool qemu_machine_deprecated(const struct qemu_facts *facts,
			     const char *machine); /* or alias */

/*
 * Whether it has that device.  Return: 1, 0, -ENOENT: it was not asked. property: NULL, or
 * what the device must have as well.
 */
int qemu_has_device(const struct qemu_facts *facts, const char *driver, const char *property);

#endif
