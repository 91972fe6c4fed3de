/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * vmfo vfs: the PFs that host.json names, their VFs, and who has them. Changes nothing.
 */
#ifndef VMFO_FLOW_VFS_H
#define VMFO_FLOW_VFS_H

#include <jansson.h>

#include "flow/env.h"
#include "topology/vf_match.h"

#define VFS_SCHEMA "vmfo.vfs/1"

/* Texts are "", and numbers -1, where there is nothing or it is unknown. */
struct vfs_vf {
	int index;
	char address[PCI_ADDRESS_SIZE];
	char vendor[8], device[8]; /* "8086" */
	char name[96];
	char driver[32];
	int iommu_group;
	struct strv group_members; /* addresses of the others in it */
	/* What the PF's driver says of it. */
	char mac[MAC_TEXT_SIZE]; /* "": none is set, or unknown */
	int vlan;                /* 0: none */
	enum fact spoof_check, trust;
	char link_state[16]; /* "auto", "enable", "disable" */
	enum vf_user user;
	char owner[64]; /* a VM, a process (where it can be seen), a link of this host */
	int pid;        /* of the process */
	bool free;
	char reason[VF_REASON_SIZE]; /* why it fits nobody */
};

struct vfs_pf {
	char physnet[64];
	char link[LINK_NAME_SIZE];      /* as host.json has it */
	char address[PCI_ADDRESS_SIZE]; /* "": no such PF here; reason says why */
	char vendor[8], device[8];
	char name[96];
	char driver[32];
	enum fact up, carrier;
	int mtu, numa_node;
	char eswitch[16]; /* "legacy", "switchdev" */
	int vfs_total;    /* that it could have */
	int vfs_existing, vfs_free;
	char reason[VF_REASON_SIZE]; /* why it offers no VF */
	struct vfs_vf *vfs;
	size_t n_vfs;
};

/* No PF at all: host.json has no physnet. */
struct vfs {
	char host[256]; /* its name; "": one that was captured */
	struct vfs_pf *pfs;
	size_t n_pfs;
};

/*
 * host: ask vmfo's agent there; NULL: this host, or the one that was captured into the folder
 * sysroot (NULL: none), with the host.json and the VMs of this one. out: cleared by
 * vfs_clear(), also after a failure.
 * Errors: those of target_open(); ERR_REFUSED: no such folder, an agent that does not know
 * how or answers otherwise; ERR_INTERNAL; ECANCELED.
 */
int flow_vfs(struct flow_env *env, const char *host, const char *sysroot, struct vfs *out,
	     struct err *err);

/* Of topo's host, settings and vms. out->host: not set.  Errors: ERR_INTERNAL, ENOMEM. */
int vfs_list(const struct topo *topo, struct vfs *out, struct err *err);

void vfs_clear(struct vfs *vfs);

/* One more, zeroed, at the end; valid until the next. NULL: out of memory. */
struct vfs_pf *vfs_add_pf(struct vfs *vfs);
struct vfs_vf *vfs_add_vf(struct vfs_pf *pf);

/* As vmfo-vfs(1) has it; new; NULL: out of memory. */
json_t *vfs_json(const struct vfs *vfs);

/*
 * The same back again, from another host. out: cleared by vfs_clear(), also after a failure.
 * Errors: ERR_REFUSED, EPROTO: not of that form; ERR_INTERNAL.
 */
int vfs_parse(const json_t *json, struct vfs *out, struct err *err);

#endif
