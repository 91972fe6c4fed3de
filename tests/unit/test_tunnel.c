/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The tunnel through a real sshd: this program is also its own far half. The two QEMUs
 * are played by sockets.
 */
#include <sys/un.h>

#include "base/cleanup.h"
#include "proto/tunnel.h"
#include "sshd.h"

static struct loop *loop;
static struct sshd sshd;
static char self[256], near_path[160], far_path[128], rundir[80];

static int far_listen(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	unlink(far_path);
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%.107s", far_path);
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(fd, 8) < 0)
		bail("%s: %s", far_path, strerror(errno));
	return fd;
}

static int near_connect(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%.107s", near_path);
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		bail("%s: %s", near_path, strerror(errno));
	return fd;
}

static void fill(char *to, uint64_t at, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t x = (at + i) / 8 * 0x9e3779b97f4a7c15u + 0x5851f42d4c957f2du;

		x ^= x >> 29;
		to[i] = (char)(x >> ((at + i) % 8 * 8));
	}
}

/* In a child: sends n bytes, shuts down, reads n bytes. Its status: 0 for all as it was. */
static pid_t start_peer(int fd, uint64_t send_n, uint64_t expect_n)
{
	pid_t pid = fork();
	char buf[65536], want[65536];
	uint64_t sent = 0, got = 0;
	bool ended = false;

	if (pid)
		return pid;
	signal(SIGPIPE, SIG_IGN);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	if (!send_n)
		shutdown(fd, SHUT_WR);
	for (;;) {
		struct pollfd p = { .fd = fd, .events = ended ? 0 : POLLIN };

		if (sent < send_n)
			p.events |= POLLOUT;
		else if (ended)
			break;
		poll(&p, 1, -1);
		if (p.revents & (POLLIN | POLLHUP) && !ended) {
			ssize_t n = read(fd, buf, sizeof(buf));

			if (n < 0 && errno != EAGAIN)
				_exit(2);
			if (n == 0)
				ended = true;
			if (n > 0) {
				fill(want, got, (size_t)n);
				if (memcmp(want, buf, (size_t)n) != 0)
					_exit(3);
				got += (uint64_t)n;
			}
		}
		if (p.revents & POLLOUT) {
			size_t part = send_n - sent < sizeof(buf) ? send_n - sent : sizeof(buf);
			ssize_t n;

			fill(buf, sent, part);
			n = write(fd, buf, part);
			if (n < 0 && errno != EAGAIN)
				_exit(4);
			if (n > 0)
				sent += (uint64_t)n;
			if (sent == send_n)
				shutdown(fd, SHUT_WR);
		}
	}
	_exit(got == expect_n ? 0 : 5);
}

struct children {
	pid_t pid[2];
	int status[2];
	int left;
};

static bool children_done(void *data)
{
	struct children *c = data;

	for (int i = 0; i < 2; i++)
		if (c->pid[i] && waitpid(c->pid[i], &c->status[i], WNOHANG) == c->pid[i]) {
			c->pid[i] = 0;
			c->left--;
		}
	return c->left == 0;
}

static void on_tick(void *data)
{
	(void)data;
}

static int open_tunnel(const char *const *command, int lanes, struct tunnel **tunnel,
		       struct err *err)
{
	struct ssh_config *config = sshd_config(&sshd, loop, "beta");
	struct tunnel_spec spec = { .listen_path = near_path,
				    .ssh = config,
				    .command = command,
				    .vm = "vm1",
				    .lanes = lanes };
	int r;

	*err = (struct err)ERR_INIT;
	*tunnel = NULL;
	r = tunnel_open(loop, &spec, deadline_in(20000), tunnel, err);
	ssh_config_free(config);
	return r;
}

static const char *const *far_command(void)
{
	static const char *command[] = { self, "--serve", rundir, NULL };

	return command;
}

/* Bytes both ways at once, to orderly ends. */
static void test_bytes(const char *name, uint64_t to_far, uint64_t to_near, int lanes)
{
	struct children c = { .left = 2 };
	struct tunnel *tunnel;
	struct err err;
	struct stat st;
	int listener = far_listen(), near_fd, far_fd = -1;

	is_int(open_tunnel(far_command(), lanes, &tunnel, &err), 0, "%s: opens: %s", name,
	       err.msg);
	if (!tunnel)
		return;
	ok(stat(near_path, &st) == 0 && (st.st_mode & 0777) == 0600, "%s: its socket is 0600",
	   name);
	near_fd = near_connect();
	c.pid[0] = start_peer(near_fd, to_far, to_near);
	close(near_fd);
	fcntl(listener, F_SETFL, O_NONBLOCK);
	for (int i = 0; i < 500 && far_fd < 0; i++) {
		loop_sleep(loop, 10, NULL);
		far_fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	}
	ok(far_fd >= 0, "%s: the far half connects", name);
	c.pid[1] = start_peer(far_fd, to_near, to_far);
	close(far_fd);
	is_int(loop_run(loop, children_done, &c, deadline_in(60000), &err), 0, "%s: ends",
	       name);
	is_int(c.status[0], 0, "%s: the near peer has all, unchanged, and the end", name);
	is_int(c.status[1], 0, "%s: the far peer has all, unchanged, and the end", name);
	is_int((intmax_t)tunnel_bytes(tunnel), (intmax_t)to_far, "%s: the bytes are counted",
	       name);
	ok(tunnel_alive(tunnel, &err), "%s: the tunnel is alive still", name);
	tunnel_close(tunnel);
	ok(access(near_path, F_OK) < 0, "%s: its socket is gone", name);
	close(listener);
}

/* What QEMU's side sees when something fails: nothing. */
static void expect_silence(int fd, const char *name)
{
	char byte;

	is_int(recv(fd, &byte, 1, MSG_DONTWAIT), -1, "%s: QEMU's socket gives nothing", name);
	is_int(errno, EAGAIN, "%s: and is open", name);
}

static bool is_dead(void *data)
{
	return !tunnel_alive(data, NULL);
}

static void expect_failure(struct tunnel *tunnel, int near_fd, const char *text,
			   const char *name)
{
	struct err err = ERR_INIT;

	is_int(loop_run(loop, is_dead, tunnel, deadline_in(30000), &err), 0, "%s: is noticed",
	       name);
	tunnel_alive(tunnel, &err);
	like(err.msg, text, "%s: is told: %s", name, err.msg);
	expect_silence(near_fd, name);
	tunnel_close(tunnel);
	close(near_fd);
}

static void test_failures(void)
{
	const char *const noisy[] = { "sh",   "-c", "yes noise | head -c 60000; exec \"$@\"",
				      "sh",   self, "--serve",
				      rundir, NULL };
	const char *const flood[] = { "sh",   "-c", "yes noise | head -c 70000; exec \"$@\"",
				      "sh",   self, "--serve",
				      rundir, NULL };
	const char *const absent[] = { "vmfo-not-there", NULL };
	struct tunnel *tunnel;
	struct err err;
	int listener = far_listen(), fd, far_fd;
	char buf[64] = "";

	open_tunnel(noisy, 1, &tunnel, &err);
	fd = near_connect();
	if (write(fd, "after noise", 11) != 11)
		bail("write");
	loop_sleep(loop, 1000, NULL);
	fcntl(listener, F_SETFL, O_NONBLOCK);
	far_fd = accept(listener, NULL, NULL);
	ok(far_fd >= 0 && read(far_fd, buf, sizeof(buf)) == 11 && str_eq(buf, "after noise"),
	   "60 KB of noise are tolerated");
	/* The target QEMU dies with bytes unread: not an orderly end. */
	if (write(fd, "unread", 6) != 6)
		bail("write");
	loop_sleep(loop, 300, NULL);
	close(far_fd);
	expect_failure(tunnel, fd, "exit status 9: read from QEMU", "the target QEMU dies");

	open_tunnel(flood, 1, &tunnel, &err);
	fd = near_connect();
	expect_failure(tunnel, fd, "64 KiB", "too much noise");

	open_tunnel(absent, 1, &tunnel, &err);
	fd = near_connect();
	expect_failure(tunnel, fd, "exit status 127", "no vmfo there");

	close(listener);
	unlink(far_path);
	open_tunnel(far_command(), 1, &tunnel, &err);
	fd = near_connect();
	expect_failure(tunnel, fd, "incoming.sock", "no QEMU listens there");

	listener = far_listen();
	open_tunnel(far_command(), 2, &tunnel, &err);
	fd = near_connect();
	loop_sleep(loop, 500, NULL);
	/* sshd's own process for this session, the far half's parent's parent. */
	sh("for p in $(pgrep -P %d); do kill -9 $p; done", (int)sshd.pid);
	expect_failure(tunnel, fd, "closed the connection", "the SSH connection is cut");
	close(listener);
}

static void test_close_by_near(void)
{
	struct tunnel *tunnel;
	struct err err;
	int listener = far_listen(), fd, far_fd = -1;
	char byte;
	ssize_t n = -1;

	open_tunnel(far_command(), 1, &tunnel, &err);
	fd = near_connect();
	fcntl(listener, F_SETFL, O_NONBLOCK);
	for (int i = 0; i < 300 && far_fd < 0; i++) {
		loop_sleep(loop, 10, NULL);
		far_fd = accept(listener, NULL, NULL);
	}
	close(fd);
	for (int i = 0; i < 300 && n < 0; i++) {
		loop_sleep(loop, 10, NULL);
		n = recv(far_fd, &byte, 1, MSG_DONTWAIT);
	}
	is_int(n, 0, "QEMU closes its socket: so does the far half");
	close(far_fd);
	loop_sleep(loop, 500, NULL);
	ok(tunnel_alive(tunnel, &err), "and the tunnel is alive still");
	tunnel_close(tunnel);
	close(listener);
}

static void on_cancel_timer(void *data)
{
	(void)data;
	loop_cancel(loop, "cancelled by the test");
}

static void test_open_failures(void)
{
	struct tunnel *tunnel;
	struct loop_timer *timer;
	struct err err = ERR_INIT;
	int port, fd = tcp_socket(0, &port);
	int64_t start;
	char path[sizeof(near_path)];

	snprintf(path, sizeof(path), "%s", near_path);
	memset(near_path, 'x', sizeof(near_path) - 1);
	is_int(open_tunnel(far_command(), 1, &tunnel, &err) < 0, true,
	       "a path that is too long");
	snprintf(near_path, sizeof(near_path), "%s", path);

	sh("cp %s/known_hosts %s/kept; : >%s/known_hosts", sshd.dir, sshd.dir, sshd.dir);
	is_int(open_tunnel(far_command(), 2, &tunnel, &err), -ENOKEY,
	       "a lane that cannot connect");
	like(err.msg, "unknown", "says why: %s", err.msg);
	ok(access(near_path, F_OK) < 0, "and leaves nothing");
	sh("mv %s/kept %s/known_hosts", sshd.dir, sshd.dir);

	/* Silent, so that only the cancellation can end it. */
	listen(fd, 8);
	sh("sed -i 's/^Port .*/Port %d/' %s/ssh_config", port, sshd.dir);
	loop_timer(loop, 300, on_cancel_timer, NULL, &timer, &err);
	start = clock_ms();
	is_int(open_tunnel(far_command(), 2, &tunnel, &err), -ECANCELED,
	       "cancelled while opening");
	ok(clock_ms() - start < 2000, "ends at once");
	loop_untimer(timer);
	close(fd);
}

int main(int argc, char **argv)
{
	struct loop_timer *tick;
	struct err err = ERR_INIT;
	const char *mib = getenv("VMFO_TEST_MIB");
	uint64_t n = mib ? strtoull(mib, NULL, 10) << 20 : 24 << 20;
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	static struct sshd *const s = &sshd;

	(void)len;
	if (argc >= 3 && strcmp(argv[1], "--serve") == 0) {
		int r = tunnel_serve(0, 1, argv[2], &err);

		if (r < 0)
			fprintf(stderr, "%s\n", err.msg);
		return r < 0 ? 9 : 0;
	}
	if (!sshd_here()) {
		skip(1, "no " SSHD_BINARY " here");
		return done_testing();
	}
	signal(SIGPIPE, SIG_IGN);
	if (loop_new(&loop, &err) < 0 || loop_timer(loop, 20, on_tick, NULL, &tick, &err) < 0)
		bail("%s", err.msg);
	sshd_prepare(s, "beta");
	snprintf(rundir, sizeof(rundir), "%s/run", sshd.dir);
	sh("mkdir -p %s/vm1", rundir);
	snprintf(near_path, sizeof(near_path), "%s/near.sock", sshd.dir);
	snprintf(far_path, sizeof(far_path), "%s/vm1/incoming.sock", rundir);
	sshd_run(s, "-o RekeyLimit=16M");
	test_bytes("a stream", n, 0, 1);
	test_bytes("nothing", 0, 0, 1);
	test_bytes("both ways", n, n, 1);
	test_bytes("only back", 5, n, 2);
	test_close_by_near();
	test_failures();
	test_open_failures();
	sshd_clean(s);
	loop_untimer(tick);
	loop_free(loop);
	return done_testing();
}
