/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Whole files: read with a limit, replaced atomically.
 */
#ifndef VMFO_IO_FILE_H
#define VMFO_IO_FILE_H

#include <jansson.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

/*
 * Reads all of path. out: its bytes and a terminating NUL beyond them; the caller
 * frees. len: may be NULL.
 * Errors: ENOENT and the like with kind ERR_INTERNAL; EFBIG over max bytes; ETIMEDOUT: a
 * pipe or a device in which nothing comes.
 */
int file_read(const char *path, size_t max, char **out, size_t *len, struct err *err);

/*
 * Replaces path as a whole, or leaves it as it was: temporary file beside it, fsync,
 * rename, fsync of the folder.
 */
int file_write(const char *path, mode_t mode, const void *data, size_t len, struct err *err);

/* The same without fsync: for state that a reboot ends anyway (/run). */
int file_write_volatile(const char *path, mode_t mode, const void *data, size_t len,
			struct err *err);

/* Writes root as JSON with a newline at its end, by file_write() or file_write_volatile(). */
int file_write_json(const char *path, mode_t mode, const json_t *root, struct err *err);
int file_write_json_volatile(const char *path, mode_t mode, const json_t *root,
			     struct err *err);

/*
 * Reads an object that vmfo wrote itself (not one that people write: model/ reads
 * those, with better messages). out: a new reference.  Errors: ENOENT; EBADMSG.
 */
int file_read_json(const char *path, size_t max, json_t **out, struct err *err);

/* mkdir -p; the last folder gets mode, those above it 0755. */
int dir_make(const char *path, mode_t mode, struct err *err);

/* Removes path and everything in it, not following links; absent is no error. */
int dir_remove(const char *path, struct err *err);

/* fsync of the folder itself, so that a name made in it lasts. */
int dir_sync(const char *path, struct err *err);

#endif
