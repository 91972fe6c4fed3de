/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A QEMU command line, read as QEMU reads it.
 *
 * The order of the devices decides whether a primary is hidden: QEMU makes those that are
 * written as key=value text first, in their order, and those written as JSON after all of
 * them, wherever they stand. So a primary as JSON may be written before its standby as
 * text, and a primary as text that is written after its standby as JSON is plugged at once
 * (tried with 7.2.22: `qom-list /machine/peripheral` has it).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "topology/machine.h"
#include "topology/machine_parse.h"

/* ---- the machine ---- */

static int read_machine(struct machine_reader *r, const char *text, struct err *err)
{
	json_t *props = NULL;
	int result = machine_parse_keyval(text, KEYVAL_STRICT, "type", &props, err);

	if (result == 0 && json_object_update(r->machine->props, props) < 0)
		result = err_nomem(err);
	json_decref(props);
	return result;
}

static int read_accel(struct machine_reader *r, const char *text, struct err *err)
{
	json_t *props = NULL;
	int result = machine_parse_keyval(text, KEYVAL_OPTS, "accel", &props, err);
	const char *name = json_get_text(props, "accel");

	if (result == 0 && !*name)
		result = err_set(err, ERR_USAGE, EINVAL, "it names no accelerator");
	if (result == 0)
		strv_add(&r->machine->accel, name);
	json_decref(props);
	return result;
}

static int read_enable_kvm(struct machine_reader *r, const char *text, struct err *err)
{
	(void)text;
	return json_object_set_new(r->machine->props, "accel", json_string("kvm")) < 0 ?
		       err_nomem(err) :
		       0;
}

static int read_cpu(struct machine_reader *r, const char *text, struct err *err)
{
	size_t len = strcspn(text, ",");

	if (!len)
		return err_set(err, ERR_USAGE, EINVAL, "it names no CPU model");
	free(r->machine->cpu);
	r->machine->cpu = strndup(text, len);
	if (!r->machine->cpu)
		return err_nomem(err);
	machine_make_utf8(r->machine->cpu);
	return 0;
}

static int read_memory(struct machine_reader *r, const char *text, struct err *err)
{
	json_t *props = NULL;
	int result = machine_parse_keyval(text, KEYVAL_OPTS, "size", &props, err);
	const char *size = json_string_value(json_object_get(props, "size"));

	if (result == 0 && size)
		result = machine_parse_mib(size, &r->machine->memory_mib, err);
	json_decref(props);
	return result;
}

static int read_uuid(struct machine_reader *r, const char *text, struct err *err)
{
	free(r->machine->uuid);
	r->machine->uuid = strdup(text);
	if (!r->machine->uuid)
		return err_nomem(err);
	machine_make_utf8(r->machine->uuid);
	return 0;
}

static int read_mem_path(struct machine_reader *r, const char *text, struct err *err)
{
	(void)err;
	r->mem_path = text;
	return 0;
}

static int read_mem_prealloc(struct machine_reader *r, const char *text, struct err *err)
{
	(void)text;
	(void)err;
	r->prealloc = true;
	return 0;
}

/* Of NUMA only which backends the RAM comes from. */
static int read_numa(struct machine_reader *r, const char *text, struct err *err)
{
	json_t *props = NULL;
	int result = machine_parse_keyval(text, KEYVAL_OPTS, "type", &props, err);
	json_t *id = json_object_get(props, "memdev");

	if (result == 0 && id && json_array_append(r->numa, id) < 0)
		result = err_nomem(err);
	json_decref(props);
	return result;
}

/* ---- options ---- */

static const struct option {
	const char *name;
	machine_read_fn *read;
} options[] = {
	{ "device", machine_read_device },
	{ "netdev", machine_read_netdev },
	{ "object", machine_read_object },
	{ "machine", read_machine },
	{ "M", read_machine },
	{ "accel", read_accel },
	{ "enable-kvm", read_enable_kvm },
	{ "cpu", read_cpu },
	{ "m", read_memory },
	{ "mem-path", read_mem_path },
	{ "mem-prealloc", read_mem_prealloc },
	{ "numa", read_numa },
	{ "global", machine_read_global },
	{ "uuid", read_uuid },
};

/* These may make or change a device: what they say is worth a look. */
static const char *const told_whole[] = { "-set", "-readconfig", "-nic", "-net" };

static bool is_told_whole(const char *option)
{
	for (size_t i = 0; i < ARRAY_SIZE(told_whole); i++)
		if (str_eq(told_whole[i], option))
			return true;
	return false;
}

static int pass_over(struct machine_reader *r, const char *word, const char *argument,
		     struct err *err)
{
	_cleanup_free_ char *text = argument && is_told_whole(word) ?
					    str_printf("%s %s", word, argument) :
					    strdup(word);

	if (!text)
		return err_nomem(err);
	str_make_printable(text);
	if (json_object_get(r->passed, text))
		return 0;
	strv_add(&r->machine->passed_over, text);
	return json_object_set_new(r->passed, text, json_true()) < 0 ? err_nomem(err) : 0;
}

static const struct option *find_option(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (str_eq(options[i].name, name))
			return &options[i];
	return NULL;
}

static int read_word(struct machine_reader *r, struct err *err)
{
	const char *word = r->argv[r->at++], *name, *argument = NULL;
	char option[EXCERPT_SIZE], text[EXCERPT_SIZE];
	const struct option *known;
	int result;

	r->option = r->at - 1;
	/* An image, or the argument of an option that is not known here. */
	if (*word != '-')
		return pass_over(r, word, NULL, err);
	word += str_starts(word, "--");
	name = word + 1;
	if (machine_option_has_argument(name)) {
		if (r->at == r->n)
			return err_set(err, ERR_USAGE, EINVAL,
				       "argument %zu, \"%s\", is the last, and wants an "
				       "argument of its own",
				       r->option, machine_excerpt(word, option));
		argument = r->argv[r->at++];
	}
	known = find_option(name);
	if (known)
		result = known->read(r, argument, err);
	else
		return pass_over(r, word, argument, err);
	if (result < 0)
		err_wrap(err, "argument %zu, \"%s%s%s\"", r->option,
			 machine_excerpt(word, option), argument ? " " : "",
			 argument ? machine_excerpt(argument, text) : "");
	return result;
}

/* ---- what follows from several of them ---- */

static int split_accel(struct strv *out, const char *list, struct err *err)
{
	if (out->n)
		return err_set(err, ERR_USAGE, EINVAL,
			       "-accel is given, and -enable-kvm or \"accel\" of -machine as "
			       "well: QEMU refuses both");
	for (size_t len; *list; list += len + (list[len] == ':')) {
		_cleanup_free_ char *name = NULL;

		len = strcspn(list, ":");
		name = strndup(list, len);
		if (!name)
			return err_nomem(err);
		strv_add(out, name);
	}
	return 0;
}

static int finish(struct machine_reader *r, struct err *err)
{
	struct machine *machine = r->machine;
	const char *accel = json_get_text(machine->props, "accel");
	int result = machine_take_text(machine->props, "type", &machine->type, err);

	if (result == 0 && *accel)
		result = split_accel(&machine->accel, accel, err);
	if (result == 0)
		result = machine_order_devices(r, err);
	if (result < 0)
		return result;
	machine_find_memory(r);
	return machine->accel.failed || machine->passed_over.failed ? err_nomem(err) : 0;
}

/* ---- the whole ---- */

/* Programs that start QEMU: what follows is theirs, up to a point that only they know. */
static const char *const starters[] = {
	"sudo", "doas",  "env",    "exec", "nice",   "ionice",      "numactl", "taskset",
	"chrt", "nohup", "setsid", "time", "strace", "systemd-run", "sh",      "bash",
};

static int read_binary(struct machine_reader *r, struct err *err)
{
	const char *binary = r->n ? r->argv[0] : "", *slash = strrchr(binary, '/');
	char part[EXCERPT_SIZE];

	if (!*binary || *binary == '-')
		return err_set(err, ERR_USAGE, EINVAL,
			       "the command line must begin with the QEMU binary, and begins "
			       "with \"%s\"",
			       machine_excerpt(binary, part));
	for (size_t i = 0; i < ARRAY_SIZE(starters); i++)
		if (str_eq(slash ? slash + 1 : binary, starters[i]))
			return err_set(err, ERR_USAGE, EINVAL,
				       "the command line begins with \"%s\": leave out what is "
				       "before the QEMU binary",
				       machine_excerpt(binary, part));
	r->machine->binary = strdup(binary);
	r->at = 1;
	return r->machine->binary ? 0 : err_nomem(err);
}

static int read_all(struct machine_reader *r, struct err *err)
{
	int result;

	if (!r->machine || !r->device_ids || !r->netdev_ids || !r->object_ids || !r->passed ||
	    !r->numa)
		return err_nomem(err);
	r->machine->props = json_object();
	r->machine->global_index = json_object();
	if (!r->machine->props || !r->machine->global_index)
		return err_nomem(err);
	result = read_binary(r, err);
	while (result == 0 && r->at < r->n)
		result = read_word(r, err);
	return result < 0 ? result : finish(r, err);
}

int machine_from_argv(const char *const *argv, size_t n, struct machine **out, struct err *err)
{
	struct machine_reader r = {
		.argv = argv,
		.n = n,
		.machine = calloc(1, sizeof(struct machine)),
		.device_ids = json_object(),
		.netdev_ids = json_object(),
		.object_ids = json_object(),
		.passed = json_object(),
		.numa = json_array(),
	};
	int result = read_all(&r, err);

	for (size_t i = 0; i < r.n_json; i++)
		machine_device_clear(&r.json[i]);
	free(r.json);
	json_decref(r.device_ids);
	json_decref(r.netdev_ids);
	json_decref(r.object_ids);
	json_decref(r.passed);
	json_decref(r.numa);
	if (result < 0) {
		machine_free(r.machine);
		return result;
	}
	*out = r.machine;
	return 0;
}
