/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>

#include "commands.h"
#include "flow/buses.h"
#include "flow/check.h"
#include "render_check.h"

enum {
	OPT_FILE = 'f',
	OPT_BUSES = 0x100,
	OPT_CMDLINE,
	OPT_EXPLAIN,
	OPT_JSON,
	OPT_LIST_RULES,
	OPT_MACHINE,
	OPT_NO_HOST,
	OPT_QEMU,
	OPT_QMP,
	OPT_STRICT,
	OPT_SUPPRESS,
	OPT_SYSROOT,
	OPT_TARGET,
	OPT_VF,
};

struct options {
	struct check_opts check;
	const char *explain;
	const char *machine;
	bool buses;
	bool list_rules;
	bool strict;
	bool json;
};

static const struct argp_option option_list[] = {
	{ "file", OPT_FILE, "DEF", 0, "Check this definition", 0 },
	{ "cmdline", OPT_CMDLINE, "FILE", 0, "Check the QEMU command line in this file", 0 },
	{ "qmp", OPT_QMP, "SOCKET", 0,
	  "Check a running QEMU, whoever started it, by queries over QMP", 0 },
	{ "target", OPT_TARGET, "HOST", 0, "Check whether the VM could move there, too", 0 },
	{ "vf", OPT_VF, "[PAIR=]ADDRESS", 0,
	  "Check whether the pair could have this VF, of the target if there is one; may be "
	  "given again, for each pair",
	  0 },
	{ "qemu", OPT_QEMU, "BINARY", 0, "Ask this QEMU, instead of the one of the VM", 0 },
	{ "no-host", OPT_NO_HOST, NULL, 0, "Leave this host out", 0 },
	{ "sysroot", OPT_SYSROOT, "DIR", 0,
	  "Take the facts of the host from this folder, in which they were captured", 0 },
	{ "suppress", OPT_SUPPRESS, "RULE", 0,
	  "Leave out what this rule finds; may be given again", 0 },
	{ "strict", OPT_STRICT, NULL, 0, "Fail for warnings as well", 0 },
	{ "buses", OPT_BUSES, NULL, 0,
	  "Print the buses of a machine type, and which can hold a primary", 0 },
	{ "machine", OPT_MACHINE, "TYPE", 0, "With --buses: this machine type", 0 },
	{ "list-rules", OPT_LIST_RULES, NULL, 0, "List the rules", 0 },
	{ "explain", OPT_EXPLAIN, "RULE", 0, "Explain a rule", 0 },
	{ "json", OPT_JSON, NULL, 0, "Print the result as a JSON object", 0 },
	{ 0 },
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case OPT_FILE:
		options->check.file = arg;
		return 0;
	case OPT_CMDLINE:
		options->check.cmdline = arg;
		return 0;
	case OPT_QMP:
		options->check.qmp = arg;
		return 0;
	case OPT_TARGET:
		options->check.target = arg;
		return 0;
	case OPT_VF:
		command_parse_vf(state, arg, &options->check.vfs);
		return 0;
	case OPT_QEMU:
		options->check.qemu = arg;
		return 0;
	case OPT_NO_HOST:
		options->check.no_host = true;
		return 0;
	case OPT_SYSROOT:
		options->check.sysroot = arg;
		return 0;
	case OPT_SUPPRESS:
		command_parse_rule(state, arg, &options->check.suppress);
		return 0;
	case OPT_STRICT:
		options->strict = true;
		return 0;
	case OPT_BUSES:
		options->buses = true;
		return 0;
	case OPT_MACHINE:
		options->machine = arg;
		return 0;
	case OPT_LIST_RULES:
		options->list_rules = true;
		return 0;
	case OPT_EXPLAIN:
		options->explain = arg;
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
	.args_doc = "[VM] [-- QEMU ARG...]",
	.doc = "Say every reason why a failover pair would not work, before anything is started "
	       "or moved: of a VM (and of its QEMU and its guest, where it runs), of a "
	       "definition, of a QEMU command line, of a running QEMU.",
};

/* ---- what was asked for ---- */

/* A script whose variable is unset names nothing. */
static int check_names(const struct options *options, struct err *err)
{
	const struct check_opts *check = &options->check;
	const struct {
		const char *option, *value;
	} names[] = { { "--file", check->file },        { "--cmdline", check->cmdline },
		      { "--qmp", check->qmp },          { "--target", check->target },
		      { "--qemu", check->qemu },        { "--sysroot", check->sysroot },
		      { "--machine", options->machine } };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].value && !*names[i].value)
			return err_set(err, ERR_USAGE, EINVAL, "%s: its value is empty",
				       names[i].option);
	return 0;
}

/* Options that exclude each other, as one clear error. */
static int check_usage(const struct options *options, struct err *err)
{
	const struct check_opts *check = &options->check;
	int subjects = (check->vm || check->file) + (check->qmp != NULL) +
		       (check->cmdline != NULL) + (check->argv.n > 0);
	int modes = options->buses + options->list_rules + (options->explain != NULL);
	int r = check_names(options, err);

	if (r < 0)
		return r;
	if (modes > 1 || (modes && subjects))
		return err_set(err, ERR_USAGE, EINVAL,
			       "--buses, --list-rules and --explain stand alone");
	if (options->machine && !options->buses)
		return err_set(err, ERR_USAGE, EINVAL, "--machine belongs to --buses");
	if (modes)
		return 0;
	if (subjects == 0)
		return err_set(err, ERR_USAGE, EINVAL,
			       "nothing to check: name a VM, --file DEF, --cmdline FILE, "
			       "--qmp SOCKET, or a QEMU command line after --");
	if (subjects > 1)
		return err_set(err, ERR_USAGE, EINVAL,
			       "one thing at a time: a VM (with --file or without), "
			       "--cmdline, --qmp, or a command line after --");
	if (check->target && !check->vm && !check->file)
		return err_set(err, ERR_USAGE, EINVAL,
			       "--target needs a VM or --file: a target is asked about a "
			       "definition");
	if (check->vfs && !check->vm && !check->file)
		return err_set(
			err, ERR_USAGE, EINVAL,
			"--vf needs a VM or --file: a command line names its VFs itself");
	if (check->no_host && check->sysroot)
		return err_set(err, ERR_USAGE, EINVAL,
			       "--no-host leaves out what --sysroot would read");
	return 0;
}

static int run_buses(const struct options *options, struct flow_env *env, struct err *err)
{
	struct buses *buses;
	char *version;
	int r = flow_buses(env, options->machine, options->check.qemu, &buses, &version, err);

	if (r < 0)
		return r;
	r = render_buses(buses, version, options->json);
	buses_free(buses);
	free(version);
	return r < 0 ? err_nomem(err) : 0;
}

static int explain(const struct options *options, struct err *err)
{
	const struct rule *rule = rule_find(options->explain);

	if (!rule)
		return err_set(err, ERR_USAGE, EINVAL,
			       "--explain: there is no rule \"%s\"; --list-rules lists them",
			       options->explain);
	return render_rule(rule, options->json) < 0 ? err_nomem(err) : 0;
}

/* Return: the exit status, or a failure. */
static int run_check(const struct options *options, struct flow_env *env, struct err *err)
{
	struct check_result result;
	int r = flow_check(env, &options->check, &result, err);
	bool bad = findings_count(&result.findings, SEVERITY_ERROR) ||
		   (options->strict && findings_count(&result.findings, SEVERITY_WARNING));

	/* A target that could not be reached takes nothing from what was found here. */
	if ((r == 0 || result.findings.n) && render_check(&result, options->json) < 0)
		r = err_nomem(err);
	check_result_clear(&result);
	if (r < 0)
		return r;
	return bad ? ERR_TOPOLOGY : 0;
}

static int run(const struct options *options, struct err *err)
{
	struct flow_env env;
	int r;

	if (options->list_rules)
		return render_rules(options->json) < 0 ? err_nomem(err) : 0;
	if (options->explain)
		return explain(options, err);
	r = flow_env_open(&env, NULL, err);
	if (r < 0)
		return r;
	r = loop_catch_signals(env.loop, err);
	if (r == 0)
		r = options->buses ? run_buses(options, &env, err) :
				     run_check(options, &env, err);
	flow_env_close(&env);
	return r;
}

static int check_topology_run(struct invocation *self)
{
	struct options options = { .explain = NULL };
	const char *args[COMMAND_MAX_ARGS];
	struct err err = ERR_INIT;
	int r;

	command_parse(self, args, &options);
	options.check.vm = args[0];
	for (int i = 0; i < self->n_rest; i++)
		strv_add(&options.check.argv, self->rest[i]);
	r = options.check.argv.failed ? err_nomem(&err) : check_usage(&options, &err);
	if (r == 0)
		r = run(&options, &err);
	strv_clear(&options.check.argv);
	strv_clear(&options.check.suppress);
	json_decref(options.check.vfs);
	return r < 0 ? command_fail(self, &err) : r;
}

const struct command cmd_check_topology = {
	.name = "check-topology",
	.summary = "Say every reason why a failover pair would not work",
	.argp = &argp,
	.run = check_topology_run,
};
