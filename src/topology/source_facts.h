/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a migration's target must know of its source. It travels as JSON in the agent's
 * op "check".
 */
#ifndef VMFO_TOPOLOGY_SOURCE_FACTS_H
#define VMFO_TOPOLOGY_SOURCE_FACTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "topology/host_facts.h"

struct source_file {
	char *path;
	int64_t size;  /* -1 */
	char wwn[128]; /* "" */
	bool locked;   /* the running QEMU holds its image lock on it */
};

struct source_facts {
	bool running;  /* the VM runs there: locks are to be seen */
	char *boot_id; /* of its kernel, whose locks they are; NULL */
	char *qemu_version;
	bool kvm;
	char *machine;   /* the running machine type's real name; NULL */
	char *cpu_model; /* of the host's CPU; NULL */
	char *cpu_flags; /* NULL */
	uint32_t tap_offloads;
	bool tap_offloads_known;
	/* Of each pair's primary: vendor << 16 | device; 0: no VF, unknown. */
	uint32_t *vf_models;
	size_t n_vf_models;
	struct source_file *files;
	size_t n_files;
};

/* New; NULL: out of memory. */
json_t *source_facts_json(const struct source_facts *facts);

/* Errors: ERR_REFUSED, EPROTO: not what source_facts_json() makes. Unknown keys pass. */
int source_facts_parse(const json_t *json, struct source_facts **out, struct err *err);
void source_facts_free(struct source_facts *facts); /* takes NULL */

const struct source_file *source_find_file(const struct source_facts *facts, const char *path);

#endif
