/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A real sshd on the loopback interface for a test: a folder, keys, a port and a process
 * of its own, ended by its pid.
 */
#ifndef VMFO_TESTS_SSHD_H
#define VMFO_TESTS_SSHD_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "io/file.h"
#include "io/loop.h"
#include "proto/ssh.h"
#include "tap.h"

/*
 * libssh2 1.10 loses some fifty bytes in each key exchange, and libcrypto objects with
 * the keys that it reads for it. Nothing of ours calls libcrypto.
 */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libssh2.so\nleak:libcrypto.so\n";
}

#define SSHD_BINARY "/usr/sbin/sshd"

struct sshd {
	char dir[64]; /* also holds: id (the user's key), known_hosts, ssh_config, sshd.log */
	int port;
	pid_t pid;
};

__attribute__((format(printf, 1, 2), unused)) static int sh(const char *fmt, ...)
{
	char command[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	return system(command);
}

__attribute__((unused)) static void sleep_ms(long ms)
{
	nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 },
		  NULL);
}

static int tcp_socket(int port, int *bound)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bound) {
		if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
			bail("bind: %s", strerror(errno));
		getsockname(fd, (struct sockaddr *)&sa, &len);
		*bound = ntohs(sa.sin_port);
	} else if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

__attribute__((unused)) static bool sshd_here(void)
{
	return access(SSHD_BINARY, X_OK) == 0;
}

/*
 * In a child: it ends with the test, however that ends, and holds none of its pipes, for
 * which whoever reads them would wait.
 */
static void leave_test(void)
{
	int null = open("/dev/null", O_RDWR);

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	dup2(null, 0);
	dup2(null, 1);
	dup2(null, 2);
}

static struct sshd *sshd_started; /* to be cleaned up, however the test ends */

__attribute__((unused)) static void sshd_end(struct sshd *sshd)
{
	if (sshd->pid > 0) {
		kill(sshd->pid, SIGTERM);
		waitpid(sshd->pid, NULL, 0);
	}
	sshd->pid = 0;
}

__attribute__((unused)) static void sshd_clean(struct sshd *sshd)
{
	sshd_end(sshd);
	if (!getenv("VMFO_TEST_KEEP"))
		dir_remove(sshd->dir, NULL);
	sshd_started = NULL;
}

/* After a bail(). */
static void sshd_at_exit(void)
{
	if (sshd_started)
		sshd_clean(sshd_started);
}

/* Keys and settings; name: the Host that ssh_config knows it by. */
__attribute__((unused)) static void sshd_prepare(struct sshd *sshd, const char *name)
{
	int fd;

	strcpy(sshd->dir, "/tmp/vmfo-sshd-XXXXXX");
	if (!mkdtemp(sshd->dir))
		bail("mkdtemp: %s", strerror(errno));
	sshd->pid = 0;
	if (!sshd_started)
		atexit(sshd_at_exit);
	sshd_started = sshd;
	if (geteuid() == 0)
		mkdir("/run/sshd", 0755); /* sshd will not run without it */
	fd = tcp_socket(0, &sshd->port);
	close(fd);
	if (sh("cd %s && ssh-keygen -q -t ed25519 -N '' -f hk_ed && "
	       "ssh-keygen -q -t ecdsa -N '' -f hk_ec && ssh-keygen -q -t ed25519 -N '' -f id && "
	       "cp id.pub authorized_keys && "
	       "printf '[127.0.0.1]:%d %%s\\n' \"$(cut -d' ' -f1,2 hk_ed.pub)\" >known_hosts && "
	       "printf '%%s\\n' 'Host %s' 'HostName 127.0.0.1' 'Port %d' 'IdentityFile %s/id' "
	       "'IdentityAgent none' 'UserKnownHostsFile %s/known_hosts' "
	       "'GlobalKnownHostsFile /dev/null' >ssh_config",
	       sshd->dir, sshd->port, name, sshd->port, sshd->dir, sshd->dir))
		bail("ssh-keygen failed");
}

/* options: more of sshd's arguments, or "". */
__attribute__((unused)) static void sshd_run(struct sshd *sshd, const char *options)
{
	char command[1024];

	snprintf(command, sizeof(command),
		 "exec " SSHD_BINARY
		 " -D -E %s/sshd.log -f /dev/null -o ListenAddress=127.0.0.1:%d "
		 "-o HostKey=%s/hk_ed -o HostKey=%s/hk_ec -o StrictModes=no -o UsePAM=no "
		 "-o PidFile=none -o PermitRootLogin=prohibit-password "
		 "-o AuthorizedKeysFile=%s/authorized_keys %s",
		 sshd->dir, sshd->port, sshd->dir, sshd->dir, sshd->dir, options);
	sshd->pid = fork();
	if (sshd->pid == 0) {
		leave_test();
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	for (int i = 0; i < 500; i++) {
		int fd = tcp_socket(sshd->port, NULL);

		if (fd >= 0) {
			close(fd);
			return;
		}
		sleep_ms(10);
	}
	bail("sshd does not listen");
}

__attribute__((unused)) static struct ssh_config *
sshd_config(struct sshd *sshd, struct loop *loop, const char *name)
{
	struct ssh_config *config;
	struct err err = ERR_INIT;
	char path[128];

	snprintf(path, sizeof(path), "%s/ssh_config", sshd->dir);
	if (ssh_config_load(loop, name, path, &config, &err) < 0)
		bail("%s", err.msg);
	return config;
}

/* A command on a connection, and what came of it. */
struct command {
	char out[8192], error[8192];
	size_t n_out, n_error;
	bool ended;
	struct err why;
};

static size_t command_data(void *user, const char *bytes, size_t n)
{
	struct command *c = user;
	size_t part = n < sizeof(c->out) - 1 - c->n_out ? n : sizeof(c->out) - 1 - c->n_out;

	memcpy(c->out + c->n_out, bytes, part);
	c->n_out += part;
	return n;
}

static void command_error_output(void *user, const char *bytes, size_t n)
{
	struct command *c = user;
	size_t part = n < sizeof(c->error) - 1 - c->n_error ? n :
							      sizeof(c->error) - 1 - c->n_error;

	memcpy(c->error + c->n_error, bytes, part);
	c->n_error += part;
}

static void command_end(void *user, const struct err *why)
{
	struct command *c = user;

	c->ended = true;
	if (why)
		c->why = *why;
}

static bool command_done(void *data)
{
	return ((struct command *)data)->ended;
}

static const struct ssh_channel_fns command_fns __attribute__((unused)) = {
	.data = command_data,
	.error_output = command_error_output,
	.end = command_end,
};

/* Runs argv with an input (may be NULL) to its end.  Return: of the first that fails. */
__attribute__((unused)) static int command_run(struct loop *loop, struct ssh *ssh,
					       const char *const *argv, const char *input,
					       struct command *c, struct err *err)
{
	struct ssh_channel *channel;
	int r;

	memset(c, 0, sizeof(*c));
	r = ssh_channel_open(ssh, argv, &command_fns, c, deadline_in(10000), &channel, err);
	if (r < 0)
		return r;
	if (input)
		ssh_channel_write(channel, input, strlen(input));
	ssh_channel_send_eof(channel);
	r = loop_run(loop, command_done, c, deadline_in(20000), err);
	ssh_channel_close(channel);
	return r;
}

#endif
