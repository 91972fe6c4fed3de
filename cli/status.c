/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/status.h"
#include "commands.h"
#include "render.h"

static const struct argp argp = {
	.options = command_json_options,
	.parser = command_json_parse,
	.args_doc = "[VM]",
	.doc = "Say what a VM does and whether its failover pairs are whole; without VM, of each "
	       "VM of this host.",
};

static int print_json(json_t *object, struct err *err)
{
	int r = render_json(object);

	json_decref(object);
	return r < 0 ? err_nomem(err) : 0;
}

static int show_one(struct flow_env *env, const char *vm, bool json, struct err *err)
{
	struct vm_status status = { 0 };
	int r = flow_status(env, vm, &status, err);

	if (r < 0)
		return r;
	if (json)
		r = print_json(vm_status_json(&status), err);
	else
		render_status(&status);
	vm_status_clear(&status);
	return r;
}

static int show_all(struct flow_env *env, bool json, struct err *err)
{
	struct vm_status *list = NULL;
	json_t *vms = json_array();
	size_t n = 0;
	int r = flow_list(env, &list, &n, err);

	for (size_t i = 0; r == 0 && i < n; i++) {
		if (json)
			json_array_append_new(vms, vm_status_json(&list[i]));
		else
			render_status(&list[i]);
	}
	if (r == 0 && json)
		r = print_json(json_pack("{ss sO}", "schema", "vmfo.list/1", "vms", vms), err);
	json_decref(vms);
	vm_status_list_free(list, n);
	return r;
}

static int status_run(struct invocation *self)
{
	const char *args[COMMAND_MAX_ARGS];
	struct err err = ERR_INIT;
	struct flow_env env;
	bool json = false;
	int r;

	command_parse(self, args, &json);
	r = flow_env_open(&env, NULL, &err);
	if (r < 0)
		return command_fail(self, &err);
	r = args[0] ? show_one(&env, args[0], json, &err) : show_all(&env, json, &err);
	flow_env_close(&env);
	return r < 0 ? command_fail(self, &err) : 0;
}

const struct command cmd_status = {
	.name = "status",
	.summary = "Say what a VM does, and whether its pairs are whole",
	.argp = &argp,
	.run = status_run,
};
