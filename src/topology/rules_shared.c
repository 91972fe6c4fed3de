/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Files that a migration's two hosts must share, or have alike. That a disk is shared is
 * proved by a lock: QEMU on the source holds one on every image, and this host sees it only
 * if the file is the same one. A path, a size or a file system proves nothing. The locks of
 * block devices are each host's own; these have names that are the same everywhere. So are
 * those of a file system that is one host's own: a lock that is seen there is of somebody
 * else, unless both hosts are namespaces of one kernel.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "topology/rule.h"

/* The kind of a block device's name, "naa." or "dm-": two kinds cannot be compared. */
static bool same_kind(const char *a, const char *b)
{
	size_t n = strcspn(a, ".-");

	return n == strcspn(b, ".-") && strncmp(a, b, n) == 0;
}

static bool have_one_kernel(const struct topo *topo)
{
	const char *boot_id = topo->source->boot_id;

	return boot_id && str_eq(boot_id, topo->host->boot_id);
}

static void judge_block(const struct topo *topo, struct verdict *verdict, const char *object,
			const struct host_file *here, const struct source_file *there)
{
	if (*here->wwn && *there->wwn && str_eq(here->wwn, there->wwn))
		return;
	if (*here->wwn && *there->wwn && same_kind(here->wwn, there->wwn))
		verdict_find(
			verdict, object,
			"%s is another device on this host: it is %s, and %s on the source",
			here->path, here->wwn, there->wwn);
	else if (here->size >= 0 && there->size >= 0 && here->size != there->size)
		verdict_find(verdict, object,
			     "%s is another device on this host: it has %" PRId64
			     " bytes, and %" PRId64 " on the source",
			     here->path, here->size, there->size);
	else if (here->locked != FACT_YES || !there->locked || !have_one_kernel(topo))
		verdict_unknown(verdict,
				"%s: %s has no name that both hosts know (WWN: \"%s\" here, "
				"\"%s\" on the source)",
				object, here->path, here->wwn, there->wwn);
}

/* A regular file. */
static void judge_file(const struct topo *topo, struct verdict *verdict, const char *object,
		       const struct host_file *here, const struct source_file *there)
{
	bool sizes = here->size >= 0 && there->size >= 0;
	char size[80] = "of the same size";

	if (sizes && here->size != there->size)
		snprintf(size, sizeof(size), "of %" PRId64 " bytes, and %" PRId64 " there",
			 here->size, there->size);
	if (here->fs_shared == FACT_NO && !have_one_kernel(topo))
		verdict_find(
			verdict, object,
			"%s is not the file of the source: here it lies on %s, which other "
			"hosts do not have (%s)",
			here->path, here->filesystem,
			sizes ? size : "of a size that is not known");
	else if (there->locked && here->locked == FACT_YES)
		return;
	else if (there->locked && here->locked == FACT_NO)
		verdict_find(verdict, object,
			     "%s is not the file that the source has open: its lock is not "
			     "seen here (a file on %s, %s)",
			     here->path, here->filesystem,
			     sizes ? size : "of a size that is not known");
	else if (there->locked)
		verdict_unknown(
			verdict,
			"%s: %s here does not show the locks of other hosts, so that it "
			"is not proved to be the same file",
			object, *here->filesystem ? here->filesystem : here->path);
	/* One that is not in use does not change. */
	else if (!topo->source->running && sizes && here->size != there->size)
		verdict_find(verdict, object, "%s is another file here: %s", here->path, size);
	else if (!topo->source->running)
		verdict_unknown(
			verdict,
			"%s: the VM does not run on the source, and so there is no lock "
			"by which the file could be known again",
			object);
	else
		verdict_unknown(verdict,
				"%s: the QEMU on the source holds no lock on it by which the "
				"file could be known again",
				object);
}

static const struct host_file *find_file(const struct topo *topo, enum file_role role,
					 const char *path)
{
	for (size_t i = 0; i < topo->host->n_files; i++)
		if (topo->host->files[i].role == role &&
		    str_eq(topo->host->files[i].path, path))
			return &topo->host->files[i];
	return NULL;
}

/*
 * Both ends of a path. One that is missing here is a finding of another rule.
 * Return: false: they cannot be compared; *here NULL then.
 */
static bool find_both(const struct topo *topo, struct verdict *verdict, enum file_role role,
		      const char *object, const char *path, const struct host_file **here,
		      const struct source_file **there)
{
	*here = find_file(topo, role, path);
	*there = source_find_file(topo->source, path);
	if (!*here)
		verdict_unknown(verdict, "%s: %s was not looked at here", object, path);
	else if (!*there)
		verdict_unknown(verdict, "%s: the source says nothing of %s", object, path);
	else if ((*here)->error && (*here)->size < 0)
		verdict_unknown(verdict, "%s: %s cannot be reached here", object, path);
	else
		return true;
	return false;
}

static void judge_shared(const struct topo *topo, struct verdict *verdict, enum file_role role,
			 const char *object, const char *path)
{
	const struct source_file *there;
	const struct host_file *here;

	if (!find_both(topo, verdict, role, object, path, &here, &there))
		return;
	if (here->block)
		judge_block(topo, verdict, object, here, there);
	else
		judge_file(topo, verdict, object, here, there);
}

static void rule_check_storage_not_shared(const struct topo *topo, struct verdict *verdict)
{
	char object[128];

	for (size_t i = 0; i < topo->def->n_disks; i++) {
		snprintf(object, sizeof(object), "disk %s", topo->def->disks[i].id);
		judge_shared(topo, verdict, FILE_DISK, object, topo->def->disks[i].path);
	}
}

static void rule_check_vars_not_shared(const struct topo *topo, struct verdict *verdict)
{
	if (topo->def->boot.firmware_vars)
		judge_shared(topo, verdict, FILE_VARS, "firmware variables",
			     topo->def->boot.firmware_vars);
}

/* ---- files of which each host may have a copy ---- */

static void judge_size(const struct topo *topo, struct verdict *verdict, enum file_role role,
		       const char *object, const char *path)
{
	const struct source_file *there;
	const struct host_file *here;

	if (!find_both(topo, verdict, role, object, path, &here, &there))
		return;
	if (here->size < 0 || there->size < 0)
		verdict_unknown(verdict, "%s: the size of %s is not known on both hosts",
				object, path);
	else if (here->size != there->size)
		verdict_find(verdict, object,
			     "%s has %" PRId64 " bytes here, and %" PRId64 " on the source",
			     path, here->size, there->size);
}

static void rule_check_media_differs(const struct topo *topo, struct verdict *verdict)
{
	char object[128];

	for (size_t i = 0; i < topo->def->n_media; i++) {
		snprintf(object, sizeof(object), "media %s", topo->def->media[i].id);
		judge_size(topo, verdict, FILE_MEDIA, object, topo->def->media[i].path);
	}
}

static void rule_check_firmware_size(const struct topo *topo, struct verdict *verdict)
{
	if (topo->def->boot.firmware_code)
		judge_size(topo, verdict, FILE_FIRMWARE, "firmware",
			   topo->def->boot.firmware_code);
	if (topo->def->boot.firmware_vars)
		judge_size(topo, verdict, FILE_VARS, "firmware variables",
			   topo->def->boot.firmware_vars);
}

static void rule_check_rom_size(const struct topo *topo, struct verdict *verdict)
{
	for (size_t i = 0; i < topo->host->n_files; i++) {
		const struct host_file *file = &topo->host->files[i];

		if (file->role != FILE_ROM)
			continue;
		if (file->error)
			verdict_find(verdict, "option ROM", "%s: %s", file->path,
				     strerrordesc_np(file->error) ?: "it cannot be read");
		else
			judge_size(topo, verdict, FILE_ROM, "option ROM", file->path);
	}
}

#define SHARED_NEEDS (NEEDS(TOPO_DEFINITION) | NEEDS(TOPO_HOST) | NEEDS(TOPO_SOURCE))

const struct rule rules_shared[] = {
	{
		.name = "storage-not-shared",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_TARGET,
		.needs = SHARED_NEEDS,
		.summary = "a disk of the VM is another one on the target",
		.why = "A migration moves memory, not disks. On other blocks the guest finds "
		       "file systems that do not match its memory, and destroys them.",
		.remedy =
			"Put the disk on storage that both hosts have (NFS, Ceph, a cluster "
			"file system, an iSCSI or Fibre Channel device), under the same path on "
			"both. Compare: findmnt -T PATH, lsblk -o NAME,WWN on both hosts.",
		.source =
			"QEMU docs/system/qemu-block-drivers.rst.inc (Disk image file locking), "
			"block/file-posix.c (raw_apply_lock_bytes); "
			"Linux Documentation/ABI/stable/sysfs-block",
		.check = rule_check_storage_not_shared,
	},
	{
		.name = "vars-not-shared",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_TARGET,
		.needs = SHARED_NEEDS,
		.summary = "the file of the UEFI variables is another one on the target",
		.why = "The variables are written back to their file while the guest runs. With "
		       "a file of its own, the target would start the guest with old ones at its "
		       "next boot: another boot order, other Secure Boot keys.",
		.remedy = "Put the file of \"firmware_vars\" beside the VM's disks, on storage "
			  "that both hosts have.",
		.source = "QEMU hw/block/pflash_cfi01.c (pflash_update, pflash_post_load)",
		.check = rule_check_vars_not_shared,
	},
	{
		.name = "media-differs",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_TARGET,
		.needs = SHARED_NEEDS,
		.summary = "a medium of the VM is another image on the target",
		.why = "The guest has parts of the image in its page cache. It would read the "
		       "rest from another one.",
		.remedy = "Copy the image from the source to the same path on the target.",
		.source = "QEMU hw/ide/atapi.c",
		.check = rule_check_media_differs,
	},
	{
		.name = "firmware-size",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_TARGET,
		.needs = SHARED_NEEDS,
		.summary = "the UEFI firmware has another size on the target",
		.why = "Flash memory is a block of RAM of its file's size, and a migration refuses "
		       "one whose size differs: \"Size mismatch: system.flash0\".",
		.remedy =
			"Install the same version of the firmware's package on both hosts, or "
			"copy the source's file to a path of its own on both.",
		.source = "QEMU migration/ram.c (ram_load_precopy), hw/i386/pc_sysfw.c",
		.check = rule_check_firmware_size,
	},
	{
		.name = "rom-size",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_TARGET,
		.needs = SHARED_NEEDS,
		.summary = "an option ROM is not the same on the target",
		.why = "An option ROM is a block of RAM of its file's size, and a migration "
		       "refuses one whose size differs.",
		.remedy =
			"Copy the ROM from the source, or do without: romfile= (empty) in the "
			"device's properties.",
		.source = "QEMU hw/pci/pci.c (pci_add_option_rom), migration/ram.c "
			  "(ram_load_precopy)",
		.check = rule_check_rom_size,
	},
	{ 0 },
};
