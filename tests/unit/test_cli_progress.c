/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What people see of a flow's work, and quantities in words.
 */
#include <fcntl.h>
#include <unistd.h>

#include "../../cli/format.h"
#include "../../cli/narrate.h"
#include "../../cli/progress.h"
#include "base/log.h"
#include "tap.h"

static int pipe_fds[2];

/* What was written to standard error since the last call. */
static const char *shown(void)
{
	static char text[8192];
	ssize_t n;

	fflush(stderr);
	n = read(pipe_fds[0], text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static struct report_event progress_event(int64_t elapsed_ms, int percent)
{
	return (struct report_event){ .kind = REPORT_PROGRESS,
				      .phase = "precopy",
				      .elapsed_ms = elapsed_ms,
				      .percent = percent,
				      .rate = 314572800,
				      .remaining_ms = 4100,
				      .remaining_bytes = 1288490189,
				      .transferred_bytes = -1 };
}

static void test_quantities(void)
{
	static const struct {
		int64_t value;
		const char *bytes, *ms;
	} cases[] = {
		{ 0, "0 B", "0 ms" },
		{ 999, "999 B", "999 ms" },
		{ 1000, "1000 B", "1.0 s" },
		{ 1023, "1023 B", "1.0 s" },
		{ 1024, "1.0 KiB", "1.0 s" },
		{ 1048524, "1023.9 KiB", "17 min 28 s" },
		{ 1048575, "1.0 MiB", "17 min 28 s" },
		{ 99999, "97.7 KiB", "99.9 s" },
		{ 100000, "97.7 KiB", "1 min 40 s" },
		{ 5497558138880, "5.0 TiB", "91625968 min 58 s" },
		{ 5629499534213120, "5120.0 TiB", "93824992236 min 53 s" },
	};
	char text[FORMAT_SIZE];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		is_str(format_bytes(cases[i].value, text), cases[i].bytes, "%s",
		       cases[i].bytes);
		is_str(format_ms(cases[i].value, text), cases[i].ms, "%s", cases[i].ms);
	}
}

static void test_plain(void)
{
	struct report_event event = { .kind = REPORT_PHASE,
				      .phase = "precopy",
				      .elapsed_ms = 1200 };
	struct progress progress;

	narrate_start(NARRATE_NORMAL);
	progress_init(&progress);
	ok(!progress.live, "a pipe is no terminal");
	progress_show(&progress, &event);
	is_str(shown(), "[   1.2 s] precopy\n", "a phase is a line");
	for (int ms = 1300; ms < 11200; ms += 100) {
		event = progress_event(ms, 43);
		progress_show(&progress, &event);
	}
	is_str(shown(), "", "for ten seconds there is nothing to add");
	event = progress_event(11200, 43);
	progress_show(&progress, &event);
	is_str(shown(), "[  11.2 s] precopy 43%, 300.0 MiB/s, 1.2 GiB left, about 4.1 s\n",
	       "then a line says how far it is");
	event = progress_event(11300, 44);
	progress_show(&progress, &event);
	is_str(shown(), "", "and the next one not yet");
	event = (struct report_event){ .kind = REPORT_PROGRESS,
				       .phase = "wait-unplug",
				       .elapsed_ms = 30000,
				       .percent = -1,
				       .rate = -1,
				       .remaining_ms = -1,
				       .remaining_bytes = -1,
				       .text = "net1 holds on" };
	progress_show(&progress, &event);
	is_str(shown(), "[  30.0 s] wait-unplug: net1 holds on\n",
	       "what is not known is left out");
	event = (struct report_event){
		.kind = REPORT_PAIR, .pair = "net0", .state = "let-go", .elapsed_ms = 30100
	};
	progress_show(&progress, &event);
	is_str(shown(), "[  30.1 s] pair net0: let-go\n", "a pair is a line");
	event = (struct report_event){ .kind = REPORT_WARNING, .text = "look\033[2J here" };
	progress_show(&progress, &event);
	is_str(shown(), "warning: look?[2J here\n",
	       "a warning, without what a terminal would act upon");
	progress_end(&progress);
	is_str(shown(), "", "at the end there is nothing to take away");
}

static void test_levels(void)
{
	log_debug("debug");
	log_note("note %d", 1);
	log_warn("warn");
	is_str(shown(), "note 1\nwarning: warn\n", "as a rule, notes and warnings");
	narrate_start(NARRATE_QUIET);
	log_debug("debug");
	log_note("note");
	log_warn("warn");
	is_str(shown(), "warning: warn\n", "quiet: warnings only");
	narrate_start(NARRATE_VERBOSE);
	log_debug("debug");
	is_str(shown(), "debug\n", "verbose: all");
}

/* The live line, as if standard error were a terminal. */
static void test_live(void)
{
	struct report_event event = progress_event(1000, 10);
	struct progress progress = { .live = true };
	char wide[400];

	narrate_start(NARRATE_NORMAL);
	progress_show(&progress, &event);
	is_str(shown(),
	       "\r\033[K[   1.0 s] precopy 10%, 300.0 MiB/s, 1.2 GiB left, about 4.1 s",
	       "a live line has no newline");
	event = progress_event(1100, 11);
	progress_show(&progress, &event);
	like(shown(), "\r\033[K[   1.1 s] precopy 11%", "and is replaced at once by the next");
	log_note("a note");
	is_str(shown(), "\r\033[Ka note\n", "a line takes its place");
	progress_end(&progress);
	is_str(shown(), "", "after that there is nothing to take away");
	narrate_live("x");
	shown();
	progress_end(&progress);
	is_str(shown(), "\r\033[K", "a live line is taken away at the end");
	memset(wide, 'w', sizeof(wide) - 1);
	wide[sizeof(wide) - 1] = '\0';
	narrate_live(wide);
	is_int(strlen(shown()), strlen("\r\033[K") + 79, "it is cut to the width");
	narrate_live(NULL);
	shown();
}

int main(void)
{
	test_quantities();
	if (pipe2(pipe_fds, O_NONBLOCK) < 0 || dup2(pipe_fds[1], STDERR_FILENO) < 0)
		bail("pipe");
	test_plain();
	narrate_start(NARRATE_NORMAL);
	test_levels();
	test_live();
	return done_testing();
}
