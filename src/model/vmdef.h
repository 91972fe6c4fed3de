/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A VM's definition, as vmfo-vm(5) documents it: parsed, checked, and with every
 * default filled in. Pure: text in, struct out.
 */
#ifndef VMFO_MODEL_VMDEF_H
#define VMFO_MODEL_VMDEF_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "model/mac.h"

#define VMDEF_SCHEMA "vmfo.vm/1"
#define VMDEF_MAX_BYTES (1024 * 1024) /* of its JSON text */

/* Where a NIC's host side is plugged in: exactly one of the two is set. */
struct vm_port {
	char *bridge; /* vmfo makes a tap for it and adds it to this bridge */
	char *tap;    /* an existing tap, which the operator has connected */
};

enum vm_vhost { VM_VHOST_AUTO, VM_VHOST_ON, VM_VHOST_OFF }; /* auto: where it is there */

struct vm_standby {
	struct vm_port port;
	enum vm_vhost vhost;
	int queues; /* 1 to 16 queue pairs */
};

enum vm_primary_kind { VM_PRIMARY_EMULATED, VM_PRIMARY_VF };

/* Of a VF; LEFT: not given, as the host has it. */
enum vm_link_state { VM_LINK_AUTO, VM_LINK_ENABLE, VM_LINK_DISABLE, VM_LINK_LEFT };

struct vm_primary {
	enum vm_primary_kind kind;
	/* emulated */
	char *model; /* a QEMU PCIe NIC: "e1000e" */
	struct vm_port port;
	/* vf */
	char *physnet;
	int vlan; /* 0: none; 1 to 4094 */
	int qos;  /* of the VLAN; 0 to 7 */
	bool trust;
	int spoof_check; /* 0, 1; -1: not given, left as it is */
	enum vm_link_state link_state;
	int min_rate, max_rate; /* Mbit/s; 0: not given, left as it is */
};

/*
 * A failover pair. Its QEMU ids derive from id: standby `ID`, primary `ID-primary`, and
 * their root ports and netdevs with `rp-` and `net-` before them.
 */
struct vm_pair {
	char *id;
	struct mac mac;
	int mtu; /* 1500 to 65535; 0: not given, the guest's default */
	struct vm_standby standby;
	struct vm_primary primary;
};

/* A plain NIC, virtio-net without failover. */
struct vm_nic {
	char *id;
	struct mac mac;
	int mtu; /* 68 to 65535; 0: not given */
	struct vm_port port;
	enum vm_vhost vhost;
	int queues;
};

struct vm_disk {
	char *id;
	char *path;
	char *format; /* "raw", "qcow2" */
	char *cache;  /* "none", "directsync", "writeback", "writethrough", "unsafe" */
	bool readonly;
};

/* A read-only image: an installation medium, cloud-init data. */
struct vm_media {
	char *id;
	char *path;
};

struct vmdef {
	char *name;
	char *uuid;
	char *machine; /* "pc-q35-7.2" */
	char **accel;  /* in order of preference: "kvm", "tcg" */
	size_t n_accel;
	struct {
		char *model;
		int count;
		bool enforce;
	} cpu;
	struct {
		int mib;
		bool huge_pages;
		bool preallocated;
	} memory;
	struct {
		char *kernel, *initrd, *cmdline;     /* kernel NULL: not a direct boot */
		char *firmware_code, *firmware_vars; /* NULL: SeaBIOS */
	} boot;
	struct vm_disk *disks;
	size_t n_disks;
	struct vm_media *media;
	size_t n_media;
	struct vm_pair *pairs;
	size_t n_pairs;
	struct vm_nic *nics;
	size_t n_nics;
	bool serial_log;  /* the guest's serial port is written to RUNDIR/NAME/serial.log */
	bool guest_agent; /* a channel for the QEMU guest agent, RUNDIR/NAME/qga.sock */
	char *qemu;       /* binary; NULL: the host's */
	char **qemu_args; /* appended as they are */
	size_t n_qemu_args;
	json_t *source; /* the object it was made from: what travels, and what is stored */
};

/*
 * Parses a definition. file: its name for messages. out: freed by vmdef_free().
 * Errors: ERR_USAGE, EINVAL: FILE:LINE, the JSON path ("$.pairs[1].mac"), what was
 * found, what is allowed. Unknown keys, wrong types, values out of range, two devices
 * of one id and invalid UTF-8 are errors.
 */
int vmdef_parse(const char *text, size_t len, const char *file, struct vmdef **out,
		struct err *err);

void vmdef_free(struct vmdef *def); /* takes NULL */

/*
 * Calls fn for every key of the format, in its order: for those who document it. path:
 * "pairs[].standby.vhost"; type: what is allowed, in words, with the default; help: one
 * line. All are valid during the call only.
 */
void vmdef_each_key(void (*fn)(void *data, const char *path, const char *type,
			       const char *help),
		    void *data);

/*
 * Whether name is fit to be a VM's: letters, digits, '_', '.', '-', not first '-' or '.', at
 * most 48 bytes. Nothing else can leave the run folder, or be taken for an option.
 * Errors: ERR_USAGE, EINVAL.
 */
int vm_name_check(const char *name, struct err *err);

/* QEMU's id of a pair's primary device, into buf (at least 80 bytes).  Return: buf. */
const char *vm_primary_id(const struct vm_pair *pair, char *buf, size_t size);

#endif
