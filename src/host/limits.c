/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "host/sysroot.h"
#include "host/system.h"

static int64_t limit_of(const char *text)
{
	int64_t bytes;

	if (str_eq(text, "unlimited"))
		return -1;
	return str_to_i64(text, 0, INT64_MAX, &bytes) == 0 ? bytes : -2;
}

static void read_memlock(const char *sysroot, struct host_facts *facts)
{
	char text[4096], soft[32], hard[32];
	const char *line;

	facts->memlock_soft = facts->memlock_hard = -2;
	sysroot_read(sysroot, text, sizeof(text), "/proc/self/limits");
	line = strstr(text, "Max locked memory");
	if (!line || sscanf(line, "Max locked memory %31s %31s", soft, hard) != 2)
		return;
	facts->memlock_soft = limit_of(soft);
	facts->memlock_hard = limit_of(hard);
}

static void read_capabilities(const char *sysroot, struct host_facts *facts)
{
	char text[8192], mask[32], *end;
	unsigned long long caps;

	facts->cap_ipc_lock = facts->cap_sys_resource = FACT_UNKNOWN;
	sysroot_read(sysroot, text, sizeof(text), "/proc/self/status");
	if (!sysroot_field(text, "CapEff", mask, sizeof(mask)))
		return;
	caps = strtoull(mask, &end, 16);
	if (end == mask || *end)
		return;
	facts->cap_ipc_lock = caps & (1ULL << CAP_IPC_LOCK) ? FACT_YES : FACT_NO;
	facts->cap_sys_resource = caps & (1ULL << CAP_SYS_RESOURCE) ? FACT_YES : FACT_NO;
}

/* /dev/kvm is there on many a machine that has no KVM: only opening it tells. */
static enum fact opens(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC);

	return fd >= 0 ? FACT_YES : FACT_NO;
}

static enum fact may_open(const char *sysroot, const char *node)
{
	if (!sysroot_exists(sysroot, "/dev"))
		return FACT_UNKNOWN;
	return sysroot_may_open(sysroot, "%s", node) ? FACT_YES : FACT_NO;
}

void limits_read(const char *sysroot, struct host_facts *facts)
{
	read_memlock(sysroot, facts);
	read_capabilities(sysroot, facts);
	facts->kvm = sysroot ? may_open(sysroot, "/dev/kvm") : opens("/dev/kvm");
	/* To open this one would load a module. */
	facts->vhost_net = may_open(sysroot, "/dev/vhost-net");
}
