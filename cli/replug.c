/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/replug.h"
#include "commands.h"
#include "render.h"
#include "session.h"

static const struct argp argp = {
	.options = command_json_options,
	.parser = command_json_parse,
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
