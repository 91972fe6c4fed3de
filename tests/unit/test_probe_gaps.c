/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The arithmetic of a probe, with times of the test's own: pings every 10 ms, which are
 * answered after 1 ms. All times here are in milliseconds.
 */
#include "flow/probe_gaps.h"

#include "base/json.h"
#include "tap.h"

static struct probe_gaps *gaps;
static struct probe_report *report;

static void begin(int interval_ms)
{
	struct err err = ERR_INIT;

	if (probe_gaps_new(interval_ms, &gaps, &err) < 0)
		bail("%s", err.msg);
}

static void finish(void)
{
	report = probe_gaps_end(gaps);
	probe_gaps_free(gaps);
}

static void done(void)
{
	probe_report_free(report);
}

static void phase(const char *name, int64_t at)
{
	probe_gaps_phase(gaps, name, at * 1000);
}

static uint64_t send(int64_t at)
{
	return probe_gaps_sent(gaps, at * 1000);
}

static bool answer(uint64_t number, int64_t at)
{
	return probe_gaps_answered(gaps, number, at * 1000);
}

/* One ping after the other, each 10 ms from from to before to, answered or not. */
static void run(int64_t from, int64_t to, bool answered)
{
	for (int64_t at = from; at < to; at += 10) {
		uint64_t number = send(at);

		if (answered)
			answer(number, at + 1);
	}
}

static int64_t lost(const struct probe_count *count)
{
	return count->sent - count->received;
}

static void is_gap(size_t i, int64_t start, int64_t length, int64_t n_lost, const char *name)
{
	const struct probe_gap *gap = &report->gaps[i];

	if (i >= report->n_gaps) {
		ok(false, "gap %zu is there", i);
		return;
	}
	is_int(gap->start_us, start * 1000, "gap %zu: its start", i);
	is_int(gap->length_us, length * 1000, "gap %zu: its length", i);
	is_int(gap->lost, n_lost, "gap %zu: what was lost", i);
	is_str(gap->phase, name, "gap %zu: its phase", i);
}

static void test_nothing(void)
{
	begin(10);
	ok(probe_gaps_complete(gaps), "nothing sent: nothing is missing");
	ok(!answer(0, 1), "an answer to nothing does not count");
	finish();
	is_int(report->total.sent + report->total.received + report->total.longest_us, 0,
	       "nothing sent, received, silent");
	is_int((intmax_t)(report->n_phases + report->n_gaps), 0, "no phase, no gap");
	done();
}

static void test_all_answered(void)
{
	begin(10);
	phase("one", 0);
	run(0, 500, true);
	ok(probe_gaps_complete(gaps), "all answered");
	finish();
	is_int(report->total.sent, 50, "all sent");
	is_int(report->total.received, 50, "all received");
	is_int(report->total.longest_us, 10000, "the longest silence is an interval");
	is_int((intmax_t)report->n_gaps, 0, "that is no gap");
	done();
}

static void test_phases(void)
{
	int64_t sent = 0, received = 0;

	begin(10);
	phase("copy", 0);
	run(0, 200, true);
	run(200, 210, false);
	phase("stopped", 205);
	run(210, 300, false);
	phase("resumed", 295);
	run(300, 310, false);
	run(310, 500, true);
	is_int(probe_gaps_received(gaps), 39, "received so far");
	finish();
	is_int(lost(&report->total), 11, "lost in all");
	is_int(report->total.longest_us, 120000, "from the answer before to the one after");
	is_int((intmax_t)report->n_gaps, 1, "one gap");
	is_gap(0, 191, 120, 11, "stopped");
	is_int(lost(&report->phases[0].count), 1,
	       "lost in the first phase, by when it was sent");
	is_int(report->phases[0].count.longest_us, 14000, "of the silence, its share");
	is_int(lost(&report->phases[1].count), 9, "lost in the second");
	is_int(report->phases[1].count.longest_us, 90000, "all of it was silent");
	is_int(lost(&report->phases[2].count), 1, "lost in the third");
	is_int(report->phases[2].count.longest_us, 16000, "of the silence, its share");
	for (size_t i = 0; i < report->n_phases; i++) {
		sent += report->phases[i].count.sent;
		received += report->phases[i].count.received;
	}
	is_int(sent, report->total.sent, "the phases' sent are the total's");
	is_int(received, report->total.received, "so are their received");
	done();
}

static void test_threshold(void)
{
	begin(10);
	run(0, 100, true);
	run(100, 120, false);
	run(120, 220, true);
	run(220, 250, false);
	run(250, 300, true);
	finish();
	is_int(lost(&report->total), 5, "two losses and three");
	is_int((intmax_t)report->n_gaps, 1, "three intervals are no gap, four are");
	is_gap(0, 211, 40, 3, NULL);
	done();
}

/* The network held them up, and lost none. */
static void test_held_up(void)
{
	uint64_t first;

	begin(10);
	phase("one", 0);
	run(0, 100, true);
	first = send(100);
	for (int64_t at = 110; at < 180; at += 10)
		send(at);
	for (uint64_t i = 0; i < 8; i++)
		answer(first + i, 180);
	run(180, 300, true);
	finish();
	is_int(lost(&report->total), 0, "nothing is lost");
	is_int((intmax_t)report->n_gaps, 1, "but there was a gap");
	is_gap(0, 91, 89, 0, "one");
	done();
}

/* The VM is stopped with a ping in its queue, which it answers once it runs elsewhere. */
static void test_held_up_and_lost(void)
{
	uint64_t first;

	begin(10);
	phase("copy", 0);
	run(0, 100, true);
	first = send(100);
	phase("stopped", 105);
	run(110, 200, false);
	phase("resumed", 200);
	answer(first, 205);
	run(210, 220, false);
	run(220, 300, true);
	ok(answer(first + 3, 301), "one more is only late");
	finish();
	is_int(lost(&report->total), 9, "those sent to the stopped VM are lost, and one after");
	is_int((intmax_t)report->n_gaps, 1, "one gap, that ended with an answer from before");
	is_gap(0, 91, 114, 8, "stopped");
	done();
}

static void test_sender_held_up(void)
{
	begin(10);
	run(0, 100, true);
	probe_gaps_not_sent(gaps, 20);
	run(300, 400, true);
	finish();
	is_int(report->not_sent, 20, "what was not sent is counted");
	is_int(lost(&report->total), 0, "not as lost");
	is_int((intmax_t)report->n_gaps, 0, "nor is it a gap");
	is_int(report->total.longest_us, 11000, "nor is it silence");
	done();

	begin(10);
	run(0, 100, true);
	run(300, 350, false);
	run(600, 700, true);
	finish();
	is_int((intmax_t)report->n_gaps, 1, "a gap between two times without pings");
	is_gap(0, 290, 61, 5, NULL);
	done();

	begin(10);
	run(0, 100, true);
	run(100, 150, false);
	run(300, 350, false);
	run(350, 400, true);
	finish();
	is_int((intmax_t)report->n_gaps, 1, "a time without pings in the middle of a gap");
	is_gap(0, 91, 260, 10, NULL);
	done();
}

static void test_ends(void)
{
	begin(10);
	phase("one", 0);
	run(0, 100, false);
	run(100, 200, true);
	run(200, 280, false);
	ok(!probe_gaps_complete(gaps), "some are missing");
	finish();
	is_int(lost(&report->total), 18, "lost at both ends");
	is_int((intmax_t)report->n_gaps, 2, "a gap at each");
	is_gap(0, 0, 101, 10, "one");
	is_gap(1, 191, 89, 8, "one");
	done();

	begin(10);
	phase("one", 0);
	run(0, 60, false);
	phase("two", 60);
	run(60, 200, false);
	finish();
	is_int(report->total.received, 0, "never an answer");
	is_int((intmax_t)report->n_gaps, 1, "is one gap");
	is_gap(0, 0, 200, 20, "two");
	is_int(report->phases[0].count.longest_us, 60000, "all of the first phase");
	is_int(report->phases[1].count.longest_us, 140000, "all of the second");
	done();
}

static void test_order(void)
{
	begin(10);
	run(0, 100, true);    /* 0 to 9 */
	run(100, 200, false); /* 10 to 19 */
	run(200, 210, true);  /* 20 */
	ok(answer(12, 205), "one that was overtaken counts");
	ok(!answer(12, 206), "the same again does not");
	ok(!answer(3, 207), "nor one that had been answered");
	ok(!answer(21, 208), "nor one that was not sent");
	finish();
	is_int(lost(&report->total), 9, "it is not lost");
	is_gap(0, 91, 110, 9, NULL);
	done();

	begin(10);
	for (int64_t at = 0; at < 400; at += 10) {
		send(at);
		if (at >= 100)
			answer((uint64_t)(at - 100) / 10, at + 1);
	}
	for (uint64_t i = 30; i < 40; i++)
		answer(i, (int64_t)i * 10 + 101);
	finish();
	is_int(lost(&report->total), 0, "answers that take ten intervals");
	is_int((intmax_t)report->n_gaps, 1, "are late once");
	is_gap(0, 0, 101, 0, NULL);
	done();
}

/* An answer that says to have come before the one that was read before it. */
static void test_clock_back(void)
{
	begin(10);
	run(0, 50, true);
	send(50);
	send(60);
	answer(5, 62);
	answer(6, 61);
	answer(send(70), 84);
	finish();
	is_int(lost(&report->total), 0, "both count");
	is_int(report->total.longest_us, 22000, "time does not go back");
	done();
}

#define MANY 70000

static void test_window(void)
{
	begin(1);
	for (int64_t at = 0; at < MANY; at++)
		send(at);
	ok(!answer(5, MANY), "the answer to a ping of a minute ago comes too late");
	ok(!answer(MANY - 32768, MANY), "so does that to the first before the window");
	ok(answer(MANY - 32767, MANY), "the oldest in it counts");
	for (int64_t at = MANY; at < MANY + 10; at++)
		answer(send(at), at);
	finish();
	is_int(report->total.received, 11, "received");
	is_int((intmax_t)report->n_gaps, 1, "an outage longer than the window is one gap");
	is_int(report->gaps[0].lost, MANY - 1, "lost in it, before and after the one answered");
	is_int(report->gaps[0].length_us, MANY * 1000, "from the first ping to the answer");
	done();
}

static void test_bounds(void)
{
	begin(10);
	for (int i = 0; i < PROBE_MAX_PHASES + 3; i++) {
		phase("some", i * 10);
		run(i * 10, i * 10 + 10, true);
	}
	for (int i = 0; i < PROBE_MAX_GAPS + 7; i++) {
		run(1000 + i * 100, 1000 + i * 100 + 50, true);
		run(1000 + i * 100 + 50, 1000 + i * 100 + 100, false);
	}
	finish();
	is_int((intmax_t)report->n_phases, PROBE_MAX_PHASES,
	       "no more phases than there is room");
	is_int(report->phases[PROBE_MAX_PHASES - 1].count.sent + PROBE_MAX_PHASES - 1,
	       report->total.sent, "what comes then is the last one's");
	is_int((intmax_t)report->n_gaps, PROBE_MAX_GAPS, "no more gaps than there is room");
	is_int(report->more_gaps, 7, "the others are counted");
	is_int(lost(&report->total), 5 * (PROBE_MAX_GAPS + 7), "nothing of them is forgotten");
	done();
}

static void test_json(void)
{
	json_t *object, *gap;

	begin(10);
	phase("one", 0);
	run(0, 100, true);
	run(100, 200, false);
	run(200, 210, true);
	finish();
	report->address = strdup("10.0.0.7");
	object = probe_report_json(report);
	is_str(json_get_text(object, "address"), "10.0.0.7", "JSON: the address");
	is_int(json_integer_value(json_object_get(object, "interval_ms")), 10, "the interval");
	is_int(json_integer_value(json_object_get(object, "sent")), 21, "sent");
	is_int(json_integer_value(json_object_get(object, "received")), 11, "received");
	is_int(json_integer_value(json_object_get(object, "lost")), 10, "lost");
	is_int(json_integer_value(json_object_get(object, "longest_gap_ms")), 110, "longest");
	gap = json_array_get(json_object_get(object, "by_phase"), 0);
	is_str(json_get_text(gap, "phase"), "one", "by phase: its name");
	is_int(json_integer_value(json_object_get(gap, "lost")), 10, "and its counts");
	gap = json_array_get(json_object_get(object, "gaps"), 0);
	is_int(json_integer_value(json_object_get(gap, "start_ms")), 91, "a gap: its start");
	is_int(json_integer_value(json_object_get(gap, "length_ms")), 110, "its length");
	is_int(json_integer_value(json_object_get(gap, "lost")), 10, "what was lost");
	is_str(json_get_text(gap, "phase"), "one", "its phase");
	json_decref(object);
	done();
}

int main(void)
{
	test_nothing();
	test_all_answered();
	test_phases();
	test_threshold();
	test_held_up();
	test_held_up_and_lost();
	test_sender_held_up();
	test_ends();
	test_order();
	test_clock_back();
	test_window();
	test_bounds();
	test_json();
	return done_testing();
}
