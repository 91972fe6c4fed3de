/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/far_check.h"

#include <errno.h>
#include <stdio.h>

#include "flow/qemu_start.h"
#include "flow/store.h"
#include "host/qemu_probe.h"

/* The name: nobody runs it, nobody works on it, and no other VM is defined by it. */
static int check_name(struct vm *vm, const struct vmdef *def, struct strv *problems,
		      struct err *err)
{
	_cleanup_(vm_closep) struct vm *present = NULL;
	struct err why = ERR_INIT;
	char operation[32];
	pid_t holder;
	int r = vm_open(vm->env, vm->name, &present, err);

	if (r == 0)
		r = vm_find_running(present, err);
	if (r < 0)
		return r;
	if (r > 0)
		strv_addf(problems, "a VM \"%s\" runs there already (process %d)", vm->name,
			  present->pid);
	r = lock_holder(present->rundir, &holder, operation, err);
	if (r < 0)
		return r;
	if (holder && !present->pid)
		strv_addf(problems, "another vmfo there works on \"%s\" (%s)", vm->name,
			  *operation ? operation : "starting");
	if (vm_check_settled(vm, &why) < 0)
		strv_add(problems, why.msg);
	vmdef_free(present->def);
	present->def = NULL;
	/* Only a VM that is stored counts: what is in CONFDIR was never launched there. */
	if (store_load_stored(vm->env, vm->name, &present->def) == 0 &&
	    !str_eq(present->def->uuid, def->uuid))
		strv_addf(problems, "another VM is defined there by the name \"%s\" (uuid %s)",
			  vm->name, present->def->uuid);
	return 0;
}

/* Of "7.2.18": major * 1000 + minor. The third number only mends. */
static int version_number(const char *version)
{
	int major = 0, minor = 0;

	sscanf(version, "%d.%d", &major, &minor);
	return major * 1000 + minor;
}

static void check_qemu(const struct vm *vm, const struct qemu_facts *facts,
		       const json_t *source, struct strv *problems)
{
	const char *from = json_string_value(json_object_get(source, "qemu_version"));

	if (!qemu_has_machine(facts, vm->def->machine))
		strv_addf(problems, "its QEMU %s (%s) has no machine type \"%s\"",
			  facts->version, facts->binary, vm->def->machine);
	if (!qemu_has_cpu(facts, vm->def->cpu.model))
		strv_addf(problems, "its QEMU %s (%s) has no CPU model \"%s\"", facts->version,
			  facts->binary, vm->def->cpu.model);
	if (from && version_number(facts->version) < version_number(from))
		strv_addf(
			problems,
			"its QEMU %s (%s) is older than the one the VM runs in (%s): QEMU only "
			"migrates to the same version or a newer one",
			facts->version, facts->binary, from);
}

int far_check(struct vm *vm, const json_t *source, struct strv *problems, struct err *err)
{
	struct qemu_facts *facts;
	int r = check_name(vm, vm->def, problems, err);

	if (r < 0)
		return r;
	qemu_start_check(vm, problems);
	if (json_is_true(json_object_get(source, "kvm")) && access("/dev/kvm", R_OK | W_OK) < 0)
		strv_addf(problems, "the VM runs under KVM, and /dev/kvm there: %s",
			  strerrordesc_np(errno));
	r = qemu_probe(vm->env->loop, qemu_binary(vm), &facts, err);
	if (r == -ECANCELED)
		return r;
	if (r < 0) {
		strv_add(problems, err->msg);
	} else {
		check_qemu(vm, facts, source, problems);
		qemu_facts_free(facts);
	}
	return problems->failed ? err_nomem(err) : 0;
}
