/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the two sources of a host's links share: netlink, and the files of a captured host.
 */
#ifndef VMFO_HOST_LINKS_INTERNAL_H
#define VMFO_HOST_LINKS_INTERNAL_H

#include "host/links.h"

/*
 * Each adds to facts->links, or ->fdb. What is beyond any real host is left out. The VFs of
 * a link are the list's then, also after a failure.  Return: 0, -ENOMEM.
 */
int links_add(struct host_facts *facts, const struct host_link *link);
int links_add_fdb(struct host_facts *facts, const struct host_fdb *entry);

/* Forgets what was read; why: static. */
void links_drop(struct host_facts *facts, const char *why);

/* Whether it can be a link's name, and a component of a path. */
bool link_name_ok(const char *name);

/*
 * Sets link->pci from what netlink says of its parent, else from sysfs. The representor of
 * a VF (phys_port "pf0vf3") has its PF as parent, and is not its link: it gets none.
 */
void link_set_pci(struct host_link *link, const char *sysroot, const char *parent_bus,
		  const char *parent, const char *phys_port);

/*
 * Both return 0 or a negative errno: -ENOMEM, or why there are no links. Then what they
 * have added stays.
 */
int links_read_netlink(struct host_facts *facts);
int links_read_json(const char *sysroot, struct host_facts *facts);

/* ---- devlink ---- */

/* The id of devlink's family; 0: this kernel has none. */
uint16_t devlink_find_family(void);
enum eswitch_mode devlink_read_eswitch(uint16_t family, const char *address);
enum eswitch_mode devlink_mode_named(const char *name); /* "legacy", "switchdev" */

/* ---- taps ---- */

/*
 * What a tap of this kernel can be asked to leave to QEMU: TUN_F_… Makes one, which is
 * gone when this returns.  Return: false: none can be made here.
 */
bool tap_read_offloads(uint32_t *out);

#endif
