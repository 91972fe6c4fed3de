/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a QEMU says of itself: the real one, and programs that are none.
 */
#include "host/qemu_probe.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "fake_qemu.h"
#include "host/qemu_buses.h"
#include "tap.h"
#include "topo_build.h"

#define X86 "qemu-system-x86_64"

static struct loop *loop;
static char dir[] = "/tmp/vmfo-probe-XXXXXX";

/* A script that takes QEMU's place.  Return: its path, which the caller frees. */
static char *make_script(const char *body)
{
	char *path = str_printf("%s/qemu", dir);
	FILE *f = fopen(path, "w");

	if (!f)
		bail("fopen %s", path);
	fprintf(f, "#!/bin/bash\n%s\n", body);
	fclose(f);
	chmod(path, 0755);
	return path;
}

#define GREET \
	"echo '{\"QMP\":{\"version\":{\"qemu\":{\"micro\":1,\"minor\":2,\"major\":9}}}}' >&3\n"

static void test_failures(void)
{
	static const struct {
		const char *script;
		int r;
		const char *message, *also;
	} failures[] = {
		{ "echo first >&2; echo 'qemu: bad option' >&2; exit 1", -EPIPE,
		  "exit status 1", "it said: qemu: bad option" },
		{ "exit 0", -EPIPE, "QEMU ended", "exit status 0" },
		{ "kill -9 $$", -EPIPE, "killed by signal 9", "QEMU ended" },
		{ "echo hello >&3", -EBADMSG, "not JSON", "hello" },
		{ GREET
		  "read -r line <&3; echo '{\"return\":{},\"id\":1}' >&3; read -r line <&3\n"
		  "echo '{\"error\":{\"desc\":\"no idea\"},\"id\":2}' >&3; exec sleep 100",
		  -EREMOTEIO, "query-machines: no idea", "still running" },
	};
	struct qemu_facts *facts;
	struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(failures); i++) {
		_cleanup_free_ char *path = make_script(failures[i].script);

		is_int(qemu_probe(loop, path, NULL, &facts, &err), failures[i].r,
		       "QEMU fails, %zu", i);
		like(err.msg, failures[i].message, "the message says how");
		like(err.msg, failures[i].also, "and more");
		like(err.msg, path, "and which binary");
		is_int(err.kind, ERR_REFUSED, "nothing was changed");
	}
	is_int(qemu_probe(loop, "/nonexistent/qemu", NULL, &facts, &err), -ENOENT,
	       "no such binary");
	like(err.msg, "start /nonexistent/qemu: No such file", "is named");
	is_int(err.kind, ERR_REFUSED, "nothing was changed");
	is_int(qemu_probe(loop, "/etc/passwd", NULL, &facts, &err), -EACCES, "no program");
	is_int(qemu_probe(loop, "/nonexistent/qemu", NULL, &facts, NULL) < 0, true,
	       "who does not want the reason does not get it");
}

static void test_cancel(void)
{
	_cleanup_free_ char *path = make_script("exec sleep 100");
	struct qemu_facts *facts;
	struct err err = ERR_INIT;
	int64_t before = clock_ms();

	loop_cancel(loop, "interrupted (test)");
	is_int(qemu_probe(loop, path, NULL, &facts, &err), -ECANCELED, "a cancelled probe");
	ok(clock_ms() - before < 5000, "ends at once");
	loop_free(loop);
	loop_new(&loop, NULL);
}

static void test_real(void)
{
	struct qemu_facts *facts = NULL;
	struct err err = ERR_INIT;
	int64_t before = clock_ms();

	if (qemu_probe(loop, "qemu-system-x86_64", NULL, &facts, &err) < 0) {
		ok(false, "probe the real QEMU: %s", err.msg);
		return;
	}
	ok(true, "probe the real QEMU (%d ms)", (int)(clock_ms() - before));
	ok(facts->version[0] >= '4' || facts->version[1] != '.', "version %s", facts->version);
	is_str(facts->binary, "qemu-system-x86_64", "its binary");
	ok(qemu_has_machine(facts, "q35"), "it has q35, by its alias");
	ok(qemu_has_machine(facts, "pc-q35-6.2"), "and pc-q35-6.2, by its name");
	ok(!qemu_has_machine(facts, "pc-q35-99.9"), "but no pc-q35-99.9");
	ok(qemu_has_cpu(facts, "qemu64"), "it has the CPU model qemu64");
	ok(!qemu_has_cpu(facts, "no-such-cpu"), "but not no-such-cpu");
	is_str(qemu_machine_name(facts, "pc-q35-6.2"), "pc-q35-6.2", "a name is a name");
	ok(str_starts(qemu_machine_name(facts, "q35"), "pc-q35-"), "an alias is one: %s",
	   qemu_machine_name(facts, "q35"));
	is_str(qemu_machine_name(facts, "nope"), "nope", "what is not there stays");
	ok(!qemu_machine_deprecated(facts, "q35"), "q35 is not deprecated");
	ok(!qemu_machine_deprecated(facts, "nope"), "nor is what is not there");
	ok(facts->json_device, "its -device takes JSON");
	ok(facts->wait_unplug, "its migrations have wait-unplug");
	is_int(qemu_has_device(facts, "vfio-pci", "failover_pair_id"), 1, "vfio-pci pairs");
	is_int(qemu_has_device(facts, "virtio-net-pci", "failover"), 1, "virtio-net-pci too");
	is_int(qemu_has_device(facts, "virtio-net-pci", "colour"), 0, "it has no colour");
	is_int(qemu_has_device(facts, "e1000e", NULL), -ENOENT, "e1000e was not asked");
	qemu_facts_free(facts);
	qemu_facts_free(NULL);
}

static void test_real_devices(void)
{
	struct machine *machine = topo_build_machine(
		"qemu-system-x86_64 -accel tcg -device e1000e -device e1000e,id=b "
		"-device pcie-root-port -device virtio-net -device virtio-scsi -device ahci "
		"-device no-such-device -device pci-device");
	struct qemu_facts *facts = NULL;
	struct err err = ERR_INIT;
	int64_t before = clock_ms();

	if (qemu_probe(loop, "qemu-system-x86_64", machine, &facts, &err) < 0)
		bail("probe the real QEMU: %s", err.msg);
	ok(true, "probe the real QEMU for devices (%d ms)", (int)(clock_ms() - before));
	ok(!facts->kvm, "TCG is no KVM");
	is_int(qemu_has_device(facts, "e1000e", "failover_pair_id"), 1, "it has e1000e");
	is_int(qemu_has_device(facts, "virtio-net", "failover"), 1, "and virtio-net, an alias");
	is_int(qemu_has_device(facts, "virtio-scsi", NULL), 1, "virtio-scsi");
	is_int(qemu_has_device(facts, "ahci", NULL), 1, "ahci, an alias that is unlike it");
	is_int(qemu_has_device(facts, "pcie-root-port", "hotplug"), 1,
	       "ports, whose defaults are numbers of 64 bits");
	is_int(qemu_has_device(facts, "no-such-device", NULL), 0, "but not no-such-device");
	is_int(qemu_has_device(facts, "pci-device", NULL), 0, "nor what is no device");
	is_int(qemu_has_device(facts, "vfio-pci", NULL), 1, "vfio-pci is always asked");
	machine_free(machine);
	qemu_facts_free(facts);
	machine = topo_build_machine("qemu-system-x86_64 -accel no-such-accel");
	ok(qemu_probe(loop, "qemu-system-x86_64", machine, &facts, &err) < 0,
	   "an accelerator that is not");
	like(err.msg, "no-such-accel", "is named");
	machine_free(machine);
}

/* Of one start it says what it says of two. */
static void test_real_machine(void)
{
	struct machine *machine = topo_build_machine(
		"qemu-system-x86_64 -machine q35 -accel tcg -device e1000e -device gone "
		"-device pcie-root-port,id=rp0,chassis=1,hotplug=off");
	struct qemu_facts *facts = NULL, *apart = NULL;
	struct buses *buses = NULL, *also = NULL;
	struct err err = ERR_INIT;

	if (qemu_probe_machine(loop, X86, machine, &facts, &buses, &err) < 0 ||
	    qemu_probe(loop, X86, machine, &apart, &err) < 0 ||
	    qemu_buses_read(loop, X86, machine, &also, &err) < 0)
		bail("probe the real QEMU with a machine: %s", err.msg);
	is_str(facts->version, apart->version, "a machine's QEMU: its version");
	ok(json_equal(facts->machines, apart->machines), "its machines");
	ok(json_equal(facts->cpus, apart->cpus), "its CPU models");
	ok(json_equal(facts->devices, apart->devices), "its devices");
	ok(facts->json_device == apart->json_device &&
		   facts->wait_unplug == apart->wait_unplug &&
		   facts->sandbox == apart->sandbox && facts->kvm == apart->kvm,
	   "what else it can do");
	is_str(buses->machine, also->machine, "the machine of its buses");
	is_int(buses->n, also->n, "how many there are");
	ok(buses_find(buses, "rp0") && !buses_find(buses, "rp0")->hotplug, "and of what kind");
	qemu_facts_free(facts);
	qemu_facts_free(apart);
	buses_free(buses);
	buses_free(also);
	machine_free(machine);
	machine = topo_build_machine("qemu-system-x86_64 -machine no-such-machine");
	ok(qemu_probe_machine(loop, X86, machine, &facts, &buses, &err) < 0,
	   "a machine that is not");
	like(err.msg, "unsupported machine type", "is refused, with what QEMU says");
	machine_free(machine);
}

static int probe_fake(const char *answers, struct qemu_facts **facts, struct err *err)
{
	_cleanup_free_ char *path = fake_qemu_make(dir, answers);

	return qemu_probe(loop, path, NULL, facts, err);
}

#define BASIC "\"query-machines\": [], \"query-cpu-definitions\": [],"

static void test_schema(void)
{
	struct qemu_facts *facts;
	struct err err = ERR_INIT;

	if (probe_fake("{" BASIC "\"query-kvm\": {\"enabled\": true, \"present\": true},"
		       "\"query-machines\": [{\"name\": \"old\", \"alias\": \"o\","
		       " \"deprecated\": true}],"
		       "\"device-list-properties vfio-pci\": [{\"name\": \"host\"}, 3, {}],"
		       "\"query-qmp-schema\": ["
		       "{\"name\": \"1\", \"meta-type\": \"enum\","
		       " \"values\": [\"postcopy-active\", \"wait-unplug\"]},"
		       "{\"name\": \"migrate-set-parameters\", \"meta-type\": \"command\","
		       " \"arg-type\": \"2\"},"
		       "{\"name\": \"2\", \"meta-type\": \"object\","
		       " \"members\": [{\"name\": \"unplug-timeout\"}]},"
		       "{\"name\": \"query-failover\", \"meta-type\": \"command\"},"
		       "{\"name\": \"failover-replug\", \"meta-type\": \"command\"},"
		       "{\"name\": \"query-pci-failover-buses\", \"meta-type\": \"command\"},"
		       "{\"name\": \"FAILOVER_PRIMARY_CHANGED\", \"meta-type\": \"event\"}]}",
		       &facts, &err) < 0)
		bail("%s", err.msg);
	is_str(facts->version, "9.2.1", "a QEMU with all additions");
	ok(facts->kvm, "has KVM");
	ok(facts->wait_unplug && !facts->json_device && !facts->sandbox, "and what it says");
	ok(facts->patches.unplug_timeout && facts->patches.query_failover &&
		   facts->patches.failover_replug && facts->patches.failover_buses &&
		   facts->patches.primary_event,
	   "the additions are seen");
	is_int(qemu_has_device(facts, "vfio-pci", "host"), 1, "a property among odd ones");
	is_int(qemu_has_device(facts, "virtio-net-pci", NULL), 0, "a device that is not");
	ok(qemu_machine_deprecated(facts, "o") && qemu_machine_deprecated(facts, "old"),
	   "a deprecated machine, by its name and by its alias");
	qemu_facts_free(facts);
	if (probe_fake("{" BASIC "\"query-qmp-schema\": [7, {}, {\"name\": \"migrate-set-parame"
		       "ters\", \"meta-type\": \"command\"}, {\"values\": \"wait-unplug\"},"
		       "{\"name\": \"query-failover\", \"meta-type\": \"event\"},"
		       "{\"name\": \"device_add\", \"meta-type\": \"command\","
		       " \"features\": [1, \"json-cli-hotplug\"]}]}",
		       &facts, &err) < 0)
		bail("%s", err.msg);
	ok(facts->json_device && !facts->kvm, "a feature among odd ones; no KVM in the build");
	ok(!facts->wait_unplug && !facts->patches.unplug_timeout &&
		   !facts->patches.query_failover && !facts->patches.failover_replug &&
		   !facts->patches.failover_buses && !facts->patches.primary_event,
	   "what is not there is not seen");
	qemu_facts_free(facts);
}

static void test_hostile(void)
{
	struct qemu_facts *facts = NULL;
	struct err err = ERR_INIT;

	is_int(probe_fake("{\"query-machines\": {}}", &facts, &err), -EPROTO, "no list");
	like(err.msg, "query-machines: the answer is no list", "is said");
	is_int(probe_fake("{" BASIC "\"query-qmp-schema\": \"x\"}", &facts, &err), -EPROTO,
	       "a schema that is none");
	is_int(probe_fake("{" BASIC "\"query-machines\": [1, {\"name\": 2}],"
			  "\"query-qmp-schema\": [],"
			  "\"device-list-properties\": {\"name\": 3}}",
			  &facts, &err),
	       0, "lists of anything");
	ok(!qemu_has_machine(facts, "q35") && !qemu_has_cpu(facts, "x") &&
		   qemu_has_device(facts, "vfio-pci", NULL) == 1 &&
		   qemu_has_device(facts, "vfio-pci", "name") == 0,
	   "have nothing");
	qemu_facts_free(facts);
}

static void test_running(void)
{
	_cleanup_free_ char *qemu = NULL, *path = str_printf("%s/qmp", dir);
	struct machine *machine = topo_build_machine("qemu -device e1000e -device gone");
	struct qemu_facts *facts = NULL;
	struct err err = ERR_INIT;
	struct qmp *qmp = NULL;

	qemu = str_printf("qemu-system-x86_64 -machine q35 -nodefaults -display none -S "
			  "-accel tcg -daemonize -pidfile %s/pid -qmp unix:%s,server,nowait",
			  dir, path);
	if (system(qemu) != 0 || qmp_connect(loop, path, deadline_in(10000), &qmp, &err) < 0)
		bail("start a QEMU: %s", err.msg);
	is_int(qemu_probe_running(qmp, "it", machine, deadline_in(10000), &facts, &err), 0,
	       "one that runs");
	if (facts) {
		ok(facts->wait_unplug && qemu_has_machine(facts, "q35"), "says the same");
		is_int(qemu_has_device(facts, "e1000e", NULL), 1, "of devices, too");
		is_int(qemu_has_device(facts, "gone", NULL), 0, "also of what it has not");
		ok(qmp_alive(qmp), "and goes on running");
	}
	qemu_facts_free(facts);
	qmp_command(qmp, "quit", NULL, deadline_in(5000), NULL, NULL);
	is_int(qemu_probe_running(qmp, "it", NULL, deadline_in(5000), &facts, &err), -EPIPE,
	       "one that has ended");
	like(err.msg, "ask it what it can do: query-machines", "is told");
	qmp_close(qmp);
	machine_free(machine);
	unlink(path);
	free(path);
	path = str_printf("%s/pid", dir);
	unlink(path);
}

int main(void)
{
	_cleanup_free_ char *path = NULL;

	if (!mkdtemp(dir))
		bail("mkdtemp");
	loop_new(&loop, NULL);
	test_failures();
	test_cancel();
	test_schema();
	test_hostile();
	if (system("command -v qemu-system-x86_64 >/dev/null") == 0) {
		test_real();
		test_real_devices();
		test_real_machine();
		test_running();
	} else {
		skip(1, "qemu-system-x86_64 is not installed");
	}
	loop_free(loop);
	path = str_printf("%s/qemu", dir);
	unlink(path);
	rmdir(dir);
	return done_testing();
}
