/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Definitions on this host. The authoritative one is STATEDIR/vms/NAME.json, seeded from
 * CONFDIR/vms/NAME.json at the first launch. Once the VM has been migrated away it is a
 * tombstone, which names where the VM went and wins over a file that configuration
 * management put back into CONFDIR.
 */
#ifndef VMFO_FLOW_STORE_H
#define VMFO_FLOW_STORE_H

#include "flow/env.h"
#include "model/vmdef.h"

/*
 * The definition to launch name from: file if given (it must define name), else the
 * authoritative one, else CONFDIR's.
 * Errors: ERR_REFUSED: none, or a tombstone (EXDEV); ERR_USAGE: not valid.
 */
int store_load(struct flow_env *env, const char *name, const char *file, struct vmdef **out,
	       struct err *err);

/* Only the authoritative one.  Return: 1; 0: there is none, or a tombstone; a failure. */
int store_load_stored(struct flow_env *env, const char *name, struct vmdef **out,
		      struct err *err);

/* A definition from any file.  Errors: ERR_REFUSED: it cannot be read; ERR_USAGE: not valid. */
int store_read(const char *path, struct vmdef **out, struct err *err);

/* Makes def the authoritative definition of its VM here. */
int store_save(struct flow_env *env, const struct vmdef *def, struct err *err);

/* Replaces the definition by a tombstone. */
int store_bury(struct flow_env *env, const char *name, const char *moved_to,
	       const char *migration, struct err *err);

/* Where the VM went: moved_to is the host of its tombstone, the caller's; NULL: none. */
int store_moved_to(struct flow_env *env, const char *name, char **moved_to, struct err *err);

/* The path of the authoritative definition; freed by the caller, NULL: out of memory. */
char *store_path(const struct flow_env *env, const char *name);

/* The names of all VMs that are defined, buried or running here, sorted, each once. */
int store_names(struct flow_env *env, struct strv *out, struct err *err);

#endif
