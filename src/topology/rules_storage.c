/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The files that a definition names, on each host for itself. Whether two hosts have the
 * same ones: rules_shared.c.
 */
#include <errno.h>
#include <stdio.h>

#include "base/str.h"
#include "topology/rule.h"

static const struct host_file *find_file(const struct topo *topo, enum file_role role,
					 const char *path)
{
	for (size_t i = 0; i < topo->host->n_files; i++)
		if (topo->host->files[i].role == role &&
		    str_eq(topo->host->files[i].path, path))
			return &topo->host->files[i];
	return NULL;
}

/* As qemu_argv() chooses the driver: host_device for these names, file for all others. */
static bool is_device_name(const char *path)
{
	return str_starts(path, "/dev/") && !str_starts(path, "/dev/shm/");
}

/* What keeps QEMU from a file; NULL: nothing. */
static const char *obstacle(const struct topo *topo, const struct host_file *file)
{
	bool by_name = file->role == FILE_DISK || file->role == FILE_MEDIA;
	bool flash = file->role == FILE_FIRMWARE || file->role == FILE_VARS;

	if (file->error == EISDIR)
		return "it is a folder";
	if (file->error == ENOTSUP)
		return "it is neither a regular file nor a block device";
	if (file->error)
		return strerrordesc_np(file->error) ?: "it cannot be reached";
	if (flash && file->block)
		return "it is a block device, and must be a regular file";
	/* In a captured host a regular file may stand for a device. */
	if (!by_name || !topo->host->live || file->block == is_device_name(file->path))
		return NULL;
	return file->block ? "it is a block device, which needs a path below /dev" :
			     "it is a regular file, and below /dev a device is expected";
}

static void check_file(const struct topo *topo, struct verdict *verdict, enum file_role role,
		       const char *what, const char *id, const char *path)
{
	const struct host_file *file;
	const char *reason;
	char object[128];

	if (!path)
		return;
	file = find_file(topo, role, path);
	if (!file) {
		verdict_unknown(verdict, "%s %s was not looked at", what, path);
		return;
	}
	if (!topo->host->live && file->error == ENOENT) {
		verdict_unknown(verdict, "%s %s: the captured host has no copy of it", what,
				path);
		return;
	}
	reason = obstacle(topo, file);
	if (!reason)
		return;
	snprintf(object, sizeof(object), "%s%s%s", what, *id ? " " : "", id);
	verdict_find(verdict, object, "%s %s: %s", what, path, reason);
}

static void rule_check_disk_missing(const struct topo *topo, struct verdict *verdict)
{
	for (size_t i = 0; i < topo->def->n_disks; i++)
		check_file(topo, verdict, FILE_DISK, "disk", topo->def->disks[i].id,
			   topo->def->disks[i].path);
}

static void rule_check_media_missing(const struct topo *topo, struct verdict *verdict)
{
	for (size_t i = 0; i < topo->def->n_media; i++)
		check_file(topo, verdict, FILE_MEDIA, "media", topo->def->media[i].id,
			   topo->def->media[i].path);
}

static void rule_check_boot_file_missing(const struct topo *topo, struct verdict *verdict)
{
	check_file(topo, verdict, FILE_KERNEL, "kernel", "", topo->def->boot.kernel);
	check_file(topo, verdict, FILE_INITRD, "initrd", "", topo->def->boot.initrd);
}

static void rule_check_firmware_missing(const struct topo *topo, struct verdict *verdict)
{
	check_file(topo, verdict, FILE_FIRMWARE, "firmware", "", topo->def->boot.firmware_code);
	check_file(topo, verdict, FILE_VARS, "firmware variables", "",
		   topo->def->boot.firmware_vars);
}

/* ---- caches ---- */

static void check_cache(const struct topo *topo, struct verdict *verdict,
			const struct vm_disk *disk)
{
	const struct host_file *file = find_file(topo, FILE_DISK, disk->path);
	bool flushes = !str_eq(disk->cache, "unsafe");
	enum severity severity = flushes ? SEVERITY_WARNING : SEVERITY_ERROR;
	char object[128];

	/* Past the page cache there is nothing that could be old. */
	if (disk->readonly || str_eq(disk->cache, "none") || str_eq(disk->cache, "directsync"))
		return;
	snprintf(object, sizeof(object), "disk %s", disk->id);
	if (!file || file->error || (!file->block && !*file->filesystem)) {
		verdict_unknown(verdict, "%s: it is not known what %s lies on", object,
				disk->path);
	} else if (file->block) {
		verdict_find_as(
			verdict, severity, object,
			"cache mode \"%s\" on %s, a block device: each host caches it for "
			"itself%s",
			disk->cache, disk->path,
			flushes ? "" : ", and QEMU never flushes what it has written");
	} else if (file->fs_shared == FACT_NO || file->fs_coherent == FACT_YES) {
		return;
	} else if (file->fs_coherent == FACT_UNKNOWN) {
		verdict_unknown(verdict,
				"%s: cache mode \"%s\" on %s: it is not known whether its "
				"server keeps the caches of two hosts equal",
				object, disk->cache, file->filesystem);
	} else {
		verdict_find_as(verdict, severity, object,
				"cache mode \"%s\" on %s, where each host has a cache of its "
				"own%s",
				disk->cache, file->filesystem,
				flushes ? "" : ", and QEMU never flushes what it has written");
	}
}

static void rule_check_disk_cache_unsafe(const struct topo *topo, struct verdict *verdict)
{
	for (size_t i = 0; i < topo->def->n_disks; i++)
		check_cache(topo, verdict, &topo->def->disks[i]);
}

const struct rule rules_storage[] = {
	{
		.name = "disk-missing",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_HOST,
		.needs = NEEDS(TOPO_DEFINITION) | NEEDS(TOPO_HOST),
		.summary = "a disk of the VM is not there, or cannot be used",
		.why = "QEMU opens every disk before the guest starts, for reading and, unless "
		       "it is \"readonly\", for writing. It does not start without one of them, "
		       "nor does a migration's target.",
		.remedy =
			"Mount the storage that has the disk, at the same path on every host; "
			"permit the user that runs QEMU to read and write it; or correct "
			"\"path\" of the disk in the definition.",
		.source = "QEMU block/file-posix.c (raw_open_common, hdev_open)",
		.check = rule_check_disk_missing,
	},
	{
		.name = "media-missing",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_HOST,
		.needs = NEEDS(TOPO_DEFINITION) | NEEDS(TOPO_HOST),
		.summary = "an ISO or cloud-init image of the VM is not there",
		.why = "QEMU opens every medium before the guest starts. A medium that only one "
		       "host has is a usual reason why a VM that runs cannot be moved.",
		.remedy = "Copy the image to the same path on this host, or take it out of "
			  "\"media\" in the definition once the guest is installed.",
		.source = "QEMU block/file-posix.c (raw_open_common)",
		.check = rule_check_media_missing,
	},
	{
		.name = "boot-file-missing",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_HOST,
		.needs = NEEDS(TOPO_DEFINITION) | NEEDS(TOPO_HOST),
		.summary = "the kernel or the initrd of a direct boot is not there",
		.why = "QEMU loads both at its start. A migration's target loads them too, "
		       "although the guest has booted already.",
		.remedy = "Copy the file to the same path on every host, or correct \"kernel\" "
			  "and \"initrd\" of \"boot\" in the definition.",
		.source = "QEMU hw/i386/x86.c (x86_load_linux)",
		.check = rule_check_boot_file_missing,
	},
	{
		.name = "firmware-missing",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_HOST,
		.needs = NEEDS(TOPO_DEFINITION) | NEEDS(TOPO_HOST),
		.summary = "the UEFI firmware or its file of variables is not there",
		.why = "QEMU maps both as flash memory at its start, and needs to write the "
		       "variables.",
		.remedy = "Install the firmware's package (Debian: ovmf), copy the template of "
			  "the variables to the VM's own file, or correct \"boot\" in the "
			  "definition.",
		.source = "QEMU hw/i386/pc_sysfw.c (pc_system_firmware_init)",
		.check = rule_check_firmware_missing,
	},
	{
		.name = "disk-cache-unsafe",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_HOST,
		.needs = NEEDS(TOPO_DEFINITION) | NEEDS(TOPO_HOST),
		.summary =
			"a disk's cache mode is not safe where hosts have caches of their own",
		.why = "With the page cache in between, the target may read blocks that it "
		       "cached earlier, and not those that the source has written. QEMU asks "
		       "the kernel to drop them when it takes over an image, which is advice "
		       "that the kernel may follow in part only. Under \"unsafe\" the source "
		       "does not flush either, and blocks are lost.",
		.remedy = "Set \"cache\" of the disk to \"none\" or \"directsync\", and start "
			  "the VM anew.",
		.source = "QEMU block/file-posix.c (raw_co_invalidate_cache, drop-cache); "
			  "nfs(5), DATA AND METADATA COHERENCE",
		.check = rule_check_disk_cache_unsafe,
	},
	{ 0 },
};
