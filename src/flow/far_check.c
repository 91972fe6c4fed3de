/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/far_check.h"

#include <errno.h>

#include "base/json.h"
#include "flow/pair.h"
#include "flow/survey.h"
#include "topology/vf_wishes.h"

#define SCOPES_THERE (SCOPE(SCOPE_QEMU) | SCOPE(SCOPE_HOST) | SCOPE(SCOPE_TARGET))

/* What only the run folder and the journals know: nobody else works on that name. */
static int check_idle(struct vm *vm, struct findings *out, struct err *err)
{
	struct err why = ERR_INIT;
	char operation[32];
	pid_t holder;
	int r = lock_holder(vm->rundir, &holder, operation, err);

	if (r < 0)
		return r;
	if (holder)
		rule_report(out, "name-taken", vm->name,
			    "another vmfo there works on \"%s\" (%s)", vm->name,
			    *operation ? operation : "starting");
	if (vm_check_settled(vm, &why) < 0)
		rule_report(out, "name-taken", vm->name, "%s", why.msg);
	return 0;
}

/* What would be plugged for a pair. vfs: vf_wishes_json(). */
static json_t *choose(const struct vm *vm, const struct topo_pair *pair, const json_t *vfs)
{
	const json_t *choice = json_object_get(vfs, pair->id ?: "");
	_cleanup_free_ char *primary = NULL;

	if (pair->def && pair->def->primary.kind == VM_PRIMARY_EMULATED)
		primary = pair_primary_text(vm, pair->def);
	else if (json_is_string(json_object_get(choice, "primary")))
		primary = strdup(json_get_text(choice, "primary"));
	return json_pack("{ss so sO?}", "pair", pair->id ?: "", "primary",
			 json_text_or_null(primary), "candidates",
			 json_object_get(choice, "candidates"));
}

static json_t *choose_all(const struct vm *vm, const struct topo *topo)
{
	json_t *vfs = topo->host ? vf_wishes_json(topo) : NULL;
	json_t *list = json_array();

	for (size_t i = 0; i < topo->n_pairs; i++)
		json_array_append_new(list, choose(vm, &topo->pairs[i], vfs));
	json_decref(vfs);
	return list;
}

int far_check(struct vm *vm, const json_t *source, const json_t *chosen, struct findings *out,
	      json_t **devices, struct err *err)
{
	const struct survey_what what = { .def = vm->def, .source = source, .chosen = chosen };
	struct survey survey;
	int r = survey_open(vm->env, &what, &survey, err);

	if (r < 0)
		return r;
	r = survey_run(&survey, SCOPES_THERE, out, err);
	if (r == 0)
		r = check_idle(vm, out, err);
	if (r == 0)
		*devices = choose_all(vm, &survey.topo);
	survey_close(&survey);
	return r;
}
