/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/replug.h"
#include "commands.h"
#include "render.h"
#include "session.h"

enum { OPT_JSON = 0x100, OPT_VF };

struct options {
	struct replug_opts replug;
	bool json;
};

static const struct argp_option option_list[] = {
	{ "vf", OPT_VF, "[PAIR=]ADDRESS", 0,
	  "Give the pair this VF and no other; may be given again, for each pair", 0 },
	{ "json", OPT_JSON, NULL, 0, "Print the result as a JSON object", 0 },
	{ 0 },
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case OPT_VF:
		command_parse_vf(state, arg, &options->replug.vfs);
		return 0;
	case OPT_JSON:
		options->json = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
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
	struct options options = { .json = false };
	const char *args[COMMAND_MAX_ARGS];
	struct result result = { 0 };
	struct err err = ERR_INIT;
	struct session session;
	int r;

	command_parse(self, args, &options);
	options.replug.vm = args[0];
	r = session_open(&session, self, NULL, -1, &err);
	if (r == 0) {
		r = flow_replug(&session.env, &options.replug, &result, &err);
		r = session_end(&session, r, &result, options.json, render_replug, &err);
	} else {
		r = command_fail(self, &err);
	}
	json_decref(options.replug.vfs);
	return r;
}

const struct command cmd_replug = {
	.name = "replug",
	.summary = "Plug the missing primaries of a VM",
	.argp = &argp,
	.run = replug_run,
};
