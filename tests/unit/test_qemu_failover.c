/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/qemu_failover.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "flow/status.h"
#include "tap.h"

static struct qemu_failover decode(const char *answer)
{
	json_t *json = json_loads(answer, JSON_DECODE_ANY, NULL);
	struct qemu_failover said;

	if (!json)
		bail("no JSON: %s", answer);
	memset(&said, 0xff, sizeof(said));
	qemu_failover_decode(json, "net0", &said);
	json_decref(json);
	return said;
}

static void test_decode(void)
{
	static const char *const names[] = { "absent", "hidden", "plugged", "unplug-requested",
					     "unplugged" };
	struct qemu_failover said =
		decode("[{\"standby\": \"net1\", \"negotiated\": false, \"state\": \"absent\"},"
		       "{\"standby\": \"net0\", \"negotiated\": true, \"primary\": \"p0\","
		       "\"state\": \"unplugged\", \"error\": \"it\\u001b is gone\"}]");

	is_int(said.state, FAILOVER_UNPLUGGED, "the state");
	ok(said.negotiated, "negotiated");
	is_str(said.primary, "p0", "the primary");
	is_str(said.error, "it? is gone", "the error, as it can be printed");
	said = decode(
		"[{\"standby\": \"net0\", \"negotiated\": false, \"state\": \"hidden\"}]");
	is_int(said.state, FAILOVER_HIDDEN, "a pair without a primary's id");
	ok(!said.negotiated && !*said.primary && !*said.error, "has nothing else");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		is_str(failover_state_name(failover_state_from_name(names[i])), names[i],
		       "there and back: %s", names[i]);
}

static void test_hostile(void)
{
	static const char *const answers[] = {
		"[]",
		"7",
		"{}",
		"[7, null, [], \"net0\"]",
		"[{\"standby\": 0, \"state\": \"plugged\"}]",
		"[{\"standby\": \"net0\"}]",
		"[{\"standby\": \"net0\", \"state\": 3, \"error\": []}]",
		"[{\"standby\": \"net0\", \"state\": \"molten\"}]",
		"[{\"standby\": \"net0\", \"state\": \"unknown\"}]",
	};
	_cleanup_free_ char *answer = NULL;
	struct qemu_failover said;
	char text[1000];

	for (size_t i = 0; i < ARRAY_SIZE(answers); i++)
		is_int(decode(answers[i]).state, FAILOVER_UNKNOWN, "no word in %s", answers[i]);
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	answer = str_printf("[{\"standby\": \"net0\", \"state\": \"plugged\", "
			    "\"primary\": \"%s\", \"error\": \"%s\"}]",
			    text, text);
	said = decode(answer);
	is_int(strlen(said.primary), sizeof(said.primary) - 1, "a long id is cut");
	is_int(strlen(said.error), sizeof(said.error) - 1, "and a long error");
}

static void test_status_json(void)
{
	struct pair_result pairs[] = {
		{ .id = (char *)"net0",
		  .state = PAIR_STANDBY_ONLY,
		  .qemu = { .state = FAILOVER_UNPLUGGED,
			    .negotiated = true,
			    .primary = "p0",
			    .error = "no" } },
		{ .id = (char *)"net1", .state = PAIR_PLUGGED },
		{ .id = (char *)"net2", .qemu = { .state = FAILOVER_ABSENT } },
	};
	struct vm_status status = { .name = (char *)"vm",
				    .state = VM_RUNNING,
				    .pairs = pairs,
				    .n_pairs = ARRAY_SIZE(pairs),
				    .pairs_known = true };
	json_t *json = vm_status_json(&status);
	json_t *list = json_object_get(json, "pairs");
	_cleanup_free_ char *first =
		json_dumps(json_object_get(json_array_get(list, 0), "qemu"), JSON_SORT_KEYS);
	_cleanup_free_ char *third =
		json_dumps(json_object_get(json_array_get(list, 2), "qemu"), JSON_SORT_KEYS);

	is_str(first,
	       "{\"error\": \"no\", \"negotiated\": true, \"primary\": \"p0\", "
	       "\"state\": \"unplugged\"}",
	       "QEMU's word on a pair");
	ok(json_is_null(json_object_get(json_array_get(list, 1), "qemu")),
	   "null where it has none");
	is_str(third,
	       "{\"error\": null, \"negotiated\": false, \"primary\": null, "
	       "\"state\": \"absent\"}",
	       "null for what it leaves out");
	json_decref(json);
}

int main(void)
{
	test_decode();
	test_hostile();
	test_status_json();
	return done_testing();
}
