/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * driver_override says who may have a device, unbind takes it from who has it, and
 * drivers_probe lets the kernel look for a driver anew. Each is done when the write is, or
 * shortly after, with a driver that is probed in the background.
 */
#include "host/vf_driver.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "host/sysroot.h"
#include "host/vf_driver_internal.h"
#include "io/child.h"
#include "model/text.h"

#define POLL_MS 20
#define MODPROBE_OUTPUT 4096

const struct pci_host pci_this_host = {
	.modprobe_ms = 30000, .let_go_ms = 10000, .num_vfs_ms = 60000, .settle_ms = 2000
};

struct vf {
	const struct pci_host *host;
	struct loop *loop;
	char address[PCI_ADDRESS_SIZE];
	char *override_file, *probe_file;
	const char *home; /* who had it, and is to have it again; "": nobody */
	/* What driver_override is to say while it goes home, and when it is there. */
	char to_home[VF_DRIVER_SIZE + 1], at_home[VF_DRIVER_SIZE + 1];
	/* How it goes home once nobody has it; at_home is the last of it. */
	struct sysfs_write way_home[3];
	size_t n_way_home;
	bool left_behind; /* a process is, in the kernel; it puts things back by itself */
};

/* ---- what it is ---- */

int pci_gone(const char *address, struct err *err)
{
	return err_set(err, ERR_REFUSED, ENODEV,
		       "%s: no such PCI function on this host: it was unplugged, or its PF has "
		       "fewer VFs now (see \"lspci -D\")",
		       address);
}

int pci_find(const struct pci_host *host, const char *address, char out[PCI_ADDRESS_SIZE],
	     struct err *err)
{
	if (!pci_address_normalize(address, out))
		return err_set(err, ERR_REFUSED, EINVAL,
			       "\"%.32s\" is no address of a PCI function, like 0000:01:10.0",
			       address);
	if (!sysroot_exists(host->sysroot, PCI_DEVICE, out))
		return pci_gone(out, err);
	return 0;
}

static void vf_clear(struct vf *vf)
{
	free(vf->override_file);
	free(vf->probe_file);
}

static int vf_find(struct vf *vf, const char *address, struct err *err)
{
	const char *sysroot = vf->host->sysroot;
	int r = pci_find(vf->host, address, vf->address, err);

	if (r < 0)
		return r;
	if (sysroot_exists(sysroot, PCI_DEVICE "/sriov_totalvfs", vf->address))
		return err_set(err, ERR_REFUSED, EINVAL,
			       "%s is a PF, which the host and its other VFs need; name one of "
			       "its VFs",
			       vf->address);
	if (!sysroot_exists(sysroot, PCI_DEVICE "/physfn", vf->address))
		return err_set(err, ERR_REFUSED, EINVAL,
			       "%s is no VF: it belongs to no PF (it has no \"physfn\" in "
			       "/sys/bus/pci/devices)",
			       vf->address);
	vf->override_file = sysroot_path(sysroot, PCI_DEVICE "/driver_override", vf->address);
	vf->probe_file = sysroot_path(sysroot, "/sys/bus/pci/drivers_probe");
	return vf->override_file && vf->probe_file ? 0 : err_nomem(err);
}

static bool vf_is_there(const struct vf *vf)
{
	return sysroot_exists(vf->host->sysroot, PCI_DEVICE, vf->address);
}

static void read_driver(const struct vf *vf, char out[VF_DRIVER_SIZE])
{
	sysroot_read_link(vf->host->sysroot, out, VF_DRIVER_SIZE, PCI_DEVICE "/driver",
			  vf->address);
}

/* ---- drivers ---- */

static bool driver_name_ok(const char *name)
{
	if (!isalnum((unsigned char)*name) || strlen(name) >= VF_DRIVER_SIZE)
		return false;
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && *name != '_' && *name != '-')
			return false;
	return true;
}

static bool driver_is_there(const struct vf *vf, const char *driver)
{
	return sysroot_exists(vf->host->sysroot, PCI_DRIVER, driver);
}

/* Loads the driver's module, whose name is the driver's, where it is not there. */
static int need_driver(const struct vf *vf, const char *driver, struct err *err)
{
	_cleanup_free_ char *out = NULL, *said = NULL;
	char modprobe[256];
	int status, r;

	if (!driver_name_ok(driver))
		return err_set(err, ERR_REFUSED, EINVAL, "\"%.64s\" is no name of a driver",
			       driver);
	if (driver_is_there(vf, driver))
		return 0;
	/* The kernel's own way to load a module; a PATH of sshd may be without /sbin. */
	sysroot_read(vf->host->sysroot, modprobe, sizeof(modprobe),
		     "/proc/sys/kernel/modprobe");
	if (!*modprobe)
		return err_set(err, ERR_REFUSED, ENOENT,
			       "this kernel has no driver %s, and loads no modules "
			       "(/proc/sys/kernel/modprobe is empty); load it by hand",
			       driver);
	r = child_run(vf->loop, (const char *const[]){ modprobe, driver, NULL },
		      deadline_in(vf->host->modprobe_ms), MODPROBE_OUTPUT, &out, &said, &status,
		      err);
	if (r == -ETIMEDOUT) {
		err_wrap(err,
			 "load the driver %s: %s has not ended after %d s (see \"dmesg\" for "
			 "what the module waits for)",
			 driver, modprobe, (int)(vf->host->modprobe_ms / 1000));
		if (err)
			err->kind = ERR_REFUSED;
		return r;
	}
	if (r < 0)
		return err_wrap(err, "load the driver %s", driver);
	if (driver_is_there(vf, driver))
		return 0;
	said[strcspn(said, "\n")] = '\0';
	str_make_printable(said);
	return err_set(err, ERR_REFUSED, ENOENT,
		       "this kernel has no driver %s: \"%s %s\" says: %s", driver, modprobe,
		       driver, *said ? said : "nothing, and brought none");
}

/* ---- steps ---- */

/* What the kernel answers, as it is meant. */
static int explain(const struct vf *vf, int r, struct err *err)
{
	if (r == 0)
		return 0;
	if (!vf_is_there(vf))
		return pci_gone(vf->address, err);
	if (r == -EACCES || r == -EPERM)
		err_wrap(err, "give VF %s another driver, which takes root", vf->address);
	return r;
}

/* Who may have a VF that is with home: the vfio drivers take none unasked. */
static const char *override_at(const char *home)
{
	return text_is_vfio_driver(home) ? home : "";
}

static void set_home(struct vf *vf, const char *home)
{
	size_t n = 0;

	vf->home = home;
	snprintf(vf->to_home, sizeof(vf->to_home), "%s\n", home);
	snprintf(vf->at_home, sizeof(vf->at_home), "%s\n", override_at(home));
	if (*home) {
		/* Others, as pci-stub, take one only by name, too. */
		vf->way_home[n++] = (struct sysfs_write){ vf->override_file, vf->to_home };
		vf->way_home[n++] = (struct sysfs_write){ vf->probe_file, vf->address };
	}
	vf->way_home[n++] = (struct sysfs_write){ vf->override_file, vf->at_home };
	vf->n_way_home = n;
}

/* In which a write did not come back. */
static int left_behind(struct vf *vf, const char *driver, struct err *err)
{
	const char *why = "something on this host still uses it (see \"dmesg\")";

	if (text_is_vfio_driver(driver))
		why = "a QEMU, or another process, has it open";
	vf->left_behind = true;
	err_wrap(err, "%s does not let go of VF %s: %s", *driver ? driver : "the kernel",
		 vf->address, why);
	if (err)
		err->errnum = EBUSY;
	return -EBUSY;
}

/* Says which driver may have it; "": whichever wants it. now: who has it. */
static int set_override(struct vf *vf, const char *driver, const char *now, struct err *err)
{
	char text[VF_DRIVER_SIZE + 1];
	const struct sysfs_write write = { vf->override_file, text };
	int r;

	snprintf(text, sizeof(text), "%s\n", driver);
	r = sysfs_write(vf->loop, &write, vf->host->let_go_ms,
			&vf->way_home[vf->n_way_home - 1], 1, err);
	return r == -ETIMEDOUT ? left_behind(vf, now, err) : explain(vf, r, err);
}

static int unbind(struct vf *vf, const char *driver, struct err *err)
{
	_cleanup_free_ char *file =
		sysroot_path(vf->host->sysroot, PCI_DRIVER "/unbind", driver);
	const struct sysfs_write write = { file, vf->address };
	char now[VF_DRIVER_SIZE];
	int64_t deadline;
	int r;

	if (!file)
		return err_nomem(err);
	r = sysfs_write(vf->loop, &write, vf->host->let_go_ms, vf->way_home, vf->n_way_home,
			err);
	if (r == -ETIMEDOUT)
		return left_behind(vf, driver, err);
	deadline = deadline_in(vf->host->settle_ms);
	for (;;) {
		read_driver(vf, now);
		if (str_eq(now, driver) && r < 0)
			return explain(vf, r, err);
		if (!str_eq(now, driver) && !vf_is_there(vf))
			return pci_gone(vf->address, err);
		if (!str_eq(now, driver)) {
			/* Somebody else may have been faster: the kernel says ENODEV then. */
			if (err)
				*err = (struct err)ERR_INIT;
			return 0;
		}
		if (clock_ms() >= deadline)
			return err_set(err, ERR_REFUSED, EBUSY,
				       "%s still has VF %s, although the kernel took it away",
				       driver, vf->address);
		r = loop_sleep(vf->loop, POLL_MS, err);
		if (r < 0)
			return r;
	}
}

/* The driver may be done with it when nobody waits any more, and is to give it up then. */
static int write_probe(struct vf *vf, const char *driver, struct err *err)
{
	_cleanup_free_ char *unbind_file =
		sysroot_path(vf->host->sysroot, PCI_DRIVER "/unbind", driver);
	const struct sysfs_write write = { vf->probe_file, vf->address };
	struct sysfs_write late[1 + ARRAY_SIZE(vf->way_home)] = { { unbind_file,
								    vf->address } };
	/* At home it stays. */
	size_t first = str_eq(driver, vf->home) ? vf->n_way_home : 0;
	int r;

	if (!unbind_file)
		return err_nomem(err);
	memcpy(&late[1], vf->way_home, sizeof(vf->way_home));
	r = sysfs_write(vf->loop, &write, vf->host->let_go_ms, &late[first],
			1 + vf->n_way_home - first, err);
	if (r != -ETIMEDOUT)
		return explain(vf, r, err);
	vf->left_behind = true;
	err_wrap(err, "%s has not finished taking VF %s; it may have it yet (see \"dmesg\")",
		 driver, vf->address);
	if (err)
		err->kind = ERR_UNFINISHED;
	return r;
}

/* Lets the kernel look for a driver, which must be this one. */
static int probe(struct vf *vf, const char *driver, struct err *err)
{
	int64_t deadline;
	char now[VF_DRIVER_SIZE];
	int r = write_probe(vf, driver, err);

	if (r < 0)
		return r;
	deadline = deadline_in(vf->host->settle_ms);
	for (;;) {
		read_driver(vf, now);
		if (str_eq(now, driver))
			return 0;
		if (!vf_is_there(vf))
			return pci_gone(vf->address, err);
		if (*now)
			return err_set(err, ERR_REFUSED, EIO,
				       "VF %s went to the driver %s, not to %s: something "
				       "else on this host gives devices to drivers",
				       vf->address, now, driver);
		if (clock_ms() >= deadline)
			return err_set(err, ERR_REFUSED, EIO,
				       "%s did not take VF %s: see \"dmesg\" for why%s", driver,
				       vf->address,
				       text_is_vfio_driver(driver) ?
					       "; without an IOMMU it takes none "
					       "(vmfo check-topology)" :
					       "");
		r = loop_sleep(vf->loop, POLL_MS, err);
		if (r < 0)
			return r;
	}
}

/* ---- there and back ---- */

static int take(struct vf *vf, const char *driver, struct err *err)
{
	int r = *vf->home ? unbind(vf, vf->home, err) : 0;

	return r == 0 ? probe(vf, driver, err) : r;
}

static int leave_for_home(struct vf *vf, const char *now, struct err *err)
{
	int r = *now ? unbind(vf, now, err) : 0;

	if (r < 0 || !*vf->home)
		return r;
	r = need_driver(vf, vf->home, err);
	return r == 0 ? probe(vf, vf->home, err) : r;
}

static int restore(struct vf *vf, struct err *err)
{
	const char *at_home = override_at(vf->home);
	char now[VF_DRIVER_SIZE];
	int r, last;

	read_driver(vf, now);
	if (str_eq(now, vf->home))
		return set_override(vf, at_home, now, err);
	r = set_override(vf, vf->home, now, err);
	if (r == 0)
		r = leave_for_home(vf, now, err);
	if (vf->left_behind || !vf_is_there(vf) || str_eq(at_home, vf->home))
		return r;
	/* Also where it did not get there: another driver may be the one that can. */
	last = set_override(vf, at_home, vf->home, r < 0 ? NULL : err);
	return r < 0 ? r : last;
}

/* After a failed take(), whose error is in err.  Return: its errno. */
static int put_back(struct vf *vf, int failed, struct err *err)
{
	struct err e = ERR_INIT;
	char first[ERR_MSG_SIZE];

	if (vf->left_behind || !vf_is_there(vf) || restore(vf, &e) == 0 || !err)
		return failed;
	memcpy(first, err->msg, sizeof(first));
	return err_set(err, ERR_UNFINISHED, err->errnum,
		       "%.250s; and it could not be given back to %s: %.200s", first,
		       *vf->home ? vf->home : "no driver", e.msg);
}

int vf_driver_bind_on(const struct pci_host *host, struct loop *loop, const char *address,
		      const char *driver, char former[VF_DRIVER_SIZE], struct err *err)
{
	_cleanup_(vf_clear) struct vf vf = { .host = host, .loop = loop };
	int r = vf_find(&vf, address, err);

	*former = '\0';
	if (r < 0)
		return r;
	r = need_driver(&vf, driver, err);
	if (r < 0)
		return r;
	/* While a module loads, udev may give it to somebody. */
	read_driver(&vf, former);
	if (str_eq(former, driver))
		return 0;
	/* Between two drivers is no place to stop at. */
	loop_shield(loop);
	set_home(&vf, former);
	r = set_override(&vf, driver, former, err);
	if (r == 0) {
		r = take(&vf, driver, err);
		if (r < 0)
			r = put_back(&vf, r, err);
	}
	loop_unshield(loop);
	return r;
}

int vf_driver_give_back_on(const struct pci_host *host, struct loop *loop, const char *address,
			   const char *former, struct err *err)
{
	_cleanup_(vf_clear) struct vf vf = { .host = host, .loop = loop };
	char now[VF_DRIVER_SIZE];
	int r = vf_find(&vf, address, err);

	if (r == 0 && *former && !driver_name_ok(former))
		r = err_set(err, ERR_REFUSED, EINVAL, "\"%.64s\" is no name of a driver",
			    former);
	if (r < 0)
		return r;
	/* As it was found: what a driver of vfio's has is not vmfo's to change. */
	read_driver(&vf, now);
	if (str_eq(now, former) && text_is_vfio_driver(former))
		return 0;
	loop_shield(loop);
	set_home(&vf, former);
	r = restore(&vf, err);
	loop_unshield(loop);
	return r;
}

int vf_driver_bind(struct loop *loop, const char *address, const char *driver,
		   char former[VF_DRIVER_SIZE], struct err *err)
{
	return vf_driver_bind_on(&pci_this_host, loop, address, driver, former, err);
}

int vf_driver_give_back(struct loop *loop, const char *address, const char *former,
			struct err *err)
{
	return vf_driver_give_back_on(&pci_this_host, loop, address, former, err);
}
