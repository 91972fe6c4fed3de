/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A VM on this host: its folder, its lock, its definition, its QEMU process and QMP.
 *
 * RUNDIR/NAME/ holds: lock; vm.json (the running definition, the process, the taps, what
 * its QEMU has of qemu-patches/); reservation.json (flow/reservation.h); pid (for people);
 * qmp.sock; monitor.sock (the operator's); qemu.log; and, as they apply, serial.log,
 * qga.sock, state.json, incoming.sock.
 */
#ifndef VMFO_FLOW_VM_H
#define VMFO_FLOW_VM_H

#include <stdint.h>

#include "base/cleanup.h"
#include "flow/env.h"
#include "host/net.h"
#include "host/vf_settings.h"
#include "io/child.h"
#include "io/lock.h"
#include "model/qemu_argv.h"
#include "model/vmdef.h"
#include "proto/qmp.h"
#include "topology/qemu_facts.h"

/* No QMP reply is awaited for less: QEMU's main loop stalls while RAM is pinned. */
#define VM_QMP_TIMEOUT_MS 20000
/* To pin a guest's RAM. A field report of 54 s for 137 GB makes 0.4 s. */
#define VM_PIN_MS_PER_GIB 1000

/* A tap that vmfo made for this VM. */
struct vm_tap {
	char *nic;    /* id of the pair or NIC */
	bool primary; /* of an emulated primary */
	char *bridge;
	char name[NET_NAME_SIZE];
};

/*
 * A VF of this host that the VM holds for a pair, and what it was before. vf_settings of
 * `before` that the PF's driver does not say are not among its fields.
 */
struct vm_vf {
	char *pair;
	char address[PCI_ADDRESS_SIZE];
	char pf[LINK_NAME_SIZE]; /* its PF's link */
	char pf_driver[32];
	int index;       /* within its PF */
	char former[32]; /* the driver that it was taken from; "": none */
	bool bound;      /* it was taken from it */
	bool set;        /* its settings are not `before` any more */
	struct vf_settings before;
	unsigned int unsupported; /* enum vf_field: of its pair's, what its PF does not know */
	/*
	 * It was tried and given up. QEMU may remember it for good, so nobody else gets it
	 * while that QEMU lives.
	 */
	bool spare;
};

struct vm {
	struct flow_env *env; /* borrowed */
	char *name;
	char *rundir;
	struct lock *lock;  /* NULL: not held by this vmfo */
	struct vmdef *def;  /* NULL: not loaded */
	pid_t pid;          /* 0: not running */
	int pidfd;          /* -1: not running */
	struct child child; /* set where this vmfo started QEMU */
	struct vm_tap *taps;
	size_t n_taps;
	struct vm_vf *vfs; /* of its reservation (flow/reservation.h) */
	size_t n_vfs;
	struct qmp *qmp; /* NULL: not connected */
	/* What its QEMU has, as that said at its start; none of a QEMU that was not asked. */
	struct qemu_patches patches;
};

/* Checks the name; touches nothing.  Errors: ERR_USAGE. */
int vm_open(struct flow_env *env, const char *name, struct vm **out, struct err *err);
/* Releases the lock and the connection; QEMU goes on. Takes NULL. */
void vm_close(struct vm *vm);

static inline void vm_closep(struct vm **vm)
{
	vm_close(*vm);
}

/* A path in the VM's run folder; freed by the caller, NULL: out of memory. */
char *vm_path(const struct vm *vm, const char *file);

/* Takes the VM's lock, waiting a moment for one that is held in passing. */
int vm_lock(struct vm *vm, const char *operation, struct err *err);

/*
 * Reads vm.json: definition, process, taps.  Return: 1 when its QEMU runs, 0 when it
 * does not (vm->def is set if there was a vm.json at all); or a failure.
 */
int vm_find_running(struct vm *vm, struct err *err);

/*
 * Refuses a VM that has an open journal here: until its migration is settled nobody
 * knows where it may run.  Errors: ERR_REFUSED, EUCLEAN.
 */
int vm_check_settled(const struct vm *vm, struct err *err);

/* For a new QEMU, whose taps are others than those of vm.json. */
void vm_forget_taps(struct vm *vm);

/* Writes vm.json and pid for a QEMU that was just started. */
int vm_record_running(struct vm *vm, struct err *err);

/* Connects to vmfo's QMP socket.  Errors: those of qmp_connect(), wrapped. */
int vm_connect(struct vm *vm, struct err *err);

/* qmp_command() on its session, with the usual deadline. args: stolen. */
int vm_qmp(struct vm *vm, const char *command, json_t *args, json_t **ret, struct err *err);

/*
 * The same for a command in which QEMU may realize a vfio device: that pins all of the guest's
 * RAM, and QMP stands still meanwhile.
 */
int vm_qmp_pinning(struct vm *vm, const char *command, json_t *args, struct err *err);

/* How much longer than usual that may take, for memory_mib of RAM. */
int64_t vm_pin_ms(int memory_mib);

/*
 * The migration capabilities that both sides of a migration need, and one more (may be
 * NULL).  Source: QAPI, MigrationCapability.
 */
int vm_set_capabilities(struct vm *vm, const char *extra, struct err *err);

/* QEMU's runstate ("running", "paused", "inmigrate", …) into out. */
int vm_runstate(struct vm *vm, char out[32], struct err *err);

/* False once the QEMU process has ended. */
bool vm_process_alive(struct vm *vm);

/* Waits until the process is gone.  Errors: ETIMEDOUT, ECANCELED. */
int vm_wait_gone(struct vm *vm, int64_t deadline, struct err *err);

/*
 * Ends QEMU: `quit`, then SIGTERM, then SIGKILL, and sees it gone; then closes QMP.
 */
int vm_end_qemu(struct vm *vm, struct err *err);

/* The run folder goes, and with it the lock. QEMU must be gone. */
int vm_remove_rundir(struct vm *vm, struct err *err);

/* The last line of qemu.log, for messages; into buf.  Return: buf, "" when there is none. */
const char *vm_log_tail(const struct vm *vm, char *buf, size_t size);

#endif
