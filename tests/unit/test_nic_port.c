/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Where a bridge leads, on hosts that cannot be. Those that can are in test_rules_network.
 */
#include "topology/nic_port.h"

#include <unistd.h>

#include "tap.h"

/* Bonds of VLANs of bonds: a captured host may claim anything, and it must end. */
static void test_hostile(void)
{
	enum { WIDTH = 1000 };
	struct host_link *many = calloc(WIDTH + 2, sizeof(*many));
	struct host_facts hostile = { .links = many, .n_links = WIDTH + 2 };
	struct uplinks uplinks;

	many[0] = (struct host_link){ .name = "br0", .kind = "bridge" };
	many[1] = (struct host_link){ .name = "bond0", .kind = "bond", .master = "br0" };
	for (size_t i = 2; i < WIDTH + 2; i++) {
		many[i] = (struct host_link){
			.kind = "vlan", .lower = "bond0", .vlan_id = 1, .master = "bond0"
		};
		snprintf(many[i].name, sizeof(many[i].name), "v%zu", i);
	}
	alarm(20);
	uplinks_find(&hostile, "br0", &uplinks);
	alarm(0);
	ok(uplinks.n == 0 && uplinks.elsewhere, "links that lie on each other");
	for (size_t i = 2; i < WIDTH + 2; i++)
		*many[i].kind = '\0';
	uplinks_find(&hostile, "br0", &uplinks);
	ok(uplinks.n == UPLINKS_MAX && uplinks.elsewhere, "more uplinks than are looked at");
	free(many);
}

int main(void)
{
	test_hostile();
	return done_testing();
}
