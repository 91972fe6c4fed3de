/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/step.h"

#include <errno.h>

#include "base/cleanup.h"
#include "io/file.h"
#include "tap.h"

/* What the steps below did, a letter each: c heck, a pply, u ndo, and the step's number. */
static char trace[256];
/* The step whose apply, check or undo fails; 0: none. */
static int bad_check, bad_apply, bad_undo;
/* The step whose apply raises a signal's cancel, and what an undo saw of it. */
static int cancel_in;
static bool undo_was_interrupted;
static struct flow_env env;

static int did(char what, int step, int bad, struct err *err)
{
	size_t len = strlen(trace);

	snprintf(trace + len, sizeof(trace) - len, "%c%d ", what, step);
	return step == bad ? err_set(err, ERR_REFUSED, EIO, "%c%d failed", what, step) : 0;
}

#define STEP_FNS(n)                                           \
	static int check_##n(void *ctx, struct err *err)      \
	{                                                     \
		(void)ctx;                                    \
		return did('c', n, bad_check, err);           \
	}                                                     \
	static int apply_##n(void *ctx, struct err *err)      \
	{                                                     \
		(void)ctx;                                    \
		if (cancel_in == (n)) {                       \
			loop_cancel(env.loop, "interrupted"); \
			if (loop_sleep(env.loop, 1, err) < 0) \
				return -ECANCELED;            \
		}                                             \
		return did('a', n, bad_apply, err);           \
	}                                                     \
	static int undo_##n(void *ctx, struct err *err)       \
	{                                                     \
		(void)ctx;                                    \
		if (loop_sleep(env.loop, 1, NULL) < 0)        \
			undo_was_interrupted = true;          \
		return did('u', n, bad_undo, err);            \
	}

STEP_FNS(1)
STEP_FNS(2)
STEP_FNS(3)
STEP_FNS(4)

static const struct step table[] = {
	{ "one", "first", check_1, apply_1, undo_1, 0 },
	{ "two", NULL, check_2, apply_2, undo_2, 0 },
	{ "three", "second", check_3, apply_3, undo_3, STEP_COMMIT },
	{ "four", NULL, check_4, apply_4, undo_4, 0 },
};

static char dir[] = "/tmp/vmfo-step-XXXXXX";
static struct journal *journal;

static int run(enum steps_end *end, struct result *result, struct err *err)
{
	struct flow_run flow;
	struct steps steps = {
		.table = table, .n = ARRAY_SIZE(table), .run = &flow, .journal = &journal
	};
	int r;

	trace[0] = '\0';
	undo_was_interrupted = false;
	loop_free(env.loop);
	loop_new(&env.loop, NULL);
	run_begin(&flow, &env, "vmfo.test/1", "vm", result, err);
	r = steps_check(&steps, err);
	if (r == 0)
		r = steps_apply(&steps, end, err);
	return run_end(&flow, r, err);
}

static void reset(struct result *result, struct err *err)
{
	result_clear(result);
	*err = (struct err)ERR_INIT;
	bad_check = bad_apply = bad_undo = cancel_in = 0;
}

/* The journal's lines as "step:state step:state …". */
static void journal_text(const char *id, char *buf, size_t size)
{
	const json_t *line;
	json_t *lines;
	size_t i;

	buf[0] = '\0';
	if (journal_read(dir, "vm", id, &lines, NULL) < 0)
		return;
	json_array_foreach (lines, i, line) {
		const char *step = json_string_value(json_object_get(line, "step"));
		size_t len = strlen(buf);

		if (step)
			snprintf(buf + len, size - len, "%s:%s ", step,
				 json_string_value(json_object_get(line, "state")));
	}
	json_decref(lines);
}

int main(void)
{
	struct result result = { 0 };
	struct err err = ERR_INIT;
	enum steps_end end;
	char text[512];

	if (!mkdtemp(dir))
		bail("mkdtemp");
	is_int(run(&end, &result, &err), 0, "all steps succeed");
	is_int(end, STEPS_DONE, "and that is said");
	is_str(trace, "c1 c2 c3 c4 a1 a2 a3 a4 ", "every check comes before the first apply");
	is_int((intmax_t)result.n_phases, 2,
	       "a step without a phase goes on with the one before");
	is_str(result.phases[1].name, "second", "phases have the names of the table");

	reset(&result, &err);
	bad_check = 2;
	is_int(run(&end, &result, &err), -EIO, "a check fails");
	is_str(trace, "c1 c2 ", "nothing was applied, nothing is undone");
	is_str(err.msg, "vm: c2 failed", "with the check's own message");

	reset(&result, &err);
	bad_apply = 2;
	if (journal_create(dir, "vm", "a", "source", NULL, &journal, &err) < 0)
		bail("%s", err.msg);
	is_int(run(&end, &result, &err), -EIO, "an apply fails");
	is_str(trace, "c1 c2 c3 c4 a1 a2 u2 u1 ",
	       "undo runs backwards, the failed step included");
	is_int(end, STEPS_UNDONE, "everything was undone");
	journal_text("a", text, sizeof(text));
	is_str(text, "one:begin one:done two:begin two:undone one:undone ",
	       "the journal says begin before an apply, done after it, undone after an undo");
	journal_close(steal_ptr(journal), "test", NULL);

	reset(&result, &err);
	bad_apply = 2;
	bad_undo = 2;
	is_int(run(&end, &result, &err), -EIO, "an apply and its undo fail");
	is_str(trace, "c1 c2 c3 c4 a1 a2 u2 u1 ", "a failed undo does not stop the next");
	is_int(end, STEPS_UNDO_FAILED, "and that is said");
	is_int((intmax_t)result.warnings.n, 1, "a failed undo is a warning");
	is_str(result.warnings.v[0], "undo two: u2 failed", "which names the step");
	is_str(err.msg, "vm: a2 failed", "the first failure stays the reason");

	reset(&result, &err);
	bad_apply = 3;
	is_int(run(&end, &result, &err), -EIO, "the commit step itself fails");
	is_str(trace, "c1 c2 c3 c4 a1 a2 a3 u3 u2 u1 ", "it is still undone");

	reset(&result, &err);
	bad_apply = 4;
	is_int(run(&end, &result, &err), -EIO, "a step after the commit fails");
	is_str(trace, "c1 c2 c3 c4 a1 a2 a3 a4 ", "nothing is undone after the commit");
	is_int(end, STEPS_STUCK, "and that is said");

	reset(&result, &err);
	cancel_in = 2;
	is_int(run(&end, &result, &err), -ECANCELED, "an interrupt before the commit");
	is_str(trace, "c1 c2 c3 c4 a1 u2 u1 ", "is rolled back");
	ok(!undo_was_interrupted, "and the undo is not interrupted by it");

	reset(&result, &err);
	cancel_in = 4;
	is_int(run(&end, &result, &err), 0, "an interrupt after the commit");
	is_str(trace, "c1 c2 c3 c4 a1 a2 a3 a4 ", "stops nothing");

	reset(&result, &err);
	loop_free(env.loop);
	dir_remove(dir, NULL);
	return done_testing();
}
