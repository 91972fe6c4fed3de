/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What became of a VM, and what a target would plug, as people read it.
 */
#include "../../cli/render.h"
#include "base/str.h"
#include "capture.h"
#include "tap.h"

/* As an agent has them: a choice among VFs, none, and no VF at all. */
static json_t *make_devices(void)
{
	static const char text[] =
		"[{\"pair\": \"net0\", \"primary\": \"0000:01:10.0\", \"candidates\": ["
		"{\"vf\": \"0000:01:10.0\", \"pf\": \"ens1f0\", \"fits\": true, \"reason\": null},"
		"{\"vf\": \"0000:01:10.2\", \"pf\": \"ens1f0\", \"fits\": true, \"reason\": null},"
		"{\"vf\": \"0000:01:10.1\", \"pf\": \"ens1f1\", \"fits\": false,"
		" \"reason\": \"PF ens1f1 is down\"},"
		"{\"vf\": \"0000:01:10.4\", \"pf\": \"ens1f0\", \"fits\": false,"
		" \"reason\": \"it is used by VM web2\"},"
		"{\"vf\": \"0000:01:10.3\", \"pf\": \"ens1f1\", \"fits\": false,"
		" \"reason\": \"PF ens1f1 is down\"},"
		"{\"vf\": \"0000:01:10.6\", \"pf\": \"ens1f0\", \"fits\": false,"
		" \"reason\": \"it is used by VM \\u001b[2Jweb3\"}]},"
		"{\"pair\": \"net1\", \"primary\": null, \"candidates\": ["
		"{\"vf\": null, \"pf\": \"ens2\", \"fits\": false,"
		" \"reason\": \"there is no link ens2 on this host\"}]},"
		"{\"pair\": \"net2\", \"primary\": \"net2-primary (e1000e)\","
		" \"candidates\": null}]";
	json_t *devices = json_loads(text, 0, NULL);

	if (!devices)
		bail("JSON");
	return devices;
}

static const char *migrated(const struct result *result)
{
	capture_begin();
	render_migrate(result);
	return capture_end();
}

static void test_dry_run(void)
{
	struct result result = { .vm = (char *)"web1",
				 .source = (char *)"alpha",
				 .target = (char *)"beta",
				 .dry_run = true,
				 .devices = make_devices() };

	is_str(migrated(&result),
	       "web1: could move from alpha to beta; nothing was changed\n"
	       "  on the target, pair net0: primary 0000:01:10.0\n"
	       "    not 0000:01:10.1, 0000:01:10.3 of PF ens1f1: PF ens1f1 is down\n"
	       "    not 0000:01:10.4 of PF ens1f0: it is used by VM web2\n"
	       "    not 0000:01:10.6 of PF ens1f0: it is used by VM ?[2Jweb3\n"
	       "  on the target, pair net1: no primary\n"
	       "    not PF ens2: there is no link ens2 on this host\n"
	       "  on the target, pair net2: primary net2-primary (e1000e)\n",
	       "which VF, and why not the others");
	result.status = ERR_REFUSED;
	result.outcome = OUTCOME_REFUSED;
	like(migrated(&result), "web1: refused\n  on the target, pair net0: primary ",
	     "also where it is refused");
	result.dry_run = false;
	is_str(migrated(&result), "web1: refused\n", "not of a migration that is one");
	json_decref(result.devices);
}

/* What launch, replug, migrate and status say of a VF that could not have all its settings. */
static void test_unsupported(void)
{
	struct pair_result pair = { .id = (char *)"net0",
				    .state = PAIR_PLUGGED,
				    .evidence = PAIR_EVIDENCE_INTERRUPTS,
				    .target_primary = (char *)"net0-primary (VF 0000:01:10.0)",
				    .qemu = { .state = FAILOVER_PLUGGED, .negotiated = true } };
	const struct result result = { .vm = (char *)"web1", .pairs = &pair, .n_pairs = 1 };
	const struct vm_status status = { .name = (char *)"web1",
					  .state = VM_RUNNING,
					  .pairs = &pair,
					  .n_pairs = 1,
					  .pairs_known = true };

	capture_begin();
	render_replug(&result);
	is_str(capture_end(),
	       "web1: done\n"
	       "  pair net0: plugged (by interrupts), primary net0-primary (VF 0000:01:10.0)\n",
	       "a VF that has all its settings");
	strv_add(&pair.unsupported, "link state");
	strv_add(&pair.unsupported, "spoof \033check");
	capture_begin();
	render_replug(&result);
	is_str(capture_end(),
	       "web1: done\n"
	       "  pair net0: plugged (by interrupts), primary net0-primary (VF 0000:01:10.0)\n"
	       "    not set, as the driver of its PF does not know it: link state, spoof ?check\n",
	       "one that has not");
	capture_begin();
	render_status(&status);
	is_str(capture_end(),
	       "web1: running\n"
	       "  pairs: whole\n"
	       "  pair net0: plugged (by interrupts), primary net0-primary (VF 0000:01:10.0)\n"
	       "    not set, as the driver of its PF does not know it: link state, spoof ?check\n"
	       "    QEMU: primary plugged, standby negotiated\n",
	       "in the status, too");
	strv_clear(&pair.unsupported);
}

int main(void)
{
	test_dry_run();
	test_unsupported();
	return done_testing();
}
