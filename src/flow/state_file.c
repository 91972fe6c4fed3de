/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/state_file.h"

#include <errno.h>
#include <stdio.h>

#include "base/json.h"
#include "base/log.h"
#include "io/file.h"

#define STATE_SCHEMA "vmfo.state/1"
#define STATE_MAX 65536

void state_file_write(const struct vm *vm, const struct op_state *state)
{
	_cleanup_free_ char *path = vm_path(vm, "state.json");
	struct err err = ERR_INIT;
	json_t *root = json_pack("{ss ss ss ss si sI sI}", "schema", STATE_SCHEMA, "operation",
				 state->operation, "phase", state->phase, "peer", state->peer,
				 "percent", state->percent, "rate", (json_int_t)state->rate,
				 "remaining_ms", (json_int_t)state->remaining_ms);

	if (!path || !root)
		err_nomem(&err);
	else
		file_write_json_volatile(path, 0600, root, &err);
	json_decref(root);
	if (err.kind != ERR_NONE)
		log_debug("%s: %s", vm->name, err.msg);
}

static void copy_string(const json_t *root, const char *key, char *out, size_t size)
{
	snprintf(out, size, "%s", json_get_text(root, key));
}

static int64_t known_or_minus_one(const json_t *root, const char *key)
{
	const json_t *value = json_object_get(root, key);

	return json_is_integer(value) ? json_integer_value(value) : -1;
}

int state_file_read(const struct vm *vm, struct op_state *out)
{
	_cleanup_free_ char *path = vm_path(vm, "state.json");
	json_t *root;

	if (!path || file_read_json(path, STATE_MAX, &root, NULL) < 0)
		return -ENOENT;
	copy_string(root, "operation", out->operation, sizeof(out->operation));
	copy_string(root, "phase", out->phase, sizeof(out->phase));
	copy_string(root, "peer", out->peer, sizeof(out->peer));
	out->percent = (int)known_or_minus_one(root, "percent");
	out->rate = known_or_minus_one(root, "rate");
	out->remaining_ms = known_or_minus_one(root, "remaining_ms");
	json_decref(root);
	return 0;
}

void state_file_remove(const struct vm *vm)
{
	_cleanup_free_ char *path = vm_path(vm, "state.json");

	if (path)
		unlink(path);
}
