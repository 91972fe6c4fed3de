/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The end of what a program wrote on its standard error, on one line and printable, for
 * the message that says why the program failed.
 */
#ifndef VMFO_PROTO_TAIL_H
#define VMFO_PROTO_TAIL_H

#include <stdbool.h>
#include <stddef.h>

#define TAIL_SIZE 256

struct tail {
	char text[TAIL_SIZE]; /* NUL-terminated; line ends are "; " */
	size_t len;
	bool line_ended; /* the next byte begins a line */
};

/* Zeroed before the first use. */
void tail_add(struct tail *tail, const char *bytes, size_t n);

/* The last line alone; borrowed. */
const char *tail_last_line(const struct tail *tail);

#endif
