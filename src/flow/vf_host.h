/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * All that the flows ask of the host that a VF is on, and have done there. One table, so that
 * a test can have another host: no kernel refuses, is slow, or loses a PF when asked to.
 */
#ifndef VMFO_FLOW_VF_HOST_H
#define VMFO_FLOW_VF_HOST_H

#include "host/host_read.h"
#include "host/vf_driver.h"
#include "host/vf_settings.h"

struct vf_host {
	/* host_read() */
	int (*read)(const struct host_read *what, struct host_facts **out, struct err *err);
	/* pf_set_num_vfs() */
	int (*set_num_vfs)(struct loop *loop, const char *pf, int n, struct err *err);
	/* vf_driver_bind(), vf_driver_give_back() */
	int (*bind)(struct loop *loop, const char *vf, const char *driver,
		    char former[VF_DRIVER_SIZE], struct err *err);
	int (*give_back)(struct loop *loop, const char *vf, const char *former,
			 struct err *err);
	/* vf_settings_read(), vf_settings_write() */
	int (*read_settings)(const char *pf_link, int index, struct vf_settings *out,
			     struct err *err);
	int (*write_settings)(struct loop *loop, const char *pf_link, int index,
			      const struct vf_settings *want, unsigned int *unsupported,
			      struct err *err);
	/* vf_interrupts_count(), of this host */
	int (*count_interrupts)(const char *vf);
	/* vfio_group_try() */
	int (*try_group)(const char *vf, pid_t qemu, struct err *err);
	/* numa_memory_node(), of this host */
	int (*memory_node)(pid_t pid);
	/* VF_RESERVE_LOCK_MS: how long others may hold the host's lock */
	int lock_ms;
};

/* This one. */
extern const struct vf_host vf_this_host;

#endif
