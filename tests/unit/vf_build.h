/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * For the tests of VFs: a host with PFs "pf0", "pf1", … at 0000:01:00.0, 0000:02:00.0, …, up
 * with a carrier, MTU 1500, and VFs of vfio-pci at 0000:01:10.0, 0000:01:10.1, …, each in an
 * IOMMU group of its own, without a MAC. Tests change what they are about.
 */
#ifndef VMFO_TESTS_VF_BUILD_H
#define VMFO_TESTS_VF_BUILD_H

#include "model/hostdef.h"
#include "topology/host_facts.h"

/* At most 200 PFs, and 128 VFs each: a bus has 32 slots of 8 functions. */
struct host_facts *vf_build_host(int pfs, int vfs);

struct pci_function *vf_build_pf(struct host_facts *host, int pf);
struct pci_function *vf_build_vf(struct host_facts *host, int pf, int vf);
struct host_link *vf_build_link(struct host_facts *host, int pf);
struct link_vf *vf_build_admin(struct host_facts *host, int pf, int vf);

/* A link more, of no PCI function. */
struct host_link *vf_build_add_link(struct host_facts *host, const char *name);

/* The vfio group of a VF, which opens until it is changed. */
struct vfio_group *vf_build_add_group(struct host_facts *host, int pf, int vf);

/* Settings with one physnet of that name and the PFs 0 to pfs - 1. */
struct hostdef *vf_build_settings(const char *physnet, int pfs);

#endif
