/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "base/str.h"
#include "commands.h"
#include "usage.h"

static int help_run(struct invocation *self)
{
	const char *args[COMMAND_MAX_ARGS];
	struct err err = ERR_INIT;
	const char *close;

	command_parse(self, args, NULL);
	if (!args[0]) {
		usage_print(stdout);
		return 0;
	}
	self->command = command_find(args[0]);
	if (self->command) {
		char option[] = "--help";
		char *argv[] = { NULL, option, NULL };

		self->argc = 2;
		self->argv = argv;
		command_parse(self, args, NULL);
		return 0;
	}
	self->command = &cmd_help;
	close = command_suggest(args[0]);
	err_set(&err, ERR_USAGE, 22, "there is no command \"%s\"%s%s%s", args[0],
		close ? "; did you mean \"" : "", close ?: "", close ? "\"?" : "");
	return command_fail(self, &err);
}

static const struct argp argp = {
	.args_doc = "[COMMAND]",
	.doc = "Print the list of commands, or one command's options.",
};

const struct command cmd_help = {
	.name = "help",
	.summary = "Print the list of commands, or one command's options",
	.argp = &argp,
	.run = help_run,
};
