/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The SSH client against a real sshd: what connects, and every way in which it must not.
 */
#include "sshd.h"

#define DEADLINE deadline_in(20000)

static struct loop *loop;
static struct sshd sshd;

/* Connects as "beta" with more lines in ssh_config. */
static int attempt_as(const char *host, const char *more, struct ssh **ssh, struct err *err)
{
	struct ssh_config *config = NULL;
	char path[128];
	int r;

	*ssh = NULL;
	snprintf(path, sizeof(path), "%s/variant", sshd.dir);
	if (sh("{ printf 'Host %s\\n%s\\n'; sed 's/^Host .*/Host %s/' %s/ssh_config; } >%s",
	       host, more, host, sshd.dir, path))
		bail("write %s", path);
	*err = (struct err)ERR_INIT;
	r = ssh_config_load(loop, host, path, &config, err);
	if (r == 0)
		r = ssh_connect(loop, config, DEADLINE, ssh, err);
	ssh_config_free(config);
	return r;
}

static int attempt(const char *more, struct err *err)
{
	struct ssh *ssh;
	int r = attempt_as("beta", more, &ssh, err);

	ssh_close(ssh);
	return r;
}

static void test_good(void)
{
	struct err err = ERR_INIT;
	struct command c;
	struct ssh *ssh;
	char big[5000];

	is_int(attempt_as("beta", "", &ssh, &err), 0, "connects with an ed25519 file: %s",
	       err.msg);
	if (!ssh)
		return;
	ok(ssh_alive(ssh, NULL), "and is alive");
	is_int(command_run(loop, ssh, (const char *const[]){ "cat", NULL }, "hello\n", &c,
			   &err),
	       0, "runs a command");
	is_str(c.out, "hello\n", "its input comes back as output");
	is_int(c.why.errnum, 0, "its end is orderly");
	command_run(loop, ssh,
		    (const char *const[]){ "printf", "%s|", "a b", "$HOME", "it's", "!x",
					   "`id`", "\\", "\"", "", "*", NULL },
		    NULL, &c, &err);
	is_str(c.out, "a b|$HOME|it's|!x|`id`|\\|\"||*|", "words arrive as they are");
	command_run(loop, ssh, (const char *const[]){ "sh", "-c", "echo no >&2; exit 3", NULL },
		    NULL, &c, &err);
	is_str(c.error, "no\n", "standard error is told apart");
	is_str(c.why.msg, "exit status 3", "the exit status is told");
	command_run(loop, ssh, (const char *const[]){ "vmfo-not-there", NULL }, NULL, &c, &err);
	is_str(c.why.msg, "exit status 127", "a command that is not there");
	command_run(loop, ssh, (const char *const[]){ "sh", "-c", "kill -9 $$", NULL }, NULL,
		    &c, &err);
	like(c.why.msg, "killed by signal KILL", "a command that is killed");
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	command_run(loop, ssh, (const char *const[]){ "cat", NULL }, big, &c, &err);
	is_int((intmax_t)c.n_out, sizeof(big) - 1, "a longer input");
	is_int(ssh_channel_open(ssh, (const char *const[]){ "echo", "a\nb", NULL },
				&command_fns, &c, DEADLINE, &(struct ssh_channel *){ NULL },
				&err),
	       -EINVAL, "a word with a newline is refused");
	ssh_close(ssh);
}

/* A command that closes its output and goes on reading. */
static void test_half_close(void)
{
	struct ssh_channel *channel;
	struct err err = ERR_INIT;
	struct command c = { .n_out = 0 }, look;
	struct ssh *ssh;
	char path[128], script[256];

	if (attempt_as("beta", "", &ssh, &err) < 0)
		bail("%s", err.msg);
	snprintf(path, sizeof(path), "%s/late", sshd.dir);
	snprintf(script, sizeof(script), "exec >&- 2>&-; cat >%s; exit 5", path);
	is_int(ssh_channel_open(ssh, (const char *const[]){ "bash", "-c", script, NULL },
				&command_fns, &c, DEADLINE, &channel, &err),
	       0, "starts");
	is_int(loop_run(loop, command_done, &c, deadline_in(5000), &err), 0,
	       "the end of its output is told while it runs");
	is_int(c.why.errnum, 0, "as an orderly one");
	is_int(ssh_channel_write(channel, "late", 4), 4, "and it takes input still");
	ssh_channel_send_eof(channel);
	loop_sleep(loop, 500, NULL);
	is_int(ssh_channel_write(channel, "x", 1), -EPIPE, "but not once that has ended");
	ssh_channel_close(channel);
	command_run(loop, ssh, (const char *const[]){ "cat", path, NULL }, NULL, &look, &err);
	is_str(look.out, "late", "and the input arrived");
	ssh_close(ssh);
}

static void test_host_keys(void)
{
	struct err err;
	char accept[256];

	is_int(attempt("UserKnownHostsFile /dev/null", &err), -ENOKEY, "an unknown host key");
	like(err.msg, "unknown", "is called so");
	like(err.msg, "SHA256:", "with its fingerprint");
	is_int(err.kind, ERR_REFUSED, "and refused");

	snprintf(accept, sizeof(accept), "UserKnownHostsFile %s/new_hosts", sshd.dir);
	attempt(accept, &err);
	like(err.msg, "ssh-keyscan", "the message has a command");
	sh("%s 2>/dev/null",
	   strstr(err.msg, "ssh-keyscan") ? strstr(err.msg, "ssh-keyscan") : ":");
	is_int(attempt(accept, &err), 0, "which accepts it: %s", err.msg);
	snprintf(accept, sizeof(accept),
		 "UserKnownHostsFile %s/alias_hosts\\nHostKeyAlias gamma", sshd.dir);
	attempt(accept, &err);
	sh("%s 2>/dev/null",
	   strstr(err.msg, "ssh-keyscan") ? strstr(err.msg, "ssh-keyscan") : ":");
	is_int(attempt(accept, &err), 0, "also under its HostKeyAlias: %s", err.msg);

	sh("cd %s && cp known_hosts hashed && ssh-keygen -H -f hashed >/dev/null 2>&1",
	   sshd.dir);
	snprintf(accept, sizeof(accept), "UserKnownHostsFile %s/hashed", sshd.dir);
	is_int(attempt(accept, &err), 0, "a hashed entry: %s", err.msg);

	sh("cd %s && printf '[127.0.0.1]:%d %%s\\n' \"$(cut -d' ' -f1,2 hk_ec.pub)\" >by_ec",
	   sshd.dir, sshd.port);
	snprintf(accept, sizeof(accept), "UserKnownHostsFile %s/by_ec", sshd.dir);
	is_int(attempt(accept, &err), 0, "a host known by its second key only: %s", err.msg);

	sh("cd %s && printf '127.0.0.1 %%s\\n' \"$(cut -d' ' -f1,2 hk_ed.pub)\" >bare",
	   sshd.dir);
	snprintf(accept, sizeof(accept), "UserKnownHostsFile %s/bare", sshd.dir);
	is_int(attempt(accept, &err), 0, "an entry without the port: %s", err.msg);

	sh("cd %s && printf '[127.*]:* %%s\\n' \"$(cut -d' ' -f1,2 hk_ed.pub)\" >wild",
	   sshd.dir);
	snprintf(accept, sizeof(accept), "UserKnownHostsFile %s/wild", sshd.dir);
	is_int(attempt(accept, &err), 0, "a wildcard: %s", err.msg);

	sh("cd %s && printf '[127.0.0.1]:%d %%s\\n' \"$(cut -d' ' -f1,2 id.pub)\" >changed",
	   sshd.dir, sshd.port);
	snprintf(accept, sizeof(accept), "UserKnownHostsFile %s/changed", sshd.dir);
	is_int(attempt(accept, &err), -EKEYREJECTED, "a changed key");
	like(err.msg, "CHANGED", "is called so");
	like(err.msg, "ssh-keygen -R", "with the command that forgets the old one");

	sh("cd %s && { printf '@revoked * %%s\\n' \"$(cut -d' ' -f1,2 hk_ed.pub)\"; "
	   "cat known_hosts; } >revoked",
	   sshd.dir);
	snprintf(accept, sizeof(accept), "UserKnownHostsFile %s/revoked", sshd.dir);
	is_int(attempt(accept, &err), -EKEYREVOKED, "a revoked key");
	like(err.msg, "REVOKED", "is called so");

	sh("cd %s && printf '@cert-authority * %%s\\n' \"$(cut -d' ' -f1,2 hk_ed.pub)\" >ca",
	   sshd.dir);
	snprintf(accept, sizeof(accept), "UserKnownHostsFile %s/ca", sshd.dir);
	is_int(attempt(accept, &err), -ENOKEY, "an authority's key is not the host's");
	like(err.msg, "cert-authority", "which is said");
}

static void test_user_keys(void)
{
	struct err err;
	char more[512];

	sh("cd %s && ssh-keygen -q -t ecdsa -N '' -f ec && cat ec.pub >>authorized_keys && "
	   "ssh-keygen -q -t ecdsa -m PEM -N '' -f ecpem && cat ecpem.pub >>authorized_keys && "
	   "ssh-keygen -q -t ed25519 -N secret -f locked && cat locked.pub >>authorized_keys && "
	   "ssh-keygen -q -t ed25519 -N '' -f stranger && ssh-keygen -q -t rsa -N '' -f rsa && "
	   "cat rsa.pub >>authorized_keys && cp id open && chmod 644 open",
	   sshd.dir);
	/* The prepared ssh_config names the good key too: options win that come first. */
	sh("sed -i '/IdentityFile/d' %s/ssh_config", sshd.dir);
	snprintf(more, sizeof(more), "IdentityFile %s/ec", sshd.dir);
	is_int(attempt(more, &err), 0, "an ECDSA key: %s", err.msg);
	snprintf(more, sizeof(more), "IdentityFile %s/ecpem", sshd.dir);
	is_int(attempt(more, &err), 0, "an ECDSA key as PEM: %s", err.msg);
	snprintf(more, sizeof(more), "IdentityFile %s/stranger\\nIdentityFile %s/id", sshd.dir,
		 sshd.dir);
	is_int(attempt(more, &err), 0, "the second of two files: %s", err.msg);
	snprintf(more, sizeof(more), "IdentityFile %s/stranger", sshd.dir);
	is_int(attempt(more, &err), -EACCES, "a key that is not authorized");
	like(err.msg, "/stranger", "is named");
	snprintf(more, sizeof(more), "IdentityFile %s/locked", sshd.dir);
	is_int(attempt(more, &err), -EACCES, "a key with a passphrase");
	like(err.msg, "ssh-add", "wants an agent");
	snprintf(more, sizeof(more), "IdentityFile %s/rsa", sshd.dir);
	is_int(attempt(more, &err), -EACCES, "an RSA key");
	like(err.msg, "SHA-1", "is explained");
	snprintf(more, sizeof(more), "IdentityFile %s/open", sshd.dir);
	is_int(attempt(more, &err), -EACCES, "a key that others may read");
	like(err.msg, "chmod 600", "is explained");
	snprintf(more, sizeof(more), "IdentityFile %s/absent", sshd.dir);
	is_int(attempt(more, &err), -EACCES, "no key at all");
	like(err.msg, "offered: none", "is said");
	snprintf(more, sizeof(more), "IdentityFile %s/id\\nUser nobody-of-that-name", sshd.dir);
	is_int(attempt(more, &err), -EACCES, "a user that is not there");
}

static void test_agent(void)
{
	struct err err;
	char more[512], sock[128];
	pid_t pid;

	snprintf(sock, sizeof(sock), "%s/agent.sock", sshd.dir);
	pid = fork();
	if (pid == 0) {
		leave_test();
		execlp("ssh-agent", "ssh-agent", "-D", "-a", sock, (char *)NULL);
		_exit(127);
	}
	for (int i = 0; i < 200 && access(sock, F_OK) < 0; i++)
		sleep_ms(10);
	sh("cd %s && export SSH_AUTH_SOCK=%s && ssh-add -q stranger rsa id 2>/dev/null",
	   sshd.dir, sock);
	sh("cd %s && mkdir pubs && cp id.pub pubs/chosen.pub && cp stranger.pub pubs/other.pub && "
	   "cp locked pubs/locked && cp locked.pub pubs/",
	   sshd.dir);
	snprintf(more, sizeof(more), "IdentityAgent %s\\nIdentityFile %s/absent", sock,
		 sshd.dir);
	is_int(attempt(more, &err), 0, "a key of the agent: %s", err.msg);
	snprintf(more, sizeof(more),
		 "IdentityAgent %s\\nIdentitiesOnly yes\\nIdentityFile %s/pubs/chosen", sock,
		 sshd.dir);
	is_int(attempt(more, &err), 0, "IdentitiesOnly with the right FILE.pub: %s", err.msg);
	snprintf(more, sizeof(more),
		 "IdentityAgent %s\\nIdentitiesOnly yes\\nIdentityFile %s/pubs/other", sock,
		 sshd.dir);
	is_int(attempt(more, &err), -EACCES, "IdentitiesOnly with another");
	ok(!strstr(err.msg, "ssh-rsa"), "leaves the agent's others alone: %s", err.msg);
	snprintf(more, sizeof(more), "IdentityAgent none\\nIdentityFile %s/pubs/locked",
		 sshd.dir);
	is_int(attempt(more, &err), -EACCES, "IdentityAgent none");
	sh("cd %s && export SSH_AUTH_SOCK=%s SSH_ASKPASS=/bin/false && ssh-add -q -D", sshd.dir,
	   sock);
	setenv("SSH_AUTH_SOCK", sock, 1);
	snprintf(more, sizeof(more), "IdentityAgent SSH_AUTH_SOCK\\nIdentityFile %s/absent",
		 sshd.dir);
	is_int(attempt(more, &err), -EACCES, "an empty agent");
	sh("cd %s && ssh-add -q id 2>/dev/null", sshd.dir);
	is_int(attempt(more, &err), 0, "the agent of the environment: %s", err.msg);
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	snprintf(more, sizeof(more), "IdentityAgent %s\\nIdentityFile %s/id", sock, sshd.dir);
	is_int(attempt(more, &err), 0, "no agent, but a file: %s", err.msg);
}

static void test_unreachable(void)
{
	struct err err;
	char more[512];
	int64_t start;
	int port, fd = tcp_socket(0, &port);

	sh("sed -i '/Port/d' %s/ssh_config", sshd.dir);
	snprintf(more, sizeof(more), "Port %d", port);
	is_int(attempt(more, &err), -ECONNREFUSED, "nobody listens: %s", err.msg);
	listen(fd, 8);
	snprintf(more, sizeof(more), "Port %d\\nConnectTimeout 1", port);
	start = clock_ms();
	is_int(attempt(more, &err), -ETIMEDOUT, "a server that accepts and is silent");
	like(err.msg, "silent", "is called so");
	ok(clock_ms() - start < 3000, "within its ConnectTimeout");
	close(fd);
	is_int(attempt("Port 22\\nHostName no-such-host.invalid", &err), -EHOSTUNREACH,
	       "a name that is not known: %s", err.msg);
	is_int(attempt("Port 22\\nConnectTimeout 1\\nHostName 192.0.2.1", &err) < 0, true,
	       "an address without an answer: %s", err.msg);
	is_int(err.kind, ERR_REFUSED, "is refused");
}

static void test_settings(void)
{
	struct err err;

	is_int(attempt("ProxyJump elsewhere", &err), -EOPNOTSUPP, "ProxyJump");
	like(err.msg, "ProxyJump", "is refused by name");
	is_int(attempt("ProxyCommand nc %%h %%p", &err), -EOPNOTSUPP, "ProxyCommand");
	is_int(attempt("Ciphers chacha20-poly1305@openssh.com", &err), -EPROTONOSUPPORT,
	       "Ciphers of which libssh2 has none: %s", err.msg);
	is_int(attempt("BindAddress 192.0.2.9", &err), -EADDRNOTAVAIL,
	       "BindAddress is obeyed: %s", err.msg);
}

static void test_lost(void)
{
	struct ssh_channel *channel;
	struct command c = { .n_out = 0 };
	struct err err;
	struct ssh *ssh;

	if (attempt_as("beta", "", &ssh, &err) < 0)
		bail("%s", err.msg);
	if (ssh_channel_open(ssh,
			     (const char *const[]){ "sh", "-c", "kill -9 $PPID; sleep 9",
						    NULL },
			     &command_fns, &c, DEADLINE, &channel, &err) < 0)
		bail("%s", err.msg);
	is_int(loop_run(loop, command_done, &c, DEADLINE, &err), 0,
	       "a lost connection is noticed");
	ok(c.why.errnum && !ssh_alive(ssh, &err), "and told: %s", c.why.msg);
	is_int(ssh_channel_write(channel, "x", 1), -EPIPE, "it takes no more");
	is_int(ssh_channel_open(ssh, (const char *const[]){ "true", NULL }, &command_fns, &c,
				DEADLINE, &channel, &err),
	       -EPIPE, "and opens no more");
	ssh_channel_close(channel);
	ssh_close(ssh);
}

/* An sshd that is stopped: its kernel goes on acknowledging whatever we send. */
static void test_stopped(void)
{
	static char bytes[1 << 20];
	struct ssh_channel *channel;
	struct command c = { .n_out = 0 };
	struct err err;
	struct ssh *ssh;
	int64_t start;

	if (attempt_as("beta", "", &ssh, &err) < 0)
		bail("%s", err.msg);
	if (ssh_channel_open(ssh, (const char *const[]){ "sh", "-c", "cat >/dev/null", NULL },
			     &command_fns, &c, DEADLINE, &channel, &err) < 0)
		bail("%s", err.msg);
	ssh_channel_write(channel, bytes, sizeof(bytes));
	loop_sleep(loop, 200, NULL);
	sh("pgrep -P %d >%s/stopped; kill -STOP $(cat %s/stopped)", (int)sshd.pid, sshd.dir,
	   sshd.dir);
	start = clock_ms();
	for (int i = 0; i < 10; i++) {
		ssh_channel_write(channel, bytes, sizeof(bytes));
		loop_sleep(loop, 50, NULL);
	}
	is_int(loop_run(loop, command_done, &c, deadline_in(15000), &err), 0,
	       "a stopped sshd is noticed within 15 s (%d ms)", (int)(clock_ms() - start));
	is_int(c.why.errnum, ETIMEDOUT, "as a dead connection: %s", c.why.msg);
	sh("kill -CONT $(cat %s/stopped); kill $(cat %s/stopped)", sshd.dir, sshd.dir);
	ssh_channel_close(channel);
	ssh_close(ssh);
}

int main(void)
{
	struct err err = ERR_INIT;

	if (!sshd_here()) {
		skip(1, "no " SSHD_BINARY " here");
		return done_testing();
	}
	signal(SIGPIPE, SIG_IGN);
	if (loop_new(&loop, &err) < 0)
		bail("%s", err.msg);
	sshd_prepare(&sshd, "beta");
	sshd_run(&sshd, "");
	test_good();
	test_half_close();
	test_host_keys();
	test_settings();
	test_lost();
	test_stopped();
	test_user_keys();
	test_agent();
	test_unreachable();
	sshd_clean(&sshd);
	loop_free(loop);
	return done_testing();
}
