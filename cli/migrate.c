/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/migrate.h"
#include "base/str.h"
#include "commands.h"
#include "render.h"
#include "session.h"

enum {
	OPT_ALLOW_DEGRADED = 0x100,
	OPT_BANDWIDTH,
	OPT_DOWNTIME_LIMIT,
	OPT_DRY_RUN,
	OPT_EVENTS,
	OPT_JSON,
	OPT_PROBE,
	OPT_PROGRESS_FD,
	OPT_REPLUG,
	OPT_SUPPRESS,
	OPT_TIMEOUT,
	OPT_UNPLUG_TIMEOUT,
	OPT_VF,
};

struct options {
	struct migrate_opts migrate;
	struct probe_target probe;
	const char *events;
	int progress_fd;
	bool json;
};

/* What stands in brackets is the default; host.json can set another for the first four. */
static const struct argp_option option_list[] = {
	{ "unplug-timeout", OPT_UNPLUG_TIMEOUT, "SECONDS", 0,
	  "Give the guest so long to let go of its primaries (30)", 0 },
	{ "timeout", OPT_TIMEOUT, "SECONDS", 0,
	  "Give up a copy that takes longer; 0: never (0)", 0 },
	{ "downtime-limit", OPT_DOWNTIME_LIMIT, "MS", 0,
	  "Stop the VM for the rest of the copy once that takes less than this (300)", 0 },
	{ "bandwidth", OPT_BANDWIDTH, "RATE", 0,
	  "Copy at most so many bytes a second, as in 500M; 0: no limit (0)", 0 },
	{ "replug", OPT_REPLUG, "deferred|hidden", 0,
	  "Plug the primaries once the VM runs on the target (deferred), or let QEMU do it while "
	  "the VM is stopped (hidden)",
	  0 },
	{ "vf", OPT_VF, "[PAIR=]ADDRESS", 0,
	  "Give the pair this VF of the target; may be given again, for each pair", 0 },
	{ "allow-degraded", OPT_ALLOW_DEGRADED, NULL, 0,
	  "Move the VM even if a pair is not whole before", 0 },
	{ "suppress", OPT_SUPPRESS, "RULE", 0,
	  "Move it whatever this topology rule finds; may be given again", 0 },
	{ "probe", OPT_PROBE, "ADDRESS[,INTERVAL]", 0,
	  "Ping this address of the guest all the while, each 10ms or INTERVAL, and say what was "
	  "lost in which phase",
	  0 },
	{ "dry-run", OPT_DRY_RUN, NULL, 0, "Make all checks, change nothing", 0 },
	{ "events", OPT_EVENTS, "FILE", 0, "Write what happens to FILE, a JSON object a line",
	  0 },
	{ "progress-fd", OPT_PROGRESS_FD, "N", 0, "Write the same to an open file descriptor",
	  0 },
	{ "json", OPT_JSON, NULL, 0, "Print the result as a JSON object", 0 },
	{ 0 },
};

static bool parse_replug(struct argp_state *state, const char *arg)
{
	if (!str_eq(arg, "hidden") && !str_eq(arg, "deferred"))
		argp_error(state, "--replug: \"%s\" is neither \"deferred\" nor \"hidden\"",
			   arg);
	return str_eq(arg, "hidden");
}

static void parse_probe(struct argp_state *state, const char *arg, struct options *options)
{
	struct err err = ERR_INIT;

	if (probe_target_parse(arg, &options->probe, &err) < 0)
		argp_error(state, "--probe: %s", err.msg);
	options->migrate.probe = &options->probe;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case OPT_UNPLUG_TIMEOUT:
		options->migrate.unplug_timeout_s =
			(int)command_parse_int(state, "--unplug-timeout", arg, 1, 86400);
		return 0;
	case OPT_TIMEOUT:
		options->migrate.timeout_s =
			(int)command_parse_int(state, "--timeout", arg, 0, 86400 * 7);
		return 0;
	case OPT_DOWNTIME_LIMIT:
		options->migrate.downtime_limit_ms =
			(int)command_parse_int(state, "--downtime-limit", arg, 1, 2000000);
		return 0;
	case OPT_BANDWIDTH:
		options->migrate.bandwidth = command_parse_bytes(state, "--bandwidth", arg);
		return 0;
	case OPT_REPLUG:
		options->migrate.hidden = parse_replug(state, arg);
		return 0;
	case OPT_ALLOW_DEGRADED:
		options->migrate.allow_degraded = true;
		return 0;
	case OPT_PROBE:
		parse_probe(state, arg, options);
		return 0;
	case OPT_DRY_RUN:
		options->migrate.dry_run = true;
		return 0;
	case OPT_EVENTS:
		options->events = arg;
		return 0;
	case OPT_PROGRESS_FD:
		options->progress_fd =
			(int)command_parse_int(state, "--progress-fd", arg, 0, 65535);
		return 0;
	case OPT_SUPPRESS:
		command_parse_rule(state, arg, &options->migrate.suppress);
		return 0;
	case OPT_VF:
		command_parse_vf(state, arg, &options->migrate.vfs);
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
	.args_doc = "VM HOST",
	.doc = "Move a running VM to another host, which is reached over SSH, and make its "
	       "failover pairs whole there.",
};

static int migrate_run(struct invocation *self)
{
	struct options options = {
		.migrate = { .unplug_timeout_s = -1,
			     .timeout_s = -1,
			     .downtime_limit_ms = -1,
			     .bandwidth = -1 },
		.progress_fd = -1,
	};
	const char *args[COMMAND_MAX_ARGS];
	struct result result = { 0 };
	struct err err = ERR_INIT;
	struct session session;
	int r;

	command_parse(self, args, &options);
	options.migrate.vm = args[0];
	options.migrate.host = args[1];
	r = session_open(&session, self, options.events, options.progress_fd, &err);
	if (r == 0) {
		r = flow_migrate(&session.env, &options.migrate, &result, &err);
		r = session_end(&session, r, &result, options.json, render_migrate, &err);
	} else {
		r = command_fail(self, &err);
	}
	strv_clear(&options.migrate.suppress);
	json_decref(options.migrate.vfs);
	return r;
}

const struct command cmd_migrate = {
	.name = "migrate",
	.summary = "Move a running VM to another host",
	.argp = &argp,
	.run = migrate_run,
};
