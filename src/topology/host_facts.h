/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A host as the topology rules see it: PCI functions, IOMMU groups, links, memory,
 * limits, files. Filled in by src/host/, of this host or of one that was captured.
 */
#ifndef VMFO_TOPOLOGY_HOST_FACTS_H
#define VMFO_TOPOLOGY_HOST_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "model/mac.h"
#include "topology/guest_facts.h"

#define PCI_ADDRESS_SIZE 16 /* "0000:01:10.0" and its NUL; domains of VMD have 8 digits */
#define LINK_NAME_SIZE 16   /* IFNAMSIZ */

/* ---- PCI ---- */

struct pci_function {
	char address[PCI_ADDRESS_SIZE];
	char name[96]; /* "Intel Corporation 82576 Virtual Function", by pci.ids; "" */
	uint16_t vendor, device;
	uint32_t class;  /* 0x020000 */
	char driver[32]; /* bound; "": none */
	int iommu_group; /* -1: none */
	int numa_node;   /* -1 */
	/*
	 * Capabilities. Only root sees all of the configuration space: where it was not seen,
	 * caps_known is false, express and sriov are what sysfs shows, and acs is false.
	 */
	bool caps_known;
	bool express, sriov, acs;
	bool bridge;            /* header type 1 */
	bool multifunction;     /* header bit, or another function in the slot; no VF is */
	int total_vfs, num_vfs; /* of a PF that can have VFs */
	char physfn[PCI_ADDRESS_SIZE]; /* of a VF: its PF; "" */
	int vf_index;                  /* of a VF, within its PF; -1 */
};

struct vfio_group {
	int number;
	bool node;       /* /dev/vfio/N is there */
	bool accessible; /* by this process */
	bool viable;     /* VFIO_GROUP_GET_STATUS says so */
	/*
	 * Of opening it and asking; 0: it opens; EBUSY: somebody has it; -1: not tried, it is
	 * but the name of a captured host's node, or of a VF that a VM here holds.
	 */
	int open_errno;
	pid_t holder; /* who has it open; 0: nobody that can be seen */
	char holder_name[32];
};

/* ---- network ---- */

enum vf_link_state { VF_LINK_AUTO, VF_LINK_ENABLE, VF_LINK_DISABLE, VF_LINK_UNKNOWN };

struct link_vf {
	int index;
	struct mac mac; /* administrative; zero: none */
	int vlan, qos;  /* 0: none */
	enum fact spoofchk, trust;
	enum vf_link_state link_state;
	bool rate_known;
	uint32_t min_rate, max_rate; /* Mbit/s; 0: none */
};

enum eswitch_mode { ESWITCH_UNKNOWN, ESWITCH_LEGACY, ESWITCH_SWITCHDEV };

struct host_link {
	char name[LINK_NAME_SIZE];
	int index;
	struct mac mac;
	int mtu, max_mtu; /* 0: not said */
	bool up, carrier;
	char master[LINK_NAME_SIZE]; /* "": none */
	char lower[LINK_NAME_SIZE];  /* of a VLAN device: what it lies on; "" */
	char kind[16];               /* "bridge", "vlan", "tun", "bond"; "": hardware */
	int vlan_id;                 /* of a VLAN device */
	bool vlan_filtering;         /* of a bridge */
	int pvid;                    /* of a bridge that filters: its default; 0: none */
	char pci[PCI_ADDRESS_SIZE];  /* of hardware; "" */
	enum eswitch_mode eswitch;   /* of a PF */
	struct link_vf *vfs;
	size_t n_vfs;
};

struct host_fdb {
	struct mac mac;
	char port[LINK_NAME_SIZE];
	int vlan;   /* 0: none */
	bool self;  /* of the device's own filter, not of its bridge */
	bool fixed; /* "static" or "permanent": nobody learned it */
};

/* ---- files ---- */

enum file_role {
	FILE_DISK,
	FILE_MEDIA,
	FILE_KERNEL,
	FILE_INITRD,
	FILE_FIRMWARE,
	FILE_VARS,
	FILE_ROM,
};

struct host_file {
	enum file_role role;
	char id[80]; /* of the disk or medium; "" */
	char *path;
	int error;           /* errno of reaching it as it is needed; 0 */
	int64_t size;        /* bytes; of a block device its capacity; -1 */
	bool block;          /* a block device */
	char wwn[128];       /* of a block device; "" */
	char filesystem[32]; /* "ext4", "nfs", "9p"; "" */
	/* YES: other hosts can have it; the second: and see each other's writes at once. */
	enum fact fs_shared, fs_coherent;
	enum fact locked; /* somebody holds QEMU's image lock on it, as seen from here */
};

/* ---- all ---- */

struct huge_pages {
	int64_t page_kib;
	int64_t total, free; /* pages */
};

struct host_facts {
	/*
	 * false: read from a folder. What only a living host can be asked (opening a node,
	 * locks, tap offloads) is unknown then.
	 */
	bool live;
	char kernel[64];                /* release */
	char boot_id[40];               /* which kernel it is that runs here; "" */
	struct pci_function *functions; /* sorted by address */
	size_t n_functions;
	const char *pci_missing;   /* why there are none; static; NULL */
	bool iommu_tables;         /* firmware has DMAR or IVRS */
	int n_iommu_groups;        /* -1: unknown */
	struct vfio_group *groups; /* those of functions that are bound to vfio */
	size_t n_groups;
	struct host_link *links;
	size_t n_links;
	struct host_fdb *fdb;
	size_t n_fdb;
	const char *links_missing;                      /* why there are none; static; NULL */
	int64_t memory_total_kib, memory_available_kib; /* -1 */
	struct huge_pages *huge_pages;
	size_t n_huge_pages;
	/* Bytes; -1: unlimited; -2: unknown. */
	int64_t memlock_soft, memlock_hard;
	/*
	 * CAP_IPC_LOCK: no limit holds; CAP_SYS_RESOURCE: it can be raised; UNKNOWN: not said.
	 */
	enum fact cap_ipc_lock, cap_sys_resource;
	char cpu_model[128]; /* "" */
	char *cpu_flags;     /* of /proc/cpuinfo, as it is; NULL */
	enum fact kvm;       /* /dev/kvm can be opened */
	enum fact vhost_net;
	uint32_t tap_offloads; /* TUN_F_… that a tap here takes */
	bool tap_offloads_known;
	struct host_file *files;
	size_t n_files;
};

void host_facts_free(struct host_facts *facts); /* takes NULL */

/*
 * A PCI address ("1:10.0", "0000:01:10.0", either case) as the kernel writes it, into out.
 * Return: false, and "" in out: it is none.
 */
bool pci_address_normalize(const char *text, char out[PCI_ADDRESS_SIZE]);

/* Each borrowed; NULL: none. address: with or without its domain. */
const struct pci_function *host_find_function(const struct host_facts *facts,
					      const char *address);
const struct host_link *host_find_link(const struct host_facts *facts, const char *name);
const struct vfio_group *host_find_group(const struct host_facts *facts, int number);
const struct host_file *host_find_file(const struct host_facts *facts, const char *path);

/* The link of a PF (or of a VF that the host itself uses). */
const struct host_link *host_link_of(const struct host_facts *facts,
				     const struct pci_function *function);
/* What the PF's driver says of a VF; NULL: it says nothing, or it is no VF. */
const struct link_vf *host_vf_of(const struct host_facts *facts,
				 const struct pci_function *function);

/*
 * Whether other, of the same IOMMU group as vf, keeps that group from being opened: the kernel
 * wants every device of it with vfio, with pci-stub, without a driver, or to be a bridge.
 * Source: Linux Documentation/driver-api/vfio.rst, "Groups, Devices, and IOMMUs".
 */
bool host_is_in_the_way(const struct pci_function *vf, const struct pci_function *other);

#endif
