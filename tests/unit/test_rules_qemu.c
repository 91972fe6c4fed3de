/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The rules about the QEMU binary, over facts that are made up.
 */
#include <stdlib.h>

#include "tap.h"
#include "topo_build.h"

#define Q "qemu-system-x86_64 "
#define PAIR                                          \
	"-device virtio-net-pci,id=net0,failover=on " \
	"-device vfio-pci,host=01:10.0,id=vf0,bus=rp,failover_pair_id=net0 "

static const char new_devices[] = "{\"virtio-net-pci\": [\"failover\"],"
				  "\"vfio-pci\": [\"failover_pair_id\"]}";

static const struct qemu_facts all_there = {
	.binary = (char *)"qemu",
	.version = (char *)"9.2.1",
	.wait_unplug = true,
	.patches = { true, true, true, true, true },
};

/* A QEMU with those devices and these machines and CPU models. */
static struct qemu_facts qemu_with(const char *devices)
{
	struct qemu_facts facts = all_there;

	facts.machines = json_loads("[{\"name\": \"pc-q35-9.2\", \"alias\": \"q35\"},"
				    "{\"name\": \"pc-q35-4.2\", \"deprecated\": true},"
				    "{\"name\": \"none\"}]",
				    0, NULL);
	facts.cpus = json_loads("[{\"name\": \"max\"}]", 0, NULL);
	facts.devices = json_loads(devices, 0, NULL);
	if (!facts.machines || !facts.cpus || !facts.devices)
		bail("the test's JSON: %s", devices);
	return facts;
}

static void clear(struct topo_build *build, struct qemu_facts *facts)
{
	topo_build_free(build);
	json_decref(facts->machines);
	json_decref(facts->cpus);
	json_decref(facts->devices);
}

static void run(struct topo_build *build, const char *text, const struct qemu_facts *facts)
{
	topo_build_free(build);
	topo_build_text(build, text);
	build->topo.qemu = facts;
	topo_build_run(build, SCOPE(SCOPE_QEMU));
}

static void test_too_old(void)
{
	struct topo_build b = { 0 };
	struct qemu_facts facts = qemu_with("{\"virtio-net-pci\": [], \"vfio-pci\": [\"host\"],"
					    "\"e1000e\": [\"mac\"]}");

	facts.wait_unplug = false;
	run(&b, Q PAIR, &facts);
	is_int(topo_build_count(&b, "qemu-too-old"), 3, "one that knows nothing of it");
	finds(&b, "qemu-too-old",
	      "QEMU 9.2.1 (qemu): vfio-pci has no property \"failover_pair");
	finds(&b, "qemu-too-old", "virtio-net-pci has no property \"failover\"");
	finds(&b, "qemu-too-old", "\"wait-unplug\"");
	run(&b, Q "-device virtio-net,failover=on,id=a -device e1000e,id=b,failover_pair_id=a",
	    &facts);
	finds(&b, "qemu-too-old", "e1000e has no property");
	run(&b, Q "-device e1000e", &facts);
	passes(&b, "qemu-too-old");
	clear(&b, &facts);

	facts = qemu_with("{\"virtio-net-pci\": [\"failover\"], \"vfio-pci\": null}");
	run(&b, Q PAIR, &facts);
	passes(&b, "qemu-too-old");
	clear(&b, &facts);

	facts = qemu_with("{\"virtio-net-pci\": [\"failover\"]}");
	run(&b, Q PAIR, &facts);
	unchecked(&b, "qemu-too-old", "qemu was not asked whether it has vfio-pci");
	run(&b, Q PAIR, NULL);
	unchecked(&b, "qemu-too-old", "not asked");
	unchecked(&b, "qemu-lacks", "not asked");
	clear(&b, &facts);

	facts = qemu_with(new_devices);
	run(&b, Q PAIR, &facts);
	passes(&b, "qemu-too-old");
	clear(&b, &facts);
}

static void test_lacks(void)
{
	struct topo_build b = { 0 };
	struct qemu_facts facts = qemu_with(new_devices);

	run(&b, Q PAIR, &facts);
	passes(&b, "qemu-lacks");
	facts.patches.query_failover = false;
	run(&b, Q PAIR, &facts);
	is_int(topo_build_count(&b, "qemu-lacks"), 1, "one addition is missing");
	finds(&b, "qemu-lacks", "QEMU 9.2.1 (qemu) has no query-failover");
	memset(&facts.patches, 0, sizeof(facts.patches));
	run(&b, Q PAIR, &facts);
	is_int(topo_build_count(&b, "qemu-lacks"), 1, "all are, in one finding");
	finds(&b, "qemu-lacks", "unplug-timeout");
	finds(&b, "qemu-lacks", "failover-replug");
	finds(&b, "qemu-lacks", "query-pci-failover-buses");
	finds(&b, "qemu-lacks", "FAILOVER_PRIMARY_CHANGED");
	is_int(b.findings.list[0].severity, SEVERITY_WARNING, "it is a warning");
	run(&b, Q, &facts);
	passes(&b, "qemu-lacks");
	clear(&b, &facts);
}

static void test_controller(void)
{
	struct bus list[] = {
		{ .name = "pcie.0", .type = "PCIE", .root = true, .hotplug = true },
		{ .name = "rp",
		  .type = "PCIE",
		  .owner = "pcie-root-port",
		  .handler = "ICH9-LPC",
		  .partial_unplug = true },
	};
	struct buses buses = { .list = list, .n = ARRAY_SIZE(list) };
	struct topo_build b = { 0 };

	topo_build_text(&b, Q PAIR);
	topo_build_run(&b, SCOPE(SCOPE_QEMU));
	unchecked(&b, "controller-no-partial-unplug", "not asked");
	b.topo.buses = &buses;
	topo_build_run(&b, SCOPE(SCOPE_QEMU));
	passes(&b, "controller-no-partial-unplug");
	list[1] = (struct bus){
		.name = "rp", .type = "PCI", .owner = "pci-bridge", .handler = "pci-bridge"
	};
	topo_build_run(&b, SCOPE(SCOPE_QEMU));
	finds(&b, "controller-no-partial-unplug",
	      "bus rp of the primary has the hot-plug controller pci-bridge (SHPC)");
	is_str(b.findings.list[0].object, "pair net0", "it is about the pair");
	list[1] = (struct bus){ .name = "rp",
				.type = "PCI",
				.root = true,
				.owner = "spapr-pci-host-bridge",
				.handler = "spapr-pci-host-bridge" };
	topo_build_run(&b, SCOPE(SCOPE_QEMU));
	finds(&b, "controller-no-partial-unplug", "controller spapr-pci-host-bridge");
	ok(!topo_build_find(&b, "controller-no-partial-unplug", "SHPC"), "which is no SHPC");
	*list[1].handler = '\0';
	topo_build_run(&b, SCOPE(SCOPE_QEMU));
	passes(&b, "controller-no-partial-unplug");
	buses.n = 1;
	topo_build_run(&b, SCOPE(SCOPE_QEMU));
	unchecked(&b, "controller-no-partial-unplug", "pair net0: QEMU has no bus \"rp\"");
	topo_build_free(&b);
	topo_build_text(&b, Q "-device virtio-net-pci,id=net0,failover=on");
	b.topo.buses = &buses;
	topo_build_run(&b, SCOPE(SCOPE_QEMU));
	passes(&b, "controller-no-partial-unplug");
	topo_build_free(&b);
}

static void test_machine(void)
{
	struct qemu_facts facts = qemu_with("{}");
	const struct source_facts source = { 0 };
	struct topo_build b = { 0 };

	run(&b, Q "-machine pc-q35-9.3 -cpu Nope", &facts);
	finds(&b, "machine-unknown",
	      "no machine type \"pc-q35-9.3\"; of its kind it has pc-q35");
	finds(&b, "cpu-unknown", "no CPU model \"Nope\"");
	is_str(topo_build_find(&b, "machine-unknown", "")->object, "machine pc-q35-9.3",
	       "it is about the machine");
	is_str(topo_build_find(&b, "cpu-unknown", "")->object, "CPU Nope", "and the CPU");
	passes(&b, "machine-deprecated");
	b.topo.source = &source;
	topo_build_run(&b, SCOPE(SCOPE_QEMU));
	passes(&b, "machine-unknown");
	passes(&b, "cpu-unknown");
	b.topo.source = NULL;
	b.machine->running = true;
	topo_build_run(&b, SCOPE(SCOPE_QEMU));
	passes(&b, "machine-unknown");
	passes(&b, "cpu-unknown");
	run(&b, Q "-machine other-1", &facts);
	finds(&b, "machine-unknown", "\"other-1\"");
	ok(!topo_build_find(&b, "machine-unknown", "of its kind"), "there is none of its kind");
	run(&b, Q "-machine nodash", &facts);
	finds(&b, "machine-unknown", "\"nodash\"");
	run(&b, Q "-machine q35 -cpu max,+avx", &facts);
	passes(&b, "machine-unknown");
	passes(&b, "machine-deprecated");
	passes(&b, "cpu-unknown");
	run(&b, Q, &facts);
	passes(&b, "machine-unknown");
	passes(&b, "machine-deprecated");
	passes(&b, "cpu-unknown");
	run(&b, Q "-machine pc-q35-4.2", &facts);
	passes(&b, "machine-unknown");
	finds(&b, "machine-deprecated",
	      "\"pc-q35-4.2\" is deprecated; of its kind it has pc-q35-9");
	run(&b, Q "-machine q35 -cpu max", NULL);
	unchecked(&b, "machine-unknown", "not asked");
	unchecked(&b, "machine-deprecated", "not asked");
	unchecked(&b, "cpu-unknown", "not asked");
	clear(&b, &facts);
}

static void test_devices(void)
{
	struct qemu_facts facts = qemu_with("{\"e1000e\": [], \"nope\": null, \"qxl\": null}");
	struct topo_build b = { 0 };

	run(&b, Q "-device e1000e -device nope,id=x -device nope,id=y -device qxl", &facts);
	is_int(topo_build_count(&b, "device-unknown"), 2, "each driver is told once");
	finds(&b, "device-unknown", "QEMU 9.2.1 (qemu) has no device \"nope\"");
	is_str(topo_build_find(&b, "device-unknown", "nope")->object, "x", "where it is first");
	finds(&b, "device-unknown", "\"qxl\"; it may be built as a module");
	ok(!topo_build_find(&b, "device-unknown", "\"nope\"; it may"), "not any may be");
	b.machine->running = true;
	topo_build_run(&b, SCOPE(SCOPE_QEMU));
	passes(&b, "device-unknown");
	run(&b, Q "-device e1000e", &facts);
	passes(&b, "device-unknown");
	run(&b, Q, &facts);
	passes(&b, "device-unknown");
	run(&b, Q "-device other -device nope", &facts);
	unchecked(&b, "device-unknown", "not asked whether it has other");
	finds(&b, "device-unknown", "nope");
	run(&b, Q "-device e1000e", NULL);
	unchecked(&b, "device-unknown", "not asked");
	clear(&b, &facts);
}

int main(void)
{
	test_too_old();
	test_lacks();
	test_controller();
	test_machine();
	test_devices();
	return done_testing();
}
