/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a running QEMU and its guest say of the failover pairs.
 */
#ifndef VMFO_TOPOLOGY_GUEST_FACTS_H
#define VMFO_TOPOLOGY_GUEST_FACTS_H

#include <stddef.h>

enum fact { FACT_NO, FACT_YES, FACT_UNKNOWN };

enum slot_indicator {
	INDICATOR_UNKNOWN,
	INDICATOR_NONE, /* ACPI has the slot: nothing depends on its indicator */
	INDICATOR_ON,
	INDICATOR_BLINKING,
	INDICATOR_OFF,
};

struct guest_pair {
	char standby[80];              /* its id */
	enum fact driver_ok;           /* the guest's virtio driver is up */
	enum fact negotiated;          /* it acked VIRTIO_NET_F_STANDBY */
	enum fact primary_plugged;     /* QEMU has a device for this pair */
	int interfaces;                /* of that MAC in the guest, by its agent; -1: unknown */
	enum slot_indicator indicator; /* power indicator of the primary's slot */
	/* Why something is unknown; "". */
	char why[256]; /* driver_ok, negotiated */
	char why_interfaces[256];
	char why_indicator[256];
};

struct guest_facts {
	char runstate[32]; /* RunState: "running" */
	struct guest_pair *pairs;
	size_t n_pairs;
};

void guest_facts_free(struct guest_facts *facts); /* takes NULL */
const struct guest_pair *guest_find_pair(const struct guest_facts *facts, const char *standby);

#endif
