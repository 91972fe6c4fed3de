/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * How many VFs a PF has, in a folder that acts as sysfs does.
 */
#include "host/vf_driver.h"
#include "host/vf_driver_internal.h"
#include "pci_world.h"

#define NUM_VFS BUS "/devices/" PF "/sriov_numvfs"

/* As long as it takes, but for what is to fail by it. */
static const struct pci_host patient = { world, 60000, 60000, 60000, 60000 };
static const struct pci_host hasty = { world, 60000, 60000, 60000, 500 };
static const struct pci_host brief = { world, 60000, 60000, 1000, 60000 };

static struct loop *loop;
static struct err err;
static char log_text[512];

static int set_vfs(const struct pci_host *host, const char *address, int n)
{
	err = (struct err)ERR_INIT;
	return pf_set_num_vfs_on(host, loop, address, n, &err);
}

static void test_numbers(void)
{
	world_vfs = 0;
	world_begin("exit 1");
	is_int(set_vfs(&patient, "1:0.0", 5), 0, "some, of none %s", err.msg);
	is_str(world_log(log_text), "numvfs 5", "is one step");
	ok(world_has(BUS "/devices/" PF "/virtfn4") && world_has(BUS "/devices/0000:01:11.0"),
	   "the last is there");
	is_int(set_vfs(&patient, PF, 5), 0, "as many as there are");
	is_str(world_log(log_text), "numvfs 5", "nothing is written");
	world_begin("exit 1");
	is_int(set_vfs(&patient, PF, 7), 0, "as many as it can have");
}

static void test_refused(void)
{
	world_vfs = 0;
	world_begin("exit 1");
	is_int(set_vfs(&patient, PF, 8), -ERANGE, "more than it can have");
	like(err.msg, PF " can have 7 VFs at most, and is to have 8", "says how many");
	is_int(set_vfs(&patient, PF, 0), -ERANGE, "none");
	is_int(set_vfs(&patient, "0000:03:00.0", 1), -ENODEV, "no such function");
	is_int(set_vfs(&patient, "enp1s0", 1), -EINVAL, "no address");
	is_int(err.kind, ERR_REFUSED, "is refused");

	world_vfs = 2;
	world_begin("exit 1");
	is_int(set_vfs(&patient, VF0, 1), -EINVAL, "a VF is no PF");
	like(err.msg, VF0 " is no PF", "says so");
	for (int n = 1; n <= 3; n += 2) {
		is_int(set_vfs(&patient, PF, n), -EBUSY, "%d, where there are two", n);
		like(err.msg, PF " has 2 VFs by now, made by somebody else: vmfo leaves them",
		     "says so");
		is_int(err.kind, ERR_REFUSED, "and changes nothing");
	}
	is_str(world_log(log_text), "", "nothing was written");
}

static void test_failures(void)
{
	world_vfs = 0;
	world_begin("exit 1");
	world_run("echo 3 >room");
	is_int(set_vfs(&hasty, PF, 4), -EIO, "fewer than were asked for");
	like(err.msg, PF " is to have 4 VFs: it has 4 now, or not all are there", "are told");
	is_str(world_log(log_text), "numvfs 4", "and stay");

	world_begin("exit 1");
	world_run("rm " NUM_VFS "; ln -s /dev/full " NUM_VFS);
	is_int(set_vfs(&patient, PF, 4), -ENOSPC, "no room on the bus");
	like(err.msg, "make 4 VFs of " PF ": there is no room", "is told");
	like(err.msg, "pci=realloc", "with what helps");
	world_run("rm " NUM_VFS "; mkdir " NUM_VFS);
	is_int(set_vfs(&patient, PF, 4), -EISDIR, "any other failure");
	like(err.msg, "(see \"dmesg\" for its driver's reason): write to ", "is told");
}

static void test_stuck(void)
{
	_cleanup_free_ char *file = str_printf("%s/" NUM_VFS, world);
	int fd, pid;

	world_vfs = 0;
	world_begin("exit 1");
	world_run("rm " NUM_VFS "; mkfifo " NUM_VFS);
	is_int(set_vfs(&brief, PF, 4), -ETIMEDOUT, "a PF's driver that does not come back");
	like(err.msg, "make 4 VFs of " PF ", which may yet be done", "is told");
	like(err.msg, "within 1 s; process ", "with the time");
	is_int(err.kind, ERR_UNFINISHED, "as neither done nor undone");
	if (sscanf(strstr(err.msg, "process "), "process %d", &pid) != 1)
		bail("no process");
	fd = open(file, O_RDONLY | O_CLOEXEC);
	is_int(waitpid(pid, NULL, 0), pid, "who waited there ends with it");
	close(fd);
}

static void test_cancelled(void)
{
	world_vfs = 0;
	world_begin("exit 1");
	world_run("echo 3 >room");
	loop_cancel(loop, "test");
	is_int(set_vfs(&patient, PF, 4), -ECANCELED, "a cancel ends the wait for them");
	world_await("numvfs 4");
	ok(true, "but not the making");
}

int main(void)
{
	if (loop_new(&loop, &err) < 0)
		bail("%s", err.msg);
	test_numbers();
	test_refused();
	test_failures();
	test_stuck();
	test_cancelled();
	loop_free(loop);
	world_remove();
	return done_testing();
}
