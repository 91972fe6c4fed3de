/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/check.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "flow/store.h"
#include "flow/survey.h"
#include "flow/target.h"
#include "io/file.h"

#define CMDLINE_MAX_BYTES (4 * 1024 * 1024)
#define QMP_OPEN_MS 10000

/* All that are asked of this host; a target is asked through its agent. */
#define SCOPES_HERE \
	(SCOPE(SCOPE_PAIR) | SCOPE(SCOPE_QEMU) | SCOPE(SCOPE_HOST) | SCOPE(SCOPE_GUEST))

/* What is looked at, and who has to be let go of afterwards. */
struct subject {
	struct survey_what what;
	struct vm *vm;
	struct vmdef *def;
	struct strv argv;
	struct qmp *qmp;
};

static void subject_close(struct subject *subject)
{
	vmdef_free(subject->def);
	vm_close(subject->vm);
	qmp_close(subject->qmp);
	strv_clear(&subject->argv);
}

/* QEMU was asked: nobody is to wait for its lock while a target takes its time. */
static void subject_let_go(struct subject *subject)
{
	if (!subject->vm)
		return;
	qmp_close(steal_ptr(subject->vm->qmp));
	lock_release(steal_ptr(subject->vm->lock));
}

/* ---- what is to be looked at ---- */

/*
 * The VM as it runs, if it does and nobody else is talking to its QEMU. Like `vmfo
 * status`, this never waits for a migration.
 */
static int find_running(struct subject *subject, struct err *err)
{
	struct vm *vm = subject->vm;
	int r;

	/* Taking the lock would make the folder of a VM that does not run. */
	if (access(vm->rundir, F_OK) < 0)
		return 0;
	r = vm_lock(vm, "status", err);
	if (r == -EBUSY) {
		subject->what.why_no_guest = "another vmfo works on this VM";
		return 0;
	}
	if (r == 0)
		r = vm_find_running(vm, err);
	if (r <= 0)
		return r;
	r = vm_connect(vm, err);
	if (r == 0)
		subject->what.running = vm;
	return r;
}

static int open_vm(struct flow_env *env, const struct check_opts *opts, struct subject *subject,
		   struct err *err)
{
	int r = vm_open(env, opts->vm, &subject->vm, err);

	if (r == 0)
		r = find_running(subject, err);
	if (r < 0)
		return r;
	/* What runs is what is looked at, unless another definition is asked about. */
	if (subject->what.running && !opts->file) {
		subject->what.def = subject->vm->def;
		return 0;
	}
	r = store_load(env, opts->vm, opts->file, &subject->def, err);
	subject->what.def = subject->def;
	return r;
}

static int read_cmdline(const char *path, struct strv *out, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = file_read(path, CMDLINE_MAX_BYTES, &text, &len, err);

	if (r < 0) {
		if (err->kind == ERR_INTERNAL)
			err->kind = ERR_REFUSED;
		return r;
	}
	r = machine_split_text(text, len, path, out, err);
	if (r == 0 && out->n == 0)
		r = err_set(err, ERR_USAGE, EINVAL,
			    "%s: it is empty; a QEMU command line was expected", path);
	return r;
}

static int open_subject(struct flow_env *env, const struct check_opts *opts,
			struct subject *subject, char **name, struct err *err)
{
	int r;

	subject->what = (struct survey_what){ .sysroot = opts->sysroot,
					      .no_host = opts->no_host,
					      .qemu = opts->qemu,
					      /* Where there is a target, it is to have them. */
					      .chosen = opts->target ? NULL : opts->vfs };
	*name = strdup(opts->vm ?: opts->file ?: opts->qmp ?: opts->cmdline ?: opts->argv.v[0]);
	if (!*name)
		return err_nomem(err);
	str_make_printable(*name);
	if (opts->vm)
		return open_vm(env, opts, subject, err);
	if (opts->file) {
		r = store_read(opts->file, &subject->def, err);
		subject->what.def = subject->def;
		return r;
	}
	if (opts->qmp) {
		r = qmp_connect(env->loop, opts->qmp, deadline_in(QMP_OPEN_MS), &subject->qmp,
				err);
		subject->what.qmp = subject->qmp;
		if (r < 0 && err->kind == ERR_INTERNAL)
			err->kind = ERR_REFUSED;
		return r;
	}
	subject->what.argv = &opts->argv;
	if (opts->cmdline) {
		subject->what.argv = &subject->argv;
		return read_cmdline(opts->cmdline, &subject->argv, err);
	}
	return 0;
}

/* ---- the target ---- */

static void add_reach_not_checked(void *data, const struct rule *rule)
{
	if (rule->scope == SCOPE_REACH)
		findings_add_not_checked(data, rule->name,
					 "no target was named (--target HOST)");
}

static int check_target(struct flow_env *env, const struct check_opts *opts,
			const struct survey *survey, struct check_result *result,
			struct err *err)
{
	const struct target_question question = { .def = survey->what.def,
						  .source = survey_source_json(survey),
						  .vfs = opts->vfs };
	struct target *target = NULL;
	int r = question.source ? target_look(env, opts->target, &question, &result->findings,
					      &result->devices, &target, err) :
				  err_nomem(err);

	target_close(target);
	json_decref(question.source);
	return r;
}

/* ---- all ---- */

/* Of a definition only what its qemu_args ask for: the rest is vmfo's own writing. */
static void list_passed_over(const struct machine *machine, const struct vmdef *def,
			     struct strv *out)
{
	for (size_t i = 0; i < machine->passed_over.n; i++) {
		const char *option = machine->passed_over.v[i];
		bool own = def;

		for (size_t j = 0; own && j < def->n_qemu_args; j++)
			own = !str_starts(option, def->qemu_args[j]);
		if (!own)
			strv_add(out, option);
	}
}

static int look(struct flow_env *env, const struct check_opts *opts, struct subject *subject,
		struct check_result *result, struct err *err)
{
	unsigned int scopes = SCOPES_HERE | (opts->target ? 0 : SCOPE(SCOPE_TARGET));
	struct survey survey;
	int r = survey_open(env, &subject->what, &survey, err);

	if (r < 0)
		return r;
	list_passed_over(survey.machine, subject->what.def, &result->passed_over);
	r = survey_run(&survey, scopes, &result->findings, err);
	subject_let_go(subject);
	if (r == 0 && opts->target)
		r = check_target(env, opts, &survey, result, err);
	else if (r == 0)
		rule_each(add_reach_not_checked, &result->findings);
	survey_close(&survey);
	return r;
}

int flow_check(struct flow_env *env, const struct check_opts *opts, struct check_result *result,
	       struct err *err)
{
	_cleanup_(subject_close) struct subject subject = { .vm = NULL };
	int r;

	*result = (struct check_result){ .subject = NULL };
	r = open_subject(env, opts, &subject, &result->subject, err);
	if (r == 0)
		r = look(env, opts, &subject, result, err);
	findings_suppress(&result->findings, &opts->suppress);
	findings_sort(&result->findings);
	if (r == 0 && (result->findings.failed || result->passed_over.failed))
		r = err_nomem(err);
	return r;
}

void check_result_clear(struct check_result *result)
{
	findings_clear(&result->findings);
	strv_clear(&result->passed_over);
	json_decref(result->devices);
	free(result->subject);
	*result = (struct check_result){ .subject = NULL };
}
