/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a running QEMU and its guest say of the failover pairs.
 */
#ifndef VMFO_TOPOLOGY_GUEST_FACTS_H
#define VMFO_TOPOLOGY_GUEST_FACTS_H

#include <stdbool.h>
#include <stddef.h>

enum fact { FACT_NO, FACT_YES, FACT_UNKNOWN };

enum slot_indicator {
	INDICATOR_UNKNOWN,
	INDICATOR_NONE, /* ACPI has the slot: nothing depends on its indicator */
	INDICATOR_ON,
	INDICATOR_BLINKING,
	INDICATOR_OFF,
};

/* What has become of a pair's primary. Source: qemu-patches/, QAPI FailoverPrimaryState. */
enum failover_state {
	FAILOVER_UNKNOWN, /* QEMU cannot be asked, or says something else */
	FAILOVER_ABSENT,  /* it was offered none */
	FAILOVER_HIDDEN,  /* it keeps one back until the guest agrees */
	FAILOVER_PLUGGED,
	FAILOVER_UNPLUG_REQUESTED,
	FAILOVER_UNPLUGGED, /* the guest has let it go, and QEMU keeps the device */
};

const char *failover_state_name(enum failover_state state);     /* QAPI's; static */
enum failover_state failover_state_from_name(const char *name); /* FAILOVER_UNKNOWN: none */

/* QEMU's own word on a pair. */
struct qemu_failover {
	enum failover_state state; /* FAILOVER_UNKNOWN: the rest means nothing */
	bool negotiated;
	char primary[80]; /* its id; "" */
	char error[256];  /* why the last step failed; "" */
};

struct guest_pair {
	char standby[80];              /* its id */
	enum fact driver_ok;           /* the guest's virtio driver is up */
	enum fact negotiated;          /* it acked VIRTIO_NET_F_STANDBY */
	enum fact primary_plugged;     /* QEMU has a device for this pair */
	struct qemu_failover qemu;     /* where QEMU has query-failover */
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
