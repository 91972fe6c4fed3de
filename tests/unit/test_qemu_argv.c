/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/qemu_argv.h"

#include <errno.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "tap.h"

#define HEAD                                                    \
	"{ \"schema\": \"vmfo.vm/1\", \"name\": \"a\","         \
	"  \"uuid\": \"5a7d9e0c-3f5b-4a57-9d0e-6b1f2c3d4e5f\"," \
	"  \"machine\": \"pc-q35-7.2\", \"accel\": [\"tcg\"],"  \
	"  \"cpu\": { \"model\": \"max\", \"count\": 2 },"      \
	"  \"memory\": { \"mib\": 160 }"
#define VM(more) HEAD ", " more " }"

#define FULL                                                                                 \
	VM("\"boot\": {\"kernel\": \"/k,1\", \"initrd\": \"/i\", \"cmdline\": \"a=b,c d\","  \
	   " \"firmware\": {\"code\": \"/fw,code\", \"vars\": \"/vars\"}},"                  \
	   "\"disks\": [{\"id\":\"d0\",\"path\":\"/d,0.img\",\"format\":\"qcow2\"},"         \
	   " {\"id\":\"d1\",\"path\":\"/dev/sdx\",\"format\":\"raw\",\"readonly\":true,"     \
	   "  \"cache\":\"unsafe\"}],"                                                       \
	   "\"media\": [{\"id\":\"cd\",\"path\":\"/m.iso\"}],"                               \
	   "\"pairs\": [{\"id\":\"net0\",\"mac\":\"52:54:00:00:00:01\",\"mtu\":9000,"        \
	   "  \"standby\":{\"bridge\":\"br0\",\"queues\":2},"                                \
	   "  \"primary\":{\"kind\":\"emulated\"}},"                                         \
	   " {\"id\":\"net1\",\"mac\":\"52:54:00:00:00:02\","                                \
	   "  \"standby\":{\"tap\":\"t0\",\"queues\":2,\"vhost\":\"off\"},"                  \
	   "  \"primary\":{\"kind\":\"emulated\",\"bridge\":\"br1\",\"model\":\"e1000\"}}]," \
	   "\"nics\": [{\"id\":\"nic\",\"mac\":\"52:54:00:00:00:03\",\"bridge\":\"br2\"}],"  \
	   "\"serial_log\": true, \"guest_agent\": true, \"qemu_args\": [\"-x\", \"a,b\"]")

static const struct qemu_argv_env launch = {
	.qemu = "/q,emu", .rundir = "/run/v,m", .vhost_net = true, .sandbox = true
};

static struct vmdef *parse(const char *text)
{
	struct err err = ERR_INIT;
	struct vmdef *def = NULL;

	if (vmdef_parse(text, strlen(text), "t.json", &def, &err) < 0)
		bail("not parsed: %s", err.msg);
	return def;
}

static struct strv make(const struct vmdef *def, const struct qemu_argv_env *env)
{
	struct err err = ERR_INIT;
	struct strv argv = { 0 };

	if (qemu_argv(def, env, &argv, &err) < 0)
		bail("no argv: %s", err.msg);
	return argv;
}

static ssize_t find(const struct strv *argv, const char *text)
{
	for (size_t i = 0; i < argv->n; i++)
		if (strstr(argv->v[i], text))
			return (ssize_t)i;
	return -1;
}

/* ---- the whole of it ---- */

static const char *const full[] = {
	"/q,emu",
	"-name",
	"guest=a,debug-threads=on",
	"-uuid",
	"5a7d9e0c-3f5b-4a57-9d0e-6b1f2c3d4e5f",
	"-no-user-config",
	"-nodefaults",
	"-display",
	"none",
	"-msg",
	"timestamp=on",
	"-rtc",
	"base=utc",
	"-boot",
	"strict=on",
	"-sandbox",
	"on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
	"-blockdev",
	"{\"driver\":\"raw\",\"node-name\":\"firmware-code\",\"read-only\":true,"
	"\"file\":{\"driver\":\"file\",\"filename\":\"/fw,code\",\"read-only\":true}}",
	"-blockdev",
	"{\"driver\":\"raw\",\"node-name\":\"firmware-vars\",\"read-only\":false,"
	"\"file\":{\"driver\":\"file\",\"filename\":\"/vars\",\"read-only\":false}}",
	"-machine",
	"pc-q35-7.2,memory-backend=ram0,pflash0=firmware-code,pflash1=firmware-vars",
	"-accel",
	"tcg",
	"-cpu",
	"max,enforce=on",
	"-smp",
	"2",
	"-object",
	"memory-backend-ram,id=ram0,size=160M,prealloc=on,prealloc-threads=2",
	"-m",
	"160M",
	"-kernel",
	"/k,1",
	"-initrd",
	"/i",
	"-append",
	"a=b,c d",
	"-chardev",
	"socket,id=vmfo-qmp,path=/run/v,,m/qmp.sock,server=on,wait=off",
	"-mon",
	"chardev=vmfo-qmp,mode=control",
	"-chardev",
	"socket,id=vmfo-monitor,path=/run/v,,m/monitor.sock,server=on,wait=off",
	"-mon",
	"chardev=vmfo-monitor,mode=control",
	"-chardev",
	"file,id=vmfo-serial-log,path=/run/v,,m/serial.log,append=on",
	"-serial",
	"chardev:vmfo-serial-log",
	"-blockdev",
	"{\"driver\":\"qcow2\",\"node-name\":\"disk0\",\"read-only\":false,"
	"\"cache\":{\"direct\":true,\"no-flush\":false},\"file\":{\"driver\":\"file\","
	"\"filename\":\"/d,0.img\",\"read-only\":false,"
	"\"cache\":{\"direct\":true,\"no-flush\":false}}}",
	"-object",
	"iothread,id=io-d0",
	"-device",
	"pcie-root-port,id=rp-d0,bus=pcie.0,chassis=1,slot=1,addr=0x2.0x0,multifunction=on",
	"-device",
	"virtio-blk-pci,id=d0,bus=rp-d0,drive=disk0,iothread=io-d0,write-cache=on,"
	"bootindex=1",
	"-blockdev",
	"{\"driver\":\"raw\",\"node-name\":\"disk1\",\"read-only\":true,"
	"\"cache\":{\"direct\":false,\"no-flush\":true},"
	"\"file\":{\"driver\":\"host_device\",\"filename\":\"/dev/sdx\","
	"\"read-only\":true,\"cache\":{\"direct\":false,\"no-flush\":true}}}",
	"-object",
	"iothread,id=io-d1",
	"-device",
	"pcie-root-port,id=rp-d1,bus=pcie.0,chassis=2,slot=2,addr=0x2.0x1",
	"-device",
	"virtio-blk-pci,id=d1,bus=rp-d1,drive=disk1,iothread=io-d1,write-cache=on,"
	"bootindex=2",
	"-blockdev",
	"{\"driver\":\"raw\",\"node-name\":\"media0\",\"read-only\":true,"
	"\"cache\":{\"direct\":false,\"no-flush\":false},\"file\":{\"driver\":\"file\","
	"\"filename\":\"/m.iso\",\"read-only\":true,"
	"\"cache\":{\"direct\":false,\"no-flush\":false}}}",
	"-device",
	"ide-cd,id=cd,bus=ide.0,drive=media0,bootindex=3",
	"-netdev",
	"tap,id=net-net0,fds=3:4,vhost=on",
	"-netdev",
	"tap,id=net-net0-primary,fd=5,vhost=off",
	"-device",
	"pcie-root-port,id=rp-net0,bus=pcie.0,chassis=3,slot=3,addr=0x2.0x2",
	"-device",
	"virtio-net-pci,id=net0,bus=rp-net0,netdev=net-net0,mac=52:54:00:00:00:01,"
	"failover=on,mq=on,vectors=6,host_mtu=9000,romfile=",
	"-device",
	"pcie-root-port,id=rp-net0-primary,bus=pcie.0,chassis=4,slot=4,addr=0x2.0x3",
	"-device",
	"e1000e,id=net0-primary,bus=rp-net0-primary,addr=0x0,failover_pair_id=net0,"
	"netdev=net-net0-primary,mac=52:54:00:00:00:01,romfile=",
	"-netdev",
	"tap,id=net-net1,ifname=t0,script=no,downscript=no,queues=2,vhost=off",
	"-netdev",
	"tap,id=net-net1-primary,fd=6,vhost=off",
	"-device",
	"pcie-root-port,id=rp-net1,bus=pcie.0,chassis=5,slot=5,addr=0x2.0x4",
	"-device",
	"virtio-net-pci,id=net1,bus=rp-net1,netdev=net-net1,mac=52:54:00:00:00:02,"
	"failover=on,mq=on,vectors=6,romfile=",
	"-device",
	"pcie-root-port,id=rp-net1-primary,bus=pcie.0,chassis=6,slot=6,addr=0x2.0x5",
	"-device",
	"e1000,id=net1-primary,bus=rp-net1-primary,addr=0x0,failover_pair_id=net1,"
	"netdev=net-net1-primary,mac=52:54:00:00:00:02,romfile=",
	"-netdev",
	"tap,id=net-nic,fd=7,vhost=on",
	"-device",
	"pcie-root-port,id=rp-nic,bus=pcie.0,chassis=7,slot=7,addr=0x2.0x6",
	"-device",
	"virtio-net-pci,id=nic,bus=rp-nic,netdev=net-nic,mac=52:54:00:00:00:03,romfile=",
	"-chardev",
	"socket,id=vmfo-qga,path=/run/v,,m/qga.sock,server=on,wait=off",
	"-device",
	"pcie-root-port,id=rp-vmfo-serial,bus=pcie.0,chassis=8,slot=8,addr=0x2.0x7",
	"-device",
	"virtio-serial-pci,id=vmfo-serial,bus=rp-vmfo-serial",
	"-device",
	"virtserialport,id=vmfo-agent,bus=vmfo-serial.0,chardev=vmfo-qga,"
	"name=org.qemu.guest_agent.0",
	"-x",
	"a,b",
};

static void test_full(void)
{
	struct vmdef *def = parse(FULL);
	struct strv argv = make(def, &launch);

	for (size_t i = 0; i < ARRAY_SIZE(full) && i < argv.n; i++)
		is_str(argv.v[i], full[i], "argument %zu", i);
	is_int(argv.n, ARRAY_SIZE(full), "and no more");
	strv_clear(&argv);
	vmdef_free(def);
}

static void test_taps(void)
{
	static const struct {
		const char *netdev, *bridge, *nic;
		bool primary;
		int queues;
	} want[] = {
		{ "net-net0", "br0", "net0", false, 2 },
		{ "net-net0-primary", "br0", "net0", true, 1 },
		{ "net-net1-primary", "br1", "net1", true, 1 },
		{ "net-nic", "br2", "nic", false, 1 },
	};
	struct vmdef *def = parse(FULL);
	_cleanup_free_ struct qemu_tap *taps = NULL;
	struct err err = ERR_INIT;
	size_t n;

	is_int(qemu_plan_taps(def, &taps, &n, &err), 0, "the plan of taps");
	is_int(n, ARRAY_SIZE(want), "one for each bridge, none for the operator's tap");
	for (size_t i = 0; i < n; i++) {
		is_str(taps[i].netdev, want[i].netdev, "tap %zu: its netdev", i);
		is_str(taps[i].bridge, want[i].bridge, "its bridge");
		is_str(taps[i].nic, want[i].nic, "its NIC");
		ok(taps[i].primary == want[i].primary, "its half of the pair");
		is_int(taps[i].queues, want[i].queues, "its queues");
	}
	vmdef_free(def);
}

/* ---- variants ---- */

/* The arguments of argv that base has nowhere, in order, one a line. */
static char *difference(const struct strv *argv, const struct strv *base)
{
	char *text = strdup("");

	for (size_t i = 0; i < argv->n; i++) {
		size_t k = 0;
		char *more;

		while (k < base->n && !str_eq(base->v[k], argv->v[i]))
			k++;
		if (k < base->n)
			continue;
		more = str_printf("%s%s\n", text, argv->v[i]);
		free(text);
		text = more;
	}
	return text;
}

static void test_incoming(void)
{
	struct qemu_argv_env env = launch;
	struct vmdef *def = parse(FULL);
	struct strv here = make(def, &launch), there;
	_cleanup_free_ char *added = NULL, *gone = NULL;

	env.incoming = true;
	env.without_primaries = true;
	there = make(def, &env);
	added = difference(&there, &here);
	gone = difference(&here, &there);
	is_str(added,
	       "socket,id=vmfo-monitor,path=/run/v,,m/monitor.pending.sock,server=on,wait=off\n"
	       "-S\n-incoming\ndefer\n",
	       "a target waits, and its operator's monitor is not there yet");
	is_str(gone,
	       "socket,id=vmfo-monitor,path=/run/v,,m/monitor.sock,server=on,wait=off\n"
	       "e1000e,id=net0-primary,bus=rp-net0-primary,addr=0x0,failover_pair_id=net0,"
	       "netdev=net-net0-primary,mac=52:54:00:00:00:01,romfile=\n"
	       "e1000,id=net1-primary,bus=rp-net1-primary,addr=0x0,failover_pair_id=net1,"
	       "netdev=net-net1-primary,mac=52:54:00:00:00:02,romfile=\n",
	       "its primaries are missing; their netdevs and ports are there");
	is_int(there.n, here.n + 3 - 4, "and nothing else");
	strv_clear(&here);
	strv_clear(&there);
	vmdef_free(def);
}

/* Nothing but the form of the primaries differs. */
static void test_json_device(void)
{
	struct qemu_argv_env env = launch;
	struct vmdef *def = parse(FULL);
	struct strv text = make(def, &launch), json;
	_cleanup_free_ char *added = NULL;

	env.json_device = true;
	json = make(def, &env);
	added = difference(&json, &text);
	is_str(added,
	       "{\"driver\":\"e1000e\",\"id\":\"net0-primary\",\"bus\":\"rp-net0-primary\","
	       "\"addr\":\"0x0\",\"failover_pair_id\":\"net0\",\"netdev\":\"net-net0-primary\","
	       "\"mac\":\"52:54:00:00:00:01\",\"romfile\":\"\"}\n"
	       "{\"driver\":\"e1000\",\"id\":\"net1-primary\",\"bus\":\"rp-net1-primary\","
	       "\"addr\":\"0x0\",\"failover_pair_id\":\"net1\",\"netdev\":\"net-net1-primary\","
	       "\"mac\":\"52:54:00:00:00:02\",\"romfile\":\"\"}\n",
	       "primaries as JSON");
	is_int(json.n, text.n, "and nothing else");
	strv_clear(&text);
	strv_clear(&json);
	vmdef_free(def);
}

static void test_variants(void)
{
	const struct qemu_argv_env plain = { .qemu = "q", .rundir = "/r" };
	struct vmdef *def = parse(VM("\"nics\": [{\"id\":\"n\",\"mac\":\"52:54:00:00:00:03\","
				     "\"bridge\":\"b\"}]"));
	struct strv argv = make(def, &plain);

	ok(find(&argv, "tap,id=net-n,fd=3,vhost=off") > 0, "vhost auto without /dev/vhost-net");
	ok(find(&argv, "-sandbox") < 0, "no sandbox where QEMU has none");
	ok(find(&argv, "serial") < 0, "no serial port");
	ok(find(&argv, "-kernel") < 0 && find(&argv, "pflash") < 0, "no boot of its own");
	strv_clear(&argv);
	vmdef_free(def);

	def = parse("{ \"schema\": \"vmfo.vm/1\", \"name\": \"a\", \"machine\": \"q35\","
		    "\"uuid\": \"5a7d9e0c-3f5b-4a57-9d0e-6b1f2c3d4e5f\","
		    "\"cpu\": {\"model\": \"m\", \"enforce\": false, \"count\": 64},"
		    "\"memory\": {\"mib\": 16777216, \"huge_pages\": true}}");
	argv = make(def, &plain);
	ok(find(&argv, "memory-backend-memfd,id=ram0,size=16777216M,hugetlb=on,prealloc=on,"
		       "prealloc-threads=8") > 0,
	   "huge pages, and not more threads than help");
	is_int(find(&argv, "enforce"), -1, "not enforced");
	strv_clear(&argv);
	vmdef_free(def);

	def = parse("{ \"schema\": \"vmfo.vm/1\", \"name\": \"a\", \"machine\": \"q35\","
		    "\"uuid\": \"5a7d9e0c-3f5b-4a57-9d0e-6b1f2c3d4e5f\","
		    "\"cpu\": {\"model\": \"m\"}, \"accel\": [\"tcg\", \"kvm\"],"
		    "\"memory\": {\"mib\": 64, \"preallocated\": false}}");
	argv = make(def, &plain);
	ok(find(&argv, "memory-backend-ram,id=ram0,size=64M") > 0 &&
		   find(&argv, "prealloc") < 0,
	   "RAM on demand");
	ok(find(&argv, "tcg") > 0 && find(&argv, "tcg") + 2 == find(&argv, "kvm"),
	   "accelerators in their order");
	strv_clear(&argv);
	vmdef_free(def);
}

/* The command line's device and device_add's arguments say the same. */
static void test_primary(void)
{
	struct vmdef *def = parse(FULL);
	struct err err = ERR_INIT;
	json_t *args = NULL, *want;

	is_int(qemu_primary_device(&def->pairs[0], NULL, &args, &err), 0,
	       "arguments of device_add");
	want = json_pack("{ss ss ss ss ss ss ss ss}", "driver", "e1000e", "id", "net0-primary",
			 "bus", "rp-net0-primary", "addr", "0x0", "netdev", "net-net0-primary",
			 "mac", "52:54:00:00:00:01", "failover_pair_id", "net0", "romfile", "");
	ok(json_equal(args, want), "which equal the command line's");
	json_decref(args);
	json_decref(want);
	vmdef_free(def);
}

#define PAIR(primary)                                                 \
	VM("\"pairs\": [{\"id\":\"p\",\"mac\":\"52:54:00:00:00:01\"," \
	   "\"standby\":{\"bridge\":\"b\"},\"primary\":{" primary "}}]")
#define A_VF PAIR("\"kind\":\"vf\",\"physnet\":\"x\"")

static void test_vf(void)
{
	const char *const vfs[] = { "0000:01:10.2" };
	struct qemu_argv_env env = launch;
	struct vmdef *def = parse(A_VF);
	struct err err = ERR_INIT;
	json_t *args = NULL, *want;
	struct strv argv;

	env.vfs = vfs;
	argv = make(def, &env);
	ok(find(&argv, "vfio-pci,id=p-primary,bus=rp-p-primary,addr=0x0,failover_pair_id=p,"
		       "host=0000:01:10.2,romfile=") > 0,
	   "a VF by its address");
	is_int(find(&argv, "net-p-primary"), -1, "without a netdev");
	strv_clear(&argv);
	is_int(qemu_primary_device(&def->pairs[0], vfs[0], &args, &err), 0,
	       "a VF's arguments of device_add");
	want = json_pack("{ss ss ss ss ss ss ss}", "driver", "vfio-pci", "id", "p-primary",
			 "bus", "rp-p-primary", "addr", "0x0", "host", "0000:01:10.2",
			 "failover_pair_id", "p", "romfile", "");
	ok(json_equal(args, want), "which equal the command line's");
	json_decref(args);
	json_decref(want);

	/* A target's QEMU starts without, and what it will get may change until then. */
	env.vfs = NULL;
	env.without_primaries = true;
	argv = make(def, &env);
	ok(find(&argv, "vfio-pci") < 0 && find(&argv, "rp-p-primary") > 0,
	   "only its port, without primaries");
	strv_clear(&argv);
	vmdef_free(def);
}

/* ---- what is refused ---- */

static void refuse(const char *text, const struct qemu_argv_env *env, enum err_kind kind,
		   const char *want)
{
	struct vmdef *def = parse(text);
	struct err err = ERR_INIT;
	struct strv argv = { 0 };

	ok(qemu_argv(def, env, &argv, &err) < 0, "refused: %s", want);
	like(err.msg, want, "and says so");
	is_str(err_kind_name(err.kind), err_kind_name(kind), "of its kind");
	strv_clear(&argv);
	vmdef_free(def);
}

/* Appends n members of a list; fmt takes the number of one. */
static char *list_of(const char *fmt, int n)
{
	char *list = strdup("");

	for (int i = 0; i < n; i++) {
		_cleanup_free_ char *one = str_printf(fmt, i, i);
		char *more = str_printf("%s%s%s", list, i ? "," : "", one);

		free(list);
		list = more;
	}
	return list;
}

#define DISK "{\"id\":\"d%d\",\"path\":\"/d\",\"format\":\"raw\"}"
#define NIC "{\"id\":\"n%d\",\"mac\":\"52:54:00:00:02:%02x\",\"bridge\":\"b\"}"
#define VF_PAIR                                                        \
	"{\"id\":\"p%d\",\"mac\":\"52:54:00:00:01:%02x\","             \
	"\"standby\":{\"bridge\":\"b\"},\"primary\":{\"kind\":\"vf\"," \
	"\"physnet\":\"x\"}}"

static char *many(int disks, int pairs, int nics)
{
	_cleanup_free_ char *d = list_of(DISK, disks);
	_cleanup_free_ char *p = list_of(VF_PAIR, pairs);
	_cleanup_free_ char *n = list_of(NIC, nics);

	return str_printf(VM("\"disks\": [%s], \"pairs\": [%s], \"nics\": [%s]"), d, p, n);
}

static void test_devices(void)
{
	const struct qemu_argv_env env = { .qemu = "q", .rundir = "/r", .plan = true };
	_cleanup_free_ char *most = many(56, 64, 40), *more = many(56, 64, 41);
	struct vmdef *def = parse(most);
	struct strv argv = make(def, &env);

	ok(find(&argv, "id=rp-d0,bus=pcie.0,chassis=1,slot=1,addr=0x2.0x0,multifunction=on") >
		   0,
	   "the first port is function 0 of its slot");
	ok(find(&argv, "id=rp-d7,bus=pcie.0,chassis=8,slot=8,addr=0x2.0x7") > 0,
	   "the eighth is function 7 of it");
	ok(find(&argv, "id=rp-d8,bus=pcie.0,chassis=9,slot=9,addr=0x3.0x0,multifunction=on") >
		   0,
	   "the ninth has the next slot");
	ok(find(&argv, "id=rp-p63-primary,bus=pcie.0,chassis=184,slot=184,addr=0x18.0x7") > 0,
	   "64 pairs");
	ok(find(&argv, "id=rp-n39,bus=pcie.0,chassis=224,slot=224,addr=0x1d.0x7") > 0,
	   "224 devices");
	strv_clear(&argv);
	vmdef_free(def);
	refuse(more, &env, ERR_USAGE, "225 PCI devices (56 disks, two for each of 64 pairs");
}

static void test_refused(void)
{
	struct qemu_argv_env env = launch;
	char rundir[108];
	struct vmdef *def;
	struct strv argv;
	struct err err = ERR_INIT;
	json_t *args = NULL;

	refuse("{ \"schema\": \"vmfo.vm/1\", \"name\": \"a\", \"machine\": \"pc-i440fx-7.2\","
	       "\"uuid\": \"5a7d9e0c-3f5b-4a57-9d0e-6b1f2c3d4e5f\","
	       "\"cpu\": {\"model\": \"m\"}, \"memory\": {\"mib\": 64}}",
	       &launch, ERR_TOPOLOGY,
	       "machine \"pc-i440fx-7.2\" has no PCI Express root ports");
	refuse(PAIR("\"kind\":\"emulated\",\"model\":\"igb\""), &launch, ERR_TOPOLOGY,
	       "pair p: igb cannot be a primary");
	refuse(A_VF, &launch, ERR_INTERNAL, "pair p: no VF was chosen for its primary");
	def = parse(A_VF);
	ok(qemu_primary_device(&def->pairs[0], NULL, &args, &err) < 0, "nor plugged");
	vmdef_free(def);

	env.vhost_net = false;
	refuse(VM("\"nics\": [{\"id\":\"n\",\"mac\":\"52:54:00:00:00:03\",\"bridge\":\"b\","
		  "\"vhost\":\"on\"}]"),
	       &env, ERR_REFUSED, "n: \"vhost\" is \"on\", and /dev/vhost-net is not there");

	/* With "/monitor.pending.sock" 107 bytes, and 108. */
	memset(rundir, 'r', sizeof(rundir));
	rundir[0] = '/';
	rundir[107 - 21] = '\0';
	env.rundir = rundir;
	def = parse(HEAD "}");
	argv = make(def, &env);
	ok(argv.n > 0, "a socket path of 107 bytes");
	strv_clear(&argv);
	vmdef_free(def);
	rundir[107 - 21] = 'r';
	rundir[108 - 21] = '\0';
	refuse(HEAD "}", &env, ERR_USAGE, "a path of 108 bytes, and a UNIX socket takes 107");
}

/* What is not started may have what could not be. */
static void test_plan(void)
{
	struct qemu_argv_env env = launch;
	struct vmdef *def;
	struct strv argv;

	env.plan = true;
	def = parse(A_VF);
	argv = make(def, &env);
	ok(find(&argv, "vfio-pci,id=p-primary,bus=rp-p-primary,addr=0x0,failover_pair_id=p,"
		       "romfile=") > 0,
	   "a VF that is not chosen yet");
	is_int(find(&argv, ",host="), -1, "has no address");
	is_int(find(&argv, "net-p-primary"), -1, "and no netdev");
	strv_clear(&argv);
	env.json_device = true;
	argv = make(def, &env);
	ok(find(&argv, "{\"driver\":\"vfio-pci\",\"id\":\"p-primary\"") > 0, "as JSON too");
	strv_clear(&argv);
	env.without_primaries = true;
	argv = make(def, &env);
	ok(find(&argv, "vfio-pci") < 0 && find(&argv, "rp-p-primary") > 0,
	   "only its port, without primaries");
	strv_clear(&argv);
	vmdef_free(def);

	env = launch;
	env.plan = true;
	def = parse(PAIR("\"kind\":\"emulated\",\"model\":\"igb\""));
	argv = make(def, &env);
	ok(find(&argv, "igb,id=p-primary") > 0, "a model that a rule will speak of");
	strv_clear(&argv);
	vmdef_free(def);

	def = parse(FULL);
	argv = make(def, &env);
	for (size_t i = 0; i < ARRAY_SIZE(full) && i < argv.n; i++)
		if (!str_eq(argv.v[i], full[i]))
			is_str(argv.v[i], full[i], "argument %zu of a plan", i);
	is_int(argv.n, ARRAY_SIZE(full), "nothing else differs from a launch");
	strv_clear(&argv);
	vmdef_free(def);
}

/* A caller may have put words before it. */
static void test_appends(void)
{
	struct vmdef *def = parse(HEAD "}");
	struct strv argv = { 0 };

	strv_add(&argv, "systemd-run");
	is_int(qemu_argv(def, &launch, &argv, NULL), 0, "behind what is there");
	is_str(argv.v[0], "systemd-run", "which stays");
	is_str(argv.v[1], "/q,emu", "and is followed by QEMU");
	strv_clear(&argv);
	vmdef_free(def);
}

int main(void)
{
	test_full();
	test_taps();
	test_incoming();
	test_json_device();
	test_variants();
	test_primary();
	test_vf();
	test_devices();
	test_refused();
	test_plan();
	test_appends();
	return done_testing();
}
