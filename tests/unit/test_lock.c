/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"
#include "io/file.h"
#include "io/lock.h"
#include "tap.h"

static char dir[64];

static struct lock *take(const char *operation)
{
	struct lock *lock = NULL;
	struct err err = ERR_INIT;

	if (lock_take(dir, operation, 0, &lock, &err) < 0)
		printf("# %s\n", err.msg);
	return lock;
}

static void test_one(void)
{
	struct lock *lock = NULL, *second = NULL;
	struct err err = ERR_INIT;
	char operation[32] = "x";
	struct stat st;
	pid_t pid = 7;

	is_int(lock_holder(dir, &pid, operation, &err), 0, "without a folder");
	is_int(pid, 0, "nobody holds the lock");
	is_int(lock_take(dir, "migrate", 0, &lock, &err), 0, "it is taken");
	ok(stat(dir, &st) == 0 && (st.st_mode & 0777) == 0700,
	   "which made the folder, for us alone");
	is_int(lock_holder(dir, &pid, operation, &err), 0, "asked who holds it");
	is_int(pid, getpid(), "we do");
	is_str(operation, "migrate", "to migrate");
	is_int(lock_take(dir, "stop", 0, &second, &err), -EBUSY, "it is not taken twice");
	is_int(err.kind, ERR_REFUSED, "which is a refusal");
	like(err.msg, "migrate", "that says what is going on");
	{
		int64_t begun = clock_ms();

		is_int(lock_take(dir, "stop", 200, &second, &err), -EBUSY, "nor in 200 ms");
		ok(clock_ms() - begun >= 200 && clock_ms() - begun < 3000, "which were waited");
	}
	lock_release(lock);
	lock_release(NULL);
	lock_holder(dir, &pid, operation, &err);
	is_int(pid, 0, "released, nobody holds it");
	is_str(operation, "", "for anything");
	lock = take("a");
	ok(lock, "it is taken again");
	lock_name_holder(lock, "b");
	lock_holder(dir, &pid, operation, &err);
	is_str(operation, "b", "under another name");
	is_int(lock_release_and_remove(lock, &err), 0, "and removed");
	is_int(access(dir, F_OK), -1, "with its folder");
}

/* Others wait for it while it is removed and made anew, again and again. */
static void test_removal_race(void)
{
	enum { CHILDREN = 4, ROUNDS = 50 };
	char inside[128];
	int failures = 0;

	/* Beside the folder, as that one comes and goes. */
	snprintf(inside, sizeof(inside), "%s-inside", dir);
	fflush(stdout);
	for (int i = 0; i < CHILDREN; i++) {
		if (fork() != 0)
			continue;
		for (int round = 0; round < ROUNDS; round++) {
			struct lock *lock = NULL;
			struct err err = ERR_INIT;

			if (lock_take(dir, "race", 20000, &lock, &err) < 0)
				_exit(1);
			if (mkdir(inside, 0700) < 0)
				_exit(2); /* somebody else holds it as well */
			rmdir(inside);
			if (round % 2)
				lock_release(lock);
			else if (lock_release_and_remove(lock, &err) < 0)
				_exit(3);
		}
		_exit(0);
	}
	for (int i = 0; i < CHILDREN; i++) {
		int status = 0;

		wait(&status);
		if (status)
			printf("# a child ended with %#x\n", status);
		failures += status != 0;
	}
	is_int(failures, 0, "only ever one holds it, though it is removed and made anew");
}

static void test_inherited(void)
{
	struct lock *lock = take("guard"), *adopted = NULL, *other = NULL;
	struct err err = ERR_INIT;
	char operation[32];
	int ready[2], status;
	pid_t child, pid;
	char byte;

	if (pipe(ready) < 0)
		bail("pipe");
	fflush(stdout);
	child = fork();
	if (child == 0) {
		if (lock_adopt(dir, lock_fd(lock), &adopted, &err) < 0)
			_exit(1);
		if (read(ready[0], &byte, 1) != 1)
			_exit(2);
		_exit(0);
	}
	lock_release(lock);
	is_int(lock_take(dir, "x", 0, &other, &err), -EBUSY,
	       "a child that inherited it holds it too");
	lock_holder(dir, &pid, operation, &err);
	is_int(pid, getpid(), "under the name that was there");
	if (write(ready[1], "x", 1) != 1)
		bail("write");
	waitpid(child, &status, 0);
	is_int(status, 0, "the child ends");
	is_int(lock_take(dir, "x", 0, &other, &err), 0, "and with it the lock");
	lock_release_and_remove(other, &err);
	close(ready[0]);
	close(ready[1]);
}

static void test_killed(void)
{
	struct lock *lock = NULL;
	struct err err = ERR_INIT;
	int ready[2];
	pid_t child;
	char byte;

	if (pipe(ready) < 0)
		bail("pipe");
	fflush(stdout);
	child = fork();
	if (child == 0) {
		if (!take("doomed") || write(ready[1], "x", 1) != 1)
			_exit(1);
		pause();
	}
	if (read(ready[0], &byte, 1) != 1)
		bail("read");
	is_int(lock_take(dir, "x", 0, &lock, &err), -EBUSY, "another process holds it");
	like(err.msg, "doomed", "and is named");
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	is_int(lock_take(dir, "x", 0, &lock, &err), 0, "killed, it holds it no longer");
	lock_release_and_remove(lock, &err);
	close(ready[0]);
	close(ready[1]);
}

int main(void)
{
	char scratch[] = "/tmp/vmfo-lock-XXXXXX";

	alarm(120);
	if (!mkdtemp(scratch))
		bail("mkdtemp");
	snprintf(dir, sizeof(dir), "%s/run/vm", scratch);
	test_one();
	test_removal_race();
	test_inherited();
	test_killed();
	dir_remove(scratch, NULL);
	return done_testing();
}
