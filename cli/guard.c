/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/guard.h"
#include "commands.h"

static const struct argp argp = {
	.doc = "The guard of a migration: 'vmfo migrate' starts it beside itself, to cancel what is "
	       "in flight if it is killed.",
};

static int guard_run(struct invocation *self)
{
	const char *args[COMMAND_MAX_ARGS];
	struct err err = ERR_INIT;
	struct flow_env env;
	int r;

	command_parse(self, args, NULL);
	r = flow_env_open(&env, NULL, &err);
	if (r < 0)
		return command_fail(self, &err);
	r = flow_guard(&env, &err);
	flow_env_close(&env);
	return r < 0 ? command_fail(self, &err) : 0;
}

const struct command cmd_guard = {
	.name = "guard",
	.summary = "The guard of a migration, started by 'vmfo migrate'",
	.argp = &argp,
	.run = guard_run,
	.hidden = true,
};
