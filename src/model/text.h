/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the strings of a definition may look like, where both definitions share it.
 */
#ifndef VMFO_MODEL_TEXT_H
#define VMFO_MODEL_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* The same words for all messages about them. */
#define TEXT_PATH_EXPECTED "an absolute path"
#define TEXT_BINARY_EXPECTED "an absolute path, or the name of a program in PATH"
#define TEXT_LABEL_EXPECTED "a letter and up to 31 letters, digits, '_', '.' or '-'"
#define TEXT_VFIO_DRIVER_EXPECTED "a driver of vfio: \"vfio-pci\", \"mlx5_vfio_pci\", …"
#define TEXT_LINK_EXPECTED \
	"an interface's name: at most 15 letters, digits, '_', '.', '-', '@', '+'"

bool text_is_path(const char *text);   /* begins with a slash */
bool text_is_binary(const char *text); /* a path, or a name without one */

bool text_is_label(const char *text); /* of a device, of a physnet */
bool text_is_link(const char *text);  /* a network interface's name */

/* A driver by which a device is QEMU's to use: vfio-pci, or a variant of it. */
bool text_is_vfio_driver(const char *text);

/* An ASCII letter or digit, whatever the locale. */
bool text_is_alnum(char c);

/* 1 to max bytes, each an ASCII letter, a digit, or one of others. */
bool text_is_made_of(const char *text, const char *others, size_t max);

#endif
