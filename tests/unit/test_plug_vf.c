/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Plugging a VF into a VM that runs: the next where one fails, and the one that the operator
 * names. The host is made up, and so is QEMU.
 */
#include "flow/plug.h"

#include <errno.h>
#include <sched.h>

#include "fake_qmp.h"
#include "flow/replug_vf.h"
#include "flow/reservation.h"
#include "flow/vf_reserve.h"
#include "made_host.h"

#define NET0 MADE_VF("net0", "00:01", "")
#define NET1 MADE_VF("net1", "00:02", "")
#define VF(n) "0000:01:10." #n

static struct err err;
static struct fake_qmp fake;
static struct vm *vm;
static struct pair_result out;

/* A VM that runs, with a VF reserved for each of its pairs; script: of its QEMU. */
static void begin(int vfs, const char *pairs, const struct fake_qmp_line *script, size_t n)
{
	made_begin(vfs);
	made.interrupts = 2;
	vm = made_vm("a", pairs);
	err = (struct err)ERR_INIT;
	if (vf_reserve(vm, &(struct vf_reserve){ .chosen = NULL }, &err) < 0)
		bail("%s", err.msg);
	fake_qmp_start(&fake, script, n);
	vm->qmp = fake.vm.qmp;
	out = (struct pair_result){ .id = NULL };
}

static void end(void)
{
	vm->qmp = NULL;
	fake_qmp_stop(&fake);
	pair_result_clear(&out);
	vm_close(vm);
}

/* How often QEMU was told to plug that VF. */
static int offered(const char *vf)
{
	_cleanup_free_ char *host = str_printf("\"host\":\"%s\"", vf);
	int n = 0;

	for (const char *at = fake.said; (at = strstr(at, host)); at++)
		n++;
	return n;
}

#define HAS "[{\"name\": \"net0-primary\", \"type\": \"child<vfio-pci>\"}]"

/* ---- which VF ---- */

static int plug(bool the_one)
{
	err = (struct err)ERR_INIT;
	return plug_primary(vm, &vm->def->pairs[0], the_one, &out, &err);
}

static void test_next(void)
{
	static const struct fake_qmp_line script[] = {
		{ .command = "qom-list", .answer = "[]" },
		{ .command = "qom-list", .answer = HAS },
		{ .command = "device_add", .answer = "!the group is busy" },
		{ .command = "device_add", .answer = "{}" },
	};

	begin(2, MADE_VF("net0", "00:01", ", \"trust\": true"), script, ARRAY_SIZE(script));
	made.unsupported = VF_TRUST;
	is_int(plug(false), 0, "plugged %s", err.msg);
	is_int(out.state, PAIR_PLUGGED, "with a primary");
	is_str(out.target_primary, "net0-primary (VF " VF(1) ")", "the second VF");
	is_str(made_vf(vm, 0), VF(1), "which is the pair's");
	ok(out.unsupported.n == 1 && str_eq(out.unsupported.v[0], "trust"),
	   "without what its PF does not know, which is told");
	like(made.log,
	     "group " VF(
		     0) ", mac pf0 0 52:54:00:00:00:01, mac pf0 0 00:00:00:00:00:00, bind " VF(1),
	     "the first has lost the guest's MAC before the second was touched");
	ok(reservation_spare(vm, &vm->def->pairs[0], VF(0)), "it stays the VM's");
	end();
	ok(offered(VF(0)) == 1 && offered(VF(1)) == 1, "each was offered once");
}

static void test_none_works(void)
{
	static const struct fake_qmp_line script[] = {
		{ .command = "qom-list", .answer = "[]" },
		{ .command = "device_add", .answer = "!the group is busy" },
	};

	begin(2, NET0, script, ARRAY_SIZE(script));
	is_int(plug(false), 0, "none that QEMU takes");
	is_int(out.state, PAIR_STANDBY_ONLY, "leaves the guest on its standby");
	is_str(out.reason,
	       "VF " VF(0) ": the group is busy; VF " VF(
		       1) ": the group is busy; pair net0: no VF "
			  "of physnet prod is free: " VF(0) ", " VF(
				  1) ": it is chosen for pair net0",
	       "with a reason for each");
	ok(mac_is_zero(&made.settings[0][0].mac) && mac_is_zero(&made.settings[0][1].mac),
	   "neither has the guest's MAC");
	end();
	ok(offered(VF(0)) == 1 && offered(VF(1)) == 1, "each was offered once");
}

static void test_prepare_fails(void)
{
	static const struct fake_qmp_line script[] = {
		{ .command = "qom-list", .answer = "[]" },
		{ .command = "qom-list", .answer = HAS },
		{ .command = "device_add", .answer = "{}" },
	};

	begin(2, NET0, script, ARRAY_SIZE(script));
	made.fail = "group " VF(0);
	made.error = EBUSY;
	is_int(plug(false), 0, "one whose group does not open");
	is_str(made_vf(vm, 0), VF(1), "is passed over");
	end();
	is_int(offered(VF(0)), 0, "QEMU, which would remember it, does not hear of it");
}

/* Those of an earlier vmfo, which may be well by now: only where there is no other. */
static void test_again(void)
{
	static const struct fake_qmp_line script[] = {
		{ .command = "qom-list", .answer = "[]" },
		{ .command = "qom-list", .answer = HAS },
		{ .command = "device_add", .answer = "!the group is busy" },
		{ .command = "device_add", .answer = "{}" },
	};

	begin(2, NET0, script, ARRAY_SIZE(script));
	reservation_vf(vm, &vm->def->pairs[0])->spare = true;
	is_int(plug(false), 0, "a pair whose VF was given up before");
	is_str(made_vf(vm, 0), VF(0), "has it again, since the other does not work either");
	is_int(out.state, PAIR_PLUGGED, "and it works now");
	end();
	ok(strstr(fake.said, VF(1)) < strstr(fake.said, VF(0)), "the other was tried before");

	begin(1, NET0, &script[0], 1);
	reservation_vf(vm, &vm->def->pairs[0])->spare = true;
	is_int(plug(false), 0, "one that still does not work");
	is_int(out.state, PAIR_STANDBY_ONLY, "is tried");
	end();
	is_int(offered(VF(0)), 1, "once");
}

static void test_the_one(void)
{
	static const struct fake_qmp_line script[] = {
		{ .command = "qom-list", .answer = "[]" },
		{ .command = "device_add", .answer = "!the group is busy" },
	};

	begin(2, NET0, script, ARRAY_SIZE(script));
	is_int(plug(true), 0, "the one that was named does not work");
	is_int(out.state, PAIR_STANDBY_ONLY, "so that the pair has none");
	is_str(out.reason, "VF " VF(0) ": the group is busy", "and why");
	is_str(made_vf(vm, 0), "none", "it is given up");
	ok(mac_is_zero(&made.settings[0][0].mac), "without the guest's MAC");
	end();
	ok(offered(VF(0)) == 1 && offered(VF(1)) == 0, "and no other was offered");
}

/* ---- naming one ---- */

static int name(const char *vfs)
{
	json_t *named = json_loads(vfs, 0, NULL);
	int r;

	err = (struct err)ERR_INIT;
	*made.log = '\0';
	r = replug_name_vfs(vm, named, &err);
	json_decref(named);
	return r;
}

static void test_name(void)
{
	static const struct fake_qmp_line none[] = { { .command = "qom-list",
						       .answer = "[]" } };
	const struct vm_pair *pair;

	begin(3, NET0, none, 1);
	pair = &vm->def->pairs[0];
	is_int(name("{\"\": \"" VF(0) "\"}"), 0, "the VF that it has");
	is_str(made_vf(vm, 0), VF(0), "stays");
	is_int((int)vm->n_vfs, 1, "the only one");
	made.settings[0][0].mac = pair->mac;
	is_int(name("{\"net0\": \"1:10.2\"}"), 0, "another %s", err.msg);
	is_str(made_vf(vm, 0), VF(2), "is the pair's");
	ok(reservation_spare(vm, pair, VF(0)), "the former is spare");
	LOGGED("mac pf0 0 00:00:00:00:00:00", "and has the guest's MAC no more");
	is_int(name("{\"net0\": \"" VF(2) "\"}"), 0, "again");
	is_int((int)vm->n_vfs, 2, "nothing is new");
	is_int(name("{\"net0\": \"" VF(0) "\"}"), 0, "one that was given up");
	is_str(made_vf(vm, 0), VF(0), "is the pair's again");
	is_int((int)vm->n_vfs, 2, "and still reserved");
	reservation_load(vm, &err);
	is_str(made_vf(vm, 0), VF(0), "as the file says, too");
	is_int(name("null"), 0, "none is named");
	is_str(made_vf(vm, 0), VF(0), "nothing changes");
	end();
}

static void test_name_refused(void)
{
	static const struct {
		const char *vfs, *want;
	} rows[] = {
		{ "{\"net0\": \"0000:01:00.0\"}",
		  "pair net0: 0000:01:00.0 is a PF, not a VF (see vmfo vfs)" },
		{ "{\"net0\": \"" VF(7) "\"}",
		  "pair net0: this host has no PCI function " VF(7) " (see vmfo vfs)" },
		{ "{\"net0\": \"" VF(1) "\"}",
		  "pair net0: VF " VF(1) ": it is chosen for pair net1" },
		{ "{\"net7\": \"" VF(2) "\"}",
		  "--vf net7=" VF(2) ": the VM has no pair \"net7\" whose primary is a VF" },
		{ "{\"\": \"" VF(2) "\"}",
		  "--vf " VF(
			  2) ": say which pair it is for (--vf PAIR=ADDRESS): the VM has not "
			     "one pair whose primary is a VF" },
	};
	static const struct fake_qmp_line none[] = { { .command = "qom-list",
						       .answer = "[]" } };

	begin(3, NET0 ", " NET1, none, 1);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		is_int(name(rows[i].vfs), -EINVAL, "refused: %s", rows[i].vfs);
		is_str(err.msg, rows[i].want, "and why");
		is_int(err.kind, ERR_REFUSED, "as such");
	}
	is_str(made_vf(vm, 0), VF(0), "the pair has what it had");
	is_int((int)vm->n_vfs, 2, "and no more");
	LOGGED("", "nothing was done to the host");
	end();
}

static void test_name_used(void)
{
	static const struct fake_qmp_line has[] = { { .command = "qom-list", .answer = HAS } };
	static const int interrupts[] = { 2, -EACCES };

	for (size_t i = 0; i < ARRAY_SIZE(interrupts); i++) {
		begin(2, NET0, has, 1);
		made.interrupts = interrupts[i];
		is_int(name("{\"\": \"" VF(1) "\"}"), -EBUSY, "a pair whose guest %s its VF",
		       i ? "may use" : "uses");
		is_str(err.msg,
		       "pair net0: it has its primary, net0-primary (VF " VF(
			       0) "), which is not "
				  "taken from the guest: --vf is for a pair without",
		       "keeps it");
		is_int(err.kind, ERR_REFUSED, "as such");
		is_str(made_vf(vm, 0), VF(0), "it is as it was");
		is_int(name("{\"\": \"" VF(0) "\"}"), 0, "unless it is the one");
		end();
	}
	begin(2, NET0, has, 1);
	made.interrupts = 0;
	is_int(name("{\"\": \"" VF(1) "\"}"), 0, "one that no driver uses can be taken %s",
	       err.msg);
	is_str(made_vf(vm, 0), VF(1), "for another");
	end();
}

/* ---- one that QEMU has ---- */

#define HAS_VF(n)                                               \
	{                                                       \
		.command = "qom-get", .answer = "\"" VF(n) "\"" \
	}

static void test_present(void)
{
	static const struct fake_qmp_line script[] = {
		{ .command = "qom-list", .answer = HAS },
		HAS_VF(0),
	};
	const struct vm_pair *pair;

	begin(3, NET0, script, ARRAY_SIZE(script));
	pair = &vm->def->pairs[0];
	if (vf_reserve_another(vm, pair, VF(1), &err) < 0)
		bail("%s", err.msg);
	is_int(plug(false), 0, "QEMU has another VF than the one that is reserved %s", err.msg);
	is_str(out.target_primary, "net0-primary (VF " VF(0) ")", "it is that one");
	is_str(made_vf(vm, 0), VF(0), "which is the pair's from now on");
	ok(!mac_is_zero(&made.settings[0][0].mac) && mac_is_zero(&made.settings[0][1].mac),
	   "only that has the guest's MAC");
	end();
	is_int(offered(VF(0)) + offered(VF(1)), 0, "nothing is plugged");

	begin(3, NET0, script, ARRAY_SIZE(script));
	made.fail = "mac";
	made.error = EIO;
	is_int(plug(false), 0, "its filter cannot be set");
	is_int(out.state, PAIR_STANDBY_ONLY, "the pair is not whole");
	like(out.reason, "prepare the datapath for the primary: made to fail",
	     "for that reason");
	ok(made_vf(vm, 0) && str_eq(made_vf(vm, 0), VF(0)) &&
		   !reservation_spare(vm, &vm->def->pairs[0], VF(0)),
	   "no other VF takes the place of one that QEMU has");
	made.fail = NULL;
	end();
	is_int(offered(VF(1)), 0, "nor is one plugged");
}

static void test_present_foreign(void)
{
	static const struct fake_qmp_line script[] = {
		{ .command = "qom-list", .answer = HAS },
		HAS_VF(2),
	};

	begin(3, NET0, script, ARRAY_SIZE(script));
	is_int(plug(false), 0, "a VF that is not the VM's");
	is_str(out.reason,
	       "QEMU has VF " VF(2) ", which is not reserved for this pair: nothing is changed "
				    "on it",
	       "is told");
	end();
}

static void test_take_out(void)
{
	static const struct fake_qmp_line script[] = {
		{ .command = "qom-list", .answer = HAS },
		{ .command = "qom-list", .answer = HAS },
		{ .command = "qom-list", .answer = HAS },
		{ .command = "qom-list", .answer = "[]" },
		{ .command = "device_del", .answer = "!the guest is busy" },
		{ .command = "device_del", .answer = "{}" },
	};
	int asked = 0;

	begin(1, NET0, script, ARRAY_SIZE(script));
	is_int(plug_take_out(vm, &vm->def->pairs[0], &err), 0, "the guest lets go %s", err.msg);
	end();
	for (const char *at = fake.said; (at = strstr(at, "device_del")); at++)
		asked++;
	is_int(asked, 2, "it was asked again when it was busy, and not once more");
}

static void test_check(void)
{
	static const struct fake_qmp_line none[] = { { .command = "qom-list",
						       .answer = "[]" } };
	static const struct fake_qmp_line other[] = {
		{ .command = "qom-list", .answer = HAS },
		{ .command = "qom-get", .answer = "\"" VF(0) "\"" },
	};
	static const struct fake_qmp_line mute[] = {
		{ .command = "qom-list", .answer = HAS },
		{ .command = "qom-get", .answer = "7" },
	};
	const struct vm_pair *pair;

	begin(2, NET0, none, 1);
	pair = &vm->def->pairs[0];
	is_int(replug_check_vf(vm, pair, VF(1), &err), 0, "a QEMU that has no primary");
	end();

	begin(2, NET0, other, 2);
	pair = &vm->def->pairs[0];
	is_int(replug_check_vf(vm, pair, VF(0), &err), 0, "one that has this VF");
	if (vf_reserve_another(vm, pair, VF(1), &err) < 0)
		bail("%s", err.msg);
	is_int(replug_check_vf(vm, pair, VF(1), &err), -EBUSY, "one that has another");
	is_str(err.msg,
	       "QEMU still has VF " VF(0) ", which the guest does not let go of; run "
					  "this again once it has, or without --vf",
	       "says so");
	is_int(err.kind, ERR_DEGRADED, "the VM runs");
	is_str(made_vf(vm, 0), VF(0), "and has what QEMU has");
	end();

	begin(2, NET0, mute, 2);
	ok(replug_check_vf(vm, &vm->def->pairs[0], VF(0), &err) < 0, "one that does not say");
	like(err.msg, "pair net0: QEMU does not say which VF its primary is", "is told");
	end();
}

int main(void)
{
	/* The standby's bridge is looked for: not the host's. */
	if (unshare(CLONE_NEWNET) < 0) {
		skip(96, "a network namespace takes root");
		return done_testing();
	}
	if (system("ip link add vmfotest0 type bridge") != 0)
		bail("a bridge");
	test_next();
	test_none_works();
	test_prepare_fails();
	test_again();
	test_the_one();
	test_name();
	test_name_refused();
	test_name_used();
	test_present();
	test_present_foreign();
	test_take_out();
	test_check();
	made_end();
	return done_testing();
}
