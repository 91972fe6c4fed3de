/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/vfio_group.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "host/sysroot.h"

int vfio_group_ask(const char *node, bool *viable)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	_cleanup_close_ int fd = open(node, O_RDWR | O_CLOEXEC);

	if (fd < 0 || ioctl(fd, VFIO_GROUP_GET_STATUS, &status) < 0)
		return errno;
	*viable = status.flags & VFIO_GROUP_FLAGS_VIABLE;
	return 0;
}

/* Whether that process has the node open. */
static bool has_open(pid_t pid, const char *node)
{
	_cleanup_(strv_clear) struct strv fds = { 0 };
	bool found = false;

	sysroot_list(NULL, &fds, "/proc/%d/fd", (int)pid);
	for (size_t i = 0; i < fds.n && !found; i++) {
		_cleanup_free_ char *path =
			sysroot_path(NULL, "/proc/%d/fd/%s", (int)pid, fds.v[i]);
		char target[64];
		ssize_t n = path ? readlink(path, target, sizeof(target) - 1) : -1;

		target[n > 0 ? n : 0] = '\0';
		found = str_eq(target, node);
	}
	return found;
}

static int cannot_open(const char *node, int errnum, struct err *err)
{
	switch (errnum) {
	case EBUSY:
		return err_set(err, ERR_REFUSED, EBUSY,
			       "another process has its IOMMU group open (see \"fuser -v %s\")",
			       node);
	case ENOENT:
		return err_set(
			err, ERR_REFUSED, ENOENT,
			"there is no %s, its IOMMU group: is a driver of vfio bound to it?",
			node);
	case EACCES:
	case EPERM:
		return err_set(
			err, ERR_REFUSED, errnum,
			"its IOMMU group, %s, is not this user's to open: run vmfo as root",
			node);
	default:
		return err_set(err, ERR_REFUSED, errnum, "open its IOMMU group, %s: %s", node,
			       strerrordesc_np(errnum) ?: "unknown error");
	}
}

int vfio_group_try_node(const char *node, pid_t qemu, struct err *err)
{
	bool viable = true;
	int errnum = vfio_group_ask(node, &viable);

	if (errnum == EBUSY && qemu && has_open(qemu, node))
		return 0;
	if (errnum)
		return cannot_open(node, errnum, err);
	if (!viable)
		return err_set(
			err, ERR_REFUSED, EPERM,
			"its IOMMU group, %s, is not viable: another device of it is bound "
			"to a driver that is not vfio's (vmfo vfs)",
			node);
	return 0;
}

int vfio_group_try(const char *address, pid_t qemu, struct err *err)
{
	char group[16], node[32];

	sysroot_read_link(NULL, group, sizeof(group), "/sys/bus/pci/devices/%s/iommu_group",
			  address);
	if (!group[0])
		return err_set(err, ERR_REFUSED, ENODEV,
			       "it is in no IOMMU group: is the host's IOMMU on "
			       "(intel_iommu=on, amd_iommu=on)?");
	snprintf(node, sizeof(node), "/dev/vfio/%s", group);
	return vfio_group_try_node(node, qemu, err);
}
