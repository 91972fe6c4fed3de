/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/vfio_group.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "base/cleanup.h"
#include "host/sysroot.h"

static int cannot_open(const char *node, int errnum, struct err *err)
{
	if (errnum == EBUSY)
		return err_set(err, ERR_REFUSED, EBUSY,
			       "another process has its IOMMU group open (see \"fuser -v %s\")",
			       node);
	return err_set(err, ERR_REFUSED, errnum, "open its IOMMU group, %s: %s", node,
		       strerrordesc_np(errnum) ?: "unknown error");
}

int vfio_group_try(const char *address, struct err *err)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	_cleanup_close_ int fd = -1;
	char group[16], node[32];

	sysroot_read_link(NULL, group, sizeof(group), "/sys/bus/pci/devices/%s/iommu_group",
			  address);
	if (!group[0])
		return err_set(err, ERR_REFUSED, ENODEV,
			       "it is in no IOMMU group: is the host's IOMMU on "
			       "(intel_iommu=on, amd_iommu=on)?");
	snprintf(node, sizeof(node), "/dev/vfio/%s", group);
	fd = open(node, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return cannot_open(node, errno, err);
	if (ioctl(fd, VFIO_GROUP_GET_STATUS, &status) < 0)
		return cannot_open(node, errno, err);
	if (!(status.flags & VFIO_GROUP_FLAGS_VIABLE))
		return err_set(
			err, ERR_REFUSED, EPERM,
			"its IOMMU group %s is not viable: another device of it is bound "
			"to a driver that is not vfio's (vmfo vfs)",
			group);
	return 0;
}
