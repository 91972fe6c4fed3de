/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "commands.h"
#include "flow/status.h"
#include "render.h"

static const struct argp argp = {
	.options = command_json_options,
	.parser = command_json_parse,
	.doc = "List the VMs that are defined or running on this host.",
};

static int print_json(const struct vm_status *list, size_t n)
{
	json_t *vms = json_array(), *object;
	int r;

	for (size_t i = 0; i < n; i++)
		json_array_append_new(vms, vm_status_json(&list[i]));
	object = json_pack("{ss so}", "schema", "vmfo.list/1", "vms", vms);
	r = render_json(object);
	json_decref(object);
	return r;
}

static int list_run(struct invocation *self)
{
	const char *args[COMMAND_MAX_ARGS];
	struct vm_status *list = NULL;
	struct err err = ERR_INIT;
	struct flow_env env;
	bool json = false;
	size_t n = 0;
	int r;

	command_parse(self, args, &json);
	r = flow_env_open(&env, NULL, &err);
	if (r < 0)
		return command_fail(self, &err);
	r = flow_list(&env, &list, &n, &err);
	if (r == 0 && json) {
		r = print_json(list, n);
		if (r < 0)
			err_nomem(&err);
	} else if (r == 0) {
		render_table(list, n);
		if (n == 0)
			narrate_note("no VM is defined or running on this host");
	}
	vm_status_list_free(list, n);
	flow_env_close(&env);
	return r < 0 ? command_fail(self, &err) : 0;
}

const struct command cmd_list = {
	.name = "list",
	.summary = "List the VMs of this host",
	.argp = &argp,
	.run = list_run,
};
