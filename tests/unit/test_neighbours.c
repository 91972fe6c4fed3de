/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The VMs of a host: those that run, and those that were launched here and may be again.
 */
#include "flow/neighbours.h"

#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "flow/store.h"
#include "io/boot.h"
#include "io/file.h"
#include "tap.h"

static char dir[] = "/tmp/vmfo-neighbours-XXXXXX";
static struct flow_env env;
static char warnings[2048];

static void note(void *data, enum log_level level, const char *line)
{
	size_t len = strlen(warnings);

	(void)data;
	if (level == LOG_LEVEL_WARN)
		snprintf(warnings + len, sizeof(warnings) - len, "%s\n", line);
}

static json_t *definition(const char *name, const char *uuid)
{
	return json_pack("{ss ss ss ss s{ss} s{si} s[{ss ss s{ss} s{ss}}] s[{ss ss ss}]}",
			 "schema", VMDEF_SCHEMA, "name", name, "uuid", uuid, "machine",
			 "pc-q35-7.2", "cpu", "model", "qemu64", "memory", "mib", 64, "pairs",
			 "id", "net0", "mac", "52:54:00:00:00:01", "standby", "bridge", "br0",
			 "primary", "kind", "emulated", "nics", "id", "lan", "mac",
			 "52:54:00:00:00:02", "bridge", "br0");
}

static void write_json(const char *folder, const char *file, json_t *json)
{
	_cleanup_free_ char *where = str_printf("%s/%s", dir, folder);
	_cleanup_free_ char *path = str_printf("%s/%s", where, file);

	if (dir_make(where, 0700, NULL) < 0 || file_write_json(path, 0600, json, NULL) < 0)
		bail("cannot write %s", path);
	json_decref(json);
}

/* A run folder whose QEMU is this very process, or was one that is gone. */
static json_t *run(const char *name, const char *uuid, bool runs)
{
	char boot_id[BOOT_ID_SIZE];
	uint64_t started;

	if (boot_id_read(boot_id, NULL) < 0 || process_start_time(getpid(), &started) < 0)
		bail("this process is not known");
	return json_pack("{ss ss si sI ss s[] so}", "schema", "vmfo.run/1", "vm", name, "pid",
			 (int)getpid(), "start_time", (json_int_t)started + !runs, "boot_id",
			 boot_id, "taps", "definition", definition(name, uuid));
}

/* One that runs and is to have 64 GiB; more: of its memory. */
static void write_big(const char *name, const char *uuid, const char *more)
{
	_cleanup_free_ char *folder = str_printf("run/%s", name);
	json_t *file = run(name, uuid, true);
	json_t *memory = json_object_get(json_object_get(file, "definition"), "memory");

	json_object_set_new(memory, "mib", json_integer(65536));
	json_object_update_new(memory, json_loads(more, 0, NULL));
	write_json(folder, "vm.json", file);
}

static const struct host_vm *find(const struct host_vm *vms, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(vms[i].name, name))
			return &vms[i];
	return NULL;
}

static void point(const char *variable, const char *folder)
{
	_cleanup_free_ char *path = str_printf("%s/%s", dir, folder);

	setenv(variable, path, 1);
}

#define UUID(n) "3f9a6c1e-7f0b-4c52-9a4e-0d1b2c3d4e5" #n

static void test_read(void)
{
	const struct host_vm *vm;
	struct host_vm *vms;
	size_t n;

	is_int(neighbours_read(&env, &vms, &n, NULL), 0, "an empty host is read");
	is_int(n, 0, "and has no VMs");
	neighbours_free(vms, n);

	write_json("conf/vms", "written.json", definition("written", UUID(1)));
	write_json("state/vms", "stored.json", definition("stored", UUID(2)));
	write_json("state/vms", "gone.json", definition("gone", UUID(3)));
	write_json("state/vms", "broken.json", json_pack("{ss}", "schema", VMDEF_SCHEMA));
	write_json("run/running", "vm.json", run("running", UUID(4), true));
	write_json("run/ended", "vm.json", run("ended", UUID(5), false));
	write_json("run/odd", "vm.json", json_pack("{ss}", "schema", "vmfo.run/99"));
	if (store_bury(&env, "gone", "beta", "id", NULL) < 0)
		bail("no tombstone");

	is_int(neighbours_read(&env, &vms, &n, NULL), 0, "some of every kind are read");
	is_int(n, 2, "two of them are this host's");
	vm = find(vms, n, "stored");
	if (ok(vm, "one that was launched here")) {
		is_int(vm->pid, 0, "does not run");
		is_str(vm->uuid, UUID(2), "has its uuid");
		is_int(vm->n_macs, 2, "and the MACs of its pairs and NICs");
	}
	vm = find(vms, n, "running");
	if (ok(vm, "one that runs"))
		is_int(vm->pid, getpid(), "has its process");
	ok(!find(vms, n, "written"), "what was only written never was here");
	ok(!find(vms, n, "gone"), "what was migrated away is not here");
	ok(!find(vms, n, "ended"), "what ended and is not stored is not here");
	like(warnings, "\"odd\" of this host is not looked at", "what cannot be read is told");
	like(warnings, "\"broken\" of this host is not looked at", "a stored one as well");
	ok(!strstr(warnings, "gone") && !strstr(warnings, "written") &&
		   !strstr(warnings, "ended"),
	   "of the others there is nothing to tell");
	neighbours_free(vms, n);
	neighbours_free(NULL, 0);
}

/* This process has less than it is to have. */
static void test_memory(void)
{
	int has = (int)(process_resident_kib(getpid()) / 1024), left;
	const struct host_vm *vm;
	struct host_vm *vms;
	size_t n;

	write_big("starting", UUID(6), "{}");
	write_big("lazy", UUID(7), "{\"preallocated\": false}");
	write_big("huge", UUID(8), "{\"huge_pages\": true}");
	neighbours_read(&env, &vms, &n, NULL);
	vm = find(vms, n, "starting");
	left = vm ? vm->reserved_mib : -1;
	ok(left > 0 && left <= 65536 - has && left > 65536 - has - 64,
	   "one that runs, and has %d MiB, is about to take %d more", has, left);
	vm = find(vms, n, "lazy");
	is_int(vm ? vm->reserved_mib : -1, 0, "not one that does not preallocate");
	vm = find(vms, n, "huge");
	is_int(vm ? vm->reserved_mib : -1, 0, "nor one with huge pages, which are others");
	neighbours_free(vms, n);
	is_int((int)process_resident_kib(0), -1, "of no process it is not known");
}

int main(void)
{
	struct err err = ERR_INIT;

	if (!mkdtemp(dir))
		bail("mkdtemp");
	point("VMFO_CONFDIR", "conf");
	point("VMFO_RUNDIR", "run");
	point("VMFO_STATEDIR", "state");
	log_set_sink(note, NULL);
	if (flow_env_open(&env, NULL, &err) < 0)
		bail("%s", err.msg);
	test_read();
	test_memory();
	flow_env_close(&env);
	dir_remove(dir, NULL);
	return done_testing();
}
