/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a probe saw, as people read it.
 */
#include "../../cli/render.h"
#include "base/str.h"
#include "capture.h"
#include "tap.h"

static const char *shown(const struct probe_report *report)
{
	capture_begin();
	render_probe(report);
	return capture_end();
}

static void test_whole(void)
{
	struct probe_gap gap = {
		.start_us = 2812400, .length_us = 127400, .lost = 10, .phase = "stopped"
	};
	struct probe_report report = {
		.address = (char *)"10.0.0.7",
		.interval_ms = 10,
		.total = { .sent = 229, .received = 219, .longest_us = 127400 },
		.phases = { { .name = "precopy",
			      .count = { .sent = 217, .received = 217, .longest_us = 12000 } },
			    { .name = "stopped", .count = { .sent = 12, .received = 2 } } },
		.n_phases = 2,
		.gaps = &gap,
		.n_gaps = 1,
	};

	is_str(shown(&report),
	       "  probe of 10.0.0.7, every 10 ms: 229 sent, 10 lost (4.4 %), longest gap 127 ms\n"
	       "    precopy: 217 sent, 0 lost, longest gap 12 ms\n"
	       "    stopped: 12 sent, 10 lost (83.3 %), longest gap 0 ms\n"
	       "    at 2.8 s: no answer for 127 ms, 10 lost (stopped)\n",
	       "the whole, the phases, the gaps");
	report.not_sent = 3;
	report.more_gaps = 7;
	like(shown(&report), "longest gap 127 ms; 3 could not be sent in time\n",
	     "what vmfo was too busy for");
	like(shown(&report), "(stopped)\n    and 7 more gaps\n", "gaps that are not kept");
}

static void test_nothing(void)
{
	const struct probe_report report = { .interval_ms = 1000 };

	is_str(shown(&report),
	       "  probe of ?, every 1000 ms: 0 sent, 0 lost, longest gap 0 ms\n",
	       "nothing sent, nothing lost");
}

static void test_longest(void)
{
	struct probe_gap gaps[25];
	struct probe_report report = { .interval_ms = 10, .gaps = gaps, .n_gaps = 25 };
	const char *text;
	size_t lines = 0;

	/* Of 30 ms and more, the longest in the middle; twelve of them are of 500 ms. */
	for (int i = 0; i < 25; i++)
		gaps[i] = (struct probe_gap){ .start_us = i * 1000000LL,
					      .length_us = i < 12 ? 500000 : 30000,
					      .phase = "precopy" };
	gaps[20].length_us = 2000000;
	text = shown(&report);
	for (const char *at = text; (at = strstr(at, "no answer for")); at++)
		lines++;
	is_int((intmax_t)lines, 10, "ten gaps are shown");
	like(text, "at 0 ms: no answer for 500 ms", "in their order");
	ok(!strstr(text, "no answer for 30 ms"), "no shorter one before a longer one");
	like(text, "    and 15 more gaps\n", "the others are counted");
	like(text, "at 20.0 s: no answer for 2.0 s", "the longest among them");
}

int main(void)
{
	test_whole();
	test_nothing();
	test_longest();
	return done_testing();
}
