/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "usage.h"

#include <stdlib.h>

#include "command.h"

/* Beyond the characters, so that there is no short option. */
enum { OPT_VERSION = 0x100, OPT_USAGE };

static const struct argp_option options[] = {
	{ "help", '?', NULL, 0, "Give this help list", 0 },
	{ "version", OPT_VERSION, NULL, 0, "Print the version", 0 },
	/* argp's messages point to it. */
	{ "usage", OPT_USAGE, NULL, OPTION_HIDDEN, "Give this help list", 0 },
	{ 0 },
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct invocation *self = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &self->level;
		return 0;
	case '?':
	case OPT_USAGE:
		usage_print(stdout);
		exit(0);
	case OPT_VERSION:
		puts("vmfo " VMFO_VERSION);
		exit(0);
	case ARGP_KEY_ARG:
		/* The subcommand: what follows belongs to it. */
		self->argv = &state->argv[state->next - 1];
		self->argc = state->argc - state->next + 1;
		state->next = state->argc;
		(void)arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = {
	{ .argp = &command_common_argp },
	{ 0 },
};

const struct argp usage_argp = {
	.options = options,
	.parser = parse_option,
	.args_doc = "COMMAND [ARGUMENT...]",
	.children = children,
};

static void print_options(FILE *out, const struct argp_option *option)
{
	for (; option->name; option++) {
		char letter[8] = "    ";

		if (option->flags & OPTION_HIDDEN)
			continue;
		if (option->key < 0x80)
			snprintf(letter, sizeof(letter), "-%c, ", option->key);
		fprintf(out, "  %s--%-12s %s\n", letter, option->name, option->doc);
	}
}

void usage_print(FILE *out)
{
	fputs("Usage: vmfo [OPTION...] COMMAND [ARGUMENT...]\n"
	      "Launch and live-migrate QEMU VMs with failover pairs.\n\n",
	      out);
	for (const struct command *const *c = commands; *c; c++)
		if (!(*c)->hidden)
			fprintf(out, "  %-14s %-21s %s\n", (*c)->name,
				(*c)->argp->args_doc ?: "", (*c)->summary);
	fputs("\n", out);
	print_options(out, options);
	print_options(out, command_common_argp.options);
	fputs("\n'vmfo COMMAND --help' lists a command's options; vmfo(1) has the rest.\n",
	      out);
}
