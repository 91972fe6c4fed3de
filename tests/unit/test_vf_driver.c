/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A VF from one driver to another and back, in a folder that acts as sysfs does.
 */
#include "host/vf_driver.h"

#include <signal.h>

#include "host/vf_driver_internal.h"
#include "pci_world.h"

#define OVERRIDE BUS "/devices/" VF0 "/driver_override"

/* As long as it takes, but for what is to fail by it. */
static const struct pci_host patient = { world, 60000, 60000, 60000, 60000 };
static const struct pci_host hasty = { world, 60000, 60000, 60000, 300 };
static const struct pci_host early = { world, 1000, 60000, 60000, 60000 };
static const struct pci_host busy = { world, 60000, 1500, 1500, 60000 };

static struct loop *loop;
static struct err err;
static char former[VF_DRIVER_SIZE], log_text[512];

static int bind_vf(const struct pci_host *host, const char *address, const char *driver)
{
	err = (struct err)ERR_INIT;
	return vf_driver_bind_on(host, loop, address, driver, former, &err);
}

static int give_back(const struct pci_host *host, const char *address, const char *driver)
{
	err = (struct err)ERR_INIT;
	return vf_driver_give_back_on(host, loop, address, driver, &err);
}

static void is_with(const char *vf, const char *driver)
{
	char now[64];

	world_driver(vf, now, sizeof(now));
	is_str(now, driver, "%s is with %s", vf, *driver ? driver : "nobody");
}

static void overridden(const char *driver)
{
	char now[64];

	world_read(OVERRIDE, now, sizeof(now));
	is_str(now, driver, "and is for %s", *driver ? driver : "anybody");
}

static void test_there_and_back(void)
{
	world_begin("exit 1");
	is_int(bind_vf(&patient, VF0, "vfio-pci"), 0, "bind %s", err.msg);
	is_str(former, "igbvf", "who had it");
	is_with(VF0, "vfio-pci");
	overridden("vfio-pci");
	is_str(world_log(log_text), "override vfio-pci,igbvf " VF0 ",probe " VF0,
	       "in this order");
	is_with(VF1, "igbvf");

	is_int(bind_vf(&patient, "1:10.0", "vfio-pci"), 0, "bind again, by a short address");
	is_str(former, "vfio-pci", "who had it");
	is_int(give_back(&patient, VF0, former), 0, "give back to the same");
	is_str(world_log(log_text), "override vfio-pci,igbvf " VF0 ",probe " VF0,
	       "nothing was written");

	is_int(give_back(&patient, VF0, "igbvf"), 0, "give back %s", err.msg);
	is_with(VF0, "igbvf");
	overridden("");
	/* In this order; the last is not waited for, as nothing comes of it yet. */
	world_await("override vfio-pci,igbvf " VF0 ",probe " VF0 ",override igbvf,vfio-pci " VF0
		    ",probe " VF0 ",override ");
	is_int(give_back(&patient, VF0, "igbvf"), 0, "give back again");
	is_with(VF0, "igbvf");
}

static void test_no_driver(void)
{
	world_begin("exit 1");
	world_run("rm " BUS "/devices/" VF0 "/driver");
	is_int(bind_vf(&patient, VF0, "vfio-pci"), 0, "bind what nobody has");
	is_str(former, "", "nobody had it");
	is_with(VF0, "vfio-pci");
	is_int(give_back(&patient, VF0, former), 0, "give it back to nobody");
	is_with(VF0, "");
	overridden("");
	is_str(world_log(log_text), "override vfio-pci,probe " VF0 ",override ,vfio-pci " VF0,
	       "the kernel was not asked for another");
}

static void test_other_home(void)
{
	/* The kernel itself would give the VF to igbvf. */
	static const struct {
		const char *driver, *override;
	} rows[] = { { "igb-vfio-pci", "igb-vfio-pci" }, { "pci-stub", "" } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		world_begin("exit 1");
		world_run("mkdir " BUS "/drivers/%s", rows[i].driver);
		bind_vf(&patient, VF0, "vfio-pci");
		is_int(give_back(&patient, VF0, rows[i].driver), 0, "give it to %s %s",
		       rows[i].driver, err.msg);
		is_with(VF0, rows[i].driver);
		overridden(rows[i].override);
		like(world_log(log_text), ",vfio-pci " VF0 ",probe " VF0, "by way of nobody");
	}
}

static void test_refused(void)
{
	static const struct {
		const char *address, *driver;
		int error;
		const char *want;
	} rows[] = {
		{ "eth0", "vfio-pci", EINVAL, "\"eth0\" is no address of a PCI function" },
		{ "../" VF0, "vfio-pci", EINVAL, "is no address" },
		{ "0000:01:10.4", "vfio-pci", ENODEV, "0000:01:10.4: no such PCI function" },
		{ PF, "vfio-pci", EINVAL, PF " is a PF" },
		{ "0000:02:00.0", "vfio-pci", EINVAL, "0000:02:00.0 is no VF" },
		{ VF0, "../vfio-pci", EINVAL, "\"../vfio-pci\" is no name of a driver" },
		{ VF0, "", EINVAL, "\"\" is no name" },
		{ VF0, "a-name-that-is-as-long-as-32-byte", EINVAL, "is no name" },
		{ VF0, "vfio-nope", ENOENT, "no driver vfio-nope: \"" },
		{ VF0, "vfio-nope", ENOENT, "says: modprobe: FATAL: no vfio-nope" },
	};

	world_begin("echo modprobe: FATAL: no $1 >&2; echo more >&2; exit 1");
	world_run("mkdir " BUS "/devices/0000:02:00.0");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		is_int(bind_vf(&patient, rows[i].address, rows[i].driver), -rows[i].error,
		       "refused: %s to \"%s\"", rows[i].address, rows[i].driver);
		like(err.msg, rows[i].want, "and says so");
		is_int(err.kind, ERR_REFUSED, "as such");
	}
	is_int(give_back(&patient, PF, "igb"), -EINVAL, "a PF is not given back");
	is_int(give_back(&patient, VF0, "../igbvf"), -EINVAL, "nor a VF to no name");
	is_int(give_back(&patient, "0000:01:10.4", "igbvf"), -ENODEV, "nor what is gone");
	is_str(world_log(log_text), "", "nothing was written");
	is_with(VF0, "igbvf");
}

static void test_modprobe(void)
{
	world_begin("mkdir " BUS "/drivers/$1");
	world_run("rm -r " BUS "/drivers/vfio-pci");
	is_int(bind_vf(&patient, VF0, "vfio-pci"), 0, "a driver that is to be loaded");
	is_with(VF0, "vfio-pci");

	world_begin("mkdir " BUS "/drivers/$1; ln -s ../../drivers/igbvf " BUS "/devices/" VF0
		    "/driver");
	world_run("rm -r " BUS "/drivers/vfio-pci " BUS "/devices/" VF0 "/driver");
	is_int(bind_vf(&patient, VF0, "vfio-pci"), 0,
	       "one that nobody had until the driver was loaded %s", err.msg);
	is_str(former, "igbvf", "who has it since is told");
	is_with(VF0, "vfio-pci");

	world_begin("exit 0");
	is_int(bind_vf(&patient, VF0, "vfio-x"), -ENOENT, "a module without its driver");
	like(err.msg, "says: nothing, and brought none", "is told");
	world_run("echo >proc/sys/kernel/modprobe");
	is_int(bind_vf(&patient, VF0, "vfio-x"), -ENOENT, "a kernel that loads none");
	like(err.msg, "loads no modules", "is told");
	world_run("echo /nowhere/modprobe >proc/sys/kernel/modprobe");
	is_int(bind_vf(&patient, VF0, "vfio-x"), -ENOENT, "a modprobe that is not there");
	like(err.msg, "load the driver vfio-x: start /nowhere/modprobe: ", "is named");

	world_begin("exec sleep 60");
	is_int(bind_vf(&early, VF0, "vfio-x"), -ETIMEDOUT, "a module that does not load");
	like(err.msg, "load the driver vfio-x: /tmp/", "is named");
	like(err.msg, "/modprobe has not ended after 1 s (see \"dmesg\"", "with the time");
	is_int(err.kind, ERR_REFUSED, "nothing was changed");
	is_str(world_log(log_text), "", "nothing was written");
	is_with(VF0, "igbvf");
}

static void test_put_back(void)
{
	world_begin("exit 1");
	world_run("touch " BUS "/drivers/vfio-pci/broken");
	is_int(bind_vf(&hasty, VF0, "vfio-pci"), -EIO, "a driver that does not take it");
	like(err.msg, "vfio-pci did not take VF " VF0, "is named");
	like(err.msg, "IOMMU", "with the first thing to look at");
	is_int(err.kind, ERR_REFUSED, "nothing was changed");
	is_with(VF0, "igbvf");
	overridden("");

	world_run("touch " BUS "/drivers/igbvf/broken");
	is_int(bind_vf(&hasty, VF0, "vfio-pci"), -EIO, "and the former does not either");
	like(err.msg, "vfio-pci did not take VF " VF0, "both are told");
	like(err.msg, "not be given back to igbvf: igbvf did not take VF " VF0, "with why");
	is_int(err.kind, ERR_UNFINISHED, "it is with nobody");

	world_begin("exit 1");
	world_run("touch deaf");
	is_int(bind_vf(&patient, VF0, "vfio-pci"), -EIO, "a host where another takes it");
	like(err.msg, "went to the driver igbvf, not to vfio-pci", "says which");
	is_int(err.kind, ERR_REFUSED, "nothing was changed");

	world_begin("exit 1");
	bind_vf(&patient, VF0, "vfio-pci");
	world_run("touch " BUS "/drivers/igbvf/broken");
	is_int(give_back(&hasty, VF0, "igbvf"), -EIO, "a former driver that is broken");
	like(err.msg, "igbvf did not take VF " VF0, "is named");
	is_with(VF0, "");
	overridden("");
	is_int(give_back(&patient, VF0, "uio_gone"), -ENOENT, "one that is not there any more");
	like(err.msg, "this kernel has no driver uio_gone", "is named");
	is_with(VF0, "");
	overridden("");
}

static void test_unplugged(void)
{
	world_begin("exit 1");
	world_run("touch unplug");
	is_int(bind_vf(&patient, VF0, "vfio-pci"), -ENODEV, "a VF that goes meanwhile");
	like(err.msg, VF0 ": no such PCI function", "is told");
	is_int(err.kind, ERR_REFUSED, "there is nothing to put back");
}

/* A write there does not come back. */
static void make_stuck(const char *file)
{
	world_run("rm " BUS "/%s; mkfifo " BUS "/%s", file, file);
}

/* It does: opening the pipe for reading is the driver's letting go. */
static void let_go(const char *name)
{
	_cleanup_free_ char *file = str_printf("%s/" BUS "/%s", world, name);
	_cleanup_close_ int fd = open(file, O_RDONLY | O_CLOEXEC);
	char text[64];
	ssize_t n = read(fd, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	is_str(text, VF0, "the write is there yet");
}

/* Who is named in the error as waiting. */
static pid_t who_waits(void)
{
	const char *at = strstr(err.msg, "process ");
	int pid = 0;

	ok(at && sscanf(at, "process %d", &pid) == 1 && kill(pid, 0) == 0, "who waits is told");
	return pid;
}

/* Who was left behind brings it home by its name, as a driver may take it only so. */
static void is_brought_home(pid_t pid)
{
	char now[64];

	do
		world_read(OVERRIDE, now, sizeof(now));
	while (!str_eq(now, "igbvf") && usleep(20 * 1000) == 0);
	let_go("drivers_probe");
	is_int(waitpid(pid, NULL, 0), pid, "who waited puts it back, and ends");
	overridden("");
}

static void test_stuck(void)
{
	pid_t pid;

	world_begin("exit 1");
	make_stuck("drivers/igbvf/unbind");
	make_stuck("drivers_probe");
	is_int(bind_vf(&busy, VF0, "vfio-pci"), -EBUSY, "a driver that does not let go");
	like(err.msg, "igbvf does not let go of VF " VF0 ": something on this host",
	     "is named");
	like(err.msg, "within 1 s; process ", "with how long it was waited for");
	is_int(err.errnum, EBUSY, "and is busy");
	is_int(err.kind, ERR_REFUSED, "nothing was changed");
	pid = who_waits();
	is_str(world_log(log_text), "override vfio-pci", "it was not put back yet");
	let_go("drivers/igbvf/unbind");
	is_brought_home(pid);

	world_begin("exit 1");
	bind_vf(&patient, VF0, "vfio-pci");
	make_stuck("drivers/vfio-pci/unbind");
	make_stuck("drivers_probe");
	is_int(give_back(&busy, VF0, "igbvf"), -EBUSY, "a VF that a QEMU has open");
	like(err.msg, "vfio-pci does not let go of VF " VF0 ": a QEMU, or another", "says so");
	pid = who_waits();
	let_go("drivers/vfio-pci/unbind");
	is_brought_home(pid);
}

static void test_stuck_taking(void)
{
	pid_t pid;

	world_begin("exit 1");
	make_stuck("drivers_probe");
	is_int(bind_vf(&busy, VF0, "vfio-pci"), -ETIMEDOUT, "a driver that is not done");
	like(err.msg, "vfio-pci has not finished taking VF " VF0 "; it may have it yet",
	     "is named");
	like(err.msg, "within 1 s; process ", "with how long it was waited for");
	is_int(err.kind, ERR_UNFINISHED, "nobody knows who will have it");
	is_str(former, "igbvf", "who had it is told");
	is_str(world_log(log_text), "override vfio-pci,igbvf " VF0, "nothing is undone yet");
	overridden("vfio-pci");
	pid = who_waits();
	/* It is taken after all, and for nobody. */
	world_run("ln -s ../../drivers/vfio-pci " BUS "/devices/" VF0 "/driver");
	let_go("drivers_probe");
	is_brought_home(pid);
	while (world_has(BUS "/devices/" VF0 "/driver"))
		usleep(20 * 1000);
	like(world_log(log_text), "igbvf " VF0 ",vfio-pci " VF0, "after it was taken away");

	world_begin("exit 1");
	bind_vf(&patient, VF0, "vfio-pci");
	make_stuck("drivers_probe");
	is_int(give_back(&busy, VF0, "igbvf"), -ETIMEDOUT, "nor is the former");
	like(err.msg, "igbvf has not finished taking VF " VF0 "; it may have it yet",
	     "is named");
	is_int(err.kind, ERR_UNFINISHED, "it is on its way");
	overridden("igbvf");
	pid = who_waits();
	let_go("drivers_probe");
	is_int(waitpid(pid, NULL, 0), pid, "who waited ends, and takes it from nobody");
	overridden("");
}

static void test_not_root(void)
{
	int status;

	if (geteuid() != 0) {
		skip(1, "another user takes root");
		return;
	}
	world_begin("exit 1");
	fflush(stdout);
	if (fork() == 0) {
		if (setresuid(65534, 65534, 65534) < 0)
			_exit(2);
		_exit(bind_vf(&patient, VF0, "vfio-pci") == -EACCES &&
				      err.kind == ERR_REFUSED &&
				      strstr(err.msg, "which takes root") ?
			      0 :
			      1);
	}
	wait(&status);
	is_int(status, 0, "without the privilege it is refused");
}

static void test_cancelled(void)
{
	world_begin("sleep 60");
	loop_cancel(loop, "test");
	is_int(bind_vf(&patient, VF0, "vfio-x"), -ECANCELED, "a cancel while a driver loads");
	is_with(VF0, "igbvf");
	is_str(world_log(log_text), "", "nothing was written");
	is_int(bind_vf(&patient, VF0, "vfio-pci"), 0, "none between two drivers");
	is_with(VF0, "vfio-pci");
	is_int(give_back(&patient, VF0, former), 0, "nor on the way back");
	is_with(VF0, "igbvf");
}

int main(void)
{
	if (loop_new(&loop, &err) < 0)
		bail("%s", err.msg);
	test_there_and_back();
	test_no_driver();
	test_other_home();
	test_refused();
	test_modprobe();
	test_put_back();
	test_unplugged();
	test_stuck();
	test_stuck_taking();
	test_not_root();
	test_cancelled();
	loop_free(loop);
	world_remove();
	return done_testing();
}
