/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * For the tests of flows: a host with VFs that is made up (struct vf_host), and VMs on it in
 * folders of their own. It is that of vf_build.h, its VFs with the driver igbvf until they are
 * bound to another; what is done to it is logged. One program, one host, so it is static.
 */
#ifndef VMFO_TESTS_MADE_HOST_H
#define VMFO_TESTS_MADE_HOST_H

#include "flow/vf_host.h"
#include "flow/vm.h"
#include "tap.h"

#define MADE_VFS 8       /* of a PF, at most */
#define MADE_TOTAL_VFS 7 /* what each says that it can have */
#define MADE_PFS 2

struct made_host {
	int pfs, vfs;                             /* at first; then as set_num_vfs() has it */
	bool bare[MADE_PFS];                      /* that PF has none of its VFs yet */
	int64_t available_mib;                    /* memory; -1: it does not say */
	void (*change)(struct host_facts *facts); /* of each reading; NULL */
	int read_ms;                              /* that a reading takes */
	int busy_ms;                              /* that a VF is busy when it is to be set */
	char driver[MADE_PFS][MADE_VFS][VF_DRIVER_SIZE];
	struct vf_settings settings[MADE_PFS][MADE_VFS];
	unsigned int unsupported; /* fields that no driver knows */
	const char *fail;         /* the first part of the log's line that is to fail; NULL */
	int interrupts;           /* of each VF; negative: they cannot be seen */
	int error;                /* and with what */
	int memory_node;          /* of every VM; -1: not known */
	pid_t asked;              /* of which process it was asked for last */
	void (*watch)(void);      /* called as each line is logged; NULL */
	char log[2048];           /* "bind 0000:01:10.0 vfio-pci, …" */
	char told[2048];          /* the narration, a line each */
};

extern struct made_host made;
extern const struct vf_host made_vf_host;
extern struct flow_env made_env;

/* One PF with so many VFs, no VMs. Ends what there was before. */
void made_begin(int vfs);
void made_end(void);

/* What was logged since the last time; into made.log, which the next one clears. */
#define LOGGED(want, what)                    \
	do {                                  \
		is_str(made.log, want, what); \
		*made.log = '\0';             \
	} while (0)

/* host.json's physnets: "prod" with the PFs 0 to pfs - 1, which are to have so many VFs. */
void made_settings(int pfs, int vfs);

/* A pair of a definition, by JSON; more: ", \"vlan\": 5" of its primary. */
#define MADE_VF(id, mac, more)                                                       \
	"{\"id\": \"" id "\", \"mac\": \"52:54:00:00:" mac "\", \"standby\": "       \
	"{\"bridge\": \"vmfotest0\"}, \"primary\": {\"kind\": \"vf\", \"physnet\": " \
	"\"prod\"" more "}}"

/* A VM with such pairs and 160 MiB, its lock held. */
struct vm *made_vm(const char *name, const char *pairs);

/* The address of the VF of its pair of that number; "none"; borrowed. */
const char *made_vf(const struct vm *vm, size_t pair);

/* Whether there is a file that says what it has reserved. */
bool made_has_reservation(const struct vm *vm);

/* As if its vmfo had crashed: the lock goes, everything else stays. */
void made_crash(struct vm *vm);

#endif
