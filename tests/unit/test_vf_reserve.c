/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Who gets which VF of a host, and who gets none and why.
 */
#include "flow/vf_reserve.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "flow/reservation.h"
#include "flow/vf_use.h"
#include "made_host.h"
#include "topology/source_facts.h"
#include "vf_build.h"

#define NET0 MADE_VF("net0", "00:01", "")
#define NET1 MADE_VF("net1", "00:02", "")
#define OTHER MADE_VF("net0", "00:09", "")
#define EMULATED                                                                       \
	"{\"id\": \"emu\", \"mac\": \"52:54:00:00:00:0e\", \"standby\": {\"bridge\": " \
	"\"vmfotest0\"}, \"primary\": {\"kind\": \"emulated\"}}"

static struct err err;

static int reserve_as(struct vm *vm, const struct vf_reserve *how)
{
	err = (struct err)ERR_INIT;
	*made.told = '\0';
	return vf_reserve(vm, how, &err);
}

static int reserve(struct vm *vm)
{
	return reserve_as(vm, &(struct vf_reserve){ .chosen = NULL });
}

/* ---- what is taken ---- */

static void test_takes(void)
{
	struct vm *vm, *again;
	const struct vm_vf *vf;

	made_begin(3);
	vm = made_vm("a", NET0 ", " NET1 ", " EMULATED);
	is_int(reserve(vm), 0, "two VFs %s", err.msg);
	is_str(made_vf(vm, 0), "0000:01:10.0", "the first pair's");
	is_str(made_vf(vm, 1), "0000:01:10.1", "the second's");
	is_str(made_vf(vm, 2), "none", "an emulated primary wants none");
	vf = reservation_vf(vm, &vm->def->pairs[1]);
	is_str(vf->pf, "pf0", "its PF");
	is_int(vf->index, 1, "its number");
	is_str(vf->former, "igbvf", "its driver");
	ok(!vf->bound && !vf->set && !vf->spare, "nothing was done to it");
	LOGGED("", "nor to the host");
	again = made_vm("b", OTHER);
	vmdef_free(again->def);
	again->def = NULL;
	free(again->name);
	again->name = strdup("a");
	free(again->rundir);
	again->rundir = strdup(vm->rundir);
	is_int(reservation_load(again, &err), 1, "the file says so, too");
	is_str(made_vf(again, 1), "0000:01:10.1", "of each");
	vm_close(again);
	vm_close(vm);
}

static void test_none_wanted(void)
{
	struct vm *vm;

	made_begin(1);
	vm = made_vm("a", EMULATED);
	is_int(reserve(vm), 0, "a VM without VFs");
	ok(made_has_reservation(vm) && vm->n_vfs == 0, "reserves its memory and addresses");
	vm_close(vm);
}

/* ---- none ---- */

static void spoil(struct host_facts *facts)
{
	struct vfio_group *group = vf_build_add_group(facts, 0, 0);

	group->holder = 4711;
	strcpy(group->holder_name, "testpmd");
	strcpy(vf_build_vf(facts, 0, 0)->driver, "vfio-pci");
	vf_build_pf(facts, 0)->iommu_group = vf_build_vf(facts, 0, 1)->iommu_group;
	vf_build_vf(facts, 0, 2)->iommu_group = -1;
	vf_build_link(facts, 1)->up = false;
}

static void test_none_free(void)
{
	struct vm *vm;

	made_begin(3);
	made.pfs = 2;
	made_settings(2, 0);
	made.change = spoil;
	vm = made_vm("a", NET0);
	is_int(reserve(vm), -ENODEV, "there is none");
	is_int(err.kind, ERR_REFUSED, "it is refused");
	is_str(err.msg,
	       "pair net0: no VF of physnet prod is free: 0000:01:10.0: its IOMMU group 1000 is "
	       "held by process 4711 (testpmd); 0000:01:10.1: its IOMMU group 1001 is shared "
	       "with 0000:01:00.0, which igb uses; 0000:01:10.2: it is in no IOMMU group: the "
	       "IOMMU does not cover it; 0000:02:10.0, 0000:02:10.1, 0000:02:10.2: PF pf1 is down",
	       "with every reason");
	ok(!made_has_reservation(vm) && vm->n_vfs == 0, "and nothing is reserved");
	made.change = NULL;
	made_settings(2, 0);
	vm_close(vm);

	vm = made_vm("b", NET0 ", " NET1);
	made.vfs = made.pfs = 1;
	is_int(reserve(vm), -ENODEV, "two pairs and one VF");
	like(err.msg, "0000:01:10.0: it is chosen for pair net0", "which has it is said");
	ok(!made_has_reservation(vm) && vm->n_vfs == 0, "neither gets any");
	vm_close(vm);

	vm = made_vm("c", MADE_VF("net0", "00:01", "") "");
	hostdef_free(made_env.host);
	hostdef_parse(NULL, 0, "host.json", &made_env.host, &err);
	is_int(reserve(vm), -ENODEV, "a host without physnets");
	like(err.msg, "pair net0: this host has no physnet \"prod\" (see vmfo-host(5)",
	     "says so");
	vm_close(vm);
}

/* ---- --vf ---- */

static void share(struct host_facts *facts)
{
	struct vfio_group *group = vf_build_add_group(facts, 0, 2);

	vf_build_pf(facts, 0)->iommu_group = vf_build_vf(facts, 0, 1)->iommu_group;
	group->holder = 4711;
	strcpy(group->holder_name, "testpmd");
}

static void test_chosen_refused(void)
{
	static const struct {
		const char *vfs, *want;
	} rows[] = {
		{ "{\"net0\": \"0000:01:00.0\"}",
		  "pair net0: 0000:01:00.0 is a PF, not a VF (see vmfo vfs)" },
		{ "{\"net0\": \"eth0\"}",
		  "pair net0: \"eth0\" is no PCI address; a VF's is like 0000:01:10.0 (see vmfo "
		  "vfs)" },
		{ "{\"net0\": \"0000:01:10.7\"}",
		  "pair net0: this host has no PCI function 0000:01:10.7 (see vmfo vfs)" },
		{ "{\"net0\": \"0000:02:10.0\"}",
		  "pair net0: VF 0000:02:10.0 is not of physnet prod: its PF is 0000:02:00.0 "
		  "(see vmfo vfs)" },
		{ "{\"net0\": \"0000:01:10.1\"}",
		  "pair net0: VF 0000:01:10.1: its IOMMU group 1001 is shared with "
		  "0000:01:00.0, which igb uses" },
		{ "{\"net0\": \"0000:01:10.2\"}",
		  "pair net0: VF 0000:01:10.2: its IOMMU group 1002 is held by process 4711 "
		  "(testpmd)" },
		{ "{\"net0\": \"0000:01:10.3\"}",
		  "pair net0: VF 0000:01:10.3: it is used by VM b" },
		{ "{\"net1\": \"0000:01:10.0\", \"net0\": \"0000:01:10.0\"}",
		  "pair net1: VF 0000:01:10.0: it is chosen for pair net0" },
		{ "{\"net7\": \"0000:01:10.0\"}",
		  "--vf net7=0000:01:10.0: the VM has no pair \"net7\" whose primary is a VF" },
		{ "{\"\": \"0000:01:10.0\"}",
		  "--vf 0000:01:10.0: say which pair it is for (--vf PAIR=ADDRESS): the VM has "
		  "not one pair whose primary is a VF" },
	};
	json_t *mine = json_pack("{ss}", "", "0000:01:10.3");
	struct vm *vm, *other;

	made_begin(5);
	made.pfs = 2;
	made.change = share;
	other = made_vm("b", OTHER);
	is_int(reserve_as(other, &(struct vf_reserve){ .chosen = mine }), 0, "another VM's");
	vm = made_vm("a", NET0 ", " NET1);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		json_t *chosen = json_loads(rows[i].vfs, 0, NULL);

		is_int(reserve_as(vm, &(struct vf_reserve){ .chosen = chosen }), -EINVAL,
		       "refused: --vf %s", rows[i].vfs);
		is_str(err.msg, rows[i].want, "and why");
		is_int(err.kind, ERR_REFUSED, "as such");
		ok(!made_has_reservation(vm) && vm->n_vfs == 0, "nothing is reserved");
		json_decref(chosen);
	}
	LOGGED("", "nothing was done to the host");
	json_decref(mine);
	vm_close(vm);
	vm_close(other);
}

static void test_chosen(void)
{
	json_t *chosen = json_pack("{ss}", "net1", "0000:01:10.0");
	struct vm *vm;

	made_begin(2);
	vm = made_vm("a", NET0 ", " NET1);
	is_int(reserve_as(vm, &(struct vf_reserve){ .chosen = chosen }), 0, "--vf %s", err.msg);
	is_str(made_vf(vm, 1), "0000:01:10.0", "the pair has what was named for it");
	is_str(made_vf(vm, 0), "0000:01:10.1", "and the other what is left");
	json_decref(chosen);
	vm_close(vm);
}

/* ---- the last one ---- */

static void test_last(void)
{
	struct vm *a, *b;

	made_begin(1);
	a = made_vm("a", NET0);
	b = made_vm("b", OTHER);
	is_int(reserve(a), 0, "the last VF");
	is_int(reserve(b), -ENODEV, "is not had twice");
	is_str(err.msg,
	       "pair net0: no VF of physnet prod is free: 0000:01:10.0: it is used by VM a",
	       "and why");
	is_int(vf_give_back_all(a, &err), 0, "given back");
	is_int(reserve(b), 0, "it can be had again %s", err.msg);
	vm_close(a);
	vm_close(b);
}

/* Each begins, and ends, when the parent closes a pipe, and tells in between how it went. */
struct course {
	int begin[2], told[2], end[2];
};

/* A process of its own, as two vmfos are. It tells one byte: 0: it has the VF. */
static pid_t race(const char *name, const char *pairs, const struct course *course)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		struct vm *vm = made_vm(name, pairs);
		char answer = 2;
		int r;

		close(course->begin[1]);
		close(course->end[1]);
		if (read(course->begin[0], &answer, 1) != 0)
			_exit(9);
		r = reserve(vm);
		if (r == 0)
			answer = 0;
		else if (r == -ENODEV && strstr(err.msg, "it is used by VM"))
			answer = 1;
		if (write(course->told[1], &answer, 1) != 1)
			_exit(9);
		/* Else nobody would see that the other has died without a word. */
		close(course->told[1]);
		/* Its lock is what makes it count: held until the other has looked. */
		_exit(read(course->end[0], &answer, 1) == 0 ? 0 : 9);
	}
	return pid;
}

/* Return: what one of them has told; -1: it has died instead. */
static int told(const struct course *course)
{
	unsigned char answer;

	return read(course->told[0], &answer, 1) == 1 ? answer : -1;
}

static void test_race(void)
{
	struct course course;
	int first, second;
	pid_t a, b;

	made_begin(1);
	/* Whoever reads without the lock has not seen what the other writes. */
	made.read_ms = 200;
	if (pipe2(course.begin, O_CLOEXEC) < 0 || pipe2(course.told, O_CLOEXEC) < 0 ||
	    pipe2(course.end, O_CLOEXEC) < 0)
		bail("pipe");
	a = race("a", NET0, &course);
	b = race("b", OTHER, &course);
	close(course.begin[0]);
	close(course.begin[1]);
	close(course.told[1]);
	first = told(&course);
	second = told(&course);
	close(course.told[0]);
	close(course.end[0]);
	close(course.end[1]);
	waitpid(a, NULL, 0);
	waitpid(b, NULL, 0);
	is_int(first + second, 1, "of two at one time one has the VF, the other is refused");
	ok(first == 0 || second == 0, "%d, %d", first, second);
}

/* ---- the host's lock ---- */

static int ticks;

static void count_tick(void *data)
{
	(void)data;
	ticks++;
}

static void cancel(void *data)
{
	loop_cancel(data, "interrupted (SIGINT)");
}

static struct lock *hold_host(void)
{
	_cleanup_free_ char *folder = str_printf("%s/.host", made_env.rundir);
	struct lock *lock;

	if (lock_take(folder, "reserve", 0, &lock, &err) < 0)
		bail("%s", err.msg);
	return lock;
}

static void test_lock(void)
{
	struct vf_host hasty = made_vf_host;
	_cleanup_free_ char *want = str_printf(
		"reserve VFs, memory and addresses: another vmfo (process %d) is doing so on "
		"this host, and has not ended within 1 s; try again when it has",
		getpid());
	struct loop_timer *timer;
	struct lock *lock;
	struct vm *vm;

	made_begin(1);
	hasty.lock_ms = 1000;
	made_env.vf_host = &hasty;
	vm = made_vm("a", NET0);
	lock = hold_host();
	loop_timer(made_env.loop, 100, count_tick, NULL, &timer, &err);
	is_int(reserve(vm), -EBUSY, "while another reserves");
	is_str(err.msg, want, "says who is waited for, and for how long");
	is_int(err.kind, ERR_REFUSED, "refused");
	ok(ticks >= 3, "meanwhile the loop runs: %d ticks", ticks);
	loop_untimer(timer);
	lock_release(lock);
	is_int(reserve(vm), 0, "when that has ended it is had %s", err.msg);
	vm_close(vm);

	made_begin(1);
	vm = made_vm("a", NET0);
	lock = hold_host();
	loop_timer(made_env.loop, 100, cancel, made_env.loop, &timer, &err);
	is_int(reserve(vm), -ECANCELED, "one that is told to stop does not wait");
	like(err.msg, "interrupted (SIGINT)", "and says so");
	loop_untimer(timer);
	lock_release(lock);
	vm_close(vm);
}

/* ---- memory, addresses ---- */

static void test_memory(void)
{
	struct strv suppress = { 0 };
	struct vm *a, *b;

	made_begin(2);
	made.available_mib = 319;
	a = made_vm("a", NET0);
	b = made_vm("b", OTHER);
	is_int(reserve(a), 0, "memory for one");
	is_int(reserve(b), -ENOMEM, "and not for two");
	is_str(err.msg,
	       "memory: it needs 160 MiB, and 159 MiB are available beside what other VMs have "
	       "reserved (memory-short)",
	       "and why");
	ok(err.kind == ERR_REFUSED && !made_has_reservation(b), "nothing is reserved");
	strv_add(&suppress, "memory-short");
	is_int(reserve_as(b, &(struct vf_reserve){ .suppress = &suppress }), 0,
	       "unless the rule does not count");
	strv_clear(&suppress);
	vm_close(a);
	vm_close(b);
}

static void refuses_mac(struct vm *vm, const struct vf_reserve *how, const char *want)
{
	is_int(reserve_as(vm, how), -EADDRINUSE, "an address that another VM has");
	is_str(err.msg, want, "and whose it is");
	ok(err.kind == ERR_REFUSED && !made_has_reservation(vm), "nothing is reserved");
}

static void test_mac(void)
{
	const struct source_facts source = { .running = true };
	struct strv duplicate = { 0 }, taken = { 0 };
	struct vm *a, *b;

	made_begin(4);
	strv_add(&duplicate, "mac-duplicate");
	strv_add(&taken, "mac-taken");
	a = made_vm("a", NET0);
	b = made_vm("b", OTHER ", " MADE_VF("net1", "00:01", ""));
	is_int(reserve(a), 0, "one that is about to start");
	refuses_mac(b, &(struct vf_reserve){ .suppress = &taken },
		    "pair net1: VM \"a\" on this host has its MAC, 52:54:00:00:00:01, already "
		    "(mac-duplicate)");
	refuses_mac(b, &(struct vf_reserve){ .source = &source, .suppress = &duplicate },
		    "pair net1: VM \"a\" on this host has its MAC, 52:54:00:00:00:01, already "
		    "(mac-taken)");
	is_int(reserve_as(b, &(struct vf_reserve){ .suppress = &duplicate }), 0,
	       "unless the rule does not count %s", err.msg);
	vf_give_back_all(b, &err);
	is_int(reserve_as(b, &(struct vf_reserve){ .source = &source, .suppress = &taken }), 0,
	       "nor the one of migrations %s", err.msg);
	strv_clear(&duplicate);
	strv_clear(&taken);
	vm_close(a);
	vm_close(b);
}

static void test_mac_of_nic(void)
{
	json_t *nic = json_pack("[{ss ss ss}]", "id", "lan", "mac", "52:54:00:00:00:01",
				"bridge", "br0");
	struct vm *a, *b;
	json_t *source;
	char *text;

	made_begin(2);
	a = made_vm("a", NET0);
	b = made_vm("b", OTHER);
	source = json_deep_copy(b->def->source);
	json_object_set_new(source, "nics", nic);
	text = json_dumps(source, 0);
	vmdef_free(b->def);
	if (vmdef_parse(text, strlen(text), "test", &b->def, &err) < 0)
		bail("%s", err.msg);
	is_int(reserve(a), 0, "one that is about to start");
	refuses_mac(b, &(struct vf_reserve){ .chosen = NULL },
		    "NIC lan: VM \"a\" on this host has its MAC, 52:54:00:00:00:01, already "
		    "(mac-duplicate)");
	free(text);
	json_decref(source);
	vm_close(a);
	vm_close(b);
}

/* ---- near the memory ---- */

static void spread(struct host_facts *facts)
{
	for (int i = 0; i < made.vfs; i++)
		vf_build_vf(facts, 0, i)->numa_node = i & 1;
}

static void test_near(void)
{
	struct vm *vm;

	made_begin(4);
	made.change = spread;
	made.memory_node = 1;
	made.asked = -1;
	vm = made_vm("a", NET0);
	is_int(reserve(vm), 0, "a VF of the node that the memory will be on %s", err.msg);
	is_str(made_vf(vm, 0), "0000:01:10.1", "before one of another");
	is_int(made.asked, 0, "asked of what is to be started");
	reservation_vf(vm, &vm->def->pairs[0])->spare = true;
	vm->pid = 4711;
	is_int(vf_reserve_another(vm, &vm->def->pairs[0], NULL, &err), 0, "another");
	is_str(made_vf(vm, 0), "0000:01:10.3", "of that node, too");
	is_int(made.asked, 4711, "asked of the QEMU that runs");
	vm->pid = 0;
	vm_close(vm);
}

/* ---- another ---- */

static void test_another(void)
{
	const struct vm_pair *pair;
	struct vm *vm;

	made_begin(2);
	vm = made_vm("a", NET0);
	pair = &vm->def->pairs[0];
	reserve(vm);
	reservation_vf(vm, pair)->spare = true;
	is_int(vf_reserve_another(vm, pair, NULL, &err), 0, "another %s", err.msg);
	is_str(made_vf(vm, 0), "0000:01:10.1", "that is not the one which was tried");
	is_int((int)vm->n_vfs, 2, "which the VM keeps");
	reservation_vf(vm, pair)->spare = true;
	is_int(vf_reserve_another(vm, pair, NULL, &err), -ENODEV, "there is no third");
	is_str(err.msg,
	       "pair net0: no VF of physnet prod is free: 0000:01:10.0, 0000:01:10.1: it is "
	       "chosen for pair net0",
	       "and why");
	is_int((int)vm->n_vfs, 2, "and what it had it has");
	ok(made_has_reservation(vm), "in its file, too");
	vm_close(vm);
}

/* The pair has what it had, in memory as in the file. */
static void test_another_not_saved(void)
{
	const struct vm_pair *pair;
	char *path;
	struct vm *vm;

	made_begin(3);
	vm = made_vm("a", NET0);
	pair = &vm->def->pairs[0];
	reserve(vm);
	vf_reserve_another(vm, pair, NULL, &err);
	path = vm_path(vm, "reservation.json");
	if (unlink(path) < 0 || mkdir(path, 0700) < 0)
		bail("%s", path);
	for (int i = 0; i < 2; i++) {
		const char *which = i ? "0000:01:10.0" : NULL;

		ok(vf_reserve_another(vm, pair, which, &err) < 0, "what cannot be written: %s",
		   which ?: "a new one");
		is_str(made_vf(vm, 0), "0000:01:10.1", "is not had");
		is_int((int)vm->n_vfs, 2, "nor held");
	}
	reservation_vf(vm, pair)->spare = true;
	ok(vf_reserve_another(vm, pair, NULL, &err) < 0, "nor by a pair that has none");
	is_str(made_vf(vm, 0), "none", "which goes on having none");
	free(path);
	vm_close(vm);
}

int main(void)
{
	test_takes();
	test_none_wanted();
	test_none_free();
	test_chosen_refused();
	test_chosen();
	test_last();
	test_race();
	test_lock();
	test_memory();
	test_mac();
	test_mac_of_nic();
	test_near();
	test_another();
	test_another_not_saved();
	made_end();
	return done_testing();
}
