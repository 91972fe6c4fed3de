/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * VFs that host.json asks for: of which PFs they are made, and when they are not.
 */
#include <errno.h>
#include <limits.h>

#include "flow/reservation.h"
#include "flow/vf_reserve.h"
#include "made_host.h"
#include "vf_build.h"

#define NET0 MADE_VF("net0", "00:01", "")
#define NET1 MADE_VF("net1", "00:02", "")
#define EMULATED                                                                       \
	"{\"id\": \"emu\", \"mac\": \"52:54:00:00:00:0e\", \"standby\": {\"bridge\": " \
	"\"vmfotest0\"}, \"primary\": {\"kind\": \"emulated\"}}"

static struct err err;

/* PFs without VFs, each of which is to have so many. */
static void begin(int pfs, int vfs)
{
	made_begin(vfs);
	made.pfs = pfs;
	made.bare[0] = made.bare[1] = true;
	made_settings(pfs, vfs);
}

/* vfs: --vf, as JSON; NULL: none. */
static int reserve(struct vm *vm, const char *vfs)
{
	json_t *chosen = vfs ? json_loads(vfs, 0, NULL) : NULL;
	const struct vf_reserve how = { .chosen = chosen };
	int r;

	err = (struct err)ERR_INIT;
	*made.told = '\0';
	r = vf_reserve(vm, &how, &err);
	json_decref(chosen);
	return r;
}

/* One that is refused, and for which nothing was made. */
static void is_refused(struct vm *vm, const char *vfs, int r, const char *why)
{
	is_int(reserve(vm, vfs), r, "refused");
	is_str(err.msg, why, "and why");
	is_int(err.kind, ERR_REFUSED, "as such");
	LOGGED("", "before any were made");
	ok(!made_has_reservation(vm) && vm->n_vfs == 0, "nothing is reserved");
}

/* ---- when ---- */

static void test_makes(void)
{
	struct vm *vm;

	begin(1, 3);
	vm = made_vm("a", NET0);
	is_int(reserve(vm, NULL), 0, "VFs that host.json asks for %s", err.msg);
	LOGGED("numvfs 0000:01:00.0 3", "are made");
	is_str(made_vf(vm, 0), "0000:01:10.0", "and one of them is the VM's");
	like(made.told, "making 3 VFs of PF pf0 (0000:01:00.0)", "which is told");
	vm_close(vm);

	begin(1, 3);
	made.bare[0] = false;
	made.vfs = 2;
	vm = made_vm("a", NET0);
	is_int(reserve(vm, NULL), 0, "a PF that has VFs");
	LOGGED("", "is left as it is");
	vm_close(vm);

	begin(1, 3);
	vm = made_vm("a", EMULATED);
	is_int(reserve(vm, NULL), 0, "a VM that needs none");
	LOGGED("", "has none made");
	vm_close(vm);

	begin(1, 3);
	made_settings(1, 0);
	vm = made_vm("a", NET0);
	is_refused(vm, NULL, -ENODEV,
		   "pair net0: no VF of physnet prod is free: PF pf0: no VFs are made: echo 7 "
		   "> /sys/class/net/pf0/device/sriov_numvfs");
	vm_close(vm);
}

/* ---- of which ---- */

static void test_needed(void)
{
	struct vm *a, *b;

	begin(2, 1);
	made.bare[1] = false;
	a = made_vm("a", NET0);
	is_int(reserve(a, NULL), 0, "where another PF has one that is free");
	is_str(made_vf(a, 0), "0000:02:10.0", "that is had");
	LOGGED("", "and none are made");
	b = made_vm("b", NET1);
	is_int(reserve(b, NULL), 0, "where none is %s", err.msg);
	LOGGED("numvfs 0000:01:00.0 1", "some are made");
	is_str(made_vf(b, 0), "0000:01:10.0", "and one is had");
	vm_close(a);
	vm_close(b);

	begin(2, 2);
	a = made_vm("a", NET0 ", " NET1);
	is_int(reserve(a, NULL), 0, "two pairs %s", err.msg);
	LOGGED("numvfs 0000:01:00.0 2", "are served by one PF");
	is_int((int)a->n_vfs, 2, "with a VF each");
	vm_close(a);

	begin(2, 1);
	a = made_vm("a", NET0 ", " NET1);
	is_int(reserve(a, NULL), 0, "where one PF has not enough %s", err.msg);
	LOGGED("numvfs 0000:01:00.0 1, numvfs 0000:02:00.0 1", "the next has some made");
	is_str(made_vf(a, 0), "0000:01:10.0", "each pair");
	is_str(made_vf(a, 1), "0000:02:10.0", "has its own");
	vm_close(a);
}

static void test_another(void)
{
	const struct vm_pair *pair;
	struct vm *vm;

	begin(2, 1);
	vm = made_vm("a", NET0);
	pair = &vm->def->pairs[0];
	reserve(vm, NULL);
	*made.log = '\0';
	reservation_vf(vm, pair)->spare = true;
	is_int(vf_reserve_another(vm, pair, NULL, &err), 0, "another for a pair %s", err.msg);
	LOGGED("numvfs 0000:02:00.0 1", "is made as well");
	is_str(made_vf(vm, 0), "0000:02:10.0", "and had");
	is_int((int)vm->n_vfs, 2, "beside the one that was");
	vm_close(vm);
}

static int starting;

/* Their driver starts: it has them, and their links are not there for some readings. */
static void start_drivers(struct host_facts *facts)
{
	if (!made.bare[0] && starting-- > 0)
		facts->n_links = (size_t)made.pfs;
}

static void test_starting(void)
{
	struct vm *vm;

	begin(2, 3);
	starting = 3;
	made.change = start_drivers;
	vm = made_vm("a", NET0);
	is_int(reserve(vm, NULL), 0, "VFs whose driver starts are waited for %s", err.msg);
	LOGGED("numvfs 0000:01:00.0 3", "and no others are made");
	is_str(made_vf(vm, 0), "0000:01:10.0", "one of them is had");
	vm_close(vm);

	begin(1, 3);
	starting = INT_MAX;
	made.change = start_drivers;
	vm = made_vm("a", NET0);
	is_int(reserve(vm, NULL), -ENODEV, "but not for ever");
	like(err.msg, "0000:01:10.0, 0000:01:10.1, 0000:01:10.2: its driver igbvf has it",
	     "and why");
	ok(vm->n_vfs == 0, "nothing is reserved");
	vm_close(vm);
}

/* ---- those that cannot ---- */

static void test_cannot(void)
{
	struct vm *vm;

	begin(2, 3);
	made.fail = "numvfs 0000:01";
	made.error = EBUSY;
	vm = made_vm("a", NET0);
	is_int(reserve(vm, NULL), 0, "a PF that cannot make its VFs %s", err.msg);
	LOGGED("numvfs 0000:01:00.0 3, numvfs 0000:02:00.0 3", "is passed over");
	is_str(made_vf(vm, 0), "0000:02:10.0", "for one that can");
	like(made.told, "PF pf0: made to fail: numvfs 0000:01:00.0 3\n", "and told");
	vm_close(vm);

	begin(2, 3);
	made.fail = "numvfs";
	made.error = EBUSY;
	vm = made_vm("a", NET0);
	is_int(reserve(vm, NULL), -ENODEV, "where none can");
	LOGGED("numvfs 0000:01:00.0 3, numvfs 0000:02:00.0 3", "each is tried once");
	is_str(err.msg,
	       "pair net0: no VF of physnet prod is free: PF pf0: made to fail: numvfs "
	       "0000:01:00.0 3; PF pf1: made to fail: numvfs 0000:02:00.0 3",
	       "and why not");
	ok(!made_has_reservation(vm) && vm->n_vfs == 0, "nothing is reserved");
	is_int(reserve(vm, "{\"\": \"0000:01:10.0\"}"), -EINVAL, "nor the one that is named");
	is_str(err.msg,
	       "pair net0: this host has no PCI function 0000:01:10.0 (see vmfo vfs); of "
	       "physnet prod: PF pf0: made to fail: numvfs 0000:01:00.0 3; PF pf1: made to "
	       "fail: numvfs 0000:02:00.0 3",
	       "and why not");
	vm_close(vm);

	begin(2, 3);
	made.fail = "numvfs";
	made.error = ETIMEDOUT;
	vm = made_vm("a", NET0);
	is_int(reserve(vm, NULL), -ETIMEDOUT, "one that takes its time");
	LOGGED("numvfs 0000:01:00.0 3", "leaves none for others");
	is_str(err.msg, "make VFs of PF pf0: made to fail: numvfs 0000:01:00.0 3",
	       "and is named");
	vm_close(vm);
}

static void down(struct host_facts *facts)
{
	vf_build_link(facts, 0)->up = false;
}

static void jumbo(struct host_facts *facts)
{
	vf_build_link(facts, 1)->mtu = 9000;
}

/* VFs of which it is known beforehand that they would not fit. */
static void test_would_not_fit(void)
{
	struct vm *vm;

	begin(2, 3);
	made.change = down;
	vm = made_vm("a", NET0);
	is_int(reserve(vm, NULL), 0, "of a PF that is down %s", err.msg);
	LOGGED("numvfs 0000:02:00.0 3", "none are made");
	vm_close(vm);

	begin(2, 3);
	made.change = jumbo;
	vm = made_vm("a", MADE_VF("net0", "00:01", ""));
	vm->def->pairs[0].mtu = 9000;
	is_int(reserve(vm, NULL), 0, "nor of one with a smaller MTU %s", err.msg);
	LOGGED("numvfs 0000:02:00.0 3", "than the pair needs");
	vm_close(vm);

	begin(1, 8);
	vm = made_vm("a", NET0);
	is_refused(
		vm, NULL, -ENODEV,
		"pair net0: no VF of physnet prod is free: PF pf0: host.json asks for 8 VFs, "
		"it can have 7");
	vm_close(vm);
}

/* ---- what is judged first ---- */

static void test_named(void)
{
	struct vm *vm;

	begin(2, 3);
	vm = made_vm("a", NET0 ", " NET1);
	is_refused(vm, "{\"net0\": \"0000:01:00.0\"}", -EINVAL,
		   "pair net0: 0000:01:00.0 is a PF, not a VF (see vmfo vfs)");
	is_refused(vm, "{\"net0\": \"eth0\"}", -EINVAL,
		   "pair net0: \"eth0\" is no PCI address; a VF's is like 0000:01:10.0 (see "
		   "vmfo vfs)");
	is_refused(vm, "{\"net0\": \"0000:01:10.0\", \"net1\": \"0000:02:00.0\"}", -EINVAL,
		   "pair net1: 0000:02:00.0 is a PF, not a VF (see vmfo vfs)");
	is_refused(vm, "{\"net7\": \"0000:01:10.0\"}", -EINVAL,
		   "--vf net7=0000:01:10.0: the VM has no pair \"net7\" whose primary is a VF");
	is_int(reserve(vm, "{\"net1\": \"0000:01:10.2\"}"), 0, "one that is yet to be made %s",
	       err.msg);
	LOGGED("numvfs 0000:01:00.0 3", "is made");
	is_str(made_vf(vm, 1), "0000:01:10.2", "and had by the pair that it is named for");
	is_str(made_vf(vm, 0), "0000:01:10.0", "and the other has the best");
	vm_close(vm);
}

static void test_rest(void)
{
	struct vm *a, *b;

	begin(1, 3);
	made.available_mib = 159;
	a = made_vm("a", NET0);
	is_refused(a, NULL, -ENOMEM,
		   "memory: it needs 160 MiB, and 159 MiB are available beside what other VMs "
		   "have reserved (memory-short)");
	vm_close(a);

	begin(1, 3);
	a = made_vm("a", EMULATED);
	b = made_vm("b", MADE_VF("net0", "00:0e", ""));
	reserve(a, NULL);
	is_refused(b, NULL, -EADDRINUSE,
		   "pair net0: VM \"a\" on this host has its MAC, 52:54:00:00:00:0e, already "
		   "(mac-duplicate)");
	vm_close(a);
	vm_close(b);
}

int main(void)
{
	test_makes();
	test_needed();
	test_another();
	test_starting();
	test_cannot();
	test_would_not_fit();
	test_named();
	test_rest();
	made_end();
	return done_testing();
}
