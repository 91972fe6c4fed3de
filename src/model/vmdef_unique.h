/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What must differ within one VM: the ids of its devices in QEMU, those that vmfo derives
 * included, its addresses, and its taps. Private to vmdef*.c.
 */
#ifndef VMFO_MODEL_VMDEF_UNIQUE_H
#define VMFO_MODEL_VMDEF_UNIQUE_H

#include "model/json_schema.h"
#include "model/vmdef.h"

/* where: the root's.  Errors: as of schema_fail(). */
int vmdef_unique_check(const struct schema_ctx *ctx, const struct json_where *where,
		       const struct vmdef *def);

#endif
