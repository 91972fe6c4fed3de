/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * SSH by libssh2, non-blocking, in the loop of the thread that opened it. The settings
 * are the operator's own, as `ssh -G` prints them; host keys are looked up by
 * `ssh-keygen -F`. Never a password, never a host key that is not known already.
 */
#ifndef VMFO_PROTO_SSH_H
#define VMFO_PROTO_SSH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "io/loop.h"

/* ---- settings ---- */

struct ssh_config {
	char *host;     /* as the operator named it */
	char *hostname; /* what is connected to */
	char *user;
	int port;
	char *host_key_alias;  /* the name in known_hosts; NULL: hostname */
	char **identity_files; /* absolute; '~' and tokens expanded */
	size_t n_identity_files;
	char **known_hosts_files; /* the user's, then the global ones */
	size_t n_known_hosts_files;
	char *identity_agent; /* socket path; NULL: none */
	bool identities_only;
	int connect_timeout; /* seconds; 0: vmfo's default */
	char *config_file;   /* what `ssh -F` was given; NULL: nothing */
	int family;          /* AF_INET, AF_INET6; AF_UNSPEC: either */
	char *bind_address;  /* NULL: the kernel's choice */
	bool hash_known_hosts;
	/* What the operator allows, as comma-separated lists; NULL: all. */
	char *ciphers, *macs, *kex_algorithms, *host_key_algorithms;
};

/*
 * Asks `ssh [-F config_file] -G -- host`. host with a leading '-' or a control
 * character is refused. A setting that vmfo does not honour and that would change where
 * the connection goes (ProxyJump, ProxyCommand) is refused by name.
 * Errors: ERR_REFUSED (EINVAL, EOPNOTSUPP); ERR_USAGE for the host's name.
 */
int ssh_config_load(struct loop *loop, const char *host, const char *config_file,
		    struct ssh_config **out, struct err *err);

/* A copy for another thread. */
int ssh_config_copy(const struct ssh_config *config, struct ssh_config **out, struct err *err);

void ssh_config_free(struct ssh_config *config); /* takes NULL */

/* ---- a connection ---- */

struct ssh;

/*
 * libssh2's and libcrypto's own start; before the first thread. Idempotent.
 */
int ssh_library_init(struct err *err);

/* Seconds that a server may be silent while connecting, unless ConnectTimeout says more. */
#define SSH_CONNECT_TIMEOUT 15

/*
 * A peer that has acknowledged nothing for so long is dead (TCP_USER_TIMEOUT), and so is an
 * sshd that has said nothing, and did not answer when it was asked.
 */
#define SSH_DEAD_AFTER_MS 12000

/*
 * Connects, verifies the host key, authenticates by public key (agent, then files).
 * config: borrowed during the call. A name is looked up by a child (getent), so that a
 * slow resolver neither stops the loop nor outlives the deadline.
 * Errors, all ERR_REFUSED: name not found, unreachable (EHOSTUNREACH and the like), silent
 * (ETIMEDOUT); host key unknown (ENOKEY), changed (EKEYREJECTED) or revoked (EKEYREVOKED),
 * with its SHA256 fingerprint and the command that would accept it; EIO: known hosts that
 * cannot be read; EPROTONOSUPPORT: no common algorithms; EACCES: no key accepted (with the
 * keys that were tried, and the RSA case explained). model/reach.h tells them apart.
 */
int ssh_connect(struct loop *loop, const struct ssh_config *config, int64_t deadline,
		struct ssh **out, struct err *err);

void ssh_close(struct ssh *ssh); /* takes NULL; its channels must be closed */

/* False once the connection is lost; why: set then (may be NULL). */
bool ssh_alive(const struct ssh *ssh, struct err *why);

/* ---- a command on it ---- */

struct ssh_channel;

/*
 * What a channel tells its owner; each called from the loop, each may be NULL. None may
 * call ssh_channel_close() or ssh_close() from within.
 */
struct ssh_channel_fns {
	/*
	 * Bytes of its standard output. Return how many were taken: fewer than n stops
	 * the reading (back-pressure) until ssh_channel_resume().
	 */
	size_t (*data)(void *user, const char *bytes, size_t n);
	/* Its standard error; always taken, so that it never blocks. */
	void (*error_output)(void *user, const char *bytes, size_t n);
	/* ssh_channel_write() would take bytes again after having taken too few. */
	void (*writable)(void *user);
	/*
	 * No more output, once: why is NULL for an orderly end. Else it is how the
	 * command failed ("exit status 127"), or how the connection was lost. A command
	 * that only closed its output (a half-close) ends orderly, and takes input still.
	 */
	void (*end)(void *user, const struct err *why);
};

/*
 * Starts a command: argv, NULL-terminated, each word quoted for the far login shell, so
 * that it arrives there as it is; a word with a newline is refused. After a failure the
 * connection is of no more use, as libssh2 cannot take an unfinished request back.
 */
int ssh_channel_open(struct ssh *ssh, const char *const *argv,
		     const struct ssh_channel_fns *fns, void *user, int64_t deadline,
		     struct ssh_channel **out, struct err *err);

/*
 * Queues bytes for its standard input. The connection's queue is bounded by SSH_QUEUE_MAX; a
 * channel that has nothing queued takes 31 KiB whatever the others do.
 * Return: how many were taken, 0 to n; -EPIPE when the connection is lost, or the command
 * has ended.
 */
ssize_t ssh_channel_write(struct ssh_channel *channel, const char *bytes, size_t n);

#define SSH_QUEUE_MAX (256 * 1024)

#define SSH_WINDOW (256 * 1024) /* of output that a command may send unread */

void ssh_channel_send_eof(struct ssh_channel *channel); /* after what is queued */
void ssh_channel_resume(struct ssh_channel *channel);   /* data() is wanted again */

/*
 * Returns at once, and calls none of the owner's functions any more; the far side is told
 * while the loop runs on. Takes NULL.
 */
void ssh_channel_close(struct ssh_channel *channel);

/*
 * argv as one line for the far login shell, sh or csh alike; freed by the caller.
 * Errors: ERR_USAGE for a word with a newline, which csh cannot quote.
 */
int ssh_quote_argv(const char *const *argv, char **out, struct err *err);

#endif
