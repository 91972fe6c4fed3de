/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Quantities for people.
 */
#ifndef VMFO_CLI_FORMAT_H
#define VMFO_CLI_FORMAT_H

#include <stdint.h>

#define FORMAT_SIZE 32

/* "812 B", "12.3 MiB", into buf.  Return: buf. */
const char *format_bytes(int64_t bytes, char buf[FORMAT_SIZE]);

/* "52 ms", "12.3 s", "3 min 05 s", into buf.  Return: buf. */
const char *format_ms(int64_t ms, char buf[FORMAT_SIZE]);

#endif
