/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The PCI buses of a machine, and which can hold a primary: of real QEMUs, of a QEMU that
 * says what it likes, and what is made of them.
 */
#include "host/qemu_buses.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "fake_qemu.h"
#include "tap.h"
#include "topo_build.h"

#define X86 "qemu-system-x86_64"
#define PPC64 "qemu-system-ppc64"

static struct loop *loop;
static char dir[] = "/tmp/vmfo-buses-XXXXXX";

/* The buses of a command line, its binary asked; NULL after a failed test. */
static struct buses *buses_of(const char *text)
{
	struct machine *machine = topo_build_machine(text);
	struct buses *buses = NULL;
	struct err err = ERR_INIT;
	int r = qemu_buses_read(loop, machine->binary, machine, &buses, &err);

	ok(r == 0, "%s: %s", text, r == 0 ? "asked" : err.msg);
	machine_free(machine);
	return buses;
}

/*
 * Whether a bus is as described. handler: NULL: it differs between QEMUs. part: of the reason
 * against it, NULL: it takes a primary.
 */
static void is_bus(const struct buses *buses, const char *name, const char *type,
		   const char *owner, const char *handler, const char *part)
{
	const struct bus *bus = buses ? buses_find(buses, name) : NULL;
	const char *why = NULL;

	if (!ok(bus, "there is a bus %s", name))
		return;
	is_str(bus->type, type, "%s: type", name);
	is_str(bus->owner, owner, "%s: owner", name);
	if (handler)
		is_str(bus->handler, handler, "%s: handler", name);
	if (!part) {
		ok(bus_takes_primary(bus, &why), "%s takes a primary", name);
		return;
	}
	ok(!bus_takes_primary(bus, &why), "%s takes no primary", name);
	like(why, part, "%s: and says why", name);
}

/* ---- real ones ---- */

#define CONVENTIONAL "conventional PCI"
#define ROOT "a root bus"

static void test_q35(void)
{
	struct buses *buses = buses_of(
		X86 " -machine pc-q35-7.2 -cpu no-such-cpu -m 99999999 -netdev tap,id=t"
		    " -device pcie-root-port,id=rp,chassis=1,multifunction=on,addr=2.0"
		    " -device pcie-root-port,id=rp1,chassis=2,addr=2.1"
		    " -device pcie-root-port,id=off,chassis=3,hotplug=off"
		    " -device pcie-root-port,chassis=4"
		    " -device x3130-upstream,bus=rp,id=up"
		    " -device xio3130-downstream,bus=up,id=down,chassis=5"
		    " -device ioh3420,id=ioh,chassis=6"
		    " -device i82801b11-bridge,id=dmi"
		    " -device pcie-pci-bridge,id=conv"
		    " -device pxb-pcie,id=pxb,bus_nr=80,bus=pcie.0"
		    " -device pcie-root-port,id=rppxb,bus=pxb,chassis=7"
		    " -device virtio-net-pci,netdev=t,failover=on,id=net0,bus=rp1"
		    " -device '{\"driver\":\"pcie-root-port\",\"id\":\"json\",\"chassis\":8,"
		    "\"hotplug\":true}'");

	if (!buses)
		return;
	is_str(buses->machine, "pc-q35-7.2", "it is that machine's");
	is_bus(buses, "pcie.0", "PCIE", "q35-pcihost", NULL, ROOT);
	ok(buses->list[0].root && str_eq(buses->list[0].name, "pcie.0"),
	   "the machine's root bus comes first, before a bus of that name at a port");
	is_int(buses->n, 13, "all buses are there, that of the port without an id too");
	is_bus(buses, "rp", "PCIE", "pcie-root-port", "ICH9-LPC", NULL);
	is_bus(buses, "rp1", "PCIE", "pcie-root-port", "ICH9-LPC", NULL);
	/* Of ports that come after a pxb, QEMU leaves ACPI out. JSON comes last. */
	is_bus(buses, "json", "PCIE", "pcie-root-port", "pcie-root-port", NULL);
	is_bus(buses, "off", "PCIE", "pcie-root-port", NULL, "hotplug=off");
	is_bus(buses, "down", "PCIE", "xio3130-downstream", "ICH9-LPC", NULL);
	is_bus(buses, "ioh", "PCIE", "ioh3420", "ICH9-LPC", NULL);
	is_bus(buses, "conv", "PCI", "pcie-pci-bridge", "ICH9-LPC", CONVENTIONAL);
	is_bus(buses, "dmi", "PCI", "i82801b11-bridge", "ICH9-LPC", CONVENTIONAL);
	is_bus(buses, "pxb", "PCIE", "pxb-host", "", ROOT);
	is_bus(buses, "rppxb", "PCIE", "pcie-root-port", "pcie-root-port", NULL);
	ok(buses_find(buses, "rppxb")->native && !buses_find(buses, "rp")->native,
	   "the port behind the pxb is native, those of the root bus are ACPI's");
	is_str(buses_find(buses, "rp")->path, "/machine/peripheral/rp/rp", "a bus's path");
	ok(!buses_find(buses, "net0") && !buses_find(buses, "no"), "and no others");
	buses_free(buses);
}

static void test_native(void)
{
	struct buses *buses =
		buses_of(X86 " -machine pc-q35-7.2"
			     " -global ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off"
			     " -device pcie-root-port,id=rp,chassis=1"
			     " -device x3130-upstream,bus=rp,id=up"
			     " -device xio3130-downstream,bus=up,id=down,chassis=2");

	is_bus(buses, "rp", "PCIE", "pcie-root-port", "pcie-root-port", NULL);
	is_bus(buses, "down", "PCIE", "xio3130-downstream", "xio3130-downstream", NULL);
	is_bus(buses, "up", "PCIE", "x3130-upstream", "", "no hot-plug controller");
	ok(buses && buses_find(buses, "rp")->native, "and is native");
	buses_free(buses);
	buses = buses_of(X86 " -machine pc-q35-7.2 -global pcie-root-port.hotplug=off"
			     " -device pcie-root-port,id=rp,chassis=1");
	is_bus(buses, "rp", "PCIE", "pcie-root-port", NULL, "hotplug=off");
	buses_free(buses);
}

static void test_pc(void)
{
	struct buses *buses = buses_of(X86 " -machine pc"
					   " -device pci-bridge,id=br,chassis_nr=1,shpc=on"
					   " -device pxb,id=pxb,bus_nr=20");

	is_bus(buses, "pci.0", "PCI", "i440FX-pcihost", "PIIX4_PM", CONVENTIONAL);
	is_bus(buses, "br", "PCI", "pci-bridge", "PIIX4_PM", CONVENTIONAL);
	ok(buses && buses_find(buses, "br")->partial_unplug,
	   "ACPI could unplug partially, were it PCI Express");
	is_bus(buses, "pxb", "PCI", "pci-bridge", "", CONVENTIONAL);
	buses_free(buses);
	buses = buses_of(X86 " -machine pc"
			     " -global PIIX4_PM.acpi-pci-hotplug-with-bridge-support=off"
			     " -device pci-bridge,id=br,chassis_nr=1,shpc=on");
	is_bus(buses, "br", "PCI", "pci-bridge", "pci-bridge", CONVENTIONAL);
	ok(buses && !buses_find(buses, "br")->partial_unplug &&
		   !buses_find(buses, "br")->native,
	   "SHPC cannot");
	buses_free(buses);
	buses = buses_of(X86 " -machine pc -machine acpi=off -device pci-bridge,id=br,"
			     "chassis_nr=1,shpc=off");
	is_bus(buses, "pci.0", "PCI", "i440FX-pcihost", "", CONVENTIONAL);
	is_bus(buses, "br", "PCI", "pci-bridge", "", CONVENTIONAL);
	buses_free(buses);
	buses = buses_of(X86);
	ok(buses && *buses->machine && !str_eq(buses->machine, "none"),
	   "no machine type given: the default one, %s", buses ? buses->machine : "");
	buses_free(buses);
	buses = buses_of(X86 " -machine isapc");
	is_int(buses ? buses->n : 1, 0, "a machine without PCI");
	ok(buses && !buses_find(buses, "pci.0"), "has no pci.0");
	buses_free(buses);
}

static void test_pseries(void)
{
	struct buses *buses = buses_of(PPC64 " -machine pseries"
					     " -device pci-bridge,id=br,chassis_nr=1"
					     " -device spapr-pci-host-bridge,index=1,id=phb"
					     " -device e1000e,bus=phb.0");
	const char *why;

	is_bus(buses, "pci.0", "PCI", "spapr-pci-host-bridge", "spapr-pci-host-bridge",
	       CONVENTIONAL);
	is_bus(buses, "phb.0", "PCI", "spapr-pci-host-bridge", "spapr-pci-host-bridge",
	       CONVENTIONAL);
	if (buses) {
		struct bus bus = *buses_find(buses, "pci.0");

		ok(bus.root && !bus.partial_unplug && !bus.native, "sPAPR cannot do it");
		is_str(buses->list[0].name, "pci.0", "the machine's own root bus is first");
		snprintf(bus.type, sizeof(bus.type), "PCIE");
		bus.root = false;
		ok(!bus_takes_primary(&bus, &why), "nor could it with PCI Express");
		like(why, "its hot-plug controller cannot", "and that is why");
	}
	buses_free(buses);
}

/* A QEMU that runs, with as many pairs as it has slots for ports. */
static void test_running(void)
{
	_cleanup_free_ char *path = str_printf("%s/qmp", dir);
	_cleanup_free_ char *pid = str_printf("%s/pid", dir);
	_cleanup_(strv_clear) struct strv words = { 0 };
	_cleanup_free_ char *command = NULL;
	struct buses *buses = NULL;
	struct err err = ERR_INIT;
	struct qmp *qmp = NULL;
	int64_t before;

	strv_addf(&words,
		  X86 " -machine pc-q35-7.2 -nodefaults -display none -S -accel tcg -daemonize "
		      "-pidfile %s -qmp unix:%s,server=on,wait=off",
		  pid, path);
	for (int i = 0; i < 200; i++)
		strv_addf(
			&words,
			"-device pcie-root-port,id=p%d,chassis=%d,addr=%x.%d,multifunction=on",
			i, i + 1, i / 8 + 2, i % 8);
	for (int i = 0; i < 64; i++)
		strv_addf(&words, "-device virtio-net-pci,id=n%d,bus=p%d,failover=on", i, i);
	strv_add(&words, "2>/dev/null");
	command = strv_join(&words, " ");
	if (system(command) != 0 || qmp_connect(loop, path, deadline_in(10000), &qmp, &err) < 0)
		bail("start a QEMU: %s", err.msg);
	before = clock_ms();
	is_int(qemu_buses_ask(qmp, deadline_in(10000), &buses, &err), 0,
	       "one that runs, with 200 ports and 64 standbys");
	ok(clock_ms() - before < 5000, "answers soon (%d ms)", (int)(clock_ms() - before));
	if (buses)
		is_int(buses->n, 201, "all its buses");
	is_bus(buses, "p199", "PCIE", "pcie-root-port", "ICH9-LPC", NULL);
	buses_free(buses);
	qmp_command(qmp, "quit", NULL, deadline_in(5000), NULL, NULL);
	is_int(qemu_buses_ask(qmp, deadline_in(5000), &buses, &err), -EPIPE,
	       "one that has ended");
	qmp_close(qmp);
	unlink(path);
	unlink(pid);
}

static void test_refused(void)
{
	struct machine *machine = topo_build_machine(X86 " -machine no-such-machine");
	struct buses *buses = NULL;
	struct err err = ERR_INIT;
	char *text;

	ok(qemu_buses_read(loop, X86, machine, &buses, &err) < 0, "a machine that is not");
	is_int(err.kind, ERR_REFUSED, "is refused");
	like(err.msg, "the PCI buses of no-such-machine", "the message has the machine");
	like(err.msg, "unsupported machine type", "and what QEMU says");
	ok(!buses, "nothing is returned");
	machine_free(machine);
	machine = topo_build_machine(
		X86 " -machine q35 -device pcie-root-port,id=a,chassis=1,colour=1");
	ok(qemu_buses_read(loop, X86, machine, &buses, &err) < 0, "a port's unknown property");
	like(err.msg, "colour", "is named");
	ok(qemu_buses_read(loop, "/nonexistent/qemu", machine, &buses, NULL) < 0,
	   "no binary, and nobody wants to know");
	machine_free(machine);
	text = strdup(X86);
	for (int i = 0; i < 1025; i++) {
		char *longer = str_printf("%s -device pcie-root-port", text);

		free(text);
		text = longer;
	}
	machine = topo_build_machine(text);
	is_int(qemu_buses_read(loop, X86, machine, &buses, &err), -E2BIG, "ports without end");
	like(err.msg, "more than 1024 PCI bridges", "are too many");
	machine_free(machine);
	free(text);
}

/* ---- one that says what it likes ---- */

static int ask_fake(const char *answers, struct buses **buses, struct err *err)
{
	_cleanup_free_ char *path = fake_qemu_make(dir, answers);
	struct machine *machine = topo_build_machine("qemu -machine q35");
	int r = qemu_buses_read(loop, path, machine, buses, err);

	machine_free(machine);
	return r;
}

#define LONG_80                                    \
	"0123456789012345678901234567890123456789" \
	"0123456789012345678901234567890123456789"

static void test_hostile(void)
{
	struct buses *buses = NULL;
	struct err err = ERR_INIT;

	is_int(ask_fake("{}", &buses, &err), -EREMOTEIO, "no objects at all");
	like(err.msg, "qom-list /machine: no answer", "the message says so");
	is_int(ask_fake("{\"qom-list\": [{\"name\":\"a\",\"type\":\"child<container>\"},"
			"{\"name\":\"b\",\"type\":\"child<container>\"},"
			"{\"name\":\"c\",\"type\":\"child<container>\"},"
			"{\"name\":\"d\",\"type\":\"child<container>\"},"
			"{\"name\":\"e\",\"type\":\"child<container>\"},"
			"{\"name\":\"f\",\"type\":\"child<container>\"},"
			"{\"name\":\"g\",\"type\":\"child<container>\"}]}",
			&buses, &err),
	       -E2BIG, "objects without end");
	like(err.msg, "more than 8192 objects", "are too many");
	if (ask_fake("{\"qom-list\": 7, \"qom-get\": {\"a\": []}}", &buses, &err) < 0)
		bail("%s", err.msg);
	is_int(buses->n, 0, "no list, and no text: no buses");
	is_str(buses->machine, "", "and no machine");
	buses_free(buses);
	if (ask_fake("{\"qom-list /machine\": [5, {}, {\"name\": 1, \"type\": 2},"
		     "{\"name\":\"x\",\"type\":\"child<\"}, {\"name\":\"x\",\"type\":\"\"},"
		     "{\"name\":\"\",\"type\":\"child<>\"},"
		     "{\"name\":\"" LONG_80 "\",\"type\":\"child<PCIE>\"},"
		     "{\"name\":\"\\u001b[1m\",\"type\":\"child<PCIE>\"},"
		     "{\"name\":\"gone\",\"type\":\"child<pcie-root-port>\"},"
		     "{\"name\":\"addr\",\"type\":\"int32\"},"
		     "{\"name\":\"hotplug\",\"type\":\"bool\"}],"
		     "\"qom-get /machine type\": \"q\\u0007-machine\","
		     "\"qom-get /machine hotplug\": \"off\","
		     "\"qom-get\": \"" LONG_80 "\"}",
		     &buses, &err) < 0)
		bail("%s", err.msg);
	is_int(buses->n, 1, "what is not of the form is passed over");
	is_str(buses->machine, "q?", "control characters are no part of a machine's name");
	is_str(buses->list[0].name, "?[1m", "nor of a bus's");
	is_int(strlen(buses->list[0].handler), sizeof(buses->list[0].handler) - 1,
	       "a long text is cut");
	ok(!buses->list[0].partial_unplug, "an unknown controller is not trusted");
	ok(buses->list[0].hotplug, "only false is false");
	buses_free(buses);
	buses_free(NULL);
}

/* ---- one that judges its buses itself ---- */

#define TREE                                                                       \
	"\"qom-get\": \"/machine/acpi\","                                          \
	"\"qom-get /machine type\": \"pc-machine\","                               \
	"\"qom-get /machine/acpi type\": \"PIIX4_PM\","                            \
	"\"qom-list\": [],"                                                        \
	"\"qom-list /machine\": [{\"name\": \"pci.0\", \"type\": \"child<PCI>\"}," \
	"{\"name\": \"pci.1\", \"type\": \"child<PCI>\"},"                         \
	"{\"name\": \"pcie.0\", \"type\": \"child<PCIE>\"},"                       \
	"{\"name\": \"rp\", \"type\": \"child<PCIE>\"}]"

static void test_verdicts(void)
{
	struct buses *buses;
	struct err err = ERR_INIT;
	const char *why = "";
	json_t *json;

	if (ask_fake(
		    "{" TREE ", \"query-pci-failover-buses\": ["
		    "{\"bus\": \"pci.0\", \"path\": \"/machine/pci.0\", \"supported\": true},"
		    "{\"bus\": \"pci.1\", \"path\": \"/machine/pci.1\", \"supported\": false,"
		    "\"reason\": \"not\\u0007 today\"},"
		    "{\"bus\": \"pcie.0\", \"path\": \"/machine/pcie.0\", \"supported\": false},"
		    "{\"bus\": \"rp\", \"path\": \"/elsewhere/rp\", \"supported\": true},"
		    "{\"path\": \"/machine/rp\", \"supported\": \"yes\"}, 7, {}]}",
		    &buses, &err) < 0)
		bail("%s", err.msg);
	is_int(buses->n, 4, "a judgement adds no bus");
	ok(bus_takes_primary(buses_find(buses, "pci.0"), &why),
	   "what QEMU says outweighs that the bus is conventional");
	ok(!bus_takes_primary(buses_find(buses, "pci.1"), &why), "it refuses another");
	is_str(why, "not? today", "with its reason, as it can be printed");
	ok(!bus_takes_primary(buses_find(buses, "pcie.0"), &why), "a third without a reason");
	is_str(why, "QEMU says no more than that it cannot", "which is told");
	ok(!buses_find(buses, "rp")->judged,
	   "what it says of a bus elsewhere, or in another form, is no judgement");
	json = bus_json(buses_find(buses, "pci.0"));
	is_str(json_string_value(json_object_get(json, "judged_by")), "qemu", "who has judged");
	ok(json_is_true(json_object_get(json, "usable")), "and that it is usable");
	json_decref(json);
	buses_free(buses);

	if (ask_fake("{" TREE "}", &buses, &err) < 0)
		bail("%s", err.msg);
	ok(!bus_takes_primary(buses_find(buses, "pci.0"), &why), "without it, vmfo judges");
	like(why, "conventional PCI", "by the bus");
	buses_free(buses);
	if (ask_fake("{" TREE ", \"query-pci-failover-buses\": {\"pci.0\": 1}}", &buses, &err) <
	    0)
		bail("%s", err.msg);
	ok(!buses->list[0].judged, "an answer that is no list is none");
	buses_free(buses);
}

static void test_json(void)
{
	struct bus bus = { .name = "rp",
			   .type = "PCIE",
			   .owner = "pcie-root-port",
			   .path = "/machine/peripheral/rp/rp",
			   .handler = "ICH9-LPC",
			   .hotplug = true,
			   .partial_unplug = true };
	json_t *json = bus_json(&bus);
	char *text = json_dumps(json, JSON_SORT_KEYS);

	is_str(text,
	       "{\"handler\": \"ICH9-LPC\", \"hotplug\": true, \"judged_by\": \"vmfo\", "
	       "\"name\": \"rp\", "
	       "\"owner\": \"pcie-root-port\", \"partial_unplug\": true, \"path\": "
	       "\"/machine/peripheral/rp/rp\", \"reason\": null, \"type\": \"PCIE\", "
	       "\"usable\": true}",
	       "a bus that takes a primary, as JSON");
	free(text);
	json_decref(json);
	*bus.handler = '\0';
	json = bus_json(&bus);
	ok(json_is_null(json_object_get(json, "handler")) &&
		   json_is_false(json_object_get(json, "usable")) &&
		   json_is_string(json_object_get(json, "reason")),
	   "and one that does not");
	json_decref(json);
}

int main(void)
{
	_cleanup_free_ char *path = NULL;

	if (!mkdtemp(dir))
		bail("mkdtemp");
	loop_new(&loop, NULL);
	if (system("command -v " X86 " >/dev/null") == 0) {
		test_q35();
		test_native();
		test_pc();
		test_running();
		test_refused();
	} else {
		skip(1, X86 " is not installed");
	}
	if (system("command -v " PPC64 " >/dev/null") == 0)
		test_pseries();
	else
		skip(1, PPC64 " is not installed");
	test_hostile();
	test_verdicts();
	test_json();
	loop_free(loop);
	path = str_printf("%s/qemu", dir);
	unlink(path);
	rmdir(dir);
	return done_testing();
}
