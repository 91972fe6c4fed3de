/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a QEMU binary can do, asked of the binary itself: started with `-machine none`,
 * over QMP. Nothing is read off its version.
 */
#ifndef VMFO_HOST_QEMU_PROBE_H
#define VMFO_HOST_QEMU_PROBE_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"
#include "io/loop.h"

struct qemu_facts {
	char *binary;
	char *version;    /* "7.2.18" */
	json_t *machines; /* query-machines */
	json_t *cpus;     /* query-cpu-definitions */
	bool sandbox;     /* it was built with its seccomp filter */
	bool json_device; /* -device takes JSON, and such a device can be unplugged */
};

/* Errors: ERR_REFUSED: it does not start, or does not answer. */
int qemu_probe(struct loop *loop, const char *binary, struct qemu_facts **out, struct err *err);
void qemu_facts_free(struct qemu_facts *facts); /* takes NULL */

bool qemu_has_machine(const struct qemu_facts *facts, const char *machine); /* or alias */
bool qemu_has_cpu(const struct qemu_facts *facts, const char *model);

#endif
