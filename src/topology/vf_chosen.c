/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "topology/vf_chosen.h"

#include <errno.h>
#include <stdio.h>

#include "topology/vf_reasons.h"

/* The pair that an id of --vf means; NULL: none. */
static const struct vm_pair *resolve(const struct vmdef *def, const char *id)
{
	const struct vm_pair *found = NULL;
	size_t n = 0;

	for (size_t i = 0; i < def->n_pairs; i++) {
		const struct vm_pair *pair = &def->pairs[i];

		if (pair->primary.kind != VM_PRIMARY_VF)
			continue;
		if (str_eq(pair->id, id))
			return pair;
		found = pair;
		n++;
	}
	return !*id && n == 1 ? found : NULL;
}

static const char *text_of(const json_t *address)
{
	return json_string_value(address) ?: "";
}

const char *vf_chosen_for(const json_t *chosen, const struct vmdef *def, const char *pair)
{
	const char *id;
	json_t *address;

	json_object_foreach ((json_t *)chosen, id, address) {
		const struct vm_pair *meant = resolve(def, id);

		if (meant && str_eq(meant->id, pair))
			return text_of(address);
	}
	return NULL;
}

static int no_pair(const char *id, const char *address, struct err *err)
{
	if (*id)
		return err_set(err, ERR_REFUSED, EINVAL,
			       "--vf %s=%s: the VM has no pair \"%s\" whose primary is a VF",
			       id, address, id);
	return err_set(err, ERR_REFUSED, EINVAL,
		       "--vf %s: say which pair it is for (--vf PAIR=ADDRESS): the VM has not "
		       "one pair whose primary is a VF",
		       address);
}

int vf_chosen_check(const json_t *chosen, const struct vmdef *def, struct err *err)
{
	const char *id;
	json_t *address;

	json_object_foreach ((json_t *)chosen, id, address) {
		const struct vm_pair *pair = resolve(def, id);

		if (!pair)
			return no_pair(id, text_of(address), err);
		if (!*id && json_object_get(chosen, pair->id))
			return err_set(err, ERR_REFUSED, EINVAL,
				       "--vf %s: pair %s has another already, %s",
				       text_of(address), pair->id,
				       text_of(json_object_get(chosen, pair->id)));
	}
	return 0;
}

bool vf_chosen_may_come(const struct topo *topo, const struct vf_wish *wish)
{
	char address[PCI_ADDRESS_SIZE];

	return pci_address_normalize(wish->chosen, address) &&
	       !host_find_function(topo->host, address);
}

#define TAIL_SIZE (VF_REASONS_SIZE + 64)

/* The VF may be of a PF that should have some: why those have none. */
static const char *tell_pfs_alone(const struct vf_wish *wish,
				  const struct vf_candidates *candidates, char buf[TAIL_SIZE])
{
	struct vf_candidates alone = *candidates;
	char reasons[VF_REASONS_SIZE];

	for (; alone.n > 0 && alone.list->vf; alone.n--)
		alone.list++;
	buf[0] = '\0';
	if (alone.n > 0)
		snprintf(buf, TAIL_SIZE, "; of physnet %s: %s", wish->physnet,
			 vf_reasons_list(&alone, reasons));
	return buf;
}

/* Why an address is that of no candidate. */
static int judge_stranger(const struct topo *topo, const struct vf_wish *wish,
			  const struct vf_candidates *candidates, const char *address,
			  struct err *err)
{
	const struct pci_function *function = host_find_function(topo->host, address);
	char tail[TAIL_SIZE];

	tell_pfs_alone(wish, candidates, tail);
	if (!function)
		return err_set(err, ERR_REFUSED, EINVAL,
			       "this host has no PCI function %s (see vmfo vfs)%s", address,
			       tail);
	if (!*function->physfn)
		return err_set(err, ERR_REFUSED, EINVAL, "%s is %s, not a VF (see vmfo vfs)",
			       address,
			       function->sriov ? "a PF" :
			       *function->name ? function->name :
						 "another device");
	return err_set(err, ERR_REFUSED, EINVAL,
		       "VF %s is not of physnet %s: its PF is %s (see vmfo vfs)%s", address,
		       wish->physnet, function->physfn, tail);
}

int vf_chosen_judge(const struct topo *topo, const struct vf_wish *wish,
		    const struct vf_candidates *candidates, struct err *err)
{
	char address[PCI_ADDRESS_SIZE];

	if (!pci_address_normalize(wish->chosen, address))
		return err_set(err, ERR_REFUSED, EINVAL,
			       "\"%s\" is no PCI address; a VF's is like 0000:01:10.0 (see "
			       "vmfo vfs)",
			       wish->chosen);
	for (size_t i = 0; i < candidates->n; i++) {
		const struct vf_candidate *one = &candidates->list[i];

		if (!one->vf || !str_eq(one->vf->address, address))
			continue;
		return one->fits ? 0 :
				   err_set(err, ERR_REFUSED, EINVAL, "VF %s: %s", address,
					   one->reason);
	}
	return judge_stranger(topo, wish, candidates, address, err);
}
