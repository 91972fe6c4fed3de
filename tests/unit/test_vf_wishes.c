/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the pairs of a definition wish for, and which VF each gets.
 */
#include "base/cleanup.h"
#include "base/str.h"
#include "tap.h"
#include "topo_build.h"
#include "topology/vf_wishes.h"
#include "vf_build.h"

#define HEAD                                                           \
	"{\"schema\": \"vmfo.vm/1\", \"name\": \"a\", "                \
	"\"uuid\": \"5a7d9e0c-3f5b-4a57-9d0e-6b1f2c3d4e5f\", "         \
	"\"machine\": \"pc-q35-7.2\", \"cpu\": {\"model\": \"max\"}, " \
	"\"memory\": {\"mib\": 160}, \"pairs\": ["
#define PAIR(id, mac, more, primary)                                    \
	"{\"id\": \"" id "\", \"mac\": \"52:54:00:00:00:" mac "\"" more \
	", \"standby\": {\"bridge\": \"br0\"}, \"primary\": " primary "}"
#define VF "{\"kind\": \"vf\", \"physnet\": \"prod\"}"
#define EMULATED "{\"kind\": \"emulated\"}"

/* A host, its settings, and a definition that is held against them. */
struct bed {
	struct host_facts *host;
	struct hostdef *settings;
	struct topo_build build;
};

static void open_bed(struct bed *bed, int pfs, int vfs, const char *json)
{
	struct err err = ERR_INIT;

	*bed = (struct bed){ .host = vf_build_host(pfs, vfs),
			     .settings = vf_build_settings("prod", pfs) };
	topo_build_definition(&bed->build, json);
	bed->build.topo.host = bed->host;
	bed->build.topo.settings = bed->settings;
	bed->build.topo.memory_node = -1;
	if (topo_open(&bed->build.topo, &err) < 0)
		bail("%s", err.msg);
}

static void close_bed(struct bed *bed)
{
	topo_close(&bed->build.topo);
	topo_build_free(&bed->build);
	hostdef_free(bed->settings);
	host_facts_free(bed->host);
}

static void test_wishes(void)
{
	_cleanup_free_ struct vf_wish *wishes = NULL;
	uint32_t models[] = { 0, 0x808610ca };
	const struct source_facts source = { .vf_models = models, .n_vf_models = 2 };
	struct bed bed;
	size_t n;

	open_bed(&bed, 1, 2,
		 HEAD PAIR("e0", "01", "",
			   EMULATED) "," PAIR("v0", "02", "",
					      VF) "," PAIR("v1", "03", ", \"mtu\": 9000",
							   VF) "," PAIR("v2", "04", "",
									VF) "]}");
	bed.build.topo.source = &source;
	bed.build.topo.vm = "a";
	bed.build.topo.memory_node = 3;
	is_int(vf_wishes_of(&bed.build.topo, &wishes, &n, NULL), 0,
	       "the wishes of a definition");
	is_int(n, 3, "one a VF");
	is_str(wishes[0].pair, "v1", "the largest MTU first");
	is_int(vf_wish_mtu(&wishes[0]), 9000, "its MTU");
	is_str(wishes[1].pair, "v0", "then in their order");
	is_str(wishes[2].pair, "v2", "then in their order, again");
	is_int(vf_wish_mtu(&wishes[1]), 1500, "no MTU is 1500");
	is_int(wishes[1].vendor, 0x8086, "the source's vendor");
	is_int(wishes[1].device, 0x10ca, "the source's device");
	is_int(wishes[2].vendor, 0, "not known of a pair that the source does not name");
	is_str(wishes[0].vm, "a", "the VM");
	is_str(wishes[0].physnet, "prod", "the physnet");
	is_int(wishes[0].mac.byte[5], 3, "the MAC");
	is_int(wishes[0].numa_node, 3, "the node of the VM's memory");
	close_bed(&bed);
}

/* Two pairs, two PFs of one VF each, of which one is large enough for the second pair. */
static void test_serving(void)
{
	struct bed bed;
	json_t *json, *candidates;

	open_bed(&bed, 2, 1,
		 HEAD PAIR("v0", "02", "", VF) "," PAIR("v1", "03", ", \"mtu\": 9000",
							VF) "]}");
	bed.host->links[0].mtu = 9000;
	json = vf_wishes_json(&bed.build.topo);
	is_int(json_object_size(json), 2, "two pairs");
	is_str(json_string_value(json_object_get(json_object_get(json, "v1"), "primary")),
	       "0000:01:10.0", "the one with fewer to choose from is served first");
	is_str(json_string_value(json_object_get(json_object_get(json, "v0"), "primary")),
	       "0000:02:10.0", "the other gets what is left");
	candidates = json_object_get(json_object_get(json, "v0"), "candidates");
	is_int(json_array_size(candidates), 2, "both are listed");
	ok(json_is_true(json_object_get(json_array_get(candidates, 0), "fits")) &&
		   json_is_null(json_object_get(json_array_get(candidates, 0), "reason")),
	   "one that fits has no reason");
	is_str(json_string_value(json_object_get(json_array_get(candidates, 1), "reason")),
	       "it is chosen for pair v1", "one that does not has one");
	is_str(json_string_value(json_object_get(json_array_get(candidates, 1), "pf")), "pf0",
	       "and its PF");
	json_decref(json);
	close_bed(&bed);

	open_bed(&bed, 1, 0, HEAD PAIR("v0", "02", "", VF) "]}");
	json = vf_wishes_json(&bed.build.topo);
	ok(json_is_null(json_object_get(json_object_get(json, "v0"), "primary")),
	   "no primary where none fits");
	candidates = json_object_get(json_object_get(json, "v0"), "candidates");
	ok(json_is_null(json_object_get(json_array_get(candidates, 0), "vf")),
	   "a PF without VFs is listed");
	json_decref(json);
	close_bed(&bed);

	open_bed(&bed, 1, 1, HEAD PAIR("e0", "02", "", EMULATED) "]}");
	json = vf_wishes_json(&bed.build.topo);
	is_int(json_object_size(json), 0, "nothing is chosen for an emulated primary");
	json_decref(json);
	close_bed(&bed);
}

/* Two PFs, of a node each; the VM's memory is on the second. */
static void test_near(void)
{
	struct bed bed;
	json_t *json;

	open_bed(&bed, 2, 1, HEAD PAIR("v0", "02", "", VF) "]}");
	vf_build_vf(bed.host, 0, 0)->numa_node = 0;
	vf_build_vf(bed.host, 1, 0)->numa_node = 1;
	bed.build.topo.memory_node = 1;
	json = vf_wishes_json(&bed.build.topo);
	is_str(json_string_value(json_object_get(json_object_get(json, "v0"), "primary")),
	       "0000:02:10.0", "a VF that is near the VM's memory");
	json_decref(json);
	bed.build.topo.memory_node = -1;
	json = vf_wishes_json(&bed.build.topo);
	is_str(json_string_value(json_object_get(json_object_get(json, "v0"), "primary")),
	       "0000:01:10.0", "the first, where it is not known where that is");
	json_decref(json);
	close_bed(&bed);
}

int main(void)
{
	test_wishes();
	test_serving();
	test_near();
	return done_testing();
}
