/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the rules of vfio share: rules_vfio.c has the table and looks at VFs and IOMMU groups,
 * rules_vfio_node.c at who has a group open, and at its node, rules_memlock.c at the memory
 * that a passed-through device locks.
 */
#ifndef VMFO_TOPOLOGY_RULES_VFIO_H
#define VMFO_TOPOLOGY_RULES_VFIO_H

#include "topology/rule.h"

/* A passed-through primary, and its PCI function where both are known. */
struct vfio_subject {
	const struct topo_pair *pair;
	char object[96];
	char address[PCI_ADDRESS_SIZE];
	const struct pci_function *function;
	const struct vfio_group *group; /* of a function that is with vfio; NULL */
};

typedef void vfio_subject_fn(const struct topo *topo, const struct vfio_subject *subject,
			     struct verdict *verdict);

/* Calls fn for each passed-through primary; those that cannot be looked at are said. */
void rules_vfio_each(const struct topo *topo, struct verdict *verdict, vfio_subject_fn *fn);

rule_fn rule_check_vf_busy, rule_check_vfio_node_access, rule_check_group_does_not_open;
rule_fn rule_check_memlock, rule_check_pin_time;

#endif
