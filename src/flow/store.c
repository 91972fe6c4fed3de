/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/store.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "io/file.h"

#define TOMBSTONE_SCHEMA "vmfo.tombstone/1"
#define SUFFIX ".json"

char *store_path(const struct flow_env *env, const char *name)
{
	return str_printf("%s/vms/%s" SUFFIX, env->statedir, name);
}

static char *conf_path(const struct flow_env *env, const char *name)
{
	return str_printf("%s/vms/%s" SUFFIX, env->confdir, name);
}

int store_moved_to(struct flow_env *env, const char *name, char **moved_to, struct err *err)
{
	_cleanup_free_ char *path = store_path(env, name);
	const char *schema, *where;
	json_t *root;
	int r;

	*moved_to = NULL;
	if (!path)
		return err_nomem(err);
	r = file_read_json(path, VMDEF_MAX_BYTES, &root, err);
	/* What is no JSON is no tombstone; who wants the definition will say what is wrong. */
	if (r == -ENOENT || r == -EBADMSG)
		return 0;
	if (r < 0)
		return r;
	schema = json_string_value(json_object_get(root, "schema"));
	where = json_string_value(json_object_get(root, "moved_to"));
	if (schema && str_eq(schema, TOMBSTONE_SCHEMA)) {
		*moved_to = strdup(where ?: "another host");
		if (!*moved_to)
			r = err_nomem(err);
	}
	json_decref(root);
	return r;
}

int store_read(const char *path, struct vmdef **out, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = file_read(path, VMDEF_MAX_BYTES, &text, &len, err);

	if (r < 0) {
		if (err && err->kind == ERR_INTERNAL)
			err->kind = ERR_REFUSED;
		return r;
	}
	return vmdef_parse(text, len, path, out, err);
}

static int load_file(const char *name, const char *path, struct vmdef **out, struct err *err)
{
	struct vmdef *def;
	int r = store_read(path, &def, err);

	if (r < 0)
		return r;
	if (!str_eq(def->name, name)) {
		r = err_set(err, ERR_USAGE, EINVAL, "%s: $.name: it defines \"%s\", not \"%s\"",
			    path, def->name, name);
		vmdef_free(def);
		return r;
	}
	*out = def;
	return 0;
}

/* An edited file in CONFDIR does nothing by itself: better said than wondered about. */
static void note_newer(struct flow_env *env, const struct vmdef *def)
{
	_cleanup_free_ char *path = conf_path(env, def->name);
	json_t *conf;

	if (!path || file_read_json(path, VMDEF_MAX_BYTES, &conf, NULL) < 0)
		return;
	if (!json_equal(conf, def->source))
		log_warn("%s differs from the definition in use, which was stored at the first "
			 "launch; to take it: vmfo launch %s --file %s",
			 path, def->name, path);
	json_decref(conf);
}

int store_load(struct flow_env *env, const char *name, const char *file, struct vmdef **out,
	       struct err *err)
{
	_cleanup_free_ char *state = store_path(env, name);
	_cleanup_free_ char *conf = conf_path(env, name);
	_cleanup_free_ char *moved_to = NULL;
	int r;

	if (!state || !conf)
		return err_nomem(err);
	r = store_moved_to(env, name, &moved_to, err);
	if (r < 0)
		return r;
	if (moved_to)
		return err_set(
			err, ERR_REFUSED, EXDEV,
			"%s was migrated to %s and is not started here as well; migrate it "
			"back from there. If it will never run there again, remove %s first",
			name, moved_to, state);
	if (file)
		return load_file(name, file, out, err);
	r = load_file(name, state, out, err);
	if (r == 0)
		note_newer(env, *out);
	if (r != -ENOENT)
		return r;
	r = load_file(name, conf, out, err);
	if (r == -ENOENT)
		return err_set(
			err, ERR_REFUSED, ENOENT,
			"there is no VM \"%s\" here: no %s, no %s. Write the definition there "
			"(see vmfo-vm(5)), or name one with --file",
			name, conf, state);
	return r;
}

int store_load_stored(struct flow_env *env, const char *name, struct vmdef **out,
		      struct err *err)
{
	_cleanup_free_ char *path = store_path(env, name);
	_cleanup_free_ char *moved_to = NULL;
	int r;

	if (!path)
		return err_nomem(err);
	r = store_moved_to(env, name, &moved_to, err);
	if (r == 0 && !moved_to)
		r = load_file(name, path, out, err);
	if (moved_to || r == -ENOENT)
		return 0;
	return r < 0 ? r : 1;
}

int store_save(struct flow_env *env, const struct vmdef *def, struct err *err)
{
	_cleanup_free_ char *folder = str_printf("%s/vms", env->statedir);
	_cleanup_free_ char *path = store_path(env, def->name);
	int r;

	if (!folder || !path)
		return err_nomem(err);
	r = dir_make(folder, 0700, err);
	return r < 0 ? r : file_write_json(path, 0600, def->source, err);
}

int store_bury(struct flow_env *env, const char *name, const char *moved_to,
	       const char *migration, struct err *err)
{
	_cleanup_free_ char *path = store_path(env, name);
	json_t *tombstone;
	int r;

	if (!path)
		return err_nomem(err);
	tombstone = json_pack("{ss ss ss ss}", "schema", TOMBSTONE_SCHEMA, "name", name,
			      "moved_to", moved_to, "migration", migration);
	r = tombstone ? file_write_json(path, 0600, tombstone, err) : err_nomem(err);
	json_decref(tombstone);
	return r;
}

/* Adds the names in folder: its entries' names without suffix ("" for none). */
static int add_names(const char *folder, const char *suffix, struct strv *out, struct err *err)
{
	_cleanup_closedir_ DIR *dir = opendir(folder);
	struct dirent *entry;

	if (!dir)
		return errno == ENOENT ? 0 :
					 err_sys(err, ERR_INTERNAL, errno, "read %s", folder);
	while ((entry = readdir(dir))) {
		size_t len = strlen(entry->d_name), cut = strlen(suffix);

		if (len <= cut || !str_eq(entry->d_name + len - cut, suffix))
			continue;
		entry->d_name[len - cut] = '\0';
		if (vm_name_check(entry->d_name, NULL) == 0)
			strv_add(out, entry->d_name);
	}
	return out->failed ? err_nomem(err) : 0;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort_unique(struct strv *names)
{
	size_t kept = 0;

	if (names->n == 0)
		return;
	qsort(names->v, names->n, sizeof(*names->v), compare);
	for (size_t i = 0; i < names->n; i++) {
		if (kept && str_eq(names->v[kept - 1], names->v[i]))
			free(names->v[i]);
		else
			names->v[kept++] = names->v[i];
	}
	names->n = kept;
	names->v[kept] = NULL;
}

int store_names(struct flow_env *env, struct strv *out, struct err *err)
{
	_cleanup_free_ char *state = str_printf("%s/vms", env->statedir);
	_cleanup_free_ char *conf = str_printf("%s/vms", env->confdir);
	int r;

	if (!state || !conf)
		return err_nomem(err);
	r = add_names(state, SUFFIX, out, err);
	if (r == 0)
		r = add_names(conf, SUFFIX, out, err);
	if (r == 0)
		r = add_names(env->rundir, "", out, err);
	if (r == 0)
		sort_unique(out);
	return r;
}
