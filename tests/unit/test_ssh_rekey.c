/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Bulk data both ways while the server changes its keys again and again, with full
 * sockets, readers that stop, and a second channel: nothing may hang, break, be lost, or
 * pile up. VMFO_TEST_MIB: how much per run; default 48.
 */
#include <sys/resource.h>

#include "proto/ssh_internal.h"
#include "sshd.h"

#define CHUNK (256 * 1024)

static struct loop *loop;
static struct sshd sshd;

/* Bytes that depend on nothing but their place, and no two blocks of which are equal. */
static void fill(char *to, uint64_t at, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t x = (at + i) / 8 * 0x9e3779b97f4a7c15u + 0x5851f42d4c957f2du;

		x ^= x >> 29;
		to[i] = (char)(x >> ((at + i) % 8 * 8));
	}
}

struct echo {
	struct ssh_channel *channel;
	uint64_t total, sent, got;
	char out[CHUNK];
	size_t start, len;
	bool good, ended, sent_eof, waiting, slow, no_output;
	size_t budget; /* how much a slow reader takes before it rests */
	struct err why;
};

static size_t echo_data(void *user, const char *bytes, size_t n)
{
	struct echo *e = user;
	static char want[CHUNK];
	size_t take = n;

	if (e->slow) {
		take = n < e->budget ? n : e->budget;
		e->budget -= take;
	}
	fill(want, e->got, take);
	if (memcmp(want, bytes, take) != 0)
		e->good = false;
	e->got += take;
	return take;
}

static void echo_push(void *user)
{
	struct echo *e = user;

	for (;;) {
		ssize_t n;

		if (e->len == 0) {
			e->len = e->total - e->sent < CHUNK ? e->total - e->sent : CHUNK;
			fill(e->out, e->sent, e->len);
			e->start = 0;
		}
		if (e->len == 0) {
			if (!e->sent_eof)
				ssh_channel_send_eof(e->channel);
			e->sent_eof = true;
			return;
		}
		n = ssh_channel_write(e->channel, e->out + e->start, e->len);
		if (n < 0)
			return;
		e->start += (size_t)n;
		e->len -= (size_t)n;
		e->sent += (uint64_t)n;
		if (e->len)
			return;
	}
}

static void echo_end(void *user, const struct err *why)
{
	struct echo *e = user;

	e->ended = true;
	if (why)
		e->why = *why;
}

static const struct ssh_channel_fns echo_fns = {
	.data = echo_data,
	.writable = echo_push,
	.end = echo_end,
};

static bool echo_done(void *data)
{
	return ((struct echo *)data)->ended;
}

static void on_rest(void *data)
{
	struct echo *e = data;

	e->budget = 700 * 1024;
	ssh_channel_resume(e->channel);
}

static long peak_kib(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

static int count_rekeys(void)
{
	char command[256];
	FILE *f;
	int n = -1;

	snprintf(command, sizeof(command),
		 "grep -c 'set_newkeys: mode in\\|rekey in after' %s/sshd.log", sshd.dir);
	f = popen(command, "r");
	if (!f || fscanf(f, "%d", &n) != 1)
		n = -1;
	if (f)
		pclose(f);
	return n;
}

static struct ssh *connect_to(void)
{
	const int small = 256 * 1024;
	struct ssh_config *config = sshd_config(&sshd, loop, "beta");
	struct err err = ERR_INIT;
	struct ssh *ssh;

	if (ssh_connect(loop, config, deadline_in(20000), &ssh, &err) < 0)
		bail("%s", err.msg);
	/*
	 * sshd's window (2 MiB) fits into what the kernel lets a socket grow to: without this
	 * it would never be full, and no packet ever be taken in part.
	 */
	if (setsockopt(ssh->fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)) < 0)
		bail("SO_SNDBUF: %s", strerror(errno));
	ssh_config_free(config);
	return ssh;
}

static void run(const char *name, uint64_t mib, bool slow, const char *const *argv)
{
	static struct echo e;
	struct loop_timer *rest = NULL;
	struct ssh *ssh = connect_to();
	struct command second;
	struct err err = ERR_INIT;
	int64_t start = clock_ms();
	int before = count_rekeys(), r;

	memset(&e, 0, sizeof(e));
	e.total = mib << 20;
	e.good = true;
	e.slow = slow;
	e.no_output = !str_eq(argv[0], "cat");
	if (ssh_channel_open(ssh, argv, &echo_fns, &e, deadline_in(20000), &e.channel, &err) <
	    0)
		bail("%s", err.msg);
	if (slow)
		loop_timer(loop, 20, on_rest, &e, &rest, &err);
	echo_push(&e);
	/* A short command on the same connection, in the middle of it all. */
	r = command_run(loop, ssh, (const char *const[]){ "cat", NULL }, "in between", &second,
			&err);
	ok(r == 0 && str_eq(second.out, "in between"), "%s: a second channel: %s", name,
	   err.msg);
	r = loop_run(loop, echo_done, &e, deadline_in(120000), &err);
	is_int(r, 0, "%s: comes to its end", name);
	is_int(e.why.errnum, 0, "%s: in order %s", name, e.why.msg);
	is_int((intmax_t)e.sent, (intmax_t)e.total, "%s: everything was sent", name);
	is_int((intmax_t)e.got, e.no_output ? 0 : (intmax_t)e.total, "%s: and came back", name);
	ok(e.good, "%s: unchanged", name);
	printf("# %s: %d key exchanges, %.0f MiB/s, peak %ld KiB\n", name,
	       count_rekeys() - before, (double)mib * 1000 / (double)(clock_ms() - start + 1),
	       peak_kib());
	loop_untimer(rest);
	ssh_channel_close(e.channel);
	ssh_close(ssh);
}

int main(void)
{
	static const char *const limits[] = { "1M", "16M" };
	const char *const echo[] = { "cat", NULL };
	const char *const sink[] = { "sh", "-c", "cat >/dev/null", NULL };
	const char *env = getenv("VMFO_TEST_MIB");
	uint64_t mib = env ? strtoull(env, NULL, 10) : 48;
	struct err err = ERR_INIT;

	if (!sshd_here()) {
		skip(1, "no " SSHD_BINARY " here");
		return done_testing();
	}
	signal(SIGPIPE, SIG_IGN);
	if (loop_new(&loop, &err) < 0)
		bail("%s", err.msg);
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		char options[64], name[64];

		sshd_prepare(&sshd, "beta");
		snprintf(options, sizeof(options), "-o RekeyLimit=%s -o LogLevel=DEBUG1",
			 limits[i]);
		sshd_run(&sshd, options);
		snprintf(name, sizeof(name), "%s, echo", limits[i]);
		run(name, mib, false, echo);
		snprintf(name, sizeof(name), "%s, sink", limits[i]);
		run(name, mib, false, sink);
		snprintf(name, sizeof(name), "%s, slow reader", limits[i]);
		run(name, mib / 2, true, echo);
		sshd_clean(&sshd);
	}
#ifdef __SANITIZE_ADDRESS__
	printf("# the sanitizer's memory is not measured\n");
#else
	ok(peak_kib() < 16 * 1024, "the memory stays below 16 MiB (%ld KiB)", peak_kib());
#endif
	loop_free(loop);
	return done_testing();
}
