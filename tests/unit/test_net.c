/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Taps, bridges and forwarding databases, in a network namespace of the test's own.
 */
#include "host/net.h"

#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tap.h"

#define N_TESTS 95

static const struct mac guest = { { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 } };

static void sh(const char *command)
{
	if (system(command) != 0)
		bail("%s", command);
}

static struct mac link_address(const char *name)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = { .ifr_flags = 0 };
	struct mac mac;

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (ioctl(fd, SIOCGIFHWADDR, &ifr) < 0)
		bail("SIOCGIFHWADDR %s", name);
	memcpy(mac.byte, ifr.ifr_hwaddr.sa_data, sizeof(mac.byte));
	return mac;
}

/* What a guest behind the tap would send: a broadcast frame, in VLAN vid if not 0. */
static void send_frame(int fd, const struct mac *from, int vid)
{
	/* A virtio header of zeros (10 bytes), then the frame. */
	uint8_t packet[10 + 64] = { 0 };
	uint8_t *frame = packet + 10;

	memset(frame, 0xff, 6);
	memcpy(frame + 6, from->byte, 6);
	frame[12] = 0x88;
	frame[13] = 0xb5;
	if (vid) {
		frame[12] = 0x81;
		frame[13] = 0x00;
		frame[15] = (uint8_t)vid;
		frame[16] = 0x88;
		frame[17] = 0xb5;
	}
	if (write(fd, packet, sizeof(packet)) != sizeof(packet))
		bail("write to a tap");
}

static void test_links(void)
{
	struct net_link link, port;
	struct err err = ERR_INIT;

	is_int(net_link_get("lo", &link, &err), 0, "lo is there");
	is_int(link.index, 1, "as the first");
	ok(!link.up && !link.is_bridge && link.master == 0, "down, no bridge, no port");
	is_int(link.mtu, 65536, "its MTU");
	is_int(net_link_set_up("lo", true, &err), 0, "set lo up");
	net_link_get("lo", &link, &err);
	ok(link.up && link.carrier, "it is up, with a carrier");
	is_int(net_link_set_up("lo", false, &err), 0, "set lo down");
	net_link_get("lo", &link, &err);
	ok(!link.up, "it is down");
	is_int(net_link_get("br0", &link, &err), 0, "the bridge");
	ok(link.is_bridge, "is one");
	net_link_get("uplink", &port, &err);
	ok(!port.is_bridge && port.master == link.index,
	   "its uplink is its port, and no bridge");

	is_int(net_link_get("nowhere0", &link, &err), -ENODEV, "no such link");
	like(err.msg, "no network link nowhere0", "is named");
	is_int(err.kind, ERR_REFUSED, "and refused");
	is_int(net_link_get("a-name-of-16-byt", &link, &err), -ENODEV,
	       "a name too long for one");
	is_int(net_link_get("", &link, &err), -ENODEV, "an empty name");
	is_int(net_link_set_up("nowhere0", true, &err), -ENODEV, "set none up");
}

static void test_tap(void)
{
	struct mac bridge_mac = link_address("br0"), mac;
	char name[NET_NAME_SIZE], other[NET_NAME_SIZE];
	struct err err = ERR_INIT;
	struct net_link link, bridge;
	int fds[4], fd;

	net_link_get("br0", &bridge, &err);
	is_int(net_tap_make("vmfo%d", "br0", 1, 0, name, &fd, &err), 0, "make a tap");
	is_str(name, "vmfo0", "its name");
	net_link_get(name, &link, &err);
	ok(link.up && link.carrier && link.master == bridge.index, "up, a port of the bridge");
	is_int(link.mtu, 1500, "the kernel's MTU");
	mac = link_address(name);
	is_int(mac.byte[0], 0xfe, "its address is a high one");
	mac = link_address("br0");
	ok(mac_equal(&mac, &bridge_mac), "the bridge has kept its own");

	is_int(net_tap_make("vmfo%d", "br0", 4, 1400, other, fds, &err), 0,
	       "one with four queues and an MTU");
	is_str(other, "vmfo1", "has the next name");
	net_link_get(other, &link, &err);
	is_int(link.mtu, 1400, "and the MTU");
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	is_int(net_link_get(other, &link, &err), 0, "it lives with one queue open");
	close(fds[3]);
	is_int(net_link_get(other, &link, &err), -ENODEV, "and goes with the last");
	close(fd);
	is_int(net_link_get(name, &link, &err), -ENODEV, "so does the other");
}

static void test_tap_refusals(void)
{
	struct err err = ERR_INIT;
	char name[NET_NAME_SIZE];
	struct net_link link;
	int fds[2], status;
	pid_t pid;

	is_int(net_tap_make("vmfo%d", "br9", 1, 0, name, fds, &err), -ENODEV, "no such bridge");
	like(err.msg, "bridge br9: no network link br9", "is named");
	is_int(err.kind, ERR_REFUSED, "and refused");
	is_int(net_tap_make("vmfo%d", "uplink", 1, 0, name, fds, &err), -ENOTSUP, "no bridge");
	like(err.msg, "uplink is not a Linux bridge", "says so");
	is_int(err.kind, ERR_REFUSED, "and is refused");
	is_int(net_tap_make("vmfo%d", "br0", 2, 1000000, name, fds, &err), -EINVAL,
	       "an MTU that no tap takes");
	like(err.msg, "MTU of the tap vmfo0 to 1000000", "says so");
	is_int(net_link_get("vmfo0", &link, &err), -ENODEV, "and leaves nothing behind");
	is_int(net_tap_make("uplink", "br0", 1, 0, name, fds, &err), -EINVAL,
	       "a name that is another's");
	is_int(net_tap_make("vmfo%d", "br0", 0, 0, name, fds, &err), -EINVAL, "no queue");

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		if (setresuid(65534, 65534, 65534) < 0)
			_exit(2);
		_exit(net_tap_make("vmfo%d", "br0", 1, 0, name, fds, &err) < 0 &&
				      err.kind == ERR_REFUSED ?
			      0 :
			      1);
	}
	waitpid(pid, &status, 0);
	is_int(status, 0, "without the privilege it is refused");
}

static void test_fdb_vlan(int fd, const char *name, int index)
{
	struct err err = ERR_INIT;
	int port;

	/* Not a skip, which CI takes for a failure: some kernels are built without it. */
	if (system("ip link set br0 type bridge vlan_filtering 1 2>/dev/null") != 0) {
		printf("# bridges of this kernel know no VLANs\n");
		return;
	}
	sh("bridge vlan add dev vmfo0 vid 5");
	send_frame(fd, &guest, 5);
	net_fdb_find("br0", &guest, &port, NULL, &err);
	is_int(port, index, "an entry in a VLAN is found");
	is_int(net_fdb_delete(name, &guest, &err), 0, "delete it");
	net_fdb_find("br0", &guest, &port, NULL, &err);
	is_int(port, 0, "it is gone in its VLAN, too");
}

static void test_learning(void)
{
	char name[NET_NAME_SIZE];
	struct err err = ERR_INIT;
	struct net_link link;
	int fd, port = -1;

	if (net_tap_make("vmfo%d", "br0", 1, 0, name, &fd, &err) < 0)
		bail("%s", err.msg);
	net_link_get(name, &link, &err);
	is_int(net_port_set_learning(name, false, &err), 0, "a port that does not learn");
	send_frame(fd, &guest, 0);
	net_fdb_find("br0", &guest, &port, NULL, &err);
	is_int(port, 0, "has not learned");
	is_int(net_port_set_learning(name, true, &err), 0, "and one that does");
	send_frame(fd, &guest, 0);
	net_fdb_find("br0", &guest, &port, NULL, &err);
	is_int(port, link.index, "has");
	is_int(net_port_set_learning(name, false, &err), 0, "not any more");
	net_fdb_find("br0", &guest, &port, NULL, &err);
	is_int(port, link.index, "what it knows, it keeps");

	is_int(net_port_set_learning("peer", false, &err), -EINVAL, "no port of a bridge");
	like(err.msg, "peer is a port of no bridge", "says so");
	is_int(net_port_set_learning("nowhere0", false, &err), -ENODEV, "no such port");
	close(fd);
}

static void test_fdb(void)
{
	char a[NET_NAME_SIZE], b[NET_NAME_SIZE];
	struct err err = ERR_INIT;
	struct net_link link_a, link_b;
	struct mac own;
	int fd_a, fd_b, port = -1;
	int64_t age = -1;

	if (net_tap_make("vmfo%d", "br0", 1, 0, a, &fd_a, &err) < 0 ||
	    net_tap_make("vmfo%d", "br0", 1, 0, b, &fd_b, &err) < 0)
		bail("%s", err.msg);
	net_link_get(a, &link_a, &err);
	net_link_get(b, &link_b, &err);
	is_int(net_fdb_find("br0", &guest, &port, &age, &err), 0,
	       "look for an unknown address");
	is_int(port, 0, "nobody has learned it");
	send_frame(fd_a, &guest, 0);
	is_int(net_fdb_find("br0", &guest, &port, &age, &err), 0, "after a frame from it");
	is_int(port, link_a.index, "the tap has");
	ok(age >= 0 && age < 200, "just now (%d ms)", (int)age);
	usleep(400 * 1000);
	net_fdb_find("br0", &guest, &port, &age, &err);
	ok(age >= 300 && age < 1500, "400 ms later it is that much older (%d ms)", (int)age);
	send_frame(fd_b, &guest, 0);
	net_fdb_find("br0", &guest, &port, &age, &err);
	is_int(port, link_b.index, "after a frame on the other tap it has moved");
	ok(age < 200, "just now (%d ms)", (int)age);

	is_int(net_fdb_delete(a, &guest, &err), 0, "delete it on the port where it is not");
	net_fdb_find("br0", &guest, &port, NULL, &err);
	is_int(port, link_b.index, "it is still on the other");
	is_int(net_fdb_delete(b, &guest, &err), 0, "delete it where it is");
	net_fdb_find("br0", &guest, &port, NULL, &err);
	is_int(port, 0, "it is gone");
	is_int(net_fdb_delete(b, &guest, &err), 0, "delete it again");

	own = link_address(a);
	net_fdb_find("br0", &own, &port, NULL, &err);
	is_int(port, 0, "a port's own address does not count");
	send_frame(fd_a, &guest, 0);
	net_link_set_up(a, false, &err);
	net_fdb_find("br0", &guest, &port, NULL, &err);
	is_int(port, 0, "a port that goes down loses its entries");
	net_link_set_up(a, true, &err);

	test_fdb_vlan(fd_a, a, link_a.index);

	is_int(net_fdb_find("uplink", &guest, &port, NULL, &err), -ENOTSUP,
	       "no forwarding database but a bridge's");
	is_int(net_fdb_find("br9", &guest, &port, NULL, &err), -ENODEV, "no such bridge");
	is_int(net_fdb_delete("peer", &guest, &err), -EINVAL, "no port of a bridge");
	like(err.msg, "peer is a port of no bridge", "says so");
	is_int(net_fdb_delete("nowhere0", &guest, &err), -ENODEV, "no such port");
	close(fd_a);
	close(fd_b);
}

/* Whether `bridge fdb` shows that entry of the guest's. */
static bool shows(const char *dev, const char *what)
{
	char command[160];

	snprintf(command, sizeof(command),
		 "bridge fdb show dev %s | grep -q '^52:54:00:12:34:56 %s'", dev, what);
	return system(command) == 0;
}

/* What a VM on its standby needs, while its VF's filter is off. */
static void test_pin(void)
{
	char a[NET_NAME_SIZE], b[NET_NAME_SIZE];
	struct net_uplinks uplinks;
	struct err err = ERR_INIT;
	struct net_link link;
	int fd_a, fd_b, port;

	if (net_tap_make("vmfo%d", "br0", 1, 0, a, &fd_a, &err) < 0 ||
	    net_tap_make("vmfo%d", "br0", 1, 0, b, &fd_b, &err) < 0)
		bail("%s", err.msg);
	send_frame(fd_b, &guest, 0);
	is_int(net_fdb_pin(a, &guest, &err), 0, "pin an address that another port has learned");
	ok(shows(a, "sticky master br0 static") && !shows(b, ""),
	   "it is there alone, and static");
	is_int(net_fdb_pin(a, &guest, &err), 0, "again");
	send_frame(fd_b, &guest, 0);
	ok(shows(a, "sticky master br0 static") && !shows(b, ""),
	   "a frame from that address at another port does not move it");
	net_fdb_find("br0", &guest, &port, NULL, &err);
	is_int(port, 0, "which is not taken for something learned");
	is_int(net_fdb_delete(a, &guest, &err), 0, "delete it");
	ok(!shows(a, ""), "it is gone");
	is_int(net_fdb_pin("peer", &guest, &err), -EINVAL, "no port of a bridge");
	is_int(net_fdb_pin("nowhere0", &guest, &err), -ENODEV, "no such port");

	is_int(net_bridge_uplinks("br0", &uplinks, &err), 0, "uplinks of a bridge");
	net_link_get("uplink", &link, &err);
	ok(uplinks.n == 1 && uplinks.index[0] == link.index, "are its ports that are no taps");
	is_int(net_uplinks_admit(&uplinks, &guest, true, &err), 0, "let an address in");
	ok(shows("uplink", "self permanent"), "the uplink's filter does");
	is_int(net_uplinks_admit(&uplinks, &guest, true, &err), 0, "again");
	is_int(net_uplinks_admit(&uplinks, &guest, false, &err), 0, "and no more");
	ok(!shows("uplink", "self permanent"), "it does not any more");
	is_int(net_uplinks_admit(&uplinks, &guest, false, &err), 0, "again");
	sh("bridge fdb add 52:54:00:12:34:56 dev uplink master dynamic");
	is_int(net_uplinks_forget(&uplinks, &guest, &err), 0, "forget an address");
	ok(!shows("uplink", "master"), "the bridge has it there no more");
	is_int(net_uplinks_forget(&uplinks, &guest, &err), 0, "again");
	sh("for i in $(seq 40); do ip link add u$i type veth peer name v$i && ip link set u$i "
	   "master br0; done");
	is_int(net_bridge_uplinks("br0", &uplinks, &err), 0, "a bridge with many ports");
	is_int((int)uplinks.n, 41, "has them all");
	sh("ip link del u1");
	is_int(net_uplinks_admit(&uplinks, &guest, true, &err), 0, "one that has just gone");
	ok(shows("uplink", "self permanent"), "is not in the way of the others");
	sh("for i in $(seq 2 40); do ip link del u$i; done");
	is_int(net_bridge_uplinks("br9", &uplinks, &err), -ENODEV, "no such bridge");
	close(fd_a);
	close(fd_b);
}

int main(void)
{
	if (unshare(CLONE_NEWNET) < 0) {
		skip(N_TESTS, "a network namespace takes root");
		return done_testing();
	}
	if (access("/dev/net/tun", R_OK | W_OK) < 0) {
		skip(N_TESTS, "no /dev/net/tun");
		return done_testing();
	}
	sh("ip link add br0 type bridge && ip link set br0 up");
	sh("ip link add uplink address 52:54:00:00:00:01 type veth peer name peer");
	sh("ip link set uplink master br0 up && ip link set peer up");
	test_links();
	test_tap();
	test_tap_refusals();
	test_fdb();
	test_learning();
	test_pin();
	return done_testing();
}
