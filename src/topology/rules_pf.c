/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "topology/rules_vf.h"

/* ---- physnets of the definition ---- */

/* A physnet that pairs of the definition want a VF of. */
struct wanted_net {
	const char *id;
	const struct host_physnet *net; /* NULL: this host does not have it */
};

typedef void wanted_net_fn(const struct topo *topo, struct verdict *verdict,
			   const struct wanted_net *wanted, const void *data);

/* The physnet of a pair whose VF is still to be chosen; NULL: there is nothing to choose. */
static const char *wanted_physnet(const struct topo *topo, const struct topo_pair *pair)
{
	char address[PCI_ADDRESS_SIZE];

	if (!pair->vfio || !pair->def || pair->def->primary.kind != VM_PRIMARY_VF ||
	    topo_primary_address(topo, pair, address))
		return NULL;
	return pair->def->primary.physnet;
}

bool rules_vf_any_wanted(const struct topo *topo)
{
	for (size_t i = 0; i < topo->n_pairs; i++)
		if (wanted_physnet(topo, &topo->pairs[i]))
			return true;
	return false;
}

/* Each physnet once, whatever the number of pairs in it. */
static void each_wanted_net(const struct topo *topo, struct verdict *verdict, wanted_net_fn *fn,
			    const void *data)
{
	for (size_t i = 0; i < topo->n_pairs; i++) {
		struct wanted_net wanted = { wanted_physnet(topo, &topo->pairs[i]), NULL };
		size_t before = 0;

		if (!wanted.id)
			continue;
		while (before < i) {
			const char *other = wanted_physnet(topo, &topo->pairs[before]);

			if (other && str_eq(other, wanted.id))
				break;
			before++;
		}
		if (before < i)
			continue;
		if (!rules_vf_needs_settings(topo, verdict))
			return;
		wanted.net = hostdef_find_physnet(topo->settings, wanted.id);
		fn(topo, verdict, &wanted, data);
	}
}

static void say_physnet_unknown(const struct topo *topo, struct verdict *verdict,
				const struct wanted_net *wanted, const void *data)
{
	_cleanup_free_ char *known = NULL;
	struct strv names = { 0 };

	(void)data;
	if (wanted->net)
		return;
	for (size_t i = 0; i < topo->settings->n_physnets; i++)
		strv_add(&names, topo->settings->physnets[i].id);
	known = strv_join(&names, ", ");
	strv_clear(&names);
	verdict_find(verdict, "host", "physnet %s is wanted; host.json has %s", wanted->id,
		     known && *known ? known : "none");
}

void rule_check_physnet_unknown(const struct topo *topo, struct verdict *verdict)
{
	each_wanted_net(topo, verdict, say_physnet_unknown, NULL);
}

/* ---- PFs ---- */

static bool can_have_vfs(const struct topo *topo, const struct host_link *link)
{
	const struct pci_function *pf =
		link && *link->pci ? host_find_function(topo->host, link->pci) : NULL;

	return pf && pf->total_vfs > 0;
}

static void say_pf_missing(const struct topo *topo, struct verdict *verdict,
			   const struct wanted_net *wanted, const void *data)
{
	enum severity severity = SEVERITY_ERROR;

	(void)data;
	if (!rules_vf_needs_links(topo, verdict))
		return;
	if (!wanted->net) {
		rules_vf_no_physnet(verdict, wanted->id);
		return;
	}
	for (size_t i = 0; i < wanted->net->n_pfs; i++)
		if (can_have_vfs(topo, host_find_link(topo->host, wanted->net->pfs[i])))
			severity = SEVERITY_WARNING;
	for (size_t i = 0; i < wanted->net->n_pfs; i++) {
		const char *name = wanted->net->pfs[i];
		const struct host_link *link = host_find_link(topo->host, name);
		char object[32];

		if (can_have_vfs(topo, link))
			continue;
		snprintf(object, sizeof(object), "PF %s", name);
		verdict_find_as(verdict, severity, object,
				link ? "physnet %s: link %s%s%s cannot have VFs" :
				       "physnet %s: there is no link %s%s%s",
				wanted->id, name, link && *link->pci ? " at " : "",
				link ? link->pci : "");
	}
}

void rule_check_pf_missing(const struct topo *topo, struct verdict *verdict)
{
	each_wanted_net(topo, verdict, say_pf_missing, NULL);
}

/* What is asked of every PF that matters. */
struct pf_question {
	enum fact (*is_bad)(const struct host_link *link);
	const char *bad;     /* "is down" */
	const char *unknown; /* "does not say …" */
};

/* physnet: NULL: the PF of a VF that is given; else: others: another PF of it is good. */
static void ask_pf(struct verdict *verdict, const struct host_link *link,
		   const struct pf_question *question, const char *physnet, bool others)
{
	enum fact bad = question->is_bad(link);
	char object[32];

	snprintf(object, sizeof(object), "PF %s", link->name);
	if (bad == FACT_UNKNOWN)
		verdict_unknown(verdict, "PF %s %s", link->name, question->unknown);
	else if (bad == FACT_YES && others)
		verdict_find_as(verdict, SEVERITY_WARNING, object,
				"link %s %s; physnet %s has another PF", link->name,
				question->bad, physnet);
	else if (bad == FACT_YES && physnet)
		verdict_find(verdict, object, "link %s %s; physnet %s has no better PF",
			     link->name, question->bad, physnet);
	else if (bad == FACT_YES)
		verdict_find(verdict, object, "link %s %s", link->name, question->bad);
}

static void ask_wanted_net(const struct topo *topo, struct verdict *verdict,
			   const struct wanted_net *wanted, const void *data)
{
	const struct pf_question *question = data;
	size_t n_links = 0, n_good = 0;

	if (!rules_vf_needs_links(topo, verdict))
		return;
	for (size_t i = 0; wanted->net && i < wanted->net->n_pfs; i++) {
		const struct host_link *link = host_find_link(topo->host, wanted->net->pfs[i]);

		n_links += link != NULL;
		n_good += link && question->is_bad(link) == FACT_NO;
	}
	if (n_links == 0)
		rules_vf_no_physnet(verdict, wanted->id);
	for (size_t i = 0; n_links && i < wanted->net->n_pfs; i++) {
		const struct host_link *link = host_find_link(topo->host, wanted->net->pfs[i]);

		if (link)
			ask_pf(verdict, link, question, wanted->id, n_good > 0);
	}
}

static void ask_known(const struct topo *topo, struct verdict *verdict,
		      const struct known_vf *known, const void *data)
{
	(void)topo;
	ask_pf(verdict, known->link, data, NULL, false);
}

static void ask_all(const struct topo *topo, struct verdict *verdict,
		    const struct pf_question *question)
{
	rules_vf_each_known(topo, verdict, ask_known, question);
	each_wanted_net(topo, verdict, ask_wanted_net, question);
}

static enum fact is_down(const struct host_link *link)
{
	return link->up ? FACT_NO : FACT_YES;
}

void rule_check_pf_down(const struct topo *topo, struct verdict *verdict)
{
	static const struct pf_question question = { .is_bad = is_down, .bad = "is down" };

	ask_all(topo, verdict, &question);
}

/* One that is down never has one, which is pf-down's to say. */
static enum fact is_without_carrier(const struct host_link *link)
{
	return link->up && !link->carrier ? FACT_YES : FACT_NO;
}

void rule_check_pf_no_carrier(const struct topo *topo, struct verdict *verdict)
{
	static const struct pf_question question = { .is_bad = is_without_carrier,
						     .bad = "is up and has no carrier" };

	ask_all(topo, verdict, &question);
}

static enum fact is_switchdev(const struct host_link *link)
{
	if (link->eswitch == ESWITCH_UNKNOWN)
		return FACT_UNKNOWN;
	return link->eswitch == ESWITCH_SWITCHDEV ? FACT_YES : FACT_NO;
}

void rule_check_switchdev_unsupported(const struct topo *topo, struct verdict *verdict)
{
	static const struct pf_question question = {
		.is_bad = is_switchdev,
		.bad = "has its switch in switchdev mode",
		.unknown = "does not say in which mode its switch is",
	};

	ask_all(topo, verdict, &question);
}

/* ---- MTU ---- */

static int pair_mtu(const struct topo *topo, const struct topo_pair *pair)
{
	struct vf_wish wish = { .mtu = pair->def ? pair->def->mtu : 0 };
	const char *text = NULL;
	int64_t value;
	char number[32];

	if (!pair->def && pair->standby)
		text = machine_text(topo->machine, pair->standby, "host_mtu", number);
	if (text && str_to_i64(text, 0, 65535, &value) == 0)
		wish.mtu = (int)value;
	return vf_wish_mtu(&wish);
}

static void say_mtu_of_known(const struct topo *topo, struct verdict *verdict,
			     const struct known_vf *known, const void *data)
{
	int mtu = pair_mtu(topo, known->pair);

	(void)data;
	if (known->link->mtu <= 0)
		verdict_unknown(verdict, "the MTU of PF %s is not known", known->pf_name);
	else if (known->link->mtu < mtu)
		verdict_find(verdict, known->name,
			     "PF %s of VF %s has MTU %d, the pair needs %d", known->pf_name,
			     known->vf->address, known->link->mtu, mtu);
}

/* Of a physnet one PF that is large enough will do: vf-none-free names the others. */
static void say_mtu_of_physnet(const struct topo *topo, struct verdict *verdict,
			       const struct topo_pair *pair, const struct host_physnet *net)
{
	const struct host_link *largest = NULL;
	int mtu = pair_mtu(topo, pair);
	char name[96];

	for (size_t i = 0; i < net->n_pfs; i++) {
		const struct host_link *link = host_find_link(topo->host, net->pfs[i]);

		if (link && (!largest || link->mtu > largest->mtu))
			largest = link;
	}
	if (!largest || largest->mtu <= 0)
		verdict_unknown(verdict, "the MTU of no PF of physnet %s is known", net->id);
	else if (largest->mtu < mtu)
		verdict_find(verdict, topo_pair_name(pair, name),
			     "PF %s has MTU %d, no PF of physnet %s has a larger one, and the "
			     "pair needs %d",
			     largest->name, largest->mtu, net->id, mtu);
}

void rule_check_vf_mtu(const struct topo *topo, struct verdict *verdict)
{
	rules_vf_each_known(topo, verdict, say_mtu_of_known, NULL);
	for (size_t i = 0; i < topo->n_pairs; i++) {
		const char *physnet = wanted_physnet(topo, &topo->pairs[i]);
		const struct host_physnet *net;

		if (!physnet)
			continue;
		if (!rules_vf_needs_links(topo, verdict) ||
		    !rules_vf_needs_settings(topo, verdict))
			return;
		net = hostdef_find_physnet(topo->settings, physnet);
		if (net)
			say_mtu_of_physnet(topo, verdict, &topo->pairs[i], net);
		else
			rules_vf_no_physnet(verdict, physnet);
	}
}
