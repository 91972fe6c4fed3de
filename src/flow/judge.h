/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What findings mean for a flow that was about to begin.
 */
#ifndef VMFO_FLOW_JUDGE_H
#define VMFO_FLOW_JUDGE_H

#include "flow/run.h"
#include "topology/rule.h"

/*
 * Tells each finding, those of suppress apart, and moves them all into the run's result.
 * host: whose findings they are, for the message; NULL: this one's.
 * Return: 0, or kind if one is an error of a rule in the scopes that refuse; the message
 * names the rules, since the findings themselves were told.
 */
int judge_findings(struct flow_run *run, struct findings *findings, const struct strv *suppress,
		   const char *host, unsigned int refusing, enum err_kind kind,
		   struct err *err);

#endif
