/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The command line that the model makes, given to a real QEMU: it starts, and what it
 * then has is what was meant. VMFO_TEST_QEMU names another binary.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "io/child.h"
#include "io/file.h"
#include "model/qemu_argv.h"
#include "proto/qmp.h"
#include "tap.h"

#define MAX_FDS 16
#define TIMEOUT_MS 20000

static struct loop *loop;
static char folder[] = "/tmp/vmfo-argv-XXXXXX";

/* Everything that a definition can ask for, with files in the folder. */
static struct vmdef *definition(void)
{
	struct err err = ERR_INIT;
	struct vmdef *def = NULL;
	_cleanup_free_ char *text = str_printf(
		"{ \"schema\": \"vmfo.vm/1\", \"name\": \"argv\","
		"  \"uuid\": \"5a7d9e0c-3f5b-4a57-9d0e-6b1f2c3d4e5f\","
		"  \"machine\": \"pc-q35-7.2\", \"accel\": [\"tcg\"],"
		"  \"cpu\": { \"model\": \"max\", \"count\": 2 },"
		"  \"memory\": { \"mib\": 64 },"
		"  \"boot\": {\"firmware\": {\"code\": \"%s/co,de\", \"vars\": \"%s/vars\"}},"
		"  \"disks\": ["
		"   {\"id\":\"d0\",\"path\":\"%s/disk\",\"format\":\"raw\","
		"    \"cache\":\"writethrough\"},"
		"   {\"id\":\"d1\",\"path\":\"%s/co,de\",\"format\":\"raw\","
		"    \"cache\":\"writeback\",\"readonly\":true}],"
		"  \"media\": [{\"id\":\"cd\",\"path\":\"%s/co,de\"}],"
		"  \"pairs\": [{\"id\":\"net0\",\"mac\":\"52:54:00:00:00:01\",\"mtu\":2000,"
		"    \"standby\":{\"bridge\":\"br0\",\"queues\":2},"
		"    \"primary\":{\"kind\":\"emulated\"}},"
		"   {\"id\":\"net1\",\"mac\":\"52:54:00:00:00:02\","
		"    \"standby\":{\"bridge\":\"br0\"},"
		"    \"primary\":{\"kind\":\"emulated\"}}],"
		"  \"nics\": [{\"id\":\"nic\",\"mac\":\"52:54:00:00:00:03\","
		"    \"bridge\":\"br0\"}],"
		"  \"serial_log\": true, \"guest_agent\": true, \"qemu_args\": [\"-S\"] }",
		folder, folder, folder, folder, folder);

	if (!text || vmdef_parse(text, strlen(text), "t.json", &def, &err) < 0)
		bail("not parsed: %s", err.msg);
	return def;
}

static void make_file(const char *name, off_t size)
{
	_cleanup_free_ char *path = str_printf("%s/%s", folder, name);
	_cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || ftruncate(fd, size) < 0)
		bail("make %s: %s", path, strerror(errno));
}

/* Taps without a bridge will do: nothing runs in these VMs. */
static size_t make_taps(const struct vmdef *def, int *fds)
{
	_cleanup_free_ struct qemu_tap *taps = NULL;
	struct err err = ERR_INIT;
	size_t n, n_fds = 0;

	if (qemu_plan_taps(def, &taps, &n, &err) < 0)
		bail("%s", err.msg);
	for (size_t i = 0; i < n; i++) {
		struct ifreq req = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };

		if (taps[i].queues > 1)
			req.ifr_flags |= IFF_MULTI_QUEUE;
		snprintf(req.ifr_name, sizeof(req.ifr_name), "t%u", (unsigned)i & 0xff);
		for (int q = 0; q < taps[i].queues; q++) {
			int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

			if (fd < 0 || ioctl(fd, TUNSETIFF, &req) < 0)
				bail("make a tap: %s", strerror(errno));
			fds[n_fds++] = fd;
		}
	}
	return n_fds;
}

struct vm {
	struct child child;
	struct qmp *qmp;
	char *log;
};

static void vm_start(struct vm *vm, const struct vmdef *def, const struct qemu_argv_env *env)
{
	_cleanup_free_ char *sock = str_printf("%s/qmp.sock", folder);
	_cleanup_free_ char *log = str_printf("%s/qemu.log", folder);
	struct child_spec spec = CHILD_SPEC_INIT;
	struct err err = ERR_INIT;
	struct strv argv = { 0 };
	int fds[MAX_FDS], r;

	unlink(sock);
	if (qemu_argv(def, env, &argv, &err) < 0)
		bail("%s", err.msg);
	vm->child = (struct child)CHILD_INIT;
	vm->qmp = NULL;
	vm->log = NULL;
	spec.argv = strv_argv(&argv);
	spec.n_fds = make_taps(def, fds);
	spec.fds = fds;
	spec.err = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	r = child_spawn(&vm->child, &spec, &err);
	/* There is a moment in which the socket is there and nobody listens. */
	for (int64_t end = deadline_in(TIMEOUT_MS); r == 0;) {
		r = qmp_connect(loop, sock, end, &vm->qmp, &err);
		if (r == 0 || clock_ms() >= end || child_ended(&vm->child, NULL))
			break;
		r = loop_sleep(loop, 20, &err);
	}
	if (file_read(log, 1 << 20, &vm->log, NULL, NULL) < 0)
		vm->log = strdup("");
	ok(r == 0, "QEMU starts%s%s %s", r ? ": " : "", r ? err.msg : "", r ? vm->log : "");
	for (size_t i = 0; i < spec.n_fds; i++)
		close(fds[i]);
	close(spec.err);
	strv_clear(&argv);
}

static void vm_stop(struct vm *vm)
{
	qmp_close(vm->qmp);
	child_stop(&vm->child, 5000);
	free(vm->log);
}

/* The command's answer, or NULL. */
static json_t *ask(struct vm *vm, const char *command, json_t *args)
{
	struct err err = ERR_INIT;
	json_t *answer = NULL;

	if (!vm->qmp) {
		json_decref(args);
		return NULL;
	}
	if (qmp_command(vm->qmp, command, args, deadline_in(TIMEOUT_MS), &answer, &err) < 0)
		printf("# %s: %s\n", command, err.msg);
	return answer;
}

static json_t *get(struct vm *vm, const char *device, const char *property)
{
	_cleanup_free_ char *path = str_printf("/machine/peripheral/%s", device);

	return ask(vm, "qom-get", json_pack("{ss ss}", "path", path, "property", property));
}

static bool has_device(struct vm *vm, const char *id)
{
	json_t *list = ask(vm, "qom-list", json_pack("{ss}", "path", "/machine/peripheral"));
	bool found = false;
	size_t i;
	json_t *item;

	json_array_foreach (list, i, item)
		if (str_eq(json_string_value(json_object_get(item, "name")) ?: "", id))
			found = true;
	json_decref(list);
	return found;
}

static void check_property(struct vm *vm, const char *device, const char *property,
			   json_t *want)
{
	json_t *got = get(vm, device, property);
	_cleanup_free_ char *text = json_dumps(got, JSON_ENCODE_ANY);

	ok(got && json_equal(got, want), "%s: %s is %s", device, property, text ?: "not there");
	json_decref(got);
	json_decref(want);
}

static void check_status(struct vm *vm, const char *want)
{
	json_t *status = ask(vm, "query-status", NULL);

	is_str(json_string_value(json_object_get(status, "status")), want, "status");
	json_decref(status);
}

static bool can_sandbox(struct vm *vm)
{
	json_t *list = ask(vm, "query-command-line-options", NULL), *item;
	bool found = false;
	size_t i;

	json_array_foreach (list, i, item)
		if (str_eq(json_string_value(json_object_get(item, "option")) ?: "", "sandbox"))
			found = true;
	json_decref(list);
	return found;
}

static bool in_folder(const char *name)
{
	_cleanup_free_ char *path = str_printf("%s/%s", folder, name);

	return access(path, F_OK) == 0;
}

static int count_lines(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

/* As at a launch. Return: whether this QEMU knows -sandbox. */
static bool test_launch(const struct vmdef *def, const struct qemu_argv_env *env)
{
	static const char *const there[] = {
		"d0",          "rp-d0",           "d1",   "cd",  "net0",
		"rp-net0",     "rp-net0-primary", "net1", "nic", "rp-nic",
		"vmfo-serial", "vmfo-agent"
	};
	json_t *answer;
	bool sandbox;
	struct vm vm;

	vm_start(&vm, def, env);
	is_int(count_lines(vm.log), 2, "with no warning but that");
	ok(strstr(vm.log, "net-net0-primary has no peer") &&
		   strstr(vm.log, "net-net1-primary has no peer"),
	   "the netdevs of hidden primaries are without one");
	check_status(&vm, "prelaunch");
	answer = ask(&vm, "query-uuid", NULL);
	is_str(json_string_value(json_object_get(answer, "UUID")), def->uuid, "its UUID");
	json_decref(answer);
	for (size_t i = 0; i < ARRAY_SIZE(there); i++)
		ok(has_device(&vm, there[i]), "%s is realized", there[i]);
	ok(!has_device(&vm, "net0-primary") && !has_device(&vm, "net1-primary"),
	   "the primaries are hidden");
	check_property(&vm, "net0", "failover", json_true());
	check_property(&vm, "net0", "host_mtu", json_integer(2000));
	check_property(&vm, "net0", "mac", json_string("52:54:00:00:00:01"));
	check_property(&vm, "net0", "romfile", json_string(""));
	check_property(&vm, "nic", "failover", json_false());
	check_property(&vm, "d0", "write-cache", json_string("off"));
	check_property(&vm, "d1", "write-cache", json_string("on"));
	check_property(&vm, "rp-d0", "slot", json_integer(1));
	check_property(&vm, "rp-net0-primary", "slot", json_integer(4));
	check_property(&vm, "rp-net0-primary", "chassis", json_integer(4));
	check_property(&vm, "rp-net0-primary", "addr", json_integer(0x13));
	check_property(&vm, "rp-vmfo-serial", "addr", json_integer(0x17));
	ok(in_folder("monitor.sock") && in_folder("qga.sock") && in_folder("serial.log"),
	   "the sockets and the log are in the run folder");
	sandbox = can_sandbox(&vm);
	vm_stop(&vm);
	return sandbox;
}

static void test_target(const struct vmdef *def, const struct qemu_argv_env *env)
{
	struct vm vm;

	vm_start(&vm, def, env);
	check_status(&vm, "inmigrate");
	ok(in_folder("monitor.pending.sock") && !in_folder("monitor.sock"),
	   "the operator's monitor is pending");
	ok(has_device(&vm, "net0") && has_device(&vm, "rp-net1-primary"),
	   "ports for the primaries");
	vm_stop(&vm);
}

/* Without a negotiated standby device_add hides the primary: that it is taken, is seen. */
static void test_device_add(const struct vmdef *def, const struct qemu_argv_env *env)
{
	struct err err = ERR_INIT;
	json_t *args = NULL, *answer;
	struct vm vm;

	vm_start(&vm, def, env);
	is_int(qemu_primary_device(&def->pairs[0], NULL, &args, &err), 0,
	       "arguments of device_add");
	answer = ask(&vm, "device_add", json_copy(args));
	ok(answer != NULL, "device_add takes them");
	json_decref(answer);
	ok(!has_device(&vm, "net0-primary"),
	   "and hides the primary until the guest negotiates");
	json_decref(args);

	/* The same arguments make a working device where nothing hides it. */
	is_int(qemu_primary_device(&def->pairs[1], NULL, &args, &err), 0,
	       "those of another pair");
	json_object_del(args, "failover_pair_id");
	answer = ask(&vm, "device_add", args);
	ok(answer && has_device(&vm, "net1-primary"), "make a device without failover_pair_id");
	json_decref(answer);
	vm_stop(&vm);
}

/* A primary that is written as JSON does not reserve its id: it can be plugged once more. */
static void test_second_plug(const struct vmdef *def, const struct qemu_argv_env *env)
{
	struct err err = ERR_INIT;
	json_t *args = NULL, *answer;
	struct vm vm;

	vm_start(&vm, def, env);
	is_int(qemu_primary_device(&def->pairs[0], NULL, &args, &err), 0,
	       "arguments of device_add");
	answer = ask(&vm, "device_add", args);
	ok(answer != NULL, "device_add takes an id that the command line has had");
	json_decref(answer);
	vm_stop(&vm);
}

static bool start_possible(const char *qemu)
{
	const char *const argv[] = { qemu, "--version", NULL };
	_cleanup_free_ char *out = NULL;
	int status;

	if (child_run(loop, argv, deadline_in(TIMEOUT_MS), 65536, &out, NULL, &status, NULL) <
	    0)
		return false;
	printf("# %.*s\n", (int)strcspn(out, "\n"), out);
	return status == 0;
}

int main(void)
{
	struct qemu_argv_env env = { .qemu = getenv("VMFO_TEST_QEMU") ?: "qemu-system-x86_64",
				     .rundir = folder };
	struct err err = ERR_INIT;
	struct vmdef *def;

	if (loop_new(&loop, &err) < 0)
		bail("%s", err.msg);
	if (!start_possible(env.qemu)) {
		skip(1, "no QEMU");
		return done_testing();
	}
	if (unshare(CLONE_NEWNET) < 0 || access("/dev/net/tun", R_OK | W_OK) < 0) {
		skip(1, "taps need root and /dev/net/tun");
		return done_testing();
	}
	if (!mkdtemp(folder))
		bail("mkdtemp: %s", strerror(errno));
	make_file("co,de", 131072);
	make_file("vars", 131072);
	make_file("disk", 1 << 20);
	def = definition();
	env.sandbox = test_launch(def, &env);
	if (env.sandbox)
		test_launch(def, &env);
	else
		printf("# this QEMU has no -sandbox\n");
	env.json_device = true;
	test_launch(def, &env);
	test_second_plug(def, &env);
	env.without_primaries = true;
	test_device_add(def, &env);
	env.incoming = true;
	test_target(def, &env);
	vmdef_free(def);
	loop_free(loop);
	dir_remove(folder, NULL);
	return done_testing();
}
