/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which QEMU is started where neither host.json nor a definition names one.
 */
#ifndef VMFO_HOST_QEMU_BINARY_H
#define VMFO_HOST_QEMU_BINARY_H

#include "base/err.h"

/*
 * A build of qemu-patches/ that belongs to a vmfo in folder: FOLDER/qemu/qemu-system-x86_64
 * (a build tree, by `make qemu`), else FOLDER/../libexec/vmfo/qemu-system-x86_64 (installed);
 * else "qemu-system-x86_64", to be looked for in PATH. out: freed by the caller.
 */
int qemu_binary_near(const char *folder, char **out, struct err *err);

/* The same for the folder of this process's binary. */
int qemu_binary_find(char **out, struct err *err);

#endif
