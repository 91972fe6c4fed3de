/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The decoding of what a running QEMU answers.
 */
#include "host/qemu_decode.h"

#include <errno.h>

#include "base/str.h"
#include "tap.h"

static json_t *parse(const char *text)
{
	json_error_t why;
	json_t *json = json_loads(text, JSON_DECODE_ANY, &why);

	if (!json)
		bail("%s: %s", text, why.text);
	return json;
}

static void test_children(void)
{
	static const struct {
		const char *answer;
		int r;
		size_t n;
		const char *what;
	} cases[] = {
		{ "[]", 0, 0, "none" },
		{ "[{\"name\":\"b\",\"type\":\"child<x>\"},{\"name\":\"p\",\"type\":\"str\"},"
		  "{\"name\":\"a\",\"type\":\"child<y>\"}]",
		  0, 2, "properties are not children" },
		{ "{}", -EPROTO, 0, "an object" },
		{ "\"x\"", -EPROTO, 0, "a text" },
		{ "[1,null,[],{}]", 0, 0, "a list of anything" },
		{ "[{\"name\":7,\"type\":\"child<x>\"}]", -E2BIG, 0, "a name that is none" },
		{ "[{\"name\":\"a\",\"type\":\"child<>\"}]", -E2BIG, 0,
		  "a type that is empty" },
		{ "[{\"name\":\"a\",\"type\":\"child<\"}]", 0, 0, "half a type" },
	};
	struct err err = ERR_INIT;
	struct qom_child *list;
	json_t *json;
	size_t n;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		json = parse(cases[i].answer);
		is_int(qemu_decode_children(json, "/x", &list, &n, &err), cases[i].r,
		       "children: %s", cases[i].what);
		is_int((intmax_t)n, (intmax_t)cases[i].n, "as many");
		if (n == 2)
			ok(str_eq(list[0].name, "a") && str_eq(list[0].type, "y"),
			   "by name, with their types");
		free(list);
		json_decref(json);
	}
	json = json_array();
	for (int i = 0; i <= QEMU_CHILDREN_MAX; i++)
		json_array_append_new(json, json_null());
	is_int(qemu_decode_children(json, "/x", &list, &n, &err), -E2BIG, "too many");
	like(err.msg, "2049 entries", "how many");
	json_decref(json);
	json = json_pack("[{s:s+,s:s}]", "name",
			 "0123456789012345678901234567890123456789012345678901234567890123",
			 "0123456789012345678901234567890123456789012345678901234567890123",
			 "type", "child<x>");
	is_int(qemu_decode_children(json, "/x", &list, &n, &err), -E2BIG, "a name of 128");
	json_decref(json);
}

static void test_values(void)
{
	static const struct {
		const char *value, *want; /* NULL: nothing */
	} cases[] = {
		{ "\"on\"", "\"on\"" },
		{ "\"\"", NULL },
		{ "7", "7" },
		{ "true", "true" },
		{ "null", NULL },
		{ "1.5", NULL },
		{ "{\"a\":1}", NULL },
		{ "\"/objects/io0\"", "\"io0\"" },
		{ "\"/objects/\"", NULL },
		{ "\"/sys/bus/pci/devices/0000:01:10.0\"",
		  "\"/sys/bus/pci/devices/0000:01:10.0\"" },
	};
	char name[QEMU_NAME_SIZE], *text;
	json_t *json, *value;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		json = parse(cases[i].value);
		value = qemu_decode_value(json);
		text = value ? json_dumps(value, JSON_ENCODE_ANY) : NULL;
		is_str(text, cases[i].want, "value %s", cases[i].value);
		free(text);
		json_decref(value);
		json_decref(json);
	}
	text = malloc(QEMU_TEXT_MAX + 2);
	memset(text, 'x', QEMU_TEXT_MAX + 1);
	text[QEMU_TEXT_MAX + 1] = '\0';
	json = json_string(text);
	ok(!qemu_decode_value(json), "a value that is too long");
	json_decref(json);
	free(text);

	json = parse("\"/machine/peripheral/rp0/rp0\"");
	ok(qemu_decode_path_end(json, name) && str_eq(name, "rp0"), "a path's end");
	json_decref(json);
	json = parse("\"\"");
	ok(!qemu_decode_path_end(json, name), "no path");
	json_decref(json);
	json = parse("\"/\"");
	ok(!qemu_decode_path_end(json, name), "a path without an end");
	json_decref(json);
}

static void is_type(char *(*decode)(const json_t *type), const char *type, const char *want)
{
	json_t *json = parse(type);
	char *got = decode(json);

	is_str(got, want, "type %s", type);
	free(got);
	json_decref(json);
}

static void test_types(void)
{
	is_type(qemu_decode_machine_type, "\"pc-q35-7.2-machine\"", "pc-q35-7.2");
	is_type(qemu_decode_machine_type, "\"none\"", "none");
	is_type(qemu_decode_machine_type, "\"-machine\"", "-machine");
	is_type(qemu_decode_machine_type, "17", NULL);
	is_type(qemu_decode_machine_type, "\"\"", NULL);
	is_type(qemu_decode_cpu_type, "\"qemu64-x86_64-cpu\"", "qemu64");
	is_type(qemu_decode_cpu_type, "\"Skylake-Server-v1-x86_64-cpu\"", "Skylake-Server-v1");
	is_type(qemu_decode_cpu_type, "\"host-x86_64-cpu\"", "host");
	is_type(qemu_decode_cpu_type, "\"odd\"", "odd");
	is_type(qemu_decode_cpu_type, "\"odd-thing\"", "odd-thing");
	is_type(qemu_decode_cpu_type, "\"-cpu\"", "-cpu");
	is_type(qemu_decode_cpu_type, "\"x-cpu\"", "x");
	is_type(qemu_decode_cpu_type, "null", NULL);
}

static void test_virtio(void)
{
#define STATUS_OK "\"status\":{\"statuses\":[\"VIRTIO_CONFIG_S_DRIVER_OK: Driver ready\"]}"
	static const struct {
		const char *answer;
		int r;
		enum fact driver_ok, negotiated;
	} cases[] = {
		{ "{" STATUS_OK ",\"guest-features\":{\"dev-features\":["
		  "\"VIRTIO_NET_F_MAC: x\",\"VIRTIO_NET_F_STANDBY: Device acting as\"]}}",
		  0, FACT_YES, FACT_YES },
		{ "{" STATUS_OK ",\"guest-features\":{\"dev-features\":[]}}", 0, FACT_YES,
		  FACT_NO },
		{ "{" STATUS_OK ",\"guest-features\":{\"dev-features\":["
		  "\"VIRTIO_NET_F_STANDBYE: another\",\"VIRTIO_NET_F\",1,{},null]}}",
		  0, FACT_YES, FACT_NO },
		{ "{\"status\":{\"statuses\":[\"VIRTIO_CONFIG_S_DRIVER: x\"]},"
		  "\"guest-features\":{\"dev-features\":[]}}",
		  0, FACT_NO, FACT_NO },
		/* Numbers. */
		{ "{\"status\":15,\"guest-features\":4611686018427387904}", 0, FACT_YES,
		  FACT_YES },
		{ "{\"status\":3,\"guest-features\":1}", 0, FACT_NO, FACT_NO },
		{ "{\"status\":-1,\"guest-features\":-1}", 0, FACT_YES, FACT_YES },
		{ "{\"status\":[2],\"guest-features\":[62]}", 0, FACT_YES, FACT_YES },
		/* Neither. */
		{ "{}", -EPROTO, FACT_UNKNOWN, FACT_UNKNOWN },
		{ "[]", -EPROTO, FACT_UNKNOWN, FACT_UNKNOWN },
		{ "{" STATUS_OK "}", -EPROTO, FACT_UNKNOWN, FACT_UNKNOWN },
		{ "{" STATUS_OK ",\"guest-features\":\"all\"}", -EPROTO, FACT_UNKNOWN,
		  FACT_UNKNOWN },
		{ "{\"status\":null,\"guest-features\":{\"dev-features\":[]}}", -EPROTO,
		  FACT_UNKNOWN, FACT_UNKNOWN },
	};
	enum fact driver_ok, negotiated;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		json_t *json = parse(cases[i].answer);

		is_int(qemu_decode_virtio_status(json, &driver_ok, &negotiated), cases[i].r,
		       "virtio status %zu", i);
		ok(driver_ok == cases[i].driver_ok && negotiated == cases[i].negotiated,
		   "its facts");
		json_decref(json);
	}
}

#define DEVICE(id, slot, regions)                                                    \
	"{\"qdev_id\":\"" id "\",\"bus\":1,\"slot\":" slot ",\"function\":0,\"id\":" \
	"{\"vendor\":6900,\"device\":4161},\"regions\":[" regions "]}"

#define A DEVICE("a", "2", "{\"bar\":6}")
#define A_AGAIN DEVICE("a", "9", "")
#define C DEVICE("c", "3", "{\"bar\":0},7,{\"bar\":\"6\"}")
#define D DEVICE("d", "32", "")

static void test_pci(void)
{
	json_t *answer = parse("[{\"bus\":0,\"devices\":[" A ",{\"qdev_id\":\"b\","
			       "\"pci_bridge\":{\"devices\":[" C "]}}," A_AGAIN "," D
			       ",[],null]},4]");
	struct qemu_pci_place place;
	json_t *devices = qemu_decode_pci(answer), *nest;

	is_int(qemu_decode_pci_place(devices, "a", &place), 0, "a device with a ROM");
	ok(place.rom && place.bus == 1 && place.slot == 2 && place.vendor == 6900,
	   "the first of that id");
	is_int(qemu_decode_pci_place(devices, "c", &place), 0, "one behind a bridge");
	ok(!place.rom && place.slot == 3, "without a ROM");
	is_int(qemu_decode_pci_place(devices, "b", &place), -EPROTO, "half of one");
	is_int(qemu_decode_pci_place(devices, "d", &place), -EPROTO, "slot 32");
	is_int(qemu_decode_pci_place(devices, "e", &place), -ENOENT, "none");
	is_int(qemu_decode_pci_place(NULL, "e", &place), -ENOENT, "of none");
	json_decref(devices);
	json_decref(answer);

	answer = parse(DEVICE("deep", "1", ""));
	for (int i = 0; i < 1000; i++)
		answer = json_pack("{s:{s:[o]}}", "pci_bridge", "devices", answer);
	nest = json_pack("[{s:[o]}]", "devices", answer);
	devices = qemu_decode_pci(nest);
	is_int(qemu_decode_pci_place(devices, "deep", &place), -ENOENT,
	       "bridges behind 1000 bridges are not gone through");
	json_decref(devices);
	json_decref(nest);

	answer = parse("{\"devices\":[]}");
	devices = qemu_decode_pci(answer);
	is_int((intmax_t)json_object_size(devices), 0, "an answer that is no list");
	json_decref(devices);
	json_decref(answer);
}

static void test_texts(void)
{
	static const struct {
		const char *text;
		int r;
	} xps[] = {
		{ "\"00000000b0010034: 0x0040\\r\\n\"", 0 },
		{ "\"00000000b0010034: 0x0040\"", 0 },
		{ "\"00000000b0010035: 0x0040\\r\\n\"", -EPROTO },
		{ "\"00000000b0010034: 0x0040 0x0041\\r\\n\"", -EPROTO },
		{ "\"00000000b0010034: 0x00400\"", -EPROTO },
		{ "\"Cannot access memory\\r\\n\"", -EPROTO },
		{ "\"\"", -EPROTO },
		{ "64", -EPROTO },
	};
	static const struct {
		const char *text;
		int r;
		uint64_t want;
	} numbers[] = {
		{ "\"2952790016\\r\\n\"", 0, 2952790016 },
		{ "\"18446744073709551615\\r\\n\"", 0, UINT64_MAX },
		{ "\"18446744073709551616\\r\\n\"", -EPROTO, 0 },
		{ "\"-1\"", -EPROTO, 0 },
		{ "\"Error: Device not found\\r\\n\"", -EPROTO, 0 },
		{ "\"12 13\"", -EPROTO, 0 },
		{ "12", -EPROTO, 0 },
	};
	uint64_t number;
	uint16_t value;

	for (size_t i = 0; i < ARRAY_SIZE(xps); i++) {
		json_t *json = parse(xps[i].text);

		is_int(qemu_decode_xp(json, 0xb0010034, &value), xps[i].r, "xp: %s",
		       xps[i].text);
		ok(xps[i].r || value == 0x40, "its value");
		json_decref(json);
	}
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		json_t *json = parse(numbers[i].text);

		is_int(qemu_decode_number(json, &number), numbers[i].r, "number: %s",
		       numbers[i].text);
		ok(numbers[i].r || number == numbers[i].want, "its value");
		json_decref(json);
	}
}

int main(void)
{
	test_children();
	test_values();
	test_types();
	test_virtio();
	test_pci();
	test_texts();
	return done_testing();
}
