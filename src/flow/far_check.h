/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Whether this host could take a VM: the target's checks. They change nothing.
 */
#ifndef VMFO_FLOW_FAR_CHECK_H
#define VMFO_FLOW_FAR_CHECK_H

#include "flow/vm.h"

/*
 * vm: not locked, vm->def is the definition that would come. source: {"qemu_version",
 * "kvm"} of the QEMU that it would come from. Each problem becomes a sentence in problems.
 * Return: 0 however many there are; a failure when it could not look.
 */
int far_check(struct vm *vm, const json_t *source, struct strv *problems, struct err *err);

#endif
