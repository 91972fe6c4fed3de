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
	world_begin("exit 1");
	is_int(set_vfs(&patient, PF, 2), 0, "as many as there are");
	is_str(world_log(log_text), "", "nothing is written");
	is_int(set_vfs(&patient, PF, 5), 0, "more %s", err.msg);
	is_str(world_log(log_text), "numvfs 0,numvfs 5", "by way of none");
	ok(world_has(BUS "/devices/" PF "/virtfn4") && world_has(BUS "/devices/0000:01:11.0"),
	   "the last is there");
	is_int(set_vfs(&patient, PF, 1), 0, "fewer");
	ok(!world_has(BUS "/devices/" PF "/virtfn1"), "the second is gone");
	is_int(set_vfs(&patient, PF, 0), 0, "none");
	ok(!world_has(BUS "/devices/" PF "/virtfn0"), "the last is gone");
	is_int(set_vfs(&patient, "1:0.0", 7), 0, "as many as it can have, of none");
	is_str(world_log(log_text), "numvfs 0,numvfs 5,numvfs 0,numvfs 1,numvfs 0,numvfs 7",
	       "is one step");
}

static void test_refused(void)
{
	world_begin("exit 1");
	is_int(set_vfs(&patient, PF, 8), -ERANGE, "more than it can have");
	like(err.msg, PF " can have 0 to 7 VFs, and not 8", "says how many");
	is_int(set_vfs(&patient, PF, -1), -ERANGE, "fewer than none");
	is_int(set_vfs(&patient, VF0, 1), -EINVAL, "a VF is no PF");
	like(err.msg, VF0 " is no PF", "says so");
	is_int(set_vfs(&patient, "0000:03:00.0", 1), -ENODEV, "no such function");
	is_int(set_vfs(&patient, "enp1s0", 1), -EINVAL, "no address");
	is_int(err.kind, ERR_REFUSED, "is refused");

	world_run("echo 0x1003 >" BUS "/devices/" VF1 "/net/eth1/flags");
	is_int(set_vfs(&patient, PF, 3), -EBUSY, "a VF whose link is up");
	like(err.msg, VF1 " is in use, by the host: set down the link eth1", "is named");
	world_run("rm -r " BUS "/devices/" VF1 "/net/eth1");
	is_int(set_vfs(&patient, PF, 3), -EBUSY, "one whose link is not to be seen");
	like(err.msg, VF1 " is in use, without a link that is seen here, by the driver igbvf",
	     "says so");
	world_run("ln -sfn ../../drivers/vfio-pci " BUS "/devices/" VF1 "/driver");
	is_int(set_vfs(&patient, PF, 0), -EBUSY, "one with vfio");
	like(err.msg, PF " has 2 VFs, and another number means to remove them all: " VF1,
	     "says what it would mean");
	is_int(set_vfs(&patient, PF, 2), 0, "the number that it has is no change");
	is_str(world_log(log_text), "", "nothing was written");
	world_run("rm " BUS "/devices/" VF1 "/driver");
	is_int(set_vfs(&patient, PF, 3), 0, "a VF without a driver is free");
}

static void test_failures(void)
{
	world_begin("exit 1");
	world_run("echo 3 >room");
	is_int(set_vfs(&hasty, PF, 4), -EIO, "fewer than were asked for");
	like(err.msg, PF " is to have 4 VFs: it has 4 now, or not all are there", "are told");
	is_int(err.kind, ERR_REFUSED, "and changed nothing");
	is_str(world_log(log_text), "numvfs 0,numvfs 4,numvfs 2", "the former are back");
	world_run("echo 1 >room");
	is_int(set_vfs(&hasty, PF, 4), -EIO, "fewer than there were");
	like(err.msg, "the 2 VFs that " PF " had are gone: ", "are told");
	is_int(err.kind, ERR_UNFINISHED, "as a loss");

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

	world_begin("exit 1");
	world_run("rm " NUM_VFS "; mkfifo " NUM_VFS);
	is_int(set_vfs(&brief, PF, 4), -ETIMEDOUT, "a PF's driver that does not come back");
	like(err.msg, "make 4 VFs of " PF, "is told");
	like(err.msg, "within 1 s; process ", "with the time");
	is_int(err.kind, ERR_REFUSED, "as a refusal");
	if (sscanf(strstr(err.msg, "process "), "process %d", &pid) != 1)
		bail("no process");
	fd = open(file, O_RDONLY | O_CLOEXEC);
	is_int(waitpid(pid, NULL, 0), pid, "who waited there ends with it");
	close(fd);
}

static void test_cancelled(void)
{
	world_begin("exit 1");
	loop_cancel(loop, "test");
	is_int(set_vfs(&patient, PF, 4), 0, "a cancel does not stop between two numbers");
	ok(world_has(BUS "/devices/" PF "/virtfn3"), "all are there");
	world_run("rm " BUS "/devices/" PF "/virtfn3");
	is_int(set_vfs(&patient, PF, 4), -ECANCELED, "but ends a wait for somebody else");
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
