/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A VF on its way to QEMU and back: on a host that is made up, and, for its driver, in a
 * folder that acts as sysfs does.
 */
#include "flow/vf_use.h"

#include <errno.h>
#include <signal.h>

#include "flow/pair.h"
#include "flow/reservation.h"
#include "flow/vf_reserve.h"
#include "host/vf_driver_internal.h"
#include "made_host.h"
#include "pci_world.h"
#include "vf_build.h"

#define NET0 MADE_VF("net0", "00:01", ", \"vlan\": 5, \"trust\": true")
#define NET1 MADE_VF("net1", "00:02", "")
#define BACK                                                                                \
	"vlan pf0 0 0, trust pf0 0 0, mac pf0 0 00:00:00:00:00:00, give 0000:01:10.0 igbvf" \
	", mac pf0 0 00:00:00:00:00:00"

static struct err err;

static struct vm *reserved(int vfs, const char *pairs)
{
	struct vm *vm;

	made_begin(vfs);
	vm = made_vm("a", pairs);
	err = (struct err)ERR_INIT;
	*made.told = '\0';
	if (vf_reserve(vm, &(struct vf_reserve){ .chosen = NULL }, &err) < 0)
		bail("%s", err.msg);
	*made.log = '\0';
	return vm;
}

static struct vm_vf *vf_of(struct vm *vm)
{
	return reservation_vf(vm, &vm->def->pairs[0]);
}

/* As its file says; to be closed. */
static struct vm *as_written(struct vm *vm)
{
	struct vm *other;

	if (vm_open(&made_env, vm->name, &other, &err) < 0 || reservation_load(other, &err) < 0)
		bail("%s", err.msg);
	return other;
}

static void is_written(struct vm *vm, bool bound, bool set)
{
	struct vm *other = as_written(vm);

	ok(other->n_vfs && other->vfs[0].bound == bound && other->vfs[0].set == set,
	   "the file says: %s, %s", bound ? "bound" : "not bound", set ? "set" : "not set");
	vm_close(other);
}

static void is_back(struct vm *vm)
{
	const struct vf_settings *now = &made.settings[0][0];
	struct vm *other = as_written(vm);

	is_str(made.driver[0][0], "igbvf", "its driver is the former");
	ok(now->vlan == 0 && !now->trust && mac_is_zero(&now->mac), "it is set as before");
	ok(other->n_vfs == 0, "nothing is reserved");
	vm_close(other);
}

/* ---- there and back ---- */

static void test_there_and_back(void)
{
	struct vm *vm = reserved(1, NET0);
	const struct vm_pair *pair = &vm->def->pairs[0];

	is_int(vf_prepare(vm, pair, vf_of(vm), &err), 0, "prepared %s", err.msg);
	LOGGED("bind 0000:01:10.0 vfio-pci, vlan pf0 0 5, trust pf0 0 1, group 0000:01:10.0",
	       "all but the MAC");
	is_written(vm, true, true);
	is_int(vf_prepare(vm, pair, vf_of(vm), &err), 0, "once more");
	LOGGED("bind 0000:01:10.0 vfio-pci, group 0000:01:10.0", "what is so is left");
	is_int(vf_admit(vm, pair, vf_of(vm), true, &err), 0, "the MAC");
	LOGGED("mac pf0 0 52:54:00:00:00:01", "is set");
	is_int(vf_admit(vm, pair, vf_of(vm), true, &err), 0, "once more");
	LOGGED("", "it is so already");
	is_int(vf_admit(vm, pair, vf_of(vm), false, &err), 0, "the MAC");
	LOGGED("mac pf0 0 00:00:00:00:00:00", "is cleared");
	is_int(vf_admit(vm, pair, vf_of(vm), false, &err), 0, "once more");
	LOGGED("", "it is so already");
	vf_admit(vm, pair, vf_of(vm), true, &err);
	*made.log = '\0';
	is_int(vf_give_back_all(vm, &err), 0, "given back %s", err.msg);
	LOGGED(BACK, "the settings, the driver, and the MAC once more");
	is_back(vm);
	is_int(vf_give_back_all(vm, &err), 0, "once more");
	LOGGED("", "nothing is there to be given back");
	vm_close(vm);
}

/* Its admin MAC and VLAN, and a driver of vfio's, are as somebody has left them. */
static void test_as_it_was(void)
{
	const struct mac left = { { 2, 0, 0, 0, 0, 7 } };
	struct vm *vm;

	made_begin(1);
	strcpy(made.driver[0][0], "vfio-pci");
	made.settings[0][0].mac = left;
	made.settings[0][0].vlan = 9;
	vm = made_vm("a", NET0);
	vf_reserve(vm, &(struct vf_reserve){ .chosen = NULL }, &err);
	is_int(vf_prepare_all(vm, true, &err), 0, "prepared %s", err.msg);
	LOGGED("vlan pf0 0 5, trust pf0 0 1, group 0000:01:10.0, mac pf0 0 52:54:00:00:00:01",
	       "by a driver of vfio's already");
	is_int(vf_give_back_all(vm, &err), 0, "given back");
	LOGGED("vlan pf0 0 9, trust pf0 0 0, mac pf0 0 02:00:00:00:00:07, "
	       "mac pf0 0 02:00:00:00:00:07",
	       "as it was, and with the same driver");
	vm_close(vm);
}

static void no_driver(struct host_facts *facts)
{
	*vf_build_vf(facts, 0, 0)->driver = '\0';
}

/* A VF that was just made: its driver comes after the facts were read, and before the bind. */
static void test_late_driver(void)
{
	struct vm *vm, *other;

	for (int fails = 0; fails < 2; fails++) {
		made_begin(1);
		made.change = no_driver;
		vm = made_vm("a", NET0);
		vf_reserve(vm, &(struct vf_reserve){ .chosen = NULL }, &err);
		is_str(vf_of(vm)->former, "", "no driver has it when it is reserved");
		made.fail = fails ? "bind" : NULL;
		made.error = EBUSY;
		is_int(vf_prepare_all(vm, true, &err), fails ? -EBUSY : 0, "prepared %s",
		       fails ? "in vain" : "");
		other = as_written(vm);
		is_str(other->vfs[0].former, "igbvf", "the one that it has then is written");
		made.fail = NULL;
		*made.log = '\0';
		vf_give_back_all(vm, &err);
		like(made.log, "give 0000:01:10.0 igbvf", "and has it again");
		vm_close(other);
		vm_close(vm);
	}
}

/* ---- a PF's driver that does not know something ---- */

static void test_unsupported(void)
{
	struct vm *vm = reserved(1, NET0);
	const struct vm_pair *pair = &vm->def->pairs[0];
	struct strv names = { 0 };
	struct vm *other;

	made.unsupported = VF_TRUST | VF_MAC;
	is_int(vf_prepare(vm, pair, vf_of(vm), &err), 0, "what a driver does not know");
	LOGGED("bind 0000:01:10.0 vfio-pci, vlan pf0 0 5, group 0000:01:10.0", "is left");
	other = as_written(vm);
	is_int(other->vfs[0].unsupported, VF_TRUST, "and remembered");
	pair_list_unsupported(other, pair, &names);
	ok(names.n == 1 && str_eq(names.v[0], "trust"), "by its name");
	vm_close(other);
	strv_clear(&names);
	is_int(vf_admit(vm, pair, vf_of(vm), true, &err), -EOPNOTSUPP, "unless it is the MAC");
	is_str(err.msg,
	       "the driver of PF pf0 does not let the MAC of VF 0 be set: a VF of this NIC cannot "
	       "be a primary",
	       "says so");
	is_int(vf_give_back_all(vm, &err), 0, "given back");
	made.unsupported = 0;
	is_back(vm);
	vm_close(vm);
}

static void test_variant(void)
{
	struct vm *vm = reserved(1, NET0);
	struct host_physnet *physnet = &made_env.host->physnets[0];

	free(physnet->vfio_driver);
	physnet->vfio_driver = strdup("mlx5_vfio_pci");
	is_int(vf_prepare(vm, &vm->def->pairs[0], vf_of(vm), &err), 0,
	       "a physnet whose VFs go "
	       "to a variant driver");
	like(made.log, "bind 0000:01:10.0 mlx5_vfio_pci", "its VF does");
	vf_give_back_all(vm, &err);
	made_settings(1, 0);
	vm_close(vm);
}

/* A request has both. */
static void test_one_rate(void)
{
	struct vm *vm = reserved(1, MADE_VF("net0", "00:01", ", \"max_rate\": 500"));

	made.settings[0][0].fields |= VF_RATE;
	made.settings[0][0].min_rate = 10;
	made.settings[0][0].max_rate = 900;
	is_int(vf_prepare(vm, &vm->def->pairs[0], vf_of(vm), &err), 0, "one rate %s", err.msg);
	ok(made.settings[0][0].min_rate == 10 && made.settings[0][0].max_rate == 500,
	   "the other is as the host had it");
	is_int(vf_give_back_all(vm, &err), 0, "given back");
	ok(made.settings[0][0].min_rate == 10 && made.settings[0][0].max_rate == 900,
	   "both are");
	vm_close(vm);
}

/* Of all that can be left out this is what the guest's network depends on. */
static void test_no_vlan(void)
{
	struct vm *vm = reserved(1, NET0);
	const struct vm_pair *pair = &vm->def->pairs[0];

	made.unsupported = VF_VLAN;
	for (int i = 0; i < 2; i++) {
		is_int(vf_prepare(vm, pair, vf_of(vm), &err), -EOPNOTSUPP,
		       "a PF without VLANs is not for a pair that has one");
		is_int(err.kind, ERR_REFUSED, "refused");
		like(err.msg,
		     "the driver of PF pf0 does not let the VLAN of VF 0 be set to 5: take",
		     "says so, and what to do");
	}
	is_int(vf_give_back_all(vm, &err), 0, "given back");
	is_back(vm);
	vm_close(vm);
	vm = reserved(1, NET1);
	is_int(vf_prepare(vm, &vm->def->pairs[0], vf_of(vm), &err), 0, "for another it is");
	vf_give_back_all(vm, &err);
	made.unsupported = 0;
	vm_close(vm);
}

/* ---- what fails ---- */

static void test_failures(void)
{
	static const struct {
		const char *step;
		bool set;
	} rows[] = {
		{ "bind", false }, { "read", false }, { "vlan", true },
		{ "trust", true }, { "group", true }, { "mac", true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *want =
			str_printf("pair net0: prepare VF 0000:01:10.0: made "
				   "to fail: %s ",
				   rows[i].step);
		struct vm *vm = reserved(1, NET0);

		made.fail = rows[i].step;
		made.error = ETIMEDOUT;
		is_int(vf_prepare_all(vm, true, &err), -ETIMEDOUT, "%s fails", rows[i].step);
		like(err.msg, want, "and says so");
		is_written(vm, true, rows[i].set);
		made.fail = NULL;
		is_int(vf_give_back_all(vm, &err), 0, "all is put back %s", err.msg);
		is_back(vm);
		vm_close(vm);
	}
}

/* vmfo ended after it had written that it binds, and before it did. */
static void test_crash_before(void)
{
	struct vm *vm = reserved(1, NET0);

	made.fail = "bind";
	made.error = ETIMEDOUT;
	vf_prepare_all(vm, true, &err);
	made_crash(vm);
	made.fail = NULL;
	if (vm_open(&made_env, "a", &vm, &err) < 0 || reservation_load(vm, &err) != 1)
		bail("%s", err.msg);
	ok(vm->vfs[0].bound, "one that is said to be bound");
	is_int(vf_prepare_all(vm, true, &err), 0, "is prepared %s", err.msg);
	is_str(made.driver[0][0], "vfio-pci", "and bound");
	is_int(vf_give_back_all(vm, &err), 0, "given back");
	is_back(vm);
	vm_close(vm);
}

static void test_back_fails(void)
{
	struct vm *vm = reserved(2, NET0 ", " NET1);

	vf_prepare_all(vm, true, &err);
	*made.log = '\0';
	made.fail = "give 0000:01:10.0";
	made.error = EBUSY;
	is_int(vf_give_back_all(vm, &err), -EBUSY, "one that is not let go of");
	is_str(err.msg, "give VF 0000:01:10.0 back: made to fail: give 0000:01:10.0 igbvf",
	       "says so");
	like(made.log, "give 0000:01:10.1 igbvf", "the other is given back");
	is_written(vm, true, false);
	*made.log = '\0';
	made.fail = NULL;
	is_int(vf_give_back_all(vm, &err), 0, "later it is let go of");
	LOGGED("give 0000:01:10.0 igbvf", "what is back already is left");
	is_back(vm);
	vm_close(vm);

	vm = reserved(2, NET0 ", " NET1);
	vf_prepare_all(vm, true, &err);
	*made.log = '\0';
	made.fail = "vlan pf0 0";
	made.error = EBUSY;
	is_int(vf_give_back_all(vm, &err), -EBUSY, "one that cannot be set back");
	is_str(err.msg, "give VF 0000:01:10.0 back: made to fail: vlan pf0 0 0", "says so");
	like(made.log, "vlan pf0 0 0, give 0000:01:10.0 igbvf, ", "its driver has it again");
	is_written(vm, false, true);
	*made.log = '\0';
	made.fail = NULL;
	is_int(vf_give_back_all(vm, &err), 0, "later it can be");
	is_back(vm);
	vm_close(vm);

	vm = reserved(1, NET0);
	vf_prepare_all(vm, true, &err);
	made.fail = "give";
	made.error = ENOENT;
	is_int(vf_give_back_all(vm, &err), 0, "a former driver that was unloaded");
	like(made.told, "VF 0000:01:10.0 goes back to no driver: made to fail: give",
	     "is told");
	vm_close(vm);
}

/* By a launch that was interrupted, and a stop, which nothing else holds that off. */
static void test_cancelled(void)
{
	struct vm *vm = reserved(1, NET0);

	vf_prepare_all(vm, true, &err);
	made.busy_ms = 1;
	*made.log = '\0';
	loop_cancel(made_env.loop, "interrupted (SIGINT)");
	is_int(vf_prepare_all(vm, true, &err), -ECANCELED, "who is told to stop does not wait");
	*made.log = '\0';
	is_int(vf_give_back_all(vm, &err), 0, "but for what is to be given back %s", err.msg);
	LOGGED(BACK, "as ever");
	is_back(vm);
	vm_close(vm);
}

/* ---- a PF that is gone, or has other VFs ---- */

static void test_gone(void)
{
	struct vm *vm = reserved(1, NET0), *other;

	made.fail = "read";
	made.error = ENODEV;
	is_int(vf_prepare_all(vm, true, &err), -ENODEV, "a PF that goes before");
	like(err.msg, "pair net0: prepare VF 0000:01:10.0: made to fail: read pf0 0",
	     "says so");
	is_int(vf_admit(vm, &vm->def->pairs[0], vf_of(vm), false, &err), -ENODEV,
	       "what is not to be seen is not said to be cleared");
	made.fail = "give";
	is_int(vf_give_back_all(vm, &err), 0, "what is gone is back %s", err.msg);
	other = as_written(vm);
	is_int((int)other->n_vfs, 0, "nothing is reserved");
	vm_close(other);
	vm_close(vm);

	vm = reserved(1, NET0);
	vf_prepare_all(vm, true, &err);
	made.fail = "";
	made.error = ENODEV;
	*made.log = '\0';
	is_int(vf_give_back_all(vm, &err), 0, "one that goes while the guest has it %s",
	       err.msg);
	LOGGED("vlan pf0 0 0, give 0000:01:10.0 igbvf", "each is tried once");
	is_str(made.told, "", "and there is nothing to be told");
	other = as_written(vm);
	is_int((int)other->n_vfs, 0, "nothing is reserved");
	vm_close(other);
	vm_close(vm);
}

static void test_pf_renamed(void)
{
	struct vm *vm = reserved(1, NET0);

	vf_prepare_all(vm, true, &err);
	made.fail = "vlan";
	made.error = ENODEV;
	is_int(vf_give_back_all(vm, &err), 0, "a PF that is not found, and a VF that is %s",
	       err.msg);
	is_str(made.driver[0][0], "igbvf", "goes back to its driver");
	is_str(made.told,
	       "VF 0000:01:10.0 is not set as it was before: made to fail: vlan pf0 0 0\n",
	       "and how it is set is told");
	vm_close(vm);
}

/* ---- the driver, in a sysfs ---- */

static const struct pci_host hasty = { world, 60000, 1500, 1500, 300 };

static int world_bind(struct loop *loop, const char *vf, const char *driver,
		      char former[VF_DRIVER_SIZE], struct err *why)
{
	return vf_driver_bind_on(&hasty, loop, vf, driver, former, why);
}

static int world_give_back(struct loop *loop, const char *vf, const char *former,
			   struct err *why)
{
	return vf_driver_give_back_on(&hasty, loop, vf, former, why);
}

static struct vf_host mixed;

static struct vm *reserved_in_world(void)
{
	struct vm *vm = reserved(2, NET0);

	world_begin("exit 1");
	mixed = made_vf_host;
	mixed.bind = world_bind;
	mixed.give_back = world_give_back;
	made_env.vf_host = &mixed;
	return vm;
}

static void is_with(const char *driver)
{
	char now[64];

	world_driver(VF0, now, sizeof(now));
	is_str(now, driver, "the VF is with %s", *driver ? driver : "nobody");
}

static void test_no_letting_go(void)
{
	struct vm *vm = reserved_in_world(), *other;
	char pid[64] = "0";

	world_run("rm " BUS "/drivers/igbvf/unbind; mkfifo " BUS "/drivers/igbvf/unbind");
	is_int(vf_prepare_all(vm, true, &err), -EBUSY, "a driver that does not let go");
	like(err.msg,
	     "pair net0: prepare VF 0000:01:10.0: igbvf does not let go of VF 0000:01:10.0",
	     "is named");
	sscanf(strstr(err.msg, "process ") ?: "", "process %63[0-9]", pid);
	LOGGED("", "nothing else was done");
	is_int(vf_give_back_all(vm, &err), 0, "all is put back %s", err.msg);
	other = as_written(vm);
	is_int((int)other->n_vfs, 0, "nothing is reserved");
	is_with("igbvf");
	world_run("cat " BUS "/drivers/igbvf/unbind >/dev/null");
	is_int(waitpid(atoi(pid), NULL, 0), atoi(pid), "who waited ends");
	is_with("igbvf");
	vm_close(other);
	vm_close(vm);
}

static void test_world(void)
{
	struct vm *vm = reserved_in_world(), *other;

	is_int(vf_prepare_all(vm, true, &err), 0, "prepared %s", err.msg);
	is_with("vfio-pci");
	is_int(vf_give_back_all(vm, &err), 0, "given back %s", err.msg);
	is_with("igbvf");
	vm_close(vm);

	vm = reserved_in_world();
	world_run("touch unplug");
	is_int(vf_prepare_all(vm, true, &err), -ENODEV, "one that is unplugged meanwhile");
	like(err.msg, "pair net0: prepare VF 0000:01:10.0: 0000:01:10.0: no such PCI function",
	     "says so");
	is_int(vf_give_back_all(vm, &err), 0, "has nothing to be given back %s", err.msg);
	vm_close(vm);

	vm = reserved_in_world();
	vf_prepare_all(vm, true, &err);
	world_run("echo 0 >" BUS "/devices/" PF "/sriov_numvfs");
	world_await("override vfio-pci,igbvf " VF0 ",probe " VF0 ",numvfs 0");
	made.fail = "vlan";
	made.error = ENODEV;
	is_int(vf_give_back_all(vm, &err), 0, "somebody has removed the VFs %s", err.msg);
	other = as_written(vm);
	is_int((int)other->n_vfs, 0, "nothing is reserved");
	vm_close(other);
	vm_close(vm);
}

int main(void)
{
	test_there_and_back();
	test_as_it_was();
	test_late_driver();
	test_unsupported();
	test_variant();
	test_one_rate();
	test_no_vlan();
	test_failures();
	test_crash_before();
	test_back_fails();
	test_cancelled();
	test_gone();
	test_pf_renamed();
	test_no_letting_go();
	test_world();
	world_remove();
	made_end();
	return done_testing();
}
