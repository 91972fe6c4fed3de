/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/store.h"

#include <errno.h>

#include "base/cleanup.h"
#include "io/file.h"
#include "tap.h"

static char dir[] = "/tmp/vmfo-store-XXXXXX";
static struct flow_env env;

/* Writes a definition of `name` with so much memory as FOLDER/FILE.json. */
static void define(const char *folder, const char *file, const char *name, int mib)
{
	_cleanup_free_ char *where = str_printf("%s/%s/vms", dir, folder);
	_cleanup_free_ char *path = str_printf("%s/%s.json", where, file);
	json_t *root = json_pack("{ss ss ss ss s{ss} s{si} s[]}", "schema", VMDEF_SCHEMA,
				 "name", name, "uuid", "3f9a6c1e-7f0b-4c52-9a4e-0d1b2c3d4e5f",
				 "machine", "pc-q35-7.2", "cpu", "model", "qemu64", "memory",
				 "mib", mib, "pairs");

	if (dir_make(where, 0755, NULL) < 0 || file_write_json(path, 0644, root, NULL) < 0)
		bail("cannot write %s", path);
	json_decref(root);
}

/* The memory of the definition that store_load() finds, or its negative errno. */
static int load(const char *name, const char *file, struct err *err)
{
	struct vmdef *def;
	int r = store_load(&env, name, file, &def, err);

	if (r < 0)
		return r;
	r = def->memory.mib;
	vmdef_free(def);
	return r;
}

static void save(const char *folder, const char *name)
{
	_cleanup_free_ char *path = str_printf("%s/%s/vms/%s.json", dir, folder, name);
	struct err err = ERR_INIT;
	struct vmdef *def;

	if (store_load(&env, name, path, &def, &err) < 0 || store_save(&env, def, &err) < 0)
		bail("%s", err.msg);
	vmdef_free(def);
}

static void test_names(void)
{
	_cleanup_free_ char *text = NULL;
	struct strv names = { 0 };
	_cleanup_free_ char *running = str_printf("%s/run/zoe", dir);

	dir_make(running, 0700, NULL);
	is_int(store_names(&env, &names, NULL), 0, "names are listed");
	text = strv_join(&names, " ");
	is_str(text, "demo zoe", "each once, sorted, from every folder");
	strv_clear(&names);
}

static void point(const char *variable, const char *folder)
{
	_cleanup_free_ char *path = str_printf("%s/%s", dir, folder);

	setenv(variable, path, 1);
}

int main(void)
{
	_cleanup_free_ char *other = NULL, *moved_to = NULL;
	struct err err = ERR_INIT;

	if (!mkdtemp(dir))
		bail("mkdtemp");
	point("VMFO_CONFDIR", "conf");
	point("VMFO_RUNDIR", "run");
	point("VMFO_STATEDIR", "state");
	if (flow_env_open(&env, NULL, &err) < 0)
		bail("%s", err.msg);

	is_int(load("demo", NULL, &err), -ENOENT, "no definition anywhere");
	is_int(err.kind, ERR_REFUSED, "is refused");
	like(err.msg, "conf/vms/demo.json", "and the message says where to write one");

	define("conf", "demo", "demo", 100);
	is_int(load("demo", NULL, &err), 100, "the first launch takes CONFDIR's");
	save("conf", "demo");
	define("conf", "demo", "demo", 200);
	is_int(load("demo", NULL, &err), 100, "later ones the stored one");

	define("elsewhere", "demo", "demo", 300);
	other = str_printf("%s/elsewhere/vms/demo.json", dir);
	is_int(load("demo", other, &err), 300, "a file that is named wins");
	define("elsewhere", "demo", "impostor", 300);
	is_int(load("demo", other, &err), -EINVAL, "unless it defines another VM");
	is_int(err.kind, ERR_USAGE, "which is a usage error");
	like(err.msg, "\"impostor\", not \"demo\"", "that names both");

	is_int(store_moved_to(&env, "demo", &moved_to, &err), 0, "a definition");
	is_str(moved_to, NULL, "is no tombstone");
	is_int(store_bury(&env, "demo", "beta", "id", &err), 0, "the VM moves to beta");
	is_int(store_moved_to(&env, "demo", &moved_to, &err), 0, "its tombstone");
	is_str(moved_to, "beta", "says where");
	is_int(load("demo", NULL, &err), -EXDEV, "it is not launched, whatever CONFDIR says");
	is_int(err.kind, ERR_REFUSED, "it is refused");
	like(err.msg, "was migrated to beta", "and why is said");
	define("elsewhere", "demo", "demo", 300);
	is_int(load("demo", other, &err), -EXDEV, "a file that is named does not help");
	test_names();

	flow_env_close(&env);
	dir_remove(dir, NULL);
	return done_testing();
}
