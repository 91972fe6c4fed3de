/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tap.h"
#include "topo_build.h"

#define Q35 "qemu -machine pc-q35-7.2 "
#define PORTS                                                               \
	"-device pcie-root-port,id=rp0,bus=pcie.0,addr=2,chassis=1,slot=1 " \
	"-device pcie-root-port,id=rp1,bus=pcie.0,addr=3,chassis=2,slot=2 "
#define STANDBY "-device virtio-net-pci,id=net0,failover=on"
#define PRIMARY " -device e1000e,id=p0,failover_pair_id=net0"

static void look(struct topo_build *b, const char *text)
{
	topo_build_text(b, text);
	topo_build_run(b, SCOPE(SCOPE_PAIR));
}

static void test_good(void)
{
	static const char *const rules[] = {
		"bus-missing",           "primary-not-pcie", "primary-not-hotpluggable",
		"primary-multifunction", "slot-invalid",     "slot-shared",
		"slot-not-stable",       "port-slot-shared", "port-without-function-0",
	};
	const struct finding *finding;
	struct topo_build b;

	look(&b, Q35 PORTS STANDBY ",bus=rp0" PRIMARY ",bus=rp1,addr=0x0");
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		passes(&b, rules[i]);
	finding = topo_build_find(&b, "hotplug-mode", "ACPI");
	ok(finding && finding->severity == SEVERITY_INFO, "ACPI hot-plug is information");
	topo_build_free(&b);

	look(&b, "qemu -machine microvm -device virtio-net-pci");
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		passes(&b, rules[i]);
	passes(&b, "hotplug-mode");
	topo_build_free(&b);
}

/* What the command line alone says. */
static void test_bus_by_text(void)
{
	static const struct {
		const char *head, *bus, *rule, *text;
	} cases[] = {
		{ "qemu -M pc-i440fx-7.2 ", "", "primary-not-pcie", "p0 is on pci.0" },
		{ "qemu -M pc ", ",bus=pci.0", "primary-not-pcie", "p0 is on pci.0" },
		{ Q35 "-device pcie-pci-bridge,id=b ", ",bus=b", "primary-not-pcie", "on b" },
		{ Q35 "-device pci-bridge,id=b ", ",bus=b", "primary-not-pcie", "on b" },
		{ Q35, ",bus=pcie.0", "primary-not-hotpluggable", "p0 is on pcie.0" },
		{ Q35, "", "primary-not-hotpluggable", "p0 is on pcie.0" },
		{ Q35 "-device pxb-pcie,id=pxb ", ",bus=pxb", "primary-not-hotpluggable",
		  "on pxb, a root complex" },
		{ Q35 "-device pcie-root-port,id=rp9,hotplug=off ", ",bus=rp9",
		  "primary-not-hotpluggable", "the port rp9, which has hotplug=off" },
		{ Q35 "-global pcie-root-port.hotplug=off " PORTS, ",bus=rp1",
		  "primary-not-hotpluggable", "hotplug=off" },
		{ Q35, ",bus=pci.0", "bus-missing", "p0 has bus=pci.0" },
		{ "qemu -M pc ", ",bus=pcie.0", "bus-missing", "p0 has bus=pcie.0" },
		{ Q35 "-global ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off " PORTS,
		  ",bus=rp1", "hotplug-mode", "PCI Express's own" },
		{ "qemu -M pc-q35-6.0 " PORTS, ",bus=rp1", "hotplug-mode",
		  "PCI Express's own" },
		{ "qemu -M pc-q35-6.1 " PORTS, ",bus=rp1", "hotplug-mode", "ACPI" },
		{ "qemu -M pc-q35-10.0 " PORTS, ",bus=rp1", "hotplug-mode", "ACPI" },
		{ Q35 "-device pcie-root-port,id=rp9,bus=pcie.0 ", ",bus=rp9", "hotplug-mode",
		  "ACPI" },
	};
	struct topo_build b;
	char text[1024];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(text, sizeof(text), "%s" STANDBY PRIMARY "%s", cases[i].head,
			 cases[i].bus);
		look(&b, text);
		finds(&b, cases[i].rule, cases[i].text);
		topo_build_free(&b);
	}
}

static void test_bus_unknown_by_text(void)
{
	static const struct {
		const char *head, *bus, *rule;
	} cases[] = {
		{ Q35, ",bus=elsewhere", "bus-missing" },
		{ Q35, ",bus=elsewhere", "primary-not-pcie" },
		{ Q35, ",bus=elsewhere", "primary-not-hotpluggable" },
		{ Q35, ",bus=elsewhere", "hotplug-mode" },
		{ Q35, ",bus=elsewhere,addr=2", "slot-invalid" },
		{ "qemu -M virt ", "", "primary-not-pcie" },
		{ "qemu ", "", "primary-not-hotpluggable" },
		{ "qemu -M q35 " PORTS, ",bus=rp1", "hotplug-mode" },
		{ Q35 "-device pxb-pcie,id=pxb -device pcie-root-port,id=rp9,bus=pxb ",
		  ",bus=rp9", "hotplug-mode" },
		{ Q35 "-device new-kind-of-port,id=rp9 ", ",bus=rp9", "primary-not-pcie" },
	};
	struct topo_build b;
	char text[1024];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(text, sizeof(text), "%s" STANDBY PRIMARY "%s", cases[i].head,
			 cases[i].bus);
		look(&b, text);
		unchecked(&b, cases[i].rule, "not asked");
		is_int(topo_build_count(&b, cases[i].rule), 0, "and it is no finding");
		topo_build_free(&b);
	}
}

/* What QEMU says comes before what the command line looks like. */
static void test_bus_by_qemu(void)
{
	struct bus list[] = {
		{ .name = "pcie.0",
		  .type = "PCIE",
		  .handler = "ICH9-LPC",
		  .root = true,
		  .hotplug = true },
		{ .name = "rp1", .type = "PCIE", .handler = "ICH9-LPC", .hotplug = true },
	};
	struct buses buses = { .list = list, .n = ARRAY_SIZE(list) };
	struct topo_build b;

	topo_build_text(&b, "qemu -M q35 " PORTS STANDBY PRIMARY ",bus=rp1");
	b.topo.buses = &buses;
	topo_build_run(&b, SCOPE(SCOPE_PAIR));
	passes(&b, "primary-not-pcie");
	passes(&b, "primary-not-hotpluggable");
	finds(&b, "hotplug-mode", "ACPI");

	list[1].native = true;
	topo_build_run(&b, SCOPE(SCOPE_PAIR));
	finds(&b, "hotplug-mode", "PCI Express's own");

	*list[1].handler = '\0';
	topo_build_run(&b, SCOPE(SCOPE_PAIR));
	finds(&b, "primary-not-hotpluggable", "no hot-plug controller");
	passes(&b, "hotplug-mode");

	snprintf(list[1].type, sizeof(list[1].type), "PCI");
	topo_build_run(&b, SCOPE(SCOPE_PAIR));
	finds(&b, "primary-not-pcie", "p0 is on rp1");
	passes(&b, "primary-not-hotpluggable");
	topo_build_free(&b);

	topo_build_text(&b, "qemu -M q35 " STANDBY ",bus=elsewhere" PRIMARY);
	b.topo.buses = &buses;
	topo_build_run(&b, SCOPE(SCOPE_PAIR));
	finds(&b, "bus-missing", "net0 has bus=elsewhere, and the machine has no such bus");
	finds(&b, "primary-not-hotpluggable", "p0 is on pcie.0");
	topo_build_free(&b);
}

/* A QEMU that judges its buses itself. */
static void test_bus_by_verdict(void)
{
	struct bus list[] = {
		{ .name = "pci.0",
		  .type = "PCI",
		  .handler = "PIIX4_PM",
		  .root = true,
		  .hotplug = true,
		  .judged = true,
		  .supported = true },
		{ .name = "rp1",
		  .type = "PCIE",
		  .handler = "ICH9-LPC",
		  .hotplug = true,
		  .judged = true,
		  .reason = "not here" },
	};
	struct buses buses = { .list = list, .n = ARRAY_SIZE(list) };
	struct qemu_facts qemu = { .patches.failover_buses = true };
	struct topo_build b;

	topo_build_text(&b, "qemu -M pc " STANDBY PRIMARY ",bus=pci.0,addr=5");
	b.topo.buses = &buses;
	topo_build_run(&b, SCOPE(SCOPE_PAIR));
	passes(&b, "primary-not-pcie");
	passes(&b, "primary-not-hotpluggable");

	list[0].supported = false;
	snprintf(list[0].reason, sizeof(list[0].reason), "no ACPI");
	topo_build_run(&b, SCOPE(SCOPE_PAIR));
	finds(&b, "primary-not-pcie",
	      "p0 is on pci.0, which is a conventional PCI bus; QEMU says: no ACPI");

	b.topo.buses = NULL;
	b.topo.qemu = &qemu;
	b.topo.why_not[TOPO_BUSES] = "it did not start";
	topo_build_run(&b, SCOPE(SCOPE_PAIR));
	unchecked(&b, "primary-not-pcie", "it did not start");
	topo_build_free(&b);

	topo_build_text(&b, "qemu -M q35 " PORTS STANDBY PRIMARY ",bus=rp1");
	b.topo.buses = &buses;
	topo_build_run(&b, SCOPE(SCOPE_PAIR));
	finds(&b, "primary-not-hotpluggable", "p0 is on the port rp1; QEMU says: not here");
	passes(&b, "primary-not-pcie");
	list[1].supported = true;
	topo_build_run(&b, SCOPE(SCOPE_PAIR));
	passes(&b, "primary-not-hotpluggable");
	topo_build_free(&b);
}

static void test_nohotplug(void)
{
	struct topo_build b;

	look(&b, Q35 PORTS STANDBY
	     " -device vfio-pci-nohotplug,id=p0,failover_pair_id=net0,bus=rp1");
	finds(&b, "primary-not-hotpluggable", "vfio-pci-nohotplug");
	topo_build_free(&b);
}

static void test_function(void)
{
	struct topo_build b;

	look(&b, Q35 PORTS STANDBY PRIMARY ",bus=rp1,multifunction=on");
	finds(&b, "primary-multifunction", "multifunction=on");
	topo_build_free(&b);

	look(&b, Q35 PORTS STANDBY PRIMARY ",bus=rp1,addr=0.1");
	finds(&b, "primary-multifunction", "function 1");
	passes(&b, "slot-invalid");
	topo_build_free(&b);

	look(&b, Q35 PORTS STANDBY " -device igb,id=p0,failover_pair_id=net0,bus=rp1");
	finds(&b, "primary-multifunction", "p0 is an igb");
	topo_build_free(&b);

	/* What the standby or a port has is no matter. */
	look(&b,
	     Q35 "-device pcie-root-port,id=rp1,bus=pcie.0,addr=2.1,multifunction=on " STANDBY
		 ",multifunction=on" PRIMARY ",bus=rp1");
	passes(&b, "primary-multifunction");
	topo_build_free(&b);

	look(&b, Q35 PORTS STANDBY ",bus=rp0,addr=1" PRIMARY ",bus=rp1,addr=junk");
	finds(&b, "slot-invalid", "net0 has addr=1, slot 1 of the port rp0");
	finds(&b, "slot-invalid", "p0 has addr=junk");
	topo_build_free(&b);
}

static void test_sharing(void)
{
	struct topo_build b;

	look(&b, Q35 PORTS STANDBY ",bus=rp1" PRIMARY ",bus=rp1");
	finds(&b, "slot-shared", "p0 and net0 are in one slot of rp1");
	is_int(topo_build_count(&b, "slot-shared"), 1, "once");
	topo_build_free(&b);

	look(&b, Q35 PORTS STANDBY ",bus=rp0" PRIMARY ",bus=rp1 "
				   "-device virtio-rng-pci,id=rng,bus=rp1,addr=0.1");
	finds(&b, "slot-shared", "p0 and rng are in one slot of rp1");
	topo_build_free(&b);

	look(&b, Q35 PORTS STANDBY ",bus=rp0" PRIMARY ",bus=rp1 "
				   "-device virtio-rng-pci,id=rng,bus=rp0");
	finds(&b, "slot-shared", "net0 and rng are in one slot of rp0");
	topo_build_free(&b);

	/* Another function beside the standby, which is never unplugged, does no harm. */
	look(&b, Q35 PORTS STANDBY ",bus=rp0,multifunction=on,addr=0.0" PRIMARY ",bus=rp1 "
				   "-device virtio-rng-pci,id=rng,bus=rp0,addr=0.1");
	passes(&b, "slot-shared");
	topo_build_free(&b);

	look(&b, Q35 STANDBY ",bus=pcie.0,addr=5" PRIMARY ",bus=pcie.0,addr=5.1");
	finds(&b, "slot-shared", "p0 and net0 are in one slot of pcie.0");
	topo_build_free(&b);

	look(&b, Q35 STANDBY ",addr=5" PRIMARY ",addr=6 -device virtio-rng-pci -usb "
			     "-device usb-tablet");
	passes(&b, "slot-shared");
	topo_build_free(&b);

	look(&b, Q35 STANDBY ",bus=elsewhere" PRIMARY ",bus=elsewhere");
	unchecked(&b, "slot-shared", "elsewhere");
	topo_build_free(&b);
}

static bool is_of(const struct topo_build *b, const char *text, enum severity severity)
{
	const struct finding *finding = topo_build_find(b, "slot-not-stable", text);

	return finding && finding->severity == severity;
}

static void test_stable(void)
{
	struct topo_build b;

	look(&b, Q35 STANDBY PRIMARY ",addr=5");
	ok(is_of(&b, "net0 has no bus=: QEMU takes the machine's own bus pcie.0, and the first",
		 SEVERITY_ERROR),
	   "a standby without a bus is an error");
	ok(is_of(&b, "p0 has no bus=", SEVERITY_ERROR), "a primary without a bus is an error");
	topo_build_free(&b);

	look(&b, Q35 "-device pcie-root-port,id=rp0,chassis=1 "
		     "-device pcie-root-port,id=rp1,chassis=2,addr=3 " STANDBY
		     ",bus=rp0" PRIMARY ",bus=rp1");
	ok(is_of(&b, "net0 is on the port rp0, which has no addr=", SEVERITY_WARNING),
	   "a port without a slot is a warning");
	is_int(topo_build_count(&b, "slot-not-stable"), 1, "for the one that has none");
	b.machine->running = true;
	topo_build_run(&b, SCOPE(SCOPE_PAIR));
	unchecked(&b, "slot-not-stable", "running");
	topo_build_free(&b);

	look(&b, Q35 PORTS STANDBY ",bus=pcie.0" PRIMARY ",bus=elsewhere");
	ok(is_of(&b, "net0 is on pcie.0 and has no addr=", SEVERITY_WARNING),
	   "a bus without a slot is a warning");
	unchecked(&b, "slot-not-stable", "elsewhere");
	topo_build_free(&b);
}

static void test_ports(void)
{
	struct topo_build b;

	look(&b, Q35 "-device pcie-root-port,id=rp0 -device pcie-root-port,id=rp1 "
		     "-device ioh3420,id=rp2,slot=1 -device pcie-root-port,slot=0x1");
	finds(&b, "port-slot-shared", "rp1 and rp0 both have chassis 0 and slot 0");
	finds(&b, "port-slot-shared", "rp2 both have chassis 0 and slot 1");
	is_int(topo_build_count(&b, "port-slot-shared"), 2, "each once");
	topo_build_free(&b);

	look(&b,
	     Q35 "-device pcie-root-port,id=rp0,slot=0 -device pcie-root-port,id=rp1,slot=1");
	passes(&b, "port-slot-shared");
	topo_build_free(&b);
}

static void test_function_0(void)
{
	struct topo_build b;

	look(&b, Q35 "-device pcie-root-port,id=rp0,bus=pcie.0,addr=2,multifunction=on "
		     "-device pcie-root-port,id=rp1,bus=pcie.0,addr=2.1 " STANDBY
		     ",bus=rp0" PRIMARY ",bus=rp1");
	passes(&b, "port-without-function-0");
	topo_build_free(&b);

	look(&b, Q35 "-device pcie-root-port,id=rp0,bus=pcie.0 -device virtserialport "
		     "-device pcie-root-port,id=rp1,addr=2.1 " STANDBY ",bus=rp0" PRIMARY
		     ",bus=rp1");
	finds(&b, "port-without-function-0",
	      "rp1 has addr=2.1, and no device is function 0 of "
	      "slot 2 of pcie.0");
	is_int(topo_build_count(&b, "port-without-function-0"), 1, "the other port is seen");
	topo_build_free(&b);

	look(&b, Q35 "-device pcie-root-port,id=rp0,bus=pcie.0,multifunction=on "
		     "-device pcie-root-port,id=rp1,bus=pcie.0,addr=2.1 " STANDBY
		     ",bus=rp0" PRIMARY ",bus=rp1");
	unchecked(&b, "port-without-function-0", "QEMU chooses");
	topo_build_free(&b);
}

int main(void)
{
	test_good();
	test_bus_by_text();
	test_bus_unknown_by_text();
	test_bus_by_qemu();
	test_bus_by_verdict();
	test_nohotplug();
	test_function();
	test_sharing();
	test_stable();
	test_ports();
	test_function_0();
	return done_testing();
}
