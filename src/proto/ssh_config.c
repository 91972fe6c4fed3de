/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The operator's settings for a host, by `ssh -G`, so that aliases, Match blocks and
 * included files mean to vmfo what they mean to ssh.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "io/child.h"
#include "proto/ssh_internal.h"

#define SETTINGS_MAX (256 * 1024)
#define SETTINGS_MS 15000 /* a Match exec may run */

/*
 * What would make vmfo go elsewhere than ssh, or trust what ssh would not, and is not
 * supported: refused by name, never left out in silence.
 */
static const struct {
	const char *keyword, *harmless, *name, *remedy;
} refused[] = {
	{ "proxyjump", "none", "ProxyJump",
	  "vmfo connects directly: make the host reachable (a route, a VPN), or set ProxyJump none "
	  "for it" },
	{ "proxycommand", "none", "ProxyCommand",
	  "vmfo connects directly: make the host reachable, or set ProxyCommand none for it" },
	{ "bindinterface", "none", "BindInterface", "use BindAddress" },
	{ "revokedhostkeys", "none", "RevokedHostKeys",
	  "write the revoked keys into known_hosts as @revoked" },
	{ "pubkeyauthentication", "true", "PubkeyAuthentication no",
	  "vmfo authenticates by public key and in no other way: set it to yes" },
};

void ssh_config_free(struct ssh_config *config)
{
	if (!config)
		return;
	free(config->host);
	free(config->hostname);
	free(config->user);
	free(config->host_key_alias);
	for (size_t i = 0; i < config->n_identity_files; i++)
		free(config->identity_files[i]);
	free(config->identity_files);
	for (size_t i = 0; i < config->n_known_hosts_files; i++)
		free(config->known_hosts_files[i]);
	free(config->known_hosts_files);
	free(config->identity_agent);
	free(config->config_file);
	free(config->bind_address);
	free(config->ciphers);
	free(config->macs);
	free(config->kex_algorithms);
	free(config->host_key_algorithms);
	free(config);
}

static void config_freep(struct ssh_config **config)
{
	ssh_config_free(*config);
}

bool ssh_list_has(const char *list, const char *word)
{
	size_t n = strlen(word);

	if (!list)
		return true;
	for (const char *p = list; p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL)
		if (strncmp(p, word, n) == 0 && (p[n] == ',' || p[n] == '\0'))
			return true;
	return false;
}

/* ---- the lines ---- */

/* The value of the first line that begins with keyword, up to its end; NULL: none. */
static const char *find_value(const char *text, const char *keyword, size_t *n)
{
	size_t len = strlen(keyword);

	for (const char *line = text; line && *line;) {
		const char *end = strchrnul(line, '\n');

		if (strncmp(line, keyword, len) == 0 && line[len] == ' ') {
			*n = (size_t)(end - line) - len - 1;
			return line + len + 1;
		}
		line = *end ? end + 1 : end;
	}
	return NULL;
}

/* out: a copy of the value, or NULL where there is none. */
static int take_string(const char *text, const char *keyword, char **out, struct err *err)
{
	size_t n;
	const char *value = find_value(text, keyword, &n);

	*out = NULL;
	if (!value || n == 0)
		return 0;
	*out = strndup(value, n);
	return *out ? 0 : err_nomem(err);
}

static int append_path(const struct ssh_config *config, const char *keyword, const char *path,
		       char ***list, size_t *n, struct err *err)
{
	_cleanup_free_ char *expanded = NULL;
	char **grown;
	int r;

	if (str_eq(path, "none"))
		return 0;
	r = ssh_token_expand(config, keyword, path, &expanded, err);
	if (r < 0)
		return r;
	grown = reallocarray(*list, *n + 1, sizeof(*grown));
	if (!grown)
		return err_nomem(err);
	*list = grown;
	grown[(*n)++] = steal_ptr(expanded);
	return 0;
}

/* Each identityfile has its line. */
static int take_identity_files(const char *text, struct ssh_config *config, struct err *err)
{
	size_t n;

	for (const char *value; (value = find_value(text, "identityfile", &n));
	     text = value + n) {
		_cleanup_free_ char *path = strndup(value, n);
		int r;

		if (!path)
			return err_nomem(err);
		r = append_path(config, "IdentityFile", path, &config->identity_files,
				&config->n_identity_files, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/*
 * Several files stand in one line, not quoted: what does not begin like a path belongs to
 * the one before, whose name has a blank.
 */
static int take_known_hosts(const char *text, const char *keyword, const char *name,
			    struct ssh_config *config, struct err *err)
{
	_cleanup_free_ char *value = NULL;
	int r = take_string(text, keyword, &value, err);

	for (char *at = value, *end; r == 0 && at && *at; at = end) {
		end = at;
		do
			end = strchrnul(end + 1, ' ');
		while (*end && end[1] != '/' && end[1] != '~' && end[1] != '%' &&
		       end[1] != '$');
		if (*end)
			*end++ = '\0';
		r = append_path(config, name, at, &config->known_hosts_files,
				&config->n_known_hosts_files, err);
	}
	return r;
}

static int take_agent(const char *text, struct ssh_config *config, struct err *err)
{
	_cleanup_free_ char *value = NULL;
	const char *env = "SSH_AUTH_SOCK";
	int r = take_string(text, "identityagent", &value, err);

	if (r < 0)
		return r;
	if (value && str_eq(value, "none"))
		return 0;
	if (value && *value != '$' && !str_eq(value, "SSH_AUTH_SOCK"))
		return ssh_token_expand(config, "IdentityAgent", value, &config->identity_agent,
					err);
	if (value && str_starts(value, "${"))
		return ssh_token_expand(config, "IdentityAgent", value, &config->identity_agent,
					err);
	if (value && *value == '$')
		env = value + 1;
	env = getenv(env);
	if (!env || !*env)
		return 0;
	config->identity_agent = strdup(env);
	return config->identity_agent ? 0 : err_nomem(err);
}

static int take_number(const char *text, const char *keyword, int min, int max, int missing,
		       int *out, struct err *err)
{
	_cleanup_free_ char *value = NULL;
	int64_t number = missing;
	int r = take_string(text, keyword, &value, err);

	if (r < 0)
		return r;
	if (value && !str_eq(value, "none") && str_to_i64(value, min, max, &number) < 0)
		return err_set(err, ERR_REFUSED, EINVAL,
			       "ssh -G: %s %s is not a number from %d to %d", keyword, value,
			       min, max);
	*out = (int)number;
	return 0;
}

static bool says(const char *text, const char *keyword, const char *wanted)
{
	size_t n;
	const char *value = find_value(text, keyword, &n);

	return value && n == strlen(wanted) && strncasecmp(value, wanted, n) == 0;
}

static int check_refused(const char *text, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		_cleanup_free_ char *value = NULL;
		int r = take_string(text, refused[i].keyword, &value, err);

		if (r < 0)
			return r;
		if (!value || str_eq(value, refused[i].harmless) || str_eq(value, "yes"))
			continue;
		return err_set(err, ERR_REFUSED, EOPNOTSUPP,
			       "ssh_config has %s%s%s for it, which vmfo does not support: %s",
			       refused[i].name, str_eq(value, "false") ? "" : " ",
			       str_eq(value, "false") ? "" : value, refused[i].remedy);
	}
	return 0;
}

/* ---- all of it ---- */

static int take_all(const char *text, struct ssh_config *config, struct err *err)
{
	const struct {
		const char *keyword;
		char **out;
	} strings[] = {
		{ "hostname", &config->hostname },
		{ "user", &config->user },
		{ "hostkeyalias", &config->host_key_alias },
		{ "bindaddress", &config->bind_address },
		{ "ciphers", &config->ciphers },
		{ "macs", &config->macs },
		{ "kexalgorithms", &config->kex_algorithms },
		{ "hostkeyalgorithms", &config->host_key_algorithms },
	};
	int r = check_refused(text, err);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(strings); i++)
		r = take_string(text, strings[i].keyword, strings[i].out, err);
	if (r == 0 && (!config->hostname || !config->user))
		return err_set(err, ERR_REFUSED, EINVAL, "ssh -G printed no %s",
			       config->hostname ? "user" : "hostname");
	if (r == 0)
		r = take_number(text, "port", 1, 65535, 22, &config->port, err);
	if (r == 0)
		r = take_number(text, "connecttimeout", 0, 3600, 0, &config->connect_timeout,
				err);
	config->family = says(text, "addressfamily", "inet")  ? AF_INET :
			 says(text, "addressfamily", "inet6") ? AF_INET6 :
								AF_UNSPEC;
	config->identities_only = says(text, "identitiesonly", "yes");
	config->hash_known_hosts = says(text, "hashknownhosts", "yes");
	if (r == 0)
		r = take_identity_files(text, config, err);
	if (r == 0)
		r = take_known_hosts(text, "userknownhostsfile", "UserKnownHostsFile", config,
				     err);
	if (r == 0)
		r = take_known_hosts(text, "globalknownhostsfile", "GlobalKnownHostsFile",
				     config, err);
	if (r == 0)
		r = take_agent(text, config, err);
	return r;
}

int ssh_config_parse(const char *text, const char *host, const char *config_file,
		     struct ssh_config **out, struct err *err)
{
	_cleanup_(config_freep) struct ssh_config *config = calloc(1, sizeof(*config));
	int r;

	if (!config)
		return err_nomem(err);
	config->host = strdup(host);
	config->config_file = config_file ? strdup(config_file) : NULL;
	if (!config->host || (config_file && !config->config_file))
		return err_nomem(err);
	r = take_all(text, config, err);
	if (r < 0)
		return r;
	*out = steal_ptr(config);
	return 0;
}

static int check_host(const char *host, struct err *err)
{
	if (!*host)
		return err_set(err, ERR_USAGE, EINVAL, "the host's name is empty");
	if (*host == '-')
		return err_set(
			err, ERR_USAGE, EINVAL,
			"host %s: a name cannot begin with '-', ssh would take it for an "
			"option",
			host);
	for (const unsigned char *p = (const unsigned char *)host; *p; p++)
		if (*p <= ' ' || *p == 0x7f)
			return err_set(
				err, ERR_USAGE, EINVAL,
				"the host's name has a blank or a control character in it");
	return 0;
}

int ssh_config_load(struct loop *loop, const char *host, const char *config_file,
		    struct ssh_config **out, struct err *err)
{
	const char *argv[8] = { "ssh" };
	_cleanup_free_ char *text = NULL;
	_cleanup_free_ char *complaint = NULL;
	size_t n = 1;
	int r = check_host(host, err), status;

	if (r < 0)
		return r;
	if (config_file) {
		argv[n++] = "-F";
		argv[n++] = config_file;
	}
	argv[n++] = "-G";
	argv[n++] = "--";
	argv[n] = host;
	r = child_run(loop, argv, deadline_in(SETTINGS_MS), SETTINGS_MAX, &text, &complaint,
		      &status, err);
	if (r < 0) {
		if (err && r != -ECANCELED) {
			err->kind = ERR_REFUSED;
			err->errnum = EINVAL;
		}
		return err_wrap(err, "host %s: ask `ssh -G` for its settings", host);
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		complaint[strcspn(complaint, "\r\n")] = '\0';
		str_make_printable(complaint);
		return err_set(err, ERR_REFUSED, EINVAL, "host %s: `ssh -G` refuses: %s", host,
			       *complaint ? complaint : "no reason given");
	}
	r = ssh_config_parse(text, host, config_file, out, err);
	return r < 0 ? err_wrap(err, "host %s", host) : 0;
}

/* ---- a copy ---- */

static char *copy_string(const char *s, bool *failed)
{
	char *copy = s ? strdup(s) : NULL;

	if (s && !copy)
		*failed = true;
	return copy;
}

static char **copy_list(char *const *list, size_t n, bool *failed)
{
	char **copy = calloc(n + 1, sizeof(*copy));

	if (!copy)
		*failed = true;
	for (size_t i = 0; copy && i < n; i++)
		copy[i] = copy_string(list[i], failed);
	return copy;
}

int ssh_config_copy(const struct ssh_config *config, struct ssh_config **out, struct err *err)
{
	_cleanup_(config_freep) struct ssh_config *copy = calloc(1, sizeof(*copy));
	bool failed = false;

	if (!copy)
		return err_nomem(err);
	*copy = *config;
	copy->host = copy_string(config->host, &failed);
	copy->hostname = copy_string(config->hostname, &failed);
	copy->user = copy_string(config->user, &failed);
	copy->host_key_alias = copy_string(config->host_key_alias, &failed);
	copy->identity_agent = copy_string(config->identity_agent, &failed);
	copy->config_file = copy_string(config->config_file, &failed);
	copy->bind_address = copy_string(config->bind_address, &failed);
	copy->ciphers = copy_string(config->ciphers, &failed);
	copy->macs = copy_string(config->macs, &failed);
	copy->kex_algorithms = copy_string(config->kex_algorithms, &failed);
	copy->host_key_algorithms = copy_string(config->host_key_algorithms, &failed);
	copy->identity_files =
		copy_list(config->identity_files, config->n_identity_files, &failed);
	copy->known_hosts_files =
		copy_list(config->known_hosts_files, config->n_known_hosts_files, &failed);
	if (!copy->identity_files)
		copy->n_identity_files = 0;
	if (!copy->known_hosts_files)
		copy->n_known_hosts_files = 0;
	if (failed)
		return err_nomem(err);
	*out = steal_ptr(copy);
	return 0;
}
