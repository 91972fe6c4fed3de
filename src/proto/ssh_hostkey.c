/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Host keys, by `ssh-keygen -F`: it knows hashed names, wildcards, markers and whatever
 * else OpenSSH makes known_hosts hold. What it found is compared here.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "io/child.h"
#include "proto/ssh_internal.h"

#define LOOKUP_MS 10000

/*
 * What this libssh2 verifies and OpenSSH still serves, best first. Not its ssh-rsa, which
 * has SHA-1 signatures, and not its certificates, which are never in known_hosts.
 */
static const char *const types[] = {
	"ssh-ed25519",
	"ecdsa-sha2-nistp256",
	"ecdsa-sha2-nistp384",
	"ecdsa-sha2-nistp521",
};

void ssh_known_clear(struct ssh_known *known)
{
	for (size_t i = 0; i < known->n; i++)
		ssh_blob_clear(&known->keys[i].blob);
	free(known->keys);
	free(known->name);
	*known = (struct ssh_known){ 0 };
}

/* A line "[@marker] names type base64 [comment]"; one that is not like that is skipped. */
static int parse_line(struct ssh_known *known, char *line, bool without_port, struct err *err)
{
	struct ssh_known_key key = { .without_port = without_port };
	struct ssh_known_key *grown;
	char *save = NULL, *word = strtok_r(line, " \t\r", &save), *type, *text;
	int r;

	if (!word || *word == '#')
		return 0;
	if (*word == '@') {
		key.revoked = str_eq(word, "@revoked");
		key.authority = str_eq(word, "@cert-authority");
		word = strtok_r(NULL, " \t\r", &save);
	}
	type = strtok_r(NULL, " \t\r", &save);
	text = strtok_r(NULL, " \t\r", &save);
	if (!word || !type || !text || strlen(type) >= sizeof(key.type))
		return 0;
	r = ssh_base64_decode(text, strlen(text), &key.blob);
	if (r == -EBADMSG)
		return 0;
	if (r < 0)
		return err_nomem(err);
	strcpy(key.type, type);
	grown = reallocarray(known->keys, known->n + 1, sizeof(*grown));
	if (!grown) {
		ssh_blob_clear(&key.blob);
		return err_nomem(err);
	}
	known->keys = grown;
	known->keys[known->n++] = key;
	return 0;
}

int ssh_known_parse(struct ssh_known *known, const char *text, bool without_port,
		    struct err *err)
{
	_cleanup_free_ char *copy = strdup(text);
	char *save = NULL;

	if (!copy)
		return err_nomem(err);
	for (char *line = strtok_r(copy, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		int r = parse_line(known, line, without_port, err);

		if (r < 0)
			return r;
	}
	return 0;
}

static int look_up(struct loop *loop, const char *name, const char *file, bool without_port,
		   int64_t deadline, struct ssh_known *known, struct err *err)
{
	const char *const argv[] = { "ssh-keygen", "-F", name, "-f", file, NULL };
	_cleanup_free_ char *text = NULL;
	_cleanup_free_ char *complaint = NULL;
	int r, status;

	if (access(file, F_OK) < 0)
		return 0;
	/* A file that is there and cannot be read may hold a revocation. */
	if (access(file, R_OK) < 0)
		return err_set(err, ERR_REFUSED, EIO, "read the known hosts in %s: %s", file,
			       strerrordesc_np(errno));
	r = child_run(loop, argv, deadline, 1024 * 1024, &text, &complaint, &status, err);
	if (r < 0) {
		if (err && r != -ECANCELED && r != -ETIMEDOUT)
			err->errnum = EIO;
		return err_wrap(err, "look up the host key of %s in %s", name, file);
	}
	/* 1: not there. */
	if (!WIFEXITED(status) || WEXITSTATUS(status) > 1) {
		complaint[strcspn(complaint, "\n")] = '\0';
		str_make_printable(complaint);
		return err_set(err, ERR_REFUSED, EIO,
			       "look up the host key of %s: ssh-keygen -F: %s", name,
			       *complaint ? complaint : "it failed without a word");
	}
	return ssh_known_parse(known, text, without_port, err);
}

static char *known_name(const struct ssh_config *config, bool with_port)
{
	char *name;

	if (config->host_key_alias)
		name = strdup(config->host_key_alias);
	else if (with_port && config->port != 22)
		name = str_printf("[%s]:%d", config->hostname, config->port);
	else
		name = strdup(config->hostname);
	for (char *p = name; p && *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return name;
}

static int look_up_all(struct loop *loop, const struct ssh_config *config, const char *name,
		       bool without_port, int64_t deadline, struct ssh_known *known,
		       struct err *err)
{
	for (size_t i = 0; i < config->n_known_hosts_files; i++) {
		int r = look_up(loop, name, config->known_hosts_files[i], without_port,
				deadline, known, err);

		if (r < 0)
			return r;
	}
	return 0;
}

int ssh_known_load(struct loop *loop, const struct ssh_config *config, int64_t deadline,
		   struct ssh_known *known, struct err *err)
{
	_cleanup_free_ char *bare = known_name(config, false);
	int r;

	deadline = ssh_sooner(deadline, deadline_in(LOOKUP_MS));
	known->name = known_name(config, true);
	if (!bare || !known->name)
		return err_nomem(err);
	r = look_up_all(loop, config, known->name, false, deadline, known, err);
	/* As OpenSSH does: an entry without the port is good, if it is the same key. */
	if (r == 0 && !str_eq(bare, known->name))
		r = look_up_all(loop, config, bare, true, deadline, known, err);
	return r;
}

static bool type_is_known(const struct ssh_known *known, const char *type)
{
	for (size_t i = 0; i < known->n; i++)
		if (!known->keys[i].revoked && !known->keys[i].authority &&
		    str_eq(known->keys[i].type, type))
			return true;
	return false;
}

int ssh_known_types(const struct ssh_known *known, const struct ssh_config *config, char *buf,
		    size_t size, struct err *err)
{
	size_t len = 0;

	*buf = '\0';
	/* A host that is known by one key looks changed if another is asked for. */
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < ARRAY_SIZE(types); i++)
			if (type_is_known(known, types[i]) == (pass == 0) &&
			    ssh_list_has(config->host_key_algorithms, types[i]))
				len += (size_t)snprintf(buf + len, size - len, "%s%s",
							len ? "," : "", types[i]);
	if (!len)
		return err_set(err, ERR_REFUSED, EPROTONOSUPPORT,
			       "HostKeyAlgorithms in ssh_config allows none of what vmfo can "
			       "verify: add ssh-ed25519 or ecdsa-sha2-nistp256");
	return 0;
}

/* The command that makes the key known, once a person has compared the fingerprint. */
static char *accept_command(const struct ssh_known *known, const struct ssh_config *config,
			    const char *type)
{
	const char *file = config->n_known_hosts_files ? config->known_hosts_files[0] : NULL;
	const char *short_type = str_starts(type, "ecdsa")   ? "ecdsa" :
				 str_eq(type, "ssh-ed25519") ? "ed25519" :
							       type;
	_cleanup_free_ char *rename = NULL;
	_cleanup_free_ char *quoted = NULL;

	if (!file || ssh_quote_argv((const char *const[]){ file, NULL }, &quoted, NULL) < 0)
		return strdup("(UserKnownHostsFile names no file in which to keep it)");
	rename = config->host_key_alias ? str_printf(" | sed 's/^[^ ]*/%s/'", known->name) :
					  strdup("");
	return rename ? str_printf("ssh-keyscan%s -t %s -p %d %s%s >> %s",
				   config->hash_known_hosts && !*rename ? " -H" : "",
				   short_type, config->port, config->hostname, rename, quoted) :
			NULL;
}

static int refuse_unknown(const struct ssh_known *known, const struct ssh_config *config,
			  const char *type, const char *fingerprint, struct err *err)
{
	_cleanup_free_ char *accept = accept_command(known, config, type);
	const char *other = NULL;
	bool authority = false;

	for (size_t i = 0; i < known->n; i++) {
		if (known->keys[i].authority)
			authority = true;
		else if (!known->keys[i].revoked && !known->keys[i].without_port)
			other = known->keys[i].type;
	}
	if (!accept)
		return err_nomem(err);
	return err_set(
		err, ERR_REFUSED, ENOKEY,
		"the host key is unknown%s%s%s: %s %s. If that is the fingerprint which "
		"`ssh-keygen -lf` shows on the host itself, accept it with: %s",
		other     ? " (known_hosts has another type, " :
		authority ? " (known_hosts has only a @cert-authority, which vmfo cannot use)" :
			    "",
		other ? other : "", other ? ")" : "", type, fingerprint, accept);
}

static int refuse_changed(const struct ssh_known *known, const struct ssh_config *config,
			  const char *type, const char *fingerprint, struct err *err)
{
	_cleanup_free_ char *accept = accept_command(known, config, type);
	_cleanup_free_ char *remove = NULL;
	const char *const argv[] = {
		"ssh-keygen", "-R", known->name, "-f", config->known_hosts_files[0], NULL
	};

	if (!accept || ssh_quote_argv(argv, &remove, NULL) < 0)
		return err_nomem(err);
	return err_set(
		err, ERR_REFUSED, EKEYREJECTED,
		"the host key has CHANGED: %s %s is not the one in known_hosts. Someone "
		"may be in between. If the host has a new key indeed (`ssh-keygen -lf` on "
		"the host itself shows this fingerprint): %s; %s",
		type, fingerprint, remove, accept);
}

int ssh_known_check(const struct ssh_known *known, const struct ssh_config *config,
		    const struct ssh_blob *key, const char *fingerprint, struct err *err)
{
	bool found = false, changed = false;
	char type[64];

	ssh_blob_type(key, type, sizeof(type));
	for (size_t i = 0; i < known->n; i++) {
		const struct ssh_known_key *k = &known->keys[i];

		if (ssh_blob_equal(&k->blob, key)) {
			if (k->revoked)
				return err_set(
					err, ERR_REFUSED, EKEYREVOKED,
					"the host key is REVOKED: known_hosts has %s %s as "
					"@revoked. Give the host a new key (ssh-keygen -A)",
					type, fingerprint);
			found |= !k->authority;
		} else if (!k->revoked && !k->authority && !k->without_port &&
			   str_eq(k->type, type)) {
			changed = true;
		}
	}
	if (found)
		return 0;
	if (changed)
		return refuse_changed(known, config, type, fingerprint, err);
	return refuse_unknown(known, config, type, fingerprint, err);
}
