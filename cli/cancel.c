/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "commands.h"
#include "flow/stop.h"

static const struct argp argp = {
	.args_doc = "VM",
	.doc = "End a migration that is in flight, from another terminal, as Ctrl-C there would: "
	       "it is rolled back, and the VM stays on this host.",
};

static int cancel_run(struct invocation *self)
{
	const char *args[COMMAND_MAX_ARGS];
	struct err err = ERR_INIT;
	struct flow_env env;
	int r;

	command_parse(self, args, NULL);
	r = flow_env_open(&env, NULL, &err);
	if (r < 0)
		return command_fail(self, &err);
	r = loop_catch_signals(env.loop, &err);
	if (r == 0)
		r = flow_cancel(&env, args[0], &err);
	flow_env_close(&env);
	if (r < 0)
		return command_fail(self, &err);
	printf("%s: the migration has ended; see 'vmfo status %s'\n", args[0], args[0]);
	return 0;
}

const struct command cmd_cancel = {
	.name = "cancel",
	.summary = "End a migration that is in flight",
	.argp = &argp,
	.run = cancel_run,
};
