/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "io/boot.h"
#include "io/file.h"
#include "tap.h"

static char scratch[] = "/tmp/vmfo-file-XXXXXX";

/* A path in the scratch folder; never freed, there are few. */
static const char *at(const char *name)
{
	static char paths[32][PATH_MAX];
	static int next;
	char *path = paths[next++ % 32];

	snprintf(path, PATH_MAX, "%s/%s", scratch, name);
	return path;
}

static int mode_of(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 ? -1 : (int)(st.st_mode & 07777);
}

static int entries(const char *path)
{
	_cleanup_free_ char *command = str_printf("ls -A '%s' | wc -l", path);
	FILE *pipe = popen(command, "r"); /* NOLINT(cert-env33-c): a path of its own */
	int n = -1;

	if (pipe && fscanf(pipe, "%d", &n) != 1)
		n = -1;
	if (pipe)
		pclose(pipe);
	return n;
}

static void test_read(void)
{
	_cleanup_free_ char *text = NULL;
	static char big[100000];
	struct err err = ERR_INIT;
	size_t len = 0;

	is_int(file_read(at("absent"), 10, &text, &len, &err), -ENOENT,
	       "a file that is not there");
	like(err.msg, "absent: No such file", "its message");
	is_int(file_read(scratch, 10, &text, &len, &err), -EISDIR, "a folder");

	is_int(file_write(at("f"), 0640, "1234567890", 10, &err), 0, "a file is written");
	is_int(mode_of(at("f")), 0640, "with its mode");
	is_int(file_read(at("f"), 10, &text, &len, &err), 0, "and read, at its very limit");
	is_int(len, 10, "all of it");
	is_str(text, "1234567890", "with a NUL after it");
	is_int(file_read(at("f"), 9, &text, &len, &err), -EFBIG, "one byte over the limit");
	free(steal_ptr(text));
	is_int(file_write(at("f"), 0600, "", 0, &err), 0, "replaced by nothing");
	is_int(mode_of(at("f")), 0600, "with the new mode");
	is_int(file_read(at("f"), 0, &text, NULL, &err), 0,
	       "nothing is read, with a limit of 0");
	is_str(text, "", "as an empty string");

	memset(big, 'b', sizeof(big));
	for (size_t n = 4094; n <= 4098; n++) {
		free(steal_ptr(text));
		file_write_volatile(at("f"), 0600, big, n, &err);
		ok(file_read(at("f"), sizeof(big), &text, &len, &err) == 0 && len == n &&
			   strlen(text) == n,
		   "%zu bytes", n);
	}
	free(steal_ptr(text));
	file_write_volatile(at("f"), 0600, big, sizeof(big), &err);
	is_int(file_read(at("f"), sizeof(big), &text, &len, &err), 0, "100000 bytes");
	ok(len == sizeof(big) && memcmp(text, big, len) == 0, "are the same");
	free(steal_ptr(text));
	/* Its size is said to be 0. */
	is_int(file_read("/proc/self/status", 100000, &text, &len, &err), 0, "a file of /proc");
	ok(len > 100, "has its content");
}

static void test_write_failures(void)
{
	_cleanup_free_ char *text = NULL;
	struct err err = ERR_INIT;

	is_int(file_write(at("no/f"), 0600, "x", 1, &err), -ENOENT,
	       "a folder that is not there");
	is_int(file_write_volatile("/dev/full/x", 0600, "x", 1, &err), -ENOTDIR,
	       "one that is none");
	if (mkdir(at("d"), 0700) < 0)
		bail("mkdir");
	is_int(file_write(at("d"), 0600, "x", 1, &err), -EISDIR,
	       "a folder in the place of the file");
	is_int(entries(scratch), 2, "no temporary file is left of it");
	rmdir(at("d"));
	if (symlink("f", at("link")) < 0)
		bail("symlink");
	file_write(at("f"), 0600, "old", 3, &err);
	is_int(file_write(at("link"), 0600, "new", 3, &err), 0, "a link is replaced");
	file_read(at("f"), 10, &text, NULL, &err);
	is_str(text, "old", "and not what it points to");
	unlink(at("link"));
}

static void test_json(void)
{
	json_t *root = json_pack("{si}", "a", 1), *back = NULL;
	static const struct {
		const char *text;
		const char *message;
	} bad[] = {
		{ "", "line" },
		{ "[]", "not an object" },
		{ "{\"a\": 1,\n\"a\": 2}", "line 2" },
		{ "{\"a\": 1}x", "line 1" },
		{ "{\"a\": ", "line 1" },
	};
	struct err err = ERR_INIT;
	char *text = NULL;

	is_int(file_write_json(at("j"), 0600, root, &err), 0, "JSON is written");
	file_read(at("j"), 1000, &text, NULL, &err);
	ok(text[strlen(text) - 1] == '\n', "it ends in a newline");
	free(text);
	is_int(file_read_json(at("j"), 1000, &back, &err), 0, "and read");
	ok(json_equal(root, back), "it is the same");
	json_decref(back);
	json_object_set_new(root, "a", json_integer(2));
	is_int(file_write_json_volatile(at("j"), 0600, root, &err), 0,
	       "and written without fsync");
	is_int(file_read_json(at("j"), 1000, &back, &err), 0, "and read");
	ok(json_equal(root, back), "it is the same");
	json_decref(back);
	json_decref(root);
	is_int(file_read_json(at("absent"), 1000, &back, &err), -ENOENT, "none there");
	is_int(file_read_json(at("j"), 3, &back, &err), -EFBIG, "too big");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		file_write_volatile(at("j"), 0600, bad[i].text, strlen(bad[i].text), &err);
		is_int(file_read_json(at("j"), 1000, &back, &err), -EBADMSG, "bad JSON %zu", i);
		like(err.msg, bad[i].message, "what is wrong with it");
	}
	file_write_volatile(at("j"), 0600, "{\"a\": 1}\0x", 10, &err);
	is_int(file_read_json(at("j"), 1000, &back, &err), -EBADMSG, "a NUL in it");
}

static void test_folders(void)
{
	struct err err = ERR_INIT;

	umask(022);
	is_int(dir_make(at("a/b/c"), 0700, &err), 0, "folders are made");
	is_int(mode_of(at("a/b/c")), 0700, "the last with the mode");
	is_int(mode_of(at("a/b")), 0755, "those above with 0755");
	is_int(dir_make(at("a/b/c"), 0700, &err), 0, "again: nothing to do");
	is_int(dir_make(at("a//x/"), 0700, &err), 0, "with slashes");
	is_int(mode_of(at("a/x")), 0700, "the last has the mode all the same");
	file_write(at("a/file"), 0600, "", 0, &err);
	is_int(dir_make(at("a/file"), 0700, &err), -ENOTDIR, "a file in its place");
	is_int(dir_make(at("a/file/x"), 0700, &err), -ENOTDIR, "a file above it");
	is_int(dir_sync(at("a"), &err), 0, "a folder is synced");
	is_int(dir_sync(at("absent"), &err), -ENOENT, "one that is not there is not");

	file_write(at("kept"), 0600, "", 0, &err);
	if (symlink(at("kept"), at("a/b/link")) < 0 || symlink(scratch, at("a/b/up")) < 0 ||
	    mkfifo(at("a/b/fifo"), 0600) < 0)
		bail("symlink");
	is_int(dir_remove(at("a"), &err), 0, "a tree is removed");
	is_int(access(at("a"), F_OK), -1, "it is gone");
	is_int(access(at("kept"), F_OK), 0, "what a link in it led to is not");
	is_int(dir_remove(at("a"), &err), 0, "again: nothing to do");
}

static void test_boot(void)
{
	char id[BOOT_ID_SIZE], again[BOOT_ID_SIZE], uuid[BOOT_ID_SIZE], other[BOOT_ID_SIZE];
	struct err err = ERR_INIT;
	uint64_t mine = 0, init = 0;
	pid_t pid;

	is_int(boot_id_read(id, &err), 0, "the boot's id");
	boot_id_read(again, &err);
	is_str(again, id, "is always the same");
	is_int(boot_new_uuid(uuid, &err), 0, "a new UUID");
	boot_new_uuid(other, &err);
	ok(!str_eq(uuid, other), "is always another");
	is_int(strlen(uuid), 36, "of 36 characters");
	is_int(process_start_time(getpid(), &mine), 0, "when this process started");
	is_int(process_start_time(1, &init), 0, "when the first did");
	ok(mine > init, "which was before");
	is_int(process_start_time(0x3ffffff, &mine), -ESRCH, "a process that is not there");
	pid = fork();
	if (pid == 0)
		_exit(0);
	waitid(P_PID, (id_t)pid, NULL, WEXITED | WNOWAIT);
	is_int(process_start_time(pid, &mine), -ESRCH, "a zombie is not there either");
}

int main(void)
{
	if (!mkdtemp(scratch))
		bail("mkdtemp");
	test_read();
	test_write_failures();
	test_json();
	test_folders();
	test_boot();
	dir_remove(scratch, NULL);
	return done_testing();
}
