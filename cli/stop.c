/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/stop.h"
#include "commands.h"
#include "render.h"
#include "session.h"

#define DEFAULT_TIMEOUT_S 60

enum { OPT_FORCE = 0x100, OPT_JSON, OPT_TIMEOUT };

struct options {
	struct stop_opts stop;
	bool json;
};

static const struct argp_option option_list[] = {
	{ "timeout", OPT_TIMEOUT, "SECONDS", 0,
	  "Give the guest so long to power down (60); 0: do not ask it", 0 },
	{ "force", OPT_FORCE, NULL, 0, "End QEMU when the guest did not power down", 0 },
	{ "json", OPT_JSON, NULL, 0, "Print the result as a JSON object", 0 },
	{ 0 },
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case OPT_TIMEOUT:
		options->stop.timeout_s =
			(int)command_parse_int(state, "--timeout", arg, 0, 86400);
		return 0;
	case OPT_FORCE:
		options->stop.force = true;
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
	.doc = "Power a VM down, and leave nothing of it running on this host.",
};

static int stop_run(struct invocation *self)
{
	struct options options = { .stop.timeout_s = DEFAULT_TIMEOUT_S };
	const char *args[COMMAND_MAX_ARGS];
	struct result result = { 0 };
	struct err err = ERR_INIT;
	struct session session;
	int r;

	command_parse(self, args, &options);
	options.stop.vm = args[0];
	r = session_open(&session, self, NULL, -1, &err);
	if (r < 0)
		return command_fail(self, &err);
	r = flow_stop(&session.env, &options.stop, &result, &err);
	return session_end(&session, r, &result, options.json, render_stop, &err);
}

const struct command cmd_stop = {
	.name = "stop",
	.summary = "Power a VM down",
	.argp = &argp,
	.run = stop_run,
};
