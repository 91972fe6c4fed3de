/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/vmdef.h"

#include <errno.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "io/file.h"
#include "tap.h"

/* A small valid definition in which each test changes one thing: lines 1 to 7, and 8 on. */
#define HEAD                                                      \
	"{ \"schema\": \"vmfo.vm/1\",\n"                          \
	"  \"name\": \"a\",\n"                                    \
	"  \"uuid\": \"5A7d9e0c-3f5b-4a57-9d0e-6b1f2c3d4e5f\",\n" \
	"  \"machine\": \"pc-q35-7.2\",\n"                        \
	"  \"cpu\": { \"model\": \"max\" },\n"                    \
	"  \"memory\": { \"mib\": 160 }"
#define VM(more) HEAD ",\n\n" more "\n}\n"
#define PAIR(id, mac, standby, primary)                                       \
	"{ \"id\": \"" id "\", \"mac\": \"" mac "\",\n \"standby\": " standby \
	",\n \"primary\": " primary " }"
#define MAC1 "52:54:00:00:00:01"
#define MAC2 "52:54:00:00:00:02"
#define BR "{ \"bridge\": \"br0\" }"
#define EMULATED "{ \"kind\": \"emulated\" }"

static struct vmdef *parse(const char *text)
{
	struct err err = ERR_INIT;
	struct vmdef *def = NULL;

	if (vmdef_parse(text, strlen(text), "t.json", &def, &err) < 0)
		bail("not parsed: %s", err.msg);
	return def;
}

static void refuse_bytes(const char *text, size_t len, const char *want, const char *what)
{
	struct vmdef *def = NULL;
	struct err err = ERR_INIT;

	is_int(vmdef_parse(text, len, "t.json", &def, &err), -EINVAL, "refused: %s", what);
	like(err.msg, want, "and says so");
	is_int(err.kind, ERR_USAGE, "as a usage error");
	ok(!def, "and gives no definition");
	vmdef_free(def);
}

static void refuse(const char *text, const char *want)
{
	refuse_bytes(text, strlen(text), want, want);
}

static void test_defaults(void)
{
	struct vmdef *def = parse(
		VM("\"disks\": [{\"id\":\"d\",\"path\":\"/d\",\"format\":\"raw\"}],"
		   "\"pairs\": [" PAIR("p", MAC1, BR,
				       EMULATED) "],"
						 "\"nics\": [{\"id\":\"n\",\"mac\":\"" MAC2
						 "\",\"tap\":\"t0\"}]"));
	char id[80];

	is_str(def->uuid, "5a7d9e0c-3f5b-4a57-9d0e-6b1f2c3d4e5f", "the UUID as QEMU writes it");
	is_int(def->n_accel, 1, "one accelerator");
	is_str(def->accel[0], "kvm", "which is kvm");
	is_int(def->cpu.count, 1, "cpu.count");
	ok(def->cpu.enforce, "cpu.enforce");
	ok(!def->memory.huge_pages && def->memory.preallocated, "memory");
	ok(!def->boot.kernel && !def->boot.initrd && !def->boot.cmdline &&
		   !def->boot.firmware_code && !def->boot.firmware_vars,
	   "boot");
	is_str(def->disks[0].cache, "none", "a disk's cache");
	ok(!def->disks[0].readonly, "a disk is writable");
	is_int(def->n_media, 0, "no media");
	is_int(def->pairs[0].mtu, 0, "no MTU");
	is_str(def->pairs[0].standby.port.bridge, "br0", "the standby's bridge");
	is_int(def->pairs[0].standby.vhost, VM_VHOST_AUTO, "the standby's vhost");
	is_int(def->pairs[0].standby.queues, 1, "the standby's queues");
	is_str(def->pairs[0].primary.model, "e1000e", "an emulated primary's model");
	is_str(def->pairs[0].primary.port.bridge, "br0", "an emulated primary's bridge");
	is_str(vm_primary_id(&def->pairs[0], id, sizeof(id)), "p-primary", "a primary's id");
	is_str(def->nics[0].port.tap, "t0", "a NIC's tap");
	is_int(def->nics[0].vhost, VM_VHOST_AUTO, "a NIC's vhost");
	is_int(def->nics[0].queues, 1, "a NIC's queues");
	ok(!def->serial_log && !def->guest_agent && !def->qemu && !def->n_qemu_args,
	   "the rest");
	is_int(json_object_size(def->source), 9, "the source has the keys that were written");
	is_str(json_string_value(json_object_get(def->source, "uuid")),
	       "5A7d9e0c-3f5b-4a57-9d0e-6b1f2c3d4e5f", "and the values as they were");
	vmdef_free(def);
}

/* Whatever the manual shows, somebody copies. */
static void check_examples(const char *page)
{
	static const char begin[] = "\n.Bd -literal\n", end[] = ".Ed\n";
	int n = 0;

	for (const char *at = page; (at = strstr(at, begin)); n++) {
		const char *text = at + strlen(begin);
		struct vmdef *def = NULL;
		struct err err = ERR_INIT;

		at = strstr(text, end);
		if (!at)
			bail("an example without an end");
		is_int(vmdef_parse(text, (size_t)(at - text), "manual", &def, &err), 0,
		       "example %d of the manual is valid %s", n + 1, err.msg);
		vmdef_free(def);
	}
	is_int(n, 2, "all examples were tried");
}

static void test_example(void)
{
	_cleanup_free_ char *text = NULL, *page = NULL;
	struct err err = ERR_INIT;
	struct vmdef *def;

	if (file_read("tests/data/vm-example.json", VMDEF_MAX_BYTES, &text, NULL, &err) < 0 ||
	    file_read("man/vmfo-vm.5", 1 << 20, &page, NULL, &err) < 0)
		bail("%s", err.msg);
	ok(strstr(page, text), "the manual has the example, letter by letter");
	check_examples(page);
	def = parse(text);
	is_str(def->name, "db1", "name");
	is_int(def->cpu.count, 8, "cpu.count");
	is_int(def->memory.mib, 32768, "memory.mib");
	ok(def->memory.huge_pages, "memory.huge_pages");
	is_str(def->boot.firmware_vars, "/srv/vms/db1/vars.fd", "boot.firmware.vars");
	is_int(def->n_disks, 2, "disks");
	is_str(def->disks[1].path, "/dev/mapper/db1-data", "the second disk");
	is_str(def->media[0].path, "/srv/vms/db1/cloud-init.iso", "media");
	is_int(def->n_pairs, 2, "pairs");
	is_int(def->pairs[0].mtu, 1500, "the MTU of a pair");
	is_int(def->pairs[0].standby.queues, 4, "its queues");
	is_int(def->pairs[1].standby.vhost, VM_VHOST_OFF, "the vhost of another");
	is_str(def->pairs[1].primary.port.bridge, "br2", "a primary's own bridge");
	is_int(def->pairs[1].mac.byte[5], 0x57, "its MAC");
	is_str(def->nics[0].id, "mgmt", "nics");
	ok(def->serial_log && def->guest_agent, "serial_log, guest_agent");
	vmdef_free(def);
}

static void test_all_keys(void)
{
	struct vmdef *def = parse(VM(
		"\"accel\": [\"tcg\", \"kvm\"], \"qemu\": \"/opt/q,emu\","
		"\"qemu_args\": [\"-device\", \"virtio-rng-pci\"],"
		"\"boot\": {\"kernel\": \"/k\", \"initrd\": \"/i\", \"cmdline\": \"a b\"},"
		"\"disks\": [{\"id\":\"d\",\"path\":\"/d\",\"format\":\"qcow2\",\"cache\":"
		"\"writethrough\", \"readonly\": true}],"
		"\"nics\": [{\"id\":\"n\",\"mac\":\"" MAC2 "\",\"tap\":\"t0\",\"mtu\": 65535,"
		"\"vhost\": \"on\", \"queues\": 16}],"
		"\"pairs\": [" PAIR("p", MAC1, "{\"tap\": \"t1\"}",
				    "{\"kind\": \"vf\", \"physnet\": \"prod\", \"vlan\": 4094,"
				    "\"trust\": true}") "]"));

	is_str(def->accel[0], "tcg", "accelerators in their order");
	is_str(def->accel[1], "kvm", "the second");
	is_str(def->qemu, "/opt/q,emu", "qemu");
	is_int(def->n_qemu_args, 2, "qemu_args");
	is_str(def->qemu_args[1], "virtio-rng-pci", "the second of them");
	is_str(def->boot.kernel, "/k", "boot.kernel");
	is_str(def->boot.initrd, "/i", "boot.initrd");
	is_str(def->boot.cmdline, "a b", "boot.cmdline");
	is_str(def->disks[0].cache, "writethrough", "a disk's cache");
	is_str(def->disks[0].format, "qcow2", "a disk's format");
	ok(def->disks[0].readonly, "a read-only disk");
	is_int(def->nics[0].mtu, 65535, "a NIC's MTU");
	is_int(def->nics[0].vhost, VM_VHOST_ON, "a NIC's vhost");
	is_int(def->nics[0].queues, 16, "a NIC's queues");
	is_int(def->pairs[0].primary.kind, VM_PRIMARY_VF, "a VF");
	is_str(def->pairs[0].primary.physnet, "prod", "its physnet");
	is_int(def->pairs[0].primary.vlan, 4094, "its VLAN");
	ok(def->pairs[0].primary.trust, "its trust");
	ok(!def->pairs[0].primary.model && !def->pairs[0].primary.port.bridge,
	   "and nothing of an emulated primary");
	vmdef_free(def);
}

static void test_json(void)
{
	static const char nul[] = "{ \"schema\": \"vmfo\0\" }";
	static const char latin[] = "{\n\"name\": \"K\xf6ln\" }";
	size_t size = VMDEF_MAX_BYTES + 1;
	char *big = malloc(size);

	refuse("", "t.json:1:");
	refuse("{\n \"name\": }", "t.json:2:");
	refuse("[]", "t.json:1: $: found a list, expected an object");
	refuse("{} {}", "t.json:1:");
	refuse("{\n\"name\": \"a\",\n\"name\": \"b\" }", "t.json:3:");
	refuse("{\n\"a\": \"\\u0000\" }", "t.json:2:");
	refuse_bytes(nul, sizeof(nul) - 1, "t.json:1:", "a NUL byte");
	refuse_bytes(latin, sizeof(latin) - 1, "t.json:2:", "invalid UTF-8");
	memset(big, ' ', size);
	refuse_bytes(big, size, "more than 1048576", "a text that is too long");
	memset(big, '[', size - 1);
	refuse_bytes(big, size - 1, "t.json:1:", "a million lists in lists");
	free(big);
	refuse("{ \"schema\": \"vmfo.vm/2\", \"new\": 1 }",
	       "t.json:1: $.schema: found \"vmfo.vm/2\", expected \"vmfo.vm/1\"");
	refuse("{}", "t.json:1: $.schema: missing, expected \"vmfo.vm/1\"");
	refuse("{ \"schema\": 1 }", "t.json:1: $.schema: found 1, expected");
}

static void test_keys(void)
{
	refuse(VM("\"nmae\": 1"), "t.json:8: $.nmae: unknown key; did you mean \"name\"?");
	refuse(VM("\"boot\": {\n\"kernal\": 1}"),
	       "t.json:9: $.boot.kernal: unknown key; did you mean \"kernel\"?");
	refuse(VM("\"boot\": { \"x\": 1}"),
	       "unknown key; known here: kernel, initrd, cmdline, firmware");
	refuse(VM("\"a b\": 1"), "t.json:8: $[\"a b\"]: unknown key; known here: schema, name");
	refuse(VM("\"\": 1"), "t.json:8: $[\"\"]: unknown key; known here");
	refuse(VM("\"\\u001b[31m\": 1"), "$[\"\\u001B[31m\"]: unknown key");
	refuse("{ \"schema\": \"vmfo.vm/1\" }", "t.json:1: $.name: missing, expected letters");
	refuse(VM("\"nics\": [\n{\"id\": \"n\",\n \"bridge\": \"b\"}]"),
	       "t.json:9: $.nics[0].mac: missing, expected a unicast");
}

static void test_types(void)
{
	refuse(VM("\"boot\": 1"), "t.json:8: $.boot: found 1, expected an object");
	refuse(VM("\"boot\": null"), "$.boot: found null, expected an object");
	refuse(VM("\"nics\": {}"),
	       "$.nics: found an object of 0, expected a list of 0 to 64 objects");
	refuse(VM("\"nics\": [\n1]"), "t.json:9: $.nics[0]: found 1, expected an object");
	refuse(VM("\"qemu\": [1,2]"),
	       "$.qemu: found a list of 2, expected an absolute path, or");
	refuse(VM("\"serial_log\": \"yes\""),
	       "$.serial_log: found \"yes\", expected true or false");
	refuse(VM("\"guest_agent\": 1"), "$.guest_agent: found 1, expected true or false");
	refuse(VM("\"accel\": \"kvm\""),
	       "$.accel: found \"kvm\", expected a list of 1 to 2 items");
	refuse(VM("\"accel\": []"), "$.accel: found a list of 0, expected a list of 1 to 2");
	refuse(VM("\"accel\": [\"kvm\",\n\"xen\"]"),
	       "t.json:9: $.accel[1]: found \"xen\", expected one of \"kvm\", \"tcg\"");
	refuse(VM("\"qemu_args\": [1]"), "$.qemu_args[0]: found 1, expected a string");
	refuse(VM("\"qemu_args\": [\"a\\nb\"]"),
	       "$.qemu_args[0]: found \"a\\nb\", expected a string");
	refuse(VM("\"qemu\": \"../qemu\""), "$.qemu: found \"../qemu\"");
	refuse(VM("\"qemu\": \"-h\""), "$.qemu: found \"-h\"");
	refuse(VM("\"qemu\": \"\""), "$.qemu: found \"\"");
	refuse(VM("\"qemu\": \"012345678901234567890123456789"
		  "0123456789012345678901234567890/\""),
	       "found \"012345678901234567890123456789"
	       "01234567890123456789012345678..., expected");
}

/* The head with one of its lines replaced. */
static void refuse_head(const char *line, const char *instead, const char *want)
{
	const char *head = HEAD "}", *at = strstr(head, line);
	_cleanup_free_ char *text = NULL;

	if (!at)
		bail("no %s in the head", line);
	text = str_printf("%.*s%s%s", (int)(at - head), head, instead, at + strlen(line));
	refuse(text, want);
}

static void test_head(void)
{
	static const char *const names[] = {
		"",         "-a",
		".a",       "..",
		"a/b",      "a b",
		"a\\n",     "a\\u001b",
		"\xc3\xa4", "0123456789012345678901234567890123456789012345678"
	};
	static const char *const uuids[] = { "",
					     "5a7d9e0c3f5b4a579d0e6b1f2c3d4e5f",
					     "5a7d9e0c-3f5b-4a57-9d0e-6b1f2c3d4e5",
					     "5a7d9e0c-3f5b-4a57-9d0e-6b1f2c3d4e5f0",
					     "5a7d9e0c-3f5b-4a57-9d0e-6b1f2c3d4e5g",
					     "5a7d9e0c-3f5b-4a57-9d0e06b1f2c3d4e5f",
					     "00000000-0000-0000-0000-000000000000" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_free_ char *name = str_printf("\"name\": \"%s\"", names[i]);

		refuse_head("\"name\": \"a\"", name, "t.json:2: $.name: found \"");
	}
	for (size_t i = 0; i < ARRAY_SIZE(uuids); i++) {
		_cleanup_free_ char *uuid = str_printf("\"%s\"", uuids[i]);

		refuse_head("\"5A7d9e0c-3f5b-4a57-9d0e-6b1f2c3d4e5f\"", uuid,
			    "t.json:3: $.uuid: found \"");
	}
	refuse_head("\"pc-q35-7.2\"", "\"q35,accel=kvm\"", "t.json:4: $.machine: found");
	refuse_head("\"pc-q35-7.2\"", "\"\"", "t.json:4: $.machine: found");
	refuse_head("\"max\"", "\"max,-x\"", "t.json:5: $.cpu.model: found");
	refuse_head("\"max\"", "\"max\", \"count\": 0",
		    "$.cpu.count: found 0, expected an integer from 1 to 1024");
	refuse_head("\"max\"", "\"max\", \"count\": 1025", "$.cpu.count: found 1025");
	refuse_head("\"max\"", "\"max\", \"count\": 1.0", "$.cpu.count: found 1.0");
	refuse_head("\"max\"", "\"max\", \"enforce\": 0", "$.cpu.enforce: found 0");
	refuse_head("{ \"model\": \"max\" }", "{}", "t.json:5: $.cpu.model: missing");
	refuse_head("160", "15",
		    "t.json:6: $.memory.mib: found 15, expected an integer from 16");
	refuse_head("160", "16777217", "$.memory.mib: found 16777217");
	refuse_head("160", "-160", "$.memory.mib: found -160");
	refuse_head("160", "\"160\"", "$.memory.mib: found \"160\"");
	refuse_head("160", "4294967456", "$.memory.mib: found 4294967456");
	refuse_head("160", "99999999999999999999", "t.json:6:");
}

static void test_storage(void)
{
#define DISK(rest) "\"disks\": [{\"id\": \"d\", " rest "}]"
	refuse(VM(DISK("\"path\": \"d.img\", \"format\": \"raw\"")),
	       "$.disks[0].path: found \"d.img\", expected an absolute path");
	refuse(VM(DISK("\"path\": \"/\", \"format\": \"raw\"")),
	       "$.disks[0].path: found \"/\"");
	refuse(VM(DISK("\"path\": \"/d\"")),
	       "$.disks[0].format: missing, expected one of \"raw\"");
	refuse(VM(DISK("\"path\": \"/d\", \"format\": \"vmdk\"")),
	       "$.disks[0].format: found \"vmdk\"");
	refuse(VM(DISK("\"path\": \"/d\", \"format\": \"raw\", \"cache\": \"x\"")),
	       "$.disks[0].cache: found \"x\", expected one of \"none\", \"directsync\"");
	refuse(VM("\"media\": [{\"id\": \"m\"}]"), "$.media[0].path: missing");
	refuse(VM("\"media\": [{},{},{},{},{},{},{}]"),
	       "$.media: found a list of 7, expected a list of 0 to 6 objects");
	refuse(VM("\"boot\": {\"initrd\": \"/i\"}"),
	       "$.boot.initrd: means nothing without \"kernel\"");
	refuse(VM("\"boot\": {\"cmdline\": \"quiet\"}"),
	       "$.boot.cmdline: means nothing without \"kernel\"");
	refuse(VM("\"boot\": {\"firmware\": {\"vars\": \"/v\"}}"),
	       "$.boot.firmware.code: missing");
	refuse(VM("\"boot\": {\"kernel\": \"vmlinuz\"}"), "$.boot.kernel: found \"vmlinuz\"");
}

static void test_ids(void)
{
	static const char *const bad[] = {
		"",    "0a",       "-a",   "a b",    "a,b",
		"a/b", "\xc3\xa4", "rp-a", "vmfo-a", "a23456789012345678901234567890123"
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_free_ char *text =
			str_printf(VM("\"media\": [{\"id\": \"%s\", \"path\": \"/m\"}]"),
				   bad[i]);

		refuse(text, "t.json:8: $.media[0].id: found \"");
	}
	refuse(VM("\"media\": [{\"id\": \"m\", \"path\": \"/m\"},\n"
		  "{\"id\": \"m\", \"path\": \"/n\"}]"),
	       "t.json:9: $.media[1].id: the QEMU id \"m\" is taken by $.media[0]");
	refuse(VM("\"pairs\": [" PAIR("p", MAC1, BR, EMULATED) ",\n" PAIR("p", MAC2, BR,
									  EMULATED) "]"),
	       "t.json:11: $.pairs[1].id: the QEMU id \"p\" is taken by $.pairs[0]");
	refuse(VM("\"pairs\": [" PAIR("p", MAC1, BR,
				      EMULATED) "],\n\"nics\": [{\"id\": \"p-primary\","
						" \"mac\": \"" MAC2 "\", \"bridge\": \"b\"}]"),
	       "$.nics[0].id: the QEMU id \"p-primary\" is taken by $.pairs[0]");
	refuse(VM("\"disks\": [{\"id\":\"p-primary\",\"path\":\"/d\",\"format\":\"raw\"}],\n"
		  "\"pairs\": [" PAIR("p", MAC1, BR, EMULATED) "]"),
	       "t.json:9: $.pairs[0].id: the QEMU id \"p-primary\" is taken by $.disks[0]");
}

static void test_nets(void)
{
	static const struct {
		const char *key, *json;
	} vf_keys[] = { { "qos", "\"qos\": 1" },
			{ "spoof_check", "\"spoof_check\": true" },
			{ "link_state", "\"link_state\": \"auto\"" },
			{ "min_rate", "\"min_rate\": 0" },
			{ "max_rate", "\"max_rate\": 0" } };

#define ONE(standby, primary) VM("\"pairs\": [" PAIR("p", MAC1, standby, primary) "]")
#define VF(rest) "{\"kind\": \"vf\", \"physnet\": \"x\", " rest "}"
#define NIC(id, mac, rest) "{\"id\": \"" id "\", \"mac\": \"" mac "\", " rest "}"
	refuse(VM("\"nics\": [" NIC("n", "52:54:00:00:00", "\"bridge\": \"b\"") "]"),
	       "$.nics[0].mac: found \"52:54:00:00:00\", expected a unicast Ethernet address");
	refuse(VM("\"nics\": [" NIC("n", "01:00:5e:00:00:01", "\"bridge\": \"b\"") "]"),
	       "$.nics[0].mac: 01:00:5e:00:00:01 is a multicast address");
	refuse(VM("\"nics\": [" NIC("n", "00:00:00:00:00:00", "\"bridge\": \"b\"") "]"),
	       "$.nics[0].mac: the zero address");
	refuse(VM("\"pairs\": [" PAIR("p", "52:54:00:00:00:0A", BR,
				      EMULATED) "],\n\"nics\": [" NIC("n", "52:54:00:00:00:0a",
								      "\"bridge\": \"b\"") "]"),
	       "t.json:11: $.nics[0].mac: the address \"52:54:00:00:00:0a\" is taken by "
	       "$.pairs[0]");
	refuse(VM("\"nics\": [" NIC("n", MAC1, "\"mtu\": 67, \"bridge\": \"b\"") "]"),
	       "$.nics[0].mtu: found 67, expected an integer from 68 to 65535");
	refuse(VM("\"nics\": [" NIC("n", MAC1, "\"vhost\": true, \"bridge\": \"b\"") "]"),
	       "$.nics[0].vhost: found true, expected one of \"auto\", \"on\", \"off\"");
	refuse(VM("\"nics\": [" NIC("n", MAC1, "\"queues\": 17, \"bridge\": \"b\"") "]"),
	       "$.nics[0].queues: found 17, expected an integer from 1 to 16");
	refuse(VM("\"nics\": [" NIC("n", MAC1, "\"mtu\": 1500") "]"),
	       "$.nics[0]: neither \"bridge\" nor \"tap\" is given");
	refuse(VM("\"nics\": [" NIC("n", MAC1, "\"bridge\": \"b\",\n\"tap\": \"t\"") "]"),
	       "t.json:9: $.nics[0].tap: both \"bridge\" and \"tap\" are given");
	refuse(VM("\"nics\": [" NIC("n", MAC1, "\"bridge\": \"0123456789012345\"") "]"),
	       "$.nics[0].bridge: found \"0123456789012345\", expected an interface's name");
	refuse(VM("\"nics\": [" NIC("n", MAC1, "\"tap\": \"../t\"") "]"),
	       "$.nics[0].tap: found");
	refuse(VM("\"nics\": [" NIC("n", MAC1, "\"tap\": \"t\"") "," NIC("m", MAC2,
									 "\"tap\": \"t\"") "]"),
	       "$.nics[1].tap: the tap \"t\" is taken by $.nics[0]");
	refuse(ONE("{\"tap\": \"t\"}", "{\"kind\": \"emulated\", \"tap\": \"t\"}"),
	       "$.pairs[0].primary: the tap \"t\" is taken by $.pairs[0]");
	refuse(ONE("{}", EMULATED),
	       "t.json:9: $.pairs[0].standby: neither \"bridge\" nor \"tap\"");
	refuse(ONE("{\"bridge\": \"b\", \"tap\": \"t\"}", EMULATED),
	       "$.pairs[0].standby.tap: both");
	refuse(ONE("{\"tap\": \"t\"}", EMULATED),
	       "t.json:10: $.pairs[0].primary: \"bridge\" or \"tap\" is missing: the standby "
	       "has a tap");
	refuse(ONE(BR, "{}"), "t.json:10: $.pairs[0].primary.kind: missing");
	refuse(ONE(BR, "{\"kind\": \"vfio\"}"), "expected one of \"emulated\", \"vf\"");
	refuse(ONE(BR, "{\"kind\": \"emulated\", \"physnet\": \"x\"}"),
	       "$.pairs[0].primary.physnet: belongs to a primary of kind \"vf\", this one is "
	       "\"emulated\"");
	refuse(ONE(BR, "{\"kind\": \"emulated\", \"trust\": false}"),
	       "$.pairs[0].primary.trust: belongs");
	refuse(ONE(BR, "{\"kind\": \"emulated\", \"vlan\": 0}"),
	       "$.pairs[0].primary.vlan: belongs");
	refuse(ONE(BR, "{\"kind\": \"vf\"}"), "$.pairs[0].primary.physnet: missing");
	refuse(ONE(BR, "{\"kind\": \"vf\", \"physnet\": \"x\", \"model\": \"e1000e\"}"),
	       "$.pairs[0].primary.model: belongs to a primary of kind \"emulated\"");
	refuse(ONE(BR, "{\"kind\": \"vf\", \"physnet\": \"x\", \"bridge\": \"b\"}"),
	       "$.pairs[0].primary.bridge: belongs to a primary of kind \"emulated\"");
	refuse(ONE(BR, "{\"kind\": \"vf\", \"physnet\": \"x\", \"vlan\": 4095}"),
	       "$.pairs[0].primary.vlan: found 4095, expected an integer from 0 to 4094");
	refuse(ONE(BR, VF("\"qos\": 3")),
	       "$.pairs[0].primary.qos: means nothing without a \"vlan\"");
	refuse(ONE(BR, VF("\"qos\": 0, \"vlan\": 0")), "$.pairs[0].primary.qos: means nothing");
	refuse(ONE(BR, VF("\"qos\": 8, \"vlan\": 5")),
	       "$.pairs[0].primary.qos: found 8, expected an integer from 0 to 7");
	refuse(ONE(BR, VF("\"spoof_check\": 1")),
	       "$.pairs[0].primary.spoof_check: found 1, expected true or false");
	refuse(ONE(BR, VF("\"link_state\": \"up\"")),
	       "$.pairs[0].primary.link_state: found \"up\", expected one of \"auto\", "
	       "\"enable\", \"disable\"");
	refuse(ONE(BR, VF("\"min_rate\": -1")),
	       "$.pairs[0].primary.min_rate: found -1, expected an integer from 0 to 10000000");
	refuse(ONE(BR, VF("\"max_rate\": 10000001")), "$.pairs[0].primary.max_rate: found");
	refuse(ONE(BR, VF("\"max_rate\": 100, \"min_rate\": 101")),
	       "$.pairs[0].primary.min_rate: found 101, more than the 100 of \"max_rate\"");
	for (size_t i = 0; i < ARRAY_SIZE(vf_keys); i++) {
		_cleanup_free_ char *text =
			str_printf(ONE(BR, "{\"kind\": \"emulated\", %s}"), vf_keys[i].json);
		_cleanup_free_ char *want =
			str_printf("$.pairs[0].primary.%s: belongs to a primary of kind \"vf\"",
				   vf_keys[i].key);

		refuse(text, want);
	}
	refuse(VM("\"pairs\": [{ \"id\": \"p\", \"mac\": \"" MAC1 "\", \"mtu\": 1499}]"),
	       "$.pairs[0].mtu: found 1499, expected an integer from 1500 to 65535: a guest's "
	       "net_failover takes no standby that cannot carry 1500");
	refuse(VM("\"pairs\": [{ \"id\": \"p\", \"mac\": \"" MAC1 "\", \"standby\": " BR "}]"),
	       "$.pairs[0].primary: missing, expected an object");
}

static void test_vf(void)
{
	struct vmdef *def = parse(ONE(BR, VF("\"vlan\": 0")));
	const struct vm_primary *vf = &def->pairs[0].primary;

	is_str(vf->physnet, "x", "a VF's network");
	ok(vf->vlan == 0 && vf->qos == 0 && !vf->trust, "no VLAN, not trusted");
	ok(vf->spoof_check == -1 && vf->link_state == VM_LINK_LEFT && vf->min_rate == 0 &&
		   vf->max_rate == 0,
	   "what is not given is left as it is");
	vmdef_free(def);
	def = parse(ONE(BR, VF("\"vlan\": 4094, \"qos\": 7, \"trust\": true, "
			       "\"spoof_check\": false, \"link_state\": \"auto\", "
			       "\"min_rate\": 100, \"max_rate\": 100")));
	vf = &def->pairs[0].primary;
	ok(vf->vlan == 4094 && vf->qos == 7 && vf->trust, "a VLAN, trusted");
	ok(vf->spoof_check == 0 && vf->link_state == VM_LINK_AUTO,
	   "what is given, also as zero, is given");
	ok(vf->min_rate == 100 && vf->max_rate == 100, "rates");
	vmdef_free(def);
	def = parse(ONE(BR, VF("\"spoof_check\": true, \"link_state\": \"disable\", "
			       "\"min_rate\": 10000000")));
	vf = &def->pairs[0].primary;
	ok(vf->spoof_check == 1 && vf->link_state == VM_LINK_DISABLE &&
		   vf->min_rate == 10000000,
	   "a minimum without a maximum");
	vmdef_free(def);
}

static void test_name(void)
{
	struct err err = ERR_INIT;

	is_int(vm_name_check("a-b.c_D9", &err), 0, "a good name");
	is_int(vm_name_check("012345678901234567890123456789012345678901234567", &err), 0,
	       "of 48");
	is_int(vm_name_check("\x1b[31m", &err), -EINVAL, "an escape sequence");
	like(err.msg, "\"?[31m\" is no name", "which does not reach the terminal");
	is_int(err.kind, ERR_USAGE, "a usage error");
	is_int(vm_name_check("..", NULL), -EINVAL, "without an error object");
}

struct keys {
	int n;
	bool vhost;
};

static void count_key(void *data, const char *path, const char *type, const char *help)
{
	struct keys *keys = data;

	keys->n++;
	if (!*path || !*type || !help || !*help)
		printf("# key \"%s\": type \"%s\", no help\n", path, type), keys->n -= 1000;
	if (str_eq(path, "pairs[].standby.vhost"))
		keys->vhost =
			str_eq(type, "one of \"auto\", \"on\", \"off\" (default \"auto\")");
}

static void test_each_key(void)
{
	struct keys keys = { 0 };

	vmdef_each_key(count_key, &keys);
	ok(keys.n > 50, "every key has a type and a help (%d keys)", keys.n);
	ok(keys.vhost, "and its default");
}

int main(void)
{
	test_defaults();
	test_example();
	test_all_keys();
	test_json();
	test_keys();
	test_types();
	test_head();
	test_storage();
	test_ids();
	test_nets();
	test_vf();
	test_name();
	test_each_key();
	vmdef_free(NULL);
	return done_testing();
}
