/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/launch.h"
#include "commands.h"
#include "render.h"
#include "session.h"

enum { OPT_FILE = 'f', OPT_JSON = 0x100, OPT_SUPPRESS, OPT_VF, OPT_WAIT_PAIR };

struct options {
	struct launch_opts launch;
	bool json;
};

static const struct argp_option option_list[] = {
	{ "file", OPT_FILE, "DEF", 0, "Take this definition, and keep it as the VM's own", 0 },
	{ "wait-pair", OPT_WAIT_PAIR, "SECONDS", 0,
	  "Wait so long for every failover pair to be whole", 0 },
	{ "vf", OPT_VF, "[PAIR=]ADDRESS", 0,
	  "Give the pair this VF; may be given again, for each pair", 0 },
	{ "suppress", OPT_SUPPRESS, "RULE", 0,
	  "Start it whatever this topology rule finds; may be given again", 0 },
	{ "json", OPT_JSON, NULL, 0, "Print the result as a JSON object", 0 },
	{ 0 },
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case OPT_FILE:
		options->launch.file = arg;
		return 0;
	case OPT_WAIT_PAIR:
		options->launch.wait_pair_s =
			(int)command_parse_int(state, "--wait-pair", arg, 0, 86400);
		return 0;
	case OPT_SUPPRESS:
		command_parse_rule(state, arg, &options->launch.suppress);
		return 0;
	case OPT_VF:
		command_parse_vf(state, arg, &options->launch.vfs);
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
	.doc = "Start a VM with its failover pairs. Its QEMU outlives vmfo.",
};

static int launch_run(struct invocation *self)
{
	struct options options = { .launch.wait_pair_s = -1 };
	const char *args[COMMAND_MAX_ARGS];
	struct result result = { 0 };
	struct err err = ERR_INIT;
	struct session session;
	int r;

	command_parse(self, args, &options);
	options.launch.vm = args[0];
	r = session_open(&session, self, NULL, -1, &err);
	if (r == 0) {
		r = flow_launch(&session.env, &options.launch, &result, &err);
		r = session_end(&session, r, &result, options.json, render_launch, &err);
	} else {
		r = command_fail(self, &err);
	}
	strv_clear(&options.launch.suppress);
	json_decref(options.launch.vfs);
	return r;
}

const struct command cmd_launch = {
	.name = "launch",
	.summary = "Start a VM with its failover pairs",
	.argp = &argp,
	.run = launch_run,
};
