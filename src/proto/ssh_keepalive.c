/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Whether the server still lives. TCP says so for its kernel, not for sshd: one that is
 * stopped has all its input acknowledged. So it is asked, after a silence, by a global
 * request that sshd refuses at once whatever its channels wait for. While bytes of ours
 * are not acknowledged yet, the question may be among them, and TCP_USER_TIMEOUT watches.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include "proto/ssh_internal.h"

#define TICK_MS 1000
#define ASK_AFTER_MS 3000
#define ANSWER_MS (SSH_DEAD_AFTER_MS - ASK_AFTER_MS - TICK_MS)

static bool all_acknowledged(const struct ssh *ssh)
{
	int n = 0;

	return ssh->out.len == 0 && ioctl(ssh->fd, SIOCOUTQ, &n) == 0 && n == 0;
}

static void ask(struct ssh *ssh, int64_t now)
{
	int next, rc = libssh2_keepalive_send(ssh->session, &next);

	ssh->asked_at = now;
	if (rc)
		ssh_fail_lib(ssh, "send", rc);
	ssh_update_events(ssh);
}

static void on_tick(void *data)
{
	struct ssh *ssh = data;
	int64_t now = clock_ms();

	/* Nothing is read without a channel, and so no answer would be. */
	if (TAILQ_EMPTY(&ssh->channels))
		ssh->heard_at = now;
	if (ssh->dead || now - ssh->heard_at < ASK_AFTER_MS)
		return;
	if (ssh->asked_at <= ssh->heard_at)
		ask(ssh, now);
	else if (!all_acknowledged(ssh))
		ssh->asked_at = now;
	else if (now - ssh->asked_at >= ANSWER_MS)
		ssh_fail(ssh, ETIMEDOUT,
			 "the connection is dead: sshd there is silent for %d s",
			 (int)((now - ssh->heard_at) / 1000));
}

int ssh_keepalive_start(struct ssh *ssh, struct err *err)
{
	ssh->heard_at = clock_ms();
	/* libssh2 asks no oftener than that, in seconds; we ask it when we want to. */
	libssh2_keepalive_config(ssh->session, 1, 1);
	return loop_timer(ssh->loop, TICK_MS, on_tick, ssh, &ssh->keepalive, err);
}
