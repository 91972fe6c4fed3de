/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/qemu_probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "io/child.h"
#include "proto/qmp.h"
#include "proto/tail.h"

#define PROBE_TIMEOUT_MS 10000
#define PROBE_GRACE_MS 1000 /* for what a QEMU still has to do, or to say, at its end */

struct probe {
	struct loop *loop;
	struct child child;
	int err_fd;
	struct loop_watch *err_watch; /* NULL: it has ended */
	struct tail said;
};

static void on_error_output(void *data, int fd, short revents)
{
	struct probe *probe = data;
	char bytes[4096];
	ssize_t n = read(fd, bytes, sizeof(bytes));

	(void)revents;
	if (n > 0)
		tail_add(&probe->said, bytes, (size_t)n);
	else if (n == 0 || errno != EINTR)
		loop_unwatch(steal_ptr(probe->err_watch));
}

/* qmp_fd: the near end of its QMP monitor. */
static int probe_start(struct probe *probe, const char *binary, int *qmp_fd, struct err *err)
{
	const char *const argv[] = { binary,
				     "-machine",
				     "none",
				     "-nodefaults",
				     "-no-user-config",
				     "-display",
				     "none",
				     "-S",
				     "-chardev",
				     "socket,id=qmp,fd=3",
				     "-mon",
				     "chardev=qmp,mode=control",
				     NULL };
	struct child_spec spec = CHILD_SPEC_INIT;
	_cleanup_close_ int far = -1;
	_cleanup_close_ int near = -1;
	_cleanup_close_ int said = -1;
	int fds[2], r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return err_sys(err, ERR_INTERNAL, errno, "socketpair");
	near = fds[0];
	far = fds[1];
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(err, ERR_INTERNAL, errno, "pipe");
	probe->err_fd = fds[0];
	said = fds[1];
	spec.argv = argv;
	spec.err = said;
	spec.fds = &far;
	spec.n_fds = 1;
	r = child_spawn(&probe->child, &spec, err);
	if (r < 0)
		return r;
	r = loop_watch(probe->loop, probe->err_fd, POLLIN, on_error_output, probe,
		       &probe->err_watch, err);
	if (r < 0)
		return r;
	*qmp_fd = steal_fd(&near);
	return 0;
}

static void probe_stop(struct probe *probe)
{
	loop_unwatch(probe->err_watch);
	child_stop(&probe->child, PROBE_GRACE_MS);
	if (probe->err_fd >= 0)
		close(probe->err_fd);
}

/*
 * Whether a command has a feature.
 * Source: QAPI, query-qmp-schema; "json-cli-hotplug" is described at device_add.
 */
static bool has_feature(const json_t *schema, const char *command, const char *feature)
{
	const json_t *entry, *name;
	size_t i, j;

	json_array_foreach (schema, i, entry) {
		const char *entry_name = json_string_value(json_object_get(entry, "name"));

		if (!entry_name || !str_eq(entry_name, command))
			continue;
		json_array_foreach (json_object_get(entry, "features"), j, name)
			if (json_is_string(name) && str_eq(json_string_value(name), feature))
				return true;
	}
	return false;
}

static int probe_ask(struct qmp *qmp, struct qemu_facts *facts, int64_t deadline,
		     struct err *err)
{
	json_t *schema;
	int r;

	facts->version = strdup(qmp_version(qmp));
	if (!facts->version)
		return err_nomem(err);
	r = qmp_command(qmp, "query-machines", NULL, deadline, &facts->machines, err);
	if (r < 0)
		return err_wrap(err, "query-machines");
	r = qmp_command(qmp, "query-cpu-definitions", NULL, deadline, &facts->cpus, err);
	if (r < 0)
		return err_wrap(err, "query-cpu-definitions");
	/* An option that was left out of the build is an error here, not an empty answer. */
	facts->sandbox = qmp_command(qmp, "query-command-line-options",
				     json_pack("{ss}", "option", "sandbox"), deadline, NULL,
				     NULL) == 0;
	r = qmp_command(qmp, "query-qmp-schema", NULL, deadline, &schema, err);
	if (r < 0)
		return err_wrap(err, "query-qmp-schema");
	facts->json_device = has_feature(schema, "device_add", "json-cli-hotplug");
	json_decref(schema);
	/* Its end is what was asked for: whether the answer still comes does not matter. */
	qmp_command(qmp, "quit", NULL, deadline, NULL, NULL);
	return 0;
}

static bool said_all(void *data)
{
	const struct probe *probe = data;

	return !probe->err_watch;
}

/* A QEMU that gives up says why on its standard error, and only there. */
static int probe_explain(struct probe *probe, const char *binary, struct err *err)
{
	struct err why = *err;
	char text[64] = "still running";
	int status;
	int r = loop_run(probe->loop, said_all, probe, deadline_in(PROBE_GRACE_MS), err);

	if (r < 0 && r != -ETIMEDOUT)
		return r;
	r = child_wait(&probe->child, probe->loop, deadline_in(PROBE_GRACE_MS), &status, err);
	if (r < 0 && r != -ETIMEDOUT)
		return r;
	if (r == 0)
		child_status_text(status, text, sizeof(text));
	if (probe->said.len > 0)
		return err_set(err, ERR_REFUSED, why.errnum,
			       "ask %s what it can do: %s (%s); it said: %s", binary, why.msg,
			       text, tail_last_line(&probe->said));
	return err_set(err, ERR_REFUSED, why.errnum, "ask %s what it can do: %s (%s)", binary,
		       why.msg, text);
}

static int probe_run(struct probe *probe, const char *binary, struct qemu_facts *facts,
		     struct err *err)
{
	int64_t deadline = deadline_in(PROBE_TIMEOUT_MS);
	struct err local = ERR_INIT; /* the caller's may be NULL, and it is read here */
	struct qmp *qmp;
	int qmp_fd = -1;
	int r = probe_start(probe, binary, &qmp_fd, err);

	if (r < 0)
		return err_wrap(err, "ask QEMU what it can do");
	r = qmp_attach(probe->loop, qmp_fd, "QMP", deadline, &qmp, &local);
	if (r == 0) {
		r = probe_ask(qmp, facts, deadline, &local);
		qmp_close(qmp);
	}
	if (r < 0 && r != -ECANCELED)
		r = probe_explain(probe, binary, &local);
	if (r < 0)
		return err_set(err, local.kind, local.errnum, "%s", local.msg);
	return 0;
}

int qemu_probe(struct loop *loop, const char *binary, struct qemu_facts **out, struct err *err)
{
	struct probe probe = { .loop = loop, .child = CHILD_INIT, .err_fd = -1 };
	struct qemu_facts *facts = calloc(1, sizeof(*facts));
	int r;

	if (!facts)
		return err_nomem(err);
	facts->binary = strdup(binary);
	if (!facts->binary)
		r = err_nomem(err);
	else
		r = probe_run(&probe, binary, facts, err);
	probe_stop(&probe);
	if (r < 0) {
		qemu_facts_free(facts);
		return r;
	}
	*out = facts;
	return 0;
}

void qemu_facts_free(struct qemu_facts *facts)
{
	if (!facts)
		return;
	free(facts->binary);
	free(facts->version);
	json_decref(facts->machines);
	json_decref(facts->cpus);
	free(facts);
}

/* Whether one of the objects in list has that text under key. */
static bool list_has(const json_t *list, const char *key, const char *text)
{
	const json_t *object;
	size_t i;

	json_array_foreach (list, i, object) {
		const char *value = json_string_value(json_object_get(object, key));

		if (value && str_eq(value, text))
			return true;
	}
	return false;
}

bool qemu_has_machine(const struct qemu_facts *facts, const char *machine)
{
	return list_has(facts->machines, "name", machine) ||
	       list_has(facts->machines, "alias", machine);
}

bool qemu_has_cpu(const struct qemu_facts *facts, const char *model)
{
	return list_has(facts->cpus, "name", model);
}
