/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a QEMU binary can do, as it says itself over QMP (host/qemu_probe.h).
 */
#ifndef VMFO_TOPOLOGY_QEMU_FACTS_H
#define VMFO_TOPOLOGY_QEMU_FACTS_H

#include <jansson.h>
#include <stdbool.h>

/* The additions of qemu-patches/, by their QAPI names. */
struct qemu_patches {
	bool unplug_timeout;  /* migration parameter "unplug-timeout" */
	bool query_failover;  /* command */
	bool failover_replug; /* command */
	bool failover_buses;  /* command "query-pci-failover-buses" */
	bool primary_event;   /* event FAILOVER_PRIMARY_CHANGED */
};

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
	struct qemu_patches patches;
};

/* Their names, as vm.json keeps them: an array, new; and back, without those not known. */
json_t *qemu_patches_json(const struct qemu_patches *patches);
void qemu_patches_read(const json_t *names, struct qemu_patches *out);

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
