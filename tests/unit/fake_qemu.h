/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A program that takes QEMU's place on fd 3, and says what no QEMU would.
 */
#ifndef VMFO_TESTS_FAKE_QEMU_H
#define VMFO_TESTS_FAKE_QEMU_H

/*
 * Writes it to dir/qemu. answers: a JSON object without ''', from "COMMAND ARGUMENT…" (the
 * values of its arguments), or from "COMMAND" alone, to what it returns. What is not there
 * it answers with an error. It greets as QEMU 9.2.1, and takes qmp_capabilities and quit.
 * Return: the path, which the caller frees.
 */
char *fake_qemu_make(const char *dir, const char *answers);

#endif
