/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A host's links: the files of a captured host, and that netlink says the same of links in
 * a network namespace of the test's own.
 */
#include "host/links.h"

#include <errno.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "host/links_internal.h"
#include "io/file.h"
#include "tap.h"
#include "topology/tap_offload.h"

#define N_LIVE_TESTS 48

/* ---- a captured host ---- */

static char dir[] = "/tmp/vmfo-test-links-XXXXXX";

static void write_file(const char *name, const char *text)
{
	_cleanup_free_ char *path = str_printf("%s/vmfo/%s", dir, name);

	unlink(path);
	if (text && file_write_volatile(path, 0600, text, strlen(text), NULL) < 0)
		bail("write %s", path);
}

static struct host_facts *read_captured(const char *links, const char *fdb, const char *devlink)
{
	struct host_facts *facts = calloc(1, sizeof(*facts));
	struct err err = ERR_INIT;

	write_file("links.json", links);
	write_file("fdb.json", fdb);
	write_file("devlink.json", devlink);
	if (links_read(dir, facts, &err) < 0)
		bail("%s", err.msg);
	return facts;
}

static const struct host_link *find(const struct host_facts *facts, const char *name)
{
	const struct host_link *link = host_find_link(facts, name);

	if (!link)
		bail("no link %s", name);
	return link;
}

static void test_captured(void)
{
	struct host_facts *facts = read_captured(
		"[{\"ifindex\":2,\"ifname\":\"enp1s0\",\"flags\":[\"UP\",\"LOWER_UP\"],\"mtu\":1500,"
		"\"max_mtu\":9216,\"master\":\"br0\",\"address\":\"02:00:00:00:00:01\","
		"\"parentbus\":\"pci\",\"parentdev\":\"0000:01:00.0\",\"vfinfo_list\":["
		"{\"vf\":0,\"address\":\"52:54:00:00:00:01\",\"vlan_list\":[{\"vlan\":100,\"qos\":5}],"
		"\"rate\":{\"max_tx\":900,\"min_tx\":100},"
		"\"spoofchk\":true,\"link_state\":\"enable\",\"trust\":false},"
		"{\"vf\":1,\"mac\":\"52:54:00:00:00:02\",\"vlan\":7,\"qos\":1,\"link_state\":\"disable\"},"
		"{\"vf\":2,\"address\":\"00:00:00:00:00:00\",\"vlan_list\":[{}],\"link_state\":"
		"\"auto\",\"spoofchk\":false,\"trust\":true}]},"
		"{\"ifindex\":3,\"ifname\":\"br0\",\"flags\":[\"UP\"],\"linkinfo\":{\"info_kind\":"
		"\"bridge\",\"info_data\":{\"vlan_filtering\":1,\"vlan_default_pvid\":20}}},"
		"{\"ifindex\":4,\"ifname\":\"br1\",\"linkinfo\":{\"info_kind\":\"bridge\","
		"\"info_data\":{\"vlan_filtering\":0,\"vlan_default_pvid\":1}}},"
		"{\"ifindex\":5,\"ifname\":\"enp1s0.5\",\"link\":\"enp1s0\",\"linkinfo\":"
		"{\"info_kind\":\"vlan\",\"info_data\":{\"protocol\":\"802.1Q\",\"id\":5}}},"
		"{\"ifindex\":6,\"ifname\":\"enp2s0\",\"parentbus\":\"pci\",\"parentdev\":"
		"\"0000:02:00.0\",\"vfinfo_list\":[{\"vf\":0}]},"
		"{\"ifindex\":7,\"ifname\":\"pf0vf0\",\"phys_port_name\":\"pf0vf0\","
		"\"parentbus\":\"pci\",\"parentdev\":\"0000:01:00.0\"}]",
		"[{\"mac\":\"52:54:00:00:00:01\",\"vlan\":20,\"ifname\":\"enp1s0\",\"flags\":[],"
		"\"master\":\"br0\",\"state\":\"static\"},"
		"{\"mac\":\"52:54:00:00:00:02\",\"ifname\":\"enp1s0\",\"flags\":[\"self\"],"
		"\"state\":\"permanent\"},"
		"{\"mac\":\"52:54:00:00:00:03\",\"ifname\":\"enp1s0\",\"flags\":[],\"state\":\"\"},"
		"{\"mac\":\"10.0.0.1\",\"ifname\":\"enp1s0\"},{\"mac\":\"52:54:00:00:00:04\"}]",
		"{\"dev\":{\"pci/0000:01:00.0\":{\"mode\":\"switchdev\",\"inline-mode\":\"none\"}}}\n"
		"{\"dev\":{\"pci/0000:09:00.0\":{\"mode\":\"legacy\"}}}\n");
	const struct host_link *pf, *link;

	is_str(facts->links_missing, NULL, "a captured host");
	is_int(facts->n_links, 6, "its links");
	pf = find(facts, "enp1s0");
	ok(pf->index == 2 && pf->up && pf->carrier && pf->mtu == 1500 && pf->max_mtu == 9216,
	   "a PF");
	is_str(pf->master, "br0", "its master");
	is_str(pf->pci, "0000:01:00.0", "its address");
	is_int(pf->eswitch, ESWITCH_SWITCHDEV, "its switch's mode");
	is_int(pf->n_vfs, 3, "its VFs");
	ok(pf->vfs[0].index == 0 && pf->vfs[0].mac.byte[5] == 1 && pf->vfs[0].vlan == 100 &&
		   pf->vfs[0].spoofchk == FACT_YES && pf->vfs[0].trust == FACT_NO &&
		   pf->vfs[0].link_state == VF_LINK_ENABLE && pf->vfs[0].qos == 5 &&
		   pf->vfs[0].rate_known && pf->vfs[0].min_rate == 100 &&
		   pf->vfs[0].max_rate == 900,
	   "one with everything");
	ok(pf->vfs[1].index == 1 && pf->vfs[1].mac.byte[5] == 2 && pf->vfs[1].vlan == 7 &&
		   pf->vfs[1].spoofchk == FACT_UNKNOWN && pf->vfs[1].trust == FACT_UNKNOWN &&
		   pf->vfs[1].link_state == VF_LINK_DISABLE && pf->vfs[1].qos == 1 &&
		   !pf->vfs[1].rate_known,
	   "one of an older ip and driver");
	ok(mac_is_zero(&pf->vfs[2].mac) && pf->vfs[2].vlan == 0 &&
		   pf->vfs[2].spoofchk == FACT_NO && pf->vfs[2].trust == FACT_YES &&
		   pf->vfs[2].link_state == VF_LINK_AUTO,
	   "one without a MAC or a VLAN");
	link = find(facts, "br0");
	ok(link->vlan_filtering && link->pvid == 20 && link->up && !link->carrier,
	   "a bridge that filters");
	link = find(facts, "br1");
	ok(!link->vlan_filtering && link->pvid == 0 && !link->up, "one that does not, down");
	link = find(facts, "enp1s0.5");
	ok(link->vlan_id == 5 && str_eq(link->lower, "enp1s0") && str_eq(link->kind, "vlan"),
	   "a VLAN");
	is_int(find(facts, "enp2s0")->eswitch, ESWITCH_LEGACY,
	       "a PF that devlink does not know");
	is_str(find(facts, "pf0vf0")->pci, "", "a representor is not its PF");
	is_int(facts->n_fdb, 3, "entries, the wrong ones left out");
	ok(facts->fdb[0].vlan == 20 && facts->fdb[0].fixed && !facts->fdb[0].self &&
		   facts->fdb[1].self && facts->fdb[1].fixed && !facts->fdb[2].fixed &&
		   str_eq(facts->fdb[2].port, "enp1s0"),
	   "as they were");
	ok(!facts->tap_offloads_known, "its tap offloads are not known");
	host_facts_free(facts);
}

static void test_captured_wrong(void)
{
	static const struct {
		const char *links, *fdb, *devlink, *missing, *what;
	} rows[] = {
		{ NULL, NULL, NULL, "no vmfo/links.json", "no file" },
		{ "", NULL, NULL, "is not what ip", "an empty one" },
		{ "[{]", NULL, NULL, "is not what ip", "no JSON" },
		{ "{\"ifname\":\"lo\"}", NULL, NULL, "is not what ip", "an object" },
		{ "[{\"ifname\":\"lo\"}]", "{}", NULL, "is not what ip", "a bad fdb.json" },
		{ "[{\"ifname\":\"lo\"}]", "[]", "[1", "is not what ip", "a bad devlink.json" },
		{ "[{\"ifname\":\"lo\"}]", "[]", "{} x", "is not what ip",
		  "one with a bad end" },
	};
	_cleanup_free_ char *fifo = str_printf("%s/vmfo/links.json", dir);
	struct host_facts *facts;
	const struct host_link *link;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		facts = read_captured(rows[i].links, rows[i].fdb, rows[i].devlink);
		like(facts->links_missing, rows[i].missing, "%s", rows[i].what);
		is_int(facts->n_links, 0, "no links");
		host_facts_free(facts);
	}
	facts = read_captured("[]", NULL, "\n");
	is_str(facts->links_missing, NULL, "no links are no error");
	host_facts_free(facts);

	facts = read_captured(
		"[{\"ifindex\":\"2\",\"ifname\":\"eth0\",\"flags\":\"UP\",\"mtu\":-1,\"max_mtu\":1e9,"
		"\"master\":7,\"link\":null,\"address\":\"no\",\"parentbus\":1,\"parentdev\":[],"
		"\"linkinfo\":[],\"vfinfo_list\":[{\"vf\":\"0\"},7,{\"vf\":0,\"address\":3,"
		"\"vlan_list\":[[]],\"spoofchk\":1,\"trust\":\"on\",\"link_state\":\"up\"}]},"
		"{\"ifname\":\"br0\",\"mtu\":99999999999,\"linkinfo\":{\"info_kind\":\"bridge\","
		"\"info_data\":{\"vlan_filtering\":true,\"vlan_default_pvid\":70000}}},"
		"{\"ifname\":\"a/../../b\"},{\"ifname\":\"a name of 16 by\"},{\"ifname\":\"\"},"
		"{\"ifname\":\"longer-than-fifteen\"},{\"ifname\":\"..\"},3,null,[]]",
		"[3,null,{\"mac\":3,\"ifname\":\"eth0\"},{\"mac\":\"52:54:00:00:00:01\",\"ifname\":"
		"\"eth0\",\"flags\":{},\"state\":3,\"vlan\":-1}]",
		"{\"dev\":[]} {\"dev\":{\"pci/0000:01:00.0\":3}} {}");
	is_str(facts->links_missing, NULL, "fields of wrong types");
	is_int(facts->n_links, 2, "leave the links that have a name");
	link = find(facts, "eth0");
	ok(link->index == 0 && !link->up && link->mtu == 0 && link->max_mtu == 0 &&
		   !*link->master && !*link->lower && mac_is_zero(&link->mac) && !*link->pci,
	   "without what was wrong");
	is_int(link->n_vfs, 1, "one VF has a number");
	ok(mac_is_zero(&link->vfs[0].mac) && link->vfs[0].vlan == 0 &&
		   link->vfs[0].spoofchk == FACT_UNKNOWN &&
		   link->vfs[0].trust == FACT_UNKNOWN &&
		   link->vfs[0].link_state == VF_LINK_UNKNOWN,
	   "and nothing else");
	link = find(facts, "br0");
	ok(!link->vlan_filtering && link->pvid == 0 && link->mtu == 0, "a bridge");
	ok(facts->n_fdb == 1 && !facts->fdb[0].fixed && facts->fdb[0].vlan == 0, "an entry");
	host_facts_free(facts);

	write_file("links.json", NULL);
	if (mkfifo(fifo, 0600) < 0)
		bail("mkfifo");
	facts = calloc(1, sizeof(*facts));
	is_int(links_read(dir, facts, NULL), 0, "a FIFO does not hold it");
	like(facts->links_missing, "cannot be read", "it is no file");
	host_facts_free(facts);
	unlink(fifo);
}

/* ---- netlink against ip and bridge ---- */

static void sh(const char *command)
{
	if (system(command) != 0)
		bail("%s", command);
}

static bool has(const char *command)
{
	_cleanup_free_ char *quiet = str_printf("%s 2>/dev/null", command);

	return system(quiet) == 0;
}

static bool same_link(const struct host_link *a, const struct host_link *b)
{
	bool same = str_eq(a->name, b->name) && a->index == b->index &&
		    mac_equal(&a->mac, &b->mac) && a->mtu == b->mtu &&
		    a->max_mtu == b->max_mtu && a->up == b->up && a->carrier == b->carrier &&
		    str_eq(a->master, b->master) && str_eq(a->lower, b->lower) &&
		    str_eq(a->kind, b->kind) && a->vlan_id == b->vlan_id &&
		    a->vlan_filtering == b->vlan_filtering && a->pvid == b->pvid &&
		    str_eq(a->pci, b->pci) && a->n_vfs == b->n_vfs;

	if (!same)
		printf("# %s %d %d %d %d%d %s %s %s %d %d %d %s\n"
		       "# %s %d %d %d %d%d %s %s %s %d %d %d %s\n",
		       a->name, a->index, a->mtu, a->max_mtu, a->up, a->carrier, a->master,
		       a->lower, a->kind, a->vlan_id, a->vlan_filtering, a->pvid, a->pci,
		       b->name, b->index, b->mtu, b->max_mtu, b->up, b->carrier, b->master,
		       b->lower, b->kind, b->vlan_id, b->vlan_filtering, b->pvid, b->pci);
	return same;
}

static bool same_entry(const struct host_fdb *a, const struct host_fdb *b)
{
	return mac_equal(&a->mac, &b->mac) && str_eq(a->port, b->port) && a->vlan == b->vlan &&
	       a->self == b->self && a->fixed == b->fixed;
}

static struct host_facts *read_both(struct host_facts **captured)
{
	_cleanup_free_ char *dump =
		str_printf("ip -details -json link show >%s/vmfo/links.json && "
			   "bridge -json fdb show >%s/vmfo/fdb.json",
			   dir, dir);
	struct host_facts *live = calloc(1, sizeof(*live));
	struct err err = ERR_INIT;

	*captured = calloc(1, sizeof(**captured));
	write_file("devlink.json", NULL);
	sh(dump);
	if (links_read(NULL, live, &err) < 0 || links_read(dir, *captured, &err) < 0)
		bail("%s", err.msg);
	return live;
}

static void compare_both(const char *what)
{
	struct host_facts *captured, *live = read_both(&captured);
	size_t links = 0, entries = 0;

	is_str(live->links_missing, NULL, "%s: netlink answers", what);
	is_str(captured->links_missing, NULL, "%s: ip and bridge do", what);
	is_int(live->n_links, captured->n_links, "%s: as many links", what);
	while (links < live->n_links && links < captured->n_links &&
	       same_link(&live->links[links], &captured->links[links]))
		links++;
	is_int(links, captured->n_links, "%s: all the same", what);
	is_int(live->n_fdb, captured->n_fdb, "%s: as many entries", what);
	while (entries < live->n_fdb && entries < captured->n_fdb &&
	       same_entry(&live->fdb[entries], &captured->fdb[entries]))
		entries++;
	is_int(entries, captured->n_fdb, "%s: all the same", what);
	host_facts_free(live);
	host_facts_free(captured);
}

static const struct host_fdb *find_entry(const struct host_facts *facts, uint8_t last)
{
	const struct mac mac = { { 0x52, 0x54, 0, 0x12, 0x34, last } };

	for (size_t i = 0; i < facts->n_fdb; i++)
		if (mac_equal(&facts->fdb[i].mac, &mac))
			return &facts->fdb[i];
	bail("no entry %d", last);
}

static void make_links(void)
{
	sh("ip link add br0 type bridge && ip link set br0 up mtu 1400");
	sh("ip link add uplink address 52:54:00:00:00:01 mtu 1400 type veth peer name peer");
	sh("ip link set uplink master br0 up && ip link set peer up");
	sh("ip tuntap add tap0 mode tap && ip link set tap0 master br0");
	sh("bridge fdb add 52:54:00:12:34:01 dev uplink master static");
	sh("bridge fdb add 52:54:00:12:34:02 dev uplink master dynamic");
	sh("bridge fdb add 52:54:00:12:34:03 dev uplink self");
	sh("bridge fdb add 52:54:00:12:34:04 dev uplink master local");
}

static void test_values(void)
{
	struct host_facts *captured, *live = read_both(&captured);
	const struct host_link *link = find(live, "br0");

	host_facts_free(captured);
	ok(str_eq(link->kind, "bridge") && link->up && link->carrier && link->mtu == 1400,
	   "the bridge");
	link = find(live, "uplink");
	ok(str_eq(link->master, "br0") && !*link->lower && link->mac.byte[5] == 1 &&
		   str_eq(link->kind, "veth") && !*link->pci,
	   "its port");
	link = find(live, "tap0");
	ok(str_eq(link->kind, "tun") && !link->up && !link->carrier &&
		   str_eq(link->master, "br0") && link->max_mtu > 9000,
	   "a tap");
	ok(find_entry(live, 1)->fixed && !find_entry(live, 1)->self &&
		   !find_entry(live, 2)->fixed && find_entry(live, 3)->self &&
		   find_entry(live, 4)->fixed && str_eq(find_entry(live, 4)->port, "uplink"),
	   "the entries");
	host_facts_free(live);
}

/* Debian's kernel has them, some small ones do not: no skip, which CI takes for a failure. */
static void test_vlans(void)
{
	struct host_facts *captured, *live;
	const struct host_link *link;

	if (!has("ip link set br0 type bridge vlan_filtering 1 vlan_default_pvid 20")) {
		printf("# bridges of this kernel know no VLANs\n");
	} else {
		compare_both("a bridge that filters");
		live = read_both(&captured);
		host_facts_free(captured);
		link = find(live, "br0");
		ok(link->vlan_filtering && link->pvid == 20, "its default VLAN");
		host_facts_free(live);
	}
	if (!has("ip link add link uplink name uplink.5 type vlan id 5")) {
		printf("# this kernel knows no VLAN devices\n");
	} else {
		compare_both("a VLAN device");
		live = read_both(&captured);
		host_facts_free(captured);
		link = find(live, "uplink.5");
		ok(link->vlan_id == 5 && str_eq(link->lower, "uplink"), "what it is");
		host_facts_free(live);
	}
	for (const char *const *kind =
		     (const char *const[]){ "dummy", "bond", "macvlan", NULL };
	     *kind; kind++) {
		_cleanup_free_ char *add =
			str_printf("ip link add %s%s0 type %s",
				   str_eq(*kind, "macvlan") ? "link peer name " : "", *kind,
				   *kind);

		if (has(add))
			compare_both(*kind);
		else
			printf("# no %s here\n", *kind);
	}
}

/* One message of more than 32 KiB, by names: VFs in such numbers are not to be had. */
static void test_long_message(void)
{
	sh("for i in $(seq 100 5 499); do "
	   "echo link property add dev peer "
	   "$(seq -f 'altname %0100.0f' $i $((i + 4))); done | ip -batch -");
	compare_both("a link with 400 other names");
}

static void test_many_links(void)
{
	sh("for i in $(seq 200); do echo link add v$i type veth peer name w$i; done | "
	   "ip -batch -");
	compare_both("400 links more");
}

static void test_devlink(void)
{
	uint16_t family = devlink_find_family();

	printf("# devlink is family %d\n", family);
	is_int(devlink_read_eswitch(0, "0000:01:00.0"), ESWITCH_LEGACY, "no devlink");
	is_int(devlink_read_eswitch(family, "ffff:ff:1f.7"), ESWITCH_LEGACY,
	       "a device that it does not know");
	is_int(devlink_mode_named("legacy"), ESWITCH_LEGACY, "a mode by name");
	is_int(devlink_mode_named("switchdev"), ESWITCH_SWITCHDEV, "the other");
	is_int(devlink_mode_named("switchdev_inactive"), ESWITCH_SWITCHDEV, "and its variant");
	is_int(devlink_mode_named(""), ESWITCH_UNKNOWN, "and none");
}

static void test_offloads(void)
{
	uint32_t offloads = 0, again = 1;
	char names[128];
	int status;
	pid_t pid;

	ok(tap_read_offloads(&offloads), "the offloads of a tap (%s)",
	   tap_offload_names(offloads, names, sizeof(names)));
	ok((offloads & 0x1f) == 0x1f,
	   "CSUM, TSO and UFO are among them, as since Linux 2.6.27");
	ok(tap_read_offloads(&again) && again == offloads, "always the same");
	ok(!has("ip -json link show | grep -q vmfoask"), "it left no tap behind");
	is_str(tap_offload_names(0x80000061, names, sizeof(names)),
	       "CSUM, USO4, USO6, 0x80000000", "their names");
	is_str(tap_offload_names(0x61, names, 8), "CSUM, U", "no more than there is room for");
	is_str(tap_offload_names(0, names, sizeof(names)), "", "of none");
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(setresuid(65534, 65534, 65534) < 0 ? 2 : tap_read_offloads(&offloads));
	waitpid(pid, &status, 0);
	is_int(status, 0, "without the privilege they are not known");
}

static void test_live(void)
{
	if (geteuid() != 0) {
		skip(N_LIVE_TESTS, "a network namespace takes root");
		return;
	}
	if (access("/dev/net/tun", R_OK | W_OK) < 0) {
		skip(N_LIVE_TESTS, "no /dev/net/tun");
		return;
	}
	compare_both("this machine");
	if (unshare(CLONE_NEWNET) < 0)
		bail("unshare");
	make_links();
	compare_both("a bridge and its ports");
	test_values();
	test_vlans();
	test_long_message();
	test_many_links();
	test_devlink();
	test_offloads();
}

int main(void)
{
	_cleanup_free_ char *folder = NULL;

	if (!mkdtemp(dir))
		bail("mkdtemp");
	folder = str_printf("%s/vmfo", dir);
	if (mkdir(folder, 0700) < 0)
		bail("mkdir %s", folder);
	test_captured();
	test_captured_wrong();
	test_live();
	dir_remove(dir, NULL);
	return done_testing();
}
