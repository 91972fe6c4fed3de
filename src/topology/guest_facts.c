/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "topology/guest_facts.h"

#include <stdlib.h>

#include "base/str.h"

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
