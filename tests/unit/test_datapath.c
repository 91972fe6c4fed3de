/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Where the network delivers a VM's frames when its primary is a VF: with real bridges, in a
 * network namespace of the test's own, and a NIC that is made up. Emulated primaries have
 * theirs in tests/vm.
 */
#include "flow/datapath.h"

#include <errno.h>
#include <sched.h>
#include <unistd.h>

#include "flow/reservation.h"
#include "flow/vf_reserve.h"
#include "made_host.h"

#define N_TESTS 73
#define BRIDGE "vmfotest0"
#define MAC0 "52:54:00:00:00:01"
#define MAC1 "52:54:00:00:00:02"
#define NET0 MADE_VF("net0", "00:01", "")
#define NET1 MADE_VF("net1", "00:02", "")

static struct err err;
static struct vm *vm;
static int taps[2] = { -1, -1 };

static bool sh(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static bool sh(const char *fmt, ...)
{
	char command[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	return system(command) == 0;
}

/* ---- what there is ---- */

static bool pinned(const char *mac)
{
	return sh("bridge fdb show br " BRIDGE " | grep -q '^%s dev vmfo.*master.*static'",
		  mac);
}

static bool admitted(const char *mac)
{
	return sh("bridge fdb show dev up0 | grep -q '^%s .*self'", mac);
}

static bool learns(const char *tap)
{
	return sh("bridge -d link show dev %s | grep -q ' learning on '", tap);
}

static bool filtered(int index)
{
	return !mac_is_zero(&made.settings[0][index].mac);
}

/* As the header's table has it, for the first pair. */
static void is_primary(const char *what)
{
	ok(filtered(0) && !admitted(MAC0) && !learns(vm->taps[0].name) && !pinned(MAC0),
	   "%s: the VF's filter is set, the uplink's is not, the tap has no entry", what);
}

static void is_standby(const char *what)
{
	ok(!filtered(0) && admitted(MAC0) && learns(vm->taps[0].name) && pinned(MAC0),
	   "%s: the VF's filter is off, the uplink lets it in, the tap has an entry", what);
}

static void is_either(const char *what, bool copies)
{
	ok(filtered(0) && admitted(MAC0) == copies && learns(vm->taps[0].name) && !pinned(MAC0),
	   "%s: the VF's filter is set, the uplink %s, the tap learns without an entry", what,
	   copies ? "lets it in as well" : "does not let it in");
}

/* ---- a VM ---- */

static void add_tap(const char *pair, int *fd)
{
	struct vm_tap *tap;

	vm->taps = reallocarray(vm->taps, vm->n_taps + 1, sizeof(*vm->taps));
	tap = &vm->taps[vm->n_taps++];
	*tap = (struct vm_tap){ .nic = strdup(pair), .bridge = strdup(BRIDGE) };
	if (net_tap_make("vmfo%d", BRIDGE, 1, 0, tap->name, fd, &err) < 0)
		bail("%s", err.msg);
}

static void begin(const char *pairs, bool reserve)
{
	made_begin(2);
	if (!sh("ip link add " BRIDGE " type bridge && ip link set " BRIDGE " up && "
		"ip link add up0 type veth peer name peer0 && "
		"ip link set up0 master " BRIDGE " up"))
		bail("a bridge");
	vm = made_vm("a", pairs);
	for (size_t i = 0; i < vm->def->n_pairs; i++)
		if (!vm->def->pairs[i].standby.port.tap)
			add_tap(vm->def->pairs[i].id, &taps[i]);
	err = (struct err)ERR_INIT;
	if (reserve && vf_reserve(vm, &(struct vf_reserve){ .chosen = NULL }, &err) < 0)
		bail("%s", err.msg);
}

static void end(void)
{
	vm_close(vm);
	for (size_t i = 0; i < 2; i++)
		if (taps[i] >= 0)
			close(steal_fd(&taps[i]));
	sh("ip link del " BRIDGE " 2>/dev/null; ip link del up0");
}

/* ---- the three positions ---- */

static struct vf_host watched;
static int seen_open, seen_closed;

/* What the network does at the moment when the VF's filter changes. */
static int watch_write(struct loop *loop, const char *pf_link, int index,
		       const struct vf_settings *want, unsigned int *unsupported,
		       struct err *why)
{
	if (pinned(MAC0) && admitted(MAC0))
		seen_open++;
	else
		seen_closed++;
	return made_vf_host.write_settings(loop, pf_link, index, want, unsupported, why);
}

static void test_positions(void)
{
	const struct vm_pair *pair;

	begin(NET0, true);
	watched = made_vf_host;
	watched.write_settings = watch_write;
	made_env.vf_host = &watched;
	pair = &vm->def->pairs[0];
	is_int(datapath_to_primary(vm, pair, &err), 0, "to the primary %s", err.msg);
	is_primary("primary");
	LOGGED("mac pf0 0 " MAC0, "one request");
	is_int(datapath_to_primary(vm, pair, &err), 0, "again");
	is_primary("primary");
	LOGGED("", "none");

	is_int(datapath_to_either(vm, pair, &err), 0, "to either");
	is_either("either", true);
	LOGGED("", "the VF's filter is as before");

	seen_open = seen_closed = 0;
	is_int(datapath_to_standby(vm, pair, &err), 0, "to the standby %s", err.msg);
	is_standby("standby");
	LOGGED("mac pf0 0 00:00:00:00:00:00", "one request");
	ok(seen_open == 1 && seen_closed == 0,
	   "the way to the standby was open before the filter went");
	is_int(datapath_to_standby(vm, pair, &err), 0, "again");
	is_standby("standby");
	LOGGED("", "none");

	seen_open = seen_closed = 0;
	is_int(datapath_to_primary(vm, pair, &err), 0, "back to the primary");
	is_primary("primary");
	ok(seen_open == 1 && seen_closed == 0, "the filter was set before that way closed");
	end();
}

static bool seen_at_uplink(const char *mac)
{
	return sh("bridge fdb show br " BRIDGE " | grep -q '^%s dev up0 .*master'", mac);
}

static void test_either(void)
{
	struct vm_vf *vf;
	const struct vm_pair *pair;

	begin(NET0, true);
	pair = &vm->def->pairs[0];
	vf = reservation_vf(vm, pair);
	is_str(vf->pf_driver, "igb", "a VF of a NIC that copies frames");
	sh("ip link set peer0 up; bridge fdb add " MAC0 " dev up0 master dynamic");
	if (!seen_at_uplink(MAC0))
		bail("an entry at the uplink");
	is_int(datapath_to_either(vm, pair, &err), 0, "from the primary to either %s", err.msg);
	is_either("from the primary", true);
	ok(!seen_at_uplink(MAC0), "the guest was seen at the uplink: that is forgotten");

	datapath_to_standby(vm, pair, &err);
	is_int(datapath_to_plug(vm, pair, &err), 0, "from the standby, to be plugged");
	is_either("from the standby", true);
	is_int(datapath_to_primary(vm, pair, &err), 0, "and it was");
	is_primary("plugged");

	snprintf(vf->pf_driver, sizeof(vf->pf_driver), "ice");
	is_int(datapath_to_either(vm, pair, &err), 0, "one whose NIC may not take it twice");
	is_either("such a NIC, from the primary", false);
	datapath_to_standby(vm, pair, &err);
	is_int(datapath_to_plug(vm, pair, &err), 0, "and back");
	is_either("such a NIC, from the standby", false);

	datapath_to_standby(vm, pair, &err);
	made.fail = "mac";
	made.error = EBUSY;
	is_int(datapath_to_plug(vm, pair, &err), -EBUSY, "a filter that cannot be set");
	like(err.msg, "pair net0: prepare the datapath for the primary: made to fail",
	     "says so");
	is_standby("the guest stays reachable");
	made.fail = NULL;
	end();
}

/* ---- what fails ---- */

static void test_failures(void)
{
	const struct vm_pair *pair;

	begin(NET0, true);
	pair = &vm->def->pairs[0];
	datapath_to_primary(vm, pair, &err);
	made.fail = "mac";
	made.error = EBUSY;
	is_int(datapath_to_standby(vm, pair, &err), -EBUSY, "a filter that cannot be cleared");
	is_str(err.msg,
	       "pair net0: switch the datapath to the standby: made to fail: mac pf0 0 "
	       "00:00:00:00:00:00",
	       "says so");
	ok(admitted(MAC0) && pinned(MAC0), "the way to the standby is open");
	made.fail = NULL;
	is_int(datapath_to_primary(vm, pair, &err), 0, "and is closed again");
	is_primary("primary");

	datapath_to_standby(vm, pair, &err);
	made.fail = "mac";
	is_int(datapath_to_primary(vm, pair, &err), -EBUSY, "one that cannot be set");
	like(err.msg, "pair net0: switch the datapath to the primary: made to fail", "says so");
	ok(admitted(MAC0) && pinned(MAC0), "the way to the standby stays open");

	made.fail = "read";
	made.error = ENODEV;
	is_int(datapath_to_standby(vm, pair, &err), -ENODEV, "a PF that is gone");
	like(err.msg, "pair net0: switch the datapath to the standby: made to fail: read pf0 0",
	     "is told");
	made.fail = NULL;

	made.unsupported = VF_MAC;
	is_int(datapath_to_primary(vm, pair, &err), -EOPNOTSUPP, "a PF without MACs of VFs");
	like(err.msg, "the driver of PF pf0 does not let the MAC of VF 0 be set", "is told");
	made.unsupported = 0;

	sh("ip link set %s nomaster", vm->taps[0].name);
	is_int(datapath_to_standby(vm, pair, &err), -EINVAL, "a tap that is out of its bridge");
	like(err.msg, "pair net0: switch the datapath to the standby: ", "is told");
	end();
}

static void test_all(void)
{
	begin(NET0 ", " NET1, true);
	made.fail = "mac pf0 0";
	made.error = EIO;
	is_int(datapath_all(vm, datapath_to_primary, &err), -EIO,
	       "of two pairs the first fails");
	like(err.msg, "pair net0: switch the datapath to the primary", "says so");
	ok(!filtered(0) && filtered(1), "the second is switched");
	made.fail = NULL;
	is_int(datapath_all(vm, datapath_to_primary, &err), 0, "both");
	ok(filtered(0) && filtered(1), "are switched");
	is_int(datapath_all(vm, datapath_to_standby, &err), 0, "and back");
	ok(!filtered(0) && !filtered(1) && admitted(MAC0) && admitted(MAC1) && pinned(MAC0) &&
		   pinned(MAC1),
	   "each by its address");
	ok(sh("bridge fdb show dev %s | grep -q ^" MAC1, vm->taps[1].name) &&
		   !sh("bridge fdb show dev %s | grep -q ^" MAC1, vm->taps[0].name),
	   "to its own tap");
	end();
}

/* ---- less than a pair ---- */

static void test_no_vf(void)
{
	const struct vm_pair *pair;

	begin(NET0, false);
	pair = &vm->def->pairs[0];
	is_int(datapath_to_standby(vm, pair, &err), 0, "a pair without a VF %s", err.msg);
	ok(admitted(MAC0) && pinned(MAC0), "is on its standby");
	is_int(datapath_to_either(vm, pair, &err), 0, "there is nothing else to open");
	is_int(datapath_to_primary(vm, pair, &err), 0, "there is no primary to switch to");
	ok(admitted(MAC0) && pinned(MAC0), "so it stays there");
	LOGGED("", "nothing is asked of the NIC");
	end();
}

static void test_spare(void)
{
	const struct vm_pair *pair;

	begin(NET0, true);
	pair = &vm->def->pairs[0];
	reservation_vf(vm, pair)->spare = true;
	if (vf_reserve_another(vm, pair, NULL, &err) < 0)
		bail("%s", err.msg);
	is_int(datapath_to_primary(vm, pair, &err), 0, "a pair that has its second VF");
	LOGGED("mac pf0 1 " MAC0, "has the filter there");
	end();
}

static void test_operators_tap(void)
{
	const struct vm_pair *pair;

	begin("{\"id\": \"net0\", \"mac\": \"" MAC0 "\", \"standby\": {\"tap\": \"mine0\"}, "
	      "\"primary\": {\"kind\": \"vf\", \"physnet\": \"prod\"}}",
	      true);
	sh("ip tuntap add mine0 mode tap && ip link set mine0 master " BRIDGE " up");
	pair = &vm->def->pairs[0];
	is_int(datapath_to_primary(vm, pair, &err), 0, "a standby by the operator's own tap");
	ok(filtered(0) && learns("mine0"), "only the VF's filter is vmfo's to set");
	is_int(datapath_to_standby(vm, pair, &err), 0, "and to clear");
	ok(!filtered(0) && !pinned(MAC0) && !admitted(MAC0), "and nothing else");
	is_int(datapath_leave(vm, &err), 0, "nothing is left");
	sh("ip link del mine0");
	end();
}

static void test_leave(void)
{
	begin(NET0 ", " NET1, true);
	datapath_all(vm, datapath_to_standby, &err);
	is_int(datapath_leave(vm, &err), 0, "the VM has ended %s", err.msg);
	ok(!admitted(MAC0) && !admitted(MAC1), "no uplink lets its addresses in");
	is_int(datapath_leave(vm, &err), 0, "again");
	sh("ip link del " BRIDGE);
	is_int(datapath_leave(vm, &err), 0, "a bridge that is gone has nothing %s", err.msg);
	end();
}

int main(void)
{
	if (unshare(CLONE_NEWNET) < 0) {
		skip(N_TESTS, "a network namespace takes root");
		return done_testing();
	}
	if (access("/dev/net/tun", R_OK | W_OK) < 0) {
		skip(N_TESTS, "no /dev/net/tun");
		return done_testing();
	}
	test_positions();
	test_either();
	test_failures();
	test_all();
	test_no_vf();
	test_spare();
	test_operators_tap();
	test_leave();
	made_end();
	return done_testing();
}
