/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a source says of itself, there and back; and what another host may send instead.
 */
#include "topology/source_facts.h"

#include <errno.h>

#include "base/json.h"
#include "tap.h"

static void test_round_trip(void)
{
	uint32_t models[] = { 0x808610ca, 0 };
	struct source_file files[] = {
		{ .path = (char *)"/d/a.qcow2", .size = INT64_MAX, .locked = true },
		{ .path = (char *)"/dev/sdb", .size = -1, .wwn = "naa.6001405" },
	};
	struct source_facts facts = { .running = true,
				      .boot_id = (char *)"77e1",
				      .qemu_version = (char *)"7.2.18",
				      .kvm = true,
				      .machine = (char *)"pc-q35-7.2",
				      .cpu_model = (char *)"Some CPU",
				      .cpu_flags = (char *)"fpu vme",
				      .tap_offloads = UINT32_MAX,
				      .tap_offloads_known = true,
				      .vf_models = models,
				      .n_vf_models = 2,
				      .files = files,
				      .n_files = 2 };
	struct source_facts *back = NULL;
	struct err err = ERR_INIT;
	json_t *json = source_facts_json(&facts);

	if (source_facts_parse(json, &back, &err) < 0)
		bail("%s", err.msg);
	ok(back->running && back->kvm && back->tap_offloads_known, "what is true");
	is_str(back->boot_id, "77e1", "its kernel");
	is_str(back->qemu_version, "7.2.18", "the version");
	is_str(back->machine, "pc-q35-7.2", "the machine");
	is_str(back->cpu_model, "Some CPU", "the CPU");
	is_str(back->cpu_flags, "fpu vme", "its flags");
	is_int(back->tap_offloads, UINT32_MAX, "offloads");
	is_int(back->n_vf_models, 2, "the models");
	is_int(back->vf_models[0], 0x808610ca, "the first");
	is_int(back->n_files, 2, "the files");
	is_int(source_find_file(back, "/d/a.qcow2")->size, INT64_MAX, "a size");
	ok(source_find_file(back, "/d/a.qcow2")->locked, "a lock");
	is_str(source_find_file(back, "/dev/sdb")->wwn, "naa.6001405", "a WWN");
	is_int(source_find_file(back, "/dev/sdb")->size, -1, "no size");
	ok(!source_find_file(back, "/d/a"), "no other file");
	source_facts_free(back);
	json_decref(json);

	facts = (struct source_facts){ 0 };
	json = source_facts_json(&facts);
	if (source_facts_parse(json, &back, &err) < 0)
		bail("%s", err.msg);
	ok(!back->running && !back->kvm && !back->boot_id && !back->qemu_version &&
		   !back->machine && !back->cpu_flags && !back->tap_offloads_known &&
		   !back->n_files,
	   "one that knows nothing");
	source_facts_free(back);
	json_decref(json);
	source_facts_free(NULL);
}

static int parse(const char *text, struct source_facts **out, struct err *err)
{
	json_t *json = json_loads(text, JSON_ALLOW_NUL | JSON_DECODE_ANY, NULL);
	int r;

	if (!json)
		bail("no JSON: %s", text);
	*err = (struct err)ERR_INIT;
	*out = NULL;
	r = source_facts_parse(json, out, err);
	json_decref(json);
	return r;
}

static void test_hostile(void)
{
	static const struct {
		const char *text, *message;
	} bad[] = {
		{ "[]", "no object" },
		{ "{\"running\": 1}", "running" },
		{ "{\"qemu_version\": 7}", "qemu_version" },
		{ "{\"kvm\": \"yes\"}", "kvm" },
		{ "{\"machine\": []}", "machine" },
		{ "{\"cpu_flags\": {}}", "cpu_flags" },
		{ "{\"tap_offloads\": -1}", "tap_offloads" },
		{ "{\"tap_offloads\": 4294967296}", "tap_offloads" },
		{ "{\"tap_offloads\": true}", "tap_offloads" },
		{ "{\"vf_models\": {}}", "vf_models" },
		{ "{\"vf_models\": [\"8086\"]}", "vf_models" },
		{ "{\"vf_models\": [-1]}", "vf_models" },
		{ "{\"files\": \"/d\"}", "files" },
		{ "{\"files\": [7]}", "files" },
		{ "{\"files\": [{\"size\": 1}]}", "files" },
		{ "{\"files\": [{\"path\": null, \"size\": 1}]}", "files" },
		{ "{\"files\": [{\"path\": \"/d\"}]}", "files" },
		{ "{\"files\": [{\"path\": \"/d\", \"size\": -2}]}", "files" },
		{ "{\"files\": [{\"path\": \"/d\", \"size\": 1.5}]}", "files" },
		{ "{\"files\": [{\"path\": \"/d\", \"size\": 1, \"locked\": 1}]}", "files" },
		{ "{\"files\": [{\"path\": \"/a\", \"size\": 1}, {}]}", "files" },
	};
	struct source_facts *facts;
	struct err err;
	json_t *big, *list;
	char *text;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		is_int(parse(bad[i].text, &facts, &err), -EPROTO, "%s", bad[i].text);
		is_int(err.kind, ERR_REFUSED, "is refused");
		like(err.msg, bad[i].message, "by name");
		ok(!facts, "and nothing is returned");
	}
	is_int(parse("{\"files\": [{\"path\": \"/d\\u001b[2J\", \"size\": 1, \"wwn\": \"a\\u0007\"}],"
		     "\"cpu_model\": \"x\\ny\", \"unknown\": {\"a\": 1}}",
		     &facts, &err),
	       0, "an unknown key passes");
	is_str(facts->files[0].path, "/d?[2J", "what a terminal would act upon does not");
	is_str(facts->files[0].wwn, "a?", "in a WWN");
	is_str(facts->cpu_model, "x?y", "nor in a text");
	source_facts_free(facts);

	/* Sizes. */
	text = malloc(20001);
	memset(text, 'x', 20000);
	text[20000] = '\0';
	big = json_pack("{ss}", "cpu_flags", text);
	is_int(source_facts_parse(big, &facts, &err), -EPROTO, "a text that is too long");
	json_decref(big);
	text[128] = '\0';
	big = json_pack("{s[{ss si ss}]}", "files", "path", "/d", "size", 1, "wwn", text);
	is_int(source_facts_parse(big, &facts, &err), -EPROTO,
	       "a WWN that would have to be cut");
	json_decref(big);
	free(text);
	list = json_array();
	for (int i = 0; i < 5000; i++)
		json_array_append_new(list, json_pack("{ss si}", "path", "/d", "size", i));
	big = json_pack("{so}", "files", list);
	is_int(source_facts_parse(big, &facts, &err), -EPROTO, "too many files");
	json_decref(big);
	list = json_array();
	for (int i = 0; i < 2000; i++)
		json_array_append_new(list, json_integer(i));
	big = json_pack("{so}", "vf_models", list);
	is_int(source_facts_parse(big, &facts, &err), -EPROTO, "too many models");
	json_decref(big);
}

int main(void)
{
	test_round_trip();
	test_hostile();
	return done_testing();
}
