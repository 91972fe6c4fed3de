/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A folder with the files of sysfs by which VFs get drivers and PFs get VFs, and a process
 * that acts on what is written there, as the kernel does. A PF, 0000:01:00.0, with VFs from
 * 0000:01:10.0 on, each with the driver igbvf. One program, one world, so the state is static.
 */
#ifndef VMFO_TESTS_PCI_WORLD_H
#define VMFO_TESTS_PCI_WORLD_H

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "tap.h"

#define PF "0000:01:00.0"
#define VF0 "0000:01:10.0"
#define VF1 "0000:01:10.2"
#define BUS "sys/bus/pci"

static char world[] = "/tmp/vmfo-pci-XXXXXX";
static int world_vfs = 2; /* that the PF has at first */
static pid_t world_kernel;
static int world_open = -1; /* while it is, there is a kernel */

/* ---- what both see ---- */

__attribute__((format(printf, 1, 2), unused)) static void world_run(const char *fmt, ...)
{
	char command[4096];
	va_list ap;
	int n = snprintf(command, sizeof(command), "cd %s && ", world);

	va_start(ap, fmt);
	vsnprintf(command + n, sizeof(command) - (size_t)n, fmt, ap);
	va_end(ap);
	if (system(command) != 0)
		bail("%s", command);
}

__attribute__((unused)) static bool world_has(const char *path)
{
	_cleanup_free_ char *file = str_printf("%s/%s", world, path);

	return access(file, F_OK) == 0;
}

__attribute__((unused)) static void world_read(const char *path, char *buf, size_t size)
{
	_cleanup_free_ char *file = str_printf("%s/%s", world, path);
	_cleanup_close_ int fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, buf, size - 1);

	buf[n > 0 ? n : 0] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
}

__attribute__((unused)) static void world_driver(const char *vf, char *buf, size_t size)
{
	_cleanup_free_ char *file = str_printf("%s/" BUS "/devices/%s/driver", world, vf);
	char target[PATH_MAX];
	ssize_t n = readlink(file, target, sizeof(target) - 1);
	const char *name;

	target[n > 0 ? n : 0] = '\0';
	name = strrchr(target, '/');
	snprintf(buf, size, "%s", name ? name + 1 : "");
}

/* ---- the kernel ---- */

/* A file "broken" in a driver's folder: it takes no device; "deaf": no override counts. */
static void kernel_probe(const char *vf)
{
	char driver[64], now[64], path[PATH_MAX];
	_cleanup_free_ char *override = str_printf(BUS "/devices/%s/driver_override", vf);

	world_driver(vf, now, sizeof(now));
	world_read(override, driver, sizeof(driver));
	if (!*driver || world_has("deaf"))
		strcpy(driver, "igbvf");
	snprintf(path, sizeof(path), BUS "/drivers/%s/broken", driver);
	if (*now || world_has(path))
		return;
	*strrchr(path, '/') = '\0';
	if (world_has(path))
		/* The test may take the device away meanwhile. */
		world_run("{ ln -s ../../drivers/%s " BUS "/devices/%s/driver || "
			  "[ ! -e " BUS "/devices/%s ]; }",
			  driver, vf, vf);
}

/* A file "unplug": the device goes as well. */
static void kernel_unbind(const char *driver, const char *vf)
{
	char now[64];

	if (world_has("unplug"))
		world_run("rm -r " BUS "/devices/%s", vf);

	world_driver(vf, now, sizeof(now));
	if (str_eq(now, driver))
		world_run("{ rm " BUS "/devices/%s/driver || [ ! -e " BUS "/devices/%s ]; }",
			  vf, vf);
}

/* 7 at most, or as many as the file "room" says: one of another driver's faults. */
static void kernel_num_vfs(int n)
{
	char room[16];

	world_read("room", room, sizeof(room));
	if (*room && atoi(room) < n)
		n = atoi(room);
	world_run("rm -rf " BUS "/devices/0000:01:1* " BUS "/devices/" PF "/virtfn*");
	for (int i = 0; i < n; i++)
		world_run("vf=$(printf 0000:01:1%%d.%%d $((%d * 2 / 8)) $((%d * 2 %% 8))); "
			  "mkdir " BUS "/devices/$vf; cd " BUS "/devices/$vf; "
			  "ln -s ../" PF " physfn; ln -s ../../drivers/igbvf driver; "
			  ": >driver_override; "
			  "ln -s ../$vf ../" PF "/virtfn%d",
			  i, i, i);
}

static void kernel_log(const char *what, const char *text)
{
	world_run("echo '%s %s' >>log", what, text);
}

/* name: below BUS. */
static void kernel_act(const char *name)
{
	_cleanup_free_ char *file = str_printf(BUS "/%s", name);
	char text[64], driver[64];

	world_read(file, text, sizeof(text));
	if (str_eq(name, "drivers_probe")) {
		kernel_log("probe", text);
		kernel_probe(text);
	} else if (str_eq(name, "devices/" PF "/sriov_numvfs")) {
		kernel_log("numvfs", text);
		kernel_num_vfs(atoi(text));
	} else if (sscanf(name, "drivers/%63[^/]/unbind", driver) == 1) {
		kernel_log(driver, text);
		kernel_unbind(driver, text);
	} else {
		kernel_log("override", text);
	}
}

static const char *const kernel_files[] = {
	"drivers_probe",           "devices/" PF "/sriov_numvfs",     "drivers/igbvf/unbind",
	"drivers/vfio-pci/unbind", "devices/" VF0 "/driver_override",
};

/* Until the pipe is closed: it ends between two acts, or with the test. */
static void kernel_main(int ready, int open_until)
{
	_Alignas(struct inotify_event) char buf[4096];
	int watches[ARRAY_SIZE(kernel_files)];
	struct pollfd fds[2] = { { .fd = inotify_init1(IN_CLOEXEC), .events = POLLIN },
				 { .fd = open_until, .events = POLLIN } };

	for (size_t i = 0; i < ARRAY_SIZE(kernel_files); i++) {
		_cleanup_free_ char *file = str_printf("%s/" BUS "/%s", world, kernel_files[i]);

		watches[i] = inotify_add_watch(fds[0].fd, file, IN_CLOSE_WRITE);
	}
	close(ready);
	while (poll(fds, 2, -1) > 0) {
		ssize_t n;

		if (!fds[0].revents)
			_exit(0);
		n = read(fds[0].fd, buf, sizeof(buf));
		for (char *at = buf; n > 0 && at < buf + n;) {
			const struct inotify_event *event = (void *)at;

			for (size_t i = 0; i < ARRAY_SIZE(kernel_files); i++)
				if (event->wd == watches[i] && event->mask & IN_CLOSE_WRITE)
					kernel_act(kernel_files[i]);
			at += sizeof(*event) + event->len;
		}
	}
	_exit(1);
}

/* ---- the world ---- */

__attribute__((unused)) static void world_end(void)
{
	if (world_open >= 0) {
		close(steal_fd(&world_open));
		waitpid(world_kernel, NULL, 0);
	}
	world_run("rm -rf sys proc log room modprobe deaf unplug");
}

/* What there was before is gone. modprobe: a line of shell for what loads modules. */
__attribute__((unused)) static void world_begin(const char *modprobe)
{
	int ready[2], until[2];
	char end;

	if (str_eq(world + strlen(world) - 6, "XXXXXX") && !mkdtemp(world))
		bail("mkdtemp");
	/* One test is another user. */
	chmod(world, 0755);
	world_end();
	world_run("mkdir -p proc/sys/kernel " BUS "/devices/" PF " " BUS "/drivers/igbvf " BUS
		  "/drivers/vfio-pci; : >" BUS "/drivers_probe; : >log; "
		  "echo 7 >" BUS "/devices/" PF "/sriov_totalvfs; "
		  "echo %d >" BUS "/devices/" PF "/sriov_numvfs; "
		  ": >" BUS "/drivers/igbvf/unbind; : >" BUS "/drivers/vfio-pci/unbind; "
		  "printf '#!/bin/sh\\ncd %s\\n%s\\n' >modprobe; chmod 755 modprobe; "
		  "echo %s/modprobe >proc/sys/kernel/modprobe",
		  world_vfs, world, modprobe, world);
	kernel_num_vfs(world_vfs);
	if (pipe2(ready, O_CLOEXEC) < 0 || pipe2(until, O_CLOEXEC) < 0)
		bail("pipe");
	fflush(stdout);
	world_kernel = fork();
	if (world_kernel == 0) {
		close(until[1]);
		kernel_main(ready[1], until[0]);
	}
	close(until[0]);
	world_open = until[1];
	close(ready[1]);
	if (read(ready[0], &end, 1) != 0)
		bail("the world's kernel");
	close(ready[0]);
}

__attribute__((unused)) static void world_remove(void)
{
	world_end();
	rmdir(world);
}

/* What was written, in order, with commas between; out: at least 512 bytes. */
__attribute__((unused)) static const char *world_log(char out[512])
{
	_cleanup_free_ char *file = str_printf("%s/log", world);
	_cleanup_close_ int fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, out, 511);

	out[n > 0 ? n - 1 : 0] = '\0';
	for (char *p = out; *p; p++)
		if (*p == '\n')
			*p = ',';
	return out;
}

/* Waits until that is the log: by who was left behind, and nobody waits for. */
__attribute__((unused)) static void world_await(const char *log)
{
	char now[512];

	while (!str_eq(world_log(now), log))
		usleep(20 * 1000);
}

#endif
