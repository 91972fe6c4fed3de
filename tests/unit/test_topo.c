/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The pairs of a machine, whatever is wrong with them, and what is asked of them.
 */
#include "tap.h"
#include "topo_build.h"

#define STANDBY(id) " -device virtio-net-pci,failover=on,id=" id
#define PRIMARY(id, of) " -device e1000e,id=" id ",failover_pair_id=" of
#define VFIO(what) "qemu" STANDBY("n") " -device vfio-pci,id=v,failover_pair_id=n" what

static struct err err = ERR_INIT;

static void begin(struct topo_build *b, const char *text)
{
	topo_build_text(b, text);
	if (topo_open(&b->topo, &err) < 0)
		bail("%s", err.msg);
}

static void end(struct topo_build *b)
{
	topo_close(&b->topo);
	ok(!b->topo.pairs && b->topo.n_pairs == 0, "closed, it has no pairs");
	topo_close(&b->topo);
	topo_build_free(b);
}

static const char *id_of(const struct machine_device *device)
{
	return device ? device->id ?: "(no id)" : "(none)";
}

static void is_pair(const struct topo_build *b, size_t i, const char *name, const char *standby,
		    const char *primary)
{
	const struct topo_pair *pair = &b->topo.pairs[i];
	char buf[96];

	if (!ok(i < b->topo.n_pairs, "there is a pair %zu", i))
		return;
	is_str(topo_pair_name(pair, buf), name, "it is called %s", name);
	is_str(id_of(pair->standby), standby, "its standby is %s", standby);
	is_str(id_of(pair->primary), primary, "its primary is %s", primary);
}

static void test_nothing(void)
{
	struct topo topo = { 0 };
	struct topo_build b;

	is_int(topo_open(&topo, &err), 0, "without a machine");
	ok(topo.n_pairs == 0 && !topo_has_vfio(&topo), "there are no pairs");
	topo_close(&topo);
	begin(&b, "qemu");
	is_int(b.topo.n_pairs, 0, "a machine without devices has none");
	end(&b);
	begin(&b, "qemu -device virtio-net-pci,id=a -device virtio-net-pci,id=b,failover=off "
		  "-device e1000e,id=c,failover=on");
	is_int(b.topo.n_pairs, 0, "neither has one without a standby");
	end(&b);
}

static void test_order(void)
{
	struct topo_build b;

	begin(&b, "qemu" PRIMARY("p9", "gone") PRIMARY("p1", "n1") STANDBY("n0") STANDBY("n1")
			  PRIMARY("p0", "n0") STANDBY("n2") PRIMARY("p8", "gone"));
	is_int(b.topo.n_pairs, 5, "five pairs");
	is_pair(&b, 0, "pair n0", "n0", "p0");
	is_pair(&b, 1, "pair n1", "n1", "p1");
	is_pair(&b, 2, "pair n2", "n2", "(none)");
	is_pair(&b, 3, "pair gone", "(none)", "p9");
	is_pair(&b, 4, "pair gone", "(none)", "p8");
	end(&b);
}

static void test_odd(void)
{
	struct topo_build b;

	begin(&b, "qemu" STANDBY("n") PRIMARY("p1", "n") PRIMARY("p2", "n"));
	is_int(b.topo.n_pairs, 1, "two primaries of one standby are one pair");
	is_pair(&b, 0, "pair n", "n", "p1");
	end(&b);

	begin(&b, "qemu -device virtio-net-pci,failover=on" PRIMARY("p", "n"));
	is_int(b.topo.n_pairs, 2, "a standby without an id has no primary");
	is_pair(&b, 0, "standby virtio-net-pci (argument 1)", "(no id)", "(none)");
	ok(!b.topo.pairs[0].id, "and its pair no id");
	is_pair(&b, 1, "pair n", "(none)", "p");
	end(&b);

	begin(&b, "qemu -device virtio-net-pci,id=n" PRIMARY("p", "n"));
	is_int(b.topo.n_pairs, 1, "a primary of what is no standby");
	is_pair(&b, 0, "pair n", "n", "p");
	end(&b);

	begin(&b, "qemu" STANDBY(
			  "a") " -device virtio-net-pci,id=b,failover=on,failover_pair_id=a");
	is_int(b.topo.n_pairs, 2, "a standby that is another one's primary");
	is_pair(&b, 0, "pair a", "a", "b");
	is_pair(&b, 1, "pair b", "b", "(none)");
	end(&b);

	/* As many pairs as devices can make. */
	begin(&b, "qemu -device virtio-net-pci,id=a,failover=on,failover_pair_id=x "
		  "-device virtio-net-pci,id=b,failover=on,failover_pair_id=y");
	is_int(b.topo.n_pairs, 4, "both, and twice without the other end");
	is_pair(&b, 3, "pair y", "(none)", "b");
	end(&b);

	begin(&b, "qemu -device virtio-net-pci,id=a,failover=on,failover_pair_id=a");
	is_int(b.topo.n_pairs, 1, "one that is its own");
	is_pair(&b, 0, "pair a", "a", "a");
	end(&b);

	begin(&b, "qemu -global virtio-net-pci.failover=on -device virtio-net-pci,id=a");
	is_int(b.topo.n_pairs, 1, "a standby by -global");
	end(&b);
}

static void is_address(const char *text, const char *want)
{
	char buf[PCI_ADDRESS_SIZE];
	struct topo_build b;

	begin(&b, text);
	is_str(topo_primary_address(&b.topo, &b.topo.pairs[0], buf), want, "%s",
	       want ?: "no address");
	topo_close(&b.topo);
	topo_build_free(&b);
}

static void test_address(void)
{
	is_address(VFIO(",host=01:10.0"), "0000:01:10.0");
	is_address(VFIO(",host=0002:01:10.0"), "0002:01:10.0");
	is_address(VFIO(",sysfsdev=/sys/bus/pci/devices/0000:01:10.2"), "0000:01:10.2");
	is_address(VFIO(",host=,sysfsdev=/sys/bus/pci/devices/0000:01:10.2"), "0000:01:10.2");
	is_address(VFIO(""), NULL);
	is_address(VFIO(",host="), NULL);
	is_address("qemu" STANDBY("n") " -device e1000e,id=p,failover_pair_id=n,host=01:10.0",
		   NULL);
	is_address("qemu" STANDBY("n"), NULL);
}

static void test_vfio(void)
{
	struct topo_build b;

	begin(&b, "qemu" STANDBY("n") PRIMARY("p", "n") " -device vfio-pci,id=v,host=01:10.0");
	ok(!topo_has_vfio(&b.topo), "a passed-through device in no pair is none of ours");
	end(&b);
	begin(&b, VFIO(""));
	ok(topo_has_vfio(&b.topo) && b.topo.pairs[0].vfio, "a primary is");
	end(&b);
}

static void test_parts_of_pair(void)
{
	struct guest_pair known = { .standby = "net0" };
	struct guest_facts guest = { .pairs = &known, .n_pairs = 1 };
	struct topo_build b;

	topo_build_definition(
		&b, "{\"schema\": \"vmfo.vm/1\", \"name\": \"a\", \"uuid\": "
		    "\"5a7d9e0c-3f5b-4a57-9d0e-6b1f2c3d4e5f\", \"machine\": \"pc-q35-7.2\", "
		    "\"cpu\": {\"model\": \"max\"}, \"memory\": {\"mib\": 160}, \"pairs\": "
		    "[{\"id\": \"net1\", \"mac\": \"52:54:00:00:00:01\", \"standby\": "
		    "{\"bridge\": \"br0\"}, \"primary\": {\"kind\": \"vf\", \"physnet\": "
		    "\"lan\"}}, {\"id\": \"net0\", \"mac\": \"52:54:00:00:00:02\", "
		    "\"standby\": {\"bridge\": \"br0\"}, \"primary\": {\"kind\": "
		    "\"emulated\"}}]}");
	b.topo.guest = &guest;
	if (topo_open(&b.topo, &err) < 0)
		bail("%s", err.msg);
	is_int(b.topo.n_pairs, 2, "a definition's pairs are the machine's");
	ok(b.topo.pairs[0].def == &b.def->pairs[0], "the first is the definition's");
	ok(b.topo.pairs[1].def == &b.def->pairs[1], "and the second");
	ok(b.topo.pairs[0].vfio && !b.topo.pairs[1].vfio, "one is a VF");
	ok(!b.topo.pairs[0].guest, "one was not asked of the guest");
	ok(b.topo.pairs[1].guest == &known, "one was");
	end(&b);
}

static void test_bus(void)
{
	struct bus list[] = { { .name = "pcie.0", .root = true }, { .name = "rp0" } };
	const struct buses buses = { .list = list, .n = ARRAY_SIZE(list) };
	const struct buses rootless = { .list = list + 1, .n = 1 };
	const struct machine_device *device;
	struct topo_build b;

	begin(&b, "qemu -device e1000e,id=a,bus=rp0 -device e1000e,id=b -device "
		  "e1000e,id=c,bus=none");
	device = b.topo.machine->devices;
	ok(!topo_bus_of(&b.topo, &device[0]), "no buses are known");
	b.topo.buses = &buses;
	ok(topo_bus_of(&b.topo, &device[0]) == &list[1], "the bus as it is written");
	ok(topo_bus_of(&b.topo, &device[1]) == &list[0], "the root where none is");
	ok(!topo_bus_of(&b.topo, &device[2]), "one that the machine has not");
	b.topo.buses = &rootless;
	ok(!topo_bus_of(&b.topo, &device[1]), "a machine without a root");
	end(&b);
}

int main(void)
{
	test_nothing();
	test_order();
	test_odd();
	test_address();
	test_vfio();
	test_parts_of_pair();
	test_bus();
	return done_testing();
}
