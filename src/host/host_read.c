/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/host_read.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "host/links.h"
#include "host/pci.h"
#include "host/sysroot.h"
#include "host/system.h"
#include "io/boot.h"

static void free_facts(struct host_facts **facts)
{
	host_facts_free(*facts);
}

static int check_sysroot(const char *sysroot, struct err *err)
{
	struct stat st;

	if (stat(sysroot, &st) < 0)
		return err_sys(err, ERR_REFUSED, errno, "cannot read the captured host %s",
			       sysroot);
	if (!S_ISDIR(st.st_mode))
		return err_set(err, ERR_REFUSED, ENOTDIR,
			       "cannot read the captured host %s: it is no folder; name the "
			       "one that holds its sys/ and proc/",
			       sysroot);
	if (access(sysroot, R_OK | X_OK) < 0)
		return err_sys(err, ERR_REFUSED, errno, "cannot read the captured host %s",
			       sysroot);
	if (!sysroot_exists(sysroot, "/sys") && !sysroot_exists(sysroot, "/proc"))
		return err_set(
			err, ERR_REFUSED, ENOENT,
			"cannot read the captured host %s: it has neither sys/ nor proc/; "
			"name the folder that tests/capture-sysroot filled",
			sysroot);
	return 0;
}

int host_read(const struct host_read *what, struct host_facts **out, struct err *err)
{
	_cleanup_(free_facts) struct host_facts *facts = calloc(1, sizeof(*facts));
	const char *sysroot = what->sysroot;
	int ret = 0;

	if (!facts)
		return err_nomem(err);
	if (sysroot)
		ret = check_sysroot(sysroot, err);
	facts->live = !sysroot;
	if (ret == 0)
		ret = pci_read(sysroot, facts, err);
	if (ret == 0)
		ret = vfio_read(what, facts, err);
	if (ret == 0)
		ret = links_read(sysroot, facts, err);
	if (ret == 0)
		ret = system_read(sysroot, facts, err);
	if (ret < 0)
		return ret;
	limits_read(sysroot, facts);
	/* Of a captured host no kernel runs here. */
	if (!sysroot)
		ret = boot_id_read(facts->boot_id, err);
	if (ret < 0)
		return ret;
	*out = steal_ptr(facts);
	return 0;
}
