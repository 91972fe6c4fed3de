/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/survey.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "flow/neighbours.h"
#include "flow/reservation.h"
#include "host/files.h"
#include "host/host_read.h"
#include "host/numa.h"
#include "host/qemu_buses.h"
#include "host/qemu_probe.h"
#include "host/qemu_read.h"

/* For a running QEMU to answer a few dozen queries. */
#define ASK_MS 10000

/* A part that could not be had: a failure only where nothing else can follow. */
static int note_missing(struct survey *survey, enum topo_part part, int r, struct err *err)
{
	if (r == -ECANCELED || r == -ENOMEM)
		return err_set(err, survey->why[part].kind, -r, "%s", survey->why[part].msg);
	survey->topo.why_not[part] = survey->why[part].msg;
	return 0;
}

/* The QMP session that may be asked; NULL: none. */
static struct qmp *session_of(const struct survey *survey)
{
	if (survey->what.running)
		return survey->what.running->qmp;
	return survey->what.qmp;
}

static int read_machine(struct survey *survey, struct err *err)
{
	const struct survey_what *what = &survey->what;
	int r;

	if (what->def)
		r = machine_from_definition(what->def, &survey->machine, err);
	else if (what->argv)
		r = machine_from_argv(strv_argv(what->argv), what->argv->n, &survey->machine,
				      err);
	else
		r = qemu_read_machine(what->qmp, deadline_in(ASK_MS), &survey->machine, err);
	/* A QEMU that ends, or does not answer, could not be looked at. */
	if (r < 0 && r != -ECANCELED && r != -ENOMEM && err->kind == ERR_INTERNAL)
		err->kind = ERR_REFUSED;
	survey->topo.machine = survey->machine;
	return r;
}

static const char *binary_of(const struct survey *survey, const struct flow_env *env)
{
	const struct survey_what *what = &survey->what;

	if (what->qemu)
		return what->qemu;
	if (what->def)
		return what->def->qemu ?: env->host->qemu;
	return survey->machine->binary ?: env->host->qemu;
}

static int ask_running(struct survey *survey, struct qmp *qmp, const char *binary)
{
	int r = qemu_probe_running(qmp, binary, survey->machine, deadline_in(ASK_MS),
				   &survey->qemu, &survey->why[TOPO_QEMU]);

	if (r < 0)
		return r;
	return qemu_buses_ask(qmp, deadline_in(ASK_MS), &survey->buses,
			      &survey->why[TOPO_BUSES]);
}

/* Starts it once, if it makes this machine; else once more for each, to tell what it lacks. */
static int ask_binary(struct survey *survey, struct flow_env *env, const char *binary)
{
	struct err *why = &survey->why[TOPO_QEMU];
	int r = qemu_probe_machine(env->loop, binary, survey->machine, &survey->qemu,
				   &survey->buses, why);

	if (r == 0 || r == -ECANCELED || r == -ENOMEM || r == -ETIMEDOUT)
		return r;
	r = qemu_probe(env->loop, binary, survey->machine, &survey->qemu, why);
	if (r < 0)
		return r;
	return qemu_buses_read(env->loop, binary, survey->machine, &survey->buses,
			       &survey->why[TOPO_BUSES]);
}

static int read_qemu(struct survey *survey, struct flow_env *env, struct err *err)
{
	struct qmp *qmp = session_of(survey);
	const char *binary = binary_of(survey, env);
	int r = qmp ? ask_running(survey, qmp, binary) : ask_binary(survey, env, binary);

	survey->topo.qemu = survey->qemu;
	survey->topo.buses = survey->buses;
	if (r == 0)
		return 0;
	if (survey->qemu)
		return note_missing(survey, TOPO_BUSES, r, err);
	/* It would fail for the same reason. */
	survey->topo.why_not[TOPO_BUSES] = survey->why[TOPO_QEMU].msg;
	if (qmp && r == -ETIMEDOUT)
		survey->topo.why_not[TOPO_GUEST] = survey->why[TOPO_QEMU].msg;
	return note_missing(survey, TOPO_QEMU, r, err);
}

/*
 * A command line, or a QEMU that somebody else asks about, may be that of a VM of this
 * host; and one of a definition may run although its QEMU cannot be asked, since another
 * vmfo does. What the VM has is then its own.
 */
static void recognize(struct survey *survey)
{
	const struct vmdef *def = survey->what.def;
	const char *uuid = survey->machine->uuid;

	for (size_t i = 0; uuid && i < survey->n_vms; i++) {
		const struct host_vm *vm = &survey->vms[i];

		if (strcasecmp(vm->uuid, uuid) != 0 || (def && !str_eq(vm->name, def->name)))
			continue;
		survey->topo.vm = vm->name;
		survey->topo.runs_here = vm->pid != 0;
	}
}

static int read_host(struct survey *survey, struct flow_env *env, struct err *err)
{
	const struct survey_what *what = &survey->what;
	int r;

	survey->topo.settings = env->host;
	if (what->no_host) {
		survey->topo.why_not[TOPO_HOST] = "--no-host was given";
		return 0;
	}
	/* The VMs are of this host, whatever folder stands in for its hardware. */
	r = neighbours_read(env, &survey->vms, &survey->n_vms, err);
	survey->topo.vms = survey->vms;
	survey->topo.n_vms = survey->n_vms;
	if (r == 0)
		r = host_read(&(struct host_read){ what->sysroot, survey->vms, survey->n_vms },
			      &survey->host, err);
	if (r == 0 && what->def)
		r = files_read(what->sysroot, what->def, survey->host, err);
	survey->topo.host = survey->host;
	recognize(survey);
	/*
	 * As it will be for vf_reserve(). No VF is chosen for one that runs, and QEMU's page
	 * faults would wait while its pages are counted.
	 */
	if (!survey->topo.runs_here)
		survey->topo.memory_node = numa_memory_node(what->sysroot, 0);
	return r;
}

static int read_guest(struct survey *survey, struct flow_env *env, struct err *err)
{
	const struct survey_what *what = &survey->what;
	struct guest_question question = { .machine = survey->machine,
					   .own = what->running != NULL };
	struct qmp *qmp = session_of(survey);
	_cleanup_free_ char *agent = NULL;
	int r;

	if (survey->topo.why_not[TOPO_GUEST])
		return 0;
	if (!qmp) {
		survey->topo.why_not[TOPO_GUEST] =
			what->why_no_guest ?:
				what->def  ? "the VM does not run here" :
					     "a command line has no guest that could be asked";
		return 0;
	}
	if (what->running && what->def->guest_agent) {
		agent = vm_path(what->running, "qga.sock");
		if (!agent)
			return err_nomem(err);
		question.guest_agent = agent;
	}
	r = qemu_read_guest(env->loop, qmp, &question, deadline_in(ASK_MS), &survey->guest,
			    &survey->why[TOPO_GUEST]);
	if (r < 0)
		return note_missing(survey, TOPO_GUEST, r, err);
	survey->topo.guest = survey->guest;
	return 0;
}

static int gather(struct survey *survey, struct flow_env *env, struct err *err)
{
	const struct survey_what *what = &survey->what;
	int r;

	survey->topo.def = what->def;
	survey->topo.chosen = what->chosen;
	survey->topo.vm = what->def ? what->def->name : NULL;
	survey->topo.runs_here = what->running != NULL;
	survey->topo.memory_node = -1;
	survey->topo.why_not[TOPO_DEFINITION] = "only a definition says so";
	survey->topo.why_not[TOPO_SOURCE] = "no target was named (--target HOST)";
	if (what->source) {
		r = source_facts_parse(what->source, &survey->source, err);
		if (r < 0)
			return r;
		survey->topo.source = survey->source;
	}
	r = read_machine(survey, err);
	if (r == 0)
		r = read_qemu(survey, env, err);
	if (r == 0)
		r = read_host(survey, env, err);
	if (r == 0)
		r = read_guest(survey, env, err);
	return r < 0 ? r : topo_open(&survey->topo, err);
}

int survey_open(struct flow_env *env, const struct survey_what *what, struct survey *out,
		struct err *err)
{
	int r;

	*out = (struct survey){ .what = *what };
	r = gather(out, env, err);
	if (r < 0)
		survey_close(out);
	return r;
}

void survey_close(struct survey *survey)
{
	topo_close(&survey->topo);
	machine_free(survey->machine);
	buses_free(survey->buses);
	qemu_facts_free(survey->qemu);
	host_facts_free(survey->host);
	guest_facts_free(survey->guest);
	source_facts_free(survey->source);
	neighbours_free(survey->vms, survey->n_vms);
	*survey = (struct survey){ .what = { 0 } };
}

int survey_run(const struct survey *survey, unsigned int scopes, struct findings *out,
	       struct err *err)
{
	return rules_run(&survey->topo, scopes, out, err);
}

/* ---- for a target ---- */

static int list_files(const struct host_facts *host, struct source_facts *source)
{
	source->files = calloc(host->n_files ?: 1, sizeof(*source->files));
	if (!source->files)
		return -ENOMEM;
	for (size_t i = 0; i < host->n_files; i++) {
		const struct host_file *file = &host->files[i];
		struct source_file *out = &source->files[i];

		out->path = file->path; /* borrowed */
		out->size = file->error ? -1 : file->size;
		out->locked = file->locked == FACT_YES;
		snprintf(out->wwn, sizeof(out->wwn), "%s", file->wwn);
	}
	source->n_files = host->n_files;
	return 0;
}

/* That of the definition, or the one that was chosen for a VM that runs. */
static const char *address_of_vf(const struct survey *survey, const struct topo_pair *pair,
				 char buf[PCI_ADDRESS_SIZE])
{
	const struct vm_vf *held = NULL;

	if (survey->what.running && pair->def)
		held = reservation_vf(survey->what.running, pair->def);
	return held ? held->address : topo_primary_address(&survey->topo, pair, buf);
}

static int list_vfs(const struct survey *survey, struct source_facts *source)
{
	source->vf_models = calloc(survey->topo.n_pairs ?: 1, sizeof(*source->vf_models));
	if (!source->vf_models)
		return -ENOMEM;
	source->n_vf_models = survey->topo.n_pairs;
	for (size_t i = 0; i < survey->topo.n_pairs; i++) {
		char buf[PCI_ADDRESS_SIZE];
		const char *address = address_of_vf(survey, &survey->topo.pairs[i], buf);
		const struct pci_function *vf = NULL;

		if (survey->host && address)
			vf = host_find_function(survey->host, address);
		if (vf)
			source->vf_models[i] = (uint32_t)vf->vendor << 16 | vf->device;
	}
	return 0;
}

json_t *survey_source_json(const struct survey *survey)
{
	const struct host_facts *host = survey->host;
	struct source_facts source = { .running = survey->what.running != NULL };
	json_t *json = NULL;
	int r = list_vfs(survey, &source);

	if (survey->qemu) {
		source.qemu_version = survey->qemu->version;
		source.kvm = survey->qemu->kvm;
		/* An alias may stand for another machine there. */
		if (survey->machine->type)
			source.machine =
				(char *)qemu_machine_name(survey->qemu, survey->machine->type);
	}
	if (host) {
		source.boot_id = (char *)host->boot_id;
		source.cpu_model = (char *)host->cpu_model;
		source.cpu_flags = host->cpu_flags;
		source.tap_offloads = host->tap_offloads;
		source.tap_offloads_known = host->tap_offloads_known;
		if (r == 0)
			r = list_files(host, &source);
	}
	if (r == 0)
		json = source_facts_json(&source);
	free(source.files);
	free(source.vf_models);
	return json;
}
