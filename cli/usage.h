/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The help of vmfo as a whole.
 */
#ifndef VMFO_CLI_USAGE_H
#define VMFO_CLI_USAGE_H

#include <argp.h>
#include <stdio.h>

/* vmfo's own options: those before the subcommand. input: a struct invocation. */
extern const struct argp usage_argp;

/* What `vmfo --help` and `vmfo help` print. */
void usage_print(FILE *out);

#endif
