/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Whether a guest's driver uses a VF, as the host sees it: vfio asks for the VF's
 * interrupts when the guest enables them, and lets go of them when the guest does. QEMU's
 * own view of the device does not show that.
 * Source: Linux drivers/vfio/pci/vfio_pci_intrs.c: "vfio-msix[0](0000:01:10.0)",
 * "vfio-msi[0](…)", "vfio-intx(…)"; proc(5), /proc/interrupts.
 */
#ifndef VMFO_HOST_VF_INTERRUPTS_H
#define VMFO_HOST_VF_INTERRUPTS_H

/*
 * How many lines of /proc/interrupts are vfio's, for that VF; sysroot: NULL, or where else
 * proc/ is. 0: no driver in a guest uses it.
 * address: "0000:01:10.0".  Return: the number; -EINVAL: no address; or why it cannot be
 * read.
 */
int vf_interrupts_count(const char *sysroot, const char *address);

#endif
