/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/target.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "flow/vf_reserve.h"
#include "proto/agent.h"
#include "proto/ssh.h"
#include "topology/reach.h"
#include "topology/rule.h"

/*
 * Deadlines. A dead peer is noticed by the agent's pings long before these: they are for
 * one that lives and does not answer.
 */
#define OPEN_MS 15000
#define QUICK_MS 30000
#define START_MS 120000
#define START_MS_PER_GIB 2000
#define PLUG_MS 300000 /* realizing a vfio device pins all guest RAM */

struct target {
	struct flow_env *env;
	char *host;
	struct ssh_config *ssh;
	struct agent *agent;
	const char **command; /* NULL-terminated; the strings are host.json's */
	bool qemu_ended;
	char ended_log[256];
};

static void on_event(void *user, const char *event, const json_t *data)
{
	struct target *target = user;

	if (!str_eq(event, "qemu-ended"))
		return;
	target->qemu_ended = true;
	snprintf(target->ended_log, sizeof(target->ended_log), "%s",
		 json_get_text(data, "log"));
	str_make_printable(target->ended_log);
}

static int copy_command(struct target *target, const struct hostdef *host, struct err *err)
{
	target->command = calloc(host->n_agent_command + 1, sizeof(*target->command));
	if (!target->command)
		return err_nomem(err);
	for (size_t i = 0; i < host->n_agent_command; i++)
		target->command[i] = host->agent_command[i];
	return 0;
}

int target_open(struct flow_env *env, const char *host, struct target **out, struct err *err)
{
	struct target *target = calloc(1, sizeof(*target));
	struct agent_spec spec;
	int r;

	if (!target)
		return err_nomem(err);
	target->env = env;
	target->host = strdup(host);
	r = target->host ? copy_command(target, env->host, err) : err_nomem(err);
	if (r == 0)
		r = ssh_library_init(err);
	if (r == 0)
		r = ssh_config_load(env->loop, host, env->host->ssh.config, &target->ssh, err);
	if (r == 0) {
		spec = (struct agent_spec){ .host = target->host,
					    .ssh = target->ssh,
					    .command = target->command };
		r = agent_open(env->loop, &spec, deadline_in(OPEN_MS), &target->agent, err);
	}
	if (r < 0) {
		target_close(target);
		return r;
	}
	agent_on_event(target->agent, on_event, target);
	*out = target;
	return 0;
}

void target_close(struct target *target)
{
	if (!target)
		return;
	agent_close(target->agent);
	ssh_config_free(target->ssh);
	free(target->command);
	free(target->host);
	free(target);
}

const struct ssh_config *target_ssh(const struct target *target)
{
	return target->ssh;
}

const char *const *target_command(const struct target *target)
{
	return target->command;
}

bool target_connected(const struct target *target)
{
	return target && agent_alive(target->agent, NULL);
}

bool target_alive(const struct target *target, struct err *why)
{
	if (!agent_alive(target->agent, why))
		return false;
	if (!target->qemu_ended)
		return true;
	err_set(why, ERR_REFUSED, ESRCH, "the QEMU on %s has ended: %s", target->host,
		*target->ended_log ? target->ended_log : "it wrote nothing");
	return false;
}

/* An op; params: stolen. Names the host in front of a failure. */
static int call(struct target *target, const char *op, json_t *params, int64_t timeout_ms,
		json_t **result, struct err *err)
{
	int r;

	/* After a failed reconnection there is none. */
	if (!target) {
		json_decref(params);
		return err_set(err, ERR_REFUSED, EPIPE, "the target cannot be reached");
	}
	r = agent_call(target->agent, op, params, deadline_in(timeout_ms), result, err);
	return r < 0 ? err_wrap(err, "%s", target->host) : 0;
}

int target_check(struct target *target, const struct target_question *question,
		 struct findings *out, json_t **devices, struct err *err)
{
	json_t *result;
	int r = call(target, "check",
		     json_pack("{sO sO sO*}", "definition", question->def->source, "source",
			       question->source, "vfs", question->vfs),
		     QUICK_MS, &result, err);

	if (r < 0)
		return r;
	r = findings_parse(result, out, err);
	if (r < 0)
		err_wrap(err, "%s", target->host);
	else if (devices && json_is_array(json_object_get(result, "devices")))
		*devices = json_incref(json_object_get(result, "devices"));
	json_decref(result);
	return r;
}

int target_look(struct flow_env *env, const char *host, const struct target_question *question,
		struct findings *out, json_t **devices, struct target **target, struct err *err)
{
	struct findings there = { 0 };
	int r = target_open(env, host, target, err);
	const char *rule = r < 0 ? reach_rule(err) : NULL;

	if (rule) {
		rule_report(out, rule, host, "%s", err->msg);
		err_set(err, ERR_REFUSED, -r, "%s was not looked at: %s", host, rule);
	}
	if (r == 0)
		r = target_check(*target, question, &there, devices, err);
	if (r == 0)
		findings_merge(out, &there, host);
	findings_clear(&there);
	return r;
}

int target_vfs(struct target *target, json_t **out, struct err *err)
{
	return call(target, "vfs", NULL, QUICK_MS, out, err);
}

int target_reserve(struct target *target, const struct vm *vm,
		   const struct target_reserve *what, struct err *err)
{
	char here[256] = "";

	gethostname(here, sizeof(here) - 1);
	return call(target, "reserve",
		    json_pack("{sO ss ss sb sO sO* so}", "definition", vm->def->source,
			      "migration", what->migration, "source_host", here, "hidden",
			      (int)what->hidden, "source", what->source, "vfs", what->vfs,
			      "suppress", json_of_texts(what->suppress)),
		    VF_RESERVE_MS, NULL, err);
}

int target_start(struct target *target, const struct vm *vm, struct err *err)
{
	int64_t timeout = START_MS + (int64_t)vm->def->memory.mib * START_MS_PER_GIB / 1024;

	return call(target, "start", NULL, timeout, NULL, err);
}

int target_attach(struct target *target, const char *vm, const char *migration, struct err *err)
{
	return call(target, "attach", json_pack("{ss ss}", "vm", vm, "migration", migration),
		    QUICK_MS, NULL, err);
}

int target_prepared(struct target *target, struct err *err)
{
	return call(target, "prepared", NULL, QUICK_MS, NULL, err);
}

int target_query(struct target *target, struct target_state *out, struct err *err)
{
	json_t *result;
	int r = call(target, "query", NULL, QUICK_MS, &result, err);

	if (r < 0)
		return r;
	out->alive = json_is_true(json_object_get(result, "alive"));
	snprintf(out->migration, sizeof(out->migration), "%s",
		 json_get_text(result, "migration"));
	snprintf(out->runstate, sizeof(out->runstate), "%s", json_get_text(result, "runstate"));
	json_decref(result);
	return 0;
}

int target_cont(struct target *target, struct err *err)
{
	return call(target, "cont", NULL, QUICK_MS, NULL, err);
}

static char *string_or_null(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? strdup(s) : NULL;
}

int target_plug(struct target *target, const struct vm *vm, const struct vm_pair *pair,
		struct pair_result *out, struct err *err)
{
	const json_t *setting;
	json_t *result;
	size_t i;
	int r = call(target, "plug", json_pack("{ss}", "pair", pair->id),
		     PLUG_MS + vm_pin_ms(vm->def->memory.mib), &result, err);

	if (r < 0)
		return r;
	out->state = pair_state_from_name(json_get_text(result, "state"));
	out->evidence = pair_evidence_from_name(json_get_text(result, "evidence"));
	out->target_primary = string_or_null(result, "primary");
	out->reason = string_or_null(result, "reason");
	json_array_foreach (json_object_get(result, "unsupported"), i, setting)
		strv_add(&out->unsupported, json_string_value(setting) ?: "?");
	json_decref(result);
	return 0;
}

int target_finish(struct target *target, struct err *err)
{
	return call(target, "finish", NULL, QUICK_MS, NULL, err);
}

int target_abort(struct target *target, struct err *err)
{
	return call(target, "abort", NULL, QUICK_MS, NULL, err);
}
