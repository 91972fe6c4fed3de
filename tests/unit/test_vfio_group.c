/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The node of an IOMMU group that does not open. One that does is in the lab.
 */
#include "host/vfio_group.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "tap.h"

int main(void)
{
	char node[] = "/tmp/vmfo-test-XXXXXX", want[160];
	struct err err = ERR_INIT;
	bool viable = false;
	int fd = mkstemp(node);

	if (fd < 0)
		bail("a file");
	is_int(vfio_group_ask(node, &viable), ENOTTY, "a file is no group");
	ok(!viable, "and says nothing");
	is_int(vfio_group_try_node(node, getpid(), &err), -ENOTTY,
	       "also not whoever has it open");
	is_int(err.kind, ERR_REFUSED, "refused");
	unlink(node);
	close(fd);
	is_int(vfio_group_try_node(node, 0, &err), -ENOENT, "a node that is not there");
	snprintf(want, sizeof(want),
		 "there is no %s, its IOMMU group: is a driver of vfio bound to it?", node);
	is_str(err.msg, want, "is told");
	is_int(vfio_group_try("ffff:ff:1f.7", 0, &err), -ENODEV,
	       "a function that is not there");
	like(err.msg, "it is in no IOMMU group", "is told");
	return done_testing();
}
