/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a VM has reserved of a host: the file, when it counts, and what its neighbours see.
 */
#include "flow/reservation.h"

#include <unistd.h>

#include "base/json.h"
#include "flow/neighbours.h"
#include "io/file.h"
#include "io/journal.h"
#include "tap.h"

static char dir[] = "/tmp/vmfo-reservation-XXXXXX";
static struct flow_env env;

static const char definition[] =
	"{\"schema\": \"vmfo.vm/1\", \"name\": \"a\", \"machine\": \"pc-q35-7.2\","
	"\"uuid\": \"5a7d9e0c-3f5b-4a57-9d0e-6b1f2c3d4e5f\","
	"\"cpu\": {\"model\": \"max\"}, \"memory\": {\"mib\": 160}, \"pairs\": ["
	"{\"id\": \"net0\", \"mac\": \"52:54:00:00:00:01\", \"standby\": {\"bridge\": \"br0\"},"
	" \"primary\": {\"kind\": \"vf\", \"physnet\": \"prod\"}},"
	"{\"id\": \"net1\", \"mac\": \"52:54:00:00:00:02\", \"standby\": {\"bridge\": \"br0\"},"
	" \"primary\": {\"kind\": \"vf\", \"physnet\": \"prod\"}}]}";

static void point(const char *variable, const char *folder)
{
	_cleanup_free_ char *path = str_printf("%s/%s", dir, folder);

	setenv(variable, path, 1);
}

static struct vm *open_vm(bool with_definition)
{
	struct err err = ERR_INIT;
	struct vm *vm;

	if (vm_open(&env, "a", &vm, &err) < 0 ||
	    (with_definition &&
	     vmdef_parse(definition, strlen(definition), "test", &vm->def, &err) < 0))
		bail("%s", err.msg);
	return vm;
}

/* One that is used, and one that was given up. */
static struct vm *reserve(void)
{
	struct vm *vm = open_vm(true);
	struct err err = ERR_INIT;
	struct vm_vf *vf;

	if (vm_lock(vm, "launch", &err) < 0 ||
	    reservation_add(vm, &vm->def->pairs[1], &vf, &err) < 0)
		bail("%s", err.msg);
	strcpy(vf->address, "0000:01:10.0");
	vf->spare = true;
	if (reservation_add(vm, &vm->def->pairs[1], &vf, &err) < 0)
		bail("%s", err.msg);
	strcpy(vf->address, "0000:01:10.2");
	strcpy(vf->pf, "enp1s0f0");
	strcpy(vf->former, "igbvf");
	vf->index = 1;
	vf->bound = vf->set = true;
	vf->before = (struct vf_settings){ .fields = VF_MAC | VF_VLAN | VF_TRUST | VF_RATE,
					   .mac = { { 2, 0, 0, 0, 0, 9 } },
					   .vlan = 100,
					   .qos = 3,
					   .trust = true,
					   .min_rate = 10,
					   .max_rate = 4000000000U };
	if (reservation_save(vm, &err) < 0)
		bail("%s", err.msg);
	return vm;
}

static void test_file(void)
{
	struct vm *vm = reserve(), *again = open_vm(false);
	struct err err = ERR_INIT;
	const struct vm_vf *vf;

	is_int(reservation_load(again, &err), 1, "what was written is there");
	is_str(again->def ? again->def->name : "", "a", "with the VM's definition");
	is_int((int)again->n_vfs, 2, "and two VFs");
	ok(!reservation_vf(again, &again->def->pairs[0]), "none is of the first pair");
	vf = reservation_vf(again, &again->def->pairs[1]);
	is_str(vf ? vf->address : "", "0000:01:10.2", "the second's is not the spare one");
	is_str(vf->pf, "enp1s0f0", "its PF");
	is_int(vf->index, 1, "its number");
	is_str(vf->former, "igbvf", "its driver before");
	ok(vf->bound && vf->set && !vf->spare, "what was done to it");
	ok(vf->before.fields == (VF_MAC | VF_VLAN | VF_TRUST | VF_RATE) &&
		   vf->before.mac.byte[5] == 9 && vf->before.vlan == 100 &&
		   vf->before.qos == 3 && vf->before.trust && !vf->before.spoof_check &&
		   vf->before.min_rate == 10 && vf->before.max_rate == 4000000000U,
	   "and how it was set");
	is_int(reservation_remove(vm, &err), 0, "it is removed");
	is_int(reservation_load(again, &err), 0, "there is none");
	is_int(reservation_remove(vm, &err), 0, "once more");
	vm_remove_rundir(vm, &err);
	vm_close(vm);
	vm_close(again);
}

static void test_counts(void)
{
	struct vm *vm = reserve(), *look = open_vm(false);
	const char *id = "6b1f2c3d-3f5b-4a57-9d0e-5a7d9e0c4e5f";
	struct journal *journal;
	struct err err = ERR_INIT;

	is_int(reservation_counts(look, &err), 1, "while its lock is held it counts");
	is_int(reservation_counts(vm, &err), 0, "but not for the one who holds it");
	lock_release(steal_ptr(vm->lock));
	is_int(reservation_counts(look, &err), 0, "not when nobody works on the VM");
	look->pid = 1;
	is_int(reservation_counts(look, &err), 1, "but while its QEMU lives");
	look->pid = 0;
	if (journal_create(env.statedir, "a", id, "target", NULL, &journal, &err) < 0)
		bail("%s", err.msg);
	is_int(reservation_counts(look, &err), 1, "and while its journal is open");
	journal_close(journal, "done", &err);
	is_int(reservation_counts(look, &err), 0, "not when that is closed");
	vm_close(look);
	vm_close(vm);
}

static void test_other_boot(void)
{
	_cleanup_free_ char *path = str_printf("%s/run/a/reservation.json", dir);
	struct vm *vm = reserve();
	struct err err = ERR_INIT;
	json_t *file;

	if (file_read_json(path, 65536, &file, &err) < 0)
		bail("%s", err.msg);
	json_object_set_new(file, "boot_id", json_string("another"));
	file_write_json(path, 0600, file, &err);
	is_int(reservation_load(vm, &err), 0, "one of another boot is none");
	json_object_set_new(file, "schema", json_string("vmfo.reservation/9"));
	file_write_json(path, 0600, file, &err);
	ok(reservation_load(vm, &err) < 0, "one of another version is an error");
	like(err.msg, "its schema is \"vmfo.reservation/9\", this vmfo knows", "which says so");
	json_decref(file);
	vm_remove_rundir(vm, &err);
	vm_close(vm);
}

static void test_neighbours(void)
{
	struct vm *vm = reserve();
	struct err err = ERR_INIT;
	struct host_vm *vms;
	size_t n;

	is_int(neighbours_read(&env, &vms, &n, &err), 0, "its neighbours look");
	is_int((int)n, 1, "and see it, although it does not run");
	is_int((int)vms[0].n_vfs, 2, "its VFs");
	is_str(vms[0].vfs[1], "0000:01:10.2", "by address");
	is_int((int)vms[0].n_macs, 2, "its addresses");
	is_int(vms[0].reserved_mib, 160, "and its memory");
	neighbours_free(vms, n);
	lock_release(steal_ptr(vm->lock));
	is_int(neighbours_read(&env, &vms, &n, &err), 0, "when nobody works on it");
	is_int((int)n, 0, "nobody sees it");
	neighbours_free(vms, n);
	vm_close(vm);
}

int main(void)
{
	struct err err = ERR_INIT;

	if (!mkdtemp(dir))
		bail("mkdtemp");
	point("VMFO_RUNDIR", "run");
	point("VMFO_STATEDIR", "state");
	point("VMFO_CONFDIR", "conf");
	if (flow_env_open(&env, NULL, &err) < 0)
		bail("%s", err.msg);
	test_file();
	test_counts();
	test_other_boot();
	test_neighbours();
	flow_env_close(&env);
	dir_remove(dir, NULL);
	return done_testing();
}
