/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/str.h"
#include "tap.h"
#include "topo_build.h"
#include "vf_build.h"

#define ALL (SCOPE(SCOPE_PAIR) | SCOPE(SCOPE_HOST) | SCOPE(SCOPE_TARGET))

/* ---- a machine that names its VF ---- */

#define MAC "52:54:00:00:00:01"
#define STANDBY "-device virtio-net-pci,id=net0,failover=on,mac=" MAC
#define KNOWN                                      \
	"qemu-system-x86_64 -machine q35 " STANDBY \
	" -device vfio-pci,id=vf0,host=0000:01:10.0,failover_pair_id=net0"

/* A host that is as it should be for KNOWN, and for the definitions below. */
struct bed {
	struct topo_build build;
	struct host_facts *host;
	struct hostdef *settings;
};

static struct bed make_bed(void)
{
	struct bed bed = { .host = vf_build_host(2, 2),
			   .settings = vf_build_settings("prod", 2) };

	return bed;
}

static void use(struct bed *bed)
{
	bed->build.topo.host = bed->host;
	bed->build.topo.settings = bed->settings;
}

static struct bed known_bed(const char *text)
{
	struct bed bed = make_bed();

	topo_build_text(&bed.build, text);
	use(&bed);
	vf_build_admin(bed.host, 0, 0)->mac = (struct mac){ { 0x52, 0x54, 0, 0, 0, 1 } };
	return bed;
}

static void free_bed(struct bed *bed)
{
	topo_build_free(&bed->build);
	hostdef_free(bed->settings);
	host_facts_free(bed->host);
}

/* One change to a bed, and what the rules say then. */
#define GIVEN(bed_of, change, says)                                 \
	do {                                                        \
		struct bed bed = bed_of;                            \
		struct topo_build *b = &bed.build;                  \
		struct host_facts *host = bed.host;                 \
		struct link_vf *admin = vf_build_admin(host, 0, 0); \
                                                                    \
		(void)admin;                                        \
		change;                                             \
		topo_build_run(b, ALL);                             \
		says;                                               \
		free_bed(&bed);                                     \
	} while (0)

#define PASSES(bed_of, change, rule) GIVEN(bed_of, change, passes(b, rule))
#define FINDS(bed_of, change, rule, text) GIVEN(bed_of, change, finds(b, rule, text))
#define UNCHECKED(bed_of, change, rule, text) GIVEN(bed_of, change, unchecked(b, rule, text))

/* The finding's severity and object as well. */
#define FINDS_AS(bed_of, change, rule, text, grade, what)                                     \
	GIVEN(bed_of, change, {                                                               \
		const struct finding *one = topo_build_find(b, rule, text);                   \
                                                                                              \
		finds(b, rule, text);                                                         \
		is_str(one ? severity_name(one->severity) : "", grade, "%s: severity", rule); \
		is_str(one ? one->object : "", what, "%s: object", rule);                     \
	})

/* vf-trust and vf-vlan have cases of their own: they need a definition as well. */
static const char *const all_rules[] = {
	/* Those that look at every VF that is named. */
	"vf-mac", "vf-mac-clash", "vf-spoofchk-zero-mac", "vf-mtu", "pf-down", "pf-no-carrier",
	"switchdev-unsupported",
	/* Those that look at definitions. */
	"vf-none-free", "physnet-unknown", "pf-missing"
};
#define N_LOOKING 7

static void pass_all(const struct topo_build *b)
{
	for (size_t i = 0; i < ARRAY_SIZE(all_rules); i++)
		passes(b, all_rules[i]);
}

static void test_known_whole(void)
{
	GIVEN(known_bed(KNOWN), (void)0, pass_all(b));
	/* A pair that is emulated has nothing to do with VFs, nor has a host without them. */
	GIVEN(known_bed("qemu " STANDBY " -device e1000e,failover_pair_id=net0,mac=" MAC),
	      (host->pci_missing = "no PCI", host->links_missing = "no netlink"), pass_all(b));
}

static void unchecked_all(const struct topo_build *b, const char *why)
{
	for (size_t i = 0; i < N_LOOKING; i++)
		unchecked(b, all_rules[i], why);
}

static void test_known_unseen(void)
{
	UNCHECKED(known_bed(KNOWN), b->topo.host = NULL, "vf-mac", "not asked");
	GIVEN(known_bed(KNOWN), host->links_missing = "netlink said no",
	      unchecked_all(b, "netlink said no"));
	GIVEN(known_bed(KNOWN), host->pci_missing = "no /sys/bus/pci",
	      unchecked_all(b, "no /sys/bus/pci"));
	GIVEN(known_bed("qemu " STANDBY " -device vfio-pci,host=02:1f.0,failover_pair_id=net0"),
	      (void)0,
	      unchecked_all(b, "pair net0: this host has no PCI function 0000:02:1f.0"));
	GIVEN(known_bed("qemu " STANDBY " -device vfio-pci,host=01:00.0,failover_pair_id=net0"),
	      (void)0, unchecked_all(b, "pair net0: 0000:01:00.0 is no VF"));
	GIVEN(known_bed("qemu " STANDBY " -device vfio-pci,failover_pair_id=net0"), (void)0,
	      unchecked_all(b, "pair net0: its primary names no VF"));
	GIVEN(known_bed(KNOWN), host->links[0].pci[0] = '\0',
	      unchecked_all(b, "PF 0000:01:00.0 of 0000:01:10.0 has no link"));
	UNCHECKED(known_bed(KNOWN), host->links[0].n_vfs = 0, "vf-mac",
		  "the driver of PF pf0 says nothing of VF 0000:01:10.0");
	UNCHECKED(known_bed(KNOWN), host->links[0].n_vfs = 0, "vf-spoofchk-zero-mac",
		  "says nothing of VF");
}

/* A guest that has let go of its primary, as a migration does it. */
static const struct guest_facts *without_primary(void)
{
	static struct guest_pair pair = { .standby = "net0", .primary_plugged = FACT_NO };
	static const struct guest_facts guest = { .pairs = &pair, .n_pairs = 1 };

	return &guest;
}

#define NO_MAC                                                              \
	"qemu -device virtio-net-pci,id=net0,failover=on -device vfio-pci," \
	"host=01:10.0,failover_pair_id=net0"

static void test_macs(void)
{
	const struct source_facts source = { 0 };
	struct mac other = { { 2, 1, 2, 3, 4, 5 } }, mine = { { 0x52, 0x54, 0, 0, 0, 1 } };

	FINDS_AS(known_bed(KNOWN), admin->mac = other, "vf-mac",
		 "VF 0000:01:10.0 (VF 0 of PF pf0) has the administrative MAC "
		 "02:01:02:03:04:05, the pair has 52:54:00:00:00:01",
		 "error", "pair net0");
	FINDS(known_bed(KNOWN), admin->mac = (struct mac){ 0 }, "vf-mac",
	      "has no administrative MAC, the pair has 52:54:00:00:00:01");
	PASSES(known_bed(KNOWN),
	       (admin->mac = (struct mac){ 0 }, b->topo.guest = without_primary()), "vf-mac");
	UNCHECKED(known_bed(NO_MAC), (void)0, "vf-mac", "pair net0: its MAC is not known");
	UNCHECKED(known_bed(NO_MAC), (void)0, "vf-mac-clash",
		  "pair net0: its MAC is not known");

	FINDS_AS(known_bed(KNOWN), vf_build_admin(host, 1, 1)->mac = mine, "vf-mac-clash",
		 "52:54:00:00:00:01 is also the address of VF 1 of PF pf1", "error",
		 "pair net0");
	FINDS(known_bed(KNOWN), vf_build_add_link(host, "tap7")->mac = mine, "vf-mac-clash",
	      "is also the address of link tap7");
	GIVEN(
		known_bed(KNOWN),
		{
			struct host_link *own = vf_build_add_link(host, "own");

			own->mac = mine;
			strcpy(own->pci, "0000:01:10.0");
			own = vf_build_add_link(host, "macvtap0");
			own->mac = mine;
			strcpy(own->kind, "macvtap");
		},
		passes(b, "vf-mac-clash"));
	PASSES(known_bed(KNOWN),
	       (b->topo.source = &source, vf_build_add_link(host, "tap7")->mac = mine),
	       "vf-mac-clash");
	/* Many are named up to a number. */
	GIVEN(known_bed(KNOWN),
	      for (int i = 0; i < 4; i++) vf_build_add_link(host, "tap")->mac = mine,
	      finds(b, "vf-mac-clash", "link tap, link tap, link tap, link tap"));

	FINDS_AS(known_bed(KNOWN), (admin->mac = (struct mac){ 0 }, admin->spoofchk = FACT_YES),
		 "vf-spoofchk-zero-mac", "spoof check on, MAC 00:00:00:00:00:00", "warning",
		 "pair net0");
	PASSES(known_bed(KNOWN), admin->spoofchk = FACT_YES, "vf-spoofchk-zero-mac");
	PASSES(known_bed(KNOWN), admin->mac = (struct mac){ 0 }, "vf-spoofchk-zero-mac");
	UNCHECKED(known_bed(KNOWN),
		  (admin->mac = (struct mac){ 0 }, admin->spoofchk = FACT_UNKNOWN),
		  "vf-spoofchk-zero-mac", "does not say whether VF 0000:01:10.0 has its spoof");
}

static void test_known_pfs(void)
{
	FINDS_AS(known_bed(KNOWN), host->links[0].up = false, "pf-down", "link pf0 is down",
		 "error", "PF pf0");
	PASSES(known_bed(KNOWN), host->links[1].up = false, "pf-down");
	PASSES(known_bed(KNOWN), host->links[0].up = host->links[0].carrier = false,
	       "pf-no-carrier");
	FINDS_AS(known_bed(KNOWN), host->links[0].carrier = false, "pf-no-carrier",
		 "link pf0 is up and has no carrier", "warning", "PF pf0");
	FINDS_AS(known_bed(KNOWN), host->links[0].eswitch = ESWITCH_SWITCHDEV,
		 "switchdev-unsupported", "link pf0 has its switch in switchdev mode", "error",
		 "PF pf0");
	UNCHECKED(known_bed(KNOWN), host->links[0].eswitch = ESWITCH_UNKNOWN,
		  "switchdev-unsupported", "PF pf0 does not say in which mode");
	FINDS_AS(known_bed(KNOWN), host->links[0].mtu = 1400, "vf-mtu",
		 "PF pf0 of VF 0000:01:10.0 has MTU 1400, the pair needs 1500", "error",
		 "pair net0");
	UNCHECKED(known_bed(KNOWN), host->links[0].mtu = 0, "vf-mtu",
		  "the MTU of PF pf0 is not known");
#define JUMBO                                                                            \
	"qemu " STANDBY ",host_mtu=9000 -device vfio-pci,host=01:10.0,failover_pair_id=" \
	"net0"
	FINDS(known_bed(JUMBO), (void)0, "vf-mtu", "has MTU 1500, the pair needs 9000");
	PASSES(known_bed(JUMBO), host->links[0].mtu = 9000, "vf-mtu");
}

/* ---- a definition ---- */

#define HEAD                                                           \
	"{\"schema\": \"vmfo.vm/1\", \"name\": \"a\", "                \
	"\"uuid\": \"5a7d9e0c-3f5b-4a57-9d0e-6b1f2c3d4e5f\", "         \
	"\"machine\": \"pc-q35-7.2\", \"cpu\": {\"model\": \"max\"}, " \
	"\"memory\": {\"mib\": 160}, \"pairs\": ["
#define PAIR(id, mac, more, primary)                                    \
	"{\"id\": \"" id "\", \"mac\": \"52:54:00:00:00:" mac "\"" more \
	", \"standby\": {\"bridge\": \"br0\"}, \"primary\": " primary "}"
#define VF "{\"kind\": \"vf\", \"physnet\": \"prod\"}"
#define ONE HEAD PAIR("net0", "01", "", VF) "]}"

static struct bed def_bed(const char *json)
{
	struct bed bed = make_bed();

	topo_build_definition(&bed.build, json);
	use(&bed);
	return bed;
}

static void take_physnets(struct bed *bed)
{
	struct err err = ERR_INIT;

	hostdef_free(bed->settings);
	if (hostdef_parse(NULL, 0, NULL, &bed->settings, &err) < 0)
		bail("%s", err.msg);
	use(bed);
}

static void test_chosen_whole(void)
{
	GIVEN(def_bed(ONE), (void)0, pass_all(b));
}

static void test_physnets(void)
{
	const char *storage = HEAD PAIR("net0", "01", "",
					"{\"kind\": \"vf\", \"physnet\": \"storage\"}") "]}";
	static const char *const rules[] = { "pf-missing",           "pf-down", "pf-no-carrier",
					     "vf-none-free",         "vf-mtu",  "vf-mac-clash",
					     "switchdev-unsupported" };
	static const char *const needing[] = { "vf-none-free", "vf-mtu", "pf-down" };

	FINDS_AS(def_bed(storage), (void)0, "physnet-unknown",
		 "physnet storage is wanted; host.json has prod", "error", "host");
	FINDS(def_bed(storage), take_physnets(&bed), "physnet-unknown", "host.json has none");
	GIVEN(def_bed(storage), (void)0,
	      for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		      unchecked(b, rules[i], "physnet storage has no PF on this host"));
	UNCHECKED(def_bed(ONE), b->topo.settings = NULL, "physnet-unknown", "not asked");
	GIVEN(def_bed(ONE), b->topo.settings = NULL,
	      for (size_t i = 0; i < ARRAY_SIZE(needing); i++)
		      unchecked(b, needing[i], "not asked"));
	GIVEN(def_bed(ONE), host->links_missing = "netlink said no",
	      for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		      unchecked(b, rules[i], "netlink said no"));
}

static void test_pfs(void)
{
	FINDS_AS(def_bed(ONE), host->links[0].name[2] = '7', "pf-missing",
		 "physnet prod: there is no link pf0", "warning", "PF pf0");
	FINDS_AS(def_bed(ONE),
		 (host->links[0].name[2] = '7', vf_build_pf(host, 1)->total_vfs = 0),
		 "pf-missing", "physnet prod: link pf1 at 0000:02:00.0 cannot have VFs",
		 "error", "PF pf1");
	FINDS_AS(def_bed(ONE), host->links[0].up = false, "pf-down",
		 "link pf0 is down; physnet prod has another PF", "warning", "PF pf0");
	GIVEN(def_bed(ONE), host->links[0].up = host->links[1].up = false, {
		is_int(topo_build_count(b, "pf-down"), 2, "both are down");
		is_int(topo_build_find(b, "pf-down", "pf1 is down; physnet prod has no better")
			       ->severity,
		       SEVERITY_ERROR, "which is an error");
		finds(b, "vf-none-free", "0000:01:10.1: PF pf0 is down");
	});
	/* Two pairs of one physnet say it once. */
	GIVEN(def_bed(HEAD PAIR("net0", "01", "", VF) "," PAIR("net1", "02", "", VF) "]}"),
	      host->links[0].carrier = false,
	      is_int(topo_build_count(b, "pf-no-carrier"), 1, "one PF, one finding"));
	FINDS_AS(def_bed(ONE), host->links[1].eswitch = ESWITCH_SWITCHDEV,
		 "switchdev-unsupported", "physnet prod has another PF", "warning", "PF pf1");
}

static void test_none_free(void)
{
	char held[][PCI_ADDRESS_SIZE] = { "0000:01:10.0", "0000:01:10.1", "0000:02:10.0" };
	struct host_vm vms[] = { { .name = "b", .vfs = held, .n_vfs = 3 } };

	/* Two pairs, and one VF is left. */
	GIVEN(def_bed(HEAD PAIR("net0", "01", "", VF) "," PAIR("net1", "02", "", VF) "]}"),
	      (b->topo.vms = vms, b->topo.n_vms = 1), {
		      const struct finding *one = topo_build_find(b, "vf-none-free", "");

		      is_int(topo_build_count(b, "vf-none-free"), 1, "one goes without");
		      is_str(one->object, "pair net1", "the second");
		      is_str(one->found,
			     "no VF of physnet prod can be taken: 0000:01:10.0, 0000:01:10.1, "
			     "0000:02:10.0: it is used by VM b; 0000:02:10.1: it is chosen for "
			     "pair net0",
			     "each with its reason");
	      });
	PASSES(def_bed(ONE), (b->topo.vms = vms, b->topo.n_vms = 1), "vf-none-free");
	FINDS(def_bed(HEAD PAIR("net0", "01", ", \"mtu\": 9000", VF) "]}"), (void)0,
	      "vf-none-free", "PF pf0 has MTU 1500, and the pair needs 9000");
	FINDS_AS(def_bed(HEAD PAIR("net0", "01", ", \"mtu\": 9000", VF) "]}"), (void)0,
		 "vf-mtu",
		 "PF pf0 has MTU 1500, no PF of physnet prod has a larger one, and the pair "
		 "needs 9000",
		 "error", "pair net0");
	PASSES(def_bed(HEAD PAIR("net0", "01", ", \"mtu\": 9000", VF) "]}"),
	       host->links[1].mtu = 9000, "vf-mtu");
	UNCHECKED(def_bed(ONE), host->links[0].mtu = host->links[1].mtu = 0, "vf-mtu",
		  "the MTU of no PF of physnet prod is known");
}

static void test_many_candidates(void)
{
	struct bed bed = { .host = vf_build_host(1, 20),
			   .settings = vf_build_settings("prod", 1) };

	topo_build_definition(&bed.build, ONE);
	use(&bed);
	bed.host->links[0].up = false;
	topo_build_run(&bed.build, ALL);
	finds(&bed.build, "vf-none-free", "0000:01:10.2, … (20 in all): PF pf0 is down");
	free_bed(&bed);
}

/* A PF whose VFs are made by who launches; chosen: by --vf, NULL: none. */
static struct bed unmade_bed(const char *chosen)
{
	struct bed bed = { .host = vf_build_host(1, 0),
			   .settings = vf_build_settings("prod", 1) };

	topo_build_definition(&bed.build, ONE);
	use(&bed);
	vf_build_pf(bed.host, 0)->total_vfs = 7;
	bed.settings->physnets[0].vfs = 3;
	if (chosen)
		bed.build.topo.chosen = json_pack("{ss}", "", chosen);
	return bed;
}

static void free_chosen(struct topo_build *b)
{
	json_decref((json_t *)b->topo.chosen);
}

static void test_to_be_made(void)
{
	char long_reason[300] = "";

	for (size_t i = 0; i < sizeof(long_reason) - 1; i++)
		long_reason[i] = "no room, "[i % 9];
	UNCHECKED(unmade_bed(NULL), (void)0, "vf-none-free",
		  "pair net0: 3 VFs of PF pf0 are yet to be made");
	FINDS(unmade_bed(NULL), host->functions[0].total_vfs = 2, "vf-none-free",
	      "PF pf0: host.json asks for 3 VFs, it can have 2");
	FINDS(unmade_bed(NULL), host->links[0].up = false, "vf-none-free",
	      "PF pf0: PF pf0 is down");
	GIVEN(unmade_bed(NULL), b->topo.unmade = json_pack("{ss}", "pf0", long_reason), {
		finds(b, "vf-none-free", "PF pf0: no room, no room, ");
		finds(b, "vf-none-free", "room, no room, ...");
		json_decref((json_t *)b->topo.unmade);
	});
	GIVEN(unmade_bed("0000:01:10.0"), (void)0, {
		unchecked(b, "vf-chosen", "pair net0: 3 VFs of PF pf0 are yet to be made");
		free_chosen(b);
	});
	/* What is here, and no VF, will not be one. */
	GIVEN(unmade_bed("0000:01:00.0"), (void)0, {
		finds(b, "vf-chosen", "0000:01:00.0 is a PF, not a VF");
		free_chosen(b);
	});
	GIVEN(unmade_bed("eth0"), (void)0, {
		finds(b, "vf-chosen", "\"eth0\" is no PCI address");
		free_chosen(b);
	});
}

/* A MAC that was left on a VF is right where that VF is chosen, and a clash elsewhere. */
static void test_chosen_macs(void)
{
	struct mac mine = { { 0x52, 0x54, 0, 0, 0, 1 } };

	PASSES(def_bed(ONE), vf_build_admin(host, 1, 1)->mac = mine, "vf-mac-clash");
	FINDS_AS(def_bed(ONE),
		 vf_build_admin(host, 1, 1)->mac = vf_build_admin(host, 0, 1)->mac = mine,
		 "vf-mac-clash", "52:54:00:00:00:01 is also the address of VF 1 of PF pf1",
		 "error", "pair net0");
	FINDS(def_bed(ONE), (vf_build_admin(host, 1, 1)->mac = mine, host->links[1].up = false),
	      "vf-mac-clash", "VF 1 of PF pf1");
}

/* A definition that runs: its QEMU says which VF it has. */
static struct bed running_bed(const char *json)
{
	struct bed bed = known_bed(KNOWN), def = make_bed();

	topo_build_definition(&def.build, json);
	bed.build.def = def.build.def;
	bed.build.topo.def = def.build.def;
	bed.build.topo.runs_here = true;
	def.build.def = NULL;
	free_bed(&def);
	return bed;
}

static void test_running(void)
{
	const char *trusted =
		HEAD PAIR("net0", "01", "",
			  "{\"kind\": \"vf\", \"physnet\": \"prod\", \"vlan\": 5, "
			  "\"trust\": true}") "]}";

	FINDS_AS(running_bed(trusted), (void)0, "vf-trust",
		 "VF 0000:01:10.0 (VF 0 of PF pf0) is not trusted, the definition has "
		 "\"trust\": true",
		 "warning", "pair net0");
	PASSES(running_bed(trusted), admin->trust = FACT_YES, "vf-trust");
	UNCHECKED(running_bed(trusted), admin->trust = FACT_UNKNOWN, "vf-trust",
		  "does not say whether VF 0000:01:10.0 is trusted");
	UNCHECKED(running_bed(trusted), host->links[0].n_vfs = 0, "vf-trust", "says nothing");
	PASSES(running_bed(ONE), (void)0, "vf-trust");
	FINDS_AS(running_bed(trusted), admin->vlan = 7, "vf-vlan",
		 "has VLAN 7, the definition has 5 (0: none)", "error", "pair net0");
	FINDS(running_bed(ONE), admin->vlan = 7, "vf-vlan", "has VLAN 7, the definition has 0");
	PASSES(running_bed(trusted), admin->vlan = 5, "vf-vlan");
	UNCHECKED(known_bed(KNOWN), admin->vlan = 5, "vf-vlan", "not asked");
	UNCHECKED(known_bed(KNOWN), admin->trust = FACT_NO, "vf-trust", "not asked");
	UNCHECKED(running_bed(trusted), host->links[0].n_vfs = 0, "vf-vlan", "says nothing");
	/* What it has is not chosen again. */
	PASSES(running_bed(ONE), take_physnets(&bed), "physnet-unknown");
	PASSES(running_bed(ONE), vf_build_pf(host, 0)->num_vfs = 0, "vf-none-free");
}

static void test_other_model(void)
{
	uint32_t same[] = { 0x808610ca }, other[] = { 0x15b3101e }, unknown[] = { 0 };
	const struct source_facts from_same = { .vf_models = same, .n_vf_models = 1 };
	const struct source_facts from_other = { .vf_models = other, .n_vf_models = 1 };
	const struct source_facts from_unknown = { .vf_models = unknown, .n_vf_models = 1 };
	const struct source_facts from_none = { 0 };

	PASSES(def_bed(ONE), b->topo.source = &from_same, "vf-other-model");
	FINDS_AS(def_bed(ONE), b->topo.source = &from_other, "vf-other-model",
		 "on the source 15b3:101e; here VF 0000:01:10.0 of PF pf0 is 8086:10ca",
		 "warning", "pair net0");
	FINDS(def_bed(ONE),
	      (b->topo.source = &from_other, strcpy(vf_build_vf(host, 0, 0)->name, "82576 VF")),
	      "vf-other-model", "is 8086:10ca, 82576 VF");
	UNCHECKED(def_bed(ONE), b->topo.source = &from_unknown, "vf-other-model",
		  "pair net0: the model of the source's VF is not known");
	UNCHECKED(def_bed(ONE), b->topo.source = &from_none, "vf-other-model", "is not known");
	UNCHECKED(def_bed(ONE),
		  (b->topo.source = &from_same, host->links[0].up = host->links[1].up = false),
		  "vf-other-model", "pair net0: there is no VF for it here");
	UNCHECKED(def_bed(ONE), (void)0, "vf-other-model", "not asked");
}

static void count_row(void *data, const struct rule *rule)
{
	for (const struct rule *mine = rules_vf; mine->name; mine++)
		*(int *)data += mine == rule;
}

static void test_rows(void)
{
	int n = 0, rows = 0;

	rule_each(count_row, &n);
	for (const struct rule *rule = rules_vf; rule->name; rule++) {
		rows++;
		ok(rule->summary && rule->why && rule->remedy && rule->source && rule->check,
		   "%s: has all its texts", rule->name);
		ok(rule->why[strlen(rule->why) - 1] == '.' &&
			   rule->remedy[strlen(rule->remedy) - 1] == '.' &&
			   rule->summary[strlen(rule->summary) - 1] != '.',
		   "%s: sentences end with a full stop, the summary does not", rule->name);
	}
	is_int(n, rows, "the table is among the tables");
}

int main(void)
{
	test_known_whole();
	test_known_unseen();
	test_macs();
	test_known_pfs();
	test_chosen_whole();
	test_physnets();
	test_pfs();
	test_none_free();
	test_many_candidates();
	test_to_be_made();
	test_chosen_macs();
	test_running();
	test_other_model();
	test_rows();
	return done_testing();
}
