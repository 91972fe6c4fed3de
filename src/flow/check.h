/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * vmfo check-topology: every reason why a failover pair would not work. Changes nothing.
 */
#ifndef VMFO_FLOW_CHECK_H
#define VMFO_FLOW_CHECK_H

#include "flow/env.h"
#include "topology/finding.h"

/* Exactly one of: vm and file (either or both), qmp, argv, cmdline. */
struct check_opts {
	const char *vm;      /* its definition, and it itself where it runs */
	const char *file;    /* a definition */
	const char *qmp;     /* socket of any running QEMU */
	const char *cmdline; /* a file with a command line */
	struct strv argv;    /* a command line; borrowed */
	const char *target;  /* host; NULL: none. With vm or file only */
	const char *sysroot; /* NULL: this host */
	const char *qemu;    /* ask this binary; NULL: the one that would be started */
	bool no_host;
	json_t *vfs; /* --vf: {PAIR: ADDRESS} of target or else of this host; NULL; borrowed */
	struct strv suppress; /* names of rules; borrowed */
};

struct check_result {
	char *subject; /* "vm1", a file, a socket: for people */
	struct findings findings;
	struct strv passed_over; /* options of a command line that nothing looked at */
	json_t *devices; /* the target's choice, as the agent's op "check" has it; NULL */
};

/*
 * Return: 0 with everything in result, or a failure to look; result may have findings
 * then, too: those of what could be looked at.
 * Errors: ERR_REFUSED: no such VM, QMP or SSH; ERR_USAGE: a command line or a
 * definition that is not valid.
 */
int flow_check(struct flow_env *env, const struct check_opts *opts, struct check_result *result,
	       struct err *err);

void check_result_clear(struct check_result *result);

#endif
