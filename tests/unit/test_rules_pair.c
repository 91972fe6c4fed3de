/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tap.h"
#include "topo_build.h"

#define HEAD                                                                                  \
	"qemu -machine pc-q35-7.2 -device pcie-root-port,id=rp0,bus=pcie.0,addr=2,chassis=1 " \
	"-device pcie-root-port,id=rp1,bus=pcie.0,addr=3,chassis=2 "
#define STANDBY "-device virtio-net-pci,id=net0,bus=rp0,mac=52:54:00:00:00:01,failover=on "
#define PRIMARY \
	"-device e1000e,id=p0,bus=rp1,mac=52:54:00:00:00:01,failover_pair_id=net0,romfile= "

static void look(struct topo_build *b, const char *text)
{
	topo_build_text(b, text);
	topo_build_run(b, SCOPE(SCOPE_PAIR));
}

static void test_good(void)
{
	static const char *const rules[] = {
		"standby-missing",    "standby-not-failover",   "standby-without-id",
		"primary-without-id", "primary-before-standby", "standby-without-primary",
		"primary-shared",     "mac-mismatch",           "mac-not-given",
		"mac-invalid",
	};
	struct topo_build b;

	look(&b, HEAD STANDBY PRIMARY);
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		passes(&b, rules[i]);
	topo_build_free(&b);

	look(&b, "qemu -machine q35 -device virtio-net-pci -device e1000e");
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		passes(&b, rules[i]);
	passes(&b, "mac-duplicate");
	topo_build_free(&b);
}

static void test_without_machine(void)
{
	struct topo_build b;

	look(&b, HEAD);
	b.topo.machine = NULL;
	b.topo.why_not[TOPO_MACHINE] = "there is none";
	topo_build_run(&b, SCOPE(SCOPE_PAIR));
	is_int(b.findings.n, 0, "nothing is found of a machine that is unknown");
	unchecked(&b, "standby-missing", "there is none");
	unchecked(&b, "mac-mismatch", "there is none");
	topo_build_free(&b);
}

static void test_standby(void)
{
	const struct finding *finding;
	struct topo_build b;

	look(&b, HEAD PRIMARY);
	finds(&b, "standby-missing", "p0 has failover_pair_id=net0, and no device has that id");
	finding = topo_build_find(&b, "standby-missing", "");
	is_str(finding ? finding->object : NULL, "pair net0", "its object is the pair");
	passes(&b, "standby-not-failover");
	topo_build_free(&b);

	look(&b, HEAD "-device e1000e,id=net0 " PRIMARY);
	finds(&b, "standby-missing", "which is a e1000e");
	passes(&b, "standby-not-failover");
	topo_build_free(&b);

	look(&b, HEAD "-device virtio-net-pci,id=net0 " PRIMARY);
	finds(&b, "standby-not-failover", "no failover=on");
	passes(&b, "standby-missing");
	topo_build_free(&b);

	look(&b, HEAD "-device virtio-net-pci,id=net0,failover=off " PRIMARY);
	finds(&b, "standby-not-failover", "failover=off");
	topo_build_free(&b);

	look(&b, HEAD "-global virtio-net-pci.failover=on -device virtio-net-pci,id=net0 "
		      "" PRIMARY);
	passes(&b, "standby-not-failover");
	topo_build_free(&b);

	look(&b, HEAD "-device virtio-net-pci-non-transitional,id=net0,failover=on " PRIMARY);
	passes(&b, "standby-missing");
	passes(&b, "standby-not-failover");
	topo_build_free(&b);
}

static void test_ids(void)
{
	struct topo_build b;

	look(&b, HEAD "-device virtio-net-pci,failover=on,mac=52:54:00:00:00:01");
	finds(&b, "standby-without-id", "failover=on and no id");
	finds(&b, "standby-without-primary", "the standby has no id");
	topo_build_free(&b);

	look(&b, HEAD STANDBY "-device e1000e,failover_pair_id=net0,bus=rp1");
	finds(&b, "primary-without-id", "has failover_pair_id=net0 and no id");
	passes(&b, "standby-without-id");
	topo_build_free(&b);
}

static void test_order(void)
{
	struct topo_build b;

	look(&b, HEAD PRIMARY STANDBY);
	finds(&b, "primary-before-standby", "comes before its standby");
	topo_build_free(&b);

	/* QEMU makes what is given as JSON last. */
	look(&b,
	     HEAD "-device '{\"driver\":\"virtio-net-pci\",\"id\":\"net0\",\"failover\":true}'"
		  " " PRIMARY);
	finds(&b, "primary-before-standby", "given as JSON");
	topo_build_free(&b);

	look(&b, HEAD "-device '{\"driver\":\"e1000e\",\"id\":\"p0\",\"bus\":\"rp1\","
		      "\"failover_pair_id\":\"net0\"}' " STANDBY);
	passes(&b, "primary-before-standby");
	topo_build_free(&b);

	look(&b, HEAD STANDBY PRIMARY);
	b.machine->running = true;
	topo_build_run(&b, SCOPE(SCOPE_PAIR));
	unchecked(&b, "primary-before-standby", "running");
	topo_build_free(&b);
}

static void test_number_of_primaries(void)
{
	const struct finding *finding;
	struct topo_build b;

	look(&b, HEAD STANDBY);
	finds(&b, "standby-without-primary", "failover_pair_id=net0");
	finding = topo_build_find(&b, "standby-without-primary", "");
	ok(finding && finding->severity == SEVERITY_WARNING, "it is a warning");
	b.machine->running = true;
	topo_build_run(&b, SCOPE(SCOPE_PAIR));
	unchecked(&b, "standby-without-primary", "hides");
	is_int(topo_build_count(&b, "standby-without-primary"), 0,
	       "of a running QEMU it is not found");
	topo_build_free(&b);

	look(&b, HEAD STANDBY PRIMARY "-device e1000e,id=p1,failover_pair_id=net0 "
				      "-device e1000e,id=p2,failover_pair_id=net0");
	finds(&b, "primary-shared", "p0 and p1 both have failover_pair_id=net0");
	finds(&b, "primary-shared", "p0 and p2");
	is_int(topo_build_count(&b, "primary-shared"), 2,
	       "one finding for each that is too much");
	topo_build_free(&b);

	look(&b, HEAD STANDBY PRIMARY
	     "-device virtio-net-pci,id=net1,failover=on,mac=52:54:00:00:00:02 "
	     "-device e1000e,id=p1,failover_pair_id=net1,mac=52:54:00:00:00:02");
	passes(&b, "primary-shared");
	topo_build_free(&b);
}

int main(void)
{
	test_good();
	test_without_machine();
	test_standby();
	test_ids();
	test_order();
	test_number_of_primaries();
	return done_testing();
}
