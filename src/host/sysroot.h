/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Reading small files of /sys and /proc, of this host or below a sysroot.
 */
#ifndef VMFO_HOST_SYSROOT_H
#define VMFO_HOST_SYSROOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* SYSROOT + path; sysroot NULL: path itself.  Return: freed by the caller; NULL: no memory. */
char *sysroot_path(const char *sysroot, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Whether there is anything of that name. */
bool sysroot_exists(const char *sysroot, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * The text of a file below it, its last newline cut; at most size - 1 bytes.
 * Return: its length, or a negative errno, buf being "" then.
 */
int sysroot_read(const char *sysroot, char *buf, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* An integer in any base that strtoll() takes; absent where there is none. */
int64_t sysroot_read_int(const char *sysroot, int64_t absent, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The last component of a symbolic link; "" where there is none. */
void sysroot_read_link(const char *sysroot, char *buf, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* The names in a folder, sorted, without those that begin with a dot. */
int sysroot_list(const char *sysroot, struct strv *out, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * The value of a line "KEY: value" in the text of a file of /proc, into buf; it ends at the
 * newline.  Return: whether there is such a line; buf is "" otherwise.
 */
bool sysroot_field(const char *text, const char *key, char *buf, size_t size);

/*
 * Whether a node can be opened for reading and writing: by this process; below a sysroot,
 * by its mode and owner, for the process whose /proc/self/status lies there.
 */
bool sysroot_may_open(const char *sysroot, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
