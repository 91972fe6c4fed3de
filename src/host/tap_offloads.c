/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The offloads of this kernel's taps, found out as QEMU does: by asking for them.
 * Source: Linux drivers/net/tun.c (set_offload); QEMU net/tap-linux.c.
 */
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "host/links_internal.h"
#include "topology/tap_offload.h"

bool tap_read_offloads(uint32_t *out)
{
	/* Those of a step are taken together or not at all; each needs those before it. */
	static const uint32_t steps[] = {
		TAP_OFFLOAD_CSUM,   TAP_OFFLOAD_TSO4,
		TAP_OFFLOAD_TSO6,   TAP_OFFLOAD_TSO_ECN,
		TAP_OFFLOAD_UFO,    TAP_OFFLOAD_USO4 | TAP_OFFLOAD_USO6,
		TAP_OFFLOAD_TUNNEL, TAP_OFFLOAD_TUNNEL_CSUM,
	};
	_cleanup_close_ int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };

	*out = 0;
	if (fd < 0)
		return false;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "vmfoask%%d");
	if (ioctl(fd, TUNSETIFF, &ifr) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
		if (ioctl(fd, TUNSETOFFLOAD, (unsigned long)(*out | steps[i])) == 0)
			*out |= steps[i];
	return true;
}
