/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The far half's op that needs no VM.
 */
#include "flow/far_internal.h"
#include "flow/vfs.h"

int far_op_vfs(void *ctx, const json_t *params, json_t **result, struct err *err)
{
	struct far *far = ctx;
	struct vfs vfs;
	int r = flow_vfs(far->env, NULL, NULL, &vfs, err);

	(void)params;
	if (r == 0) {
		*result = vfs_json(&vfs);
		r = *result ? 0 : err_nomem(err);
	}
	vfs_clear(&vfs);
	return r;
}
