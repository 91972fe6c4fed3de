/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * This host's settings, as vmfo-host(5) documents host.json. Pure: text in, struct out.
 */
#ifndef VMFO_MODEL_HOSTDEF_H
#define VMFO_MODEL_HOSTDEF_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define HOSTDEF_SCHEMA "vmfo.host/1"
#define HOSTDEF_MAX_BYTES (1024 * 1024)

/* A layer-2 network, and the PFs that are connected to it: no PF to two. */
struct host_physnet {
	char *id;   /* as definitions name it; no two alike */
	char **pfs; /* names of their links, at most 15 bytes; at least one */
	size_t n_pfs;
	int vfs;           /* 1 to 255: made on each PF; 0: not given, vmfo makes none */
	char *vfio_driver; /* that its VFs are bound to; default "vfio-pci" */
};

struct hostdef {
	char *qemu;           /* the QEMU binary; NULL: host/qemu_binary.h finds one */
	char **agent_command; /* argv on a far host; default {"vmfo", "agent"} */
	size_t n_agent_command;
	struct {
		char *config; /* ssh_config file for `ssh -F`; NULL: OpenSSH's own choice */
	} ssh;
	struct {
		char *url;      /* NULL: nobody is notified */
		char **headers; /* "Name: value" */
		size_t n_headers;
		int timeout; /* seconds, 1 to 300; default 10 */
	} notify;
	struct host_physnet *physnets;
	size_t n_physnets;
	/* Defaults of migrate's options, each overridden by its option. */
	struct {
		int unplug_timeout; /* seconds; default 30 */
		int timeout;        /* seconds for the whole of precopy; default 0: no limit */
		int downtime_limit; /* milliseconds; default 300 */
		int64_t bandwidth;  /* bytes a second; default 0: no limit */
	} migrate;
	json_t *source;
};

/* Like vmdef_parse(). text NULL: all defaults, for a host without the file. */
int hostdef_parse(const char *text, size_t len, const char *file, struct hostdef **out,
		  struct err *err);

void hostdef_free(struct hostdef *def); /* takes NULL */

/* NULL: this host has no physnet of that name. */
const struct host_physnet *hostdef_find_physnet(const struct hostdef *def, const char *id);

/* Like vmdef_each_key(). */
void hostdef_each_key(void (*fn)(void *data, const char *path, const char *type,
				 const char *help),
		      void *data);

#endif
