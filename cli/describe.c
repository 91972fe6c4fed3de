/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "base/err.h"
#include "base/json.h"
#include "commands.h"
#include "model/hostdef.h"
#include "model/vmdef.h"
#include "render.h"
#include "render_check.h"
#include "usage.h"

static const struct argp argp = {
	.doc = "Print every command, option, topology rule and key of a definition as one JSON "
	       "object, from the tables that vmfo itself works by.",
};

static void add_options(json_t *list, const struct argp_option *option)
{
	for (; option && option->name; option++) {
		char letter[2] = { (char)option->key, '\0' };

		if (option->flags & OPTION_HIDDEN)
			continue;
		json_array_append_new(list,
				      json_pack("{ss so so ss}", "long", option->name, "short",
						json_text_or_null(option->key < 0x80 ? letter :
										       NULL),
						"arg", json_text_or_null(option->arg), "doc",
						option->doc));
	}
}

static json_t *describe_command(const struct command *command)
{
	json_t *options = json_array();

	add_options(options, command->argp->options);
	return json_pack("{ss ss so sb so}", "name", command->name, "summary", command->summary,
			 "args", json_text_or_null(command->argp->args_doc), "hidden",
			 (int)command->hidden, "options", options);
}

static void add_key(void *data, const char *path, const char *type, const char *help)
{
	json_array_append_new(data, json_pack("{ss ss ss}", "path", path, "type", type, "help",
					      help));
}

static json_t *describe_formats(void)
{
	json_t *vm = json_array(), *host = json_array();

	vmdef_each_key(add_key, vm);
	hostdef_each_key(add_key, host);
	return json_pack("{so so}", "vmfo-vm", vm, "vmfo-host", host);
}

static void add_rule(void *data, const struct rule *rule)
{
	json_array_append_new(data, render_rule_json(rule));
}

static json_t *describe(void)
{
	json_t *list = json_array(), *global = json_array(), *common = json_array();
	json_t *rules = json_array();

	for (const struct command *const *c = commands; *c; c++)
		json_array_append_new(list, describe_command(*c));
	add_options(global, usage_argp.options);
	add_options(common, command_common_argp.options);
	/* argp gives --help and --usage to each command by itself. */
	add_options(common,
		    (const struct argp_option[]){
			    { "help", '?', NULL, 0, "Give this help list", 0 }, { 0 } });
	rule_each(add_rule, rules);
	return json_pack("{ss ss so so so so so}", "schema", "vmfo.describe/1", "version",
			 VMFO_VERSION, "options", global, "common_options", common, "commands",
			 list, "formats", describe_formats(), "rules", rules);
}

static int describe_run(struct invocation *self)
{
	const char *args[COMMAND_MAX_ARGS];
	struct err err = ERR_INIT;
	json_t *object;
	int r;

	command_parse(self, args, NULL);
	object = describe();
	r = render_json(object);
	json_decref(object);
	if (r < 0) {
		err_nomem(&err);
		return command_fail(self, &err);
	}
	return 0;
}

const struct command cmd_describe = {
	.name = "__describe",
	.summary = "For the completions and the checks of vmfo's own tree",
	.argp = &argp,
	.run = describe_run,
	.hidden = true,
};
