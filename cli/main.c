/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <argp.h>
#include <stdio.h>

#include "base/err.h"
#include "command.h"
#include "streams.h"
#include "usage.h"

static int unknown_command(const char *name)
{
	const char *close = command_suggest(name);

	if (close)
		fprintf(stderr, "vmfo: there is no command \"%s\"; did you mean \"%s\"?\n",
			name, close);
	else
		fprintf(stderr, "vmfo: there is no command \"%s\"; see 'vmfo --help'\n", name);
	return ERR_USAGE;
}

int main(int argc, char **argv)
{
	struct invocation call = { .level = NARRATE_NORMAL };

	static char name[] = "vmfo";

	streams_prepare();
	argv[0] = name; /* what messages begin with, by whatever path it was called */
	argp_err_exit_status = ERR_USAGE;
	/* ARGP_NO_HELP: its --help knows nothing of the table of commands; usage.c's does. */
	argp_parse(&usage_argp, argc, argv, ARGP_IN_ORDER | ARGP_NO_HELP, NULL, &call);
	if (!call.argv) {
		usage_print(stderr);
		return ERR_USAGE;
	}
	call.command = command_find(call.argv[0]);
	if (!call.command)
		return unknown_command(call.argv[0]);
	return streams_finish(call.command->run(&call));
}
