/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Subcommands. Each is one file that ends in one const descriptor; `vmfo --help`, the
 * completions and the check of the man pages derive from the table of them.
 */
#ifndef VMFO_CLI_COMMAND_H
#define VMFO_CLI_COMMAND_H

#include <argp.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"
#include "narrate.h"

#define COMMAND_MAX_ARGS 2

struct command;

/* One call of a subcommand. */
struct invocation {
	const struct command *command;
	int argc;
	char **argv; /* argv[0] is the subcommand's name */
	char **rest; /* what stands after "--", where args_doc allows it */
	int n_rest;
	enum narrate_level level; /* as the options so far have it */
};

struct command {
	const char *name;
	const char *summary; /* one line, imperative */
	/*
	 * options, parser (of options only; its struct arrives as state->input), args_doc:
	 * "VM HOST", words in brackets being optional, "[-- WORD...]" last being anything; and
	 * doc, shown by --help.
	 */
	const struct argp *argp;
	int (*run)(struct invocation *self); /* Return: the exit status */
	bool hidden;                         /* from people: another program calls it */
};

extern const struct command *const commands[]; /* NULL-terminated, in the order of help */

/* The command of that name; NULL: none. */
const struct command *command_find(const char *name);

/* The name that name was probably meant to be; NULL: none is close. Static. */
const char *command_suggest(const char *name);

/*
 * Parses a subcommand's arguments, --verbose and --quiet among them, and starts the
 * narration. options: the parser's state->input. args: filled with what args_doc names,
 * NULL for an optional one that is not there; COMMAND_MAX_ARGS of them.
 * Does not return for --help, nor for a usage error (exit status 2).
 */
void command_parse(struct invocation *self, const char *args[COMMAND_MAX_ARGS], void *options);

/* Prints "vmfo CMD: message" on standard error.  Return: the exit status of err's kind. */
int command_fail(const struct invocation *self, const struct err *err);

/* -v and -q, for vmfo itself and for every subcommand; input: the narrate_level. */
extern const struct argp command_common_argp;

/* ---- what the parsers share: each ends in a usage error if arg does not fit ---- */

/* An integer within [min, max]. what: "--timeout". */
long long command_parse_int(struct argp_state *state, const char *what, const char *arg,
			    long long min, long long max);

/* Bytes, with an optional suffix K, M, G or T (powers of 1024). */
long long command_parse_bytes(struct argp_state *state, const char *what, const char *arg);

/* The name of a topology rule (of --suppress), added to out. */
void command_parse_rule(struct argp_state *state, const char *arg, struct strv *out);

/* Of --vf: "[PAIR=]ADDRESS", added to *out ({PAIR: ADDRESS}), which is made if it is NULL. */
void command_parse_vf(struct argp_state *state, const char *arg, json_t **out);

/* Options and parser of a command that has no option but --json. input: a bool. */
extern const struct argp_option command_json_options[];
error_t command_json_parse(int key, char *arg, struct argp_state *state);

#endif
