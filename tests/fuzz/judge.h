/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What follows a machine that was read: the rules, and their findings as text.
 */
#ifndef VMFO_FUZZ_JUDGE_H
#define VMFO_FUZZ_JUDGE_H

#include <assert.h>
#include <stdlib.h>

#include "topology/rule.h"

/* topo: its facts are set, and borrowed. */
static inline void judge(struct topo *topo, unsigned int scopes)
{
	struct findings findings = { 0 };
	struct err err = ERR_INIT;
	json_t *json;

	if (topo_open(topo, &err) < 0 || rules_run(topo, scopes, &findings, &err) < 0)
		abort();
	findings_sort(&findings);
	json = findings_json(&findings);
	/* Whatever things are called, all of it can be written down. */
	assert(json_array_size(json_object_get(json, "findings")) == findings.n);
	assert(json_array_size(json_object_get(json, "not_checked")) == findings.n_not_checked);
	json_decref(json);
	findings_clear(&findings);
	topo_close(topo);
}

#endif
