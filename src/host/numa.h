/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * On which NUMA node the memory of a QEMU lies, or will: a VF of that node reaches it without
 * a way through another processor.
 * Source: Linux Documentation/filesystems/proc.rst, "numa_maps"; numa_maps(5); cpuset(7).
 */
#ifndef VMFO_HOST_NUMA_H
#define VMFO_HOST_NUMA_H

#include <sys/types.h>

/*
 * pid: of a QEMU that runs: the node that most of its memory is on. The kernel walks all of its
 * page tables for this. 0: of one that this process is about to start: the only node that this
 * process gets memory of.
 * Return: the node; -1: the host has but one, or it is not known.
 */
int numa_memory_node(const char *sysroot, pid_t pid);

#endif
