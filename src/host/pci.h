/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * PCI functions with their capabilities (libpci), VFs, drivers and IOMMU groups (sysfs),
 * and the vfio nodes of those that are bound to vfio.
 * Source: Linux Documentation/ABI/testing/sysfs-bus-pci, sysfs-kernel-iommu_groups;
 * Documentation/driver-api/vfio.rst.
 */
#ifndef VMFO_HOST_PCI_H
#define VMFO_HOST_PCI_H

#include "base/err.h"
#include "topology/host_facts.h"

/* Fills functions, pci_missing, iommu_tables, n_iommu_groups. */
int pci_read(const char *sysroot, struct host_facts *facts, struct err *err);

struct host_read;

/* After pci_read(): fills groups. what: host/host_read.h. */
int vfio_read(const struct host_read *what, struct host_facts *facts, struct err *err);

#endif
