/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Pings of this host itself, in a network namespace of the test's own.
 */
#include "host/ping.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"
#include "tap.h"

static struct err err;

static void sh(const char *command)
{
	if (system(command) != 0)
		bail("%s", command);
}

/* ---- addresses ---- */

static bool is_address(const char *text)
{
	struct ping_address address;

	err = (struct err)ERR_INIT;
	return ping_address_parse(text, &address, &err) == 0;
}

static void test_addresses(void)
{
	static const char *const good[] = { "10.0.0.7", "127.0.0.1",       "2001:db8::7",
					    "::1",      "::ffff:10.0.0.7", "fe80::7%lo" };
	static const char *const bad[] = {
		"",           "10.0.0",      "10.1",      "010.0.0.7",
		"10.0.0.256", "0x0a000007",  "10.0.0.7 ", "2001:db8:::7",
		":",          "10.0.0.7/24", "[::1]",     "fe80::7%nowhere"
	};
	static const char *const many[] = { "0.0.0.0",         "0.0.0.7", "224.0.0.1",
					    "255.255.255.255", "::",      "ff02::1" };
	struct ping_address address;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		ok(is_address(good[i]), "\"%s\" is an address", good[i]);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ok(!is_address(bad[i]) && err.kind == ERR_USAGE, "\"%s\" is none", bad[i]);
	for (size_t i = 0; i < ARRAY_SIZE(many); i++) {
		ok(!is_address(many[i]), "\"%s\" is not one host's", many[i]);
		like(err.msg, "not the address of one host", "that is said");
	}
	ok(!is_address("guest.example"), "a name is no address");
	like(err.msg, "names are not resolved", "that is said");
	ok(!is_address("fe80::7"), "an address of each link is none of one host");
	like(err.msg, "fe80::7%br0", "and how it would be one is said");
	ok(!is_address("1234:1234:1234:1234:1234:1234:1234:1234:1234:1234:1234:1234:1234:1234"),
	   "a long text is none");
	ping_address_parse("2001:db8::7", &address, &err);
	ok(address.six, "IPv6 is told apart");
	is_str(address.text, "2001:db8::7", "the text is kept");
}

/* ---- sockets ---- */

static struct ping *open_to(const char *text)
{
	struct ping_address address;
	struct ping *ping = NULL;

	err = (struct err)ERR_INIT;
	if (ping_address_parse(text, &address, &err) < 0)
		bail("%s", err.msg);
	ping_open(&address, &ping, &err);
	return ping;
}

static bool await_answer(struct ping *ping)
{
	struct pollfd fd = { .fd = ping_fd(ping), .events = POLLIN };

	return poll(&fd, 1, 10000) == 1;
}

static void test_answers(const char *address, const char *name)
{
	struct ping *ping = open_to(address), *other = open_to(address);
	uint64_t number = 0;
	int64_t at = 0, before = clock_us(), after;

	if (!ping || !other) {
		ok(false, "%s: %s", name, err.msg);
		return;
	}
	ok(!ping_receive(ping, &number, &at), "%s: no answer without a ping", name);
	ping_send(ping, 0x123456789a);
	ok(await_answer(ping), "%s: an answer comes", name);
	after = clock_us();
	usleep(50000);
	ok(ping_receive(ping, &number, &at), "%s: it is read", name);
	is_int((intmax_t)number, 0x123456789a, "%s: its number", name);
	/* The two clocks may differ in how they round. */
	ok(at >= before - 10 && at <= after + 10, "%s: its time is when it came, not later",
	   name);
	ok(!ping_receive(ping, &number, &at), "%s: there is no second one", name);
	ok(!ping_receive(other, &number, &at), "%s: it is not another's answer", name);
	ping_send(other, 7);
	ok(await_answer(other) && ping_receive(other, &number, &at) && number == 7,
	   "%s: which gets its own", name);
	ping_close(ping);
	ping_close(other);
}

/*
 * The kernel turns its stamps on some time after the first socket that wants them is opened;
 * until then an answer has the time at which it is read.  Return: a socket that keeps them on.
 */
static struct ping *await_stamps(void)
{
	struct ping *ping = open_to("127.0.0.1");
	int64_t give_up = clock_us() + 10000000, at, read_at = 0;
	uint64_t number;

	do {
		ping_send(ping, 1);
		at = INT64_MAX;
		if (!await_answer(ping))
			break;
		usleep(20000);
		read_at = clock_us();
		ping_receive(ping, &number, &at);
	} while (at > read_at - 10000 && read_at < give_up);
	ok(at <= read_at - 10000, "the kernel stamps what comes in");
	return ping;
}

static void test_link_down(void)
{
	struct ping *ping = open_to("127.0.0.1");
	uint64_t number = 0;
	int64_t at;

	sh("ip link set lo down");
	ping_send(ping, 1);
	ping_send(ping, 2);
	ok(!ping_receive(ping, &number, &at), "no answer over a link that is down");
	sh("ip link set lo up");
	ping_send(ping, 3);
	ok(await_answer(ping) && ping_receive(ping, &number, &at) && number == 3,
	   "but once it is up again");
	ping_close(ping);
}

/* A process that may open neither kind of socket. */
static void test_forbidden(const char *address)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (setgid(65534) < 0 || setuid(65534) < 0)
			_exit(2);
		_exit(!(open_to(address) == NULL && err.kind == ERR_REFUSED &&
			strstr(err.msg, address) &&
			strstr(err.msg,
			       "net.ipv4.ping_group_range does not have its group 65534") &&
			strstr(err.msg, "CAP_NET_RAW")));
	}
	ok(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0,
	   "%s: both kinds of socket are refused, and both ways out are named", address);
}

int main(void)
{
	struct ping *stamps;
	bool six;

	test_addresses();
	if (unshare(CLONE_NEWNET) < 0) {
		skip(1, "a network namespace takes root");
		return done_testing();
	}
	sh("ip link set lo up");
	six = system("ip -6 address show dev lo | grep -q ::1") == 0;
	if (!six)
		skip(1, "no IPv6 here");
	stamps = await_stamps();
	/* In a new namespace nobody may have a ping socket. */
	test_answers("127.0.0.1", "raw");
	test_forbidden("127.0.0.1");
	if (six) {
		test_answers("::1", "raw, IPv6");
		test_forbidden("::1");
	}
	sh("echo 0 0 >/proc/sys/net/ipv4/ping_group_range");
	test_answers("127.0.0.1", "ping socket");
	if (six)
		test_answers("::1", "ping socket, IPv6");
	test_link_down();
	ok(!open_to("10.9.9.9"), "no route");
	is_int(err.kind, ERR_REFUSED, "is refused");
	like(err.msg, "10.9.9.9: this host has no way to it", "and said");
	ping_close(stamps);
	return done_testing();
}
