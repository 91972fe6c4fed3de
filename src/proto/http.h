/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * HTTP by libcurl: the notification of results.
 */
#ifndef VMFO_PROTO_HTTP_H
#define VMFO_PROTO_HTTP_H

#include <jansson.h>
#include <stddef.h>

#include "base/err.h"

/*
 * POSTs body as application/json. TLS certificates are verified; http and https only, no
 * redirects are followed. headers: "Name: value" each. It blocks, timeout_s at most: it is
 * called when everything else is done. Messages name no more of url than the server, since
 * the rest may hold secrets.
 * Errors: ERR_INTERNAL: not reachable, TLS, or an answer outside 2xx (its status is named);
 * ERR_USAGE, EINVAL: url or a header is none.
 */
int http_post_json(const char *url, const char *const *headers, size_t n_headers, int timeout_s,
		   const json_t *body, struct err *err);

#endif
