/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which of QEMU's options take an argument: an argument may begin with a dash, and must
 * not be taken for an option then.
 * Source: qemu-system-x86_64 -help of 7.2 and 10.0; those of other machines and those that
 * older QEMUs had are there too.
 */
#include <stdlib.h>

#include "base/str.h"
#include "topology/machine_parse.h"

/* In the order of strcmp(). */
static const char *const with_argument[] = {
	"D",
	"L",
	"M",
	"accel",
	"acpitable",
	"action",
	"add-fd",
	"append",
	"audio",
	"audiodev",
	"balloon",
	"bios",
	"blockdev",
	"boot",
	"cdrom",
	"chardev",
	"chroot",
	"clock",
	"compat",
	"cpu",
	"d",
	"debugcon",
	"device",
	"dfilter",
	"display",
	"drive",
	"dtb",
	"dump-vmstate",
	"echr",
	"fda",
	"fdb",
	"fsdev",
	"fw_cfg",
	"g",
	"gdb",
	"global",
	"hda",
	"hdachs",
	"hdb",
	"hdc",
	"hdd",
	"icount",
	"incoming",
	"initrd",
	"iscsi",
	"k",
	"kernel",
	"loadvm",
	"m",
	"machine",
	"mem-path",
	"mon",
	"monitor",
	"msg",
	"mtdblock",
	"name",
	"net",
	"netdev",
	"nic",
	"numa",
	"object",
	"option-rom",
	"overcommit",
	"parallel",
	"pflash",
	"pidfile",
	"plugin",
	"prom-env",
	"qmp",
	"qmp-pretty",
	"qtest",
	"qtest-log",
	"readconfig",
	"realtime",
	"rotate",
	"rtc",
	"run-with",
	"runas",
	"sandbox",
	"sd",
	"seed",
	"semihosting-config",
	"serial",
	"set",
	"shim",
	"smbios",
	"smp",
	"soundhw",
	"spice",
	"tb-size",
	"tpmdev",
	"trace",
	"usbdevice",
	"uuid",
	"vga",
	"virtfs",
	"vnc",
	"watchdog",
	"watchdog-action",
	"writeconfig",
	"xen-domid",
};

static int by_name(const void *key, const void *member)
{
	return strcmp(key, *(const char *const *)member);
}

bool machine_option_has_argument(const char *name)
{
	return bsearch(name, with_argument, ARRAY_SIZE(with_argument), sizeof(with_argument[0]),
		       by_name) != NULL;
}
