/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Gathers what the topology rules look at, and runs them: for check-topology, for the
 * first step of launch and migrate, and for the agent on a target. The same code on
 * every host.
 */
#ifndef VMFO_FLOW_SURVEY_H
#define VMFO_FLOW_SURVEY_H

#include "flow/env.h"
#include "flow/vm.h"
#include "proto/qmp.h"
#include "topology/rule.h"

/* What is looked at: a definition, a command line, or a running QEMU. */
struct survey_what {
	const struct vmdef *def; /* NULL: none; the first of these three that is set counts */
	const struct strv *argv; /* of a QEMU, argv[0] included */
	struct qmp *qmp;         /* of any QEMU: queries only */
	/*
	 * With def: the VM as it runs on this host, connected, so that its QEMU and its guest
	 * are asked as well; NULL: it does not run, or is not to be disturbed (why_no_guest).
	 */
	struct vm *running;
	const char *why_no_guest; /* static; NULL: "the VM does not run here" */
	const char *qemu;         /* the binary to ask; NULL: the definition's own choice */
	const char *sysroot;      /* NULL: this host */
	bool no_host;
	const json_t *source; /* this host is a target: source_facts_json(); NULL */
	const json_t *chosen; /* --vf: {PAIR: ADDRESS} of this host; NULL */
};

struct survey {
	struct survey_what what;
	struct topo topo;
	struct machine *machine;
	struct buses *buses;
	struct qemu_facts *qemu;
	struct host_facts *host;
	struct guest_facts *guest;
	struct source_facts *source;
	struct host_vm *vms;
	size_t n_vms;
	struct err why[TOPO_PARTS];
};

/*
 * Gathers. what: copied, what it points to is borrowed until survey_close(). What cannot
 * be had is no failure: the rules that need it say so.
 * Errors: a command line or definition that cannot be read; QMP that does not answer;
 * ERR_INTERNAL; ECANCELED.
 */
int survey_open(struct flow_env *env, const struct survey_what *what, struct survey *out,
		struct err *err);
void survey_close(struct survey *survey); /* also of a zeroed one */

/* Runs the rules of scopes (SCOPE(…) | …) over it; adds to out. */
int survey_run(const struct survey *survey, unsigned int scopes, struct findings *out,
	       struct err *err);

/* What a target has to know of it: source_facts_json(), a new reference; NULL: no memory. */
json_t *survey_source_json(const struct survey *survey);

#endif
