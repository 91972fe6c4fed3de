/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a VM had of its host goes when it does, and stays as long as it may be here.
 */
#include "flow/leave.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "flow/launch.h"
#include "flow/stop.h"
#include "flow/vf_reserve.h"
#include "flow/vf_use.h"
#include "io/journal.h"
#include "made_host.h"

#define NET0 MADE_VF("net0", "00:01", "")
#define JOURNAL "6b1f2c3d-3f5b-4a57-9d0e-5a7d9e0c4e5f"

static struct err err;

/* "a", its VF prepared. */
static struct vm *prepared(void)
{
	const struct vf_reserve how = { .chosen = NULL };
	struct vm *vm;

	made_begin(1);
	vm = made_vm("a", NET0);
	if (vf_reserve(vm, &how, &err) < 0 || vf_prepare_all(vm, true, &err) < 0)
		bail("%s", err.msg);
	*made.log = *made.told = '\0';
	err = (struct err)ERR_INIT;
	return vm;
}

static bool has_file(const struct vm *vm, const char *name)
{
	_cleanup_free_ char *path = vm_path(vm, name);

	return access(path, F_OK) == 0;
}

static void write_file(const struct vm *vm, const char *name, const char *text)
{
	_cleanup_free_ char *path = vm_path(vm, name);
	FILE *file = fopen(path, "w");

	fputs(text, file);
	fclose(file);
}

static void remove_file(const struct vm *vm, const char *name)
{
	_cleanup_free_ char *path = vm_path(vm, name);

	unlink(path);
}

/* ---- leaving ---- */

static void test_stays(void)
{
	struct vm *vm = prepared();

	write_file(vm, "vm.json", "{}");
	made.fail = "give";
	made.error = EBUSY;
	is_int(vm_leave_host(vm, &err), -EBUSY, "a VF that is not let go of");
	is_str(err.msg,
	       "VM \"a\" has left something on this host: give VF 0000:01:10.0 back: made to "
	       "fail: give 0000:01:10.0 igbvf; 'vmfo stop a' here tries again, and so does the "
	       "next vmfo that reserves here",
	       "is the reason");
	ok(made_has_reservation(vm) && has_file(vm, "vm.json") && vm->lock,
	   "and all stays: the reservation, the run folder, the lock");
	vm_leave_host_or_warn(vm);
	like(made.told, "VM \"a\" has left something on this host: give VF 0000:01:10.0 back: ",
	     "where it is no failure, it is told");
	made.fail = NULL;
	*made.told = '\0';
	vm_leave_host_or_warn(vm);
	is_str(made.told, "", "later it is let go of");
	ok(!has_file(vm, "vm.json") && !has_file(vm, "") && !vm->lock, "and nothing stays");
	vm_close(vm);
}

static void test_unreadable(void)
{
	struct vm *vm = prepared(), *again;

	write_file(vm, "reservation.json", "{\"schema\": \"vmfo.reservation/9\"}");
	made_crash(vm);
	again = made_vm("a", NET0);
	is_int(vm_leave_host(again, &err), -EBADMSG, "a reservation that cannot be read");
	ok(made_has_reservation(again), "stays as well");
	vm_close(again);
}

/* ---- launch ---- */

static int launch(void)
{
	const struct launch_opts opts = { .vm = "a", .wait_pair_s = -1 };
	struct result result;
	int r = flow_launch(&made_env, &opts, &result, &err);

	result_clear(&result);
	return r;
}

static void test_launch(void)
{
	struct journal *journal;
	struct vm *vm = prepared();

	lock_release(steal_ptr(vm->lock));
	write_file(vm, "vm.json", "{\"schema\": \"vmfo.run/9\"}");
	is_int(launch(), -EBADMSG, "one of which nobody knows whether it runs");
	ok(made_has_reservation(vm) && has_file(vm, "vm.json"), "keeps what it has here");
	LOGGED("", "nothing is given back");
	remove_file(vm, "vm.json");
	if (journal_create(made_env.statedir, "a", JOURNAL, "target", NULL, &journal, &err) < 0)
		bail("%s", err.msg);
	is_int(launch(), -EUCLEAN, "one that is in doubt");
	ok(made_has_reservation(vm), "keeps it as well");
	LOGGED("", "nothing is given back");
	journal_close(journal, "done", &err);
	is_int(launch(), -ENOENT, "one that only lacks a definition");
	LOGGED("mac pf0 0 00:00:00:00:00:00, give 0000:01:10.0 igbvf, "
	       "mac pf0 0 00:00:00:00:00:00",
	       "has what a crash has left given back");
	ok(!has_file(vm, ""), "and nothing stays");
	vm_close(vm);
}

/* ---- stop ---- */

/* In QEMU's place, a process that answers nothing. */
static pid_t run_qemu(struct vm *vm)
{
	pid_t pid = fork();

	if (pid == 0) {
		pause();
		_exit(0);
	}
	vm->pid = pid;
	if (vm_record_running(vm, &err) < 0)
		bail("%s", err.msg);
	return pid;
}

static int stop(struct result *result)
{
	const struct stop_opts opts = { .vm = "a", .force = true };

	result_clear(result);
	err = (struct err)ERR_INIT;
	return flow_stop(&made_env, &opts, result, &err);
}

static void test_stop(void)
{
	struct result result = { 0 };
	struct vm *vm = prepared();
	pid_t pid;

	/* Before there is a process that would hold it as well. */
	lock_release(steal_ptr(vm->lock));
	pid = run_qemu(vm);
	made.fail = "give";
	made.error = EBUSY;
	is_int(stop(&result), -EBUSY, "a stop that cannot give a VF back");
	is_int(waitpid(pid, NULL, WNOHANG), pid, "has ended QEMU");
	is_int(err.kind, ERR_UNFINISHED, "so nothing was refused");
	like(err.msg,
	     "it is stopped, but VM \"a\" has left something on this host: give VF "
	     "0000:01:10.0 back: made to fail: give 0000:01:10.0 igbvf; 'vmfo stop a' here",
	     "which is said");
	is_int(stop(&result), -EBUSY, "the next finds the same");
	like(err.msg, "it does not run here, but VM \"a\" has left something on this host: ",
	     "and says so");
	is_int(err.kind, ERR_UNFINISHED, "in its exit status, too");
	made.fail = NULL;
	is_int(stop(&result), -ESRCH, "one that can is told that it does not run");
	is_int(err.kind, ERR_REFUSED, "as ever");
	is_str(made.driver[0][0], "igbvf", "and the VF has its driver again");
	ok(!has_file(vm, ""), "nothing stays");
	result_clear(&result);
	vm_close(vm);
}

int main(void)
{
	test_stays();
	test_unreadable();
	test_launch();
	test_stop();
	made_end();
	return done_testing();
}
