/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/qemu_argv.h"

#include <errno.h>
#include <stdio.h>
#include <sys/un.h>

#include "model/qemu_build.h"

/*
 * Root ports are functions 0 to 7 of the slots 2 to 29 of pcie.0. Slot 1 is where QEMU puts
 * a VGA that qemu_args may ask for, 30 is left for another device of theirs, 31 is the
 * chipset's. A guest hot-plugs through a port at any function: QEMU describes all of them
 * in ACPI since 6.2.
 */
#define FIRST_SLOT 2
#define PORTS_PER_SLOT 8
#define MAX_PORTS (28 * PORTS_PER_SLOT)

/* Zeroing RAM is bound by memory, not by CPUs: more threads than this gain nothing. */
#define MAX_PREALLOC_THREADS 8

#define AGENT_BUS "vmfo-serial"
#define FIRST_FD 3

/* ---- ports ---- */

void qemu_build_port(struct qemu_build *b, const char *id)
{
	_cleanup_qemu_opts_ struct qemu_opts port = QEMU_OPTS("pcie-root-port");
	int index = b->ports++;

	qemu_opts_addf(&port, "id", "rp-%s", id);
	qemu_opts_add(&port, "bus", "pcie.0");
	qemu_opts_addf(&port, "chassis", "%d", index + 1);
	qemu_opts_addf(&port, "slot", "%d", index + 1);
	qemu_opts_addf(&port, "addr", "0x%x.0x%x", FIRST_SLOT + index / PORTS_PER_SLOT,
		       index % PORTS_PER_SLOT);
	/* Where function 0 does not say it, QEMU refuses the others. */
	if (index % PORTS_PER_SLOT == 0)
		qemu_opts_add(&port, "multifunction", "on");
	qemu_opts_write(&port, "-device", b->argv);
}

void qemu_build_on_port(struct qemu_opts *device, const char *id)
{
	qemu_opts_add(device, "id", id);
	qemu_opts_addf(device, "bus", "rp-%s", id);
}

/* ---- what cannot be expressed ---- */

static int check_machine(const struct vmdef *def, struct err *err)
{
	if (str_eq(def->machine, "q35") || str_starts(def->machine, "pc-q35-"))
		return 0;
	return err_set(
		err, ERR_TOPOLOGY, EINVAL,
		"machine \"%s\" has no PCI Express root ports, which a failover pair needs: "
		"use a versioned q35, like \"pc-q35-7.2\"",
		def->machine);
}

static int check_ports(const struct vmdef *def, struct err *err)
{
	size_t n = def->n_disks + 2 * def->n_pairs + def->n_nics + (def->guest_agent ? 1 : 0);

	if (n <= MAX_PORTS)
		return 0;
	return err_set(
		err, ERR_USAGE, E2BIG,
		"the VM has %zu PCI devices (%zu disks, two for each of %zu pairs, %zu NICs, "
		"%d for the guest agent), and the machine has root ports for %d",
		n, def->n_disks, def->n_pairs, def->n_nics, def->guest_agent ? 1 : 0,
		MAX_PORTS);
}

/* The longest name that a socket of the folder may have, whichever are made now. */
static int check_paths(const struct qemu_argv_env *env, struct err *err)
{
	size_t max = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1;
	size_t len = strlen(env->rundir) + strlen("/monitor.pending.sock");

	if (len <= max)
		return 0;
	return err_set(
		err, ERR_USAGE, ENAMETOOLONG,
		"%s/monitor.pending.sock: a path of %zu bytes, and a UNIX socket takes %zu: "
		"use a shorter name for the VM or another VMFO_RUNDIR",
		env->rundir, len, max);
}

/* ---- the machine ---- */

static void add(struct qemu_build *b, const char *option, const char *value)
{
	strv_add(b->argv, option);
	strv_add(b->argv, value);
}

static void add_flash(struct qemu_build *b, const char *node, const char *path, bool readonly)
{
	json_t *json = json_pack("{ss ss sb s{ss ss sb}}", "driver", "raw", "node-name", node,
				 "read-only", readonly, "file", "driver", "file", "filename",
				 path, "read-only", readonly);
	_cleanup_free_ char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

	json_decref(json);
	if (text)
		add(b, "-blockdev", text);
	else
		b->argv->failed = true;
}

static void add_memory(struct qemu_build *b)
{
	const struct vmdef *def = b->def;
	_cleanup_qemu_opts_ struct qemu_opts ram = QEMU_OPTS(
		def->memory.huge_pages ? "memory-backend-memfd" : "memory-backend-ram");
	int threads = def->cpu.count < MAX_PREALLOC_THREADS ? def->cpu.count :
							      MAX_PREALLOC_THREADS;

	qemu_opts_add(&ram, "id", "ram0");
	qemu_opts_addf(&ram, "size", "%dM", def->memory.mib);
	if (def->memory.huge_pages)
		qemu_opts_add(&ram, "hugetlb", "on");
	if (def->memory.preallocated) {
		qemu_opts_add(&ram, "prealloc", "on");
		qemu_opts_addf(&ram, "prealloc-threads", "%d", threads);
	}
	qemu_opts_write(&ram, "-object", b->argv);
	strv_add(b->argv, "-m");
	strv_addf(b->argv, "%dM", def->memory.mib);
}

static void add_machine(struct qemu_build *b)
{
	const struct vmdef *def = b->def;
	_cleanup_qemu_opts_ struct qemu_opts machine = QEMU_OPTS(def->machine);

	qemu_opts_add(&machine, "memory-backend", "ram0");
	if (def->boot.firmware_code) {
		add_flash(b, "firmware-code", def->boot.firmware_code, true);
		qemu_opts_add(&machine, "pflash0", "firmware-code");
	}
	if (def->boot.firmware_vars) {
		add_flash(b, "firmware-vars", def->boot.firmware_vars, false);
		qemu_opts_add(&machine, "pflash1", "firmware-vars");
	}
	qemu_opts_write(&machine, "-machine", b->argv);
	for (size_t i = 0; i < def->n_accel; i++)
		add(b, "-accel", def->accel[i]);
	strv_add(b->argv, "-cpu");
	strv_addf(b->argv, "%s%s", def->cpu.model, def->cpu.enforce ? ",enforce=on" : "");
	strv_add(b->argv, "-smp");
	strv_addf(b->argv, "%d", def->cpu.count);
	add_memory(b);
}

static void add_identity(struct qemu_build *b)
{
	strv_add(b->argv, b->env->qemu);
	strv_add(b->argv, "-name");
	strv_addf(b->argv, "guest=%s,debug-threads=on", b->def->name);
	add(b, "-uuid", b->def->uuid);
	/* Nothing that the definition does not name, whatever the host's package adds. */
	strv_add(b->argv, "-no-user-config");
	strv_add(b->argv, "-nodefaults");
	add(b, "-display", "none");
	add(b, "-msg", "timestamp=on");
	add(b, "-rtc", "base=utc");
	/* Only what has a bootindex is booted. */
	add(b, "-boot", "strict=on");
	if (b->env->sandbox)
		add(b, "-sandbox",
		    "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
}

static void add_boot(struct qemu_build *b)
{
	const struct vmdef *def = b->def;

	if (!def->boot.kernel)
		return;
	add(b, "-kernel", def->boot.kernel);
	if (def->boot.initrd)
		add(b, "-initrd", def->boot.initrd);
	if (def->boot.cmdline)
		add(b, "-append", def->boot.cmdline);
}

/* ---- character devices ---- */

static void add_socket(struct qemu_build *b, const char *id, const char *file)
{
	_cleanup_qemu_opts_ struct qemu_opts chardev = QEMU_OPTS("socket");

	qemu_opts_add(&chardev, "id", id);
	qemu_opts_addf(&chardev, "path", "%s/%s", b->env->rundir, file);
	qemu_opts_add(&chardev, "server", "on");
	qemu_opts_add(&chardev, "wait", "off");
	qemu_opts_write(&chardev, "-chardev", b->argv);
}

static void add_monitors(struct qemu_build *b)
{
	add_socket(b, "vmfo-qmp", "qmp.sock");
	add(b, "-mon", "chardev=vmfo-qmp,mode=control");
	/*
	 * The operator's. On a target it has another name until the VM has arrived: nobody
	 * is to `cont` by habit a VM that may still run on its source.
	 */
	add_socket(b, "vmfo-monitor",
		   b->env->incoming ? "monitor.pending.sock" : "monitor.sock");
	add(b, "-mon", "chardev=vmfo-monitor,mode=control");
}

static void add_serial(struct qemu_build *b)
{
	_cleanup_qemu_opts_ struct qemu_opts chardev = QEMU_OPTS("file");

	if (!b->def->serial_log)
		return;
	qemu_opts_add(&chardev, "id", "vmfo-serial-log");
	qemu_opts_addf(&chardev, "path", "%s/serial.log", b->env->rundir);
	qemu_opts_add(&chardev, "append", "on");
	qemu_opts_write(&chardev, "-chardev", b->argv);
	add(b, "-serial", "chardev:vmfo-serial-log");
}

static void add_guest_agent(struct qemu_build *b)
{
	_cleanup_qemu_opts_ struct qemu_opts bus = QEMU_OPTS("virtio-serial-pci");

	if (!b->def->guest_agent)
		return;
	add_socket(b, "vmfo-qga", "qga.sock");
	qemu_build_port(b, AGENT_BUS);
	qemu_build_on_port(&bus, AGENT_BUS);
	qemu_opts_write(&bus, "-device", b->argv);
	add(b, "-device",
	    "virtserialport,id=vmfo-agent,bus=" AGENT_BUS ".0,chardev=vmfo-qga,"
	    "name=org.qemu.guest_agent.0");
}

/* ---- all of it ---- */

int qemu_argv(const struct vmdef *def, const struct qemu_argv_env *env, struct strv *out,
	      struct err *err)
{
	struct qemu_build b = { .def = def, .env = env, .argv = out, .fd = FIRST_FD };
	int r = check_machine(def, err);

	if (r == 0)
		r = check_ports(def, err);
	if (r == 0)
		r = check_paths(env, err);
	if (r < 0)
		return r;
	add_identity(&b);
	add_machine(&b);
	add_boot(&b);
	add_monitors(&b);
	add_serial(&b);
	/* Always in this order, and new kinds last: a device's slot is its place in it. */
	qemu_disks_add(&b);
	r = qemu_nics_add(&b, err);
	if (r < 0)
		return r;
	add_guest_agent(&b);
	if (env->incoming) {
		strv_add(out, "-S");
		add(&b, "-incoming", "defer");
	}
	for (size_t i = 0; i < def->n_qemu_args; i++)
		strv_add(out, def->qemu_args[i]);
	return out->failed ? err_nomem(err) : 0;
}
