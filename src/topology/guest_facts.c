/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "topology/guest_facts.h"

#include <assert.h>
#include <stdlib.h>

#include "base/str.h"

static const char *const failover_names[] = {
	[FAILOVER_UNKNOWN] = "unknown",
	[FAILOVER_ABSENT] = "absent",
	[FAILOVER_HIDDEN] = "hidden",
	[FAILOVER_PLUGGED] = "plugged",
	[FAILOVER_UNPLUG_REQUESTED] = "unplug-requested",
	[FAILOVER_UNPLUGGED] = "unplugged",
};
static_assert(ARRAY_SIZE(failover_names) == FAILOVER_UNPLUGGED + 1, "every state has its name");

const char *failover_state_name(enum failover_state state)
{
	return failover_names[state];
}

enum failover_state failover_state_from_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(failover_names); i++)
		if (str_eq(name, failover_names[i]))
			return (enum failover_state)i;
	return FAILOVER_UNKNOWN;
}

void guest_facts_free(struct guest_facts *facts)
{
	if (!facts)
		return;
	free(facts->pairs);
	free(facts);
}

const struct guest_pair *guest_find_pair(const struct guest_facts *facts, const char *standby)
{
	for (size_t i = 0; i < facts->n_pairs; i++)
		if (str_eq(facts->pairs[i].standby, standby))
			return &facts->pairs[i];
	return NULL;
}
