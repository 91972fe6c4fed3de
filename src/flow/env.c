/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/env.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "flow/vf_host.h"
#include "host/qemu_binary.h"
#include "io/file.h"

static char *folder(const char *variable, const char *standard)
{
	const char *set = getenv(variable);

	return strdup(set && *set ? set : standard);
}

static int load_host(struct flow_env *env, struct err *err)
{
	_cleanup_free_ char *path = str_printf("%s/host.json", env->confdir);
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	int r;

	if (!path)
		return err_nomem(err);
	r = file_read(path, HOSTDEF_MAX_BYTES, &text, &len, err);
	if (r < 0 && r != -ENOENT)
		return r;
	r = hostdef_parse(text, len, path, &env->host, err);
	if (r == 0 && !env->host->qemu)
		r = qemu_binary_find(&env->host->qemu, err);
	return r;
}

int flow_env_open(struct flow_env *env, struct report *report, struct err *err)
{
	int r;

	*env = (struct flow_env){ .confdir = folder("VMFO_CONFDIR", "/etc/vmfo"),
				  .rundir = folder("VMFO_RUNDIR", "/run/vmfo"),
				  .statedir = folder("VMFO_STATEDIR", "/var/lib/vmfo"),
				  .report = report,
				  .vf_host = &vf_this_host };
	if (!env->confdir || !env->rundir || !env->statedir)
		r = err_nomem(err);
	else
		r = load_host(env, err);
	if (r == 0)
		r = loop_new(&env->loop, err);
	if (r < 0)
		flow_env_close(env);
	return r;
}

void flow_env_close(struct flow_env *env)
{
	loop_free(env->loop);
	hostdef_free(env->host);
	free(env->confdir);
	free(env->rundir);
	free(env->statedir);
	*env = (struct flow_env){ 0 };
}
