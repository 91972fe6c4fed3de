/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The rules about files, resources, and what two hosts share: each as it finds, as it
 * passes, and as it cannot know.
 */
#include <errno.h>

#include "tap.h"
#include "topo_build.h"

#define DEFINITION(accel, memory, more)                        \
	"{\"schema\": \"vmfo.vm/1\", \"name\": \"demo\","      \
	"\"uuid\": \"5a7d9e0c-3f5b-4a57-9d0e-6b1f2c3d4e5f\","  \
	"\"machine\": \"pc-q35-7.2\", \"accel\": [" accel "]," \
	"\"cpu\": {\"model\": \"qemu64\", \"count\": 1},"      \
	"\"memory\": {\"mib\": 1024" memory "}" more "}"

#define PAIR(kind, vhost)                                                  \
	", \"pairs\": [{\"id\": \"net0\", \"mac\": \"52:54:00:00:00:01\"," \
	"\"standby\": {\"bridge\": \"br0\", \"vhost\": \"" vhost "\"},"    \
	"\"primary\": " kind "}]"
#define VF "{\"kind\": \"vf\", \"physnet\": \"prod\"}"
#define EMULATED "{\"kind\": \"emulated\"}"

#define ALL_FILES                                                                      \
	", \"disks\": [{\"id\": \"vda\", \"path\": \"/d/a.raw\", \"format\": \"raw\"," \
	"\"cache\": \"writeback\"}],"                                                  \
	"\"media\": [{\"id\": \"cd0\", \"path\": \"/m.iso\"}],"                        \
	"\"boot\": {\"firmware\": {\"code\": \"/code\", \"vars\": \"/vars\"}}"
#define ONE_DISK(path, cache)                                                          \
	", \"disks\": [{\"id\": \"vda\", \"path\": \"" path "\", \"format\": \"raw\"," \
	"\"cache\": \"" cache "\"}]"

/* The files of ALL_FILES, in order; the last place is for a kernel, or a ROM. */
static struct host_file files[5];
static struct source_file there[5];
static struct host_facts host;
static struct source_facts source;

static void reset(void)
{
	static char paths[][16] = { "/d/a.raw", "/m.iso", "/code", "/vars", "/x.rom" };
	static const enum file_role roles[] = { FILE_DISK, FILE_MEDIA, FILE_FIRMWARE, FILE_VARS,
						FILE_ROM };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		files[i] = (struct host_file){ .role = roles[i],
					       .path = paths[i],
					       .size = 4096,
					       .filesystem = "nfs",
					       .fs_shared = FACT_YES,
					       .fs_coherent = FACT_NO,
					       .locked = FACT_YES };
		there[i] =
			(struct source_file){ .path = paths[i], .size = 4096, .locked = true };
	}
	host = (struct host_facts){ .live = true,
				    .boot_id = "one",
				    .files = files,
				    .n_files = 4,
				    .memory_total_kib = 8 << 20,
				    .memory_available_kib = 4 << 20,
				    .kvm = FACT_YES,
				    .vhost_net = FACT_YES };
	source = (struct source_facts){ .running = true, .files = there, .n_files = 5 };
}

static void run(struct topo_build *b, unsigned int scopes)
{
	b->topo.host = &host;
	topo_build_run(b, scopes);
}

static void test_missing(void)
{
	static const struct {
		size_t file;
		const char *rule, *object, *what;
	} cases[] = {
		{ 0, "disk-missing", "disk vda", "disk /d/a.raw: " },
		{ 1, "media-missing", "media cd0", "media /m.iso: " },
		{ 2, "firmware-missing", "firmware", "firmware /code: " },
		{ 3, "firmware-missing", "firmware variables", "firmware variables /vars: " },
	};
	struct topo_build b;

	topo_build_definition(&b, DEFINITION("\"tcg\"", "", ALL_FILES));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct finding *finding;

		reset();
		run(&b, SCOPE(SCOPE_HOST));
		passes(&b, cases[i].rule);
		files[cases[i].file].error = ENOENT;
		run(&b, SCOPE(SCOPE_HOST));
		finds(&b, cases[i].rule, "No such file or directory");
		finding = topo_build_find(&b, cases[i].rule, cases[i].what);
		is_str(finding ? finding->object : NULL, cases[i].object, "by its name");
		is_int(b.findings.n_not_checked > 0 &&
			       topo_build_unknown(&b, cases[i].rule) != NULL,
		       false, "and is known");
		/* A folder of facts has no copy of a disk. */
		host.live = false;
		run(&b, SCOPE(SCOPE_HOST));
		unchecked(&b, cases[i].rule, "no copy of it");
		files[cases[i].file].error = EACCES;
		run(&b, SCOPE(SCOPE_HOST));
		finds(&b, cases[i].rule, "Permission denied");
		host.live = true;
		files[cases[i].file].error = EISDIR;
		run(&b, SCOPE(SCOPE_HOST));
		finds(&b, cases[i].rule, "a folder");
		files[cases[i].file].error = ENOTSUP;
		run(&b, SCOPE(SCOPE_HOST));
		finds(&b, cases[i].rule, "neither a regular file");
		files[cases[i].file].error = 0;
		files[cases[i].file].block = true;
		run(&b, SCOPE(SCOPE_HOST));
		finds(&b, cases[i].rule, "block device");
		host.n_files = 0;
		run(&b, SCOPE(SCOPE_HOST));
		unchecked(&b, cases[i].rule, "was not looked at");
		b.topo.host = NULL;
		topo_build_run(&b, SCOPE(SCOPE_HOST));
		unchecked(&b, cases[i].rule, "not asked");
	}
	topo_build_free(&b);

	/* A name below /dev is for a device; that of shared memory is not. */
	reset();
	topo_build_definition(&b, DEFINITION("\"tcg\"", "", ONE_DISK("/dev/vg/lv", "none")));
	files[0].path = (char *)"/dev/vg/lv";
	run(&b, SCOPE(SCOPE_HOST));
	finds(&b, "disk-missing", "a device is expected");
	files[0].block = true;
	run(&b, SCOPE(SCOPE_HOST));
	passes(&b, "disk-missing");
	topo_build_free(&b);
	topo_build_definition(&b, DEFINITION("\"tcg\"", "", ONE_DISK("/dev/shm/x", "none")));
	files[0].path = (char *)"/dev/shm/x";
	files[0].block = false;
	run(&b, SCOPE(SCOPE_HOST));
	passes(&b, "disk-missing");
	topo_build_free(&b);

	reset();
	topo_build_definition(&b, DEFINITION("\"tcg\"", "",
					     ", \"boot\": {\"kernel\": \"/x.rom\"}"));
	host.n_files = 5;
	files[4].role = FILE_KERNEL;
	run(&b, SCOPE(SCOPE_HOST));
	passes(&b, "boot-file-missing");
	passes(&b, "disk-missing");
	files[4].error = EACCES;
	run(&b, SCOPE(SCOPE_HOST));
	finds(&b, "boot-file-missing", "kernel /x.rom: Permission denied");
	host.n_files = 4;
	run(&b, SCOPE(SCOPE_HOST));
	unchecked(&b, "boot-file-missing", "kernel");
	topo_build_free(&b);

	topo_build_text(&b, "qemu-system-x86_64 -M q35");
	reset();
	run(&b, SCOPE(SCOPE_HOST));
	unchecked(&b, "disk-missing", "not asked");
	topo_build_free(&b);
}

static void test_cache(void)
{
	static const struct {
		const char *definition;
		enum fact shared, coherent;
		bool block;
		int severity; /* -1: passes; -2: unknown */
	} cases[] = {
#define CACHE(mode) DEFINITION("\"tcg\"", "", ONE_DISK("/d/a.raw", mode))
		{ CACHE("none"), FACT_YES, FACT_NO, false, -1 },
		{ CACHE("directsync"), FACT_YES, FACT_NO, false, -1 },
		{ CACHE("none"), FACT_UNKNOWN, FACT_UNKNOWN, true, -1 },
		{ CACHE("writeback"), FACT_YES, FACT_NO, false, SEVERITY_WARNING },
		{ CACHE("writethrough"), FACT_YES, FACT_NO, false, SEVERITY_WARNING },
		{ CACHE("unsafe"), FACT_YES, FACT_NO, false, SEVERITY_ERROR },
		{ CACHE("unsafe"), FACT_YES, FACT_YES, false, -1 },
		{ CACHE("unsafe"), FACT_NO, FACT_YES, false, -1 },
		{ CACHE("writeback"), FACT_UNKNOWN, FACT_UNKNOWN, false, -2 },
		{ CACHE("writeback"), FACT_YES, FACT_UNKNOWN, false, -2 },
		{ CACHE("writeback"), FACT_UNKNOWN, FACT_UNKNOWN, true, SEVERITY_WARNING },
		{ CACHE("unsafe"), FACT_UNKNOWN, FACT_UNKNOWN, true, SEVERITY_ERROR },
	};
	struct topo_build b;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct finding *finding;

		topo_build_definition(&b, cases[i].definition);
		reset();
		files[0].fs_shared = cases[i].shared;
		files[0].fs_coherent = cases[i].coherent;
		files[0].block = cases[i].block;
		run(&b, SCOPE(SCOPE_HOST));
		finding = topo_build_find(&b, "disk-cache-unsafe", "");
		if (cases[i].severity == -1)
			passes(&b, "disk-cache-unsafe");
		else if (cases[i].severity == -2)
			unchecked(&b, "disk-cache-unsafe", "not known");
		else
			is_int(finding ? (int)finding->severity : -1, cases[i].severity,
			       "cache: case %zu", i);
		topo_build_free(&b);
	}
	topo_build_definition(&b, CACHE("writeback"));
	reset();
	files[0].error = ENOENT;
	run(&b, SCOPE(SCOPE_HOST));
	unchecked(&b, "disk-cache-unsafe", "what /d/a.raw lies on");
	topo_build_free(&b);
	topo_build_definition(
		&b,
		DEFINITION("\"tcg\"", "",
			   ", \"disks\": [{\"id\": \"vda\", \"path\": \"/d/a.raw\","
			   "\"format\": \"raw\", \"cache\": \"unsafe\", \"readonly\": true}]"));
	reset();
	run(&b, SCOPE(SCOPE_HOST));
	passes(&b, "disk-cache-unsafe");
	topo_build_free(&b);
}

static void test_memory(void)
{
	struct huge_pages pages[] = { { 2048, 1000, 511 }, { 1048576, 1, 0 } };
	struct topo_build b;

	topo_build_definition(&b, DEFINITION("\"tcg\"", "", ""));
	reset();
	host.memory_available_kib = 1 << 20;
	run(&b, SCOPE(SCOPE_HOST));
	passes(&b, "memory-short");
	passes(&b, "huge-pages-missing");
	host.memory_available_kib--;
	run(&b, SCOPE(SCOPE_HOST));
	finds(&b, "memory-short", "memory: the VM needs 1024 MiB, 1023 MiB are available");
	host.memory_available_kib = -1;
	run(&b, SCOPE(SCOPE_HOST));
	unchecked(&b, "memory-short", "how much memory");
	b.topo.runs_here = true;
	host.memory_available_kib = 0;
	run(&b, SCOPE(SCOPE_HOST));
	passes(&b, "memory-short");
	topo_build_free(&b);

	topo_build_text(&b, "qemu-system-x86_64 -M q35");
	reset();
	host.memory_available_kib = 127 * 1024;
	run(&b, SCOPE(SCOPE_HOST));
	finds(&b, "memory-short", "needs 128 MiB");
	topo_build_free(&b);

	topo_build_definition(&b, DEFINITION("\"tcg\"", ", \"huge_pages\": true", ""));
	reset();
	host.memory_available_kib = 0;
	run(&b, SCOPE(SCOPE_HOST));
	passes(&b, "memory-short");
	finds(&b, "huge-pages-missing", "needs 1024 MiB of huge pages, 0 MiB are free");
	host.huge_pages = pages;
	host.n_huge_pages = 2;
	run(&b, SCOPE(SCOPE_HOST));
	finds(&b, "huge-pages-missing", "1022 MiB are free");
	pages[1].free = 1;
	run(&b, SCOPE(SCOPE_HOST));
	passes(&b, "huge-pages-missing");
	pages[1].free = INT64_MAX;
	run(&b, SCOPE(SCOPE_HOST));
	finds(&b, "huge-pages-missing", "1022 MiB"); /* a host that cannot be */
	b.topo.runs_here = true;
	run(&b, SCOPE(SCOPE_HOST));
	passes(&b, "huge-pages-missing");
	topo_build_free(&b);

	topo_build_text(&b,
			"q -m 1G -machine q35,memory-backend=r -object memory-backend-memfd,"
			"id=r,size=1G,hugetlb=on,hugetlbsize=2M");
	pages[1].free = 4;
	run(&b, SCOPE(SCOPE_HOST));
	finds(&b, "huge-pages-missing", "of the size that it names, 1022 MiB");
	pages[0].free = 512;
	run(&b, SCOPE(SCOPE_HOST));
	passes(&b, "huge-pages-missing");
	topo_build_free(&b);
}

static void test_kvm(void)
{
	struct topo_build b;

	topo_build_definition(&b, DEFINITION("\"kvm\"", "", ""));
	reset();
	run(&b, SCOPE(SCOPE_HOST));
	passes(&b, "kvm-unavailable");
	host.kvm = FACT_NO;
	run(&b, SCOPE(SCOPE_HOST));
	finds(&b, "kvm-unavailable", "/dev/kvm");
	host.kvm = FACT_UNKNOWN;
	run(&b, SCOPE(SCOPE_HOST));
	unchecked(&b, "kvm-unavailable", "/dev/kvm");
	topo_build_free(&b);
	topo_build_definition(&b, DEFINITION("\"kvm\", \"tcg\"", "", ""));
	host.kvm = FACT_NO;
	run(&b, SCOPE(SCOPE_HOST));
	passes(&b, "kvm-unavailable");
	topo_build_free(&b);
	topo_build_text(&b, "qemu-system-x86_64 -M q35");
	run(&b, SCOPE(SCOPE_HOST));
	passes(&b, "kvm-unavailable");
	topo_build_free(&b);
}

static void test_vhost(void)
{
	struct topo_build b;

	topo_build_definition(&b, DEFINITION("\"tcg\"", "", PAIR(VF, "auto")));
	reset();
	run(&b, SCOPE(SCOPE_HOST));
	passes(&b, "standby-no-vhost");
	passes(&b, "vhost-missing");
	passes(&b, "disk-no-iothread");
	host.vhost_net = FACT_NO;
	run(&b, SCOPE(SCOPE_HOST));
	finds(&b, "standby-no-vhost", "/dev/vhost-net");
	passes(&b, "vhost-missing");
	host.vhost_net = FACT_UNKNOWN;
	run(&b, SCOPE(SCOPE_HOST));
	unchecked(&b, "standby-no-vhost", "pair net0");
	topo_build_free(&b);

	topo_build_definition(&b, DEFINITION("\"tcg\"", "", PAIR(VF, "off")));
	run(&b, SCOPE(SCOPE_HOST));
	finds(&b, "standby-no-vhost", "\"off\"");
	topo_build_free(&b);

	topo_build_definition(&b, DEFINITION("\"tcg\"", "", PAIR(VF, "on")));
	host.vhost_net = FACT_NO;
	run(&b, SCOPE(SCOPE_HOST));
	passes(&b, "standby-no-vhost");
	finds(&b, "vhost-missing", "/dev/vhost-net");
	host.vhost_net = FACT_UNKNOWN;
	run(&b, SCOPE(SCOPE_HOST));
	unchecked(&b, "vhost-missing", "/dev/vhost-net");
	topo_build_free(&b);

	/* An emulated primary pins nothing. */
	topo_build_definition(&b, DEFINITION("\"tcg\"", "", PAIR(EMULATED, "off")));
	run(&b, SCOPE(SCOPE_HOST));
	passes(&b, "standby-no-vhost");
	topo_build_free(&b);

#define VFIO                                                                               \
	"q -M q35 -device pcie-root-port,id=a,slot=1,chassis=1 "                           \
	"-device pcie-root-port,id=b,slot=2,chassis=2 "                                    \
	"-device virtio-net-pci,id=net0,failover=on,netdev=n,mac=52:54:00:00:00:01,bus=a " \
	"-device vfio-pci,host=01:10.0,id=p,failover_pair_id=net0,bus=b "
	reset();
	topo_build_text(&b, VFIO "-netdev tap,id=n,vhost=on");
	run(&b, SCOPE(SCOPE_HOST));
	passes(&b, "standby-no-vhost");
	passes(&b, "vhost-missing");
	host.vhost_net = FACT_NO;
	run(&b, SCOPE(SCOPE_HOST));
	finds(&b, "vhost-missing", "vhost is to be on");
	topo_build_free(&b);
	topo_build_text(&b, VFIO "-netdev tap,id=n");
	run(&b, SCOPE(SCOPE_HOST));
	finds(&b, "standby-no-vhost", "netdev n (tap)");
	topo_build_free(&b);
	topo_build_text(&b, VFIO "-netdev vhost-user,id=n,chardev=c");
	run(&b, SCOPE(SCOPE_HOST));
	passes(&b, "standby-no-vhost");
	topo_build_free(&b);
	topo_build_text(&b, VFIO);
	run(&b, SCOPE(SCOPE_HOST));
	unchecked(&b, "standby-no-vhost", "no netdev");
	b.machine->running = true;
	run(&b, SCOPE(SCOPE_HOST));
	unchecked(&b, "standby-no-vhost", "running");
	topo_build_free(&b);
}

static void test_iothread(void)
{
	struct topo_build b;

	reset();
	topo_build_text(&b, VFIO "-device virtio-blk-pci,drive=d,id=vda,iothread=io");
	run(&b, SCOPE(SCOPE_HOST));
	passes(&b, "disk-no-iothread");
	topo_build_free(&b);
	topo_build_text(&b, VFIO "-device virtio-blk-pci,drive=d,id=vda");
	run(&b, SCOPE(SCOPE_HOST));
	finds(&b, "disk-no-iothread", "its virtio-blk-pci has no iothread");
	b.machine->running = true;
	run(&b, SCOPE(SCOPE_HOST));
	unchecked(&b, "disk-no-iothread", "which threads");
	topo_build_free(&b);
	topo_build_text(&b, VFIO "-device ide-hd,drive=d,id=hda");
	run(&b, SCOPE(SCOPE_HOST));
	finds(&b, "disk-no-iothread", "ide-hd cannot have");
	topo_build_free(&b);
	topo_build_text(&b, "q -M q35 -device virtio-blk-pci,drive=d,id=vda");
	run(&b, SCOPE(SCOPE_HOST));
	passes(&b, "disk-no-iothread");
	topo_build_free(&b);
}

static void test_shared_files(void)
{
	static const struct {
		const char *rule;
		size_t file;
	} cases[] = { { "storage-not-shared", 0 }, { "vars-not-shared", 3 } };
	struct topo_build b;

	topo_build_definition(&b, DEFINITION("\"tcg\"", "", ALL_FILES));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *rule = cases[i].rule;
		struct host_file *here = &files[cases[i].file];
		struct source_file *far = &there[cases[i].file];

		b.topo.source = &source;
		reset();
		run(&b, SCOPE(SCOPE_TARGET));
		passes(&b, rule);
		here->size = 8192; /* it grew between two looks */
		run(&b, SCOPE(SCOPE_TARGET));
		passes(&b, rule);
		here->locked = FACT_NO;
		run(&b, SCOPE(SCOPE_TARGET));
		finds(&b, rule, "its lock is not seen here");
		finds(&b, rule, "of 8192 bytes, and 4096 there");
		here->size = 4096;
		/* A lock on a file of this host only is somebody else's. */
		here->fs_shared = FACT_NO;
		here->locked = FACT_YES;
		run(&b, SCOPE(SCOPE_TARGET));
		finds(&b, rule,
		      "lies on nfs, which other hosts do not have (of the same size)");
		source.boot_id = (char *)"another";
		run(&b, SCOPE(SCOPE_TARGET));
		finds(&b, rule, "which other hosts do not have");
		/* Two hosts that are one machine. */
		source.boot_id = host.boot_id;
		run(&b, SCOPE(SCOPE_TARGET));
		passes(&b, rule);
		here->locked = FACT_NO;
		run(&b, SCOPE(SCOPE_TARGET));
		finds(&b, rule, "its lock is not seen here (a file on nfs, of the same size)");
		here->locked = FACT_UNKNOWN;
		run(&b, SCOPE(SCOPE_TARGET));
		unchecked(&b, rule, "does not show the locks of other hosts");
		/* Nobody has it open there: a lock here says nothing. */
		far->locked = false;
		here->locked = FACT_YES;
		run(&b, SCOPE(SCOPE_TARGET));
		unchecked(&b, rule, "holds no lock");
		source.running = false;
		run(&b, SCOPE(SCOPE_TARGET));
		unchecked(&b, rule, "does not run");
		here->size = 5;
		run(&b, SCOPE(SCOPE_TARGET));
		finds(&b, rule, "another file here");
		here->error = ENOENT;
		here->size = -1;
		run(&b, SCOPE(SCOPE_TARGET));
		unchecked(&b, rule, "cannot be reached here");
		reset();
		source.n_files = 0;
		run(&b, SCOPE(SCOPE_TARGET));
		unchecked(&b, rule, "the source says nothing");
		reset();
		host.n_files = 0;
		run(&b, SCOPE(SCOPE_TARGET));
		unchecked(&b, rule, "was not looked at here");
		b.topo.source = NULL;
		run(&b, SCOPE(SCOPE_TARGET));
		unchecked(&b, rule, "not asked");
	}
	topo_build_free(&b);
	topo_build_definition(&b, DEFINITION("\"tcg\"", "", ""));
	b.topo.source = &source;
	run(&b, SCOPE(SCOPE_TARGET));
	passes(&b, "storage-not-shared");
	passes(&b, "vars-not-shared");
	passes(&b, "firmware-size");
	passes(&b, "media-differs");
	passes(&b, "rom-size");
	topo_build_free(&b);
}

static void wwns(const char *here, const char *far)
{
	snprintf(files[0].wwn, sizeof(files[0].wwn), "%s", here);
	snprintf(there[0].wwn, sizeof(there[0].wwn), "%s", far);
}

static void test_shared_devices(void)
{
	struct topo_build b;

	topo_build_definition(&b, DEFINITION("\"tcg\"", "", ONE_DISK("/dev/sdb", "none")));
	reset();
	b.topo.source = &source;
	files[0].path = there[0].path = (char *)"/dev/sdb";
	files[0].block = true;
	files[0].locked = FACT_NO;
	wwns("naa.600140", "naa.600140");
	run(&b, SCOPE(SCOPE_TARGET));
	passes(&b, "storage-not-shared");
	wwns("naa.600140", "naa.600141");
	files[0].locked = FACT_YES;
	run(&b, SCOPE(SCOPE_TARGET));
	finds(&b, "storage-not-shared", "it is naa.600140, and naa.600141 on the source");
	files[0].locked = FACT_NO;
	wwns("mpath-3600140", "naa.600140");
	run(&b, SCOPE(SCOPE_TARGET));
	unchecked(&b, "storage-not-shared", "mpath-3600140");
	wwns("", "");
	run(&b, SCOPE(SCOPE_TARGET));
	unchecked(&b, "storage-not-shared", "no name that both hosts know");
	files[0].size = 1;
	run(&b, SCOPE(SCOPE_TARGET));
	finds(&b, "storage-not-shared", "it has 1 bytes, and 4096");
	files[0].size = 4096;
	files[0].locked = FACT_YES;
	run(&b, SCOPE(SCOPE_TARGET));
	unchecked(&b, "storage-not-shared", "no name that both hosts know");
	/* Two hosts that are one machine. */
	source.boot_id = host.boot_id;
	run(&b, SCOPE(SCOPE_TARGET));
	passes(&b, "storage-not-shared");
	topo_build_free(&b);
}

static void test_sizes(void)
{
	static const struct {
		const char *rule, *found;
		size_t file;
	} cases[] = {
		{ "firmware-size", "/code has 5 bytes here, and 4096", 2 },
		{ "firmware-size", "/vars has 5 bytes here, and 4096", 3 },
		{ "media-differs", "/m.iso has 5 bytes here, and 4096", 1 },
		{ "rom-size", "/x.rom has 5 bytes here, and 4096", 4 },
	};
	struct topo_build b;

	topo_build_definition(&b, DEFINITION("\"tcg\"", "", ALL_FILES));
	b.topo.source = &source;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		reset();
		host.n_files = 5;
		run(&b, SCOPE(SCOPE_TARGET));
		passes(&b, cases[i].rule);
		files[cases[i].file].size = 5;
		run(&b, SCOPE(SCOPE_TARGET));
		finds(&b, cases[i].rule, cases[i].found);
		there[cases[i].file].size = -1;
		run(&b, SCOPE(SCOPE_TARGET));
		unchecked(&b, cases[i].rule, "is not known on both hosts");
	}
	reset();
	host.n_files = 5;
	files[4].error = ENOENT;
	run(&b, SCOPE(SCOPE_TARGET));
	finds(&b, "rom-size", "No such file");
	topo_build_free(&b);
}

int main(void)
{
	test_missing();
	test_cache();
	test_memory();
	test_kvm();
	test_vhost();
	test_iothread();
	test_shared_files();
	test_shared_devices();
	test_sizes();
	return done_testing();
}
