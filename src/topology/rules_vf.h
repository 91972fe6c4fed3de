/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the checks of the VF rules share: rules_vf.c has the table, and looks at VFs that a
 * machine names; rules_pf.c at PFs, and at VFs that are still to be chosen.
 */
#ifndef VMFO_TOPOLOGY_RULES_VF_H
#define VMFO_TOPOLOGY_RULES_VF_H

#include "topology/rule.h"
#include "topology/vf_match.h"

/* A pair whose machine names its VF. */
struct known_vf {
	const struct topo_pair *pair;
	char name[96]; /* "pair net0" */
	const struct pci_function *vf;
	const char *pf_name;          /* of its link, or its address */
	const struct host_link *link; /* the PF's; NULL: it has none */
	const struct link_vf *admin;  /* what the PF's driver says of the VF; NULL: nothing */
};

/*
 * Calls fn for every pair that names its VF; a VF, PF or link that is not to be seen makes
 * the rule "not checked".
 */
typedef void known_vf_fn(const struct topo *topo, struct verdict *verdict,
			 const struct known_vf *known, const void *data);
void rules_vf_each_known(const struct topo *topo, struct verdict *verdict, known_vf_fn *fn,
			 const void *data);

/* Whether a pair of the definition still has its VF to be chosen. */
bool rules_vf_any_wanted(const struct topo *topo);

/* Whether PCI functions and links are known, which the verdict says if not. */
bool rules_vf_needs_links(const struct topo *topo, struct verdict *verdict);

/* The same for the settings of this host. */
bool rules_vf_needs_settings(const struct topo *topo, struct verdict *verdict);

/* "physnet prod has no PF on this host": what other rules cannot check then. */
void rules_vf_no_physnet(struct verdict *verdict, const char *physnet);

/* The pair's MAC.  Return: false: it is not known, which the verdict says then. */
bool rules_vf_pair_mac(const struct topo *topo, struct verdict *verdict,
		       const struct topo_pair *pair, struct mac *out);

rule_fn rule_check_pf_down;
rule_fn rule_check_pf_no_carrier;
rule_fn rule_check_pf_missing;
rule_fn rule_check_physnet_unknown;
rule_fn rule_check_switchdev_unsupported;
rule_fn rule_check_vf_chosen;
rule_fn rule_check_vf_mac_clash;
rule_fn rule_check_vf_mtu;
rule_fn rule_check_vf_none_free;
rule_fn rule_check_vf_other_model;

#endif
