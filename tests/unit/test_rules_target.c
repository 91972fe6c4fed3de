/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The rules about a migration's target, and which rule a failure to reach it is.
 */
#include <errno.h>

#include "tap.h"
#include "topo_build.h"
#include "topology/reach.h"

#define DEFINITION(machine, cpu)                                                       \
	"{\"schema\": \"vmfo.vm/1\", \"name\": \"demo\","                              \
	"\"uuid\": \"5a7d9e0c-3f5b-4a57-9d0e-6b1f2c3d4e5f\","                          \
	"\"machine\": \"" machine "\", \"accel\": [\"kvm\", \"tcg\"],"                 \
	"\"cpu\": {\"model\": " cpu ", \"count\": 1}, \"memory\": {\"mib\": 1024},"    \
	"\"pairs\": [{\"id\": \"net0\", \"mac\": \"52:54:00:00:00:01\","               \
	"\"standby\": {\"bridge\": \"br0\"}, \"primary\": {\"kind\": \"emulated\"}}]," \
	"\"nics\": [{\"id\": \"nic0\", \"mac\": \"52:54:00:00:00:02\", \"bridge\": \"br0\"}]}"

static struct topo_build b;
static struct qemu_facts qemu;
static struct source_facts source;
static struct host_facts host;

static void begin(const char *definition)
{
	topo_build_definition(&b, definition);
	qemu = (struct qemu_facts){
		.binary = (char *)"/opt/qemu",
		.version = (char *)"8.1.0",
		.kvm = true,
		.machines = json_pack("[{ss ss} {ss}]", "name", "pc-q35-8.1", "alias", "q35",
				      "name", "pc-q35-7.2"),
		.cpus = json_pack("[{ss s[]} {ss s[]} {ss s[]} {ss s[ss]} {ss}]", "name",
				  "host", "unavailable-features", "name", "max",
				  "unavailable-features", "name", "qemu64",
				  "unavailable-features", "name", "EPYC",
				  "unavailable-features", "avx2", "sha-ni", "name", "old"),
	};
	source = (struct source_facts){ .running = true,
					.qemu_version = (char *)"7.2.18",
					.kvm = true,
					.machine = (char *)"pc-q35-7.2",
					.cpu_model = (char *)"CPU A",
					.cpu_flags = (char *)"fpu vme avx2" };
	host = (struct host_facts){ .live = true,
				    .kvm = FACT_YES,
				    .cpu_model = "CPU A",
				    .cpu_flags = (char *)"avx2 fpu vme" };
	b.topo.qemu = &qemu;
	b.topo.source = &source;
	b.topo.host = &host;
	b.topo.vm = "demo";
}

static void end(void)
{
	json_decref(qemu.machines);
	json_decref(qemu.cpus);
	topo_build_free(&b);
}

static void run(void)
{
	topo_build_run(&b, SCOPE(SCOPE_TARGET));
}

static void test_machine(void)
{
	begin(DEFINITION("pc-q35-7.2", "\"qemu64\""));
	run();
	passes(&b, "machine-unsupported");
	passes(&b, "qemu-older");
	source.machine = (char *)"pc-q35-9.0";
	source.qemu_version = (char *)"9.0.1";
	run();
	finds(&b, "machine-unsupported",
	      "its QEMU 8.1.0 (/opt/qemu) has no machine type \"pc-q35-9.0\"");
	passes(&b, "qemu-older"); /* said once is enough */
	b.topo.qemu = NULL;
	run();
	unchecked(&b, "machine-unsupported", "not asked");
	unchecked(&b, "qemu-older", "not asked");
	unchecked(&b, "cpu-incompatible", "not asked");
	end();

	/* It does not run: what it would be started as. */
	begin(DEFINITION("pc-q35-9.0", "\"qemu64\""));
	source.machine = NULL;
	run();
	finds(&b, "machine-unsupported", "\"pc-q35-9.0\"");
	b.topo.def = NULL;
	b.topo.machine = NULL;
	run();
	unchecked(&b, "machine-unsupported", "not known");
	end();

	/* The alias of two versions is two machines. */
	begin(DEFINITION("q35", "\"qemu64\""));
	run();
	finds(&b, "machine-unsupported", "\"q35\" is pc-q35-8.1 in its QEMU 8.1.0");
	source.machine = (char *)"pc-q35-8.1";
	run();
	passes(&b, "machine-unsupported");
	end();
}

static void test_version(void)
{
	static const struct {
		const char *here, *there;
		int older; /* 2: not known */
	} cases[] = {
		{ "7.2.18", "7.2.19", 0 }, { "7.2.0", "7.1.9", 0 },  { "10.0.2", "9.2.0", 0 },
		{ "9.2.0", "10.0.2", 1 },  { "7.1.50", "7.2.0", 1 }, { "eight", "7.2.0", 2 },
		{ "8.0.0", "", 2 },        { "8.0.0", "-1.-2", 2 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		begin(DEFINITION("pc-q35-7.2", "\"qemu64\""));
		qemu.version = (char *)cases[i].here;
		source.qemu_version = (char *)cases[i].there;
		run();
		if (cases[i].older == 0)
			passes(&b, "qemu-older");
		else if (cases[i].older == 1)
			finds(&b, "qemu-older", "is older than the one the VM runs in (");
		else
			unchecked(&b, "qemu-older", "not known on both hosts");
		end();
	}
	begin(DEFINITION("pc-q35-7.2", "\"qemu64\""));
	source.qemu_version = NULL;
	run();
	unchecked(&b, "qemu-older", "none on the source");
	end();
}

static void test_cpu(void)
{
	static char flags[12000];

	begin(DEFINITION("pc-q35-7.2", "\"qemu64\""));
	run();
	passes(&b, "cpu-incompatible");
	end();
	begin(DEFINITION("pc-q35-7.2", "\"Newest\""));
	run();
	finds(&b, "cpu-incompatible", "its QEMU 8.1.0 (/opt/qemu) has no CPU model \"Newest\"");
	end();

	begin(DEFINITION("pc-q35-7.2", "\"EPYC\""));
	run();
	finds(&b, "cpu-incompatible", "lacks of CPU model \"EPYC\": avx2 sha-ni");
	is_int(topo_build_find(&b, "cpu-incompatible", "EPYC")->severity, SEVERITY_ERROR,
	       "enforced, it does not start");
	source.kvm = false;
	run();
	passes(&b, "cpu-incompatible");
	end();
	begin(DEFINITION("pc-q35-7.2", "\"EPYC\", \"enforce\": false"));
	run();
	is_int(topo_build_find(&b, "cpu-incompatible", "EPYC")->severity, SEVERITY_WARNING,
	       "not enforced, the guest may do without");
	end();
	begin(DEFINITION("pc-q35-7.2", "\"old\""));
	run();
	unchecked(&b, "cpu-incompatible", "does not say");
	end();

	begin(DEFINITION("pc-q35-7.2", "\"host\""));
	run();
	passes(&b, "cpu-incompatible"); /* whatever the order of the flags is */
	host.cpu_flags = (char *)"avx2 fpu vmex sse9";
	run();
	finds(&b, "cpu-incompatible", "its CPU lacks: vme (1 flags in all)");
	finds(&b, "cpu-incompatible", "the source's lacks: vmex sse9 (2 flags in all)");
	host.cpu_flags = source.cpu_flags;
	snprintf(host.cpu_model, sizeof(host.cpu_model), "CPU B");
	run();
	finds(&b, "cpu-incompatible", "is \"CPU B\", the source's is \"CPU A\"");
	host.cpu_flags = NULL;
	run();
	unchecked(&b, "cpu-incompatible", "not known");
	b.topo.host = NULL;
	run();
	unchecked(&b, "cpu-incompatible", "not known");
	/* More than can be named. */
	for (size_t i = 0; i + 6 < sizeof(flags); i += 6)
		snprintf(flags + i, 7, "f%04zu ", i / 6);
	source.cpu_flags = flags;
	host.cpu_flags = (char *)"";
	b.topo.host = &host;
	run();
	finds(&b, "cpu-incompatible",
	      "f0000 f0001 f0002 f0003 f0004 f0005 f0006 f0007 f0008 "
	      "f0009 … (1999 flags in all)");
	source.kvm = false;
	run();
	passes(&b, "cpu-incompatible");
	end();
}

static void test_kvm(void)
{
	begin(DEFINITION("pc-q35-7.2", "\"qemu64\""));
	run();
	passes(&b, "kvm-differs");
	host.kvm = FACT_NO;
	run();
	finds(&b, "kvm-differs", "the VM runs under KVM, and /dev/kvm there");
	host.kvm = FACT_UNKNOWN;
	run();
	unchecked(&b, "kvm-differs", "/dev/kvm");
	host.kvm = FACT_YES;
	qemu.kvm = false;
	run();
	finds(&b, "kvm-differs", "does not use KVM");
	source.kvm = false;
	run();
	passes(&b, "kvm-differs");
	qemu.kvm = true;
	run();
	finds(&b, "kvm-differs", "would use KVM");
	is_int(topo_build_find(&b, "kvm-differs", "")->severity, SEVERITY_WARNING,
	       "as a warning");
	source.running = false;
	run();
	passes(&b, "kvm-differs");
	b.topo.host = NULL;
	run();
	unchecked(&b, "kvm-differs", "not asked");
	end();
}

#define OWN_UUID "5A7D9E0C-3f5b-4a57-9d0e-6b1f2c3d4e5f"

static void test_name(void)
{
	struct host_vm vm = { .name = "demo", .uuid = OWN_UUID };

	begin(DEFINITION("pc-q35-7.2", "\"qemu64\""));
	run();
	passes(&b, "name-taken");
	b.topo.vms = &vm;
	b.topo.n_vms = 1;
	run();
	passes(&b, "name-taken"); /* it was here before */
	vm.pid = 4711;
	run();
	finds(&b, "name-taken", "a VM \"demo\" runs there already (process 4711)");
	vm.pid = 0;
	snprintf(vm.uuid, sizeof(vm.uuid), "11111111-2222-4333-8444-555555555555");
	run();
	finds(&b, "name-taken",
	      "another VM is defined there by the name \"demo\" (uuid "
	      "11111111-2222-4333-8444-555555555555)");
	snprintf(vm.name, sizeof(vm.name), "other");
	run();
	passes(&b, "name-taken");
	snprintf(vm.uuid, sizeof(vm.uuid), OWN_UUID);
	run();
	finds(&b, "name-taken", "it has the uuid of \"demo\"");
	b.topo.def = NULL;
	run();
	unchecked(&b, "name-taken", "not asked");
	end();
}

static void test_mac(void)
{
	struct mac macs[] = { { { 0x52, 0x54, 0, 0, 0, 9 } }, { { 0x52, 0x54, 0, 0, 0, 1 } } };
	struct host_vm vm = { .name = "other", .pid = 7, .macs = macs, .n_macs = 2 };
	struct host_link link = { .name = "eth7", .mac = { { 0x52, 0x54, 0, 0, 0, 2 } } };
	struct pci_function function = { .address = "0000:01:10.0", .physfn = "0000:01:00.0" };

	begin(DEFINITION("pc-q35-7.2", "\"qemu64\""));
	run();
	passes(&b, "mac-taken");
	b.topo.vms = &vm;
	b.topo.n_vms = 1;
	host.links = &link;
	host.n_links = 1;
	run();
	finds(&b, "mac-taken",
	      "52:54:00:00:00:01 is a MAC of the VM \"other\" that runs there (process 7)");
	is_str(topo_build_find(&b, "mac-taken", "other")->object, "pair net0", "of the pair");
	finds(&b, "mac-taken", "52:54:00:00:00:02 is the MAC of the link eth7 there");
	is_str(topo_build_find(&b, "mac-taken", "eth7")->object, "NIC nic0", "of the NIC");
	is_int(topo_build_count(&b, "mac-taken"), 2, "no more");
	vm.pid = 0;
	link.mac.byte[5] = 3;
	run();
	passes(&b, "mac-taken"); /* one that does not run */
	link.mac.byte[5] = 2;
	snprintf(link.pci, sizeof(link.pci), "0000:01:10.0");
	host.functions = &function;
	host.n_functions = 1;
	run();
	passes(&b, "mac-taken"); /* of a VF */
	function.physfn[0] = '\0';
	run();
	finds(&b, "mac-taken", "eth7");
	host.n_links = 0;
	host.links_missing = "netlink is not permitted";
	run();
	unchecked(&b, "mac-taken", "netlink is not permitted");
	vm.pid = 7;
	b.topo.host = NULL;
	run();
	unchecked(&b, "mac-taken", "links of the host: not asked");
	finds(&b, "mac-taken", "\"other\"");
	end();
}

static void test_reach(void)
{
	static const struct {
		int errnum;
		const char *rule;
	} cases[] = {
		{ EINVAL, "ssh-config" },
		{ EOPNOTSUPP, "ssh-config" },
		{ ECONNREFUSED, "ssh-unreachable" },
		{ ETIMEDOUT, "ssh-unreachable" },
		{ EHOSTUNREACH, "ssh-unreachable" },
		{ EPROTONOSUPPORT, "ssh-algorithms" },
		{ ENOKEY, "ssh-host-key-unknown" },
		{ EKEYREJECTED, "ssh-host-key-changed" },
		{ EKEYREVOKED, "ssh-host-key-revoked" },
		{ EACCES, "ssh-auth" },
		{ EPERM, "ssh-session" },
		{ ENOENT, "agent-missing" },
		{ ETIME, "agent-missing" },
		{ EPROTOTYPE, "agent-version" },
		{ ENOMEM, NULL },
		{ ECANCELED, NULL },
	};
	struct err err = { .kind = ERR_REFUSED };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct rule *rule;

		err.errnum = cases[i].errnum;
		is_str(reach_rule(&err), cases[i].rule, "%s", strerrordesc_np(err.errnum));
		rule = cases[i].rule ? rule_find(cases[i].rule) : NULL;
		if (cases[i].rule)
			ok(rule && rule->scope == SCOPE_REACH && !rule->check, "is a rule");
	}
	/* Every errno that has a rule has one that there is: rule_report() relies on it. */
	for (err.errnum = 1; err.errnum < 134; err.errnum++)
		if (reach_rule(&err) && !rule_find(reach_rule(&err)))
			ok(false, "no rule %s", reach_rule(&err));
	err = (struct err){ .kind = ERR_USAGE, .errnum = EINVAL };
	is_str(reach_rule(&err), NULL, "a host's name that is wrong is no rule's");
	err = (struct err){ .kind = ERR_INTERNAL, .errnum = EACCES };
	is_str(reach_rule(&err), NULL, "nor is an internal error");
}

int main(void)
{
	test_machine();
	test_version();
	test_cpu();
	test_kvm();
	test_name();
	test_mac();
	test_reach();
	return done_testing();
}
