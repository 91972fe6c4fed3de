/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What vf_driver.c and pf_vfs.c share; and both on another sysfs than this host's, for
 * tests: a folder in which a process acts as the kernel does.
 */
#ifndef VMFO_HOST_VF_DRIVER_INTERNAL_H
#define VMFO_HOST_VF_DRIVER_INTERNAL_H

#include <stdbool.h>

#include "host/sysfs_write.h"
#include "host/vf_driver.h"
#include "topology/host_facts.h"

#define PCI_DEVICE "/sys/bus/pci/devices/%s"
#define PCI_DRIVER "/sys/bus/pci/drivers/%s"

struct pci_host {
	const char *sysroot; /* NULL: this host's */
	int64_t modprobe_ms; /* that a driver's module has to load */
	int64_t let_go_ms;   /* that a driver has to let go, or to take */
	int64_t num_vfs_ms;  /* that a PF's driver has to make or remove its VFs */
	int64_t settle_ms;   /* after the kernel was done, until it shows */
};

extern const struct pci_host pci_this_host;

/*
 * Checks that there is such a function, and gives its address as the kernel writes it.
 * Errors: ERR_REFUSED: EINVAL, ENODEV.
 */
int pci_find(const struct pci_host *host, const char *address, char out[PCI_ADDRESS_SIZE],
	     struct err *err);

/* Error: it was there, and is gone.  Return: -ENODEV. */
int pci_gone(const char *address, struct err *err);

int vf_driver_bind_on(const struct pci_host *host, struct loop *loop, const char *address,
		      const char *driver, char former[VF_DRIVER_SIZE], struct err *err);
int vf_driver_give_back_on(const struct pci_host *host, struct loop *loop, const char *address,
			   const char *former, struct err *err);
int pf_set_num_vfs_on(const struct pci_host *host, struct loop *loop, const char *address,
		      int n, struct err *err);

#endif
