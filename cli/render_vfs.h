/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What vmfo vfs found, for people: for each PF a paragraph, and a table of its VFs.
 */
#ifndef VMFO_CLI_RENDER_VFS_H
#define VMFO_CLI_RENDER_VFS_H

#include "flow/vfs.h"

void render_vfs(const struct vfs *vfs);

#endif
