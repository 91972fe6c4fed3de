/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/notify.h"

#include "base/log.h"
#include "proto/http.h"

void flow_notify(struct flow_env *env, const struct result *result)
{
	const struct hostdef *host = env->host;
	struct err err = ERR_INIT;
	json_t *body;

	if (!host->notify.url)
		return;
	body = result_json(result);
	if (!body)
		err_nomem(&err);
	else
		http_post_json(host->notify.url, (const char *const *)host->notify.headers,
			       host->notify.n_headers, host->notify.timeout, body, &err);
	json_decref(body);
	if (err.kind != ERR_NONE)
		/* The message names the server; the whole URL may hold a secret. */
		log_warn("the result could not be sent (notify in host.json): %s", err.msg);
}
