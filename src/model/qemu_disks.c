/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/qemu_build.h"

#include <stdio.h>

/* What a cache mode means to QEMU: docs of -drive, and qemu-img(1), CACHE. */
static const struct cache_mode {
	const char *name;
	bool direct, no_flush, write_cache;
} cache_modes[] = {
	{ "none", true, false, true },       { "directsync", true, false, false },
	{ "writeback", false, false, true }, { "writethrough", false, false, false },
	{ "unsafe", false, true, true },
};

static const struct cache_mode *find_mode(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(cache_modes); i++)
		if (str_eq(cache_modes[i].name, name))
			return &cache_modes[i];
	return &cache_modes[0];
}

/*
 * By its name, since no file is looked at here: QEMU's driver `file` takes no block
 * device, and `host_device` no file. /dev/shm is a file system for files.
 */
static const char *protocol(const char *path)
{
	return str_starts(path, "/dev/") && !str_starts(path, "/dev/shm/") ? "host_device" :
									     "file";
}

/*
 * Node names are numbered: QEMU takes at most 31 bytes, which an id may have already.
 * In JSON, where a path needs no escaping of commas.
 */
static void add_node(struct qemu_build *b, const char *node, const char *format,
		     const char *path, bool readonly, const struct cache_mode *mode)
{
	_cleanup_free_ char *text = NULL;
	json_t *cache =
		json_pack("{sb sb}", "direct", mode->direct, "no-flush", mode->no_flush);
	json_t *json = json_pack("{ss ss sb sO s{ss ss sb so}}", "driver", format, "node-name",
				 node, "read-only", readonly, "cache", cache, "file", "driver",
				 protocol(path), "filename", path, "read-only", readonly,
				 "cache", cache);

	text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	json_decref(json);
	if (!text) {
		b->argv->failed = true;
		return;
	}
	strv_add(b->argv, "-blockdev");
	strv_add(b->argv, text);
}

static void add_disk(struct qemu_build *b, const struct vm_disk *disk, size_t index)
{
	const struct cache_mode *mode = find_mode(disk->cache);
	_cleanup_qemu_opts_ struct qemu_opts thread = QEMU_OPTS("iothread");
	_cleanup_qemu_opts_ struct qemu_opts device = QEMU_OPTS("virtio-blk-pci");
	char node[32];

	snprintf(node, sizeof(node), "disk%zu", index);
	add_node(b, node, disk->format, disk->path, disk->readonly, mode);
	/* Its own thread: the guest's disk goes on while a plug holds QEMU's main loop. */
	qemu_opts_addf(&thread, "id", "io-%s", disk->id);
	qemu_opts_write(&thread, "-object", b->argv);
	qemu_build_port(b, disk->id);
	qemu_build_on_port(&device, disk->id);
	qemu_opts_add(&device, "drive", node);
	qemu_opts_addf(&device, "iothread", "io-%s", disk->id);
	qemu_opts_add(&device, "write-cache", mode->write_cache ? "on" : "off");
	qemu_opts_addf(&device, "bootindex", "%zu", index + 1);
	qemu_opts_write(&device, "-device", b->argv);
}

/* On the machine's own SATA ports: a CD drive needs no root port, and no driver of ours. */
static void add_media(struct qemu_build *b, const struct vm_media *media, size_t index)
{
	_cleanup_qemu_opts_ struct qemu_opts device = QEMU_OPTS("ide-cd");
	char node[32];

	snprintf(node, sizeof(node), "media%zu", index);
	add_node(b, node, "raw", media->path, true, find_mode("writeback"));
	qemu_opts_add(&device, "id", media->id);
	qemu_opts_addf(&device, "bus", "ide.%zu", index);
	qemu_opts_add(&device, "drive", node);
	/* After all disks: an installation medium is booted while the disk is still empty. */
	qemu_opts_addf(&device, "bootindex", "%zu", b->def->n_disks + index + 1);
	qemu_opts_write(&device, "-device", b->argv);
}

void qemu_disks_add(struct qemu_build *b)
{
	for (size_t i = 0; i < b->def->n_disks; i++)
		add_disk(b, &b->def->disks[i], i);
	for (size_t i = 0; i < b->def->n_media; i++)
		add_media(b, &b->def->media[i], i);
}
