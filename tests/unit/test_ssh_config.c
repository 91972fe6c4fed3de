/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The pure parts of the SSH client: settings, quoting, host key look-up, key files.
 */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/ssh_internal.h"
#include "tap.h"

#define BASE "host beta\nuser root\nhostname beta.example\nport 22\n"

static struct ssh_config *parse(const char *text, struct err *err)
{
	struct ssh_config *config = NULL;

	*err = (struct err)ERR_INIT;
	ssh_config_parse(text, "beta", NULL, &config, err);
	return config;
}

static void test_settings(void)
{
	const char *home = getpwuid(getuid())->pw_dir;
	struct ssh_config *config, *copy = NULL;
	struct err err;
	char want[256];

	setenv("SSH_AUTH_SOCK", "/tmp/agent", 1);
	setenv("VMFO_TEST_DIR", "/tmp/keys", 1);
	config = parse("host beta\nuser me\nhostname beta.example\nport 2222\n"
		       "addressfamily inet6\nhashknownhosts yes\nidentitiesonly yes\n"
		       "bindaddress 10.0.0.1\nhostkeyalias gamma\nproxyjump none\n"
		       "identityfile ~/.ssh/id_%r_%h_%p\nidentityfile /a b/%%%n\n"
		       "identityfile ${VMFO_TEST_DIR}/%i\nidentityfile none\n"
		       "globalknownhostsfile /etc/g\n"
		       "userknownhostsfile ~/kh /tmp/b c/kh %d/x\nconnecttimeout 7\n",
		       &err);
	ok(config, "settings are parsed: %s", err.msg);
	if (!config)
		return;
	is_str(config->hostname, "beta.example", "hostname");
	is_str(config->user, "me", "user");
	is_int(config->port, 2222, "port");
	is_int(config->family, AF_INET6, "addressfamily");
	is_int(config->connect_timeout, 7, "connecttimeout");
	is_str(config->bind_address, "10.0.0.1", "bindaddress");
	is_str(config->host_key_alias, "gamma", "hostkeyalias");
	ok(config->identities_only && config->hash_known_hosts,
	   "identitiesonly, hashknownhosts");
	is_int((intmax_t)config->n_identity_files, 3, "identity files; none is none");
	snprintf(want, sizeof(want), "%s/.ssh/id_me_beta.example_2222", home);
	is_str(config->identity_files[0], want, "~ and tokens");
	is_str(config->identity_files[1], "/a b/%beta", "%%%% and a blank");
	snprintf(want, sizeof(want), "/tmp/keys/%u", getuid());
	is_str(config->identity_files[2], want, "${ENV}");
	is_int((intmax_t)config->n_known_hosts_files, 4,
	       "known hosts: the user's and the global");
	snprintf(want, sizeof(want), "%s/kh", home);
	is_str(config->known_hosts_files[0], want, "the first");
	is_str(config->known_hosts_files[1], "/tmp/b c/kh", "one with a blank in its name");
	is_str(config->known_hosts_files[3], "/etc/g", "the global one last");
	is_str(config->identity_agent, "/tmp/agent", "the agent of the environment");
	is_int(ssh_config_copy(config, &copy, &err), 0, "a copy");
	ok(copy && copy->hostname != config->hostname &&
		   str_eq(copy->hostname, config->hostname) &&
		   str_eq(copy->identity_files[2], config->identity_files[2]),
	   "is a deep one");
	ssh_config_free(copy);
	ssh_config_free(config);

	config = parse(BASE "identityagent none\n", &err);
	ok(config && !config->identity_agent, "identityagent none");
	ssh_config_free(config);
	config = parse(BASE "identityagent $VMFO_TEST_DIR\n", &err);
	is_str(config ? config->identity_agent : NULL, "/tmp/keys", "identityagent $VARIABLE");
	ssh_config_free(config);
	config = parse(BASE "identityagent /tmp/%u\n", &err);
	snprintf(want, sizeof(want), "/tmp/%s", getpwuid(getuid())->pw_name);
	is_str(config ? config->identity_agent : NULL, want, "identityagent with a token");
	ssh_config_free(config);
}

static void expect_refusal(const char *line, const char *text)
{
	char settings[512];
	struct err err;

	snprintf(settings, sizeof(settings), BASE "%s\n", line);
	ok(!parse(settings, &err), "refused: %s", line);
	like(err.msg, text, "and named: %s", err.msg);
}

static void test_refusals(void)
{
	struct ssh_config *config;
	struct err err;

	expect_refusal("proxyjump other", "ProxyJump other");
	expect_refusal("proxycommand nc %h %p", "ProxyCommand nc");
	expect_refusal("bindinterface eth0", "BindInterface");
	expect_refusal("revokedhostkeys /etc/krl", "RevokedHostKeys");
	expect_refusal("pubkeyauthentication false", "PubkeyAuthentication no");
	expect_refusal("identityfile /x/%C", "%C");
	expect_refusal("identityfile /x/${VMFO_NO_SUCH}", "VMFO_NO_SUCH");
	expect_refusal("identityfile ~no-such-user/x", "no home folder");
	expect_refusal("connecttimeout soon", "connecttimeout");
	ok(!parse("user root\n", &err), "no hostname");
	like(err.msg, "hostname", "is said");
	for (size_t i = 0; i < 5; i++) {
		static const char *const bad[] = { "", "-oProxyCommand=x", "a b", "a\nb",
						   "a\x7f" };

		is_int(ssh_config_load(NULL, bad[i], NULL, &config, &err), -EINVAL,
		       "a host that is no name, %zu", i);
		is_int(err.kind, ERR_USAGE, "is a usage error");
	}
}

static void expect_quoted(const char *word, const char *want)
{
	char *line = NULL;

	ssh_quote_argv((const char *const[]){ word, NULL }, &line, NULL);
	is_str(line, want, "quoted: %s", word);
	free(line);
}

static void test_quotes(void)
{
	char *line = NULL;
	struct err err = ERR_INIT;

	expect_quoted("/usr/bin/vmfo", "/usr/bin/vmfo");
	expect_quoted("", "''");
	expect_quoted("a b", "'a b'");
	expect_quoted("it's", "'it'\\''s'");
	expect_quoted("hi!", "'hi'\\!''");
	expect_quoted("~root", "'~root'");
	expect_quoted("$(x)`y`\\", "'$(x)`y`\\'");
	expect_quoted("a=b", "'a=b'");
	ssh_quote_argv((const char *const[]){ "a", "b c", NULL }, &line, NULL);
	is_str(line, "a 'b c'", "two words");
	free(line);
	is_int(ssh_quote_argv((const char *const[]){ "a", "b\n", NULL }, &line, &err), -EINVAL,
	       "a newline is refused");
	is_int(ssh_quote_argv((const char *const[]){ "b\r", NULL }, &line, &err), -EINVAL,
	       "and so is a carriage return");
}

#define ED "AAAAC3NzaC1lZDI1NTE5AAAAID8nBNQtRXkS//LPibm3MhXEnUrpAfsoeyruV6QbVneW"
#define ED_OTHER "AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define EC                                                                         \
	"AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBDNiczt7aEGM4v8E2TOp" \
	"jSdNMPReh5w8MHAbS5yQBRbu4Aq5OIDS+0YjUdPU2ZBCX9USCcKliV8tiefOSq59V7g="

/* What an ED key means with these known_hosts lines; the message in err. */
static int check(const char *lines, bool without_port, char *types, struct err *err)
{
	char file[] = "/home/me/known hosts", name[] = "beta";
	char *files[] = { file };
	struct ssh_config config = { .host = name,
				     .hostname = name,
				     .port = 22,
				     .known_hosts_files = files,
				     .n_known_hosts_files = 1 };
	struct ssh_known known = { .name = strdup("beta") };
	struct ssh_blob key;
	int r;

	*err = (struct err)ERR_INIT;
	ssh_base64_decode(ED, strlen(ED), &key);
	ssh_known_parse(&known, lines, without_port, err);
	ssh_known_types(&known, &config, types, 256, err);
	r = ssh_known_check(&known, &config, &key, "SHA256:abc", err);
	ssh_blob_clear(&key);
	ssh_known_clear(&known);
	return r;
}

static void test_host_keys(void)
{
	struct err err;
	char types[256];

	is_int(check("# Host beta found: line 1\nbeta ssh-ed25519 " ED " x\n", false, types,
		     &err),
	       0, "the same key");
	is_int(check("|1|a=|b= ssh-ed25519 " ED "\n", false, types, &err), 0, "under a hash");
	is_int(check("beta ecdsa-sha2-nistp256 " EC "\n", false, types, &err), -ENOKEY,
	       "another type only");
	like(err.msg, "another type, ecdsa-sha2-nistp256", "which is said");
	ok(str_starts(types, "ecdsa-sha2-nistp256,ssh-ed25519,"),
	   "the known type is asked first");
	is_int(check("", false, types, &err), -ENOKEY, "nothing known");
	like(err.msg, "ssh-keyscan -t ed25519 -p 22 beta >> '/home/me/known hosts'",
	     "the command is quoted");
	ok(str_starts(types, "ssh-ed25519,"), "ed25519 is asked first");
	is_int(check("beta ssh-ed25519 " ED_OTHER "\n", false, types, &err), -EKEYREJECTED,
	       "a changed key");
	like(err.msg, "ssh-keygen -R beta", "is called so");
	is_int(check("beta ssh-ed25519 " ED_OTHER "\n", true, types, &err), -ENOKEY,
	       "another key of the bare name");
	like(err.msg, "unknown", "is only unknown");
	is_int(check("beta ssh-ed25519 " ED_OTHER "\nbeta ssh-ed25519 " ED "\n", false, types,
		     &err),
	       0, "one of two");
	is_int(check("beta ssh-ed25519 " ED "\n@revoked * ssh-ed25519 " ED "\n", false, types,
		     &err),
	       -EKEYREVOKED, "a revocation wins");
	is_int(check("@revoked * ssh-ed25519 " ED_OTHER "\nbeta ssh-ed25519 " ED "\n", false,
		     types, &err),
	       0, "that of another key does not count");
	is_int(check("@cert-authority * ssh-ed25519 " ED "\n", false, types, &err), -ENOKEY,
	       "an authority is no host");
	is_int(check("beta\nbeta ssh-ed25519\n@revoked\nbeta ssh-ed25519 ***\n\n", false, types,
		     &err),
	       -ENOKEY, "broken lines are left out");
}

static void test_key_files(void)
{
	struct ssh_key key = { .state = SSH_KEY_USABLE };
	static const struct {
		const char *text;
		enum ssh_key_state state;
	} cases[] = {
		{ "", SSH_KEY_UNREADABLE },
		{ "-----BEGIN OPENSSH PRIVATE KEY-----\n", SSH_KEY_UNREADABLE },
		{ "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
		  SSH_KEY_UNREADABLE },
		{ "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA/////w\n"
		  "-----END OPENSSH PRIVATE KEY-----\n",
		  SSH_KEY_UNREADABLE },
		{ "-----BEGIN RSA PRIVATE KEY-----\n", SSH_KEY_UNSUPPORTED },
		{ "-----BEGIN EC PRIVATE KEY-----\n", SSH_KEY_USABLE },
		{ "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n",
		  SSH_KEY_ENCRYPTED },
		{ "-----BEGIN ENCRYPTED PRIVATE KEY-----\n", SSH_KEY_ENCRYPTED },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		ssh_key_parse(cases[i].text, strlen(cases[i].text), &key);
		is_int(key.state, cases[i].state, "key file %zu", i);
		ssh_key_clear(&key);
	}
}

static void test_base64(void)
{
	struct ssh_blob blob;
	char text[16];

	for (size_t n = 0; n < 6; n++) {
		ssh_base64_encode((const unsigned char *)"foobar", n, text);
		is_int(ssh_base64_decode(text, strlen(text), &blob), 0, "base64 of %zu bytes",
		       n);
		ok(blob.len == n && memcmp(blob.bytes, "foobar", n) == 0, "and back");
		ssh_blob_clear(&blob);
	}
	is_int(ssh_base64_decode("a*b", 3, &blob), -EBADMSG, "what is no base64");
}

int main(void)
{
	test_settings();
	test_refusals();
	test_quotes();
	test_host_keys();
	test_key_files();
	test_base64();
	return done_testing();
}
