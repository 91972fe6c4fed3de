/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/vm.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>

#include "base/json.h"
#include "base/log.h"
#include "flow/reservation.h"
#include "io/boot.h"
#include "io/file.h"
#include "io/journal.h"

#define RUN_SCHEMA "vmfo.run/1"
#define LOG_MAX (1024 * 1024)

/* For a lock that `status` or `list` holds in passing. */
#define LOCK_WAIT_MS 1500

int vm_open(struct flow_env *env, const char *name, struct vm **out, struct err *err)
{
	_cleanup_(vm_closep) struct vm *vm = NULL;
	int r = vm_name_check(name, err);

	if (r < 0)
		return r;
	vm = calloc(1, sizeof(*vm));
	if (!vm)
		return err_nomem(err);
	vm->env = env;
	vm->pidfd = -1;
	vm->child = (struct child)CHILD_INIT;
	vm->name = strdup(name);
	vm->rundir = str_printf("%s/%s", env->rundir, name);
	if (!vm->name || !vm->rundir)
		return err_nomem(err);
	*out = steal_ptr(vm);
	return 0;
}

void vm_forget_taps(struct vm *vm)
{
	for (size_t i = 0; i < vm->n_taps; i++) {
		free(vm->taps[i].nic);
		free(vm->taps[i].bridge);
	}
	free(vm->taps);
	vm->taps = NULL;
	vm->n_taps = 0;
}

static void forget_process(struct vm *vm)
{
	if (vm->pidfd >= 0)
		close(vm->pidfd);
	vm->pidfd = -1;
	vm->pid = 0;
}

void vm_close(struct vm *vm)
{
	if (!vm)
		return;
	qmp_close(vm->qmp);
	child_forget(&vm->child);
	forget_process(vm);
	vm_forget_taps(vm);
	reservation_forget(vm);
	lock_release(vm->lock);
	vmdef_free(vm->def);
	free(vm->name);
	free(vm->rundir);
	free(vm);
}

char *vm_path(const struct vm *vm, const char *file)
{
	return str_printf("%s/%s", vm->rundir, file);
}

int vm_lock(struct vm *vm, const char *operation, struct err *err)
{
	return lock_take(vm->rundir, operation, LOCK_WAIT_MS, &vm->lock, err);
}

static int load_taps(struct vm *vm, const json_t *list, struct err *err)
{
	size_t n = json_array_size(list);

	vm_forget_taps(vm);
	if (n == 0)
		return 0;
	vm->taps = calloc(n, sizeof(*vm->taps));
	if (!vm->taps)
		return err_nomem(err);
	vm->n_taps = n;
	for (size_t i = 0; i < n; i++) {
		const json_t *entry = json_array_get(list, i);
		struct vm_tap *tap = &vm->taps[i];

		tap->nic = strdup(json_get_text(entry, "nic"));
		tap->bridge = strdup(json_get_text(entry, "bridge"));
		tap->primary = json_is_true(json_object_get(entry, "primary"));
		snprintf(tap->name, sizeof(tap->name), "%s", json_get_text(entry, "name"));
		if (!tap->nic || !tap->bridge)
			return err_nomem(err);
	}
	return 0;
}

/* Opens the process of vm.json, if it still is that process. */
static int find_process(struct vm *vm, const json_t *run, struct err *err)
{
	pid_t pid = (pid_t)json_integer_value(json_object_get(run, "pid"));
	uint64_t recorded = (uint64_t)json_integer_value(json_object_get(run, "start_time"));
	char boot_id[BOOT_ID_SIZE];
	uint64_t started;
	int pidfd, r;

	r = boot_id_read(boot_id, err);
	if (r < 0)
		return r;
	if (pid <= 0 || !str_eq(boot_id, json_get_text(run, "boot_id")))
		return 0;
	pidfd = pidfd_open(pid, 0);
	if (pidfd < 0)
		return errno == ESRCH ? 0 : err_sys(err, ERR_INTERNAL, errno, "pidfd_open");
	/* Asked after the pidfd was opened, so that it is about this very process. */
	if (process_start_time(pid, &started) < 0 || started != recorded) {
		close(pidfd);
		return 0;
	}
	forget_process(vm);
	vm->pid = pid;
	vm->pidfd = pidfd;
	return 1;
}

static int load_running(struct vm *vm, const char *path, const json_t *run, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	int r;

	if (!str_eq(json_get_text(run, "schema"), RUN_SCHEMA))
		return err_set(err, ERR_INTERNAL, EBADMSG,
			       "read %s: its schema is \"%s\", this vmfo knows \"%s\"", path,
			       json_get_text(run, "schema"), RUN_SCHEMA);
	text = json_dumps(json_object_get(run, "definition"), JSON_INDENT(2));
	if (!text)
		return err_set(err, ERR_INTERNAL, EBADMSG, "read %s: it has no definition",
			       path);
	qemu_patches_read(json_object_get(run, "patches"), &vm->patches);
	vmdef_free(vm->def);
	vm->def = NULL;
	r = vmdef_parse(text, strlen(text), path, &vm->def, err);
	if (r == 0)
		r = load_taps(vm, json_object_get(run, "taps"), err);
	return r < 0 ? r : find_process(vm, run, err);
}

int vm_find_running(struct vm *vm, struct err *err)
{
	_cleanup_free_ char *path = vm_path(vm, "vm.json");
	json_t *run;
	int r;

	if (!path)
		return err_nomem(err);
	r = file_read_json(path, 2 * VMDEF_MAX_BYTES, &run, err);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	r = load_running(vm, path, run, err);
	json_decref(run);
	if (r > 0) {
		int loaded = reservation_load(vm, err);

		r = loaded < 0 ? loaded : r;
	}
	return r;
}

int vm_check_settled(const struct vm *vm, struct err *err)
{
	char id[64];
	int r = journal_find_open(vm->env->statedir, vm->name, id, err);

	if (r < 0 || !id[0])
		return r;
	return err_set(
		err, ERR_REFUSED, EUCLEAN,
		"an earlier migration of it did not finish, so it may run on either host. "
		"Look on both ('vmfo status %s'); once it runs on one and not on the other, "
		"remove %s/journal/%s/%s.jsonl there and here",
		vm->name, vm->env->statedir, vm->name, id);
}

static json_t *taps_json(const struct vm *vm)
{
	json_t *list = json_array();

	for (size_t i = 0; i < vm->n_taps; i++)
		json_array_append_new(list,
				      json_pack("{ss sb ss ss}", "nic", vm->taps[i].nic,
						"primary", (int)vm->taps[i].primary, "bridge",
						vm->taps[i].bridge, "name", vm->taps[i].name));
	return list;
}

int vm_record_running(struct vm *vm, struct err *err)
{
	_cleanup_free_ char *path = vm_path(vm, "vm.json");
	_cleanup_free_ char *pid_path = vm_path(vm, "pid");
	char boot_id[BOOT_ID_SIZE], pid_text[16];
	uint64_t started;
	json_t *run;
	int r;

	if (!path || !pid_path)
		return err_nomem(err);
	r = boot_id_read(boot_id, err);
	if (r < 0)
		return r;
	if (process_start_time(vm->pid, &started) < 0)
		return err_set(err, ERR_REFUSED, ESRCH, "QEMU ended at once");
	run = json_pack("{ss ss si sI ss sO so so}", "schema", RUN_SCHEMA, "vm", vm->name,
			"pid", (int)vm->pid, "start_time", (json_int_t)started, "boot_id",
			boot_id, "definition", vm->def->source, "taps", taps_json(vm),
			"patches", qemu_patches_json(&vm->patches));
	if (!run)
		return err_nomem(err);
	r = file_write_json_volatile(path, 0600, run, err);
	json_decref(run);
	if (r < 0)
		return r;
	snprintf(pid_text, sizeof(pid_text), "%d\n", vm->pid);
	return file_write_volatile(pid_path, 0644, pid_text, strlen(pid_text), err);
}

int vm_connect(struct vm *vm, struct err *err)
{
	_cleanup_free_ char *path = vm_path(vm, "qmp.sock");
	int r;

	if (!path)
		return err_nomem(err);
	r = qmp_connect(vm->env->loop, path, deadline_in(VM_QMP_TIMEOUT_MS), &vm->qmp, err);
	return r < 0 ? err_wrap(err, "talk to the QEMU of %s", vm->name) : 0;
}

int vm_qmp(struct vm *vm, const char *command, json_t *args, json_t **ret, struct err *err)
{
	return qmp_command(vm->qmp, command, args, deadline_in(VM_QMP_TIMEOUT_MS), ret, err);
}

int64_t vm_pin_ms(int memory_mib)
{
	return (int64_t)memory_mib * VM_PIN_MS_PER_GIB / 1024;
}

int vm_qmp_pinning(struct vm *vm, const char *command, json_t *args, struct err *err)
{
	int64_t deadline = deadline_in(VM_QMP_TIMEOUT_MS + vm_pin_ms(vm->def->memory.mib));

	return qmp_command(vm->qmp, command, args, deadline, NULL, err);
}

int vm_set_capabilities(struct vm *vm, const char *extra, struct err *err)
{
	const char *const names[] = { "events", "validate-uuid", "pause-before-switchover",
				      "return-path", extra };
	json_t *list = json_array();

	for (size_t i = 0; i < ARRAY_SIZE(names) && names[i]; i++)
		json_array_append_new(list,
				      json_pack("{ss sb}", "capability", names[i], "state", 1));
	return vm_qmp(vm, "migrate-set-capabilities", json_pack("{so}", "capabilities", list),
		      NULL, err);
}

int vm_runstate(struct vm *vm, char out[32], struct err *err)
{
	json_t *ret;
	int r = vm_qmp(vm, "query-status", NULL, &ret, err);

	if (r < 0)
		return r;
	snprintf(out, 32, "%s", json_get_text(ret, "status"));
	json_decref(ret);
	return 0;
}

bool vm_process_alive(struct vm *vm)
{
	return vm->pidfd >= 0 && !pidfd_ended(vm->pidfd);
}

int vm_wait_gone(struct vm *vm, int64_t deadline, struct err *err)
{
	return vm->pidfd >= 0 ? pidfd_wait(vm->pidfd, vm->env->loop, deadline, err) : 0;
}

/* Ends it by signals; there is no way for it to refuse the last. */
static int kill_qemu(struct vm *vm, struct err *err)
{
	static const int signals[] = { SIGTERM, SIGKILL };
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		log_note("%s: QEMU (process %d) did not quit, sending %s", vm->name, vm->pid,
			 i == 0 ? "SIGTERM" : "SIGKILL");
		if (pidfd_send_signal(vm->pidfd, signals[i], NULL, 0) < 0 && errno != ESRCH)
			return err_sys(err, ERR_INTERNAL, errno, "end QEMU (process %d)",
				       vm->pid);
		r = vm_wait_gone(vm, deadline_in(5000), err);
		if (r == 0)
			return 0;
	}
	return err_wrap(err, "end QEMU (process %d)", vm->pid);
}

int vm_end_qemu(struct vm *vm, struct err *err)
{
	int r = 0;

	if (vm->qmp && vm_process_alive(vm))
		/* Its reply may be lost with the connection; the process's end counts. */
		qmp_command(vm->qmp, "quit", NULL, deadline_in(5000), NULL, NULL);
	if (vm->qmp)
		r = vm_wait_gone(vm, deadline_in(10000), err);
	if (vm_process_alive(vm))
		r = kill_qemu(vm, err);
	qmp_close(vm->qmp);
	vm->qmp = NULL;
	if (r < 0 && vm_process_alive(vm))
		return r;
	child_ended(&vm->child, NULL);
	forget_process(vm);
	return 0;
}

int vm_remove_rundir(struct vm *vm, struct err *err)
{
	return lock_release_and_remove(steal_ptr(vm->lock), err);
}

const char *vm_log_tail(const struct vm *vm, char *buf, size_t size)
{
	_cleanup_free_ char *path = vm_path(vm, "qemu.log");
	_cleanup_free_ char *text = NULL;
	const char *line;
	size_t len;

	buf[0] = '\0';
	if (!path || file_read(path, LOG_MAX, &text, &len, NULL) < 0)
		return buf;
	while (len && (text[len - 1] == '\n' || text[len - 1] == ' '))
		text[--len] = '\0';
	line = strrchr(text, '\n');
	snprintf(buf, size, "%s", line ? line + 1 : text);
	str_make_printable(buf);
	return buf;
}
