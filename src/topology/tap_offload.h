/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a tap leaves to whoever is behind it, by its bits and by name.
 * Source: Linux include/uapi/linux/if_tun.h (TUN_F_…). The headers that one builds with
 * may be older than the kernel that one runs on.
 */
#ifndef VMFO_TOPOLOGY_TAP_OFFLOAD_H
#define VMFO_TOPOLOGY_TAP_OFFLOAD_H

#include <stddef.h>
#include <stdint.h>

#define TAP_OFFLOAD_CSUM 0x01U
#define TAP_OFFLOAD_TSO4 0x02U
#define TAP_OFFLOAD_TSO6 0x04U
#define TAP_OFFLOAD_TSO_ECN 0x08U
#define TAP_OFFLOAD_UFO 0x10U
#define TAP_OFFLOAD_USO4 0x20U
#define TAP_OFFLOAD_USO6 0x40U
#define TAP_OFFLOAD_TUNNEL 0x80U
#define TAP_OFFLOAD_TUNNEL_CSUM 0x100U

/* "USO4, USO6" of a mask, into buf; bits without a name in hexadecimal.  Return: buf. */
const char *tap_offload_names(uint32_t mask, char *buf, size_t size);

#endif
