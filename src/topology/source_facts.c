/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "topology/source_facts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"

/* What a definition of the largest kind has, many times over. */
#define MAX_FILES 4096
#define MAX_VF_MODELS 1024
#define MAX_TEXT 16384 /* CPU flags are two or three thousand bytes */

/* ---- out ---- */

static json_t *file_json(const struct source_file *file)
{
	return json_pack("{ss sI ss sb}", "path", file->path, "size", (json_int_t)file->size,
			 "wwn", file->wwn, "locked", (int)file->locked);
}

json_t *source_facts_json(const struct source_facts *facts)
{
	json_t *models = json_array(), *files = json_array(), *json;

	for (size_t i = 0; i < facts->n_vf_models; i++)
		json_array_append_new(models, json_integer(facts->vf_models[i]));
	for (size_t i = 0; i < facts->n_files; i++)
		json_array_append_new(files, file_json(&facts->files[i]));
	json = json_pack("{sb so so sb so so so so so so}", "running", (int)facts->running,
			 "boot_id", json_text_or_null(facts->boot_id), "qemu_version",
			 json_text_or_null(facts->qemu_version), "kvm", (int)facts->kvm,
			 "machine", json_text_or_null(facts->machine), "cpu_model",
			 json_text_or_null(facts->cpu_model), "cpu_flags",
			 json_text_or_null(facts->cpu_flags), "tap_offloads",
			 facts->tap_offloads_known ? json_integer(facts->tap_offloads) :
						     json_null(),
			 "vf_models", models, "files", files);
	/* An array that lost a member for want of memory says less than there is. */
	if (json && (json_array_size(models) != facts->n_vf_models ||
		     json_array_size(files) != facts->n_files)) {
		json_decref(json);
		return NULL;
	}
	return json;
}

/* ---- in ---- */

/* A text, null or nothing, bounded and printable.  Return: 0, -EPROTO, -ENOMEM. */
static int take_text(const json_t *json, const char *key, char **out)
{
	const json_t *value = json_object_get(json, key);

	if (!value || json_is_null(value))
		return 0;
	if (!json_is_string(value) || json_string_length(value) > MAX_TEXT)
		return -EPROTO;
	*out = strdup(json_string_value(value));
	if (!*out)
		return -ENOMEM;
	str_make_printable(*out);
	return 0;
}

static int take_bool(const json_t *json, const char *key, bool *out)
{
	const json_t *value = json_object_get(json, key);

	if (value && !json_is_boolean(value))
		return -EPROTO;
	*out = json_is_true(value);
	return 0;
}

/* Return: 0; -EPROTO: no integer within [min, max]. */
static int take_int(const json_t *value, int64_t min, int64_t max, int64_t *out)
{
	if (!json_is_integer(value) || json_integer_value(value) < min ||
	    json_integer_value(value) > max)
		return -EPROTO;
	*out = json_integer_value(value);
	return 0;
}

static int take_offloads(const json_t *json, struct source_facts *facts)
{
	const json_t *value = json_object_get(json, "tap_offloads");
	int64_t bits;

	if (!value || json_is_null(value))
		return 0;
	if (take_int(value, 0, UINT32_MAX, &bits) < 0)
		return -EPROTO;
	facts->tap_offloads = (uint32_t)bits;
	facts->tap_offloads_known = true;
	return 0;
}

/* An array of at most max members; *n 0 where there is none.  Return: 0, -EPROTO. */
static int take_array(const json_t *json, const char *key, size_t max, const json_t **out,
		      size_t *n)
{
	*out = json_object_get(json, key);
	*n = json_array_size(*out);
	return (*out && !json_is_array(*out)) || *n > max ? -EPROTO : 0;
}

static int take_vf_models(const json_t *json, struct source_facts *facts)
{
	const json_t *list;
	int64_t model;
	size_t n;

	if (take_array(json, "vf_models", MAX_VF_MODELS, &list, &n) < 0)
		return -EPROTO;
	facts->vf_models = calloc(n ?: 1, sizeof(*facts->vf_models));
	if (!facts->vf_models)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		if (take_int(json_array_get(list, i), 0, UINT32_MAX, &model) < 0)
			return -EPROTO;
		facts->vf_models[facts->n_vf_models++] = (uint32_t)model;
	}
	return 0;
}

static int take_file(const json_t *json, struct source_file *file)
{
	const char *wwn = json_get_text(json, "wwn");
	int r = take_text(json, "path", &file->path);

	if (r == 0 && !file->path)
		r = -EPROTO;
	if (r == 0)
		r = take_int(json_object_get(json, "size"), -1, INT64_MAX, &file->size);
	if (r == 0)
		r = take_bool(json, "locked", &file->locked);
	/* A name that was cut could be another's. */
	if (r == 0 && strlen(wwn) >= sizeof(file->wwn))
		r = -EPROTO;
	if (r < 0)
		return r;
	snprintf(file->wwn, sizeof(file->wwn), "%s", wwn);
	str_make_printable(file->wwn);
	return 0;
}

static int take_files(const json_t *json, struct source_facts *facts)
{
	const json_t *list;
	size_t n;
	int r;

	if (take_array(json, "files", MAX_FILES, &list, &n) < 0)
		return -EPROTO;
	facts->files = calloc(n ?: 1, sizeof(*facts->files));
	if (!facts->files)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		/* Counted first: what it has by then is freed. */
		r = take_file(json_array_get(list, i), &facts->files[facts->n_files++]);
		if (r < 0)
			return r;
	}
	return 0;
}

static void facts_freep(struct source_facts **facts)
{
	source_facts_free(*facts);
}

int source_facts_parse(const json_t *json, struct source_facts **out, struct err *err)
{
	_cleanup_(facts_freep) struct source_facts *facts = calloc(1, sizeof(*facts));
	const char *what = "it is no object";
	int r = json_is_object(json) ? 0 : -EPROTO;

	if (!facts)
		return err_nomem(err);
#define TAKE(name, call)               \
	do {                           \
		if (r == 0) {          \
			what = (name); \
			r = (call);    \
		}                      \
	} while (0)
	TAKE("running", take_bool(json, "running", &facts->running));
	TAKE("boot_id", take_text(json, "boot_id", &facts->boot_id));
	TAKE("qemu_version", take_text(json, "qemu_version", &facts->qemu_version));
	TAKE("kvm", take_bool(json, "kvm", &facts->kvm));
	TAKE("machine", take_text(json, "machine", &facts->machine));
	TAKE("cpu_model", take_text(json, "cpu_model", &facts->cpu_model));
	TAKE("cpu_flags", take_text(json, "cpu_flags", &facts->cpu_flags));
	TAKE("tap_offloads", take_offloads(json, facts));
	TAKE("vf_models", take_vf_models(json, facts));
	TAKE("files", take_files(json, facts));
#undef TAKE
	if (r == -ENOMEM)
		return err_nomem(err);
	if (r < 0)
		return err_set(err, ERR_REFUSED, EPROTO,
			       "what the source says of itself is not of the form that was "
			       "expected: %s",
			       what);
	*out = steal_ptr(facts);
	return 0;
}

void source_facts_free(struct source_facts *facts)
{
	if (!facts)
		return;
	for (size_t i = 0; i < facts->n_files; i++)
		free(facts->files[i].path);
	free(facts->files);
	free(facts->vf_models);
	free(facts->boot_id);
	free(facts->qemu_version);
	free(facts->machine);
	free(facts->cpu_model);
	free(facts->cpu_flags);
	free(facts);
}

const struct source_file *source_find_file(const struct source_facts *facts, const char *path)
{
	for (size_t i = 0; i < facts->n_files; i++)
		if (str_eq(facts->files[i].path, path))
			return &facts->files[i];
	return NULL;
}
