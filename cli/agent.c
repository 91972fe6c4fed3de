/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <unistd.h>

#include "commands.h"
#include "flow/far.h"

enum { OPT_STREAM = 0x100 };

static const struct argp_option option_list[] = {
	{ "stream", OPT_STREAM, NULL, 0, "Carry one migration stream to the VM that it names",
	  0 },
	{ 0 },
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	bool *stream = state->input;

	(void)arg;
	if (key != OPT_STREAM)
		return ARGP_ERR_UNKNOWN;
	*stream = true;
	return 0;
}

static const struct argp argp = {
	.options = option_list,
	.parser = parse_option,
	.doc = "The far half of a migration: another vmfo starts it over SSH, and speaks with it "
	       "on standard input and output.",
};

static int agent_run(struct invocation *self)
{
	const char *args[COMMAND_MAX_ARGS];
	struct err err = ERR_INIT;
	struct flow_env env;
	bool stream = false;
	int r;

	command_parse(self, args, &stream);
	if (isatty(STDIN_FILENO)) {
		err_set(&err, ERR_USAGE, ENOTTY,
			"it is started by another host's vmfo and has nothing to say to a terminal");
		return command_fail(self, &err);
	}
	r = flow_env_open(&env, NULL, &err);
	if (r < 0)
		return command_fail(self, &err);
	r = loop_catch_signals(env.loop, &err);
	if (r == 0)
		r = stream ? flow_agent_stream(&env, STDIN_FILENO, STDOUT_FILENO, &err) :
			     flow_agent(&env, STDIN_FILENO, STDOUT_FILENO, &err);
	flow_env_close(&env);
	return r < 0 ? command_fail(self, &err) : 0;
}

const struct command cmd_agent = {
	.name = "agent",
	.summary = "The far half of a migration, started by another host's vmfo",
	.argp = &argp,
	.run = agent_run,
	.hidden = true,
};
