/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a QEMU with query-failover and FAILOVER_PRIMARY_CHANGED says by itself, and what is
 * sent to one that can do more than stock QEMU: against a peer that plays it.
 */
#include "flow/failover.h"

#include <errno.h>

#include "base/cleanup.h"
#include "fake_qmp.h"
#include "flow/migration.h"
#include "flow/plug.h"
#include "tap.h"

#define CHANGED(standby, state, more)                                                  \
	"{\"event\": \"FAILOVER_PRIMARY_CHANGED\", \"data\": {\"standby\": \"" standby \
	"\", \"primary\": \"net0-primary\", \"state\": \"" state "\"" more "}}\n"
#define QUERIED(state)                                                             \
	"[{\"standby\": \"net1\", \"negotiated\": true, \"state\": \"plugged\"}, " \
	"{\"standby\": \"net0\", \"negotiated\": true, \"state\": \"" state "\", " \
	"\"primary\": \"net0-primary\", \"error\": \"an old one\"}]"

static const struct qemu_patches every = { true, true, true, true, true };
static const struct vm_pair net0 = { .id = (char *)"net0" };

/* failover_await() for "plugged", against that one answer and what follows it. */
static int await_within(const struct fake_qmp_line *line, int ms, struct qemu_failover *out,
			struct err *err)
{
	struct fake_qmp fake;
	int r;

	*err = (struct err)ERR_INIT;
	fake_qmp_start(&fake, line, 1);
	fake.vm.patches = every;
	r = failover_await(&fake.vm, &net0, FAILOVER_PLUGGED, deadline_in(ms), out, err);
	fake_qmp_stop(&fake);
	return r;
}

static void test_await(void)
{
	struct fake_qmp_line line = { .command = "query-failover" };
	struct qemu_failover out;
	struct err err;

	line.answer = QUERIED("plugged");
	is_int(await_within(&line, 5000, &out, &err), 1, "plugged already");
	is_int(out.state, FAILOVER_PLUGGED, "is what is wanted");
	is_str(out.error, "", "the reason of an older failure is none");

	line.answer = QUERIED("unplug-requested");
	line.after = CHANGED("net0", "unplugged", "") CHANGED("net0", "plugged", "");
	line.wait_ms = 50;
	is_int(await_within(&line, 5000, &out, &err), 1, "the guest lets go, QEMU plugs it");
	is_int(out.state, FAILOVER_PLUGGED, "which the event says");
	is_str(out.primary, "net0-primary", "with the primary's id");

	line.wait_ms = 0;
	is_int(await_within(&line, 5000, &out, &err), 1, "the event comes with the answer");
	is_int(out.state, FAILOVER_PLUGGED, "and is newer than it");

	line.after = NULL;
	line.before = CHANGED("net0", "unplug-requested", "");
	line.answer = QUERIED("unplug-requested");
	is_int(await_within(&line, 200, &out, &err), 1, "a guest that keeps it");
	is_int(out.state, FAILOVER_UNPLUG_REQUESTED, "is told as it is, at the deadline");

	line.before = NULL;
	line.answer = QUERIED("unplugged");
	line.after = CHANGED("net1", "plugged", "")
		CHANGED("net0", "unplugged", ", \"error\": \"the slot is \\u001b[31mtaken\"");
	line.wait_ms = 50;
	is_int(await_within(&line, 5000, &out, &err), 1, "a replug that fails");
	is_int(out.state, FAILOVER_UNPLUGGED, "is not another pair's success");
	is_str(out.error, "the slot is ?[31mtaken", "and has its reason, printable");

	line.after = "end";
	line.wait_ms = 0;
	is_int(await_within(&line, 5000, &out, &err), -EPIPE, "QEMU ends in it");
	like(err.msg, "await the primary of pair net0", "which is said");

	line = (struct fake_qmp_line){ .command = "query-failover", .answer = "!unknown" };
	is_int(await_within(&line, 5000, &out, &err), 0, "a QEMU that has it no more");
	line.answer = "[]";
	is_int(await_within(&line, 5000, &out, &err), 0, "or does not know the pair");
}

static void test_stock(void)
{
	struct qemu_failover out;
	struct fake_qmp fake;
	struct err err = ERR_INIT;

	fake_qmp_start(&fake, NULL, 0);
	is_int(failover_await(&fake.vm, &net0, FAILOVER_PLUGGED, deadline_in(5000), &out, &err),
	       0, "stock QEMU does not say");
	fake.vm.patches.query_failover = true;
	is_int(failover_await(&fake.vm, &net0, FAILOVER_PLUGGED, deadline_in(5000), &out, &err),
	       0, "nor does one without the event");
	fake_qmp_stop(&fake);
	is_str(fake.said, "", "and neither is asked");
}

static void test_source(void)
{
	static const struct fake_qmp_line script[] = {
		{ .command = "one",
		  .before = CHANGED("net0", "unplug-requested", "")
			  CHANGED("net1", "plugged", ", \"error\": \"no\\u0007\"") },
		{ .command = "two",
		  .before = CHANGED("net0", "unplugged", "") CHANGED("net1", "plugged", "") },
	};
	const struct vm_pair net1 = { .id = (char *)"net1" };
	const struct source_primary *said;
	struct source source;
	struct fake_qmp fake;

	fake_qmp_start(&fake, script, 2);
	source_watch(&source, &fake.vm);
	ok(!source_primary(&source, &net0), "nothing was said of a pair yet");
	vm_qmp(&fake.vm, "one", NULL, NULL, NULL);
	said = source_primary(&source, &net0);
	ok(said && said->state == FAILOVER_UNPLUG_REQUESTED && !*said->error,
	   "the guest was asked for net0's");
	said = source_primary(&source, &net1);
	ok(said && said->state == FAILOVER_PLUGGED, "net1's is plugged");
	is_str(said ? said->error : "", "no?", "since it could not be asked for");
	is_int((int)source.n_changes, 2, "both are news");
	vm_qmp(&fake.vm, "two", NULL, NULL, NULL);
	said = source_primary(&source, &net0);
	ok(said && said->state == FAILOVER_UNPLUGGED, "the guest lets go of it");
	said = source_primary(&source, &net1);
	is_str(said ? said->error : "", "no?", "a reason is not forgotten in the migration");
	source_begin(&source);
	ok(!source_primary(&source, &net0), "but in the next");
	is_int((int)source.n_changes, 4, "which is not news");
	source_clear(&source);
	fake_qmp_stop(&fake);
}

/* What migrate_set_up_source() sends. */
static void set_up(struct fake_qmp *fake, bool patched)
{
	static const struct fake_qmp_line script[] = {
		{ .command = "migrate-set-capabilities" },
		{ .command = "migrate-set-parameters" },
	};
	struct migration m = { .opts = { .unplug_timeout_s = 3600,
					 .bandwidth = 1000,
					 .downtime_limit_ms = 300 } };
	struct err err = ERR_INIT;

	fake_qmp_start(fake, script, 2);
	m.vm = &fake->vm;
	fake->vm.patches.unplug_timeout = patched;
	is_int(migrate_set_up_source(&m, &err), 0, "the source is set up");
	fake_qmp_stop(fake);
}

static void test_unplug_timeout(void)
{
	struct fake_qmp fake;

	set_up(&fake, true);
	like(fake.said,
	     "migrate-set-parameters {\"max-bandwidth\":1000,\"downtime-limit\":300,"
	     "\"unplug-timeout\":3610000}",
	     "QEMU gives the guest up somewhat later than vmfo");
	set_up(&fake, false);
	like(fake.said,
	     "migrate-set-parameters {\"max-bandwidth\":1000,\"downtime-limit\":300} ",
	     "one that cannot is not told to");
}

static void test_patches(void)
{
	const struct qemu_patches some = { .query_failover = true, .primary_event = true };
	struct qemu_patches back;
	_cleanup_free_ char *text = NULL;
	json_t *names = qemu_patches_json(&some);

	text = json_dumps(names, JSON_COMPACT);
	is_str(text, "[\"query-failover\",\"FAILOVER_PRIMARY_CHANGED\"]",
	       "the additions are kept by their names");
	json_array_append_new(names, json_string("one-of-tomorrow"));
	json_array_append_new(names, json_integer(7));
	qemu_patches_read(names, &back);
	ok(memcmp(&back, &some, sizeof(some)) == 0, "and read back, without any others");
	json_decref(names);
	qemu_patches_read(NULL, &back);
	ok(!back.query_failover && !back.unplug_timeout, "none are none");
}

/* plug_primary() of a pair whose primary QEMU says is in that state. */
static void plug(struct fake_qmp *fake, const struct fake_qmp_line *script, size_t n,
		 struct pair_result *out)
{
	struct vm_pair pair = { .id = (char *)"net0",
				.primary = { .kind = VM_PRIMARY_EMULATED,
					     .model = (char *)"e1000e" } };
	struct vmdef def = { .pairs = &pair, .n_pairs = 1 };
	struct err err = ERR_INIT;

	fake_qmp_start(fake, script, n);
	fake->vm.patches = every;
	fake->vm.def = &def;
	*out = (struct pair_result){ 0 };
	is_int(plug_primary(&fake->vm, &pair, false, out, &err), 0, "plug_primary()");
	fake_qmp_stop(fake);
}

#define HAS_IT "[{\"name\": \"net0-primary\", \"type\": \"child<e1000e>\"}]"

static void test_replug(void)
{
	static const struct fake_qmp_line comes[] = {
		{ .command = "qom-list", .answer = HAS_IT },
		{ .command = "query-failover", .answer = QUERIED("unplugged") },
		{ .command = "query-failover", .answer = QUERIED("plugged") },
		{ .command = "failover-replug", .before = CHANGED("net0", "plugged", "") },
	};
	static const struct fake_qmp_line stays[] = {
		{ .command = "qom-list", .answer = HAS_IT },
		{ .command = "query-failover", .answer = QUERIED("unplugged") },
		{ .command = "failover-replug", .answer = "!a migration is running" },
	};
	struct pair_result out;
	struct fake_qmp fake;

	plug(&fake, comes, ARRAY_SIZE(comes), &out);
	like(fake.said, "failover-replug {\"standby\":\"net0\"}",
	     "a primary that the guest has let go of is plugged again");
	ok(!strstr(fake.said, "device_add"), "it is there: none is added");
	is_int(out.state, PAIR_PLUGGED, "it is back");
	is_str(out.target_primary, "net0-primary (e1000e)", "and told");
	pair_result_clear(&out);

	plug(&fake, stays, ARRAY_SIZE(stays), &out);
	is_int(out.state, PAIR_STANDBY_ONLY, "a replug that is refused");
	is_str(out.reason, "put the primary back (failover-replug): a migration is running",
	       "says why");
	pair_result_clear(&out);
}

/* migrate_await_primary() after a rollback, within that time. */
static void come_back(struct fake_qmp *fake, const struct fake_qmp_line *script, size_t n,
		      int ms, struct pair_result *out)
{
	struct vm_pair pair = { .id = (char *)"net0",
				.primary = { .kind = VM_PRIMARY_EMULATED,
					     .model = (char *)"e1000e" } };
	struct vmdef def = { .pairs = &pair, .n_pairs = 1 };
	struct result result = { .pairs = out, .n_pairs = 1 };
	struct migration m = { .run = { .result = &result } };
	struct err err = ERR_INIT;

	fake_qmp_start(fake, script, n);
	fake->vm.patches = every;
	fake->vm.def = &def;
	*out = (struct pair_result){ 0 };
	m.vm = &fake->vm;
	m.run.env = &fake->env;
	is_int(migrate_await_primary(&m, 0, deadline_in(ms), &err), 0,
	       "migrate_await_primary()");
	fake_qmp_stop(fake);
}

static void test_come_back(void)
{
	static const struct fake_qmp_line by_itself[] = {
		{ .command = "qom-list", .answer = HAS_IT },
		{ .command = "query-failover",
		  .answer = QUERIED("unplug-requested"),
		  .after = CHANGED("net0", "unplugged", "") CHANGED("net0", "plugged", ""),
		  .wait_ms = 50 },
		{ .command = "query-failover", .answer = QUERIED("plugged") },
	};
	static const struct fake_qmp_line keeps_it[] = {
		{ .command = "qom-list", .answer = HAS_IT },
		{ .command = "query-failover", .answer = QUERIED("unplug-requested") },
	};
	static const struct fake_qmp_line fails[] = {
		{ .command = "qom-list", .answer = HAS_IT },
		{ .command = "query-failover",
		  .answer = QUERIED("unplugged"),
		  .after = CHANGED("net0", "unplugged", ", \"error\": \"no slot\"") },
		{ .command = "query-failover", .answer = QUERIED("unplugged") },
		{ .command = "failover-replug", .answer = "!no slot" },
	};
	struct pair_result out;
	struct fake_qmp fake;

	come_back(&fake, by_itself, ARRAY_SIZE(by_itself), 1000, &out);
	is_int(out.state, PAIR_PLUGGED, "QEMU plugs it once the guest has let go");
	ok(!strstr(fake.said, "replug") && !strstr(fake.said, "device_add"), "by itself");
	pair_result_clear(&out);

	come_back(&fake, keeps_it, ARRAY_SIZE(keeps_it), 300, &out);
	is_int(out.state, PAIR_PLUGGED, "a guest that was asked and keeps it has it");
	ok(!strstr(fake.said, "replug") && !strstr(fake.said, "device_add"), "still");
	pair_result_clear(&out);

	come_back(&fake, fails, ARRAY_SIZE(fails), 5000, &out);
	like(fake.said, "failover-replug", "what QEMU could not do is tried once more");
	is_int(out.state, PAIR_STANDBY_ONLY, "in vain");
	is_str(out.reason, "put the primary back (failover-replug): no slot",
	       "with its reason");
	pair_result_clear(&out);
}

int main(void)
{
	test_await();
	test_stock();
	test_source();
	test_unplug_timeout();
	test_patches();
	test_replug();
	test_come_back();
	return done_testing();
}
