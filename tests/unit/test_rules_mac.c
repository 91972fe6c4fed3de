/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tap.h"
#include "topo_build.h"

#define HEAD "qemu -machine pc-q35-7.2 -device pcie-root-port,id=rp0 "
#define STANDBY(mac) "-device virtio-net-pci,id=net0,failover=on" mac " "
#define PRIMARY(mac) "-device e1000e,id=p0,failover_pair_id=net0" mac " "
#define VF "-device vfio-pci,host=01:10.0,id=p0,failover_pair_id=net0 "

#define ONE ",mac=52:54:00:00:00:01"
#define TWO ",mac=52:54:00:00:00:02"

static struct mac mac_of(const char *text)
{
	struct mac mac;

	if (mac_parse(text, &mac) < 0)
		bail("%s", text);
	return mac;
}

static void look(struct topo_build *b, const char *text)
{
	topo_build_text(b, text);
	topo_build_run(b, SCOPE(SCOPE_PAIR));
}

static void test_mismatch(void)
{
	struct topo_build b;

	look(&b, HEAD STANDBY(ONE) PRIMARY(TWO));
	finds(&b, "mac-mismatch",
	      "the standby has 52:54:00:00:00:01, the primary has 52:54:00:00:00:02");
	topo_build_free(&b);

	look(&b, HEAD STANDBY(",mac=52:54:00:00:00:aB") PRIMARY(",mac=52-54-00-00-00-Ab"));
	passes(&b, "mac-mismatch");
	passes(&b, "mac-invalid");
	topo_build_free(&b);

	look(&b, HEAD STANDBY("") PRIMARY(""));
	finds(&b, "mac-mismatch", "neither");
	passes(&b, "mac-not-given");
	topo_build_free(&b);

	look(&b, HEAD STANDBY(ONE) PRIMARY(""));
	finds(&b, "mac-mismatch", "the primary was given no address");
	topo_build_free(&b);

	look(&b, HEAD STANDBY("") PRIMARY(ONE));
	finds(&b, "mac-mismatch", "the standby was given no address");
	topo_build_free(&b);

	look(&b, HEAD STANDBY("") VF);
	passes(&b, "mac-mismatch");
	finds(&b, "mac-not-given", "no address");
	topo_build_free(&b);

	look(&b, HEAD STANDBY(ONE) VF);
	passes(&b, "mac-mismatch");
	passes(&b, "mac-not-given");
	topo_build_free(&b);
}

static void test_invalid(void)
{
	static const char *const bad[] = {
		"junk",
		"",
		"52:54:00:12:34",
		"52:54:00:12:34:56:78",
		"52:54:00:12:34:56:78:90:12:34:56:78:90:12:34",
	};
	struct topo_build b;
	char text[512];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(text, sizeof(text), HEAD STANDBY(ONE) "%s,mac=%s",
			 "-device e1000e,id=p0,failover_pair_id=net0", bad[i]);
		look(&b, text);
		finds(&b, "mac-invalid", "six bytes");
		passes(&b, "mac-mismatch");
		topo_build_free(&b);
	}

	look(&b, HEAD STANDBY(",mac=01:00:5e:00:00:01") PRIMARY(",mac=01:00:5e:00:00:01"));
	finds(&b, "mac-invalid", "the standby has mac=01:00:5e:00:00:01, which is a multicast");
	finds(&b, "mac-invalid", "the primary has");
	topo_build_free(&b);

	look(&b, HEAD STANDBY(",mac=00:00:00:00:00:00") PRIMARY(ONE));
	finds(&b, "mac-invalid", "all zeros");
	finds(&b, "mac-mismatch", "the standby was given no address");
	topo_build_free(&b);
}

static void test_duplicate_in_machine(void)
{
	struct topo_build b;

	look(&b, HEAD STANDBY(ONE) PRIMARY(ONE) "-device e1000e,id=other" ONE);
	finds(&b, "mac-duplicate", "other of the same VM has 52:54:00:00:00:01");
	is_int(topo_build_count(&b, "mac-duplicate"), 1,
	       "and the pair is no duplicate of itself");
	unchecked(&b, "mac-duplicate", "not asked");
	topo_build_free(&b);

	look(&b,
	     HEAD STANDBY(ONE) PRIMARY(ONE) "-device virtio-net-pci,id=net1,failover=on" ONE
					    " -device e1000e,id=p1,failover_pair_id=net1" ONE);
	finds(&b, "mac-duplicate", "net1 of the same VM");
	is_int(topo_build_count(&b, "mac-duplicate"), 1, "two pairs are compared once");
	topo_build_free(&b);
}

static void test_duplicate_on_host(void)
{
	struct mac one = mac_of("52:54:00:00:00:01"), two = mac_of("52:54:00:00:00:02");
	struct pci_function vf = { .address = "0000:01:10.0", .physfn = "0000:01:00.0" };
	struct host_link links[] = {
		{ .name = "tap0", .kind = "tun", .mac = two },
		{ .name = "mv0", .kind = "macvtap", .mac = one },
		{ .name = "vf0", .pci = "0000:01:10.0", .mac = one },
	};
	struct host_facts host = {
		.functions = &vf,
		.n_functions = 1,
		.links = links,
		.n_links = ARRAY_SIZE(links),
	};
	struct host_vm vms[] = {
		{ .name = "me", .pid = 10, .macs = &one, .n_macs = 1 },
		{ .name = "other", .pid = 11, .macs = &two, .n_macs = 1 },
	};
	const struct finding *finding;
	struct topo_build b;

	topo_build_text(&b, HEAD STANDBY(ONE) PRIMARY(ONE));
	b.topo.host = &host;
	b.topo.vms = vms;
	b.topo.n_vms = ARRAY_SIZE(vms);
	b.topo.vm = "me";
	topo_build_run(&b, SCOPE(SCOPE_PAIR));
	passes(&b, "mac-duplicate");

	vms[1].macs = &one;
	links[0].mac = one;
	topo_build_run(&b, SCOPE(SCOPE_PAIR));
	finds(&b, "mac-duplicate", "the VM other, which runs on this host");
	finds(&b, "mac-duplicate", "the interface tap0 of this host");
	is_int(topo_build_count(&b, "mac-duplicate"), 2,
	       "a VF and a macvtap have the address on purpose");

	vms[1].pid = 0;
	topo_build_run(&b, SCOPE(SCOPE_PAIR));
	finding = topo_build_find(&b, "mac-duplicate", "does not run");
	ok(finding && finding->severity == SEVERITY_WARNING,
	   "of a VM that does not run it is a warning");

	host.links_missing = "no links were captured";
	topo_build_run(&b, SCOPE(SCOPE_PAIR));
	unchecked(&b, "mac-duplicate", "no links were captured");
	topo_build_free(&b);
}

int main(void)
{
	test_mismatch();
	test_invalid();
	test_duplicate_in_machine();
	test_duplicate_on_host();
	return done_testing();
}
