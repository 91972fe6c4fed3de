/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/vfs.h"
#include "commands.h"
#include "render.h"
#include "render_vfs.h"

enum {
	OPT_HOST = 0x100,
	OPT_JSON,
	OPT_SYSROOT,
};

struct options {
	const char *host;
	const char *sysroot;
	bool json;
};

static const struct argp_option option_list[] = {
	{ "host", OPT_HOST, "HOST", 0, "Show those of this other host", 0 },
	{ "sysroot", OPT_SYSROOT, "DIR", 0,
	  "Take the facts of the host from this folder, in which they were captured", 0 },
	{ "json", OPT_JSON, NULL, 0, "Print the result as a JSON object", 0 },
	{ 0 },
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case OPT_HOST:
		options->host = arg;
		return 0;
	case OPT_SYSROOT:
		options->sysroot = arg;
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
	.doc = "Show the PFs of a host's physnets, and of each its VFs: how they are set, who has "
	       "them, and which are free.",
};

static int check_usage(const struct options *options, struct err *err)
{
	/* A script whose variable is unset names nothing. */
	if (options->host && !*options->host)
		return err_set(err, ERR_USAGE, EINVAL, "--host: its value is empty");
	if (options->sysroot && !*options->sysroot)
		return err_set(err, ERR_USAGE, EINVAL, "--sysroot: its value is empty");
	if (options->host && options->sysroot)
		return err_set(
			err, ERR_USAGE, EINVAL,
			"--host asks a host, --sysroot reads a folder: give one of them");
	return 0;
}

static int show(const struct vfs *vfs, bool json, struct err *err)
{
	json_t *object;
	int r;

	if (!json) {
		render_vfs(vfs);
		return 0;
	}
	object = vfs_json(vfs);
	r = render_json(object);
	json_decref(object);
	return r < 0 ? err_nomem(err) : 0;
}

static int run(const struct options *options, struct err *err)
{
	struct flow_env env;
	struct vfs vfs;
	int r = flow_env_open(&env, NULL, err);

	if (r < 0)
		return r;
	r = loop_catch_signals(env.loop, err);
	if (r == 0) {
		r = flow_vfs(&env, options->host, options->sysroot, &vfs, err);
		if (r == 0)
			r = show(&vfs, options->json, err);
		vfs_clear(&vfs);
	}
	flow_env_close(&env);
	return r;
}

static int vfs_run(struct invocation *self)
{
	const char *args[COMMAND_MAX_ARGS];
	struct options options = { .host = NULL };
	struct err err = ERR_INIT;
	int r;

	command_parse(self, args, &options);
	r = check_usage(&options, &err);
	if (r == 0)
		r = run(&options, &err);
	return r < 0 ? command_fail(self, &err) : 0;
}

const struct command cmd_vfs = {
	.name = "vfs",
	.summary = "Show the PFs and VFs of a host, and who has them",
	.argp = &argp,
	.run = vfs_run,
};
