/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A definition as the machine that it would be started as.
 */
#include "base/cleanup.h"
#include "tap.h"
#include "topology/machine.h"

#define DEFINITION(machine, model, more)                                                       \
	"{ \"schema\": \"vmfo.vm/1\", \"name\": \"a\", \"machine\": \"" machine "\","          \
	"  \"uuid\": \"5a7d9e0c-3f5b-4a57-9d0e-6b1f2c3d4e5f\", \"accel\": [\"kvm\", \"tcg\"]," \
	"  \"cpu\": { \"model\": \"EPYC\" },"                                                  \
	"  \"memory\": { \"mib\": 512, \"huge_pages\": true },"                                \
	"  \"pairs\": [{\"id\":\"net0\",\"mac\":\"52:54:00:00:00:01\","                        \
	"    \"standby\":{\"bridge\":\"b\"},\"primary\":{" model "}}] " more " }"

#define VF "\"kind\":\"vf\",\"physnet\":\"x\""

static struct machine *machine_of(const char *text, struct err *err)
{
	struct vmdef *def = NULL;
	struct machine *machine = NULL;

	if (vmdef_parse(text, strlen(text), "t.json", &def, err) < 0)
		bail("not parsed: %s", err->msg);
	machine_from_definition(def, &machine, err);
	vmdef_free(def);
	return machine;
}

static void test_vf(void)
{
	struct err err = ERR_INIT;
	struct machine *m = machine_of(DEFINITION("pc-q35-7.2", VF, ""), &err);
	const struct machine_device *standby, *primary;
	char buf[32];

	if (!m)
		bail("%s", err.msg);
	standby = machine_find(m, "net0");
	primary = machine_find(m, "net0-primary");
	if (!standby || !primary)
		bail("no pair");
	ok(machine_is_virtio_net(standby) && machine_bool(m, standby, "failover", false),
	   "the standby");
	ok(machine_is_vfio(primary), "the primary is passed through");
	is_str(machine_pair_id(m, primary), "net0", "the standby's");
	is_str(machine_text(m, primary, "host", buf), NULL, "which VF is not known yet");
	is_str(machine_text(m, primary, "romfile", buf), "", "it has no ROM");
	is_str(primary->bus, "rp-net0-primary", "on its port");
	ok(standby->order < primary->order, "the standby comes first");
	is_str(m->binary, NULL, "the binary is the host's");
	is_str(m->type, "pc-q35-7.2", "type");
	is_str(m->cpu, "EPYC", "CPU");
	is_int(m->memory_mib, 512, "RAM");
	ok(m->huge_pages && m->preallocated, "from huge pages, at the start");
	is_int(m->accel.n, 2, "accelerators");
	ok(machine_find_netdev(m, "net-net0") && !machine_find_netdev(m, "net-net0-primary"),
	   "a VF has no netdev");
	machine_free(m);
}

static void test_others(void)
{
	struct err err = ERR_INIT;
	struct machine *m = machine_of(
		DEFINITION("pc-q35-7.2", "\"kind\":\"emulated\",\"model\":\"igb\"",
			   ", \"qemu\": \"/opt/q\","
			   "\"qemu_args\": [\"-device\", \"e1000e,id=x\", \"-nographic\"]"),
		&err);

	if (!m)
		bail("%s", err.msg);
	is_str(m->binary, "/opt/q", "a binary of its own");
	ok(machine_find(m, "x") != NULL, "what qemu_args add");
	is_str(machine_find(m, "net0-primary")->driver, "igb", "what no launch would start");
	machine_free(m);

	m = machine_of(DEFINITION("pc-q35-7.2", VF, ", \"qemu_args\": [\"-device\"]"), &err);
	ok(!m, "qemu_args that QEMU would refuse");
	like(err.msg, "\"-device\", is the last", "are said to be it");
	m = machine_of(DEFINITION("pc-i440fx-7.2", VF, ""), &err);
	ok(!m, "a machine without PCI Express");
	is_int(err.kind, ERR_TOPOLOGY, "cannot work");
}

int main(void)
{
	test_vf();
	test_others();
	return done_testing();
}
