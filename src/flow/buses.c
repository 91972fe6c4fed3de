/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/buses.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "host/qemu_buses.h"
#include "host/qemu_probe.h"

/*
 * One of each kind of bridge, since a machine type has little but its root bus by itself.
 * Their buses are called as the bridges are.
 */
static const struct specimen {
	const char *driver;
	const char *root; /* the type of the root bus that it can be behind */
	const char *device;
} specimens[] = {
	{ "pcie-root-port", "PCIE", "pcie-root-port,id=pcie-root-port,chassis=101" },
	{ "pcie-pci-bridge", "PCIE", "pcie-pci-bridge,id=pcie-pci-bridge" },
	{ "x3130-upstream", "PCIE", "pcie-root-port,id=switch-port,chassis=102" },
	{ "x3130-upstream", "PCIE", "x3130-upstream,id=x3130-upstream,bus=switch-port" },
	{ "xio3130-downstream", "PCIE",
	  "xio3130-downstream,id=xio3130-downstream,bus=x3130-upstream,chassis=103" },
	{ "pxb-pcie", "PCIE", "pxb-pcie,id=pxb-pcie,bus_nr=128" },
	{ "pxb-pcie", "PCIE", "pcie-root-port,id=pxb-pcie-port,bus=pxb-pcie,chassis=104" },
	{ "pci-bridge", "PCI", "pci-bridge,id=pci-bridge,chassis_nr=101,shpc=on" },
};

/* The machine with those specimens that root (NULL: none) and facts (NULL: all) allow. */
static int make_machine(const char *qemu, const char *type, const char *root,
			const struct qemu_facts *facts, struct machine **out, struct err *err)
{
	struct strv argv = { 0 };
	int r;

	strv_add(&argv, qemu);
	if (type) {
		strv_add(&argv, "-machine");
		strv_add(&argv, type);
	}
	for (size_t i = 0; root && i < ARRAY_SIZE(specimens); i++) {
		const struct specimen *one = &specimens[i];

		if (facts && (!str_eq(one->root, root) ||
			      qemu_has_device(facts, one->driver, NULL) != 1))
			continue;
		strv_add(&argv, "-device");
		strv_add(&argv, one->device);
	}
	r = argv.failed ? err_nomem(err) :
			  machine_from_argv(strv_argv(&argv), argv.n, out, err);
	strv_clear(&argv);
	return r;
}

/* What the binary can do; it is asked about every specimen. */
static int probe(struct flow_env *env, const char *qemu, const char *type,
		 struct qemu_facts **out, struct err *err)
{
	struct machine *machine;
	int r = make_machine(qemu, type, "", NULL, &machine, err);

	if (r < 0)
		return r;
	r = qemu_probe(env->loop, qemu, machine, out, err);
	if (r == 0 && type && !qemu_has_machine(*out, machine->type ?: "")) {
		r = err_set(
			err, ERR_REFUSED, ENOENT,
			"%s has no machine type \"%s\"; '%s -machine help' lists those that "
			"it has",
			qemu, machine->type ?: type, qemu);
		qemu_facts_free(steal_ptr(*out));
	}
	machine_free(machine);
	return r;
}

static const char *root_type(const struct buses *buses)
{
	for (size_t i = 0; i < buses->n; i++)
		if (buses->list[i].root)
			return buses->list[i].type;
	return NULL;
}

static int read_buses(struct flow_env *env, const char *qemu, const char *type,
		      const char *root, const struct qemu_facts *facts, struct buses **out,
		      struct err *err)
{
	struct machine *machine;
	int r = make_machine(qemu, type, root, facts, &machine, err);

	if (r < 0)
		return r;
	r = qemu_buses_read(env->loop, qemu, machine, out, err);
	machine_free(machine);
	return r;
}

int flow_buses(struct flow_env *env, const char *machine, const char *qemu, struct buses **out,
	       char **version, struct err *err)
{
	struct qemu_facts *facts = NULL;
	struct buses *bare = NULL, *all = NULL;
	struct err why = ERR_INIT;
	int r;

	qemu = qemu ?: env->host->qemu;
	r = probe(env, qemu, machine, &facts, err);
	if (r == 0)
		r = read_buses(env, qemu, machine, NULL, facts, &bare, err);
	/* A machine that takes no bridge (its slots are full, say) is shown as it is. */
	if (r == 0 && root_type(bare) &&
	    read_buses(env, qemu, machine, root_type(bare), facts, &all, &why) == -ECANCELED)
		r = err_set(err, why.kind, ECANCELED, "%s", why.msg);
	if (r == 0) {
		*version = strdup(facts->version);
		if (!*version)
			r = err_nomem(err);
	}
	if (r == 0)
		*out = all ? steal_ptr(all) : steal_ptr(bare);
	buses_free(all);
	buses_free(bare);
	qemu_facts_free(facts);
	return r;
}
