/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Quantities and texts for people.
 */
#ifndef VMFO_CLI_FORMAT_H
#define VMFO_CLI_FORMAT_H

#include <stdint.h>
#include <stdio.h>

#define FORMAT_SIZE 32
#define FORMAT_LABEL_WIDTH 8

/* "812 B", "12.3 MiB", into buf.  Return: buf. */
const char *format_bytes(int64_t bytes, char buf[FORMAT_SIZE]);

/* "52 ms", "12.3 s", "3 min 05 s", into buf.  Return: buf. */
const char *format_ms(int64_t ms, char buf[FORMAT_SIZE]);

/*
 * "  why     text" and a newline: indent blanks, the label, the text broken between words, what
 * follows its first line below it. A command in `…` is not broken.
 */
void format_wrapped(FILE *out, int indent, const char *label, const char *text);

#endif
