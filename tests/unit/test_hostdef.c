/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/hostdef.h"

#include <errno.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "io/file.h"
#include "tap.h"

#define HOST(more) "{ \"schema\": \"vmfo.host/1\",\n" more " }"

static struct hostdef *parse(const char *text)
{
	struct err err = ERR_INIT;
	struct hostdef *def = NULL;

	if (hostdef_parse(text, text ? strlen(text) : 0, "h.json", &def, &err) < 0)
		bail("not parsed: %s", err.msg);
	return def;
}

static void refuse(const char *text, const char *want)
{
	struct hostdef *def = NULL;
	struct err err = ERR_INIT;

	is_int(hostdef_parse(text, strlen(text), "h.json", &def, &err), -EINVAL, "refused: %s",
	       want);
	like(err.msg, want, "and says so");
	is_int(err.kind, ERR_USAGE, "as a usage error");
	ok(!def, "and gives nothing");
	hostdef_free(def);
}

static void check_defaults(const struct hostdef *def, const char *of)
{
	ok(!def->qemu, "%s: qemu is for the host to find", of);
	is_int(def->n_agent_command, 2, "%s: agent_command", of);
	is_str(def->agent_command[0], "vmfo", "%s: agent_command[0]", of);
	is_str(def->agent_command[1], "agent", "%s: agent_command[1]", of);
	ok(!def->agent_command[2], "%s: agent_command ends with NULL", of);
	ok(!def->ssh.config && !def->notify.url && !def->notify.headers, "%s: nothing else",
	   of);
	is_int(def->notify.timeout, 10, "%s: notify.timeout", of);
	is_int(def->migrate.unplug_timeout, 30, "%s: migrate.unplug_timeout", of);
	is_int(def->migrate.timeout, 0, "%s: migrate.timeout", of);
	is_int(def->migrate.downtime_limit, 300, "%s: migrate.downtime_limit", of);
	is_int(def->migrate.bandwidth, 0, "%s: migrate.bandwidth", of);
	ok(!def->physnets && def->n_physnets == 0, "%s: physnets", of);
	ok(!hostdef_find_physnet(def, "prod"), "%s: none is found", of);
	ok(def->source, "%s: source", of);
}

static void test_defaults(void)
{
	struct hostdef *none = parse(NULL), *empty = parse(HOST("\"migrate\": {}"));

	check_defaults(none, "no file");
	check_defaults(empty, "an empty one");
	hostdef_free(none);
	hostdef_free(empty);
	hostdef_free(NULL);
}

static void test_example(void)
{
	_cleanup_free_ char *text = NULL, *page = NULL;
	struct err err = ERR_INIT;
	struct hostdef *def;

	if (file_read("tests/data/host-example.json", HOSTDEF_MAX_BYTES, &text, NULL, &err) <
		    0 ||
	    file_read("man/vmfo-host.5", 1 << 20, &page, NULL, &err) < 0)
		bail("%s", err.msg);
	ok(strstr(page, text), "the manual has the example, letter by letter");
	def = parse(text);
	is_str(def->qemu, "/usr/bin/qemu-system-x86_64", "qemu");
	is_int(def->n_agent_command, 4, "agent_command");
	is_str(def->agent_command[0], "sudo", "its first word");
	is_str(def->ssh.config, "/etc/vmfo/ssh_config", "ssh.config");
	is_str(def->notify.url, "https://hooks.example.com/vmfo", "notify.url");
	is_int(def->notify.n_headers, 1, "notify.headers");
	is_int(def->notify.timeout, 5, "notify.timeout");
	is_int(def->migrate.unplug_timeout, 60, "migrate.unplug_timeout");
	is_int(def->migrate.timeout, 3600, "migrate.timeout");
	is_int(def->migrate.downtime_limit, 500, "migrate.downtime_limit");
	is_int(def->migrate.bandwidth, 125000000, "migrate.bandwidth");
	is_int(def->n_physnets, 2, "physnets");
	is_int(def->physnets[0].n_pfs, 2, "PFs of the first");
	is_str(def->physnets[0].pfs[1], "enp1s0f1", "its second");
	ok(hostdef_find_physnet(def, "storage") == &def->physnets[1], "one is found by name");
	ok(!hostdef_find_physnet(def, "stor"), "a part of a name finds none");
	hostdef_free(def);
}

static void test_refused(void)
{
	struct hostdef *big = parse(HOST("\"migrate\": {\"bandwidth\": 1099511627776}"));

	is_int(big->migrate.bandwidth, 1099511627776, "a bandwidth of more than 32 bits");
	hostdef_free(big);
	refuse("{}", "h.json:1: $.schema: missing, expected \"vmfo.host/1\"");
	refuse("{\"schema\": \"vmfo.vm/1\"}",
	       "$.schema: found \"vmfo.vm/1\", expected \"vmfo.host/1\"");
	refuse(HOST("\"agent_comand\": []"),
	       "h.json:2: $.agent_comand: unknown key; did you mean \"agent_command\"?");
	refuse(HOST("\"agent_command\": []"), "$.agent_command: found a list of 0");
	refuse(HOST("\"agent_command\": [\"\"]"), "$.agent_command[0]: found \"\"");
	refuse(HOST("\"agent_command\": \"vmfo agent\""), "expected a list of 1 to 32 items");
	refuse(HOST("\"qemu\": \"bin/qemu\""),
	       "$.qemu: found \"bin/qemu\", expected an absolute path");
	refuse(HOST("\"ssh\": {\"config\": \"~/.ssh/config\"}"),
	       "$.ssh.config: found \"~/.ssh/config\"");
	refuse(HOST("\"notify\": {\"url\": \"file:///etc/passwd\"}"),
	       "$.notify.url: found \"file:///etc/passwd\", expected an http or https URL");
	refuse(HOST("\"notify\": {\"url\": \"http:///x\"}"), "$.notify.url: found");
	refuse(HOST("\"notify\": {\"url\": \"https://\"}"), "$.notify.url: found");
	refuse(HOST("\"notify\": {\"url\": \"http://h/ x\"}"), "$.notify.url: found");
	refuse(HOST("\"notify\": {\"headers\": [\"X: y\"]}"),
	       "$.notify.headers: means nothing without \"url\"");
	refuse(HOST("\"notify\": {\"url\": \"http://h\", \"headers\": [\"X: y\", \"X y: z\"]}"),
	       "$.notify.headers[1]: found \"X y: z\", expected an HTTP header");
	refuse(HOST("\"notify\": {\"url\": \"http://h\", \"headers\": [\": y\"]}"),
	       "headers[0]");
	refuse(HOST("\"notify\": {\"url\": \"http://h\", \"headers\": [\"X\"]}"), "headers[0]");
	refuse(HOST("\"notify\": {\"url\": \"http://h\", \"headers\": [\"X: y\\r\\nZ: 1\"]}"),
	       "headers[0]");
	refuse(HOST("\"notify\": {\"timeout\": 301}"), "$.notify.timeout: found 301");
	refuse(HOST("\"migrate\": {\"unplug_timeout\": 0}"),
	       "expected an integer from 1 to 3600");
	refuse(HOST("\"migrate\": {\"timeout\": -1}"), "$.migrate.timeout: found -1");
	refuse(HOST("\"migrate\": {\"downtime_limit\": 0}"),
	       "$.migrate.downtime_limit: found 0");
	refuse(HOST("\"migrate\": {\"bandwidth\": 1099511627777}"),
	       "$.migrate.bandwidth: found");
	refuse(HOST("\"migrate\": {\"bandwidth\": \"1G\"}"),
	       "$.migrate.bandwidth: found \"1G\"");
}

/* count of them, with the one PF or the two PFs of each number. */
static char *many(const char *form, int count)
{
	char *list = str_printf("%s", "");

	for (int i = 0; i < count; i++) {
		_cleanup_free_ char *before = list, *one = NULL;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		one = str_printf(form, i, i);
#pragma GCC diagnostic pop
		list = str_printf("%s%s%s", before, i ? ", " : "", one);
	}
	return list;
}

#define PHYSNETS(list) HOST("\"physnets\": [" list "]")

static void test_physnets(void)
{
	_cleanup_free_ char *full = many("{\"id\": \"n%d\", \"pfs\": [\"eth%d\"]}", 64);
	_cleanup_free_ char *over = many("{\"id\": \"n%d\", \"pfs\": [\"eth%d\"]}", 65);
	_cleanup_free_ char *pfs = many("\"e%dx%d\"", 65);
	_cleanup_free_ char *fits = str_printf(PHYSNETS("%s"), full);
	_cleanup_free_ char *many_physnets = str_printf(PHYSNETS("%s"), over);
	_cleanup_free_ char *many_pfs =
		str_printf(PHYSNETS("{\"id\": \"a\", \"pfs\": [%s]}"), pfs);
	struct hostdef *def = parse(fits);

	is_int(def->n_physnets, 64, "64 physnets");
	is_int(def->physnets[0].vfs, 0, "vmfo makes no VFs of its own accord");
	is_str(def->physnets[0].vfio_driver, "vfio-pci", "and binds them to vfio-pci");
	is_str(def->physnets[63].pfs[0], "eth63", "the last one's PF");
	hostdef_free(def);
	def = parse(PHYSNETS("{\"id\": \"a\", \"pfs\": [\"abcdefghijklmno\"]}"));
	is_str(def->physnets[0].pfs[0], "abcdefghijklmno", "a name of 15 bytes");
	ok(!def->physnets[0].pfs[1], "the PFs end with NULL");
	hostdef_free(def);
	def = parse(PHYSNETS("{\"id\": \"a\", \"pfs\": [\"eth0\"], \"vfs\": 255}"));
	is_int(def->physnets[0].vfs, 255, "a number of VFs");
	hostdef_free(def);

	refuse(many_physnets, "$.physnets: found a list of 65");
	refuse(many_pfs, "$.physnets[0].pfs: found a list of 65");
	refuse(HOST("\"physnets\": []"), "$.physnets: found a list of 0");
	refuse(HOST("\"physnets\": {\"prod\": []}"), "$.physnets: found");
	refuse(PHYSNETS("\"prod\""), "$.physnets[0]: found \"prod\"");
	refuse(PHYSNETS("{\"id\": \"a\"}"), "$.physnets[0].pfs: missing");
	refuse(PHYSNETS("{\"pfs\": [\"eth0\"]}"), "$.physnets[0].id: missing");
	refuse(PHYSNETS("{\"id\": \"a\", \"pf\": []}"), "did you mean \"pfs\"?");
	refuse(PHYSNETS("{\"id\": \"a\", \"pfs\": []}"),
	       "$.physnets[0].pfs: found a list of 0");
	refuse(PHYSNETS("{\"id\": \"a\", \"pfs\": \"eth0\"}"), "$.physnets[0].pfs: found");
	refuse(PHYSNETS("{\"id\": \"a\", \"pfs\": [7]}"), "$.physnets[0].pfs[0]: found 7");
	refuse(PHYSNETS("{\"id\": \"a\", \"pfs\": [\"abcdefghijklmnop\"]}"),
	       "$.physnets[0].pfs[0]: found \"abcdefghijklmnop\", expected an interface's name");
	refuse(PHYSNETS("{\"id\": \"a\", \"pfs\": [\"../eth0\"]}"), "pfs[0]");
	refuse(PHYSNETS("{\"id\": \"a\", \"pfs\": [\"eth0\"], \"vfio_driver\": \"igbvf\"}"),
	       "$.physnets[0].vfio_driver: found \"igbvf\", expected a driver of vfio");
	refuse(PHYSNETS(
		       "{\"id\": \"a\", \"pfs\": [\"eth0\"], \"vfio_driver\": \"../vfio-pci\"}"),
	       "vfio_driver: found");
	refuse(PHYSNETS("{\"id\": \"a\", \"pfs\": [\"eth0\"], \"vfs\": 0}"),
	       "$.physnets[0].vfs: found 0, expected an integer from 1 to 255");
	refuse(PHYSNETS("{\"id\": \"a\", \"pfs\": [\"eth0\"], \"vfs\": 256}"),
	       "vfs: found 256");
	refuse(PHYSNETS("{\"id\": \"a\", \"pfs\": [\"eth0\"], \"vfs\": \"4\"}"), "vfs: found");
	refuse(PHYSNETS("{\"id\": \"1a\", \"pfs\": [\"eth0\"]}"),
	       "$.physnets[0].id: found \"1a\"");
	refuse(PHYSNETS("{\"id\": \"\", \"pfs\": [\"eth0\"]}"), "$.physnets[0].id: found \"\"");
	refuse(PHYSNETS("{\"id\": \"a\", \"pfs\": [\"eth0\"]},\n"
			"{\"id\": \"a\", \"pfs\": [\"eth1\"]}"),
	       "h.json:3: $.physnets[1].id: the id \"a\" is taken by $.physnets[0]");
	refuse(PHYSNETS("{\"id\": \"a\", \"pfs\": [\"eth0\", \"eth1\"]},\n"
			"{\"id\": \"b\", \"pfs\": [\"eth2\", \"eth1\"]}"),
	       "$.physnets[1].pfs[1]: the PF \"eth1\" is taken by $.physnets[0].pfs[1]");
	refuse(PHYSNETS("{\"id\": \"a\", \"pfs\": [\"eth0\", \"eth0\"]}"),
	       "$.physnets[0].pfs[1]: the PF \"eth0\" is taken by $.physnets[0].pfs[0]");
}

static void find_key(void *data, const char *path, const char *type, const char *help)
{
	(void)help;
	if (str_eq(path, "migrate.bandwidth"))
		*(int *)data += str_eq(type, "an integer from 0 to 1099511627776 (default 0)");
	if (str_eq(path, "physnets[].pfs"))
		*(int *)data += strstr(type, "1 to 64") != NULL;
}

int main(void)
{
	int found = 0;

	test_defaults();
	test_example();
	test_refused();
	test_physnets();
	hostdef_each_key(find_key, &found);
	is_int(found, 2, "the keys can be listed");
	return done_testing();
}
