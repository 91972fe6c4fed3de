/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A probe of this host itself, in a network namespace of the test's own, where answers stay
 * away on purpose.
 */
#include "flow/probe.h"

#include <errno.h>
#include <sched.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "tap.h"

static struct loop *loop;
static struct err err;

static void sh(const char *command)
{
	if (system(command) != 0)
		bail("%s", command);
}

/* ---- what the option says ---- */

static int interval_of(const char *text)
{
	struct probe_target target;

	err = (struct err)ERR_INIT;
	return probe_target_parse(text, &target, &err) < 0 ? -1 : target.interval_ms;
}

static void test_parse(void)
{
	static const char *const no_interval[] = { "",
						   "10",
						   "ms",
						   "s",
						   "1.5s",
						   "-1s",
						   "+1s",
						   "1 s",
						   "1sec",
						   "1s ",
						   "10us",
						   "1s,2s",
						   "99999999999999999s" };
	static const char *const out_of_bounds[] = { "0ms", "0s", "11s", "10001ms",
						     "99999999999999s" };
	char text[80];

	is_int(interval_of("10.0.0.7"), 10, "10 ms, if nothing is said");
	is_int(interval_of("10.0.0.7,1ms"), 1, "the shortest");
	is_int(interval_of("10.0.0.7,10s"), 10000, "the longest");
	is_int(interval_of("2001:db8::7,250ms"), 250, "with an IPv6 address");
	for (size_t i = 0; i < ARRAY_SIZE(no_interval); i++) {
		snprintf(text, sizeof(text), "10.0.0.7,%s", no_interval[i]);
		is_int(interval_of(text), -1, "\"%s\" is no interval", no_interval[i]);
		ok(err.kind == ERR_USAGE && strstr(err.msg, "is not an interval"),
		   "it is said");
	}
	for (size_t i = 0; i < ARRAY_SIZE(out_of_bounds); i++) {
		snprintf(text, sizeof(text), "10.0.0.7,%s", out_of_bounds[i]);
		is_int(interval_of(text), -1, "\"%s\" is out of bounds", out_of_bounds[i]);
		like(err.msg, "not between 1 ms and 10 s", "the bounds are named");
	}
	is_int(interval_of("guest,1s"), -1, "a name is no address");
	like(err.msg, "\"guest\" is no IP address", "it is said");
}

/* ---- probes ---- */

static struct probe *start(const char *text)
{
	struct probe_target target;
	struct probe *probe;

	if (probe_target_parse(text, &target, &err) < 0 ||
	    probe_start(loop, &target, clock_ms(), &probe, &err) < 0)
		bail("%s: %s", text, err.msg);
	return probe;
}

/* How many pings this namespace has seen. */
static long echoes(void)
{
	_cleanup_fclose_ FILE *file = fopen("/proc/self/net/snmp", "re");
	char line[512];
	long seen = 0;

	while (file && fgets(line, sizeof(line), file))
		sscanf(line, "Icmp: %*d %*d %*d %*d %*d %*d %*d %*d %ld", &seen);
	return seen;
}

static bool has_come(void *data)
{
	return echoes() >= *(const long *)data;
}

static void await_pings(int n)
{
	long want = echoes() + n;

	if (loop_run(loop, has_come, &want, deadline_in(60000), &err) < 0)
		bail("no pings: %s", err.msg);
}

static const struct probe_count *phase_of(const struct probe_report *report, const char *name)
{
	for (size_t i = 0; i < report->n_phases; i++)
		if (str_eq(report->phases[i].name, name))
			return &report->phases[i].count;
	bail("no phase %s", name);
}

static void test_drop(const char *drop, const char *pass)
{
	struct probe *probe = start("127.0.0.1,5ms");
	const struct probe_count *down;
	struct probe_report *report;
	size_t n_silent = 0;

	probe_phase(probe, "up");
	is_int(probe_await_answer(probe, &err), 1, "%s: before it there are answers", drop);
	await_pings(10);
	sh(drop);
	probe_phase(probe, "down");
	loop_sleep(loop, 100, NULL);
	sh(pass);
	probe_phase(probe, "switchover");
	await_pings(10);
	report = probe_end(probe);
	is_str(report->address, "127.0.0.1", "%s: the report has the address", drop);
	is_int(report->interval_ms, 5, "%s: and the interval", drop);
	down = phase_of(report, "down");
	ok(down->sent > 0, "%s: pings were sent meanwhile", drop);
	is_int(down->received, 0, "%s: and none was answered", drop);
	is_int(phase_of(report, "up")->received, phase_of(report, "up")->sent,
	       "%s: all before were", drop);
	is_int(phase_of(report, "stopped")->received, phase_of(report, "stopped")->sent,
	       "%s: all after were", drop);
	is_int(report->total.sent - report->total.received, down->sent,
	       "%s: what was lost in all", drop);
	for (size_t i = 0; i < report->n_gaps; i++)
		n_silent += str_eq(report->gaps[i].phase ?: "", "down") &&
			    report->gaps[i].lost == down->sent;
	/* With fewer, on a machine that was held up, it need not be long enough for a gap. */
	ok(n_silent == 1 || down->sent < 5, "%s: all of it in one gap of that phase", drop);
	probe_report_free(report);
}

static void test_held_up(void)
{
	struct probe *probe = start("127.0.0.1,1ms");
	struct probe_report *report;

	probe_phase(probe, "all");
	await_pings(10);
	usleep(100000);
	await_pings(10);
	report = probe_end(probe);
	ok(report->not_sent > 0, "what vmfo is too busy for is not sent");
	ok(report->total.sent >= 20, "the rest is");
	is_int(report->total.received, report->total.sent, "and nothing is lost");
	probe_report_free(report);
}

static void test_settle(void)
{
	struct probe *probe = start("127.0.0.1,5ms");
	struct probe_report *report;

	probe_phase(probe, "flow");
	await_pings(10);
	probe_settle(probe, 60000);
	report = probe_end(probe);
	ok(phase_of(report, "after")->received > 0, "after the flow it goes on to an answer");
	is_int((intmax_t)report->n_phases, 2, "in a phase of its own");
	probe_report_free(report);

	probe = start("127.0.0.1,5ms");
	probe_phase(probe, "flow");
	await_pings(10);
	sh("echo 1 >/proc/sys/net/ipv4/icmp_echo_ignore_all");
	probe_settle(probe, 50);
	sh("echo 0 >/proc/sys/net/ipv4/icmp_echo_ignore_all");
	report = probe_end(probe);
	ok(phase_of(report, "after")->sent > 0, "or for as long as it is given");
	is_int(phase_of(report, "after")->received, 0, "without one");
	probe_report_free(report);
}

static void test_no_answer(void)
{
	struct probe *probe;
	struct probe_report *report;

	sh("echo 1 >/proc/sys/net/ipv4/icmp_echo_ignore_all");
	probe = start("127.0.0.1");
	probe_phase(probe, "all");
	is_int(probe_await_answer(probe, &err), 0, "nobody answers");
	probe_settle(probe, DEADLINE_NEVER / 2);
	report = probe_end(probe);
	ok(report->total.sent > 0, "pings were sent");
	is_int(report->total.received, 0, "all of them are lost");
	is_int((intmax_t)report->n_phases, 1, "nobody is waited for who never answered");
	ok(report->n_gaps == 1 || report->total.sent < 5, "in one gap");
	probe_report_free(report);

	probe = start("127.0.0.1,10s");
	loop_cancel(loop, "enough");
	is_int(probe_await_answer(probe, &err), -ECANCELED, "a wait for answers is cancelled");
	is_str(err.msg, "enough", "with the reason");
	report = probe_end(probe);
	ok(report != NULL, "the end of the probe is not");
	probe_report_free(report);
	sh("echo 0 >/proc/sys/net/ipv4/icmp_echo_ignore_all");
}

int main(void)
{
	test_parse();
	if (unshare(CLONE_NEWNET) < 0) {
		skip(1, "a network namespace takes root");
		return done_testing();
	}
	sh("ip link set lo up");
	if (loop_new(&loop, &err) < 0)
		bail("%s", err.msg);
	test_drop("echo 1 >/proc/sys/net/ipv4/icmp_echo_ignore_all",
		  "echo 0 >/proc/sys/net/ipv4/icmp_echo_ignore_all");
	test_drop("ip link set lo down", "ip link set lo up");
	test_held_up();
	test_settle();
	test_no_answer();
	loop_free(loop);
	return done_testing();
}
