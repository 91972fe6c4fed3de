/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a QEMU says of itself: the real one, and programs that are none.
 */
#include "host/qemu_probe.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tap.h"

static struct loop *loop;
static char dir[] = "/tmp/vmfo-probe-XXXXXX";

/* A script that takes QEMU's place.  Return: its path, which the caller frees. */
static char *make_script(const char *body)
{
	char *path = str_printf("%s/qemu", dir);
	FILE *f = fopen(path, "w");

	if (!f)
		bail("fopen %s", path);
	fprintf(f, "#!/bin/bash\n%s\n", body);
	fclose(f);
	chmod(path, 0755);
	return path;
}

#define GREET \
	"echo '{\"QMP\":{\"version\":{\"qemu\":{\"micro\":1,\"minor\":2,\"major\":9}}}}' >&3\n"

static void test_failures(void)
{
	static const struct {
		const char *script;
		int r;
		const char *message, *also;
	} failures[] = {
		{ "echo first >&2; echo 'qemu: bad option' >&2; exit 1", -EPIPE,
		  "exit status 1", "it said: qemu: bad option" },
		{ "exit 0", -EPIPE, "QEMU ended", "exit status 0" },
		{ "kill -9 $$", -EPIPE, "killed by signal 9", "QEMU ended" },
		{ "echo hello >&3", -EBADMSG, "not JSON", "hello" },
		{ GREET
		  "read -r line <&3; echo '{\"return\":{},\"id\":1}' >&3; read -r line <&3\n"
		  "echo '{\"error\":{\"desc\":\"no idea\"},\"id\":2}' >&3; exec sleep 100",
		  -EREMOTEIO, "query-machines: no idea", "still running" },
	};
	struct qemu_facts *facts;
	struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(failures); i++) {
		_cleanup_free_ char *path = make_script(failures[i].script);

		is_int(qemu_probe(loop, path, &facts, &err), failures[i].r, "QEMU fails, %zu",
		       i);
		like(err.msg, failures[i].message, "the message says how");
		like(err.msg, failures[i].also, "and more");
		like(err.msg, path, "and which binary");
		is_int(err.kind, ERR_REFUSED, "nothing was changed");
	}
	is_int(qemu_probe(loop, "/nonexistent/qemu", &facts, &err), -ENOENT, "no such binary");
	like(err.msg, "start /nonexistent/qemu: No such file", "is named");
	is_int(err.kind, ERR_REFUSED, "nothing was changed");
	is_int(qemu_probe(loop, "/etc/passwd", &facts, &err), -EACCES, "no program");
	is_int(qemu_probe(loop, "/nonexistent/qemu", &facts, NULL) < 0, true,
	       "who does not want the reason does not get it");
}

static void test_cancel(void)
{
	_cleanup_free_ char *path = make_script("exec sleep 100");
	struct qemu_facts *facts;
	struct err err = ERR_INIT;
	int64_t before = clock_ms();

	loop_cancel(loop, "interrupted (test)");
	is_int(qemu_probe(loop, path, &facts, &err), -ECANCELED, "a cancelled probe");
	ok(clock_ms() - before < 5000, "ends at once");
	loop_free(loop);
	loop_new(&loop, NULL);
}

static void test_real(void)
{
	struct qemu_facts *facts = NULL;
	struct err err = ERR_INIT;
	int64_t before = clock_ms();

	if (qemu_probe(loop, "qemu-system-x86_64", &facts, &err) < 0) {
		ok(false, "probe the real QEMU: %s", err.msg);
		return;
	}
	ok(true, "probe the real QEMU (%d ms)", (int)(clock_ms() - before));
	ok(facts->version[0] >= '4' || facts->version[1] != '.', "version %s", facts->version);
	is_str(facts->binary, "qemu-system-x86_64", "its binary");
	ok(qemu_has_machine(facts, "q35"), "it has q35, by its alias");
	ok(qemu_has_machine(facts, "pc-q35-6.2"), "and pc-q35-6.2, by its name");
	ok(!qemu_has_machine(facts, "pc-q35-99.9"), "but no pc-q35-99.9");
	ok(qemu_has_cpu(facts, "qemu64"), "it has the CPU model qemu64");
	ok(!qemu_has_cpu(facts, "no-such-cpu"), "but not no-such-cpu");
	ok(facts->json_device, "its -device takes JSON");
	qemu_facts_free(facts);
	qemu_facts_free(NULL);
}

int main(void)
{
	_cleanup_free_ char *path = NULL;

	if (!mkdtemp(dir))
		bail("mkdtemp");
	loop_new(&loop, NULL);
	test_failures();
	test_cancel();
	if (system("command -v qemu-system-x86_64 >/dev/null") == 0)
		test_real();
	else
		skip(8, "qemu-system-x86_64 is not installed");
	loop_free(loop);
	path = str_printf("%s/qemu", dir);
	unlink(path);
	rmdir(dir);
	return done_testing();
}
