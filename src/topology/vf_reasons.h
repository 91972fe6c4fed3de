/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Why no VF fits, in one text for a person.
 */
#ifndef VMFO_TOPOLOGY_VF_REASONS_H
#define VMFO_TOPOLOGY_VF_REASONS_H

#include "topology/vf_match.h"

/* For an error's message, with what is around it. */
#define VF_REASONS_SIZE 380

/*
 * The candidates that do not fit and why, those of one reason together: "0000:01:10.0,
 * 0000:01:10.1, 0000:01:10.2, … (20 in all): it is used by VM a; PF pf1: pf1 cannot have VFs".
 * Of what has no room is said how many they are: "; and 3 more: see vmfo vfs".
 * Return: buf.
 */
const char *vf_reasons_list(const struct vf_candidates *candidates, char buf[VF_REASONS_SIZE]);

#endif
