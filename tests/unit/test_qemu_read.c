/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Reading a running QEMU: a real one, and by tests/cli/fake-qmp one that is old, broken or
 * hostile.
 */
#include "host/qemu_read.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tap.h"
#include "topo_build.h"

static char folder[] = "/tmp/vmfo-read-XXXXXX";

/* ---- a QEMU, real or not ---- */

struct server {
	pid_t pid;
	char socket[64];
	struct loop *loop;
	struct qmp *qmp;
};

/* argv[1…] may have NULL at its end only. */
static void server_start(struct server *server, const char *const *argv)
{
	struct err err = ERR_INIT;
	int64_t deadline = deadline_in(20000);

	unlink(server->socket);
	server->pid = fork();
	if (server->pid == 0) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, STDOUT_FILENO);
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	if (server->pid < 0 || loop_new(&server->loop, &err) < 0)
		bail("start %s", argv[0]);
	while (qmp_connect(server->loop, server->socket, deadline_in(5000), &server->qmp,
			   &err) < 0) {
		if (clock_ms() > deadline || waitpid(server->pid, NULL, WNOHANG) != 0)
			bail("%s: %s", argv[0], err.msg);
		usleep(20000);
	}
}

static void server_stop(struct server *server)
{
	qmp_close(server->qmp);
	loop_free(server->loop);
	kill(server->pid, SIGKILL);
	waitpid(server->pid, NULL, 0);
	unlink(server->socket);
}

static void fake_start(struct server *server, const char *script)
{
	char file[64];
	const char *const argv[] = { "tests/cli/fake-qmp", server->socket, file, NULL };
	FILE *out;

	snprintf(server->socket, sizeof(server->socket), "%s/fake", folder);
	snprintf(file, sizeof(file), "%s/fake.json", folder);
	out = fopen(file, "w");
	if (!out || fputs(script, out) < 0 || fclose(out) != 0)
		bail("%s", file);
	server_start(server, argv);
}

static int read_guest(struct server *server, const char *text, bool own, int ms,
		      struct guest_facts **facts, struct err *err)
{
	struct machine *machine = topo_build_machine(text);
	const struct guest_question question = { .machine = machine, .own = own };
	int r = qemu_read_guest(server->loop, server->qmp, &question, deadline_in(ms), facts,
				err);

	machine_free(machine);
	return r;
}

static void is_prop(const struct machine *machine, const char *id, const char *property,
		    const char *want)
{
	const struct machine_device *device = machine_find(machine, id);
	char number[32];

	is_str(device ? machine_text(machine, device, property, number) : "no device", want,
	       "%s: %s", id, property);
}

static void test_real_devices(const struct machine *machine)
{
	const struct machine_device *device = machine_find(machine, "p0");

	is_str(device ? device->driver : NULL, "e1000e", "a device's driver");
	is_str(device ? device->bus : NULL, "rp1", "its bus, by name");
	is_str(device ? device->addr : NULL, "0.0", "its address");
	is_str(machine_pair_id(machine, device), "net1", "its pair");
	is_prop(machine, "p0", "mac", "52:54:00:00:00:02");
	is_prop(machine, "p0", "rombar", "0");
	is_prop(machine, "p0", "romfile", NULL);
	is_prop(machine, "p0", "host", NULL);
	is_prop(machine, "net0", "mac", "52:54:00:00:00:01");
	is_prop(machine, "net0", "netdev", NULL);
	is_prop(machine, "net0", "failover_pair_id", NULL);
	is_prop(machine, "rp1", "chassis", "2");
	is_prop(machine, "rp1", "slot", "7");
	is_prop(machine, "rom", "rombar", "1");
	device = machine_find(machine, "net0");
	ok(machine_bool(machine, device, "failover", false), "a standby is one");
	device = machine_find(machine, "rp1");
	is_str(device ? device->addr : NULL, "2.1", "a function's address");
	is_str(device ? device->bus : NULL, "pcie.0", "the root bus");
	ok(machine_bool(machine, device, "hotplug", false), "the port takes devices");
	ok(!machine_find(machine, "p9"), "a hidden primary is not to be seen");
	device = &machine->devices[machine->n_devices - 1];
	is_str(device->driver, "virtio-rng-pci", "the last one has no id");
	ok(!device->id, "none at all");
	for (size_t i = 0; i < machine->n_devices; i++)
		if (machine->devices[i].order != i)
			bail("device %zu has order %zu", i, machine->devices[i].order);
}

#define TWO_PAIRS                                                           \
	"qemu-system-x86_64 -device virtio-net-pci,failover=on,id=net0,"    \
	"mac=52:54:00:00:00:01 -device virtio-net-pci,failover=on,id=net1," \
	"mac=52:54:00:00:00:02 -device virtio-net-pci,id=plain -device e1000e,id=other"

static void test_real(void)
{
	char qmp[128];
	const char *const argv[] = {
		"qemu-system-x86_64",
		"-machine",
		"pc-q35-7.2,accel=tcg",
		"-nodefaults",
		"-no-user-config",
		"-display",
		"none",
		"-S",
		"-m",
		"64",
		"-cpu",
		"qemu64",
		"-qmp",
		qmp,
		"-object",
		"secret,id=sec0,data=hunter2",
		"-global",
		"ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off",
		"-device",
		"pcie-root-port,id=rp0,chassis=1,slot=1,addr=2.0,multifunction=on",
		"-device",
		"pcie-root-port,id=rp1,chassis=2,slot=7,addr=2.1",
		"-device",
		"pcie-root-port,id=rp2,chassis=3,slot=3,addr=2.2",
		"-device",
		"virtio-rng-pci",
		"-device",
		"e1000e,id=rom,addr=9",
		/* Before its standby: it is plugged at once. */
		"-device",
		"e1000e,id=p0,bus=rp1,mac=52:54:00:00:00:02,failover_pair_id=net1,romfile=",
		"-device",
		"virtio-net-pci,id=net1,mac=52:54:00:00:00:02,failover=off",
		"-device",
		"virtio-net-pci,id=net0,bus=rp0,mac=52:54:00:00:00:01,failover=on",
		"-device",
		"e1000e,id=p9,bus=rp2,mac=52:54:00:00:00:01,failover_pair_id=net0",
		NULL,
	};
	struct server server = { 0 };
	struct err err = ERR_INIT;
	struct machine *machine;
	struct guest_facts *facts;
	const struct guest_pair *pair;

	snprintf(server.socket, sizeof(server.socket), "%s/real", folder);
	snprintf(qmp, sizeof(qmp), "unix:%s,server=on,wait=off", server.socket);
	server_start(&server, argv);
	is_int(qemu_read_machine(server.qmp, deadline_in(10000), &machine, &err), 0,
	       "a real QEMU: %s", err.msg);
	ok(machine->running, "it runs");
	is_str(machine->type, "pc-q35-7.2", "its machine type");
	is_str(machine->cpu, "qemu64", "its CPU");
	is_int(machine->memory_mib, 64, "its memory");
	is_str(machine->accel.n == 1 ? machine->accel.v[0] : NULL, "tcg", "its accelerator");
	ok(!machine->huge_pages && !machine->preallocated, "ordinary memory");
	is_int((intmax_t)machine->n_objects, 2, "its objects");
	for (size_t i = 0; i < machine->n_objects; i++)
		ok(!str_eq(machine->objects[i].type, "secret") ||
			   json_object_size(machine->objects[i].props) == 0,
		   "of object %s no secret is read", machine->objects[i].id);
	test_real_devices(machine);
	machine_free(machine);

	is_int(read_guest(&server, TWO_PAIRS, true, 10000, &facts, &err), 0, "its guest: %s",
	       err.msg);
	is_str(facts->runstate, "prelaunch", "the run state");
	is_int((intmax_t)facts->n_pairs, 2, "two pairs");
	pair = guest_find_pair(facts, "net0");
	ok(pair && pair->driver_ok == FACT_NO && pair->negotiated == FACT_NO,
	   "no guest, no driver");
	ok(pair && pair->primary_plugged == FACT_NO && pair->interfaces == -1, "no primary");
	like(pair ? pair->why_interfaces : "", "no guest agent", "nor a guest agent");
	pair = guest_find_pair(facts, "net1");
	ok(pair && pair->primary_plugged == FACT_YES, "the other pair has its primary");
	ok(pair && pair->indicator == INDICATOR_UNKNOWN, "its slot's indicator is unknown");
	like(pair ? pair->why_indicator : "", "window onto PCI configuration space",
	     "no firmware has made a window yet");
	guest_facts_free(facts);

	is_int(read_guest(&server, TWO_PAIRS, false, 10000, &facts, &err), 0,
	       "as one that is not vmfo's own");
	pair = guest_find_pair(facts, "net1");
	like(pair ? pair->why_indicator : "", "of its own only", "its indicator is not read");
	guest_facts_free(facts);
	server_stop(&server);
}

/* An ACPI slot has nothing to read. */
static void test_real_acpi(void)
{
	char qmp[128];
	const char *const argv[] = {
		"qemu-system-x86_64",
		"-machine",
		"pc-q35-7.2,accel=tcg",
		"-nodefaults",
		"-display",
		"none",
		"-S",
		"-qmp",
		qmp,
		"-device",
		"pcie-root-port,id=rp1,chassis=2,slot=7",
		"-device",
		"e1000e,id=p0,bus=rp1,failover_pair_id=net0,romfile=",
		NULL,
	};
	struct server server = { 0 };
	struct err err = ERR_INIT;
	struct guest_facts *facts;

	snprintf(server.socket, sizeof(server.socket), "%s/real", folder);
	snprintf(qmp, sizeof(qmp), "unix:%s,server=on,wait=off", server.socket);
	server_start(&server, argv);
	is_int(read_guest(&server, TWO_PAIRS, false, 10000, &facts, &err), 0, "ACPI: %s",
	       err.msg);
	ok(facts->pairs[0].primary_plugged == FACT_YES &&
		   facts->pairs[0].indicator == INDICATOR_NONE,
	   "an ACPI slot's indicator does not matter");
	like(facts->pairs[0].why, "Path", "a standby that QEMU does not have: %s",
	     facts->pairs[0].why);
	guest_facts_free(facts);
	server_stop(&server);
}

static void expect_machine(const char *script, int r, const char *text, const char *what)
{
	struct server server = { 0 };
	struct err err = ERR_INIT;
	struct machine *machine = NULL;
	int64_t begun;

	fake_start(&server, script);
	begun = clock_ms();
	is_int(qemu_read_machine(server.qmp, deadline_in(1500), &machine, &err), r, "%s: %s",
	       what, err.msg);
	like(err.msg, text, "the message");
	ok(clock_ms() - begun < 5000, "in time");
	machine_free(machine);
	server_stop(&server);
}

#define CHILD(name) "{\"name\":\"" name "\",\"type\":\"child<x>\"}"

static void test_hostile_machine(void)
{
	_cleanup_free_ char *many = NULL;
	struct strv names = { 0 };
	char *list;

	expect_machine("{}", 0, "", "one that refuses everything");
	expect_machine("{\"answers\":{\"*\":0,\"qom-list\":{\"$hang\":true}}}", -ETIMEDOUT,
		       "not answered qom-list", "one that hangs");
	expect_machine("{\"answers\":{\"qom-list\":{\"$end\":true}}}", -EPIPE, "QEMU ended",
		       "one that ends");
	expect_machine("{\"answers\":{\"qom-list\":17}}", -EPROTO, "no list", "a number");
	expect_machine("{\"answers\":{\"query-pci\":{\"$line\":\"{{{\"}}}", -EPIPE, "not JSON",
		       "no JSON");
	expect_machine(
		"{\"answers\":{\"qom-get\":[],\"qom-list\":[" CHILD(
			"a") "],"
			     "\"query-pci\":{\"a\":1},\"query-cpus-fast\":[{\"qom-path\":[]}],"
			     "\"query-kvm\":[],\"query-memory-size-summary\":\"x\"}}",
		0, "", "nothing of the type that it should be");
	expect_machine("{\"answers\":{\"query-pci\":{\"$huge\":20000000}}}", -EPIPE,
		       "more than 16777216 bytes", "an answer of 20 MB");
	for (int i = 0; i < 600; i++)
		strv_addf(&names, "{\"name\":\"d%d\",\"type\":\"child<x>\"}", i);
	list = strv_join(&names, ",");
	many = str_printf("{\"answers\":{\"qom-get\":\"\",\"qom-list\":[%s]}}", list);
	expect_machine(many, -E2BIG, "1200 devices", "two times 600 devices");
	free(list);
	strv_clear(&names);
}

#define RP_PRIMARY                                                                        \
	"\"/machine\":{\"type\":\"x\"},\"/machine/peripheral\":{\"type\":\"container\"}," \
	"\"/machine/peripheral/p0\":{\"type\":\"e1000e\",\"failover_pair_id\":\"net0\","  \
	"\"parent_bus\":\"/machine/peripheral/rp0/rp0\"},"                                \
	"\"/machine/peripheral/rp0/rp0\":{\"type\":\"PCIE\","                             \
	"\"hotplug-handler\":\"/machine/peripheral/rp0\"}"
#define WINDOW "\"human-monitor-command qom-get /machine/q35 MCFG\":\"2952790016\\r\\n\""
#define WHERE(slot)                                                                  \
	"\"query-pci\":[{\"devices\":[{\"qdev_id\":\"rp0\",\"bus\":0,\"slot\":" slot \
	",\"function\":0,\"id\":{\"vendor\":6966,\"device\":12},\"regions\":[]}]}]"
#define XP(at, value)                                                                     \
	"\"human-monitor-command xp /1hx 0xb0010" at "\":\"00000000b0010" at ": 0x" value \
	"\\r\\n\""
#define CARD XP("000", "1b36") "," XP("002", "000c") "," XP("034", "0040")

static void expect_indicator(const char *answers, enum slot_indicator want, const char *text,
			     const char *what)
{
	_cleanup_free_ char *script =
		str_printf("{\"qom\":{" RP_PRIMARY "},\"answers\":{%s}}", answers);
	struct server server = { 0 };
	struct err err = ERR_INIT;
	struct guest_facts *facts = NULL;

	fake_start(&server, script);
	is_int(read_guest(&server, TWO_PAIRS, true, 3000, &facts, &err), 0, "%s: %s", what,
	       err.msg);
	is_int(facts ? (int)facts->pairs[0].indicator : -1, want, "the indicator");
	like(facts ? facts->pairs[0].why_indicator : "no facts", text, "why");
	guest_facts_free(facts);
	server_stop(&server);
}

static void test_indicator(void)
{
	expect_indicator(WINDOW
			 "," WHERE("2") "," CARD
					"," XP("040", "5401") "," XP("054",
								     "0010") "," XP("06c",
										    "02f1"),
			 INDICATOR_BLINKING, "", "a slot that blinks");
	expect_indicator(WINDOW "," WHERE("2") "," CARD
					       "," XP("040", "0010") "," XP("058", "01f1"),
			 INDICATOR_ON, "", "one that is on");
	expect_indicator(WINDOW "," WHERE("2") "," CARD
					       "," XP("040", "0010") "," XP("058", "00f1"),
			 INDICATOR_UNKNOWN, "do not say it", "a reserved value");
	expect_indicator(WINDOW "," WHERE("2") "," CARD "," XP("040", "4005"),
			 INDICATOR_UNKNOWN, "do not say it",
			 "a list of capabilities in a ring");
	expect_indicator(WINDOW "," WHERE("2") "," XP("000", "ffff") "," XP("002", "ffff"),
			 INDICATOR_UNKNOWN, "does not answer where", "another device there");
	expect_indicator(WINDOW, INDICATOR_UNKNOWN, "does not say where port rp0 is",
			 "no query-pci");
	expect_indicator("\"x\":1", INDICATOR_UNKNOWN, "window", "no human monitor");
}

static void expect_why(const char *script, const char *runstate, const char *why,
		       const char *what)
{
	struct server server = { 0 };
	struct err err = ERR_INIT;
	struct guest_facts *facts = NULL;
	int r;

	fake_start(&server, script);
	r = read_guest(&server, TWO_PAIRS, true, 3000, &facts, &err);
	is_int(r, 0, "%s: %s", what, err.msg);
	is_str(facts ? facts->runstate : NULL, runstate, "the run state");
	is_int(facts ? (int)facts->pairs[0].negotiated : -1, FACT_UNKNOWN,
	       "negotiation unknown");
	like(facts ? facts->pairs[0].why : "", why, "why");
	guest_facts_free(facts);
	server_stop(&server);
}

static void test_odd_guests(void)
{
	struct server server = { 0 };
	struct err err = ERR_INIT;
	struct guest_facts *facts = NULL;

	expect_why(
		"{\"version\":[6,2,0],\"answers\":{\"query-status\":{\"status\":\"running\"}}}",
		"running", "QEMU 6.2.0 has no x-query-virtio-status", "an old QEMU");
	expect_why(
		"{\"answers\":{\"x-query-virtio-status\":{\"$error\":\"Path \\u001b[2J\"},"
		"\"query-status\":{\"status\":\"\\u001b[2Jxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}}}",
		"?[2Jxxxxxxxxxxxxxxxxxxxxxxxxxxx", "Path ?[2J", "one that refuses, rudely");
	expect_why("{\"version\":[99,0,0],\"answers\":{\"x-query-virtio-status\":{\"a\":1},"
		   "\"query-status\":[]}}",
		   "", "QEMU 99.0.0 tells what the guest has accepted in a form",
		   "one of another form");

	fake_start(&server, "{\"answers\":{\"x-query-virtio-status\":{\"$hang\":true}}}");
	is_int(read_guest(&server, TWO_PAIRS, true, 300, &facts, &err), -ETIMEDOUT,
	       "one that hangs");
	like(err.msg, "pair net0", "with which question");
	server_stop(&server);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	if (!mkdtemp(folder))
		bail("mkdtemp");
	test_real();
	test_real_acpi();
	test_hostile_machine();
	test_indicator();
	test_odd_guests();
	if (chdir(folder) == 0)
		unlink("fake.json");
	rmdir(folder);
	return done_testing();
}
