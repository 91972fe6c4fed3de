/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Authentication by public key, in OpenSSH's order: the agent's keys that the identity
 * files name, then its others (not under IdentitiesOnly), then the files themselves. The
 * server counts every key that it is offered, so the likely ones come first.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "proto/ssh_internal.h"

#define SIGN_MS 60000 /* a person may have to confirm, or to touch something */

struct auth {
	struct ssh *ssh;
	const struct ssh_config *config;
	int64_t deadline;
	struct ssh_key *files; /* what the identity files hold, in their order */
	struct ssh_keyagent *agent;
	struct ssh_identity *identities;
	size_t n_identities;
	char offered[200]; /* the keys that the server did not accept */
	char passed[200];  /* those that it was not even offered, and why */
	/* For the signature that libssh2 waits for. */
	const struct ssh_identity *signing;
	unsigned char *to_sign;
	size_t to_sign_len;
	struct ssh_blob signature;
	bool sign_failed;
};

__attribute__((format(printf, 3, 4))) static void note(char *list, size_t size, const char *fmt,
						       ...)
{
	size_t len = strlen(list);
	va_list ap;

	if (len && len + 2 < size) {
		strcpy(list + len, ", ");
		len += 2;
	}
	va_start(ap, fmt);
	vsnprintf(list + len, size - len, fmt, ap);
	va_end(ap);
}

static void auth_clear(struct auth *auth)
{
	for (size_t i = 0; auth->files && i < auth->config->n_identity_files; i++)
		ssh_key_clear(&auth->files[i]);
	free(auth->files);
	ssh_keyagent_close(auth->agent);
	ssh_identities_free(auth->identities, auth->n_identities);
	free(auth->to_sign);
	ssh_blob_clear(&auth->signature);
}

/* One answer of the server.  Return: as ssh_await(), with a lost connection explained. */
static int ask_server(struct auth *auth, ssh_step_fn *step, void *arg, int *rc, struct err *err)
{
	struct ssh *ssh = auth->ssh;
	int64_t patience = deadline_in(ssh_patience_ms(auth->config));
	int r = ssh_await(ssh, step, arg, ssh_sooner(auth->deadline, patience), rc, err);

	if (r == -ETIMEDOUT)
		return err_set(err, ERR_REFUSED, ETIMEDOUT,
			       "the server is silent while authenticating %s",
			       auth->config->user);
	if (r < 0)
		return r;
	if (ssh->peer_closed || ssh->io_errno || ssh->goodbye[0]) {
		ssh_fail_lib(ssh, "authenticate", *rc);
		return err_set(err, ERR_REFUSED, ssh->why.errnum, "%s; offered: %s",
			       ssh->why.msg, auth->offered[0] ? auth->offered : "nothing");
	}
	return 0;
}

/* ---- keys of the agent ---- */

/* libssh2 wants a signature: the first time, only what is to be signed is noted. */
static int sign_callback(LIBSSH2_SESSION *session, unsigned char **sig, size_t *sig_len,
			 const unsigned char *data, size_t len, void **abstract)
{
	struct auth *auth = *abstract;

	(void)session;
	if (auth->sign_failed)
		return -1;
	if (auth->signature.bytes) {
		*sig = steal_ptr(auth->signature.bytes);
		*sig_len = auth->signature.len;
		return 0;
	}
	if (!auth->to_sign) {
		auth->to_sign = malloc(len);
		if (!auth->to_sign)
			return -1;
		memcpy(auth->to_sign, data, len);
		auth->to_sign_len = len;
	}
	return LIBSSH2_ERROR_EAGAIN;
}

static int step_identity(struct ssh *ssh, void *arg)
{
	struct auth *auth = arg;
	void *abstract = auth;
	int rc = libssh2_userauth_publickey(ssh->session, auth->config->user,
					    auth->signing->blob.bytes, auth->signing->blob.len,
					    sign_callback, &abstract);

	/* Not the server is waited for then, but the agent, by our caller. */
	if (rc == LIBSSH2_ERROR_EAGAIN && auth->to_sign)
		return 1;
	return rc;
}

/* Return: 1 accepted, 0 not, or a failure that ends it all. */
static int try_identity(struct auth *auth, struct ssh_identity *identity, struct err *err)
{
	struct err why = ERR_INIT;
	int rc, r;

	auth->signing = identity;
	auth->sign_failed = false;
	r = ask_server(auth, step_identity, auth, &rc, err);
	if (r == 0 && rc == 1) {
		r = ssh_keyagent_sign(auth->agent, &identity->blob, auth->to_sign,
				      auth->to_sign_len,
				      ssh_sooner(auth->deadline, deadline_in(SIGN_MS)),
				      &auth->signature, &why);
		free(steal_ptr(auth->to_sign));
		if (r == -ECANCELED) {
			if (err)
				*err = why;
			return r;
		}
		auth->sign_failed = r < 0;
		r = ask_server(auth, step_identity, auth, &rc, err);
	}
	ssh_blob_clear(&auth->signature);
	if (r < 0)
		return r;
	if (rc == 0)
		return 1;
	if (auth->sign_failed)
		note(auth->passed, sizeof(auth->passed), "%s of the agent (%s)",
		     identity->comment, why.msg);
	else
		note(auth->offered, sizeof(auth->offered), "%s %s of the agent", identity->type,
		     identity->comment);
	identity->refused = !auth->sign_failed;
	return 0;
}

/* The identity file that names this key, or n_identity_files. */
static size_t file_of(const struct auth *auth, const struct ssh_identity *identity)
{
	size_t i = 0;

	while (i < auth->config->n_identity_files &&
	       !ssh_blob_equal(&auth->files[i].blob, &identity->blob))
		i++;
	return i;
}

static int try_agent(struct auth *auth, struct err *err)
{
	const struct ssh_config *config = auth->config;
	int64_t deadline = ssh_sooner(auth->deadline, deadline_in(ssh_patience_ms(config)));
	struct err why = ERR_INIT;
	int r;

	if (!config->identity_agent)
		return 0;
	r = ssh_keyagent_open(auth->ssh->loop, config->identity_agent, &auth->agent, &why);
	if (r == 0)
		r = ssh_keyagent_list(auth->agent, deadline, &auth->identities,
				      &auth->n_identities, &why);
	if (r == -ECANCELED) {
		if (err)
			*err = why;
		return r;
	}
	if (r < 0) {
		note(auth->passed, sizeof(auth->passed), "no agent (%s)", why.msg);
		return 0;
	}
	/* By the files' order; the last pass is for what no file names. */
	for (size_t file = 0; file <= config->n_identity_files; file++) {
		if (file == config->n_identity_files && config->identities_only)
			break;
		for (size_t i = 0; i < auth->n_identities; i++) {
			struct ssh_identity *identity = &auth->identities[i];

			if (file_of(auth, identity) != file)
				continue;
			if (!ssh_key_type_works(identity->type)) {
				note(auth->passed, sizeof(auth->passed),
				     "%s of the agent (%s cannot be used)", identity->comment,
				     identity->type);
				continue;
			}
			r = try_identity(auth, identity, err);
			if (r)
				return r;
		}
	}
	return 0;
}

/* ---- keys in files ---- */

static int step_file(struct ssh *ssh, void *arg)
{
	const char *const *names = arg;

	return libssh2_userauth_publickey_fromfile_ex(ssh->session, names[0],
						      (unsigned int)strlen(names[0]), NULL,
						      names[1], NULL);
}

/* Whether the server has already said no to this key, when the agent had it. */
static bool was_refused(const struct auth *auth, const struct ssh_key *key)
{
	for (size_t i = 0; i < auth->n_identities; i++)
		if (auth->identities[i].refused &&
		    ssh_blob_equal(&auth->identities[i].blob, &key->blob))
			return true;
	return false;
}

static void note_unusable(struct auth *auth, const char *path, const struct ssh_key *key)
{
	const char *why = NULL;

	switch (key->state) {
	case SSH_KEY_USABLE:
	case SSH_KEY_ABSENT: /* `ssh -G` names every file that might exist */
		return;
	case SSH_KEY_UNREADABLE:
		why = "no private key can be read in it";
		break;
	case SSH_KEY_ENCRYPTED:
		why = "has a passphrase: add it to an agent with ssh-add";
		break;
	case SSH_KEY_EXPOSED:
		why = "others may read it: chmod 600";
		break;
	case SSH_KEY_UNSUPPORTED:
		why = str_eq(key->type, "ssh-rsa") ?
			      "RSA: libssh2 signs with SHA-1 only, which OpenSSH 8.8 and later "
			      "refuse; make an ed25519 key" :
			      "of a type that libssh2 cannot use; make an ed25519 key";
		break;
	}
	note(auth->passed, sizeof(auth->passed), "%s (%s)", path, why);
}

static int try_file(struct auth *auth, const char *path, const struct ssh_key *key,
		    struct err *err)
{
	const char *names[] = { auth->config->user, path };
	int rc, r;

	if (was_refused(auth, key))
		return 0;
	if (key->state != SSH_KEY_USABLE) {
		note_unusable(auth, path, key);
		return 0;
	}
	r = ask_server(auth, step_file, names, &rc, err);
	if (r < 0)
		return r;
	if (rc == 0)
		return 1;
	if (rc == LIBSSH2_ERROR_FILE)
		note(auth->passed, sizeof(auth->passed), "%s (libssh2 cannot read it)", path);
	else
		note(auth->offered, sizeof(auth->offered), "%s", path);
	return 0;
}

/* ---- all of it ---- */

static int step_list(struct ssh *ssh, void *arg)
{
	struct auth *auth = arg;
	const char *user = auth->config->user;

	if (libssh2_userauth_list(ssh->session, user, (unsigned int)strlen(user)))
		return 0;
	if (libssh2_userauth_authenticated(ssh->session))
		return 0;
	return libssh2_session_last_errno(ssh->session);
}

static int try_all(struct auth *auth, struct err *err)
{
	const struct ssh_config *config = auth->config;
	int rc, r = ask_server(auth, step_list, auth, &rc, err);

	if (r < 0)
		return r;
	if (libssh2_userauth_authenticated(auth->ssh->session))
		return 1;
	r = try_agent(auth, err);
	for (size_t i = 0; r == 0 && i < config->n_identity_files; i++)
		r = try_file(auth, config->identity_files[i], &auth->files[i], err);
	return r;
}

int ssh_authenticate(struct ssh *ssh, const struct ssh_config *config, int64_t deadline,
		     struct err *err)
{
	_cleanup_(auth_clear) struct auth auth = { .ssh = ssh,
						   .config = config,
						   .deadline = deadline };
	int r;

	auth.files = calloc(config->n_identity_files + 1, sizeof(*auth.files));
	if (!auth.files)
		return err_nomem(err);
	for (size_t i = 0; i < config->n_identity_files; i++)
		ssh_key_inspect(config->identity_files[i], &auth.files[i]);
	r = try_all(&auth, err);
	if (r)
		return r < 0 ? r : 0;
	return err_set(
		err, ERR_REFUSED, EACCES,
		"no key was accepted for user %s (offered: %s%s%s). Put the public key into "
		"its authorized_keys there, or name the right IdentityFile in ssh_config",
		config->user, auth.offered[0] ? auth.offered : "none",
		auth.passed[0] ? "; not usable: " : "", auth.passed);
}
