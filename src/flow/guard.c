/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/log.h"
#include "flow/datapath.h"
#include "flow/source.h"
#include "flow/target.h"
#include "io/journal.h"
#include "proto/ndjson.h"

/* The fds that it is started with, and the longest line either side sends. */
#define GUARD_SOCKET_FD 3
#define GUARD_LOCK_FD 4
#define GUARD_LINE_MAX 4096
#define GUARD_ANSWER_MS 5000

/*
 * After vmfo's death: for QEMU to notice that its QMP client is gone, and for the target
 * to be reached.
 */
#define GUARD_QMP_TRIES 20
#define GUARD_TARGET_MS 20000

/* ---- vmfo's side ---- */

struct guard {
	struct flow_env *env;
	int fd;
	struct child child;
	bool disarmed;
};

struct answer {
	int fd;
	char text[16];
	size_t len;
	bool done;
};

static void on_answer(void *data, int fd, short revents)
{
	struct answer *answer = data;
	ssize_t n =
		read(fd, answer->text + answer->len, sizeof(answer->text) - 1 - answer->len);

	(void)revents;
	if (n > 0)
		answer->len += (size_t)n;
	answer->text[answer->len] = '\0';
	if (n <= 0 || strchr(answer->text, '\n') || answer->len == sizeof(answer->text) - 1)
		answer->done = true;
}

static bool answer_done(void *data)
{
	return ((struct answer *)data)->done;
}

/* Waits for the guard to say exactly this. */
static int await_answer(struct guard *guard, const char *want, struct err *err)
{
	struct answer answer = { .fd = guard->fd };
	struct loop_watch *watch;
	int r = loop_watch(guard->env->loop, guard->fd, POLLIN, on_answer, &answer, &watch,
			   err);

	if (r < 0)
		return r;
	r = loop_run(guard->env->loop, answer_done, &answer, deadline_in(GUARD_ANSWER_MS), err);
	loop_unwatch(watch);
	if (r < 0)
		return err_wrap(err, "the guard process");
	if (!str_eq(answer.text, want))
		return err_set(err, ERR_INTERNAL, EPIPE, "the guard process has ended");
	return 0;
}

static int send_line(int fd, const char *line, size_t len, struct err *err)
{
	if (send(fd, line, len, MSG_NOSIGNAL) != (ssize_t)len)
		return err_sys(err, ERR_INTERNAL, errno ?: EPIPE, "talk to the guard process");
	return 0;
}

static int send_task(int fd, const struct vm *vm, const char *migration, const char *host,
		     const bool *used, struct err *err)
{
	_cleanup_free_ char *line = NULL;
	json_t *task, *pairs = json_array();
	size_t len = 0;

	for (size_t i = 0; i < vm->def->n_pairs; i++)
		if (used[i])
			json_array_append_new(pairs, json_string(vm->def->pairs[i].id));
	task = json_pack("{ss ss ss so}", "vm", vm->name, "migration", migration, "host", host,
			 "pairs", pairs);
	if (task)
		line = ndjson_encode(task, &len);
	json_decref(task);
	return line ? send_line(fd, line, len, err) : err_nomem(err);
}

static int spawn(struct guard *guard, struct vm *vm, int socket, struct err *err)
{
	/* This very binary, not what its path may lead to by now. */
	static const char *const argv[] = { "/proc/self/exe", "guard", NULL };
	int fds[] = { socket, lock_fd(vm->lock) };
	struct child_spec spec = CHILD_SPEC_INIT;

	spec.argv = argv;
	spec.err = STDERR_FILENO;
	spec.fds = fds;
	spec.n_fds = ARRAY_SIZE(fds);
	/* Out of the terminal's process group: Ctrl-C is for vmfo. */
	spec.detach = true;
	return child_spawn(&guard->child, &spec, err);
}

int guard_start(struct vm *vm, const char *migration, const char *host, const bool *used,
		struct guard **out, struct err *err)
{
	_cleanup_close_ int theirs = -1;
	struct guard *guard = calloc(1, sizeof(*guard));
	int fds[2], r;

	if (!guard)
		return err_nomem(err);
	*guard = (struct guard){ .env = vm->env, .fd = -1, .child = CHILD_INIT };
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0) {
		r = err_sys(err, ERR_INTERNAL, errno, "socketpair");
		goto fail;
	}
	guard->fd = fds[0];
	theirs = fds[1];
	r = spawn(guard, vm, theirs, err);
	if (r == 0)
		r = send_task(guard->fd, vm, migration, host, used, err);
	if (r == 0)
		r = await_answer(guard, "armed\n", err);
	if (r < 0)
		goto fail;
	*out = guard;
	return 0;
fail:
	/* Nothing is at stake yet that it should act upon. */
	child_stop(&guard->child, 0);
	guard->disarmed = true;
	guard_stop(guard);
	return r;
}

int guard_disarm(struct guard *guard, struct err *err)
{
	int r;

	if (guard->disarmed)
		return 0;
	r = send_line(guard->fd, "disarm\n", strlen("disarm\n"), err);
	if (r == -EPIPE)
		r = err_set(err, ERR_INTERNAL, EPIPE, "the guard process has ended");
	if (r == 0)
		r = await_answer(guard, "disarmed\n", err);
	if (r == 0)
		guard->disarmed = true;
	return r;
}

void guard_stop(struct guard *guard)
{
	if (!guard)
		return;
	if (guard->child.pid && guard_disarm(guard, NULL) < 0)
		child_stop(&guard->child, 0);
	if (guard->fd >= 0)
		close(guard->fd);
	if (guard->child.pid)
		child_stop(&guard->child, GUARD_ANSWER_MS);
	free(guard);
}

/* ---- the guard's side ---- */

struct task {
	char vm[64];
	char migration[64];
	char host[256];
	struct strv pairs; /* those that used their primary */
};

static void task_clear(struct task *task)
{
	strv_clear(&task->pairs);
}

/* One line, waiting for it.  Return: 1, 0 at the end of the socket, or a failure. */
static int read_line(char *line, size_t size, struct err *err)
{
	size_t len = 0;

	for (;;) {
		ssize_t n = read(GUARD_SOCKET_FD, line + len, 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, ERR_INTERNAL, errno, "guard: read");
		if (n == 0)
			return 0;
		if (line[len] == '\n') {
			line[len] = '\0';
			return 1;
		}
		if (++len == size)
			return err_set(err, ERR_INTERNAL, EMSGSIZE,
				       "guard: a line is too long");
	}
}

static int not_by_hand(struct err *err)
{
	return err_set(err, ERR_USAGE, EPROTO, "it is started by 'vmfo migrate', not by hand");
}

static int read_task(struct task *task, struct err *err)
{
	char line[GUARD_LINE_MAX];
	const char *vm, *migration, *host;
	json_t *root, *pairs;
	const json_t *pair;
	size_t i;

	if (read_line(line, sizeof(line), NULL) <= 0)
		return not_by_hand(err);
	root = json_loads(line, 0, NULL);
	if (json_unpack(root, "{ss ss ss so}", "vm", &vm, "migration", &migration, "host",
			&host, "pairs", &pairs) < 0) {
		json_decref(root);
		return not_by_hand(err);
	}
	snprintf(task->vm, sizeof(task->vm), "%s", vm);
	snprintf(task->migration, sizeof(task->migration), "%s", migration);
	snprintf(task->host, sizeof(task->host), "%s", host);
	json_array_foreach (pairs, i, pair)
		strv_add(&task->pairs, json_string_value(pair) ?: "");
	json_decref(root);
	return 0;
}

/* QEMU serves the next QMP client once it has noticed that vmfo's connection is gone. */
static int connect_qmp(struct vm *vm, struct err *err)
{
	int r = 0;

	for (int i = 0; i < GUARD_QMP_TRIES; i++) {
		r = vm_connect(vm, err);
		if (r == 0 || !vm_process_alive(vm))
			break;
		loop_sleep(vm->env->loop, 100, NULL);
	}
	return r;
}

static void close_journal(struct vm *vm, const struct task *task)
{
	struct journal *journal;
	struct err err = ERR_INIT;

	if (journal_reopen(vm->env->statedir, vm->name, task->migration, &journal, &err) < 0 ||
	    journal_close(journal, "rolled-back by the guard", &err) < 0)
		log_warn("guard: %s", err.msg);
}

static int try_release(struct vm *vm, const struct task *task, struct err *err)
{
	struct target *target;
	int r = target_open(vm->env, task->host, &target, err);

	if (r < 0)
		return r;
	r = target_attach(target, vm->name, task->migration, err);
	if (r == 0)
		r = target_abort(target, err);
	/* Nothing is left there: its agent has cleaned up by itself. */
	if (r == -ENOENT)
		r = 0;
	target_close(target);
	return r;
}

/*
 * The source has kept the VM: the target, if it still holds its half, may let go. It may
 * be cut off for a while, or the agent of the vmfo that died may hold the lock there yet.
 */
static int release_target(struct vm *vm, const struct task *task, struct err *err)
{
	int64_t deadline = deadline_in(GUARD_TARGET_MS);
	int r;

	while ((r = try_release(vm, task, err)) < 0 && clock_ms() < deadline)
		loop_sleep(vm->env->loop, 500, NULL);
	return r < 0 ? err_wrap(err, "it runs here, but its half on %s could not be released",
				task->host) :
		       0;
}

/* vmfo could not remove it any more; QEMU has let go of it. */
static void remove_stream_socket(const struct vm *vm)
{
	_cleanup_free_ char *path = vm_path(vm, "out.sock");

	if (path)
		unlink(path);
}

/*
 * Brings the guest back. A QEMU that runs and calls its migration completed speaks of the
 * one by which it came here: vmfo died before it sent `migrate`.
 */
static int cancel(struct vm *vm, struct err *err)
{
	struct source source;
	char runstate[32];
	int r;

	source_watch(&source, vm);
	r = source_cancel(&source, err);
	source_clear(&source);
	if (r == -EALREADY && vm_runstate(vm, runstate, NULL) == 0 &&
	    str_eq(runstate, "running"))
		r = 0;
	return r < 0 ? err_wrap(err, "cancel the migration") : 0;
}

static int act(struct vm *vm, const struct task *task, struct err *err)
{
	int r = vm_find_running(vm, err);

	if (r <= 0)
		return r < 0 ? r : err_set(err, ERR_UNFINISHED, ESRCH, "its QEMU does not run");
	for (size_t i = 0; i < vm->def->n_pairs; i++)
		if (strv_has(&task->pairs, vm->def->pairs[i].id) &&
		    datapath_to_primary(vm, &vm->def->pairs[i], err) < 0)
			log_warn("guard: %s", err->msg);
	r = connect_qmp(vm, err);
	if (r < 0)
		return r;
	r = cancel(vm, err);
	remove_stream_socket(vm);
	if (r == 0)
		r = release_target(vm, task, err);
	if (r == 0)
		close_journal(vm, task);
	return r;
}

int flow_guard(struct flow_env *env, struct err *err)
{
	_cleanup_(vm_closep) struct vm *vm = NULL;
	_cleanup_(task_clear) struct task task = { .pairs = { 0 } };
	char line[GUARD_LINE_MAX];
	int r = read_task(&task, err);

	if (r == 0)
		r = vm_open(env, task.vm, &vm, err);
	if (r == 0)
		r = lock_adopt(vm->rundir, GUARD_LOCK_FD, &vm->lock, err);
	if (r == 0)
		r = send_line(GUARD_SOCKET_FD, "armed\n", strlen("armed\n"), err);
	if (r == 0)
		r = read_line(line, sizeof(line), err);
	if (r > 0)
		return send_line(GUARD_SOCKET_FD, "disarmed\n", strlen("disarmed\n"), err);
	if (r < 0)
		return r;
	lock_name_holder(vm->lock, "guard");
	log_warn("guard: vmfo has died in the migration of %s to %s; cancelling it", task.vm,
		 task.host);
	r = act(vm, &task, err);
	if (r < 0)
		return err_wrap(err, "guard: %s", task.vm);
	log_warn("guard: %s runs here again", task.vm);
	return 0;
}
