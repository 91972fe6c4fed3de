/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is in an identity file, before libssh2 is given it: libssh2 says "unable to
 * extract public key" to everything that it cannot use, and the operator wants to know.
 * Source: OpenSSH PROTOCOL.key.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "io/file.h"
#include "proto/ssh_internal.h"

#define KEY_FILE_MAX (64 * 1024)
#define OPENSSH_BEGIN "-----BEGIN OPENSSH PRIVATE KEY-----"
#define OPENSSH_END "-----END OPENSSH PRIVATE KEY-----"
#define OPENSSH_MAGIC "openssh-key-v1" /* and its NUL */

void ssh_key_clear(struct ssh_key *key)
{
	ssh_blob_clear(&key->blob);
}

bool ssh_key_type_works(const char *type)
{
	return str_eq(type, "ssh-ed25519") || str_eq(type, "ecdsa-sha2-nistp256") ||
	       str_eq(type, "ecdsa-sha2-nistp384") || str_eq(type, "ecdsa-sha2-nistp521");
}

static int parse_openssh(const struct ssh_blob *raw, struct ssh_key *key)
{
	const unsigned char *at = raw->bytes, *cipher, *skip, *public;
	size_t left = raw->len, n_cipher, n_skip, n_public;
	uint32_t n_keys;

	if (left < sizeof(OPENSSH_MAGIC) ||
	    memcmp(at, OPENSSH_MAGIC, sizeof(OPENSSH_MAGIC)) != 0)
		return -EBADMSG;
	at += sizeof(OPENSSH_MAGIC);
	left -= sizeof(OPENSSH_MAGIC);
	if (!ssh_wire_string(&at, &left, &cipher, &n_cipher) ||
	    !ssh_wire_string(&at, &left, &skip, &n_skip) || /* key derivation, its options */
	    !ssh_wire_string(&at, &left, &skip, &n_skip) ||
	    !ssh_wire_u32(&at, &left, &n_keys) || n_keys != 1 ||
	    !ssh_wire_string(&at, &left, &public, &n_public))
		return -EBADMSG;
	ssh_blob_clear(&key->blob);
	key->blob.bytes = malloc(n_public + 1);
	if (!key->blob.bytes)
		return -ENOMEM;
	memcpy(key->blob.bytes, public, n_public);
	key->blob.len = n_public;
	ssh_blob_type(&key->blob, key->type, sizeof(key->type));
	key->state = !ssh_key_type_works(key->type)                  ? SSH_KEY_UNSUPPORTED :
		     n_cipher == 4 && memcmp(cipher, "none", 4) == 0 ? SSH_KEY_USABLE :
								       SSH_KEY_ENCRYPTED;
	return 0;
}

void ssh_key_parse(const char *text, size_t len, struct ssh_key *key)
{
	static const struct {
		const char *begin;
		const char *type;
		enum ssh_key_state state;
	} pem[] = {
		{ "-----BEGIN RSA PRIVATE KEY-----", "ssh-rsa", SSH_KEY_UNSUPPORTED },
		{ "-----BEGIN DSA PRIVATE KEY-----", "ssh-dss", SSH_KEY_UNSUPPORTED },
		{ "-----BEGIN EC PRIVATE KEY-----", "ecdsa", SSH_KEY_USABLE },
		{ "-----BEGIN PRIVATE KEY-----", "PKCS#8", SSH_KEY_USABLE },
		{ "-----BEGIN ENCRYPTED PRIVATE KEY-----", "PKCS#8", SSH_KEY_ENCRYPTED },
	};
	const char *begin = strstr(text, OPENSSH_BEGIN);

	(void)len;
	key->state = SSH_KEY_UNREADABLE;
	if (begin) {
		const char *end = strstr(begin, OPENSSH_END);
		struct ssh_blob raw = { 0 };

		begin += strlen(OPENSSH_BEGIN);
		if (end && ssh_base64_decode(begin, (size_t)(end - begin), &raw) == 0)
			parse_openssh(&raw, key);
		ssh_blob_clear(&raw);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(pem); i++)
		if (strstr(text, pem[i].begin)) {
			snprintf(key->type, sizeof(key->type), "%s", pem[i].type);
			key->state = pem[i].state;
			if (key->state == SSH_KEY_USABLE &&
			    strstr(text, "Proc-Type: 4,ENCRYPTED"))
				key->state = SSH_KEY_ENCRYPTED;
			return;
		}
}

/* "TYPE BASE64 [COMMENT]" */
static void read_public(const char *path, struct ssh_key *key)
{
	_cleanup_free_ char *text = NULL;
	char *save = NULL, *type, *base64;

	if (file_read(path, KEY_FILE_MAX, &text, NULL, NULL) < 0)
		return;
	type = strtok_r(text, " \t\r\n", &save);
	base64 = strtok_r(NULL, " \t\r\n", &save);
	if (!type || !base64 || ssh_base64_decode(base64, strlen(base64), &key->blob) < 0)
		return;
	ssh_blob_type(&key->blob, key->type, sizeof(key->type));
}

void ssh_key_inspect(const char *path, struct ssh_key *key)
{
	_cleanup_free_ char *public_path = str_printf("%s.pub", path);
	_cleanup_free_ char *text = NULL;
	struct stat st;
	size_t len;

	*key = (struct ssh_key){ .state = SSH_KEY_UNREADABLE };
	if (!public_path)
		return;
	read_public(public_path, key);
	if (stat(path, &st) < 0) {
		key->state = errno == ENOENT ? SSH_KEY_ABSENT : SSH_KEY_UNREADABLE;
		return;
	}
	if (!S_ISREG(st.st_mode))
		return;
	if (st.st_uid == getuid() && st.st_mode & 077) {
		key->state = SSH_KEY_EXPOSED;
		return;
	}
	if (file_read(path, KEY_FILE_MAX, &text, &len, NULL) < 0)
		return;
	/* An IdentityFile may also be a public key alone, which picks one in the agent. */
	if (strstr(text, "PRIVATE KEY"))
		ssh_key_parse(text, len, key);
	else if (!key->blob.len)
		read_public(path, key);
	explicit_bzero(text, len);
}
