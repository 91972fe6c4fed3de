/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The power indicator of a native PCIe slot. While it blinks the guest is at work on the
 * slot, and QEMU refuses an unplug.
 *
 * No query tells it: it is two bits of the port's Slot Control register, which are read
 * as the guest would, through the machine's window onto PCI configuration space (ECAM).
 * Source: PCI Express specification, Slot Control, Power Indicator Control; QEMU
 * hw/pci/pcie.c (pcie_cap_slot_unplug_request_cb), hw/pci-host/q35.c ("MCFG").
 */
#ifndef VMFO_HOST_SLOT_INDICATOR_H
#define VMFO_HOST_SLOT_INDICATOR_H

#include "host/qom.h"
#include "topology/guest_facts.h"

/*
 * path: of the device in the slot. own: as in struct guest_question. why: for
 * INDICATOR_UNKNOWN.  Return: 0, or a failure of the connection.
 */
int slot_indicator_read(const struct qom *qom, const char *path, bool own,
			enum slot_indicator *out, char why[256], struct err *err);

#endif
