/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What crashes leave of a host's VFs, and who gives it back.
 */
#include "flow/vf_reserve.h"

#include <errno.h>
#include <sched.h>
#include <unistd.h>

#include "flow/datapath.h"
#include "flow/reservation.h"
#include "flow/vf_use.h"
#include "io/journal.h"
#include "made_host.h"

#define NET0 MADE_VF("net0", "00:01", "")
#define OTHER MADE_VF("net0", "00:09", "")

static struct err err;

static int reserve(struct vm *vm)
{
	err = (struct err)ERR_INIT;
	*made.told = '\0';
	return vf_reserve(vm, &(struct vf_reserve){ .chosen = NULL }, &err);
}

static void test_own_again(void)
{
	struct vm *vm;

	made_begin(1);
	vm = made_vm("a", NET0);
	reserve(vm);
	is_int(vf_prepare_all(vm, true, &err), 0, "it is prepared");
	made_crash(vm);
	*made.log = '\0';
	vm = made_vm("a", NET0);
	is_int(reserve(vm), 0, "what a crash has left of its own is taken again %s", err.msg);
	LOGGED("mac pf0 0 00:00:00:00:00:00, give 0000:01:10.0 igbvf, "
	       "mac pf0 0 00:00:00:00:00:00",
	       "after it was given back");
	is_str(reservation_vf(vm, &vm->def->pairs[0])->former, "igbvf", "and is as it was");
	vm_close(vm);
}

static void test_given_back(void)
{
	struct vm *a, *b;

	made_begin(1);
	a = made_vm("a", MADE_VF("net0", "00:01", ", \"vlan\": 5"));
	reserve(a);
	is_int(vf_prepare_all(a, true, &err), 0, "one is prepared %s", err.msg);
	LOGGED("bind 0000:01:10.0 vfio-pci, vlan pf0 0 5, group 0000:01:10.0, "
	       "mac pf0 0 52:54:00:00:00:01",
	       "for the guest");
	made_crash(a);
	b = made_vm("b", OTHER);
	is_int(reserve(b), 0, "who reserves next has it %s", err.msg);
	is_str(made_vf(b, 0), "0000:01:10.0", "the same");
	is_str(reservation_vf(b, &b->def->pairs[0])->former, "igbvf", "with its own driver");
	LOGGED("vlan pf0 0 0, mac pf0 0 00:00:00:00:00:00, give 0000:01:10.0 igbvf, "
	       "mac pf0 0 00:00:00:00:00:00",
	       "after it was given back for the other");
	like(made.told, "VM \"a\" has left VFs behind that it had here: giving them back",
	     "which is told");
	a = made_vm("a", NET0);
	ok(!made_has_reservation(a), "its reservation is gone");
	vm_close(a);
	vm_close(b);
}

/* As `vmfo stop` would, in the middle of it. */
static void try_to_stop(void)
{
	_cleanup_free_ char *rundir = str_printf("%s/a", made_env.rundir);
	struct lock *lock = NULL;

	is_int(lock_take(rundir, "stop", 0, &lock, NULL), -EBUSY,
	       "nobody else works on the VM at %s", made.log);
	lock_release(lock);
}

static void test_locked(void)
{
	struct vm *a, *b;

	made_begin(1);
	a = made_vm("a", NET0);
	reserve(a);
	vf_prepare_all(a, true, &err);
	made_crash(a);
	*made.log = '\0';
	made.watch = try_to_stop;
	b = made_vm("b", OTHER);
	is_int(reserve(b), 0, "what is left is given back under its VM's lock %s", err.msg);
	made.watch = NULL;
	a = made_vm("a", NET0);
	ok(a->lock, "which is let go of then");
	vm_close(a);
	vm_close(b);
}

static void test_in_doubt(void)
{
	const char *id = "6b1f2c3d-3f5b-4a57-9d0e-5a7d9e0c4e5f";
	struct journal *journal;
	struct vm *a, *b;

	made_begin(1);
	a = made_vm("a", NET0);
	reserve(a);
	vf_prepare_all(a, true, &err);
	if (journal_create(made_env.statedir, "a", id, "target", NULL, &journal, &err) < 0)
		bail("%s", err.msg);
	made_crash(a);
	*made.log = '\0';
	b = made_vm("b", OTHER);
	is_int(reserve(b), -ENODEV, "what is in doubt is not given back");
	like(err.msg, "0000:01:10.0: it is used by VM a", "and is used");
	LOGGED("", "nothing was done to it");
	journal_close(journal, "failed", &err);
	is_int(reserve(b), 0, "until the journal is closed %s", err.msg);
	vm_close(b);
}

/* One that cannot be given back holds up nobody who does not need it. */
static void test_stays(void)
{
	struct vm *a, *b;

	made_begin(2);
	a = made_vm("a", NET0);
	reserve(a);
	vf_prepare_all(a, true, &err);
	made_crash(a);
	made.fail = "give";
	made.error = EBUSY;
	b = made_vm("b", OTHER);
	is_int(reserve(b), 0, "another reserves %s", err.msg);
	like(made.told,
	     "what VM \"a\" has reserved here: give VF 0000:01:10.0 back: made to fail: give "
	     "0000:01:10.0 igbvf",
	     "what could not be given back is told");
	a = made_vm("a", NET0);
	ok(made_has_reservation(a), "and tried again: its reservation stays");
	made.fail = NULL;
	is_int(reserve(a), 0, "it can be had by its own VM %s", err.msg);
	vm_close(a);
	vm_close(b);
}

static void test_unreadable(void)
{
	_cleanup_free_ char *path = NULL;
	struct vm *a, *b;
	FILE *file;

	made_begin(1);
	a = made_vm("a", NET0);
	reserve(a);
	path = vm_path(a, "reservation.json");
	made_crash(a);
	file = fopen(path, "w");
	fputs("{\"schema\": \"vmfo.reservation/9\"}", file);
	fclose(file);
	b = made_vm("b", OTHER);
	is_int(reserve(b), 0, "another reserves %s", err.msg);
	like(made.told, "what VM \"a\" has reserved here: read ",
	     "what cannot be read is told");
	vm_close(b);
}

/* The filter of the standby's uplink as well, which let the guest's address in. */
static void test_uplink(void)
{
	const char *entry = "bridge fdb show dev up0 | grep -q '^52:54:00:00:00:01 .*self'";
	struct vm *a, *b;

	if (unshare(CLONE_NEWNET) < 0) {
		skip(3, "a network namespace takes root");
		return;
	}
	if (system("ip link add vmfotest0 type bridge && "
		   "ip link add up0 type veth peer name peer0 && "
		   "ip link set up0 master vmfotest0") != 0)
		bail("a bridge");
	made_begin(1);
	a = made_vm("a", NET0);
	reserve(a);
	is_int(datapath_to_standby(a, &a->def->pairs[0], &err), 0, "the way to the standby %s",
	       err.msg);
	is_int(system(entry), 0, "is open");
	made_crash(a);
	b = made_vm("b", OTHER);
	reserve(b);
	ok(system(entry) != 0, "it is closed for one that is no more");
	vm_close(b);
}

int main(void)
{
	test_own_again();
	test_given_back();
	test_locked();
	test_in_doubt();
	test_stays();
	test_unreadable();
	test_uplink();
	made_end();
	return done_testing();
}
