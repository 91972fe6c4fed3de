/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the files of the SSH client share. libssh2 is wrapped here, and its failure
 * convention ends here.
 *
 * How libssh2 is kept from its own trap: it remembers a packet that the socket took in
 * part, and asks for the same call again before any other; when the server starts a key
 * exchange just then, packets of the exchange come in between, and the session breaks or
 * hangs. So libssh2 never sees the socket. Its send callback takes every packet as a
 * whole, into a queue that ssh_transport.c flushes; channel data is only offered while
 * the queue is short (SSH_QUEUE_MAX), so the back-pressure is ours. And its receive
 * callback has input only at the beginning of a pump and within ssh_await(): nothing else
 * can swallow input that nobody then looks at, as the socket has no more to say about it.
 */
#ifndef VMFO_PROTO_SSH_INTERNAL_H
#define VMFO_PROTO_SSH_INTERNAL_H

#include <libssh2.h>
#include <sys/queue.h>

#include "base/str.h"
#include "proto/ssh.h"

#define SSH_NAME_SIZE 320

struct ssh {
	struct loop *loop;
	LIBSSH2_SESSION *session;
	int fd;
	struct loop_watch *watch;
	struct loop_timer *again; /* a pump that is due in this round of the loop */
	struct loop_timer *keepalive;
	int64_t heard_at, asked_at; /* the last input; the last question whether it lives */
	char name[SSH_NAME_SIZE];   /* "beta (10.0.0.2 port 22)", for messages */
	size_t intake;              /* so much libssh2 may read from the socket now */
	bool awaiting;              /* a request is under way, which wants input */

	/* Packets that libssh2 has made and the socket has not taken. */
	struct {
		char *bytes;
		size_t head, len, room;
	} out;

	bool connected; /* authenticated: failures from now on name the host */
	bool dead;
	struct err why; /* once dead */
	int io_errno;   /* what the socket failed with; 0: nothing yet */
	bool peer_closed;
	char goodbye[160]; /* the server's disconnect message */

	char *buffer; /* SSH_READ_SIZE bytes, for one read from a channel */
	TAILQ_HEAD(, ssh_channel) channels;
};

#define SSH_READ_SIZE (64 * 1024) /* of every read; see take_in() */
#define SSH_PACKET_MAX 32700      /* of data, that libssh2 puts into one packet */

struct ssh_channel {
	struct ssh *ssh;
	LIBSSH2_CHANNEL *lib;
	struct ssh_channel_fns fns;
	void *user;
	TAILQ_ENTRY(ssh_channel) link;

	/* Output that data() did not take; refused: it has not asked for more since. */
	char *held;
	size_t held_at, held_len;
	bool refused;

	/*
	 * Input that could not become a packet: the queue or the window was full, or a key
	 * exchange was under way, and then libssh2 wants the same bytes again. With some of
	 * it for each channel, none is starved by another that keeps the queue full.
	 */
	char *pending; /* SSH_PACKET_MAX bytes */
	size_t pending_len;
	bool blocked; /* a write took too few: writable() is owed */
	bool eof_wanted, eof_sent;

	struct loop_timer *grace; /* its output has ended; how it ended is awaited */
	bool grace_over;
	bool ended;   /* end() was called */
	bool gone;    /* the far side has closed it */
	bool closing; /* the owner has left */
};

/* ---- ssh_transport.c ---- */

/* A session over a connected socket, which it takes over. */
int ssh_transport_new(struct loop *loop, int fd, const char *name, struct ssh **out,
		      struct err *err);

/* A call of libssh2 that may say EAGAIN, and is then made again. */
typedef int ssh_step_fn(struct ssh *ssh, void *arg);

/*
 * Serves the loop until the step says anything but EAGAIN, which is put into rc.
 * Return: 0; -EPIPE when the connection was lost; -ETIMEDOUT; -ECANCELED.
 */
int ssh_await(struct ssh *ssh, ssh_step_fn *step, void *arg, int64_t deadline, int *rc,
	      struct err *err);

void ssh_pump_soon(struct ssh *ssh);     /* a pump once this round's handlers are done */
void ssh_update_events(struct ssh *ssh); /* what is polled for, after any change */
void ssh_flush(struct ssh *ssh);

/* The connection is of no more use; its channels are told from the loop. */
void ssh_fail(struct ssh *ssh, int errnum, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The same for a call of libssh2 that returned rc; says what is known of the cause. */
void ssh_fail_lib(struct ssh *ssh, const char *doing, int rc);

/* ---- ssh_keepalive.c ---- */

int ssh_keepalive_start(struct ssh *ssh, struct err *err);

/* ---- ssh_channel.c ---- */

/* Everything that can be done for a channel now; it may free it. */
void ssh_channel_pump(struct ssh_channel *channel);
void ssh_channel_free(struct ssh_channel *channel);

/* ---- ssh_tcp.c ---- */

/* A connected non-blocking socket with its keepalive set. */
int ssh_tcp_connect(struct loop *loop, const struct ssh_config *config, int64_t deadline,
		    int *fd, struct err *err);

/* ---- ssh_config.c, ssh_token.c ---- */

/* Pure: what `ssh -G` printed. */
int ssh_config_parse(const char *text, const char *host, const char *config_file,
		     struct ssh_config **out, struct err *err);

/* One path as `ssh -G` prints it, with ~, ${ENV} and the documented tokens expanded. */
int ssh_token_expand(const struct ssh_config *config, const char *keyword, const char *text,
		     char **out, struct err *err);

/* Whether a comma-separated list has word; NULL is a list of everything. */
bool ssh_list_has(const char *list, const char *word);

/* ---- ssh_blob.c: the wire format of keys ---- */

struct ssh_blob {
	unsigned char *bytes;
	size_t len;
};

void ssh_blob_clear(struct ssh_blob *blob);
bool ssh_blob_equal(const struct ssh_blob *a, const struct ssh_blob *b);

/* n base64 characters; blanks and line ends between them are skipped. -EBADMSG, -ENOMEM. */
int ssh_base64_decode(const char *text, size_t n, struct ssh_blob *out);
/* Without padding. out: room for n * 4 / 3 + 3 bytes. */
void ssh_base64_encode(const unsigned char *bytes, size_t n, char *out);

/* Takes a string (length, bytes) off the front. Return: false when it is cut short. */
bool ssh_wire_string(const unsigned char **at, size_t *left, const unsigned char **bytes,
		     size_t *n);
bool ssh_wire_u32(const unsigned char **at, size_t *left, uint32_t *out);

/* The key's type, its first string, into buf; "unknown" when it has none. */
const char *ssh_blob_type(const struct ssh_blob *blob, char *buf, size_t size);

/* ---- ssh_hostkey.c ---- */

/* A line of a known_hosts file that is about this host. */
struct ssh_known_key {
	struct ssh_blob blob;
	char type[64];
	bool revoked, authority;
	bool without_port; /* found under the bare name: it only counts when it matches */
};

struct ssh_known {
	struct ssh_known_key *keys;
	size_t n;
	char *name; /* as it stands in known_hosts: "[beta]:2222" */
};

int ssh_known_load(struct loop *loop, const struct ssh_config *config, int64_t deadline,
		   struct ssh_known *known, struct err *err);
/* Pure: adds what `ssh-keygen -F` printed. */
int ssh_known_parse(struct ssh_known *known, const char *text, bool without_port,
		    struct err *err);
void ssh_known_clear(struct ssh_known *known);

/* The host key types to ask for, the known ones first; buf as a comma-separated list. */
int ssh_known_types(const struct ssh_known *known, const struct ssh_config *config, char *buf,
		    size_t size, struct err *err);

/* fingerprint: "SHA256:…". */
int ssh_known_check(const struct ssh_known *known, const struct ssh_config *config,
		    const struct ssh_blob *key, const char *fingerprint, struct err *err);

/* ---- ssh_key.c ---- */

enum ssh_key_state {
	SSH_KEY_USABLE,
	SSH_KEY_ABSENT,
	SSH_KEY_UNREADABLE,
	SSH_KEY_ENCRYPTED,
	SSH_KEY_EXPOSED,     /* others may read it: OpenSSH refuses it too */
	SSH_KEY_UNSUPPORTED, /* RSA, DSA, a security key, a certificate */
};

struct ssh_key {
	enum ssh_key_state state;
	struct ssh_blob blob; /* the public part, empty where it is not known */
	char type[64];
};

/* Looks at an identity file, and at FILE.pub. */
void ssh_key_inspect(const char *path, struct ssh_key *key);
/* Pure: the text of a private key. */
void ssh_key_parse(const char *text, size_t len, struct ssh_key *key);
void ssh_key_clear(struct ssh_key *key);
bool ssh_key_type_works(const char *type); /* with this libssh2 */

/* ---- ssh_keyagent.c: the client of the operator's ssh-agent ---- */

struct ssh_keyagent;

struct ssh_identity {
	struct ssh_blob blob;
	char type[64];
	char comment[64];
	bool refused; /* by the server */
};

int ssh_keyagent_open(struct loop *loop, const char *path, struct ssh_keyagent **out,
		      struct err *err);
int ssh_keyagent_list(struct ssh_keyagent *agent, int64_t deadline, struct ssh_identity **out,
		      size_t *n, struct err *err);
/* signature: without its type's name, as libssh2 wants it. */
int ssh_keyagent_sign(struct ssh_keyagent *agent, const struct ssh_blob *key,
		      const unsigned char *data, size_t len, int64_t deadline,
		      struct ssh_blob *signature, struct err *err);
void ssh_keyagent_close(struct ssh_keyagent *agent); /* takes NULL */
void ssh_identities_free(struct ssh_identity *identities, size_t n);

/* ---- ssh_auth.c ---- */

int ssh_authenticate(struct ssh *ssh, const struct ssh_config *config, int64_t deadline,
		     struct err *err);

/* How long the server may be silent while connecting. */
static inline int64_t ssh_patience_ms(const struct ssh_config *config)
{
	return 1000 * (config->connect_timeout ? config->connect_timeout : SSH_CONNECT_TIMEOUT);
}

static inline int64_t ssh_sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

#endif
