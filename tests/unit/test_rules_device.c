/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tap.h"
#include "topo_build.h"

#define STANDBY "qemu -machine pc-q35-7.2 -device virtio-net-pci,id=net0,failover=on"
#define PRIMARY " -device e1000e,id=p0,failover_pair_id=net0"
#define VFIO " -device vfio-pci,id=p0,failover_pair_id=net0,host=01:10.0"

static void look(struct topo_build *b, const char *text)
{
	topo_build_text(b, text);
	topo_build_run(b, SCOPE(SCOPE_PAIR));
}

static void test_ethernet(void)
{
	struct pci_function vf = { .address = "0000:01:10.0", .class = 0x020000 };
	struct host_facts host = { .functions = &vf, .n_functions = 1 };
	struct topo_build b;

	look(&b, STANDBY PRIMARY);
	passes(&b, "primary-not-ethernet");
	topo_build_free(&b);

	look(&b, STANDBY " -device virtio-rng-pci,id=p0,failover_pair_id=net0");
	finds(&b, "primary-not-ethernet", "p0 is a virtio-rng-pci");
	passes(&b, "primary-rom");
	topo_build_free(&b);

	look(&b, STANDBY " -device vfio-pci,id=p0,failover_pair_id=net0");
	unchecked(&b, "primary-not-ethernet", "not chosen yet");
	topo_build_free(&b);

	look(&b, STANDBY VFIO);
	unchecked(&b, "primary-not-ethernet", "not asked");
	b.topo.host = &host;
	topo_build_run(&b, SCOPE(SCOPE_PAIR));
	passes(&b, "primary-not-ethernet");
	vf.class = 0x020700;
	topo_build_run(&b, SCOPE(SCOPE_PAIR));
	finds(&b, "primary-not-ethernet", "0000:01:10.0 is a device of PCI class 0x020700");
	host.n_functions = 0;
	topo_build_run(&b, SCOPE(SCOPE_PAIR));
	unchecked(&b, "primary-not-ethernet", "this host has no 0000:01:10.0");
	topo_build_free(&b);
}

static void test_emulated_rom(void)
{
	struct topo_build b;

	look(&b, STANDBY PRIMARY);
	finds(&b, "primary-rom", "QEMU's own for this card");
	topo_build_free(&b);

	look(&b, STANDBY PRIMARY ",romfile=");
	passes(&b, "primary-rom");
	topo_build_free(&b);

	look(&b, STANDBY " -global e1000e.romfile=" PRIMARY);
	passes(&b, "primary-rom");
	topo_build_free(&b);

	look(&b, STANDBY PRIMARY ",romfile=/usr/share/x.rom");
	finds(&b, "primary-rom", "/usr/share/x.rom");
	topo_build_free(&b);

	look(&b, STANDBY PRIMARY ",rombar=0");
	finds(&b, "primary-rom", "refuses to plug");
	topo_build_free(&b);

	look(&b, STANDBY " -device '{\"driver\":\"e1000e\",\"id\":\"p0\",\"rombar\":0,"
			 "\"romfile\":\"\",\"failover_pair_id\":\"net0\"}'");
	passes(&b, "primary-rom");
	topo_build_free(&b);

	look(&b, STANDBY " -device tulip,id=p0,failover_pair_id=net0");
	passes(&b, "primary-rom");
	topo_build_free(&b);
}

static void test_vfio_rom(void)
{
	struct pci_function vf = { .address = "0000:01:10.0", .physfn = "0000:01:00.0" };
	struct host_facts host = { .functions = &vf, .n_functions = 1 };
	const struct finding *finding;
	struct topo_build b;

	look(&b, STANDBY VFIO ",rombar=0");
	passes(&b, "primary-rom");
	topo_build_free(&b);

	look(&b, STANDBY VFIO ",rombar=0,romfile=x.rom");
	finds(&b, "primary-rom", "romfile=x.rom");
	topo_build_free(&b);

	look(&b, STANDBY VFIO);
	unchecked(&b, "primary-rom", "is a VF");
	b.topo.host = &host;
	topo_build_run(&b, SCOPE(SCOPE_PAIR));
	passes(&b, "primary-rom");
	*vf.physfn = '\0';
	topo_build_run(&b, SCOPE(SCOPE_PAIR));
	finding = topo_build_find(&b, "primary-rom", "0000:01:10.0 is no VF");
	ok(finding && finding->severity == SEVERITY_WARNING, "a PF's ROM is a warning");
	topo_build_free(&b);
}

static void test_standby(void)
{
	struct topo_build b;

	look(&b, STANDBY PRIMARY);
	passes(&b, "standby-legacy");
	passes(&b, "pair-mtu");
	topo_build_free(&b);

	look(&b, STANDBY ",disable-modern=on,host_mtu=1499" PRIMARY);
	finds(&b, "standby-legacy", "disable-modern=on");
	finds(&b, "pair-mtu", "host_mtu=1499");
	topo_build_free(&b);

	look(&b, STANDBY ",disable-modern=off,host_mtu=1500" PRIMARY);
	passes(&b, "standby-legacy");
	passes(&b, "pair-mtu");
	topo_build_free(&b);

	/* Zero is "none". */
	look(&b, STANDBY ",host_mtu=0" PRIMARY);
	passes(&b, "pair-mtu");
	topo_build_free(&b);
}

static void test_machine_type(void)
{
	static const char *const versioned[] = { "pc-q35-7.2", "pc-i440fx-10.0", "virt-9.1",
						 "pc-q35-rhel9.6.0" };
	static const char *const not [] = { "q35", "pc",        "microvm",  "pc-q35",
					    "x-7", "pc-q35-7.", "pc-q35-.2" };
	struct topo_build b;
	char text[80];

	for (size_t i = 0; i < ARRAY_SIZE(versioned); i++) {
		snprintf(text, sizeof(text), "qemu -M %s", versioned[i]);
		look(&b, text);
		passes(&b, "machine-unversioned");
		topo_build_free(&b);
	}
	for (size_t i = 0; i < ARRAY_SIZE(not ); i++) {
		snprintf(text, sizeof(text), "qemu -M %s", not [i]);
		look(&b, text);
		finds(&b, "machine-unversioned", not [i]);
		topo_build_free(&b);
	}
	look(&b, "qemu -m 1G");
	finds(&b, "machine-unversioned", "no machine type is given");
	b.machine->running = true;
	topo_build_run(&b, SCOPE(SCOPE_PAIR));
	unchecked(&b, "machine-unversioned", "did not say");
	topo_build_free(&b);

	look(&b, "qemu -M q35");
	b.topo.qemu = &(struct qemu_facts){
		.machines = json_pack("[{ss ss}]", "name", "pc-q35-7.2", "alias", "q35")
	};
	topo_build_run(&b, SCOPE(SCOPE_PAIR));
	finds(&b, "machine-unversioned", "q35, here short for pc-q35-7.2");
	json_decref(b.topo.qemu->machines);
	topo_build_free(&b);
}

static void test_cpu(void)
{
	struct topo_build b;

	look(&b, "qemu -M pc-q35-7.2 -cpu host,-avx");
	finds(&b, "cpu-host", "host: this host's own");
	topo_build_free(&b);
	look(&b, "qemu -M pc-q35-7.2 -cpu max");
	finds(&b, "cpu-host", "max");
	topo_build_free(&b);
	look(&b, "qemu -M pc-q35-7.2 -cpu Skylake-Server");
	passes(&b, "cpu-host");
	topo_build_free(&b);
	look(&b, "qemu -M pc-q35-7.2");
	passes(&b, "cpu-host");
	topo_build_free(&b);
}

int main(void)
{
	test_ethernet();
	test_emulated_rom();
	test_vfio_rom();
	test_standby();
	test_machine_type();
	test_cpu();
	return done_testing();
}
