/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One link as rtnetlink describes it (RTM_NEWLINK).
 * Source: Linux include/uapi/linux/if_link.h; net/core/rtnetlink.c (rtnl_fill_ifinfo).
 */
#ifndef VMFO_HOST_LINK_MESSAGE_H
#define VMFO_HOST_LINK_MESSAGE_H

#include <libmnl/libmnl.h>
#include <stdbool.h>

#include "topology/host_facts.h"

struct link_message {
	/* Without what is not in the message: names of other links, pci, eswitch. */
	struct host_link link;
	int master, lower; /* indexes in this network namespace; 0: none */
	int num_vfs;       /* that the device has, whether or not the message has them */
	char parent_bus[16], parent[PCI_ADDRESS_SIZE];
	char phys_port[32]; /* the port's name on its NIC: "p0", "pf0vf3"; "" */
};

/*
 * Attributes that are not of the form that the kernel gives them are passed over.
 * out: cleared by link_message_clear(), also after a failure.
 * Return: 0; -EINVAL: not a link's message; -ENOMEM.
 */
int link_message_parse(const struct nlmsghdr *message, struct link_message *out);
void link_message_clear(struct link_message *message);

#endif
