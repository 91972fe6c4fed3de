/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The rules of the network, on one host with a bridge of every kind.
 */
#include "base/cleanup.h"
#include "base/str.h"
#include "tap.h"
#include "topology/rule.h"

/* ---- the host ---- */

#define HARDWARE(link, address)                                                        \
	{                                                                              \
		.name = link, .pci = address, .up = true, .carrier = true, .mtu = 1500 \
	}
#define BRIDGE(link)                                                    \
	{                                                               \
		.name = link, .kind = "bridge", .up = true, .mtu = 1500 \
	}
#define PORT(link, of_kind, bridge)                                                      \
	{                                                                                \
		.name = link, .kind = of_kind, .master = bridge, .up = true, .mtu = 1500 \
	}
#define VLAN(link, on, id, bridge)                                                          \
	{                                                                                   \
		.name = link, .kind = "vlan", .lower = on, .vlan_id = id, .master = bridge, \
		.up = true, .mtu = 1500                                                     \
	}

static struct link_vf vfs[] = { { .index = 0, .vlan = 100 }, { .index = 1 } };

static struct host_link links[] = {
	/* A PF with two VFs; the host itself uses the second, in a bridge. */
	{ .name = "enp1s0",
	  .pci = "0000:01:00.0",
	  .up = true,
	  .mtu = 1500,
	  .master = "br0",
	  .vfs = vfs,
	  .n_vfs = 2 },
	{ .name = "enp1s0v1",
	  .pci = "0000:01:10.2",
	  .up = true,
	  .mtu = 1500,
	  .master = "br-vf" },
	{ .name = "enp2s0",
	  .pci = "0000:02:00.0",
	  .up = true,
	  .mtu = 1500,
	  .master = "br-other" },
	{ .name = "eno1",
	  .pci = "0000:03:00.0",
	  .up = true,
	  .mtu = 9000,
	  .master = "br-plain" },
	HARDWARE("enp4s0", "0000:04:00.0"),
	BRIDGE("br0"),
	BRIDGE("br-vf"),
	BRIDGE("br-other"),
	BRIDGE("br-plain"),
	BRIDGE("br-none"),
	BRIDGE("br-vlan"),
	BRIDGE("br-vlan7"),
	BRIDGE("br-qinq"),
	BRIDGE("br-bond"),
	BRIDGE("br-veth"),
	BRIDGE("br-loop"),
	{ .name = "br-down", .kind = "bridge", .mtu = 1500 },
	{ .name = "br-filter",
	  .kind = "bridge",
	  .up = true,
	  .mtu = 1500,
	  .vlan_filtering = true,
	  .pvid = 100 },
	{ .name = "br-filter0",
	  .kind = "bridge",
	  .up = true,
	  .mtu = 1500,
	  .vlan_filtering = true },
	{ .name = "br-small", .kind = "bridge", .up = true, .mtu = 1400 },
	PORT("tap0", "tun", "br0"),
	PORT("tap-none", "tun", "br-none"),
	PORT("tap-filter", "tun", "br-filter"),
	PORT("tap-alone", "tun", ""),
	{ .name = "tap-down", .kind = "tun", .master = "br0", .mtu = 1500 },
	VLAN("enp1s0.100", "enp1s0", 100, "br-vlan"),
	VLAN("enp1s0.7", "enp1s0", 7, "br-vlan7"),
	VLAN("enp1s0.7.100", "enp1s0.7", 100, "br-qinq"),
	PORT("bond0", "bond", "br-bond"),
	{ .name = "enp5s0", .pci = "0000:05:00.0", .up = true, .mtu = 1500, .master = "bond0" },
	{ .name = "enp6s0", .pci = "0000:06:00.0", .up = true, .mtu = 1500, .master = "bond0" },
	PORT("veth0", "veth", "br-veth"),
	VLAN("loop-a", "loop-b", 1, "br-loop"),
	VLAN("loop-b", "loop-a", 2, ""),
	VLAN("enp1s0.300", "enp1s0", 300, "br-filter"),
	{ .name = "enp7s0",
	  .pci = "0000:07:00.0",
	  .up = true,
	  .mtu = 9000,
	  .master = "br-small" },
};

static struct pci_function functions[] = {
	{ .address = "0000:01:00.0", .sriov = true, .num_vfs = 2, .vf_index = -1 },
	{ .address = "0000:01:10.0", .physfn = "0000:01:00.0", .vf_index = 0 },
	{ .address = "0000:01:10.2", .physfn = "0000:01:00.0", .vf_index = 1 },
	{ .address = "0000:02:00.0", .sriov = true, .num_vfs = 1, .vf_index = -1 },
	{ .address = "0000:02:10.0", .physfn = "0000:02:00.0", .vf_index = 0 },
	{ .address = "0000:04:00.0", .sriov = true, .num_vfs = 1, .vf_index = -1 },
	{ .address = "0000:04:10.0", .physfn = "0000:04:00.0", .vf_index = 0 },
};

static struct host_facts host = { .live = true,
				  .links = links,
				  .n_links = ARRAY_SIZE(links),
				  .functions = functions,
				  .n_functions = ARRAY_SIZE(functions),
				  .tap_offloads = 0x1f,
				  .tap_offloads_known = true };

static char *lan[] = { (char *)"enp1s0", (char *)"enp5s0" };
static char *storage[] = { (char *)"enp2s0" };
static struct host_physnet physnets[] = {
	{ .id = (char *)"lan", .pfs = lan, .n_pfs = 2 },
	{ .id = (char *)"storage", .pfs = storage, .n_pfs = 1 },
};
static const struct hostdef settings = { .physnets = physnets, .n_physnets = 2 };

/* ---- asking ---- */

static struct findings findings;
static const struct source_facts *source;
static const struct hostdef *with_settings = &settings;

static void run(const struct machine *machine, const struct vmdef *def)
{
	struct topo topo = { .def = def,
			     .machine = machine,
			     .host = &host,
			     .settings = with_settings,
			     .source = source };
	struct err err = ERR_INIT;

	findings_clear(&findings);
	if (topo_open(&topo, &err) < 0 ||
	    rules_run(&topo, SCOPE(SCOPE_HOST) | SCOPE(SCOPE_TARGET), &findings, &err) < 0)
		bail("%s", err.msg);
	topo_close(&topo);
}

/* A command line of QEMU, its arguments separated by spaces. */
static void command_line(const char *text)
{
	struct machine *machine;
	struct strv argv = { 0 };
	struct err err = ERR_INIT;

	if (machine_split_text(text, strlen(text), "test", &argv, &err) < 0 ||
	    machine_from_argv(strv_argv(&argv), argv.n, &machine, &err) < 0)
		bail("%s: %s", text, err.msg);
	run(machine, NULL);
	machine_free(machine);
	strv_clear(&argv);
}

/* A pair of a standby with that netdev and a VF. */
static void with_vf(const char *netdev, const char *address)
{
	_cleanup_free_ char *text =
		str_printf("qemu -netdev %s,id=n0 "
			   "-device virtio-net-pci,id=net0,failover=on,netdev=n0 "
			   "-device vfio-pci,id=p0,host=%s,failover_pair_id=net0",
			   netdev, address);

	command_line(text);
}

static void with_emulated(const char *netdev, const char *of_primary)
{
	_cleanup_free_ char *text =
		str_printf("qemu -netdev %s,id=n0 -netdev %s,id=n1 "
			   "-device virtio-net-pci,id=net0,failover=on,netdev=n0 "
			   "-device e1000e,id=p0,netdev=n1,failover_pair_id=net0",
			   netdev, of_primary);

	command_line(text);
}

static void definition(const char *pair, const char *nics)
{
	_cleanup_free_ char *text = str_printf(
		"{\"schema\":\"vmfo.vm/1\",\"name\":\"t\","
		"\"uuid\":\"7d3c1f0a-8a53-4b6e-9a1d-2f6f5e0c9b41\","
		"\"machine\":\"pc-q35-7.2\",\"cpu\":{\"model\":\"qemu64\",\"count\":1},"
		"\"memory\":{\"mib\":256},"
		"\"pairs\":[%s],\"nics\":[%s]}",
		pair, nics);
	struct machine *machine = NULL;
	struct vmdef *def = NULL;
	struct err err = ERR_INIT;

	if (vmdef_parse(text, strlen(text), "test", &def, &err) < 0 ||
	    machine_from_definition(def, &machine, &err) < 0)
		bail("%s", err.msg);
	run(machine, def);
	machine_free(machine);
	vmdef_free(def);
}

static void def_vf(const char *standby, const char *more)
{
	_cleanup_free_ char *pair =
		str_printf("{\"id\":\"net0\",\"mac\":\"52:54:00:12:34:56\",\"standby\":{%s},"
			   "\"primary\":{\"kind\":\"vf\",\"physnet\":\"lan\"%s}}",
			   standby, more);

	definition(pair, "");
}

static size_t count(const char *rule)
{
	size_t n = 0;

	for (size_t i = 0; i < findings.n; i++)
		n += str_eq(findings.list[i].rule, rule);
	return n;
}

static const char *reason(const char *rule)
{
	for (size_t i = 0; i < findings.n_not_checked; i++)
		if (str_eq(findings.not_checked[i].rule, rule))
			return findings.not_checked[i].reason;
	return NULL;
}

static const struct finding *only(const char *rule)
{
	static const struct finding none = { .found = (char *)"", .object = (char *)"" };

	for (size_t i = 0; i < findings.n; i++)
		if (str_eq(findings.list[i].rule, rule))
			return &findings.list[i];
	return &none;
}

/* One finding of that rule, about the pair, with that text. */
static void finds(const char *rule, const char *text, const char *what)
{
	if (!ok(count(rule) == 1 && strstr(only(rule)->found, text), "%s: %s", rule, what))
		printf("# %zu, found: %s; not checked: %s\n# wanted: %s\n", count(rule),
		       only(rule)->found, reason(rule) ?: "", text);
}

static void passes(const char *rule, const char *what)
{
	if (!ok(count(rule) == 0 && !reason(rule), "%s passes: %s", rule, what))
		printf("# found: %s; not checked: %s\n", only(rule)->found, reason(rule) ?: "");
}

static void unchecked(const char *rule, const char *text, const char *what)
{
	const char *why = reason(rule);

	if (!ok(count(rule) == 0 && why && strstr(why, text), "%s is not checked: %s", rule,
		what))
		printf("# found: %s; not checked: %s\n# wanted: %s\n", only(rule)->found,
		       why ?: "", text);
}

/* ---- links ---- */

static void test_standby_link(void)
{
	with_vf("tap,helper=/h,br=br0", "01:10.0");
	passes("standby-link", "a bridge that is up");
	with_vf("bridge", "01:10.0");
	passes("standby-link", "QEMU's own default bridge");
	with_vf("tap,ifname=tap0,script=no", "01:10.0");
	passes("standby-link", "a tap that is up");
	with_vf("bridge,br=br9", "01:10.0");
	finds("standby-link", "no network link br9 in this network namespace", "no bridge");
	is_str(only("standby-link")->object, "pair net0", "its object");
	is_int(only("standby-link")->severity, SEVERITY_ERROR, "is an error");
	with_vf("bridge,br=enp1s0", "01:10.0");
	finds("standby-link", "enp1s0 is not a bridge", "a NIC instead of a bridge");
	with_vf("bridge,br=bond0", "01:10.0");
	finds("standby-link", "bond0 is not a bridge, but of the kind bond", "a bond");
	with_vf("bridge,br=br-down", "01:10.0");
	finds("standby-link", "br-down is down; set it up: ip link set br-down up", "down");
	with_vf("tap,ifname=tap9,script=", "01:10.0");
	finds("standby-link", "no network link tap9", "no tap, and nothing connects it");
	with_vf("tap,ifname=br0,script=no", "01:10.0");
	finds("standby-link", "br0 is not a tap, but of the kind bridge", "no tap");
	with_vf("tap,ifname=tap-down,script=no", "01:10.0");
	finds("standby-link", "tap-down is down", "a tap that is down");

	with_vf("tap,ifname=tap9", "01:10.0");
	unchecked("standby-link", "pair net0: a script of QEMU's connects the tap tap9",
		  "a tap that a script makes");
	with_vf("tap", "01:10.0");
	unchecked("standby-link", "QEMU makes its tap", "a tap of QEMU's own");
	with_vf("tap,fd=7", "01:10.0");
	unchecked("standby-link", "as an open file", "a tap that comes as a file");
	with_vf("user", "01:10.0");
	passes("standby-link", "one that is no link of the host's");
	command_line("qemu -device virtio-net-pci,id=net0,failover=on");
	unchecked("standby-link", "it has no netdev=", "no netdev");
	command_line("qemu -device virtio-net-pci,id=net0,failover=on,netdev=n9");
	unchecked("standby-link", "there is no netdev n9", "one that is not there");
	command_line("qemu -device e1000e,id=p0,failover_pair_id=net0");
	passes("standby-link", "no standby");
	host.links_missing = "nobody knows";
	with_vf("bridge,br=br9", "01:10.0");
	unchecked("standby-link", "nobody knows", "without the host's links");
	with_vf("user", "01:10.0");
	passes("standby-link", "which nothing needs");
	host.links_missing = NULL;

	def_vf("\"bridge\":\"br9\"", "");
	finds("standby-link", "no network link br9", "a definition's bridge");
	def_vf("\"tap\":\"tap-down\"", "");
	finds("standby-link", "tap-down is down", "a definition's tap");
	def_vf("\"tap\":\"tap0\"", "");
	passes("standby-link", "a definition's tap that is up");
}

static void test_other_links(void)
{
	with_emulated("bridge,br=br0", "bridge,br=br-down");
	finds("primary-link", "br-down is down", "an emulated primary's bridge");
	passes("standby-link", "its standby's own");
	with_emulated("bridge,br=br-down", "bridge,br=br-down");
	finds("standby-link", "br-down is down", "one bridge for both");
	passes("primary-link", "which is said once");
	with_emulated("bridge,br=br0", "tap");
	unchecked("primary-link", "QEMU makes its tap", "an emulated primary's own tap");
	with_vf("bridge,br=br9", "01:10.0");
	passes("primary-link", "a VF has no bridge");

	command_line("qemu -netdev bridge,id=n0,br=br-down -device virtio-net-pci,netdev=n0");
	finds("nic-link", "br-down is down", "a NIC outside of the pairs");
	is_str(only("nic-link")->object, "NIC virtio-net-pci (argument 3)", "without an id");
	command_line("qemu -netdev tap,id=n0 -device e1000e,id=lan,netdev=n0");
	unchecked("nic-link", "NIC lan: QEMU makes its tap", "one with a tap of QEMU's");
	with_vf("bridge,br=br9", "01:10.0");
	passes("nic-link", "those of the pair are others");
	definition("", "{\"id\":\"lan\",\"mac\":\"52:54:00:12:34:57\",\"bridge\":\"br9\"}");
	finds("nic-link", "no network link br9", "a definition's NIC");
	is_str(only("nic-link")->object, "NIC lan", "by its id");
	definition("{\"id\":\"net0\",\"mac\":\"52:54:00:12:34:56\","
		   "\"standby\":{\"bridge\":\"br0\"},"
		   "\"primary\":{\"kind\":\"emulated\",\"bridge\":\"br9\"}}",
		   "");
	finds("primary-link", "no network link br9", "a definition's emulated primary");
}

/* ---- the network ---- */

static void test_network(void)
{
	with_vf("bridge,br=br0", "01:10.0");
	passes("standby-network", "the VF's own PF is the uplink");
	with_vf("tap,ifname=tap0,script=no", "01:10.0");
	passes("standby-network", "and by a tap");
	with_vf("bridge,br=br-vf", "01:10.0");
	passes("standby-network", "another VF of it is");
	with_vf("bridge,br=br-vlan", "01:10.0");
	passes("standby-network", "a VLAN on it is");
	with_vf("bridge,br=br-bond", "01:10.0");
	passes("standby-network", "a bond with another PF of the physnet is");
	with_vf("bridge,br=br-other", "01:10.0");
	finds("standby-network",
	      "the uplink enp2s0 of br-other is of the physnet storage, the primary's is lan",
	      "another physnet's PF is");
	is_int(only("standby-network")->severity, SEVERITY_ERROR, "is an error");
	with_vf("bridge,br=br-plain", "01:10.0");
	finds("standby-network", "eno1 of br-plain is named in no physnet",
	      "an unnamed NIC is");
	is_int(only("standby-network")->severity, SEVERITY_WARNING, "is a warning");
	with_vf("tap,ifname=tap-none,script=no", "01:10.0");
	finds("standby-network", "br-none has no port that leads out", "nothing but VMs");
	with_vf("bridge,br=br-veth", "01:10.0");
	unchecked("standby-network", "where the ports of br-veth lead", "a veth");
	with_vf("bridge,br=br-loop", "01:10.0");
	unchecked("standby-network", "where the ports of br-loop lead", "VLANs in a circle");
	with_vf("tap,ifname=tap-alone,script=no", "01:10.0");
	unchecked("standby-network", "tap-alone is not a bridge here, nor a port of one",
		  "a tap of no bridge");
	with_vf("user", "01:10.0");
	unchecked("standby-network", "of the type \"user\"", "no link of the host's");
	with_vf("bridge,br=br-plain", "04:10.0");
	unchecked("standby-network", "no physnet of host.json has that PF",
		  "a PF of no physnet");
	with_vf("bridge,br=br-plain", "09:10.0");
	unchecked("standby-network", "the network of its primary is not known", "no such VF");
	with_settings = NULL;
	with_vf("bridge,br=br0", "01:10.0");
	passes("standby-network", "the own PF, without host.json");
	with_vf("bridge,br=br-other", "01:10.0");
	unchecked("standby-network", "whether enp2s0", "another PF, without host.json");
	with_settings = &settings;
	with_emulated("bridge,br=br-none", "bridge,br=br-none");
	passes("standby-network", "an emulated primary has none of its own");
	host.links_missing = "nobody knows";
	with_vf("bridge,br=br0", "01:10.0");
	unchecked("standby-network", "nobody knows", "without the host's links");
	host.links_missing = NULL;

	def_vf("\"bridge\":\"br-bond\"", "");
	passes("standby-network", "a definition's physnet");
	def_vf("\"bridge\":\"br-other\"", "");
	finds("standby-network", "physnet storage, the primary's is lan", "another one");
	def_vf("\"bridge\":\"br-none\"", "");
	finds("standby-network", "no port that leads out", "none");
}

static void test_same_pf(void)
{
	with_vf("bridge,br=br0", "01:10.0");
	finds("standby-same-pf", "br0 has enp1s0 as uplink, which is the primary's own PF",
	      "the PF");
	is_int(only("standby-same-pf")->severity, SEVERITY_INFO, "is information");
	with_vf("bridge,br=br-vf", "01:10.0");
	finds("standby-same-pf",
	      "br-vf has enp1s0v1 as uplink, which is of the primary's own PF", "a VF of it");
	with_vf("bridge,br=br-bond", "01:10.0");
	passes("standby-same-pf", "another PF of the physnet");
	def_vf("\"bridge\":\"br-bond\"", "");
	finds("standby-same-pf", "which is a PF that the primary may be of",
	      "a VF that is not chosen");
	def_vf("\"bridge\":\"br-other\"", "");
	passes("standby-same-pf", "another physnet");
	with_vf("bridge,br=br0", "09:10.0");
	unchecked("standby-same-pf", "the PF of its primary is not known", "no such VF");
	with_emulated("bridge,br=br0", "bridge,br=br0");
	passes("standby-same-pf", "an emulated primary");
}

static void test_vlan(void)
{
	with_vf("bridge,br=br-vlan", "01:10.0");
	passes("standby-vlan", "the VF's VLAN is the uplink's");
	with_vf("bridge,br=br0", "01:10.0");
	finds("standby-vlan",
	      "the primary is in VLAN 100, the standby by br0 and enp1s0 in no VLAN",
	      "a VLAN, and none");
	with_vf("bridge,br=br-vlan7", "01:10.2");
	finds("standby-vlan", "in no VLAN, the standby by br-vlan7 and enp1s0.7 in VLAN 7",
	      "none, and a VLAN");
	with_vf("bridge,br=br-vlan7", "01:10.0");
	finds("standby-vlan", "VLAN 100, the standby by br-vlan7 and enp1s0.7 in VLAN 7",
	      "another VLAN");
	with_vf("bridge,br=br0", "01:10.2");
	passes("standby-vlan", "none, and none");
	vfs[1].vlan = 100;
	with_vf("bridge,br=br-vf", "01:10.0");
	passes("standby-vlan", "the uplink is a VF in that VLAN");
	vfs[1].vlan = 0;
	with_vf("bridge,br=br-qinq", "01:10.0");
	unchecked("standby-vlan", "in a VLAN within a VLAN", "QinQ");
	with_vf("bridge,br=br-none", "01:10.0");
	unchecked("standby-vlan", "no uplink", "no uplink");
	with_vf("bridge,br=br0", "04:10.0");
	unchecked("standby-vlan", "the VLAN of its primary is not known",
		  "a driver that is mute");
	with_emulated("bridge,br=br-vlan", "bridge,br=br0");
	passes("standby-vlan", "an emulated primary");

	def_vf("\"bridge\":\"br-vlan\"", ",\"vlan\":100");
	passes("standby-vlan", "a definition's VLAN");
	def_vf("\"bridge\":\"br-vlan\"", ",\"vlan\":99");
	finds("standby-vlan", "the primary is in VLAN 99", "another one");
	def_vf("\"bridge\":\"br-filter\"", ",\"vlan\":100");
	unchecked("standby-vlan", "whether its VLAN 100 leaves tagged",
		  "a bridge that filters");
	def_vf("\"bridge\":\"br-filter\"", ",\"vlan\":99");
	finds("standby-vlan", "br-filter filters VLANs, and puts the standby into VLAN 100",
	      "one with another VLAN");
	def_vf("\"tap\":\"tap-filter\"", ",\"vlan\":99");
	unchecked("standby-vlan", "in which of them its port tap-filter is",
		  "an own tap there");
	links[4] = (struct host_link)HARDWARE("enp4s0", "0000:04:00.0");
	strcpy(links[4].master, "br-filter0");
	def_vf("\"bridge\":\"br-filter0\"", "");
	finds("standby-vlan", "br-filter0 filters VLANs and has no default one",
	      "one without a default");
	*links[4].master = '\0';
}

/* ---- MTU ---- */

static void test_mtu(void)
{
	static const char *const pair =
		"qemu -netdev bridge,br=%s,id=n0 -netdev bridge,br=%s,id=n1 "
		"-device virtio-net-pci,id=net0,failover=on,netdev=n0,host_mtu=%d "
		"-device e1000e,id=p0,netdev=n1,failover_pair_id=net0";
	struct {
		const char *standby, *primary;
		int mtu;
		const char *found;
		enum severity severity;
		const char *what;
	} rows[] = {
		{ "br0", "br0", 1500, NULL, 0, "the same" },
		{ "br0", "br0", 9000,
		  "its MTU is 9000, that of enp1s0, the uplink of br0, is 1500", SEVERITY_ERROR,
		  "an uplink with a smaller one, said once" },
		{ "br-small", "br-small", 9000,
		  "its MTU is 9000, that of the bridge br-small is 1400", SEVERITY_WARNING,
		  "a bridge with a smaller one" },
		{ "br-small", "br0", 1400, NULL, 0, "larger ones" },
		{ "br-bond", "br-bond", 1600, "that of bond0, the uplink of br-bond, is 1500",
		  SEVERITY_ERROR, "a bond, said once" },
		{ "br-veth", "br-veth", 1500, NULL, 0, "no uplink" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *text =
			str_printf(pair, rows[i].standby, rows[i].primary, rows[i].mtu);

		command_line(text);
		if (rows[i].found) {
			finds("bridge-mtu", rows[i].found, rows[i].what);
			is_int(only("bridge-mtu")->severity, rows[i].severity, "its severity");
		} else {
			passes("bridge-mtu", rows[i].what);
		}
	}
	with_emulated("bridge,br=br0", "bridge,br=br9");
	passes("bridge-mtu", "none was given");
	definition("{\"id\":\"net0\",\"mac\":\"52:54:00:12:34:56\",\"mtu\":9000,"
		   "\"standby\":{\"tap\":\"tap-alone\"},"
		   "\"primary\":{\"kind\":\"emulated\",\"bridge\":\"br-small\"}}",
		   "");
	is_int(count("bridge-mtu"), 2, "bridge-mtu: of a definition, both of its ends");
	definition("", "{\"id\":\"lan\",\"mac\":\"52:54:00:12:34:57\",\"mtu\":9000,"
		       "\"tap\":\"tap-alone\"}");
	finds("bridge-mtu", "its MTU is 9000, that of the tap tap-alone is 1500",
	      "a NIC's tap");
	definition("", "{\"id\":\"lan\",\"mac\":\"52:54:00:12:34:57\",\"mtu\":9000,"
		       "\"bridge\":\"br9\"}");
	unchecked("bridge-mtu", "NIC lan: br9 is not there", "no such bridge");
	command_line("qemu -netdev tap,id=n0 -device virtio-net-pci,netdev=n0,host_mtu=9000");
	unchecked("bridge-mtu", "QEMU makes its tap", "a tap of QEMU's");
}

/* ---- features ---- */

static void test_features(void)
{
	static const char *const netdev = "bridge,br=br0";
	struct source_facts there = { .tap_offloads = 0x1f, .tap_offloads_known = true };

	with_vf(netdev, "01:10.0");
	unchecked("standby-features", "", "this is no target");
	source = &there;
	with_vf(netdev, "01:10.0");
	passes("standby-features", "the same offloads");
	there.tap_offloads = 0x7f;
	with_vf(netdev, "01:10.0");
	finds("standby-features", "taps of the source have USO4, USO6, taps here do not",
	      "an older kernel here");
	is_int(only("standby-features")->severity, SEVERITY_WARNING, "is a warning");
	there.tap_offloads = 0x0f;
	with_vf(netdev, "01:10.0");
	finds("standby-features", "taps here have UFO", "a newer kernel here");
	is_int(only("standby-features")->severity, SEVERITY_INFO, "is information");
	there.tap_offloads_known = false;
	with_vf(netdev, "01:10.0");
	unchecked("standby-features", "offloads of the source", "unknown there");
	there.tap_offloads_known = true;
	host.tap_offloads_known = false;
	with_vf(netdev, "01:10.0");
	unchecked("standby-features", "offloads of the target", "unknown here");
	with_vf("user", "01:10.0");
	passes("standby-features", "no tap");
	command_line("qemu -netdev tap,id=n0 -device e1000e,netdev=n0");
	passes("standby-features", "no virtio-net");
	host.tap_offloads_known = true;
	source = NULL;
}

int main(void)
{
	test_standby_link();
	test_other_links();
	test_network();
	test_same_pf();
	test_vlan();
	test_mtu();
	test_features();
	findings_clear(&findings);
	return done_testing();
}
