/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * QMP sessions: against a fake QEMU, a handler in the same loop that misbehaves on
 * demand, and against the real one.
 */
#include "proto/qmp.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "io/child.h"
#include "proto/ndjson.h"
#include "proto/outbuf.h"
#include "proto/sock.h"
#include "tap.h"

#define GREETING                                                                  \
	"{\"QMP\":{\"version\":{\"qemu\":{\"micro\":2,\"minor\":0,\"major\":10}," \
	"\"package\":\"\"},\"capabilities\":[\"oob\"]}}\r\n"

static struct loop *loop;
static char events[256]; /* the names of those that came, and their "n" */

/* ---- the fake ---- */

struct fake {
	int fd;
	struct loop_watch *watch;
	struct ndjson in;
	struct outbuf out;
	json_int_t late; /* the id of a command that is answered too late */
	int commands;
};

static void fake_say(struct fake *fake, const char *text)
{
	outbuf_add(&fake->out, text, strlen(text), NULL);
	outbuf_flush(&fake->out, outbuf_write_fd, &fake->fd);
	loop_watch_events(fake->watch, outbuf_pending(&fake->out) ? POLLIN | POLLOUT : POLLIN);
}

static void fake_return(struct fake *fake, json_int_t id, const char *value)
{
	_cleanup_free_ char *line =
		str_printf("{\"return\": {\"v\": \"%s\"}, \"id\": %lld}\r\n", value, id);

	fake_say(fake, line);
}

static void fake_hang_up(struct fake *fake)
{
	shutdown(fake->fd, SHUT_RDWR);
}

static void fake_command(struct fake *fake, const char *command, json_int_t id)
{
	fake->commands++;
	if (str_eq(command, "late")) {
		fake->late = id;
	} else if (str_eq(command, "after-late")) {
		fake_return(fake, fake->late, "late");
		fake_return(fake, id, "in time");
	} else if (str_eq(command, "fail")) {
		_cleanup_free_ char *line = str_printf(
			"{\"id\": %lld, \"error\": {\"class\": "
			"\"GenericError\", \"desc\": \"Device \\u001b[31m'x' not found\"}}\n",
			id);

		fake_say(fake, line);
	} else if (str_eq(command, "fail-no-id")) {
		fake_say(fake,
			 "{\"error\": {\"class\": \"GenericError\", \"desc\": \"No idea\"}}\n");
	} else if (str_eq(command, "events")) {
		fake_say(fake,
			 "{\"event\": \"ONE\", \"data\": {\"n\": 1}}\n{\"event\": \"TWO\"}\n");
		fake_return(fake, id, "events");
		fake_say(fake, "{\"event\": \"THREE\", \"data\": {\"n\": 3}}\n");
	} else if (str_eq(command, "garbage")) {
		fake_say(fake, "no \x1b[1mJSON\n");
	} else if (str_eq(command, "neither")) {
		_cleanup_free_ char *line = str_printf("{\"id\": %lld}\n", id);

		fake_say(fake, line);
	} else if (str_eq(command, "half")) {
		fake_say(fake, "{\"return\": {\"v\"");
		fake_hang_up(fake);
	} else if (str_eq(command, "reply-and-die")) {
		fake_return(fake, id, "last");
		fake_hang_up(fake);
	} else if (str_eq(command, "big")) {
		char *value = malloc(5000001);

		memset(value, 'x', 5000000);
		value[5000000] = '\0';
		fake_return(fake, id, value);
		free(value);
	} else if (str_eq(command, "deaf")) {
		loop_watch_events(fake->watch, 0);
	} else {
		fake_return(fake, id, command);
	}
}

static void on_fake(void *data, int fd, short revents)
{
	struct fake *fake = data;
	char bytes[65536];
	json_t *object;
	ssize_t n;

	if (revents & POLLOUT)
		fake_say(fake, "");
	n = read(fd, bytes, sizeof(bytes));
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		loop_watch_events(fake->watch, 0);
		return;
	}
	if (ndjson_feed(&fake->in, bytes, (size_t)n, NULL) < 0)
		bail("the fake QEMU was sent too much");
	while (ndjson_next(&fake->in, &object, NULL) > 0) {
		const char *command = json_string_value(json_object_get(object, "execute"));

		fake_command(fake, command, json_integer_value(json_object_get(object, "id")));
		json_decref(object);
	}
}

/* fd: the other end, for qmp_attach(). */
static void fake_start(struct fake *fake, const char *greeting, int *fd)
{
	int fds[2];

	*fake = (struct fake){ .fd = -1 };
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		bail("socketpair");
	fake->fd = fds[0];
	*fd = fds[1];
	sock_set_nonblock(fake->fd, true, NULL);
	ndjson_init(&fake->in, 16 << 20);
	outbuf_init(&fake->out, 16 << 20);
	loop_watch(loop, fake->fd, POLLIN, on_fake, fake, &fake->watch, NULL);
	fake_say(fake, greeting);
}

static void fake_stop(struct fake *fake)
{
	loop_unwatch(fake->watch);
	close(fake->fd);
	ndjson_clear(&fake->in);
	outbuf_clear(&fake->out);
}

static struct qmp *fake_session(struct fake *fake)
{
	struct err err = ERR_INIT;
	struct qmp *qmp;
	int fd;

	fake_start(fake, GREETING, &fd);
	if (qmp_attach(loop, fd, "fake", deadline_in(5000), &qmp, &err) < 0)
		bail("attach to the fake: %s", err.msg);
	return qmp;
}

static void count_event(void *user, const char *event, const json_t *data)
{
	(void)event;
	(void)data;
	++*(int *)user;
}

static void on_event(void *user, const char *event, const json_t *data)
{
	size_t len = strlen(events);

	(void)user;
	snprintf(events + len, sizeof(events) - len, "%s=%d ", event,
		 (int)json_integer_value(json_object_get(data, "n")));
}

/* Runs a command.  Return: as qmp_command(); v: the reply's, cut. */
static int run(struct qmp *qmp, const char *command, int ms, char v[32], struct err *err)
{
	json_t *ret = NULL;
	int r = qmp_command(qmp, command, NULL, deadline_in(ms), &ret, err);
	const char *value = json_string_value(json_object_get(ret, "v"));

	snprintf(v, 32, "%s", value ? value : "");
	json_decref(ret);
	return r;
}

static void test_replies(void)
{
	struct err err = ERR_INIT;
	struct fake fake;
	struct qmp *qmp = fake_session(&fake);
	struct qmp_listener listener = { .fn = on_event };
	struct qmp_listener other = { .fn = count_event };
	int heard = 0;
	char v[32];

	other.user = &heard;
	is_str(qmp_version(qmp), "10.0.2", "the version is the greeting's");
	is_int(fake.commands, 1, "the session is negotiated");
	is_int(run(qmp, "hello", 5000, v, &err), 0, "a command");
	is_str(v, "hello", "has its reply");
	is_int(qmp_command(qmp, "hello", json_pack("{s:i}", "a", 1), deadline_in(5000), NULL,
			   &err),
	       0, "with arguments, without a use for the reply");
	is_int(run(qmp, "fail", 5000, v, &err), -EREMOTEIO, "QEMU's error is one");
	is_str(err.msg, "Device ?[31m'x' not found", "its text is QEMU's, printable");
	is_int(run(qmp, "fail-no-id", 5000, v, &err), -EREMOTEIO, "an error without an id too");
	is_str(err.msg, "No idea", "with its text");
	is_int(run(qmp, "neither", 5000, v, &err), -EPROTO, "neither return nor error");
	is_int(run(qmp, "big", 5000, v, &err), 0, "a reply of 5 MB");
	is_int((int)strlen(v), 31, "is read");

	events[0] = '\0';
	run(qmp, "events", 5000, v, &err);
	is_str(events, "", "events that nobody wants are dropped");
	qmp_listen(qmp, &listener);
	qmp_listen(qmp, &other);
	is_int(run(qmp, "events", 5000, v, &err), 0, "a command with events around its reply");
	is_str(v, "events", "has its reply");
	run(qmp, "hello", 5000, v, &err);
	is_str(events, "ONE=1 TWO=0 THREE=3 ", "the events come in order, data or not");
	is_int(heard, 3, "everybody who listens hears them");
	qmp_unlisten(qmp, &other);
	run(qmp, "events", 5000, v, &err);
	run(qmp, "hello", 5000, v, &err);
	is_int(heard, 3, "and nobody who does so no more");
	is_str(events, "ONE=1 TWO=0 THREE=3 ONE=1 TWO=0 THREE=3 ", "the others do");

	is_int(run(qmp, "late", 50, v, &err), -ETIMEDOUT, "no reply in time");
	like(err.msg, "fake: QEMU has not answered late in time", "says which command");
	ok(qmp_alive(qmp), "the session lives on");
	is_int(run(qmp, "after-late", 5000, v, &err), 0, "the next command");
	is_str(v, "in time", "does not take the late reply for its own");
	is_int(run(qmp, "reply-and-die", 5000, v, &err), 0, "a reply right before the end");
	is_str(v, "last", "counts");
	qmp_close(qmp);
	fake_stop(&fake);
}

static void test_cancel(void)
{
	struct err err = ERR_INIT;
	struct fake fake;
	struct qmp *qmp = fake_session(&fake);
	char v[32];

	loop_cancel(loop, "interrupted (test)");
	is_int(run(qmp, "late", 5000, v, &err), -ECANCELED, "a cancelled wait");
	loop_shield(loop);
	is_int(run(qmp, "hello", 5000, v, &err), 0, "under a shield the session goes on");
	is_str(v, "hello", "with the right reply");
	loop_unshield(loop);
	qmp_close(qmp);
	fake_stop(&fake);
	/* A loop stays cancelled. */
	loop_free(loop);
	loop_new(&loop, NULL);
}

static void test_ends(void)
{
	static const struct {
		const char *command, *message;
	} ends[] = {
		{ "half", "QEMU ended" },
		{ "garbage", "no ?[1mJSON" },
	};
	struct err err = ERR_INIT;
	char v[32];

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		struct fake fake;
		struct qmp *qmp = fake_session(&fake);

		is_int(run(qmp, ends[i].command, 5000, v, &err), -EPIPE, "%s ends the wait",
		       ends[i].command);
		like(err.msg, ends[i].message, "the message says why");
		like(err.msg, ends[i].command, "and what was waited for");
		ok(!qmp_alive(qmp), "the session is dead");
		is_int(qmp_command(qmp, "hello", json_object(), deadline_in(5000), NULL, &err),
		       -EPIPE, "the next command fails at once");
		qmp_close(qmp);
		fake_stop(&fake);
	}
}

static void test_deaf(void)
{
	struct err err = ERR_INIT;
	struct fake fake;
	struct qmp *qmp = fake_session(&fake);
	char *text = malloc(6 << 20);
	int64_t before;
	char v[32];

	memset(text, 'x', (6 << 20) - 1);
	text[(6 << 20) - 1] = '\0';
	run(qmp, "deaf", 20, v, &err);
	before = clock_ms();
	is_int(qmp_command(qmp, "echo", json_pack("{s:s}", "text", text), deadline_in(100),
			   NULL, &err),
	       -ETIMEDOUT, "a QEMU that reads nothing");
	ok(clock_ms() - before < 3000, "blocks nobody");
	qmp_command(qmp, "echo", json_pack("{s:s}", "text", text), deadline_in(10), NULL, &err);
	is_int(qmp_command(qmp, "echo", json_pack("{s:s}", "text", text), deadline_in(10), NULL,
			   &err),
	       -ENOBUFS, "and is not sent without limit");
	loop_watch_events(fake.watch, POLLIN);
	is_int(run(qmp, "hello", 5000, v, &err), 0, "when it reads again, the rest arrives");
	is_str(v, "hello", "in order");
	is_int(fake.commands, 5, "each command once");
	qmp_close(qmp);
	fake_stop(&fake);
	free(text);
}

static void test_greetings(void)
{
	static const struct {
		const char *greeting, *message;
		int r;
	} greetings[] = {
		{ "", "another client holds", -ETIMEDOUT },
		{ "{\"QMP\": {\"ver", "another client holds", -ETIMEDOUT },
		{ "SSH-2.0-OpenSSH\r\n", "SSH-2.0-OpenSSH", -EBADMSG },
		{ "{\"QMP\": {}}\n", "does not speak QMP", -EPROTO },
		{ "{\"return\": {}}\n", "does not speak QMP", -EPROTO },
	};
	struct err err = ERR_INIT;
	struct fake fake;
	char longer[109];
	struct qmp *qmp;
	int fd;

	for (size_t i = 0; i < ARRAY_SIZE(greetings); i++) {
		fake_start(&fake, greetings[i].greeting, &fd);
		is_int(qmp_attach(loop, fd, "fake", deadline_in(50), &qmp, &err),
		       greetings[i].r, "greeted by '%.14s'", greetings[i].greeting);
		like(err.msg, greetings[i].message, "the message says so");
		fake_stop(&fake);
	}
	fake_start(&fake, "", &fd);
	fake_hang_up(&fake);
	is_int(qmp_attach(loop, fd, "fake", deadline_in(5000), &qmp, &err), -EPIPE,
	       "an end instead of a greeting");
	like(err.msg, "QEMU ended", "the message says so");
	fake_stop(&fake);
	is_int(qmp_connect(loop, "/nonexistent/qmp.sock", deadline_in(50), &qmp, &err), -ENOENT,
	       "no such socket");
	like(err.msg, "/nonexistent/qmp.sock", "the message names it");
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	longer[0] = '/';
	is_int(qmp_connect(loop, longer, deadline_in(50), &qmp, &err), -ENAMETOOLONG,
	       "a path of 108 bytes");
	longer[107] = '\0';
	is_int(qmp_connect(loop, longer, deadline_in(50), &qmp, &err), -ENOENT,
	       "one of 107 is tried");
}

/* ---- the real one ---- */

#define REAL_TESTS 19

static void test_real(const char *binary)
{
	char dir[] = "/tmp/vmfo-qmp-XXXXXX";
	_cleanup_free_ char *path = NULL, *option = NULL;
	struct child child = CHILD_INIT;
	struct err err = ERR_INIT;
	struct qmp *qmp, *second;
	json_t *ret = NULL;
	int64_t deadline = deadline_in(20000);
	int fd, status;

	if (!mkdtemp(dir))
		bail("mkdtemp");
	path = str_printf("%s/qmp.sock", dir);
	option = str_printf("unix:%s,server=on,wait=off", path);
	const char *const argv[] = { binary, "-machine", "none", "-nodefaults", "-display",
				     "none", "-S",       "-qmp", option,        NULL };
	const struct child_spec spec = { .argv = argv, .in = -1, .out = -1, .err = 2 };
	struct qmp_listener listener = { .fn = on_event };

	if (child_spawn(&child, &spec, &err) < 0)
		bail("%s", err.msg);
	while (qmp_connect(loop, path, deadline, &qmp, &err) < 0) {
		if (clock_ms() > deadline || child_ended(&child, NULL))
			bail("connect to the real QEMU: %s", err.msg);
		loop_sleep(loop, 20, &err);
	}
	ok(true, "connect to the real QEMU");
	qmp_listen(qmp, &listener);
	is_int(qmp_command(qmp, "query-version", NULL, deadline, &ret, &err), 0,
	       "query-version");
	{
		json_int_t major = json_integer_value(
			json_object_get(json_object_get(ret, "qemu"), "major"));
		_cleanup_free_ char *start = str_printf("%lld.", major);

		ok(str_starts(qmp_version(qmp), start), "its major is the greeting's");
	}
	json_decref(ret);
	is_int(qmp_command(qmp, "query-qmp-schema", NULL, deadline, &ret, &err), 0,
	       "query-qmp-schema, its longest reply");
	ok(json_array_size(ret) > 500, "is whole");
	json_decref(ret);
	is_int(qmp_command(qmp, "device_del", json_pack("{s:s}", "id", "x"), deadline, NULL,
			   &err),
	       -EREMOTEIO, "device_del of nothing is QEMU's error");
	like(err.msg, "Device 'x' not found", "in its words");
	is_int(qmp_command(qmp, "no-such-command", NULL, deadline, NULL, &err), -EREMOTEIO,
	       "an unknown command is one too");

	is_int(qmp_connect(loop, path, deadline_in(200), &second, &err), -ETIMEDOUT,
	       "a second client gets nowhere");
	like(err.msg, "another client holds", "the message says why");
	/* Unaccepted connections fill the listener's queue. */
	is_int(sock_connect_unix(loop, path, deadline_in(200), &fd, &err), 0,
	       "a second in the queue");
	{
		int fds[8], n = 0;

		while (n < 8 &&
		       sock_connect_unix(loop, path, deadline_in(100), &fds[n], &err) == 0)
			n++;
		ok(n < 8, "after %d more the queue is full", n);
		like(err.msg, "accepts no connection", "and that is said");
		while (n > 0)
			close(fds[--n]);
		close(fd);
	}
	is_int(qmp_command(qmp, "query-status", NULL, deadline, NULL, &err), 0,
	       "the first client never noticed");

	events[0] = '\0';
	is_int(qmp_command(qmp, "quit", NULL, deadline, NULL, &err), 0, "quit");
	while (qmp_alive(qmp) && clock_ms() < deadline)
		loop_sleep(loop, 10, &err);
	ok(!qmp_alive(qmp), "the session ends with QEMU");
	like(events, "SHUTDOWN", "after its event");
	is_int(qmp_command(qmp, "query-status", NULL, deadline, NULL, &err), -EPIPE,
	       "no command after that");
	is_int(child_wait(&child, loop, deadline, &status, &err), 0, "QEMU is gone");
	qmp_close(qmp);
	unlink(path);
	rmdir(dir);
}

int main(void)
{
	const char *binary = "qemu-system-x86_64";

	signal(SIGPIPE, SIG_IGN);
	loop_new(&loop, NULL);
	test_replies();
	test_cancel();
	test_ends();
	test_deaf();
	test_greetings();
	if (system("command -v qemu-system-x86_64 >/dev/null") == 0)
		test_real(binary);
	else
		skip(REAL_TESTS, "qemu-system-x86_64 is not installed");
	loop_free(loop);
	return done_testing();
}
