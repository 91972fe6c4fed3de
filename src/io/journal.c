/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"
#include "io/boot.h"
#include "io/file.h"

#define JOURNAL_MAX (4 * 1024 * 1024)
#define SUFFIX ".jsonl"

struct journal {
	int fd;
	char *path;
	char boot_id[BOOT_ID_SIZE];
};

static void journal_freep(struct journal **journal)
{
	journal_abandon(*journal);
}

void journal_abandon(struct journal *journal)
{
	if (!journal)
		return;
	if (journal->fd >= 0)
		close(journal->fd);
	free(journal->path);
	free(journal);
}

static char *journal_folder(const char *statedir, const char *vm)
{
	return str_printf("%s/journal/%s", statedir, vm);
}

static int journal_open(const char *folder, const char *id, int flags, struct journal **out,
			struct err *err)
{
	_cleanup_(journal_freep) struct journal *journal = calloc(1, sizeof(*journal));
	int r;

	if (!journal)
		return err_nomem(err);
	journal->fd = -1;
	journal->path = str_printf("%s/%s" SUFFIX, folder, id);
	if (!journal->path)
		return err_nomem(err);
	r = boot_id_read(journal->boot_id, err);
	if (r < 0)
		return r;
	journal->fd = open(journal->path, O_WRONLY | O_APPEND | O_CLOEXEC | flags, 0600);
	if (journal->fd < 0)
		return err_sys(err, ERR_INTERNAL, errno, "open journal %s", journal->path);
	*out = steal_ptr(journal);
	return 0;
}

int journal_create(const char *statedir, const char *vm, const char *id, const char *role,
		   const json_t *details, struct journal **out, struct err *err)
{
	_cleanup_free_ char *folder = journal_folder(statedir, vm);
	_cleanup_(journal_freep) struct journal *journal = NULL;
	json_t *first;
	int r;

	if (!folder)
		return err_nomem(err);
	r = dir_make(folder, 0700, err);
	if (r == 0)
		r = journal_open(folder, id, O_CREAT | O_EXCL, &journal, err);
	if (r == 0)
		r = dir_sync(folder, err);
	if (r < 0)
		return r;
	first = json_pack("{ss ss ss ss}", "schema", "vmfo.journal/1", "role", role, "vm", vm,
			  "id", id);
	if (!first || (details && json_object_update_missing(first, (json_t *)details) < 0))
		r = err_nomem(err);
	else
		r = journal_add(journal, "open", first, err);
	json_decref(first);
	if (r == 0)
		*out = steal_ptr(journal);
	return r;
}

int journal_reopen(const char *statedir, const char *vm, const char *id, struct journal **out,
		   struct err *err)
{
	_cleanup_(journal_freep) struct journal *journal = NULL;
	_cleanup_free_ char *folder = journal_folder(statedir, vm);
	_cleanup_free_ char *text = NULL;
	const char *newline;
	size_t len;
	int r;

	if (!folder)
		return err_nomem(err);
	r = journal_open(folder, id, 0, &journal, err);
	if (r == 0)
		r = file_read(journal->path, JOURNAL_MAX, &text, &len, err);
	if (r < 0)
		return r;
	/* A line torn by a crash goes, or it would spoil the next one. */
	newline = memrchr(text, '\n', len);
	if (ftruncate(journal->fd, newline ? newline + 1 - text : 0) < 0)
		return err_sys(err, ERR_INTERNAL, errno, "open journal %s", journal->path);
	*out = steal_ptr(journal);
	return 0;
}

int journal_add(struct journal *journal, const char *what, const json_t *details,
		struct err *err)
{
	_cleanup_free_ char *text = NULL;
	struct timespec now;
	json_t *line;
	size_t len;

	clock_gettime(CLOCK_REALTIME, &now);
	line = json_pack("{sI ss ss}", "at",
			 (json_int_t)now.tv_sec * 1000 + now.tv_nsec / 1000000, "boot_id",
			 journal->boot_id, "what", what);
	if (line && (!details || json_object_update_missing(line, (json_t *)details) == 0))
		text = json_dumps(line, JSON_COMPACT);
	json_decref(line);
	if (!text)
		return err_nomem(err);
	len = strlen(text);
	text[len] = '\n';
	errno = 0;
	/* One write: a reader never sees half a line, unless the machine died in it. */
	if (write(journal->fd, text, len + 1) != (ssize_t)(len + 1))
		return err_sys(err, ERR_INTERNAL, errno ? errno : EIO, "write journal %s",
			       journal->path);
	if (fdatasync(journal->fd) < 0)
		return err_sys(err, ERR_INTERNAL, errno, "write journal %s", journal->path);
	return 0;
}

int journal_step(struct journal *journal, const char *step, const char *state,
		 const json_t *details, struct err *err)
{
	json_t *line = json_pack("{ss ss}", "step", step, "state", state);
	int r;

	if (!line || (details && json_object_update_missing(line, (json_t *)details) < 0))
		r = err_nomem(err);
	else
		r = journal_add(journal, "step", line, err);
	json_decref(line);
	return r;
}

int journal_close(struct journal *journal, const char *outcome, struct err *err)
{
	json_t *details = json_pack("{ss}", "outcome", outcome);
	int r = details ? journal_add(journal, "closed", details, err) : err_nomem(err);

	json_decref(details);
	journal_abandon(journal);
	return r;
}

static int read_lines(const char *path, json_t **out, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	json_t *lines;
	int r = file_read(path, JOURNAL_MAX, &text, NULL, err);

	if (r < 0)
		return r;
	lines = json_array();
	if (!lines)
		return err_nomem(err);
	for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
		json_t *entry = json_loadb(line, (size_t)(end - line), 0, NULL);

		/* A whole line that is no object was not written by a vmfo that lived. */
		if (!json_is_object(entry)) {
			json_decref(entry);
			json_decref(lines);
			return err_set(err, ERR_UNFINISHED, EBADMSG,
				       "read journal %s: line %zu is not a JSON object", path,
				       json_array_size(lines) + 1);
		}
		if (json_array_append_new(lines, entry) < 0) {
			json_decref(lines);
			return err_nomem(err);
		}
	}
	*out = lines;
	return 0;
}

int journal_read(const char *statedir, const char *vm, const char *id, json_t **out,
		 struct err *err)
{
	_cleanup_free_ char *path = str_printf("%s/journal/%s/%s" SUFFIX, statedir, vm, id);

	return path ? read_lines(path, out, err) : err_nomem(err);
}

static int is_open(const char *path, bool *open, struct err *err)
{
	json_t *lines, *last;
	int r = read_lines(path, &lines, err);

	if (r < 0)
		return r;
	last = json_array_get(lines, json_array_size(lines) - 1);
	/* No whole line: its operation died before it had done anything. */
	*open = last && !str_eq(json_get_text(last, "what"), "closed");
	json_decref(lines);
	return 0;
}

int journal_find_open(const char *statedir, const char *vm, char out[64], struct err *err)
{
	_cleanup_free_ char *folder = journal_folder(statedir, vm);
	_cleanup_closedir_ DIR *dir = NULL;
	struct dirent *entry;

	out[0] = '\0';
	if (!folder)
		return err_nomem(err);
	dir = opendir(folder);
	if (!dir)
		return errno == ENOENT ? 0 :
					 err_sys(err, ERR_INTERNAL, errno, "read %s", folder);
	while ((entry = readdir(dir))) {
		size_t len = strlen(entry->d_name);
		_cleanup_free_ char *path = NULL;
		bool open;
		int r;

		if (len <= strlen(SUFFIX) || len - strlen(SUFFIX) >= 64 ||
		    !str_eq(entry->d_name + len - strlen(SUFFIX), SUFFIX))
			continue;
		path = str_printf("%s/%s", folder, entry->d_name);
		if (!path)
			return err_nomem(err);
		r = is_open(path, &open, err);
		if (r < 0)
			return r;
		if (open) {
			memcpy(out, entry->d_name, len - strlen(SUFFIX));
			out[len - strlen(SUFFIX)] = '\0';
			return 0;
		}
	}
	return 0;
}
