/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "io/boot.h"
#include "io/file.h"
#include "io/journal.h"
#include "tap.h"

static char statedir[] = "/tmp/vmfo-journal-XXXXXX";

/* Appends raw bytes to a journal, as a machine that died in a write leaves them. */
static void append(const char *vm, const char *id, const char *bytes)
{
	_cleanup_free_ char *path = str_printf("%s/journal/%s/%s.jsonl", statedir, vm, id);
	_cleanup_close_ int fd = open(path, O_WRONLY | O_APPEND | O_CREAT, 0600);

	if (fd < 0 || write(fd, bytes, strlen(bytes)) != (ssize_t)strlen(bytes))
		bail("append");
}

static const char *text_at(const json_t *lines, size_t i, const char *key)
{
	return json_string_value(json_object_get(json_array_get(lines, i), key));
}

static size_t count(const char *vm, const char *id)
{
	json_t *lines = NULL;
	size_t n;

	if (journal_read(statedir, vm, id, &lines, NULL) < 0)
		return 9999;
	n = json_array_size(lines);
	json_decref(lines);
	return n;
}

static void test_life(void)
{
	json_t *details = json_pack("{ss ss}", "peer", "beta", "vm", "not this"), *lines = NULL;
	struct journal *journal = NULL, *second = NULL;
	struct err err = ERR_INIT;
	char id[64] = "x", boot[BOOT_ID_SIZE];
	struct stat st;

	is_int(journal_find_open(statedir, "vm", id, &err), 0, "without any journal");
	is_str(id, "", "none is open");
	is_int(journal_create(statedir, "vm", "m1", "source", details, &journal, &err), 0,
	       "one is made");
	json_decref(details);
	is_int(journal_create(statedir, "vm", "m1", "source", NULL, &second, &err), -EEXIST,
	       "not twice");
	is_int(journal_find_open(statedir, "vm", id, &err), 0, "now");
	is_str(id, "m1", "it is open");
	is_int(journal_step(journal, "unplug", "begin", NULL, &err), 0, "a step begins");
	details = json_pack("{si}", "pairs", 2);
	is_int(journal_step(journal, "unplug", "done", details, &err), 0,
	       "and is done, with details");
	is_int(journal_add(journal, "prepared", details, &err), 0, "another kind of line");
	is_int(json_object_size(details), 1, "the details are as they were");
	json_decref(details);
	is_int(journal_close(journal, "done", &err), 0, "it is closed");
	journal_find_open(statedir, "vm", id, &err);
	is_str(id, "", "and not open any more");

	is_int(journal_read(statedir, "vm", "m1", &lines, &err), 0, "it is read");
	is_int(json_array_size(lines), 5, "five lines");
	boot_id_read(boot, &err);
	is_str(text_at(lines, 0, "schema"), "vmfo.journal/1", "the first has the schema");
	is_str(text_at(lines, 0, "role"), "source", "the role");
	is_str(text_at(lines, 0, "peer"), "beta", "the details");
	is_str(text_at(lines, 0, "vm"), "vm", "which do not replace what is its own");
	is_str(text_at(lines, 1, "boot_id"), boot, "each has the boot's id");
	is_str(text_at(lines, 1, "what"), "step", "what it is");
	is_str(text_at(lines, 1, "step"), "unplug", "which step");
	is_str(text_at(lines, 2, "state"), "done", "its state");
	ok(json_is_integer(json_object_get(json_array_get(lines, 3), "at")), "and a time");
	is_str(text_at(lines, 4, "outcome"), "done", "the last has the outcome");
	json_decref(lines);
	is_int(journal_read(statedir, "vm", "m2", &lines, &err), -ENOENT, "there is no other");
	{
		_cleanup_free_ char *path = str_printf("%s/journal/vm/m1.jsonl", statedir);

		ok(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600, "it is for us alone");
	}
}

static void test_torn(void)
{
	struct journal *journal = NULL;
	struct err err = ERR_INIT;
	char id[64];

	journal_create(statedir, "torn", "m1", "target", NULL, &journal, &err);
	journal_step(journal, "start", "begin", NULL, &err);
	journal_abandon(journal);
	journal_abandon(NULL);
	is_int(count("torn", "m1"), 2, "an abandoned journal is there");
	append("torn", "m1", "{\"at\":1,\"what\":\"clo");
	is_int(count("torn", "m1"), 2, "a torn last line is left out");
	journal_find_open(statedir, "torn", id, &err);
	is_str(id, "m1", "it is open still");
	is_int(journal_reopen(statedir, "torn", "m1", &journal, &err), 0, "it is opened again");
	is_int(journal_close(journal, "rolled-back", &err), 0, "and closed");
	is_int(count("torn", "m1"), 3, "the torn line does not spoil what follows it");
	is_int(journal_find_open(statedir, "torn", id, &err), 0, "so that it can be seen");
	is_str(id, "", "that it is closed");
	is_int(journal_reopen(statedir, "torn", "m2", &journal, &err), -ENOENT,
	       "one that is not there is not opened");
}

static void test_oddities(void)
{
	_cleanup_free_ char *folder = str_printf("%s/journal/odd", statedir);
	struct err err = ERR_INIT;
	json_t *lines;
	char id[64];

	dir_make(folder, 0700, &err);
	append("odd", "empty", "");
	append("odd", "half", "{\"what\":");
	is_int(journal_find_open(statedir, "odd", id, &err), 0, "without a whole line");
	is_str(id, "", "nothing had been done yet: not open");
	append("odd", "done", "{\"what\":\"open\"}\n{\"what\":\"closed\"}\n");
	append("odd", "undone", "{\"what\":\"open\"}\n");
	journal_find_open(statedir, "odd", id, &err);
	is_str(id, "undone", "the open one is found among others");
	append("odd", "garbage", "not JSON\n");
	is_int(journal_read(statedir, "odd", "garbage", &lines, &err), -EBADMSG,
	       "a whole line that is no JSON is an error");
	is_int(err.kind, ERR_UNFINISHED, "that a person has to look at");
	like(err.msg, "line 1", "and where");
}

int main(void)
{
	if (!mkdtemp(statedir))
		bail("mkdtemp");
	test_life();
	test_torn();
	test_oddities();
	dir_remove(statedir, NULL);
	return done_testing();
}
