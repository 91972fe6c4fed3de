/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/vmdef_unique.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/str.h"

/* Lists of at most 64 elements, an element that claims at most two. */
#define CLAIMS_MAX (4 * 64 * 2)
#define WHAT_SIZE 80 /* as of vm_primary_id() */

/* A QEMU id, a MAC or a tap that is taken, and by what: "pairs[0]". */
struct claim {
	char what[WHAT_SIZE];
	const char *list;
	size_t index;
};

struct claims {
	const struct schema_ctx *ctx;
	const struct json_where *root;
	struct claim claim[CLAIMS_MAX];
	size_t n;
};

/*
 * key: the member of list[index] that what comes from. A refused one differs from what
 * the operator wrote when it is derived ("net0-primary"), so the message has both.
 */
static int claims_add(struct claims *claims, const char *list, size_t index, const char *key,
		      const char *what, const char *kind)
{
	const struct json_where array = { .up = claims->root, .key = list };
	const struct json_where item = { .up = &array, .index = index };
	struct claim *claim = &claims->claim[claims->n];

	for (size_t i = 0; i < claims->n; i++)
		if (str_eq(claims->claim[i].what, what))
			return schema_fail(
				claims->ctx, &item, key,
				"the %s \"%s\" is taken by $.%s[%zu]; choose another", kind,
				what, claims->claim[i].list, claims->claim[i].index);
	assert(claims->n < ARRAY_SIZE(claims->claim));
	claims->n++;
	claim->list = list;
	claim->index = index;
	snprintf(claim->what, sizeof(claim->what), "%s", what);
	return 0;
}

static int claim_id(struct claims *claims, const char *list, size_t index, const char *id)
{
	return claims_add(claims, list, index, "id", id, "QEMU id");
}

static int claim_ids(struct claims *claims, const struct vmdef *def)
{
	int r = 0;

	for (size_t i = 0; i < def->n_disks && r == 0; i++)
		r = claim_id(claims, "disks", i, def->disks[i].id);
	for (size_t i = 0; i < def->n_media && r == 0; i++)
		r = claim_id(claims, "media", i, def->media[i].id);
	for (size_t i = 0; i < def->n_pairs && r == 0; i++) {
		char id[WHAT_SIZE];

		r = claim_id(claims, "pairs", i, def->pairs[i].id);
		if (r == 0)
			r = claim_id(claims, "pairs", i,
				     vm_primary_id(&def->pairs[i], id, sizeof(id)));
	}
	for (size_t i = 0; i < def->n_nics && r == 0; i++)
		r = claim_id(claims, "nics", i, def->nics[i].id);
	return r;
}

static int claim_mac(struct claims *claims, const char *list, size_t index,
		     const struct mac *mac)
{
	char text[MAC_TEXT_SIZE];

	return claims_add(claims, list, index, "mac", mac_format(mac, text), "address");
}

static int claim_tap(struct claims *claims, const char *list, size_t index, const char *key,
		     const struct vm_port *port)
{
	return port->tap ? claims_add(claims, list, index, key, port->tap, "tap") : 0;
}

static int claim_nets(struct claims *macs, struct claims *taps, const struct vmdef *def)
{
	int r = 0;

	for (size_t i = 0; i < def->n_pairs && r == 0; i++) {
		r = claim_mac(macs, "pairs", i, &def->pairs[i].mac);
		if (r == 0)
			r = claim_tap(taps, "pairs", i, "standby", &def->pairs[i].standby.port);
		if (r == 0)
			r = claim_tap(taps, "pairs", i, "primary", &def->pairs[i].primary.port);
	}
	for (size_t i = 0; i < def->n_nics && r == 0; i++) {
		r = claim_mac(macs, "nics", i, &def->nics[i].mac);
		if (r == 0)
			r = claim_tap(taps, "nics", i, "tap", &def->nics[i].port);
	}
	return r;
}

int vmdef_unique_check(const struct schema_ctx *ctx, const struct json_where *where,
		       const struct vmdef *def)
{
	enum { IDS, MACS, TAPS, KINDS };
	_cleanup_free_ struct claims *claims = calloc(KINDS, sizeof(*claims));
	int r;

	if (!claims)
		return schema_nomem(ctx);
	for (int i = 0; i < KINDS; i++) {
		claims[i].ctx = ctx;
		claims[i].root = where;
	}
	r = claim_ids(&claims[IDS], def);
	return r == 0 ? claim_nets(&claims[MACS], &claims[TAPS], def) : r;
}
