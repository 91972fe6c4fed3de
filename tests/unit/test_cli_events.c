/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * --events and --progress-fd: whatever their readers do, a flow is never held up.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../cli/events.h"
#include "base/str.h"
#include "tap.h"

static json_t *event;

static size_t read_some(int fd, char *text, size_t size)
{
	ssize_t n = read(fd, text, size - 1);

	text[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

/* All that is there.  Return: the number of lines; -1 if one of them is not the event. */
static int drain(int fd)
{
	static char buf[1 << 20];
	size_t len = 0, n;
	int lines = 0;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	while ((n = read_some(fd, buf + len, sizeof(buf) - len)))
		len += n;
	for (char *line = buf, *end; (end = strchr(line, '\n')); line = end + 1, lines++) {
		json_t *got = json_loadb(line, (size_t)(end - line), 0, NULL);
		bool same = json_equal(got, event);

		json_decref(got);
		if (!same)
			return -1;
	}
	return lines;
}

static void test_pipe(void)
{
	struct events events = EVENTS_INIT;
	struct err err = ERR_INIT;
	char text[256];
	int fds[2];

	if (pipe(fds) < 0)
		bail("pipe");
	is_int(events_attach(&events, fds[0], &err), -EBADF, "the reading end is refused");
	is_int(events_attach(&events, 999, &err), -EBADF, "a number that is no fd, too");
	is_int(err.kind, ERR_USAGE, "as a usage error");
	is_int(events_attach(&events, fds[1], &err), 0, "the writing end is taken");
	events_put(&events, event, false);
	read_some(fds[0], text, sizeof(text));
	is_str(text, "{\"event\":\"note\",\"text\":\"a text\"}\n",
	       "an event is a line at once");
	events_close(&events);
	is_int(fcntl(fds[1], F_GETFD), 0, "the fd of the caller stays open");
	events_put(&events, event, false);
	events_close(&events);
	ok(true, "after the end nothing happens");
	close(fds[0]);
	close(fds[1]);
}

static void test_slow_reader(void)
{
	struct events events = EVENTS_INIT;
	int64_t begun = clock_ms();
	int fds[2], lines;

	if (pipe(fds) < 0)
		bail("pipe");
	events_attach(&events, fds[1], NULL);
	/* More than the pipe holds, but passing: they may be left out. */
	for (int i = 0; i < 10000; i++)
		events_put(&events, event, true);
	ok(clock_ms() - begun < 1000, "a reader that does not read holds up nothing");
	for (int i = 0; i < 10; i++)
		events_put(&events, event, false);
	lines = drain(fds[0]);
	ok(lines > 100 && lines < 10000, "what fits arrives, in whole lines (%d of them)",
	   lines);
	events_close(&events);
	ok(drain(fds[0]) >= 10, "and what counts arrives later");

	events_attach(&events, fds[1], NULL);
	begun = clock_ms();
	for (int i = 0; i < 20000; i++)
		events_put(&events, event, false);
	is_int(events.fd, -1, "one that never reads is given up");
	events_close(&events);
	ok(clock_ms() - begun < 3000, "soon");
	close(fds[0]);
	close(fds[1]);
}

static void test_last_wait(void)
{
	struct events events = EVENTS_INIT;
	int64_t begun;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
		bail("socketpair");
	events_attach(&events, fds[1], NULL);
	for (int i = 0; i < 7000; i++)
		events_put(&events, event, false);
	ok(events.n_pending > 0, "a socket that is full");
	begun = clock_ms();
	events_close(&events);
	ok(clock_ms() - begun < 3000, "is waited for a moment at the end, and no longer");
	close(fds[0]);
	close(fds[1]);
}

static void test_gone_reader(void)
{
	struct events events = EVENTS_INIT;
	int fds[2];

	if (pipe(fds) < 0)
		bail("pipe");
	events_attach(&events, fds[1], NULL);
	close(fds[0]);
	events_put(&events, event, false);
	is_int(events.fd, -1, "a reader that has gone away is given up");
	close(fds[1]);
}

static void test_file(void)
{
	char path[] = "/tmp/vmfo-events-XXXXXX";
	struct events events = EVENTS_INIT;
	struct err err = ERR_INIT;
	int fd = mkstemp(path);

	if (fd < 0 || write(fd, "old\n", 4) != 4)
		bail("mkstemp");
	is_int(events_open(&events, path, &err), 0, "a file");
	for (int i = 0; i < 5000; i++)
		events_put(&events, event, true);
	events_close(&events);
	lseek(fd, 0, SEEK_SET);
	is_int(drain(fd), 5000, "is emptied, and has every line");
	unlink(path);
	close(fd);
	is_int(events_open(&events, "/nonexistent/events", &err), -ENOENT,
	       "a folder that is not there");
	like(err.msg, "/nonexistent/events", "is named");
	is_int(events_open(&events, "/dev/full", &err), 0, "a device that is full");
	events_put(&events, event, false);
	is_int(events.fd, -1, "is given up");
}

int main(void)
{
	alarm(60);
	signal(SIGPIPE, SIG_IGN);
	event = json_pack("{ss ss}", "event", "note", "text", "a text");
	test_pipe();
	test_slow_reader();
	test_last_wait();
	test_gone_reader();
	test_file();
	json_decref(event);
	return done_testing();
}
