/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Definitions come from another host too, with a VM that arrives from there. A valid one
 * is carried on to QEMU's command line, and to the rules that look at it alone.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "judge.h"
#include "model/hostdef.h"
#include "model/qemu_argv.h"
#include "model/vmdef.h"

/* No part of the world is known: those that need one have to say so. */
#define ALL_SCOPES (SCOPE(SCOPE_REACH + 1) - 1)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct vmdef *def)
{
	struct topo topo = { .def = def, .vm = def->name };
	struct machine *machine;
	struct err err = ERR_INIT;

	/* Its qemu_args may be what QEMU would refuse. */
	if (machine_from_definition(def, &machine, &err) < 0) {
		if (!err.msg[0])
			abort();
		return;
	}
	topo.machine = machine;
	judge(&topo, ALL_SCOPES);
	machine_free(machine);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct qemu_argv_env env = { .qemu = "qemu", .rundir = "/run/vmfo/x" };
	struct hostdef *host = NULL;
	struct vmdef *def = NULL;
	struct err err = ERR_INIT;

	if (hostdef_parse((const char *)data, size, "fuzz.json", &host, &err) < 0 &&
	    (err.kind != ERR_USAGE || !err.msg[0]))
		abort();
	hostdef_free(host);
	if (vmdef_parse((const char *)data, size, "fuzz.json", &def, &err) < 0) {
		if (err.kind != ERR_USAGE || !err.msg[0])
			abort();
		return 0;
	}
	_cleanup_free_ struct qemu_tap *taps = NULL;
	struct strv argv = { 0 };
	size_t n;

	if (qemu_plan_taps(def, &taps, &n, &err) < 0)
		abort();
	if (qemu_argv(def, &env, &argv, &err) < 0 && !err.msg[0])
		abort();
	strv_clear(&argv);
	check(def);
	vmdef_free(def);
	return 0;
}
