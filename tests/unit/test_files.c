/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The files of a definition as this host has them: files that are there and are not, and
 * the image locks of a real QEMU.
 */
#include "host/files.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "model/qemu_argv.h"
#include "tap.h"

static char dir[] = "/tmp/vmfo-files-XXXXXX";

/* %1$s in more is the folder of this test. */
static struct vmdef *parse(const char *more)
{
	_cleanup_free_ char *inner = NULL;
	_cleanup_free_ char *text = NULL;
	struct err err = ERR_INIT;
	struct vmdef *def;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	inner = str_printf(more, dir);
#pragma GCC diagnostic pop
	text = str_printf("{\"schema\": \"vmfo.vm/1\", \"name\": \"a\","
			  "\"uuid\": \"5a7d9e0c-3f5b-4a57-9d0e-6b1f2c3d4e5f\","
			  "\"machine\": \"pc-q35-7.2\", \"accel\": [\"tcg\"],"
			  "\"cpu\": {\"model\": \"qemu64\", \"count\": 1},"
			  "\"memory\": {\"mib\": 64}, %s}",
			  inner);
	if (!text || vmdef_parse(text, strlen(text), "t.json", &def, &err) < 0)
		bail("%s", err.msg);
	return def;
}

static struct host_facts *read_files(const struct vmdef *def, const char *sysroot)
{
	struct host_facts *facts = calloc(1, sizeof(*facts));
	struct err err = ERR_INIT;

	if (files_read(sysroot, def, facts, &err) < 0)
		bail("%s", err.msg);
	return facts;
}

static const struct host_file *find(const struct host_facts *facts, const char *name)
{
	for (size_t i = 0; i < facts->n_files; i++)
		if (strstr(facts->files[i].path, name))
			return &facts->files[i];
	bail("no file %s", name);
}

static void make_file(const char *name, off_t size, mode_t mode)
{
	_cleanup_free_ char *path = str_printf("%s/%s", dir, name);
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || ftruncate(fd, size) < 0 || fchmod(fd, mode) < 0)
		bail("make %s", path);
}

#define DISK(id, name) \
	"{\"id\":\"" id "\",\"path\":\"%1$s/" name "\",\"format\":\"raw\",\"cache\":\"none\"}"

static void test_errors(void)
{
	static const char text[] =
		"\"disks\": ["
		"{\"id\":\"d0\",\"path\":\"%1$s/good\",\"format\":\"raw\",\"cache\":\"none\"},"
		"{\"id\":\"d1\",\"path\":\"%1$s/absent\",\"format\":\"raw\",\"cache\":\"none\"},"
		"{\"id\":\"d2\",\"path\":\"%1$s/folder\",\"format\":\"raw\",\"cache\":\"none\"},"
		"{\"id\":\"d3\",\"path\":\"%1$s/fifo\",\"format\":\"raw\",\"cache\":\"none\"},"
		"{\"id\":\"d4\",\"path\":\"%1$s/good/below\",\"format\":\"raw\",\"cache\":\"none\"},"
		"{\"id\":\"d5\",\"path\":\"%1$s/loop\",\"format\":\"raw\",\"cache\":\"none\"}],"
		"\"media\": [{\"id\":\"cd\",\"path\":\"/dev/null\"}],"
		"\"boot\": {\"kernel\": \"%1$s/kernel\", \"initrd\": \"%1$s/absent-initrd\"},"
		"\"qemu_args\": [\"-device\", \"e1000e,romfile=%1$s/a,,b.rom,id=x\","
		"\"-device\", \"{\\\"driver\\\":\\\"e1000e\\\",\\\"romfile\\\":\\\"%1$s/c.rom\\\"}\","
		"\"-device\", \"e1000e,romfile=efi-e1000e.rom\", \"-device\", \"e1000e,romfile=\","
		"\"-device\", \"{\\\"romfile\\\": 7}\", \"-device\", \"{broken\"]";
	struct vmdef *def = parse(text);
	_cleanup_free_ char *fifo = str_printf("%s/fifo", dir);
	_cleanup_free_ char *folder = str_printf("%s/folder", dir);
	_cleanup_free_ char *loop = str_printf("%s/loop", dir);
	struct host_facts *facts;

	make_file("good", 12345, 0600);
	make_file("kernel", 7, 0400);
	make_file("a,b.rom", 512, 0400);
	make_file("c.rom", 1024, 0400);
	if (mkfifo(fifo, 0600) < 0 || mkdir(folder, 0700) < 0 || symlink("loop", loop) < 0)
		bail("make the others");
	alarm(20); /* of one that waits for the other end of the FIFO */
	facts = read_files(def, NULL);
	alarm(0);
	is_int(find(facts, "/good")->error, 0, "a file");
	is_int(find(facts, "/good")->size, 12345, "its size");
	is_int(find(facts, "/good")->locked, FACT_NO, "nobody has it");
	is_str(find(facts, "/good")->id, "d0", "its id");
	ok(*find(facts, "/good")->filesystem, "on %s", find(facts, "/good")->filesystem);
	ok(!find(facts, "/good")->block && !*find(facts, "/good")->wwn, "it is no device");
	is_int(find(facts, "/absent")->error, ENOENT, "one that is not there");
	is_int(find(facts, "/absent")->size, -1, "has no size");
	is_int(find(facts, "/absent")->locked, FACT_UNKNOWN, "and no lock is known");
	is_int(find(facts, "/folder")->error, EISDIR, "a folder");
	is_int(find(facts, "/fifo")->error, ENOTSUP, "a FIFO, at once");
	is_int(find(facts, "/below")->error, ENOTDIR, "below a file");
	is_int(find(facts, "/loop")->error, ELOOP, "a link to itself");
	is_int(find(facts, "/dev/null")->error, ENOTSUP, "a character device");
	is_int(find(facts, "/kernel")->role, FILE_KERNEL, "a kernel");
	is_int(find(facts, "/kernel")->error, 0, "is only read");
	is_int(find(facts, "/absent-initrd")->role, FILE_INITRD, "an initrd");
	is_int(find(facts, "/a,b.rom")->size, 512, "a ROM in text, with a comma");
	is_int(find(facts, "/c.rom")->role, FILE_ROM, "a ROM in JSON");
	is_int(facts->n_files, 11, "and no other");
	host_facts_free(facts);
	vmdef_free(def);
}

/* Root may do all: so as somebody else, in a process of its own. */
static void test_permissions(void)
{
	struct vmdef *def = parse("\"disks\": [" DISK(
		"d0",
		"only-read") ","
			     "{\"id\":\"d1\",\"path\":\"%1$s/only-read\",\"format\":\"raw\","
			     "\"readonly\":true}," DISK("d2", "secret") "]");
	int status;
	pid_t pid;

	make_file("only-read", 1, 0444);
	make_file("secret", 1, 0600);
	if (geteuid() != 0) {
		skip(1, "needs root");
		vmdef_free(def);
		return;
	}
	chmod(dir, 0755);
	pid = fork();
	if (pid == 0) {
		struct host_facts *facts;

		if (setgid(65534) < 0 || setuid(65534) < 0)
			_exit(99);
		facts = read_files(def, NULL);
		_exit((facts->files[0].error == EACCES && facts->files[0].size == 1 ? 0 : 1) |
		      (facts->files[1].error == 0 ? 0 : 2) |
		      (facts->files[2].error == EACCES ? 0 : 4));
	}
	waitpid(pid, &status, 0);
	is_int(WEXITSTATUS(status), 0, "rights are looked at as they are needed");
	vmdef_free(def);
}

/* ---- a real QEMU ---- */

static pid_t start_qemu(const struct vmdef *def, bool incoming)
{
	const struct qemu_argv_env env = { .qemu = "qemu-system-x86_64",
					   .rundir = dir,
					   .incoming = incoming };
	struct strv argv = { 0 };
	struct err err = ERR_INIT;
	pid_t pid;

	if (qemu_argv(def, &env, &argv, &err) < 0)
		bail("%s", err.msg);
	strv_add(&argv, "-S");
	pid = fork();
	if (pid == 0) {
		execvp(argv.v[0], argv.v);
		_exit(127);
	}
	strv_clear(&argv);
	return pid;
}

static void end_qemu(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* Until it has that file open, which its media are opened after. */
static bool wait_for_qemu(pid_t pid, const char *name)
{
	_cleanup_free_ char *command =
		str_printf("ls -l /proc/%d/fd 2>/dev/null | grep -q '%s$'", (int)pid, name);

	for (int i = 0; i < 200; i++) {
		if (waitpid(pid, NULL, WNOHANG) == pid)
			return false;
		if (system(command) == 0)
			return true;
		usleep(100000);
	}
	return false;
}

static enum fact wait_for_lock(const struct vmdef *def, const char *name, enum fact want)
{
	enum fact locked = FACT_UNKNOWN;

	for (int i = 0; i < 100; i++) {
		struct host_facts *facts = read_files(def, NULL);

		locked = find(facts, name)->locked;
		host_facts_free(facts);
		if (locked == want)
			break;
		usleep(100000);
	}
	return locked;
}

static void test_locks(void)
{
	struct vmdef *def = parse("\"disks\": [" DISK(
		"d0",
		"image") ","
			 "{\"id\":\"d1\",\"path\":\"%1$s/fixed\",\"format\":\"raw\",\"readonly\":true}],"
			 "\"media\": [{\"id\":\"cd\",\"path\":\"%1$s/iso\"}],"
			 "\"boot\": {\"firmware\": {\"code\": \"%1$s/code\", \"vars\": \"%1$s/vars\"}}");
	pid_t pid;

	make_file("image", 1 << 20, 0600);
	make_file("fixed", 1 << 20, 0400);
	make_file("iso", 1 << 20, 0400);
	make_file("code", 128 << 10, 0400);
	make_file("vars", 128 << 10, 0600);
	is_int(wait_for_lock(def, "/image", FACT_NO), FACT_NO, "before QEMU has it");
	pid = start_qemu(def, false);
	if (!wait_for_qemu(pid, "/iso")) {
		kill(pid, SIGKILL);
		skip(8, "no qemu-system-x86_64");
		vmdef_free(def);
		return;
	}
	is_int(wait_for_lock(def, "/image", FACT_YES), FACT_YES, "a disk that QEMU has");
	is_int(wait_for_lock(def, "/fixed", FACT_YES), FACT_YES, "a read-only disk");
	is_int(wait_for_lock(def, "/iso", FACT_YES), FACT_YES, "a medium");
	is_int(wait_for_lock(def, "/vars", FACT_YES), FACT_YES, "variables");
	is_int(wait_for_lock(def, "/code", FACT_YES), FACT_YES, "firmware");
	end_qemu(pid);
	is_int(wait_for_lock(def, "/image", FACT_NO), FACT_NO, "once it has ended");

	/* Which is why a target's own QEMU proves nothing about its disks. */
	pid = start_qemu(def, true);
	ok(wait_for_qemu(pid, "/iso"), "one that awaits a migration has the files open");
	usleep(500000);
	is_int(wait_for_lock(def, "/image", FACT_NO), FACT_NO, "and holds no lock on a disk");
	end_qemu(pid);
	vmdef_free(def);
}

/* Locks of other kinds, at other bytes, are not QEMU's. */
static void test_other_locks(void)
{
	struct vmdef *def = parse("\"disks\": [" DISK("d0", "image") "]");
	_cleanup_free_ char *path = str_printf("%s/image", dir);
	_cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC);
	struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_len = 100 };

	is_int(fcntl(fd, F_OFD_SETLK, &lock), 0, "a lock before QEMU's bytes");
	is_int(wait_for_lock(def, "/image", FACT_NO), FACT_NO, "is not one of its own");
	lock.l_start = 203;
	lock.l_len = 1;
	is_int(fcntl(fd, F_OFD_SETLK, &lock), 0, "a lock on a permission that is not shared");
	is_int(wait_for_lock(def, "/image", FACT_YES), FACT_YES, "is");
	vmdef_free(def);
}

/* ---- block devices ---- */

static void test_block(void)
{
	struct vmdef *def = parse("\"disks\": [{\"id\":\"d0\",\"path\":\"/dev/loop0\","
				  "\"format\":\"raw\",\"readonly\":true}]");
	struct host_facts *facts;

	if (access("/dev/loop0", R_OK) < 0) {
		skip(3, "no /dev/loop0 that can be read");
	} else {
		facts = read_files(def, NULL);
		ok(facts->files[0].block, "a block device");
		ok(facts->files[0].size >= 0 || facts->files[0].error,
		   "with its capacity: %lld", (long long)facts->files[0].size);
		is_str(facts->files[0].filesystem, "", "and no file system");
		host_facts_free(facts);
	}
	vmdef_free(def);
}

static void put(const char *path, const char *text)
{
	_cleanup_free_ char *full = str_printf("%s/root%s", dir, path);
	_cleanup_free_ char *make = str_printf("mkdir -p \"$(dirname '%s')\"", full);
	FILE *f;

	if (system(make) != 0)
		bail("%s", make);
	f = fopen(full, "w");
	if (!f)
		bail("%s", full);
	fprintf(f, "%s\n", text);
	fclose(f);
}

static void test_names_of_devices(void)
{
	static const struct {
		unsigned int minor;
		const char *wwn;
	} cases[] = {
		{ 0, "naa.600140512345" },
		{ 1, "naa.600140512345-part1" },
		{ 16, "LVM-abc-def" },
		{ 32, "rbd-c0ffee-3-1a2b" },
		{ 48, "" },
		{ 64, "t10.ATA     disk" },
	};
	_cleanup_free_ char *root = str_printf("%s/root", dir);
	struct vmdef *def =
		parse("\"disks\": [{\"id\":\"d0\",\"path\":\"/dev/sd-0\",\"format\":\"raw\"},"
		      "{\"id\":\"d1\",\"path\":\"/dev/sd-1\",\"format\":\"raw\"},"
		      "{\"id\":\"d2\",\"path\":\"/dev/sd-16\",\"format\":\"raw\"},"
		      "{\"id\":\"d3\",\"path\":\"/dev/sd-32\",\"format\":\"raw\"},"
		      "{\"id\":\"d4\",\"path\":\"/dev/sd-48\",\"format\":\"raw\"},"
		      "{\"id\":\"d5\",\"path\":\"/dev/sd-64\",\"format\":\"raw\"},"
		      "{\"id\":\"d6\",\"path\":\"/plain\",\"format\":\"raw\"}]");
	_cleanup_free_ char *link = str_printf("%s/root/sys/dev/block/259:1", dir);
	struct host_facts *facts;

	put("/sys/devices/sda/device/wwid", "naa.600140512345");
	put("/sys/devices/sda/part/partition", "1");
	put("/sys/dev/block/259:0/device/wwid", "naa.600140512345");
	put("/sys/dev/block/259:16/dm/uuid", "LVM-abc-def");
	put("/sys/dev/block/259:32/device/cluster_fsid", "c0ffee");
	put("/sys/dev/block/259:32/device/pool_id", "3");
	put("/sys/dev/block/259:32/device/image_id", "1a2b");
	put("/sys/dev/block/259:48/device/cluster_fsid", "half");
	put("/sys/dev/block/259:64/device/wwid", "t10.ATA     disk   ");
	put("/sys/dev/block/259:0/size", "2048");
	put("/plain", "text");
	put("/dev/none", "");
	if (symlink("../../devices/sda/part", link) < 0)
		bail("symlink %s", link);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *node = str_printf("%s/dev/sd-%u", root, cases[i].minor);

		if (mknod(node, S_IFBLK | 0600, makedev(259, cases[i].minor)) < 0) {
			skip(11, "mknod is not permitted");
			vmdef_free(def);
			return;
		}
	}
	facts = read_files(def, root);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		is_str(facts->files[i].wwn, cases[i].wwn, "the name of device 259:%u",
		       cases[i].minor);
	is_int(facts->files[0].size, 1 << 20, "its size, which sysfs has in sectors");
	is_int(facts->files[1].size, -1, "of one that sysfs says nothing of, none");
	is_int(facts->files[6].size, 5, "a captured file has its size");
	is_int(facts->files[6].locked, FACT_UNKNOWN, "whether it is locked is not known");
	is_int(facts->files[6].fs_shared, FACT_UNKNOWN, "nor what it lay on");
	host_facts_free(facts);
	vmdef_free(def);
}

int main(void)
{
	char command[64];

	if (!mkdtemp(dir))
		bail("mkdtemp");
	test_errors();
	test_permissions();
	test_locks();
	test_other_locks();
	test_block();
	test_names_of_devices();
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	if (system(command) != 0)
		bail("%s", command);
	return done_testing();
}
