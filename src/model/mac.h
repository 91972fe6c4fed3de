/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Ethernet addresses.
 */
#ifndef VMFO_MODEL_MAC_H
#define VMFO_MODEL_MAC_H

#include <stdbool.h>
#include <stdint.h>

#define MAC_TEXT_SIZE 18 /* "52:54:00:12:34:56" and its NUL */

struct mac {
	uint8_t byte[6];
};

/* "52:54:00:12:34:56", hexadecimal digits of either case.  Return: 0, -EINVAL. */
int mac_parse(const char *text, struct mac *out);

/* Lower case, into buf.  Return: buf. */
const char *mac_format(const struct mac *mac, char buf[MAC_TEXT_SIZE]);

bool mac_equal(const struct mac *a, const struct mac *b);
bool mac_is_zero(const struct mac *mac);
bool mac_is_multicast(const struct mac *mac); /* broadcast included */

#endif
