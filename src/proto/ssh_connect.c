/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "proto/ssh_internal.h"

#define METHODS_SIZE 512

static void ssh_closep(struct ssh **ssh)
{
	ssh_close(*ssh);
}

static void known_clear(struct ssh_known *known)
{
	ssh_known_clear(known);
}

/* ---- algorithms ---- */

/*
 * The fastest first of what libssh2 may have, as far as the operator's ssh_config allows
 * them. Measured: the client needs
 * least for AES-CTR with 128 bits, and GCM, where libssh2 has it, needs less still.
 */
static const struct {
	const char *keyword;
	int types[2];
	const char *const wanted[12];
} methods[] = {
	{ "Ciphers",
	  { LIBSSH2_METHOD_CRYPT_CS, LIBSSH2_METHOD_CRYPT_SC },
	  { "aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr", "aes192-ctr",
	    "aes256-ctr", "aes128-cbc", "aes192-cbc", "aes256-cbc" } },
	{ "MACs",
	  { LIBSSH2_METHOD_MAC_CS, LIBSSH2_METHOD_MAC_SC },
	  { "hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256",
	    "hmac-sha2-512", "hmac-sha1" } },
	{ "KexAlgorithms",
	  { LIBSSH2_METHOD_KEX, -1 },
	  { "curve25519-sha256", "curve25519-sha256@libssh.org", "ecdh-sha2-nistp256",
	    "ecdh-sha2-nistp384", "ecdh-sha2-nistp521", "diffie-hellman-group-exchange-sha256",
	    "diffie-hellman-group16-sha512", "diffie-hellman-group18-sha512",
	    "diffie-hellman-group14-sha256" } },
};

/*
 * What of methods[] is allowed and what this libssh2 has, as a list. libssh2 would leave
 * out by itself what it has not, but does that by a memcpy() that overlaps.
 */
static int list_methods(struct ssh *ssh, const char *const *wanted, size_t n, int type,
			const char *allowed, char *list, size_t size, struct err *err)
{
	const char **supported = NULL;
	int n_supported = libssh2_session_supported_algs(ssh->session, type, &supported);

	*list = '\0';
	if (n_supported < 0)
		return err_nomem(err);
	for (size_t i = 0; i < n && wanted[i]; i++)
		for (int j = 0; j < n_supported; j++)
			if (str_eq(wanted[i], supported[j]) && ssh_list_has(allowed, wanted[i]))
				snprintf(list + strlen(list), size - strlen(list), "%s%s",
					 *list ? "," : "", wanted[i]);
	libssh2_free(ssh->session, supported);
	return 0;
}

static int set_methods(struct ssh *ssh, const struct ssh_config *config, struct err *err)
{
	const char *const allowed[] = { config->ciphers, config->macs, config->kex_algorithms };

	for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
		char list[METHODS_SIZE];
		int rc = -1;
		int r = list_methods(ssh, methods[i].wanted, ARRAY_SIZE(methods[i].wanted),
				     methods[i].types[0], allowed[i], list, sizeof(list), err);

		if (r < 0)
			return r;
		if (*list)
			rc = libssh2_session_method_pref(ssh->session, methods[i].types[0],
							 list);
		if (rc == 0 && methods[i].types[1] >= 0)
			rc = libssh2_session_method_pref(ssh->session, methods[i].types[1],
							 list);
		if (rc)
			return err_set(
				err, ERR_REFUSED, EPROTONOSUPPORT,
				"%s in ssh_config allows none of what libssh2 can do (%s)",
				methods[i].keyword, allowed[i] ? allowed[i] : "all");
	}
	return 0;
}

static int set_host_key_types(struct ssh *ssh, const struct ssh_config *config,
			      const struct ssh_known *known, struct err *err)
{
	char list[METHODS_SIZE];
	int r = ssh_known_types(known, config, list, sizeof(list), err);

	if (r == 0 && libssh2_session_method_pref(ssh->session, LIBSSH2_METHOD_HOSTKEY, list))
		r = err_set(err, ERR_INTERNAL, EPROTONOSUPPORT, "libssh2 takes none of %s",
			    list);
	return r;
}

/* ---- the handshake ---- */

static int step_handshake(struct ssh *ssh, void *arg)
{
	(void)arg;
	return libssh2_session_handshake(ssh->session, ssh->fd);
}

static int shake_hands(struct ssh *ssh, const struct ssh_config *config, int64_t deadline,
		       struct err *err)
{
	const char *greeting;
	int rc, r = ssh_await(ssh, step_handshake, NULL, deadline, &rc, err);

	greeting = libssh2_session_banner_get(ssh->session);
	if (r == -ETIMEDOUT)
		return err_set(
			err, ERR_REFUSED, ETIMEDOUT,
			greeting ? "the server is silent: it stopped in the key exchange" :
				   "the server is silent: it accepts the connection and does "
				   "not greet. Is sshd there stopped, or overloaded?");
	if (r < 0 || rc == 0)
		return r;
	if (rc == LIBSSH2_ERROR_KEX_FAILURE && !ssh->peer_closed && !ssh->io_errno)
		return err_set(
			err, ERR_REFUSED, EPROTONOSUPPORT,
			"no common algorithms: the server has no host key of type ed25519 or "
			"ECDSA (`ssh-keygen -A` on the host makes them), or none of libssh2's "
			"ciphers, MACs or key exchanges, or ssh_config does not allow them "
			"(Ciphers %s)",
			config->ciphers ? config->ciphers : "all");
	if (!greeting && (ssh->peer_closed || ssh->io_errno))
		return err_set(
			err, ERR_REFUSED, ECONNRESET,
			"the server closed the connection without a greeting; sshd does that "
			"beyond its MaxStartups, or to hosts that it does not want");
	ssh_fail_lib(ssh, greeting ? "key exchange" : "no SSH server is there", rc);
	return err_set(err, ERR_REFUSED, ssh->why.errnum, "%s", ssh->why.msg);
}

static int check_host_key(struct ssh *ssh, const struct ssh_config *config,
			  const struct ssh_known *known, struct err *err)
{
	char fingerprint[64] = "SHA256:";
	struct ssh_blob key;
	const char *hash;
	int type;

	key.bytes = (unsigned char *)libssh2_session_hostkey(ssh->session, &key.len, &type);
	hash = libssh2_hostkey_hash(ssh->session, LIBSSH2_HOSTKEY_HASH_SHA256);
	if (!key.bytes || !hash)
		return err_set(err, ERR_INTERNAL, EPROTO, "libssh2 has no host key");
	ssh_base64_encode((const unsigned char *)hash, 32, fingerprint + strlen(fingerprint));
	return ssh_known_check(known, config, &key, fingerprint, err);
}

static int connect_all(struct loop *loop, const struct ssh_config *config, const char *name,
		       int64_t deadline, struct ssh **out, struct err *err)
{
	int64_t patience = ssh_sooner(deadline, deadline_in(ssh_patience_ms(config)));
	_cleanup_(known_clear) struct ssh_known known = { 0 };
	_cleanup_(ssh_closep) struct ssh *ssh = NULL;
	int fd, r;

	r = ssh_library_init(err);
	if (r == 0)
		r = ssh_known_load(loop, config, patience, &known, err);
	if (r == 0)
		r = ssh_tcp_connect(loop, config, patience, &fd, err);
	if (r == 0)
		r = ssh_transport_new(loop, fd, name, &ssh, err);
	if (r == 0)
		r = set_methods(ssh, config, err);
	if (r == 0)
		r = set_host_key_types(ssh, config, &known, err);
	if (r == 0)
		r = shake_hands(ssh, config, patience, err);
	if (r == 0)
		r = check_host_key(ssh, config, &known, err);
	if (r == 0)
		r = ssh_authenticate(ssh, config, deadline, err);
	if (r == 0)
		r = ssh_keepalive_start(ssh, err);
	if (r == 0) {
		ssh->connected = true;
		*out = steal_ptr(ssh);
	}
	return r;
}

int ssh_connect(struct loop *loop, const struct ssh_config *config, int64_t deadline,
		struct ssh **out, struct err *err)
{
	char name[SSH_NAME_SIZE];
	int r;

	if (str_eq(config->host, config->hostname))
		snprintf(name, sizeof(name), "%s (port %d)", config->host, config->port);
	else
		snprintf(name, sizeof(name), "%s (%s port %d)", config->host, config->hostname,
			 config->port);
	r = connect_all(loop, config, name, deadline, out, err);
	return r < 0 ? err_wrap(err, "ssh to %s", name) : 0;
}
