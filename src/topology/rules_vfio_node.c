/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include "topology/rules_vfio.h"

/* ---- who has it ---- */

static const struct host_vm *find_vm(const struct topo *topo, const char *name)
{
	for (size_t i = 0; name && i < topo->n_vms; i++)
		if (str_eq(topo->vms[i].name, name))
			return &topo->vms[i];
	return NULL;
}

/* Whether whoever has the group open is the VM that is looked at. */
static bool is_held_by_itself(const struct topo *topo, pid_t holder)
{
	const struct host_vm *self = topo->runs_here ? find_vm(topo, topo->vm) : NULL;

	if (topo->machine->running && !topo->source)
		return true;
	return topo->runs_here && (!self || !self->pid || !holder || self->pid == holder);
}

static bool is_held_by_vm(const struct host_vm *vm, const char *address)
{
	for (size_t i = 0; i < vm->n_vfs; i++) {
		char normal[PCI_ADDRESS_SIZE];

		if (pci_address_normalize(vm->vfs[i], normal) && str_eq(normal, address))
			return true;
	}
	return false;
}

static bool check_other_vms(const struct topo *topo, const struct vfio_subject *subject,
			    struct verdict *verdict)
{
	for (size_t i = 0; i < topo->n_vms; i++) {
		const struct host_vm *vm = &topo->vms[i];

		if ((topo->vm && str_eq(vm->name, topo->vm)) ||
		    !is_held_by_vm(vm, subject->address))
			continue;
		verdict_find(verdict, subject->object, "%s belongs to the VM %s",
			     subject->address, vm->name);
		return true;
	}
	return false;
}

static void check_free(const struct topo *topo, const struct vfio_subject *subject,
		       struct verdict *verdict)
{
	const struct vfio_group *group = subject->group;

	if (check_other_vms(topo, subject, verdict) || !group ||
	    is_held_by_itself(topo, group->holder))
		return;
	if (group->holder)
		verdict_find(verdict, subject->object,
			     "process %d (%s) has /dev/vfio/%d open, the group of %s",
			     (int)group->holder, group->holder_name, group->number,
			     subject->address);
	else if (group->open_errno == EBUSY)
		verdict_find(
			verdict, subject->object,
			"somebody has /dev/vfio/%d open, the group of %s; who it is cannot "
			"be seen",
			group->number, subject->address);
	else if (group->node && !group->accessible)
		verdict_unknown(verdict,
				"%s: without access to /dev/vfio/%d nobody can tell whether it "
				"is in use",
				subject->object, group->number);
}

void rule_check_vf_busy(const struct topo *topo, struct verdict *verdict)
{
	rules_vfio_each(topo, verdict, check_free);
}

/* ---- the group's node ---- */

static void check_node(const struct topo *topo, const struct vfio_subject *subject,
		       struct verdict *verdict)
{
	const struct vfio_group *group = subject->group;

	if (!group)
		verdict_unknown(verdict,
				"%s: %s is not with vfio-pci, so that its group has no node",
				subject->object, subject->address);
	else if (!group->node)
		verdict_find(verdict, subject->object,
			     "there is no /dev/vfio/%d, although %s is bound to %s",
			     group->number, subject->address, subject->function->driver);
	else if (!group->accessible && !is_held_by_itself(topo, group->holder))
		verdict_find(verdict, subject->object,
			     "no permission to read and write /dev/vfio/%d, the group of %s",
			     group->number, subject->address);
}

void rule_check_vfio_node_access(const struct topo *topo, struct verdict *verdict)
{
	rules_vfio_each(topo, verdict, check_node);
}

static void check_opens(const struct topo *topo, const struct vfio_subject *subject,
			struct verdict *verdict)
{
	const struct vfio_group *group = subject->group;

	if (!group) {
		verdict_unknown(verdict,
				"%s: %s is not with vfio-pci, so that its group has no node",
				subject->object, subject->address);
	} else if (is_held_by_itself(topo, group->holder)) {
		return;
	} else if (!group->node || !group->accessible) {
		verdict_unknown(verdict, "%s: /dev/vfio/%d cannot be reached", subject->object,
				group->number);
	} else if (group->open_errno < 0) {
		verdict_unknown(verdict,
				"%s: /dev/vfio/%d is a captured host's, or of a VF that a VM "
				"holds, and is not opened",
				subject->object, group->number);
	} else if (group->open_errno == EBUSY) {
		verdict_unknown(verdict, "%s: /dev/vfio/%d is in use", subject->object,
				group->number);
	} else if (group->open_errno) {
		verdict_find(verdict, subject->object,
			     "opening /dev/vfio/%d, the group of %s: %s", group->number,
			     subject->address, strerrordesc_np(group->open_errno));
	} else if (!group->viable) {
		verdict_find(verdict, subject->object,
			     "the kernel says of the group %d of %s that it is not viable: a "
			     "device of it is not with vfio",
			     group->number, subject->address);
	}
}

void rule_check_group_does_not_open(const struct topo *topo, struct verdict *verdict)
{
	rules_vfio_each(topo, verdict, check_opens);
}
