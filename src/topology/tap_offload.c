/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "topology/tap_offload.h"

#include <stdio.h>

#include "base/str.h"

const char *tap_offload_names(uint32_t mask, char *buf, size_t size)
{
	static const char *const names[] = {
		"CSUM",
		"TSO4",
		"TSO6",
		"TSO_ECN",
		"UFO",
		"USO4",
		"USO6",
		"UDP_TUNNEL_GSO",
		"UDP_TUNNEL_GSO_CSUM",
	};
	size_t len = 0;

	*buf = '\0';
	for (unsigned int bit = 0; bit < 32 && len < size; bit++) {
		const char *comma = len ? ", " : "";
		uint32_t one = (uint32_t)1 << bit;

		if (!(mask & one))
			continue;
		if (bit < ARRAY_SIZE(names))
			len += (size_t)snprintf(buf + len, size - len, "%s%s", comma,
						names[bit]);
		else
			len += (size_t)snprintf(buf + len, size - len, "%s%#x", comma, one);
	}
	return buf;
}
