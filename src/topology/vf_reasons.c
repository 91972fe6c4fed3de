/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "topology/vf_reasons.h"

#include <assert.h>
#include <stdio.h>

/* Of those of one reason, a person reads the first. */
#define NAMED 3

#define NAME_SIZE 24 /* "PF " and a link's name, or an address */
/* The reason of one group, and who is in it; and what may follow the last that has room. */
#define GROUP_SIZE (NAMED * (NAME_SIZE + 2) + 32 + VF_REASON_SIZE)
#define REST_SIZE 40

static_assert(GROUP_SIZE + REST_SIZE <= VF_REASONS_SIZE, "one group has room in any case");

static const char *name_of(const struct vf_candidate *one, char buf[NAME_SIZE])
{
	if (one->vf)
		return one->vf->address;
	/* A PF that offers none stands for itself. */
	snprintf(buf, NAME_SIZE, "PF %s", one->pf_name);
	return buf;
}

static bool is_alike(const struct vf_candidate *a, const struct vf_candidate *b)
{
	return !b->fits && str_eq(a->reason, b->reason);
}

/* Whether one before it has its reason. */
static bool is_told(const struct vf_candidates *candidates, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (is_alike(&candidates->list[i], &candidates->list[j]))
			return true;
	return false;
}

/* The candidate number first and all that are like it.  Return: how many they are. */
static size_t format_group(const struct vf_candidates *candidates, size_t first,
			   char out[GROUP_SIZE])
{
	const struct vf_candidate *one = &candidates->list[first];
	char name[NAME_SIZE];
	size_t n = 0;
	int len = 0;

	for (size_t i = first; i < candidates->n; i++) {
		if (!is_alike(one, &candidates->list[i]))
			continue;
		if (n++ < NAMED)
			len += snprintf(out + len, GROUP_SIZE - (size_t)len, "%s%s",
					n > 1 ? ", " : "", name_of(&candidates->list[i], name));
	}
	if (n > NAMED)
		len += snprintf(out + len, GROUP_SIZE - (size_t)len, ", … (%zu in all)", n);
	snprintf(out + len, GROUP_SIZE - (size_t)len, ": %s", one->reason);
	return n;
}

static size_t count_unfit(const struct vf_candidates *candidates)
{
	size_t n = 0;

	for (size_t i = 0; i < candidates->n; i++)
		n += !candidates->list[i].fits;
	return n;
}

const char *vf_reasons_list(const struct vf_candidates *candidates, char buf[VF_REASONS_SIZE])
{
	size_t len = 0, left = count_unfit(candidates);

	buf[0] = '\0';
	for (size_t i = 0; i < candidates->n && left > 0; i++) {
		char group[GROUP_SIZE];
		size_t n, rest;

		if (candidates->list[i].fits || is_told(candidates, i))
			continue;
		n = format_group(candidates, i, group);
		rest = n < left ? REST_SIZE : 0;
		if (len + strlen("; ") + strlen(group) + rest >= VF_REASONS_SIZE)
			break;
		len += (size_t)snprintf(buf + len, VF_REASONS_SIZE - len, "%s%s",
					len ? "; " : "", group);
		left -= n;
	}
	if (left > 0)
		snprintf(buf + len, VF_REASONS_SIZE - len, "; and %zu more: see vmfo vfs",
			 left);
	return buf;
}
