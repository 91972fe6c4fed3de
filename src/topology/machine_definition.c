/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include "base/cleanup.h"
#include "model/qemu_argv.h"
#include "topology/machine.h"

int machine_from_definition(const struct vmdef *def, struct machine **out, struct err *err)
{
	/* The names are of no consequence: nobody starts this. */
	const struct qemu_argv_env env = { .qemu = "qemu-system-x86_64",
					   .rundir = "/run/vmfo",
					   .vhost_net = true,
					   .plan = true };
	_cleanup_(strv_clear) struct strv argv = { 0 };
	int r = qemu_argv(def, &env, &argv, err);

	if (r == 0)
		r = machine_from_argv(strv_argv(&argv), argv.n, out, err);
	if (r < 0)
		return r;
	free((*out)->binary);
	(*out)->binary = NULL;
	if (!def->qemu)
		return 0;
	(*out)->binary = strdup(def->qemu);
	if ((*out)->binary)
		return 0;
	machine_free(steal_ptr(*out));
	return err_nomem(err);
}
