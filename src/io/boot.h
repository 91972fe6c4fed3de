/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Identities of the running kernel and of processes in it. Every record on disk carries
 * them: another boot_id means that its processes are dead, and a pid without its start
 * time may long be another's.
 */
#ifndef VMFO_IO_BOOT_H
#define VMFO_IO_BOOT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#define BOOT_ID_SIZE 37 /* a UUID and its NUL */

/* Source: /proc/sys/kernel/random/boot_id. */
int boot_id_read(char out[BOOT_ID_SIZE], struct err *err);

/* A new random UUID, by /proc/sys/kernel/random/uuid. */
int boot_new_uuid(char out[BOOT_ID_SIZE], struct err *err);

/*
 * When process pid started, in clock ticks since boot.
 * Return: 0; -ESRCH for a process that is gone or a zombie.  Source: proc(5), stat, 22.
 */
int process_start_time(pid_t pid, uint64_t *out);

/*
 * How much memory process pid has now, without huge pages of hugetlbfs.
 * Return: KiB; -1: not known.  Source: proc(5), status, VmRSS.
 */
int64_t process_resident_kib(pid_t pid);

#endif
