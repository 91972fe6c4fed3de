/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>

#include "commands.h"
#include "flow/status.h"
#include "topology/rule.h"

static const struct argp argp = {
	.args_doc = "WHAT",
	.doc = "Print what could stand on a command line, one a line: \"vms\", "
	       "\"rules\".",
};

static int print_vms(struct err *err)
{
	struct strv names = { 0 };
	struct flow_env env;
	int r = flow_env_open(&env, NULL, err);

	if (r < 0)
		return r;
	r = flow_list_names(&env, &names, err);
	for (size_t i = 0; r == 0 && i < names.n; i++)
		puts(names.v[i]);
	strv_clear(&names);
	flow_env_close(&env);
	return r;
}

static void print_rule(void *data, const struct rule *rule)
{
	(void)data;
	puts(rule->name);
}

static int complete_run(struct invocation *self)
{
	const char *args[COMMAND_MAX_ARGS];
	struct err err = ERR_INIT;
	int r = 0;

	command_parse(self, args, NULL);
	if (str_eq(args[0], "vms"))
		r = print_vms(&err);
	else if (str_eq(args[0], "rules"))
		rule_each(print_rule, NULL);
	else
		r = err_set(&err, ERR_USAGE, EINVAL, "there is nothing to complete for \"%s\"",
			    args[0]);
	return r < 0 ? command_fail(self, &err) : 0;
}

const struct command cmd_complete = {
	.name = "__complete",
	.summary = "For the shells' completion",
	.argp = &argp,
	.run = complete_run,
	.hidden = true,
};
