/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which driver of this host has a VF, and how many VFs a PF has.
 * Source: Linux Documentation/ABI/testing/sysfs-bus-pci (driver_override, drivers_probe,
 * unbind, sriov_numvfs); Documentation/PCI/pci-iov-howto.rst.
 */
#ifndef VMFO_HOST_VF_DRIVER_H
#define VMFO_HOST_VF_DRIVER_H

#include "base/err.h"
#include "io/loop.h"

#define VF_DRIVER_SIZE 32

/*
 * Takes a VF from the driver that has it and gives it to driver ("vfio-pci", or a variant
 * of it), which is loaded where it is not there. address: "0000:01:10.0". former: who had
 * it once that is loaded, "" for nobody; also where this fails later. A VF that driver has
 * already is left as it is.
 * A driver that does not let go, or is not done with taking, holds who asks it to in the
 * kernel. vmfo waits for 10 s; a child process stays there, and if it ever comes out, it gives
 * the VF back to former.
 * Errors: ERR_REFUSED, and the VF is with its former driver: EINVAL: no address, no VF, a
 * PF; ENODEV: no such function; ENOENT: no such driver; EBUSY: the former does not let go;
 * EIO: driver did not take it, or another did; ETIMEDOUT: driver was not loaded within 30 s;
 * EACCES: not root. ERR_UNFINISHED: the same, and it could not be put back; ETIMEDOUT: driver
 * is not done with taking it, and may have it yet. -ECANCELED: while driver was loaded; not to
 * be cancelled between two drivers.
 */
int vf_driver_bind(struct loop *loop, const char *address, const char *driver,
		   char former[VF_DRIVER_SIZE], struct err *err);

/*
 * Undoes vf_driver_bind(): former is what that said. Whoever has the VF now loses it. Done
 * already is no error. former need not be the driver that the kernel would choose; what
 * driver_override said before the bind is not known here: it names former after this where
 * that is of vfio, else nobody.
 * Errors: as of vf_driver_bind(), what is done being left: ENODEV: the VF is gone; EBUSY: a
 * QEMU still has it open, and who was left behind gives it back when that ends; EIO: another
 * driver took it, or none. ERR_UNFINISHED: ETIMEDOUT: former is not done with taking it. Not
 * to be cancelled.
 */
int vf_driver_give_back(struct loop *loop, const char *address, const char *former,
			struct err *err);

/*
 * Makes n VFs, 1 to sriov_totalvfs, of a PF that has none, and waits until they are there.
 * One that has so many already, or gets them just now, is fine. address: of the PF,
 * "0000:01:00.0".
 * Errors: ERR_REFUSED: EINVAL: no address, no PF; ERANGE: more than it can have; ENODEV;
 * EBUSY: it has another number of them, made by somebody else; EIO: not all came, or somebody
 * else changed the number meanwhile; EACCES: not root; what the PF's driver says.
 * ERR_UNFINISHED: ETIMEDOUT: not after 60 s; a child process stays in the kernel, and they may
 * yet come. -ECANCELED: while they are waited for, when they are made.
 */
int pf_set_num_vfs(struct loop *loop, const char *address, int n, struct err *err);

#endif
