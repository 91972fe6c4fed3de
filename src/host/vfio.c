/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "host/host_read.h"
#include "host/pci.h"
#include "host/sysroot.h"
#include "host/vfio_group.h"
#include "model/text.h"

#define NODE "/dev/vfio/%d"

static struct vfio_group *find(struct host_facts *facts, int number)
{
	return (struct vfio_group *)host_find_group(facts, number);
}

static int collect(struct host_facts *facts, struct err *err)
{
	facts->groups = calloc(facts->n_functions ?: 1, sizeof(*facts->groups));
	if (!facts->groups)
		return err_nomem(err);
	for (size_t i = 0; i < facts->n_functions; i++) {
		const struct pci_function *f = &facts->functions[i];

		if (f->iommu_group >= 0 && text_is_vfio_driver(f->driver) &&
		    !find(facts, f->iommu_group))
			facts->groups[facts->n_groups++].number = f->iommu_group;
	}
	return 0;
}

static bool is_of_a_vm(const struct host_read *what, const struct host_facts *facts, int group)
{
	for (size_t i = 0; i < what->n_vms; i++)
		for (size_t j = 0; j < what->vms[i].n_vfs; j++) {
			const struct pci_function *vf =
				host_find_function(facts, what->vms[i].vfs[j]);

			if (vf && vf->iommu_group == group)
				return true;
		}
	return false;
}

static int read_node(const struct host_read *what, const struct host_facts *facts,
		     struct vfio_group *group, struct err *err)
{
	const char *sysroot = what->sysroot;
	_cleanup_free_ char *path = sysroot_path(sysroot, NODE, group->number);
	struct stat st;

	if (!path)
		return err_nomem(err);
	if (stat(path, &st) < 0) {
		group->open_errno = errno;
		return 0;
	}
	group->node = true;
	group->accessible = sysroot_may_open(sysroot, NODE, group->number);
	/* A plain file stands for a node that was elsewhere. */
	if ((sysroot && !S_ISCHR(st.st_mode)) || is_of_a_vm(what, facts, group->number))
		group->open_errno = -1;
	else
		group->open_errno = vfio_group_ask(path, &group->viable);
	return 0;
}

/* ---- who has a group open ---- */

/* The number N of "/dev/vfio/N"; -1. */
static int node_number(const char *target)
{
	int64_t number;

	if (!str_starts(target, "/dev/vfio/") ||
	    str_to_i64(target + strlen("/dev/vfio/"), 0, INT_MAX, &number) < 0)
		return -1;
	return (int)number;
}

static void note_holder(const char *sysroot, struct vfio_group *group, const char *pid)
{
	int64_t number;

	if (group->holder || str_to_i64(pid, 1, INT_MAX, &number) < 0)
		return;
	group->holder = (pid_t)number;
	sysroot_read(sysroot, group->holder_name, sizeof(group->holder_name), "/proc/%s/comm",
		     pid);
}

static int read_process(const char *sysroot, struct host_facts *facts, const char *pid,
			struct err *err)
{
	_cleanup_(strv_clear) struct strv fds = { 0 };

	/* Another user's, or it has ended: nothing to be seen. */
	if (sysroot_list(sysroot, &fds, "/proc/%s/fd", pid) < 0)
		return fds.failed ? err_nomem(err) : 0;
	for (size_t i = 0; i < fds.n; i++) {
		_cleanup_free_ char *path =
			sysroot_path(sysroot, "/proc/%s/fd/%s", pid, fds.v[i]);
		struct vfio_group *group;
		char target[64];
		ssize_t n;

		if (!path)
			return err_nomem(err);
		n = readlink(path, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = '\0';
		group = find(facts, node_number(target));
		if (group)
			note_holder(sysroot, group, pid);
	}
	return 0;
}

static int find_holders(const char *sysroot, struct host_facts *facts, struct err *err)
{
	_cleanup_(strv_clear) struct strv names = { 0 };
	int ret = 0;

	sysroot_list(sysroot, &names, "/proc");
	if (names.failed)
		return err_nomem(err);
	for (size_t i = 0; ret == 0 && i < names.n; i++)
		if (isdigit((unsigned char)names.v[i][0]))
			ret = read_process(sysroot, facts, names.v[i], err);
	return ret;
}

int vfio_read(const struct host_read *what, struct host_facts *facts, struct err *err)
{
	int ret = collect(facts, err);

	for (size_t i = 0; ret == 0 && i < facts->n_groups; i++)
		ret = read_node(what, facts, &facts->groups[i], err);
	if (ret == 0 && facts->n_groups)
		ret = find_holders(what->sysroot, facts, err);
	return ret;
}
