/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * VFs that the operator names: for which pair, whether they fit, and what the others get.
 */
#include "topology/vf_chosen.h"

#include <errno.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "tap.h"
#include "topology/vf_wishes.h"
#include "vf_build.h"

#define VF(id, mac, more)                                                        \
	"{\"id\": \"" id "\", \"mac\": \"52:54:00:00:00:0" mac "\"" more         \
	", \"standby\": {\"bridge\": \"br0\"}, \"primary\": {\"kind\": \"vf\", " \
	"\"physnet\": \"prod\"}}"
#define EMULATED                                                                       \
	"{\"id\": \"emu\", \"mac\": \"52:54:00:00:00:0f\", \"standby\": {\"bridge\": " \
	"\"br0\"}, \"primary\": {\"kind\": \"emulated\"}}"
#define PAIRS(list)                                                                  \
	"{\"schema\": \"vmfo.vm/1\", \"name\": \"a\", \"machine\": \"pc-q35-7.2\", " \
	"\"uuid\": \"5a7d9e0c-3f5b-4a57-9d0e-6b1f2c3d4e5f\", \"cpu\": {\"model\": "  \
	"\"max\"}, \"memory\": {\"mib\": 160}, \"pairs\": [" list "]}"

#define ONE PAIRS(VF("net0", "1", "") ", " EMULATED)
#define TWO PAIRS(VF("net0", "1", ", \"mtu\": 1500") ", " VF("net1", "2", ""))

static struct vmdef *def;
static struct topo topo;
static json_t *chosen;
static struct err err;

/* A host with PFs pf0, of prod, and pf1, of no physnet; each has two VFs. */
static void begin(const char *definition, const char *vfs)
{
	err = (struct err)ERR_INIT;
	if (vmdef_parse(definition, strlen(definition), "test", &def, &err) < 0)
		bail("%s", err.msg);
	chosen = json_loads(vfs, 0, NULL);
	topo = (struct topo){ .def = def,
			      .host = vf_build_host(2, 2),
			      .settings = vf_build_settings("prod", 1),
			      .chosen = chosen,
			      .vm = "a",
			      .pairs = calloc(def->n_pairs, sizeof(*topo.pairs)) };
	for (size_t i = 0; i < def->n_pairs; i++)
		topo.pairs[topo.n_pairs++] =
			(struct topo_pair){ .id = def->pairs[i].id,
					    .vfio = def->pairs[i].primary.kind == VM_PRIMARY_VF,
					    .def = &def->pairs[i] };
}

static void end(void)
{
	free(topo.pairs);
	host_facts_free((struct host_facts *)topo.host);
	hostdef_free((struct hostdef *)topo.settings);
	vmdef_free(def);
	json_decref(chosen);
}

/* What each pair gets: "net0=ADDRESS net1=none: why". */
static void note_choice(void *data, const struct vf_wish *wish,
			const struct vf_candidates *candidates)
{
	const struct vf_candidate *best = vf_candidates_best(candidates);
	struct err why = ERR_INIT;
	char *out = data;

	if (wish->chosen)
		is_int(vf_chosen_judge(&topo, wish, candidates, &why), best ? 0 : -EINVAL,
		       "judged as it was chosen");
	sprintf(out + strlen(out), "%s%s=%s%s", *out ? " " : "", wish->pair,
		best ? best->vf->address : "none: ", best ? "" : why.msg);
}

static void gets(const char *definition, const char *vfs, const char *want)
{
	char out[512] = "";

	begin(definition, vfs);
	is_int(vf_chosen_check(chosen, def, &err), 0, "taken: %s %s", vfs, err.msg);
	if (vf_each_choice(&topo, note_choice, out, &err) < 0)
		bail("%s", err.msg);
	is_str(out, want, "and what comes of it");
	end();
}

static void test_choice(void)
{
	gets(ONE, "{}", "net0=0000:01:10.0");
	gets(ONE, "{\"\": \"0000:01:10.1\"}", "net0=0000:01:10.1");
	gets(ONE, "{\"net0\": \"1:10.1\"}", "net0=0000:01:10.1");
	gets(TWO, "{\"net1\": \"0000:01:10.0\"}", "net1=0000:01:10.0 net0=0000:01:10.1");
	gets(TWO, "{\"net1\": \"0000:01:10.1\", \"net0\": \"0000:01:10.0\"}",
	     "net0=0000:01:10.0 net1=0000:01:10.1");
	gets(TWO, "{\"net1\": \"0000:01:10.1\", \"net0\": \"0000:01:10.1\"}",
	     "net0=0000:01:10.1 net1=none: VF 0000:01:10.1: it is chosen for pair net0");
}

static void test_judged(void)
{
	gets(ONE, "{\"\": \"eth0\"}",
	     "net0=none: \"eth0\" is no PCI address; a VF's is like 0000:01:10.0 (see vmfo vfs)");
	gets(ONE, "{\"\": 7}",
	     "net0=none: \"\" is no PCI address; a VF's is like 0000:01:10.0 (see vmfo vfs)");
	gets(ONE, "{\"\": \"0000:09:00.0\"}",
	     "net0=none: this host has no PCI function 0000:09:00.0 (see vmfo vfs)");
	gets(ONE, "{\"\": \"0000:01:00.0\"}",
	     "net0=none: 0000:01:00.0 is a PF, not a VF (see vmfo vfs)");
	gets(ONE, "{\"\": \"0000:02:10.0\"}",
	     "net0=none: VF 0000:02:10.0 is not of physnet prod: its PF is 0000:02:00.0 (see "
	     "vmfo vfs)");
}

static void test_other(void)
{
	char out[512] = "";

	begin(ONE, "{\"\": \"0000:01:10.1\"}");
	vf_build_add_group((struct host_facts *)topo.host, 0, 1)->holder = 4711;
	vf_each_choice(&topo, note_choice, out, &err);
	is_str(out,
	       "net0=none: VF 0000:01:10.1: its IOMMU group 1001 is held by process 4711 ()",
	       "one that somebody has is not made good for by another");
	end();

	begin(ONE, "{\"\": \"0000:01:10.0\"}");
	vf_build_pf((struct host_facts *)topo.host, 0)->sriov = false;
	out[0] = '\0';
	json_object_set_new(chosen, "", json_string("0000:01:00.0"));
	vf_each_choice(&topo, note_choice, out, &err);
	is_str(out, "net0=none: 0000:01:00.0 is another device, not a VF (see vmfo vfs)",
	       "a function that is neither, and has no name");
	end();
}

/* The PF of the named VF is the physnet's own, by another name. */
static void test_renamed(void)
{
	char out[512] = "";

	begin(ONE, "{\"\": \"0000:01:10.1\"}");
	strcpy(vf_build_link((struct host_facts *)topo.host, 0)->name, "eth7");
	vf_each_choice(&topo, note_choice, out, &err);
	is_str(out,
	       "net0=none: VF 0000:01:10.1 is not of physnet prod: its PF is 0000:01:00.0 (see "
	       "vmfo vfs); of physnet prod: PF pf0: there is no link pf0 on this host",
	       "a PF whose link was renamed is told");
	end();
}

static void test_json(void)
{
	const json_t *pair, *others;
	json_t *json;

	begin(ONE, "{\"\": \"0000:01:10.1\"}");
	json = vf_wishes_json(&topo);
	pair = json_object_get(json, "net0");
	others = json_object_get(pair, "candidates");
	is_str(json_string_value(json_object_get(pair, "primary")), "0000:01:10.1",
	       "what would be plugged");
	is_str(json_string_value(json_object_get(json_array_get(others, 1), "reason")),
	       "another one was asked for (--vf)", "why not the other");
	json_decref(json);
	end();
}

static void refused(const char *definition, const char *vfs, const char *want)
{
	begin(definition, vfs);
	is_int(vf_chosen_check(chosen, def, &err), -EINVAL, "not taken: %s", vfs);
	is_str(err.msg, want, "and why");
	is_int(err.kind, ERR_REFUSED, "refused");
	end();
}

static void test_check(void)
{
	refused(ONE, "{\"net7\": \"0000:01:10.0\"}",
		"--vf net7=0000:01:10.0: the VM has no pair \"net7\" whose primary is a VF");
	refused(ONE, "{\"emu\": \"0000:01:10.0\"}",
		"--vf emu=0000:01:10.0: the VM has no pair \"emu\" whose primary is a VF");
	refused(TWO, "{\"\": \"0000:01:10.0\"}",
		"--vf 0000:01:10.0: say which pair it is for (--vf PAIR=ADDRESS): the VM has "
		"not one pair whose primary is a VF");
	refused(PAIRS(EMULATED), "{\"\": \"0000:01:10.0\"}",
		"--vf 0000:01:10.0: say which pair it is for (--vf PAIR=ADDRESS): the VM has "
		"not one pair whose primary is a VF");
	refused(ONE, "{\"\": \"0000:01:10.0\", \"net0\": \"0000:01:10.1\"}",
		"--vf 0000:01:10.0: pair net0 has another already, 0000:01:10.1");
	begin(ONE, "{}");
	is_int(vf_chosen_check(NULL, def, &err), 0, "none is named");
	ok(!vf_chosen_for(NULL, def, "net0"), "and none is for a pair");
	end();
}

int main(void)
{
	test_choice();
	test_judged();
	test_other();
	test_renamed();
	test_json();
	test_check();
	return done_testing();
}
