/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * How many VFs a PF has. The kernel goes from one number to another by way of none only, so
 * whoever made some before keeps them.
 */
#include <errno.h>
#include <inttypes.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "host/sysroot.h"
#include "host/vf_driver_internal.h"

#define POLL_MS 20

struct pf {
	const struct pci_host *host;
	struct loop *loop;
	char address[PCI_ADDRESS_SIZE];
};

/* -1: it is no PF, or gone. */
static int64_t read_number(const struct pf *pf, const char *file)
{
	return sysroot_read_int(pf->host->sysroot, -1, PCI_DEVICE "/%s", pf->address, file);
}

static int refused(const struct pf *pf, int n, int r, struct err *err)
{
	const char *what;

	if (!sysroot_exists(pf->host->sysroot, PCI_DEVICE, pf->address))
		return pci_gone(pf->address, err);
	switch (-r) {
	case ETIMEDOUT:
		err_wrap(err, "make %d VFs of %s, which may yet be done (see \"dmesg\")", n,
			 pf->address);
		if (err)
			err->kind = ERR_UNFINISHED;
		return r;
	case EACCES:
		what = "not permitted; run vmfo as root";
		break;
	case ENOENT:
		what = "it has no driver, or one that makes no VFs this way";
		break;
	case EBUSY:
		what = "somebody else has set another number meanwhile";
		break;
	case ENOSPC:
	case ENOMEM:
		what = "there is no room for them on the bus, or in the address space; the "
		       "firmware's setup may have a switch for SR-IOV, and the kernel takes "
		       "pci=realloc";
		break;
	default:
		err_wrap(err, "make %d VFs of %s (see \"dmesg\" for its driver's reason)", n,
			 pf->address);
		return r;
	}
	return err_set(err, ERR_REFUSED, -r, "make %d VFs of %s: %s", n, pf->address, what);
}

static bool has_vf(const struct pf *pf, int i)
{
	return sysroot_exists(pf->host->sysroot, PCI_DEVICE "/virtfn%d", pf->address, i);
}

static bool is_done(const struct pf *pf, int n)
{
	return read_number(pf, "sriov_numvfs") == n && has_vf(pf, n - 1) && !has_vf(pf, n);
}

static int await_number(const struct pf *pf, int n, struct err *err)
{
	int64_t deadline = deadline_in(pf->host->settle_ms);
	int r;

	while (!is_done(pf, n)) {
		if (!sysroot_exists(pf->host->sysroot, PCI_DEVICE, pf->address))
			return pci_gone(pf->address, err);
		if (clock_ms() >= deadline)
			return err_set(err, ERR_REFUSED, EIO,
				       "%s is to have %d VFs: it has %" PRId64
				       " now, or not all are there; something else on this "
				       "host sets the number (sriov_numvfs)",
				       pf->address, n, read_number(pf, "sriov_numvfs"));
		r = loop_sleep(pf->loop, POLL_MS, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int set_number(const struct pf *pf, int n, struct err *err)
{
	_cleanup_free_ char *file =
		sysroot_path(pf->host->sysroot, PCI_DEVICE "/sriov_numvfs", pf->address);
	_cleanup_free_ char *text = str_printf("%d\n", n);
	const struct sysfs_write write = { file, text };
	int r;

	if (!file || !text)
		return err_nomem(err);
	r = sysfs_write(pf->loop, &write, pf->host->num_vfs_ms, NULL, 0, err);
	return r < 0 ? refused(pf, n, r, err) : await_number(pf, n, err);
}

int pf_set_num_vfs_on(const struct pci_host *host, struct loop *loop, const char *address,
		      int n, struct err *err)
{
	struct pf pf = { .host = host, .loop = loop };
	int64_t total, now;
	int r = pci_find(host, address, pf.address, err);

	if (r < 0)
		return r;
	total = read_number(&pf, "sriov_totalvfs");
	if (total < 0)
		return err_set(err, ERR_REFUSED, EINVAL,
			       "%s is no PF that can have VFs (it has no \"sriov_totalvfs\" in "
			       "/sys/bus/pci/devices)",
			       pf.address);
	if (n < 1 || n > total)
		return err_set(err, ERR_REFUSED, ERANGE,
			       "%s can have %" PRId64 " VFs at most, and is to have %d",
			       pf.address, total, n);
	now = read_number(&pf, "sriov_numvfs");
	/* Somebody else may be at it just now. */
	if (now == n)
		return await_number(&pf, n, err);
	if (now > 0)
		return err_set(err, ERR_REFUSED, EBUSY,
			       "%s has %" PRId64 " VFs by now, made by somebody else: vmfo "
			       "leaves them as they are",
			       pf.address, now);
	return set_number(&pf, n, err);
}

int pf_set_num_vfs(struct loop *loop, const char *address, int n, struct err *err)
{
	return pf_set_num_vfs_on(&pci_this_host, loop, address, n, err);
}
