/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A QMP peer in a thread, for a VM that runs nowhere: it answers by a script, and sends the
 * events that a real QEMU sends only when a guest does what is wanted of it.
 */
#ifndef VMFO_TESTS_FAKE_QMP_H
#define VMFO_TESTS_FAKE_QMP_H

#include <pthread.h>

#include "flow/vm.h"

/*
 * What is said to a command. Of several lines for one command each is used once, in their
 * order, and the last for ever; one that is not there is answered with an error.
 */
struct fake_qmp_line {
	const char *command;
	const char *before; /* sent before the answer: events, a line each; NULL: none */
	const char *answer; /* JSON of "return"; "!TEXT": an error; NULL: {} */
	const char *after;  /* as before; "end": it hangs up */
	int wait_ms;        /* between the answer and what comes after it */
};

struct fake_qmp {
	const struct fake_qmp_line *script;
	size_t n;
	int fd;
	unsigned int used; /* a bit for each line */
	char said[2048]; /* "COMMAND {ARGUMENTS}" for each command, each followed by a space */
	pthread_t thread;
	struct flow_env env;
	struct vm vm; /* connected to it, without a process */
};

/* script: borrowed, at most 32 lines. fake: stays in place. Bails out if it cannot. */
void fake_qmp_start(struct fake_qmp *fake, const struct fake_qmp_line *script, size_t n);

/* Closes the session; from then on `said` is complete. */
void fake_qmp_stop(struct fake_qmp *fake);

#endif
