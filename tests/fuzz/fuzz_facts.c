/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a captured host's files say of its links, and what another host's agent says of
 * itself and has found. The first byte of the input chooses.
 */
#include <assert.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "flow/vfs.h"
#include "host/links.h"
#include "topology/finding.h"
#include "topology/source_facts.h"

static const char *const files[] = { "links.json", "fdb.json", "devlink.json" };

/* PFs for the other two files to speak of. */
static const char pf[] = "[{\"ifname\":\"enp1s0f0\",\"ifindex\":2,\"parentbus\":\"pci\","
			 "\"parentdev\":\"0000:01:00.0\",\"vfinfo_list\":[{\"vf\":0}]}]";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- a captured host ---- */

static char sysroot[] = "/tmp/vmfo-fuzz-XXXXXX";

static const char *file_path(const char *name)
{
	static char path[sizeof(sysroot) + 32];

	snprintf(path, sizeof(path), "%s/vmfo/%s", sysroot, name);
	return path;
}

static void remove_sysroot(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		unlink(file_path(files[i]));
	rmdir(file_path(""));
	rmdir(sysroot);
}

static void make_sysroot(void)
{
	if (!mkdtemp(sysroot) || mkdir(file_path(""), 0700) < 0)
		abort();
	atexit(remove_sysroot);
}

static void write_file(const char *name, const void *data, size_t size)
{
	int fd = open(file_path(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size || close(fd) < 0)
		abort();
}

static void read_links(size_t file, const uint8_t *data, size_t size)
{
	struct host_facts *facts = calloc(1, sizeof(*facts));
	struct err err = ERR_INIT;

	if (!facts)
		abort();
	if (!strcmp(sysroot + strlen(sysroot) - 6, "XXXXXX"))
		make_sysroot();
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		unlink(file_path(files[i]));
	write_file(files[0], pf, sizeof(pf) - 1);
	write_file(files[file], data, size);
	if (links_read(sysroot, facts, &err) < 0)
		abort();
	assert(!facts->links_missing || (!facts->n_links && !facts->n_fdb));
	for (size_t i = 0; i < facts->n_links; i++)
		assert(*facts->links[i].name &&
		       memchr(facts->links[i].name, 0, LINK_NAME_SIZE));
	for (size_t i = 0; i < facts->n_fdb; i++)
		assert(*facts->fdb[i].port && facts->fdb[i].vlan <= 4095);
	host_facts_free(facts);
}

/* ---- another host's agent ---- */

/* What was taken in can be handed on, and says the same again. */
static void parse_source(const json_t *json)
{
	struct source_facts *facts, *again;
	struct err err = ERR_INIT;
	json_t *out;

	if (source_facts_parse(json, &facts, &err) < 0) {
		assert(err.kind == ERR_REFUSED && err.msg[0]);
		return;
	}
	out = source_facts_json(facts);
	if (!out || source_facts_parse(out, &again, &err) < 0)
		abort();
	assert(again->n_files == facts->n_files && again->n_vf_models == facts->n_vf_models);
	source_facts_free(again);
	json_decref(out);
	source_facts_free(facts);
}

static void parse_findings(const json_t *json)
{
	struct findings findings = { 0 };
	struct err err = ERR_INIT;
	json_t *out;

	if (findings_parse(json, &findings, &err) < 0) {
		assert(err.kind == ERR_REFUSED && err.msg[0]);
	} else {
		findings_sort(&findings);
		out = findings_json(&findings);
		assert(json_array_size(json_object_get(out, "findings")) == findings.n);
		json_decref(out);
	}
	findings_clear(&findings);
}

static void parse_vfs(const json_t *json)
{
	struct vfs vfs, again;
	struct err err = ERR_INIT;
	json_t *first, *second;

	if (vfs_parse(json, &vfs, &err) < 0) {
		assert(err.kind == ERR_REFUSED && err.msg[0]);
		vfs_clear(&vfs);
		return;
	}
	first = vfs_json(&vfs);
	if (!first || vfs_parse(first, &again, &err) < 0)
		abort();
	second = vfs_json(&again);
	assert(json_equal(first, second));
	json_decref(first);
	json_decref(second);
	vfs_clear(&vfs);
	vfs_clear(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t choice = size ? data[0] % (ARRAY_SIZE(files) + 2) : 0;
	json_t *json;

	if (!size)
		return 0;
	if (choice < ARRAY_SIZE(files)) {
		read_links(choice, data + 1, size - 1);
		return 0;
	}
	json = json_loadb((const char *)data + 1, size - 1, 0, NULL);
	if (!json)
		return 0;
	if (choice == ARRAY_SIZE(files)) {
		parse_source(json);
	} else {
		parse_findings(json);
		parse_vfs(json);
	}
	json_decref(json);
	return 0;
}
