/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proto/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"

#define HTTP_ANSWER_MAX (64 * 1024) /* bytes of an answer's body that are waited for */

static void cleanup_curlp(CURL **curl)
{
	curl_easy_cleanup(*curl);
}

static void cleanup_slistp(struct curl_slist **list)
{
	curl_slist_free_all(*list);
}

/* The body of an answer says nothing to vmfo, but some servers want it read. */
static size_t discard_body(char *bytes, size_t size, size_t n, void *data)
{
	size_t *total = data;

	(void)bytes;
	*total += size * n;
	return *total > HTTP_ANSWER_MAX ? 0 : size * n;
}

/*
 * SCHEME://HOST[:PORT] of url, for messages: a password may stand in front of the host, a
 * token in the path or behind it.  Return: freed by the caller; NULL: no URL.
 */
static char *url_without_secrets(const char *url)
{
	CURLU *parts = curl_url();
	char *scheme = NULL, *host = NULL, *port = NULL, *text = NULL;

	if (parts && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
	    curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
	    curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK) {
		curl_url_get(parts, CURLUPART_PORT, &port, 0);
		text = str_printf("%s://%s%s%s", scheme, host, port ? ":" : "",
				  port ? port : "");
	}
	curl_free(scheme);
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(parts);
	return text;
}

static int add_header(struct curl_slist **list, const char *header, struct err *err)
{
	struct curl_slist *longer = curl_slist_append(*list, header);

	if (!longer)
		return err_nomem(err);
	*list = longer;
	return 0;
}

static int make_headers(const char *const *headers, size_t n_headers, struct curl_slist **list,
			struct err *err)
{
	int r = add_header(list, "Content-Type: application/json", err);

	/* Without it, curl asks first, and waits a second for servers that do not answer. */
	if (r == 0)
		r = add_header(list, "Expect:", err);
	for (size_t i = 0; r == 0 && i < n_headers; i++) {
		/* Its value may be a secret, so the message only counts. */
		if (strpbrk(headers[i], "\r\n") || !strchr(headers[i], ':'))
			return err_set(err, ERR_USAGE, EINVAL,
				       "header %zu is not a line of the form \"Name: value\"",
				       i + 1);
		r = add_header(list, headers[i], err);
	}
	return r;
}

static void set_options(CURL *curl, const char *url, int timeout_s, const char *body,
			const struct curl_slist *headers, size_t *answer_size, char *why)
{
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)timeout_s);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "vmfo");
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, discard_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer_size);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
}

static int post(const char *url, const char *name, const struct curl_slist *headers,
		int timeout_s, const char *body, struct err *err)
{
	_cleanup_(cleanup_curlp) CURL *curl = curl_easy_init();
	char why[CURL_ERROR_SIZE] = "";
	size_t answer_size = 0;
	long status = 0;
	CURLcode code;

	if (!curl)
		return err_nomem(err);
	set_options(curl, url, timeout_s, body, headers, &answer_size, why);
	code = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	/* A body that is too long ends the reading; the status was read before it. */
	if (code != CURLE_OK && !(code == CURLE_WRITE_ERROR && answer_size > HTTP_ANSWER_MAX)) {
		str_make_printable(why);
		return err_set(err, ERR_INTERNAL,
			       code == CURLE_OPERATION_TIMEDOUT ? ETIMEDOUT : EIO,
			       "POST to %s: %s", name, *why ? why : curl_easy_strerror(code));
	}
	if (status < 200 || status > 299)
		return err_set(err, ERR_INTERNAL, EREMOTEIO,
			       "POST to %s: the server answered with status %ld", name, status);
	return 0;
}

int http_post_json(const char *url, const char *const *headers, size_t n_headers, int timeout_s,
		   const json_t *body, struct err *err)
{
	_cleanup_(cleanup_slistp) struct curl_slist *list = NULL;
	_cleanup_free_ char *name = url_without_secrets(url);
	_cleanup_free_ char *text = NULL;
	int r;

	if (!name)
		return err_set(err, ERR_USAGE, EINVAL,
			       "POST: the URL is not one (http://… or https://…)");
	if (!str_starts(name, "http://") && !str_starts(name, "https://"))
		return err_set(err, ERR_USAGE, EINVAL,
			       "POST to %s: only http and https are done", name);
	/* curl takes 0 for no limit. */
	if (timeout_s < 1)
		return err_set(err, ERR_INTERNAL, EINVAL, "POST to %s: a timeout of %d s", name,
			       timeout_s);
	text = json_dumps(body, JSON_COMPACT);
	if (!text)
		return err_nomem(err);
	r = make_headers(headers, n_headers, &list, err);
	if (r < 0)
		return err_wrap(err, "POST to %s", name);
	return post(url, name, list, timeout_s, text, err);
}
