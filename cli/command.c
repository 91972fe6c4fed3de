/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "commands.h"
#include "model/vmdef.h"
#include "topology/host_facts.h"
#include "topology/rule.h"

const struct command *const commands[] = {
	&cmd_check_topology, &cmd_launch,  &cmd_list,     &cmd_status,   &cmd_vfs,
	&cmd_stop,           &cmd_migrate, &cmd_cancel,   &cmd_replug,   &cmd_help,
	&cmd_agent,          &cmd_guard,   &cmd_describe, &cmd_complete, NULL,
};

const struct command *command_find(const char *name)
{
	for (const struct command *const *c = commands; *c; c++)
		if (str_eq((*c)->name, name))
			return *c;
	return NULL;
}

/* Levenshtein's distance of two short words. */
static size_t distance(const char *a, const char *b)
{
	size_t row[32], n = strlen(b);

	if (n >= ARRAY_SIZE(row))
		return SIZE_MAX;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t corner = row[0];

		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t replace = corner + (a[i - 1] != b[j - 1]);
			size_t change = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;

			corner = row[j];
			row[j] = replace < change ? replace : change;
		}
	}
	return row[n];
}

const char *command_suggest(const char *name)
{
	size_t best = strlen(name) / 3 + 2; /* more changes than this are another word */
	const char *found = NULL;

	for (const struct command *const *c = commands; *c; c++) {
		size_t d = (*c)->hidden ? SIZE_MAX : distance(name, (*c)->name);

		if (d < best) {
			best = d;
			found = (*c)->name;
		}
	}
	return found;
}

/* ---- parsing ---- */

static const struct argp_option common_options[] = {
	{ "verbose", 'v', NULL, 0, "Say more about what is done", -2 },
	{ "quiet", 'q', NULL, 0, "Say nothing but warnings and errors", -2 },
	{ 0 },
};

static error_t parse_common(int key, char *arg, struct argp_state *state)
{
	enum narrate_level *level = state->input;

	(void)arg;
	switch (key) {
	case 'v':
		*level = NARRATE_VERBOSE;
		return 0;
	case 'q':
		*level = NARRATE_QUIET;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp command_common_argp = { .options = common_options, .parser = parse_common };

struct parse {
	struct invocation *self;
	const char **args;
	void *options;
};

/* Whether anything may stand after "--". */
static bool takes_rest(const struct command *command)
{
	return strstr(command->argp->args_doc ?: "", "[-- ");
}

/*
 * The nth word of args_doc, without brackets, into buf.  Return: 1: it is required, 0: it is
 * optional, -1: there is none.
 */
static int nth_arg(const struct command *command, unsigned int n, char buf[32])
{
	const char *p = command->argp->args_doc ?: "";
	bool optional;
	size_t len;

	for (; n && *p && !str_starts(p, "[-- "); n--) {
		p += strcspn(p, " ");
		p += strspn(p, " ");
	}
	if (!*p || str_starts(p, "[-- "))
		return -1;
	optional = *p == '[';
	p += optional;
	len = strcspn(p, " ]");
	snprintf(buf, 32, "%.*s", (int)len, p);
	return !optional;
}

/* The outermost parser: takes the positional arguments, and hands out the inputs. */
static error_t parse_args(int key, char *arg, struct argp_state *state)
{
	struct parse *parse = state->input;
	struct err err = ERR_INIT;
	char name[32];

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = parse->options;
		state->child_inputs[1] = &parse->self->level;
		return 0;
	case ARGP_KEY_ARG:
		if (state->quoted && state->next > state->quoted &&
		    takes_rest(parse->self->command)) {
			parse->self->rest = &state->argv[state->next - 1];
			parse->self->n_rest = state->argc - state->next + 1;
			state->next = state->argc;
			return 0;
		}
		if (nth_arg(parse->self->command, state->arg_num, name) < 0)
			argp_error(state, "\"%s\" is one argument too many", arg);
		else if (str_eq(name, "VM") && vm_name_check(arg, &err) < 0)
			argp_error(state, "%s", err.msg);
		else
			parse->args[state->arg_num] = arg;
		return 0;
	case ARGP_KEY_END:
		if (nth_arg(parse->self->command, state->arg_num, name) == 1)
			argp_error(state, "%s is missing", name);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

void command_parse(struct invocation *self, const char *args[COMMAND_MAX_ARGS], void *options)
{
	char name[64];
	struct parse parse = { self, args, options };
	const struct argp_child children[] = {
		{ .argp = self->command->argp },
		{ .argp = &command_common_argp },
		{ 0 },
	};
	const struct argp outer = { .parser = parse_args, .children = children };

	for (size_t i = 0; i < COMMAND_MAX_ARGS; i++)
		args[i] = NULL;
	/* The name that messages begin with, and that "Try ... --help" shows. */
	snprintf(name, sizeof(name), "vmfo %s", self->command->name);
	self->argv[0] = name;
	argp_parse(&outer, self->argc, self->argv, 0, NULL, &parse);
	self->argv[0] = (char *)self->command->name;
	narrate_start(self->level);
}

int command_fail(const struct invocation *self, const struct err *err)
{
	struct err shown = *err;

	/* Parts of it may be from another host, or a file. */
	str_make_printable(shown.msg);
	narrate_live(NULL);
	fprintf(stderr, "vmfo %s: %s\n", self->command->name, shown.msg);
	return err->kind == ERR_NONE ? ERR_INTERNAL : (int)err->kind;
}

long long command_parse_int(struct argp_state *state, const char *what, const char *arg,
			    long long min, long long max)
{
	int64_t value = 0;
	int r = str_to_i64(arg, min, max, &value);

	if (r == -EINVAL)
		argp_error(state, "%s: \"%s\" is not a whole number", what, arg);
	else if (r < 0)
		argp_error(state, "%s: %s is not between %lld and %lld", what, arg, min, max);
	return value;
}

long long command_parse_bytes(struct argp_state *state, const char *what, const char *arg)
{
	static const char suffixes[] = "KMGT";
	size_t len = strlen(arg);
	const char *suffix = len ? strchr(suffixes, toupper((unsigned char)arg[len - 1])) :
				   NULL;
	int shift = suffix ? 10 * (int)(suffix - suffixes + 1) : 0;
	char digits[32];
	int64_t value = 0;

	snprintf(digits, sizeof(digits), "%.*s", (int)(suffix ? len - 1 : len), arg);
	if (len >= sizeof(digits) || str_to_i64(digits, 0, INT64_MAX >> shift, &value) < 0)
		argp_error(state, "%s: \"%s\" is not a number of bytes, as in 500M or 2G", what,
			   arg);
	return value << shift;
}

void command_parse_rule(struct argp_state *state, const char *arg, struct strv *out)
{
	if (!rule_find(arg))
		argp_error(state,
			   "--suppress: there is no rule \"%s\"; 'vmfo check-topology "
			   "--list-rules' lists them",
			   arg);
	strv_add(out, arg);
}

void command_parse_vf(struct argp_state *state, const char *arg, json_t **out)
{
	const char *equals = strchr(arg, '=');
	const char *address = equals ? equals + 1 : arg;
	_cleanup_free_ char *pair = strndup(arg, equals ? (size_t)(equals - arg) : 0);
	char normal[PCI_ADDRESS_SIZE];

	if (!pair) {
		argp_failure(state, ERR_INTERNAL, ENOMEM, "--vf");
		return;
	}
	if (equals == arg)
		argp_error(state, "--vf: \"%s\" names no pair before its \"=\"", arg);
	if (!pci_address_normalize(address, normal))
		argp_error(state,
			   "--vf: \"%s\" is no PCI address; a VF's is like 0000:01:10.0, and "
			   "'vmfo vfs' lists them",
			   address);
	if (!*out)
		*out = json_object();
	if (json_object_get(*out, pair))
		argp_error(state, "--vf: a second VF for %s%s", *pair ? "pair " : "one pair",
			   pair);
	json_object_set_new(*out, pair, json_string(normal));
}

enum { OPT_JSON = 0x100 };

const struct argp_option command_json_options[] = {
	{ "json", OPT_JSON, NULL, 0, "Print the result as a JSON object", 0 },
	{ 0 },
};

error_t command_json_parse(int key, char *arg, struct argp_state *state)
{
	bool *json = state->input;

	(void)arg;
	if (key != OPT_JSON)
		return ARGP_ERR_UNKNOWN;
	*json = true;
	return 0;
}
