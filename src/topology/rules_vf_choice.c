/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "topology/rules_vf.h"
#include "topology/vf_chosen.h"
#include "topology/vf_reasons.h"
#include "topology/vf_wishes.h"

/* Of a long list, a person reads the first. */
#define LISTED 8

/* Texts of which the first are kept, and the rest counted. */
struct shortlist {
	struct strv texts;
	size_t n;
};

/* New, freed by the caller; empties the list. NULL: out of memory. */
static char *shortlist_text(struct shortlist *list, const char *sep)
{
	char *text;

	if (list->n > list->texts.n)
		strv_addf(&list->texts, "… and %zu more", list->n - list->texts.n);
	text = strv_join(&list->texts, sep);
	strv_clear(&list->texts);
	return text;
}

/* ---- every choice that is to be made ---- */

typedef void choice_fn(const struct topo *topo, struct verdict *verdict,
		       const struct vf_wish *wish, const struct vf_candidates *candidates);

struct asking {
	const struct topo *topo;
	struct verdict *verdict;
	choice_fn *fn;
};

static void ask_choice(void *data, const struct vf_wish *wish,
		       const struct vf_candidates *candidates)
{
	const struct asking *asking = data;

	if (hostdef_find_physnet(asking->topo->settings, wish->physnet))
		asking->fn(asking->topo, asking->verdict, wish, candidates);
	else
		rules_vf_no_physnet(asking->verdict, wish->physnet);
}

/*
 * Calls fn for every pair of the definition whose VF is still to be chosen. Each is served
 * as a launch would, so that two pairs are not given one VF.
 */
static void each_choice(const struct topo *topo, struct verdict *verdict, choice_fn *fn)
{
	struct asking asking = { topo, verdict, fn };

	if (!rules_vf_any_wanted(topo) || !rules_vf_needs_links(topo, verdict) ||
	    !rules_vf_needs_settings(topo, verdict))
		return;
	if (vf_each_choice(topo, ask_choice, &asking, NULL) < 0)
		verdict_unknown(verdict, "out of memory");
}

/* ---- none, and another ---- */

/* Which VFs there will be, who launches knows, and who moves a VM there. */
static bool are_to_be_made(struct verdict *verdict, const struct vf_wish *wish,
			   const struct vf_candidates *candidates)
{
	for (size_t i = 0; i < candidates->n; i++) {
		const struct vf_candidate *one = &candidates->list[i];

		if (!one->to_make)
			continue;
		verdict_unknown(verdict, "pair %s: %d VFs of PF %s are yet to be made",
				wish->pair, one->to_make, one->pf_name);
		return true;
	}
	return false;
}

static void say_none_free(const struct topo *topo, struct verdict *verdict,
			  const struct vf_wish *wish, const struct vf_candidates *candidates)
{
	char name[96], reasons[VF_REASONS_SIZE];

	(void)topo;
	/* Of one that was asked for vf-chosen says why. */
	if (vf_candidates_best(candidates) || wish->chosen ||
	    are_to_be_made(verdict, wish, candidates))
		return;
	snprintf(name, sizeof(name), "pair %s", wish->pair);
	verdict_find(verdict, name, "no VF of physnet %s can be taken: %s", wish->physnet,
		     vf_reasons_list(candidates, reasons));
}

void rule_check_vf_none_free(const struct topo *topo, struct verdict *verdict)
{
	each_choice(topo, verdict, say_none_free);
}

static void say_chosen(const struct topo *topo, struct verdict *verdict,
		       const struct vf_wish *wish, const struct vf_candidates *candidates)
{
	struct err why = ERR_INIT;
	char name[96];

	if (!wish->chosen || vf_chosen_judge(topo, wish, candidates, &why) == 0 ||
	    (vf_chosen_may_come(topo, wish) && are_to_be_made(verdict, wish, candidates)))
		return;
	snprintf(name, sizeof(name), "pair %s", wish->pair);
	verdict_find(verdict, name, "%s", why.msg);
}

void rule_check_vf_chosen(const struct topo *topo, struct verdict *verdict)
{
	struct err why = ERR_INIT;

	if (!topo->chosen || !topo->def)
		return;
	if (vf_chosen_check(topo->chosen, topo->def, &why) < 0)
		verdict_find(verdict, "host", "%s", why.msg);
	each_choice(topo, verdict, say_chosen);
}

static void say_other_model(const struct topo *topo, struct verdict *verdict,
			    const struct vf_wish *wish, const struct vf_candidates *candidates)
{
	const struct vf_candidate *best = vf_candidates_best(candidates);
	char name[96];

	(void)topo;
	snprintf(name, sizeof(name), "pair %s", wish->pair);
	if (!wish->vendor)
		verdict_unknown(verdict, "%s: the model of the source's VF is not known", name);
	else if (!best)
		verdict_unknown(verdict, "%s: there is no VF for it here", name);
	else if (best->vf->vendor != wish->vendor || best->vf->device != wish->device)
		verdict_find(verdict, name,
			     "on the source %04x:%04x; here VF %s of PF %s is %04x:%04x%s%s",
			     wish->vendor, wish->device, best->vf->address, best->pf_name,
			     best->vf->vendor, best->vf->device, *best->vf->name ? ", " : "",
			     best->vf->name);
}

void rule_check_vf_other_model(const struct topo *topo, struct verdict *verdict)
{
	each_choice(topo, verdict, say_other_model);
}

/* ---- who else has the MAC ---- */

/* A link that has it by right: the VF's own, before vfio has it; a standby's macvtap. */
static bool is_own_link(const struct host_link *link, const struct pci_function *vf)
{
	return (vf && str_eq(link->pci, vf->address)) || str_eq(link->kind, "macvtap");
}

static bool is_own_vf(const struct host_link *link, const struct link_vf *admin,
		      const struct pci_function *vf)
{
	return vf && *link->pci && str_eq(link->pci, vf->physfn) &&
	       admin->index == vf->vf_index;
}

/* vf: the pair's own; NULL: it has none that has the MAC. */
static void say_clashes(const struct topo *topo, struct verdict *verdict, const char *name,
			const struct mac *mac, const struct pci_function *vf)
{
	struct shortlist list = { 0 };
	_cleanup_free_ char *text = NULL;
	char address[MAC_TEXT_SIZE];

	for (size_t i = 0; i < topo->host->n_links; i++) {
		const struct host_link *link = &topo->host->links[i];

		/* On a migration's target mac-taken names the links. */
		if (!topo->source && mac_equal(&link->mac, mac) && !is_own_link(link, vf) &&
		    list.n++ < LISTED)
			strv_addf(&list.texts, "link %s", link->name);
		for (size_t j = 0; j < link->n_vfs; j++)
			if (mac_equal(&link->vfs[j].mac, mac) &&
			    !is_own_vf(link, &link->vfs[j], vf) && list.n++ < LISTED)
				strv_addf(&list.texts, "VF %d of PF %s", link->vfs[j].index,
					  link->name);
	}
	if (list.n == 0)
		return;
	text = shortlist_text(&list, ", ");
	verdict_find(verdict, name, "%s is also the address of %s", mac_format(mac, address),
		     text ?: "others");
}

static void say_clashes_of_known(const struct topo *topo, struct verdict *verdict,
				 const struct known_vf *known, const void *data)
{
	struct mac mac;

	(void)data;
	if (rules_vf_pair_mac(topo, verdict, known->pair, &mac))
		say_clashes(topo, verdict, known->name, &mac, known->vf);
}

/* The VF that has it, if that one is chosen, has it by right. */
static void say_clashes_of_choice(const struct topo *topo, struct verdict *verdict,
				  const struct vf_wish *wish,
				  const struct vf_candidates *candidates)
{
	const struct vf_candidate *best = vf_candidates_best(candidates);
	char name[96];

	snprintf(name, sizeof(name), "pair %s", wish->pair);
	say_clashes(topo, verdict, name, &wish->mac, best ? best->vf : NULL);
}

void rule_check_vf_mac_clash(const struct topo *topo, struct verdict *verdict)
{
	rules_vf_each_known(topo, verdict, say_clashes_of_known, NULL);
	each_choice(topo, verdict, say_clashes_of_choice);
}
