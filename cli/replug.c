/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/replug.h"
#include "commands.h"
#include "render.h"
#include "session.h"

enum { OPT_JSON = 0x100 };

static const struct argp_option option_list[] = {
	{ "json", OPT_JSON, NULL, 0, "Print the result as a JSON object", 0 },
	{ 0 },
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	bool *json = state->input;

	(void)arg;
	if (key != OPT_JSON)
		return ARGP_ERR_UNKNOWN;
	*json = true;
	return 0;
}

static const struct argp argp = {
	.options = option_list,
	.parser = parse_option,
	.args_doc = "VM",
	.doc = "Plug the missing primaries of a VM that runs degraded. One whose pairs are whole "
	       "is left as it is.",
};

static int replug_run(struct invocation *self)
{
	const char *args[COMMAND_MAX_ARGS];
	struct result result = { 0 };
	struct err err = ERR_INIT;
	struct session session;
	bool json = false;
	int r;

	command_parse(self, args, &json);
	r = session_open(&session, self, NULL, -1, &err);
	if (r < 0)
		return command_fail(self, &err);
	r = flow_replug(&session.env, args[0], &result, &err);
	return session_end(&session, r, &result, json, render_replug, &err);
}

const struct command cmd_replug = {
	.name = "replug",
	.summary = "Plug the missing primaries of a VM",
	.argp = &argp,
	.run = replug_run,
};
