/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The tokens that `ssh -G` leaves as they are in the names of files.
 * Source: ssh_config(5), TOKENS and ENVIRONMENT VARIABLES.
 */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "proto/ssh_internal.h"

struct expansion {
	char *text;
	size_t len;
	FILE *stream;
};

/* OpenSSH goes by the user database, not by $HOME. */
static char *home_of(const char *user, size_t n)
{
	_cleanup_free_ char *name = strndup(user, n);
	struct passwd pw, *found = NULL;
	_cleanup_free_ char *buf = malloc(4096);

	if (!name || !buf)
		return NULL;
	if (n)
		getpwnam_r(name, &pw, buf, 4096, &found);
	else
		getpwuid_r(getuid(), &pw, buf, 4096, &found);
	return found ? strdup(found->pw_dir) : NULL;
}

static char *local_user(void)
{
	struct passwd pw, *found = NULL;
	_cleanup_free_ char *buf = malloc(4096);

	if (buf)
		getpwuid_r(getuid(), &pw, buf, 4096, &found);
	return found ? strdup(found->pw_name) : NULL;
}

/* Return: 0, -EINVAL for a token that is not known here, -ENOENT when it has no value. */
static int put_token(FILE *to, char token, const struct ssh_config *config)
{
	_cleanup_free_ char *value = NULL;
	char host[256] = "";

	switch (token) {
	case '%':
		return putc('%', to) == EOF ? -ENOMEM : 0;
	case 'd':
		value = home_of("", 0);
		break;
	case 'h':
		value = strdup(config->hostname);
		break;
	case 'i':
		value = str_printf("%u", getuid());
		break;
	case 'j': /* the jump host: there is none */
		value = strdup("");
		break;
	case 'k':
		value = strdup(config->host_key_alias ? config->host_key_alias : config->host);
		break;
	case 'L':
	case 'l':
		gethostname(host, sizeof(host) - 1);
		if (token == 'L')
			host[strcspn(host, ".")] = '\0';
		value = strdup(host);
		break;
	case 'n':
		value = strdup(config->host);
		break;
	case 'p':
		value = str_printf("%d", config->port);
		break;
	case 'r':
		value = strdup(config->user);
		break;
	case 'u':
		value = local_user();
		break;
	default:
		return -EINVAL;
	}
	if (!value)
		return -ENOENT;
	fputs(value, to);
	return 0;
}

/* at: behind "${".  Return: what follows "}", or NULL with err set. */
static const char *put_variable(FILE *to, const char *at, const char *keyword, struct err *err)
{
	const char *end = strchr(at, '}');
	_cleanup_free_ char *name = end ? strndup(at, (size_t)(end - at)) : NULL;
	const char *value = name ? getenv(name) : NULL;

	if (!value) {
		err_set(err, ERR_REFUSED, EINVAL,
			"%s in ssh_config: the environment has no value for ${%s", keyword, at);
		return NULL;
	}
	fputs(value, to);
	return end + 1;
}

static int expand(struct expansion *out, const struct ssh_config *config, const char *keyword,
		  const char *text, struct err *err)
{
	const char *p = text;

	if (*p == '~') {
		size_t n = strcspn(p + 1, "/");
		_cleanup_free_ char *home = home_of(p + 1, n);

		if (!home)
			return err_set(err, ERR_REFUSED, EINVAL,
				       "%s %s in ssh_config: that user has no home folder here",
				       keyword, text);
		fputs(home, out->stream);
		p += 1 + n;
	}
	while (*p) {
		if (*p == '%') {
			int r = put_token(out->stream, p[1], config);

			if (r == -EINVAL)
				return err_set(
					err, ERR_REFUSED, EINVAL,
					"%s %s in ssh_config: vmfo does not know the token "
					"%%%c; write the path out",
					keyword, text, p[1]);
			if (r < 0)
				return err_sys(err, ERR_REFUSED, -r,
					       "%s %s in ssh_config: token %%%c", keyword, text,
					       p[1]);
			p += 2;
		} else if (p[0] == '$' && p[1] == '{') {
			p = put_variable(out->stream, p + 2, keyword, err);
			if (!p)
				return -EINVAL;
		} else {
			putc(*p++, out->stream);
		}
	}
	return 0;
}

int ssh_token_expand(const struct ssh_config *config, const char *keyword, const char *text,
		     char **out, struct err *err)
{
	struct expansion expansion = { 0 };
	int r;

	expansion.stream = open_memstream(&expansion.text, &expansion.len);
	if (!expansion.stream)
		return err_nomem(err);
	r = expand(&expansion, config, keyword, text, err);
	if (fclose(expansion.stream) != 0 && r == 0)
		r = err_nomem(err);
	if (r < 0) {
		free(expansion.text);
		return r;
	}
	*out = expansion.text;
	return 0;
}
