/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/files.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "host/sysroot.h"
#include "io/file.h"

#define MOUNTS_MAX (8 * 1024 * 1024)

/*
 * QEMU holds one byte for every permission that it has on an image, and one for every
 * permission that it does not share: of the first kind from 100, of the second from 200.
 */
#define LOCK_FIRST 100
#define LOCK_SECOND 200
#define LOCK_BYTES 64 /* a permission is a bit of 64 */

/*
 * What is known of file systems. NFS is close-to-open: an open file's pages are not kept
 * equal between hosts. locks: whether fcntl() locks of other hosts are seen, mount options
 * aside. A 9p or FUSE file system is what its server makes of it.
 * Source: Linux include/uapi/linux/magic.h, Documentation/filesystems/; nfs(5).
 */
static const struct fs_kind {
	const char *name;
	uint32_t magic;
	enum fact shared, coherent;
	bool locks;
} fs_kinds[] = {
	{ "ext4", 0xef53, FACT_NO, FACT_YES, true },
	{ "xfs", 0x58465342, FACT_NO, FACT_YES, true },
	{ "btrfs", 0x9123683e, FACT_NO, FACT_YES, true },
	{ "f2fs", 0xf2f52010, FACT_NO, FACT_YES, true },
	{ "bcachefs", 0xca451a4e, FACT_NO, FACT_YES, true },
	{ "zfs", 0x2fc12fc1, FACT_NO, FACT_YES, true },
	{ "tmpfs", 0x01021994, FACT_NO, FACT_YES, true },
	{ "ramfs", 0x858458f6, FACT_NO, FACT_YES, true },
	{ "overlay", 0x794c7630, FACT_NO, FACT_YES, true },
	{ "squashfs", 0x73717368, FACT_NO, FACT_YES, true },
	{ "erofs", 0xe0f5e1e2, FACT_NO, FACT_YES, true },
	{ "iso9660", 0x9660, FACT_NO, FACT_YES, true },
	{ "vfat", 0x4d44, FACT_NO, FACT_YES, true },
	{ "nfs", 0x6969, FACT_YES, FACT_NO, true },
	{ "ceph", 0x00c36400, FACT_YES, FACT_YES, true },
	{ "gfs2", 0x01161970, FACT_YES, FACT_YES, true },
	/* Its fcntl() locks are one host's own with the usual cluster stack, o2cb. */
	{ "ocfs2", 0x7461636f, FACT_YES, FACT_YES, false },
	{ "gpfs", 0x47504653, FACT_YES, FACT_YES, true },
	{ "lustre", 0x0bd00bd0, FACT_YES, FACT_YES, true },
	{ "cifs", 0xff534d42, FACT_YES, FACT_UNKNOWN, false },
	{ "smb2", 0xfe534d42, FACT_YES, FACT_UNKNOWN, false },
	{ "9p", 0x01021997, FACT_UNKNOWN, FACT_UNKNOWN, false },
	{ "fuse", 0x65735546, FACT_UNKNOWN, FACT_UNKNOWN, false },
};

/* Mount options by which locks stay on this host: nfs(5), mount.lustre(8), gfs2(5). */
static const char *const lock_options[] = {
	"nolock", "local_lock=all", "local_lock=posix", "localflock", "noflock", "localflocks",
};

static const struct fs_kind *find_kind(uint32_t magic)
{
	for (size_t i = 0; i < ARRAY_SIZE(fs_kinds); i++)
		if (fs_kinds[i].magic == magic)
			return &fs_kinds[i];
	return NULL;
}

/* ---- locks ---- */

static bool has_lock_option(char *options)
{
	char *save = NULL;

	for (char *one = strtok_r(options, ",", &save); one; one = strtok_r(NULL, ",", &save))
		for (size_t i = 0; i < ARRAY_SIZE(lock_options); i++)
			if (str_eq(one, lock_options[i]))
				return true;
	return false;
}

/* Whether a device is mounted so that its locks stay here. Source: proc_pid_mountinfo(5). */
static bool locks_stay_here(dev_t device)
{
	_cleanup_free_ char *text = NULL;
	char *save = NULL;

	if (file_read("/proc/self/mountinfo", MOUNTS_MAX, &text, NULL, NULL) < 0)
		return false;
	for (char *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		char *rest = strstr(line, " - ");
		unsigned int major, minor;
		char *options;

		if (!rest || sscanf(line, "%*d %*d %u:%u ", &major, &minor) != 2 ||
		    makedev(major, minor) != device)
			continue;
		options = strrchr(rest, ' ');
		if (options && has_lock_option(options + 1))
			return true;
	}
	return false;
}

/* 1: somebody has a lock there, 0: nobody; negative errno. */
static int is_locked_at(int fd, off_t start)
{
	/* A lock for writing would collide with any; asking for one needs no right to write. */
	struct flock lock = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = start, .l_len = LOCK_BYTES
	};

	if (fcntl(fd, F_OFD_GETLK, &lock) < 0)
		return -errno;
	return lock.l_type != F_UNLCK;
}

static enum fact read_lock(int fd, const struct stat *st, const struct fs_kind *kind)
{
	int first = is_locked_at(fd, LOCK_FIRST), second = is_locked_at(fd, LOCK_SECOND);

	if (first > 0 || second > 0)
		return FACT_YES;
	if (first < 0 || second < 0)
		return FACT_UNKNOWN;
	/* A block device's are this host's own; whoever compares WWNs does not ask for them. */
	if (S_ISBLK(st->st_mode))
		return FACT_NO;
	return kind && kind->locks &&
			       (kind->shared == FACT_NO || !locks_stay_here(st->st_dev)) ?
		       FACT_NO :
		       FACT_UNKNOWN;
}

/* ---- the names of block devices ---- */

/*
 * A name that a block device has on every host: the storage's own (SCSI, NVMe), the
 * device mapper's, or Ceph's.
 */
static void read_wwn(const char *sysroot, dev_t device, char wwn[128])
{
	/* A partition's disk is the folder above it. */
	static const char *const files[] = { "wwid",    "device/wwid",    "dm/uuid",
					     "../wwid", "../device/wwid", NULL };
	unsigned int ma = major(device), mi = minor(device);
	int64_t partition =
		sysroot_read_int(sysroot, 0, "/sys/dev/block/%u:%u/partition", ma, mi);
	char cluster[64], pool[32], image[64], name[96];

	for (size_t i = partition > 0 ? 3 : 0; i < (partition > 0 ? 5 : 3); i++) {
		/* SCSI pads what a vendor wrote: "t10.ATA     disk  ". */
		if (sysroot_read(sysroot, name, sizeof(name), "/sys/dev/block/%u:%u/%s", ma, mi,
				 files[i]) <= 0)
			continue;
		for (size_t end = strlen(name); end && name[end - 1] == ' '; end--)
			name[end - 1] = '\0';
		if (!*name)
			continue;
		str_make_printable(name);
		if (partition > 0)
			snprintf(wwn, 128, "%s-part%d", name, (int)(partition & 0xffff));
		else
			snprintf(wwn, 128, "%s", name);
		return;
	}
	if (sysroot_read(sysroot, cluster, sizeof(cluster),
			 "/sys/dev/block/%u:%u/device/cluster_fsid", ma, mi) > 0 &&
	    sysroot_read(sysroot, pool, sizeof(pool), "/sys/dev/block/%u:%u/device/pool_id", ma,
			 mi) > 0 &&
	    sysroot_read(sysroot, image, sizeof(image), "/sys/dev/block/%u:%u/device/image_id",
			 ma, mi) > 0)
		snprintf(wwn, 128, "rbd-%.40s-%.20s-%.60s", cluster, pool, image);
	str_make_printable(wwn);
}

/* ---- one file ---- */

static void read_open(int fd, const struct stat *st, struct host_file *file)
{
	const struct fs_kind *kind = NULL;
	struct statfs fs;
	uint64_t size;

	if (file->block && ioctl(fd, BLKGETSIZE64, &size) == 0 && size <= INT64_MAX)
		file->size = (int64_t)size;
	if (!file->block && fstatfs(fd, &fs) == 0) {
		kind = find_kind((uint32_t)fs.f_type);
		snprintf(file->filesystem, sizeof(file->filesystem), "%s",
			 kind ? kind->name : "");
		if (!kind)
			snprintf(file->filesystem, sizeof(file->filesystem), "type 0x%x",
				 (unsigned int)fs.f_type);
		file->fs_shared = kind ? kind->shared : FACT_UNKNOWN;
		file->fs_coherent = kind ? kind->coherent : FACT_UNKNOWN;
	}
	file->locked = read_lock(fd, st, kind);
}

static void read_stat(const char *sysroot, const struct stat *st, struct host_file *file)
{
	file->block = S_ISBLK(st->st_mode);
	if (!file->block) {
		file->size = st->st_size;
		return;
	}
	file->size = sysroot_read_int(sysroot, -1, "/sys/dev/block/%u:%u/size",
				      major(st->st_rdev), minor(st->st_rdev));
	/* In sectors, whatever the device's own are. */
	file->size = file->size < 0 || file->size > INT64_MAX / 512 ? -1 : file->size * 512;
	read_wwn(sysroot, st->st_rdev, file->wwn);
}

/* mode: R_OK, W_OK: what QEMU will want. */
static void read_file(const char *sysroot, int mode, struct host_file *file)
{
	_cleanup_free_ char *path = sysroot_path(sysroot, "%s", file->path);
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (!path) {
		file->error = ENOMEM;
		return;
	}
	if (stat(path, &st) < 0) {
		file->error = errno;
		return;
	}
	if (!S_ISBLK(st.st_mode) && !S_ISREG(st.st_mode)) {
		/* Opening something else may wait, or do what it does when it is opened. */
		file->error = S_ISDIR(st.st_mode) ? EISDIR : ENOTSUP;
		return;
	}
	read_stat(sysroot, &st, file);
	/* With the rights that a QEMU would be started with. */
	if (faccessat(AT_FDCWD, path, mode, AT_EACCESS) < 0)
		file->error = errno;
	/*
	 * A captured host's files are copies, without its locks and its file system; and its
	 * device nodes have the numbers of devices of this host.
	 */
	if (sysroot)
		return;
	/* O_NONBLOCK: it may have become a FIFO since. */
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		file->error = file->error ?: errno;
	else if (S_ISBLK(st.st_mode) != file->block)
		file->error = ENOTSUP;
	else
		read_open(fd, &st, file);
}

struct reader {
	const char *sysroot;
	struct host_facts *facts;
	bool failed;
};

static void add_file(struct reader *reader, enum file_role role, const char *id,
		     const char *path, int mode)
{
	struct host_facts *facts = reader->facts;
	struct host_file *file = &facts->files[facts->n_files];

	if (!path)
		return;
	*file = (struct host_file){ .role = role,
				    .path = strdup(path),
				    .size = -1,
				    .fs_shared = FACT_UNKNOWN,
				    .fs_coherent = FACT_UNKNOWN,
				    .locked = FACT_UNKNOWN };
	if (!file->path) {
		reader->failed = true;
		return;
	}
	snprintf(file->id, sizeof(file->id), "%s", id);
	read_file(reader->sysroot, mode, file);
	facts->n_files++;
}

/* ---- option ROMs that a definition's own arguments name ---- */

/* The value of romfile= in a device's text, or its JSON; new; NULL: none. */
static char *rom_of(const char *argument)
{
	const char *at;
	char *value, *to;

	if (*argument == '{') {
		json_t *json = json_loads(argument, 0, NULL);
		const char *text = json_string_value(json_object_get(json, "romfile"));

		value = text ? strdup(text) : NULL;
		json_decref(json);
		return value;
	}
	at = strstr(argument, ",romfile=");
	if (!at)
		return NULL;
	at += strlen(",romfile=");
	value = to = malloc(strlen(at) + 1);
	/* Two commas are one of the value. */
	while (value && *at && (*at != ',' || at[1] == ',')) {
		at += *at == ',';
		*to++ = *at++;
	}
	if (value)
		*to = '\0';
	return value;
}

/* A name without a folder is one of QEMU's own, in a folder that only QEMU knows. */
static void add_roms(struct reader *reader, const struct vmdef *def)
{
	for (size_t i = 1; i < def->n_qemu_args; i++) {
		const char *option = def->qemu_args[i - 1];
		_cleanup_free_ char *path = NULL;

		if (!str_eq(option, "-device") && !str_eq(option, "--device"))
			continue;
		path = rom_of(def->qemu_args[i]);
		if (path && *path == '/')
			add_file(reader, FILE_ROM, "", path, R_OK);
	}
}

int files_read(const char *sysroot, const struct vmdef *def, struct host_facts *facts,
	       struct err *err)
{
	struct reader reader = { .sysroot = sysroot, .facts = facts };

	/* Kernel, initrd, firmware and its variables are one each. */
	facts->files = calloc(def->n_disks + def->n_media + 4 + def->n_qemu_args,
			      sizeof(*facts->files));
	if (!facts->files)
		return err_nomem(err);
	for (size_t i = 0; i < def->n_disks; i++)
		add_file(&reader, FILE_DISK, def->disks[i].id, def->disks[i].path,
			 def->disks[i].readonly ? R_OK : R_OK | W_OK);
	for (size_t i = 0; i < def->n_media; i++)
		add_file(&reader, FILE_MEDIA, def->media[i].id, def->media[i].path, R_OK);
	add_file(&reader, FILE_KERNEL, "", def->boot.kernel, R_OK);
	add_file(&reader, FILE_INITRD, "", def->boot.initrd, R_OK);
	add_file(&reader, FILE_FIRMWARE, "", def->boot.firmware_code, R_OK);
	add_file(&reader, FILE_VARS, "", def->boot.firmware_vars, R_OK | W_OK);
	add_roms(&reader, def);
	return reader.failed ? err_nomem(err) : 0;
}
