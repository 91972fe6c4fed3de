/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/vf_host.h"

#include "flow/vf_reserve.h"
#include "host/numa.h"
#include "host/vf_interrupts.h"
#include "host/vfio_group.h"

static int count_interrupts(const char *vf)
{
	return vf_interrupts_count(NULL, vf);
}

static int memory_node(pid_t pid)
{
	return numa_memory_node(NULL, pid);
}

const struct vf_host vf_this_host = {
	.read = host_read,
	.set_num_vfs = pf_set_num_vfs,
	.bind = vf_driver_bind,
	.give_back = vf_driver_give_back,
	.read_settings = vf_settings_read,
	.write_settings = vf_settings_write,
	.count_interrupts = count_interrupts,
	.try_group = vfio_group_try,
	.memory_node = memory_node,
	.lock_ms = VF_RESERVE_LOCK_MS,
};
