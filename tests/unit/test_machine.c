/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A QEMU command line, read: what is found, in which order, and what is refused.
 */
#include "topology/machine.h"

#include <errno.h>

#include "base/cleanup.h"
#include "tap.h"
#include "topo_build.h"

static struct machine *made; /* by the last read(); freed by the next */

/* Reads a command line as it stands in a file. */
static const struct machine *read_line(const char *line)
{
	machine_free(made);
	made = topo_build_machine(line);
	return made;
}

static void refused(const char *line, const char *want)
{
	struct strv argv = { 0 };
	struct err err = ERR_INIT;
	struct machine *machine = NULL;

	if (machine_split_text(line, strlen(line), "t.args", &argv, &err) < 0)
		bail("not split: %s: %s", line, err.msg);
	ok(machine_from_argv(strv_argv(&argv), argv.n, &machine, &err) < 0, "refused: %s",
	   line);
	like(err.msg, want, "and says why");
	is_int(err.kind, ERR_USAGE, "as an error of usage");
	machine_free(machine);
	strv_clear(&argv);
}

static const char *text_of(size_t device, const char *property)
{
	static char buf[32];

	return machine_text(made, &made->devices[device], property, buf);
}

/* ---- devices ---- */

static void test_text(void)
{
	const struct machine *m = read_line(
		"q -device virtio-net-pci,id=net0,bus=rp0,addr=0x1,failover=on,mac=52:54:00:00:00:01"
		" -device e1000e,romfile= --device driver=rtl8139,id=x");
	const struct machine_device *d = m->devices;

	is_int(m->n_devices, 3, "three devices");
	is_str(m->binary, "q", "the binary");
	ok(!m->running, "it does not run");
	is_str(d[0].driver, "virtio-net-pci", "driver");
	is_str(d[0].id, "net0", "id");
	is_str(d[0].bus, "rp0", "bus");
	is_str(d[0].addr, "0x1", "address");
	is_int(json_object_size(d[0].props), 2, "and nothing of these among its properties");
	is_str(text_of(0, "mac"), "52:54:00:00:00:01", "a property with colons");
	ok(!d[1].id && !d[1].bus && !d[1].addr, "what is not given");
	is_str(text_of(1, "romfile"), "", "an empty value is given");
	is_str(text_of(1, "rombar"), NULL, "one that is not");
	is_str(d[2].driver, "rtl8139", "two dashes, and the driver by its key");
	is_int(d[0].position, 1, "positions");
	is_int(d[2].position, 5, "positions");
	is_int(d[2].order, 2, "order");
}

static void test_keyval(void)
{
	read_line("q -device 'e1000e,id=a,id=b,mac=1,mac=2,romfile=/a,,b,,,bootindex=1,'"
		  " -device virtio-net,failover,nomq");
	is_str(made->devices[0].id, "a", "of two ids the first");
	is_str(text_of(0, "mac"), "2", "of other keys the last");
	is_str(text_of(0, "romfile"), "/a,b,", "a comma is written twice");
	is_str(text_of(0, "bootindex"), "1", "and a single one ends the value");
	is_str(text_of(1, "failover"), "on", "a key alone");
	is_str(text_of(1, "mq"), "off", "with \"no\" before it");
	read_line("q -device e1000e,,x,a==b=c");
	is_str(made->devices[0].driver, "e1000e,x", "two commas in the first word");
	is_str(text_of(0, "a"), "=b=c", "= in a value");
	read_line("q -device id=n,driver=e1000e");
	is_str(made->devices[0].driver, "e1000e", "the driver later");
	read_line("q -device e1000e,romfile=/\xff\xfe.rom,id=a");
	is_str(text_of(0, "romfile"), "/\?\?.rom", "what is no UTF-8");
}

static void test_json(void)
{
	read_line("q -device '{\"driver\":\"virtio-net-pci\",\"id\":\"n\",\"bus\":\"b\","
		  "\"addr\":\"0x2\",\"failover\":true,\"mq\":false,\"vectors\":6,"
		  "\"x\":null,\"y\":[1]}'"
		  " -device '{\"driver\":\"e1000e\",\"addr\":41}'"
		  " -device '{\"driver\":\"e1000e\",\"addr\":-1,\"id\":5}'");
	is_int(made->n_devices, 3, "devices as JSON");
	is_str(made->devices[0].addr, "0x2", "address as a string");
	is_str(text_of(0, "failover"), "on", "true");
	is_str(text_of(0, "mq"), "off", "false");
	is_str(text_of(0, "vectors"), "6", "a number");
	is_str(text_of(0, "x"), NULL, "null");
	is_str(text_of(0, "y"), NULL, "a list");
	ok(machine_bool(made, &made->devices[0], "failover", false), "true is true");
	ok(!machine_bool(made, &made->devices[0], "mq", true), "false is false");
	is_str(made->devices[1].addr, "0x5.0x1", "address as a number");
	is_str(made->devices[2].addr, NULL, "-1 is QEMU's choice");
	is_str(made->devices[2].id, NULL, "an id that is no string is none");

	read_line("q -device \"{'driver':'e1000e','id':'a','romfile':'/x\\\"y'}\"");
	is_str(made->devices[0].id, "a", "in single quotes");
	is_str(text_of(0, "romfile"), "/x\"y", "with a double one in them");
	read_line("q -device '{\"driver\":\"e1000e\",\"romfile\":\"it'\\''s \\\\\\\"\"}'");
	is_str(text_of(0, "romfile"), "it's \\\"", "a single one in double quotes");
}

/* Those as JSON are made after all others: a primary may so come before its standby. */
static void test_order(void)
{
	read_line("q -device '{\"driver\":\"e1000e\",\"id\":\"p\",\"failover_pair_id\":\"s\"}'"
		  " -device virtio-net-pci,id=s,failover=on -device '{\"driver\":\"rtl8139\"}'"
		  " -device pcie-root-port,id=rp");
	is_str(made->devices[0].id, "s", "text first");
	is_str(made->devices[1].id, "rp", "all of it");
	is_str(made->devices[2].id, "p", "then JSON");
	is_str(made->devices[3].driver, "rtl8139", "in its order");
	for (size_t i = 0; i < 4; i++)
		is_int(made->devices[i].order, i, "numbered so");
	is_int(made->devices[2].position, 1, "positions are those of the arguments");
	is_int(made->devices[3].position, 5, "positions are those of the arguments");
}

static void test_asking(void)
{
	char buf[64];

	read_line("q -device virtio-net,id=s -device vfio-pci,host=01:00.1,failover_pair_id=s"
		  " -device e1000e,failover_pair_id= -device pcie-root-port,hotplug=no"
		  " -device e1000e,x=y,y=maybe -netdev user,id=s");
	ok(machine_is_virtio_net(&made->devices[0]), "an alias");
	ok(!machine_is_virtio_net(&made->devices[1]), "no virtio-net");
	ok(machine_is_vfio(&made->devices[1]) && !machine_is_vfio(&made->devices[2]), "vfio");
	ok(machine_is_nic(&made->devices[0]) && machine_is_nic(&made->devices[2]), "NICs");
	ok(!machine_is_nic(&made->devices[1]) && !machine_is_nic(&made->devices[3]), "others");
	is_str(machine_pair_id(made, &made->devices[1]), "s", "a primary");
	is_str(machine_pair_id(made, &made->devices[2]), NULL, "an empty pair id is none");
	is_str(machine_pair_id(made, &made->devices[0]), NULL, "nor is none");
	ok(!machine_bool(made, &made->devices[3], "hotplug", true), "\"no\"");
	ok(machine_bool(made, &made->devices[4], "x", false), "\"y\"");
	ok(machine_bool(made, &made->devices[4], "y", true), "neither on nor off");
	ok(machine_find(made, "s") == &made->devices[0], "found by id");
	is_int(machine_find(made, "t") != NULL, 0, "not found");
	ok(machine_find_netdev(made, "s") == &made->netdevs[0], "a netdev of that id");
	is_int(machine_find_netdev(made, "t") != NULL, 0, "not found");
	is_str(machine_device_name(&made->devices[0], buf), "s", "named by its id");
	is_str(machine_device_name(&made->devices[1], buf), "vfio-pci (argument 3)",
	       "or by its place");
	made->devices[1].position = 0;
	is_str(machine_device_name(&made->devices[1], buf), "vfio-pci (without an id)",
	       "which a running one has not");
}

static void test_globals(void)
{
	read_line("q -global virtio-net-pci.failover=on -global e1000e.romfile=a,b"
		  " -global driver=rtl8139,property=rombar,value=0"
		  " -global e1000e.failover_pair_id=s -global pci-device.rombar=1"
		  " -global virtio-net-device.mq=on -global virtio-net.speed=10"
		  " -global rtl8139.x=1 -global rtl8139.x=2 -global ICH9-LPC.a.b=c.d=e"
		  " -device virtio-net -device e1000e -device rtl8139,x=3 -device rtl8139"
		  " -device virtio-net-pci,failover=off -device pcie-root-port");
	is_int(made->n_globals, 10, "all of them");
	is_str(made->globals[9].driver, "ICH9-LPC", "driver");
	is_str(made->globals[9].property, "a.b", "property");
	is_str(made->globals[9].value, "c.d=e", "value");
	ok(machine_bool(made, &made->devices[0], "failover", false),
	   "of the class that an alias stands for");
	is_str(text_of(0, "mq"), "on", "of the inner object");
	is_str(text_of(0, "speed"), NULL, "not of the alias");
	is_str(text_of(1, "romfile"), "a,b", "a comma is itself");
	is_str(text_of(1, "rombar"), "1", "of every PCI device");
	is_str(machine_pair_id(made, &made->devices[1]), NULL, "none hides a device");
	is_str(text_of(2, "rombar"), "0", "in the other form");
	is_str(text_of(2, "x"), "3", "the device's own wins");
	is_str(text_of(3, "x"), "2", "of two the last");
	ok(!machine_bool(made, &made->devices[4], "failover", true), "its own wins");
	is_str(text_of(5, "rombar"), NULL, "nothing is known of other devices' classes");
}

/* ---- the machine ---- */

static void test_machine(void)
{
	read_line("q -M q35 -machine usb=off,accel=kvm:tcg -machine pc-q35-7.2,usb=on");
	is_str(made->type, "pc-q35-7.2", "the last type");
	is_str(json_string_value(json_object_get(made->props, "usb")), "on", "the last value");
	is_int(json_object_get(made->props, "type") != NULL, 0, "without the type");
	is_int(made->accel.n, 2, "accelerators");
	is_str(made->accel.v[0], "kvm", "in their order");
	is_str(made->accel.v[1], "tcg", "in their order");
	read_line("q -accel tcg,thread=single -accel accel=kvm -cpu host,+x,-y -cpu EPYC,y=on");
	is_str(made->accel.v[0], "tcg", "-accel");
	is_str(made->accel.v[1], "kvm", "-accel");
	is_str(made->cpu, "EPYC", "the last CPU, without its flags");
	is_str(made->type, NULL, "no machine type");
	read_line("q -enable-kvm -machine type=q35");
	is_str(made->accel.v[0], "kvm", "-enable-kvm");
	is_str(made->type, "q35", "type by its key");
	is_str(made->cpu, NULL, "no CPU");
	is_int(made->memory_mib, 0, "no RAM");
}

static void is_mib(const char *option, int64_t want)
{
	_cleanup_free_ char *line = str_printf("q -m %s", option);

	is_int(read_line(line)->memory_mib, want, "-m %s", option);
}

static void test_memory(void)
{
	is_mib("4096", 4096);
	is_mib("4G", 4096);
	is_mib("size=2g,slots=2,maxmem=8G", 2048);
	is_mib("1.5G", 1536);
	is_mib("2049K", 3);
	is_mib("1048577b", 2);
	is_mib("0x40", 64);
	is_mib("1T -m 2T", 2 << 20);
	is_mib("slots=2,maxmem=8G", 0);
	refused("q -m 4GB", "\"4GB\" is no size");
	refused("q -m size=", "is no size");
	refused("q -m -1", "is no size");
	refused("q -m 1e3", "is no size");
	refused("q -m nan", "is no size");
	refused("q -m 1.2.3G", "is no size");
	refused("q -m 0x4G", "is no size");
	refused("q -m 99999999999E", "more than 1 EiB");
}

static void memory_is(const char *line, bool huge, bool preallocated)
{
	read_line(line);
	ok(made->huge_pages == huge, "%s: %shuge pages", line, huge ? "" : "no ");
	ok(made->preallocated == preallocated, "%spreallocated", preallocated ? "" : "not ");
}

static void test_backing(void)
{
#define MEMFD " -object memory-backend-memfd,id=a,size=1G,hugetlb=on"
#define HUGE_FILE " -object memory-backend-file,id=b,mem-path=/dev/hugepages/x,prealloc=yes"
#define PLAIN " -object '{\"qom-type\":\"memory-backend-ram\",\"id\":\"c\",\"prealloc\":true}'"
	memory_is("q -m 1G", false, false);
	memory_is("q -m 1G" MEMFD, false, false);
	memory_is("q -machine q35,memory-backend=a" MEMFD, true, false);
	memory_is("q" HUGE_FILE " -machine memory-backend=b", true, true);
	memory_is("q -machine memory-backend=c" PLAIN, false, true);
	memory_is("q -machine memory-backend=nowhere" PLAIN, false, false);
	memory_is("q -numa node,memdev=a -numa node,memdev=b" MEMFD HUGE_FILE, true, false);
	memory_is("q -numa node,memdev=b -numa node,memdev=c" PLAIN HUGE_FILE, false, true);
	memory_is("q -machine memory-backend=a -mem-prealloc" MEMFD, true, true);
	memory_is("q -mem-path /dev/hugepages -mem-prealloc", true, true);
	memory_is("q -mem-path /tmp/ram", false, false);
}

static void test_backends(void)
{
	read_line(
		"q -netdev tap,id=n,fd=3,vhost=on -netdev '{\"type\":\"user\",\"id\":\"m\"}'"
		" -object secret,id=s,data=x -object '{\"qom-type\":\"iothread\",\"id\":\"i\"}'");
	is_int(made->n_netdevs, 2, "netdevs");
	is_str(made->netdevs[0].type, "tap", "type");
	is_str(made->netdevs[0].id, "n", "id");
	is_str(json_string_value(json_object_get(made->netdevs[0].props, "vhost")), "on",
	       "the rest");
	is_str(made->netdevs[1].type, "user", "as JSON");
	is_int(made->n_objects, 2, "objects");
	is_str(made->objects[0].type, "secret", "type");
	is_str(made->objects[1].id, "i", "as JSON");
}

static void test_passed_over(void)
{
	static const char *const want[] = {
		"-nographic", "-name",
		"disk.img",   "-set device.a.mac=x",
		"-nic user",  "-readconfig /x.cfg",
		"-net nic",   "-frobnicate",
		"yes",        "-append",
		"-S",
	};

	read_line("q -nographic -name -device disk.img -set device.a.mac=x -nic user"
		  " -readconfig /x.cfg -net nic -frobnicate yes -append -nographic -S -S"
		  " -device e1000e");
	is_int(made->passed_over.n, ARRAY_SIZE(want), "each once");
	for (size_t i = 0; i < ARRAY_SIZE(want) && i < made->passed_over.n; i++)
		is_str(made->passed_over.v[i], want[i], "%s", want[i]);
	is_int(made->n_devices, 1, "an argument may look like an option");
}

/* ---- what is refused ---- */

static void test_refused(void)
{
	refused("q -device", "argument 1, \"-device\", is the last");
	refused("q -S -name", "argument 2, \"-name\", is the last");
	refused("q -device id=x", "argument 1, \"-device id=x\": it names no device");
	refused("q -device ''", "it names no device");
	refused("q -device '{\"id\":\"x\"}'", "it names no device");
	refused("q -device '{\"driver\":1}'", "it names no device");
	refused("q -device '{\"driver\":\"virtio-net-pci\",\"failover\":\"on\"}'",
		"\"failover\" has to be true or false in JSON");
	refused("q -device '{\"driver\":\"virtio-net-pci\",\"failover\":1}'", "has to be");
	refused("q -device '{\"driver\":\"e1000e\",\"failover_pair_id\":7}'",
		"\"failover_pair_id\" has to be a string in JSON");
	refused("q -device '{\"driver\":\"e1000e\",\"mac\":null}'", "has to be a string");
	refused("q -device '{\"driver\":\"e1000e\"'", "not valid JSON");
	refused("q -device '{\"driver\":\"e\",\"id\":\"a\",\"id\":\"b\"}'", "not valid JSON");
	refused("q -device '{\"driver\":\"e\"} x'", "not valid JSON");
	refused("q -device e1000e,id=1", "\"1\" is no id");
	refused("q -device e1000e,id=a/b", "\"a/b\" is no id");
	refused("q -device e1000e,id=a -device e1000e,id=a", "the id \"a\" is taken");
	refused("q -device e1000e,id=a -device '{\"driver\":\"e1000e\",\"id\":\"a\"}'",
		"the id \"a\" is taken");
	refused("q -device e1000e,\xff=1", "no name of a property");
	refused("q -netdev user", "argument 1, \"-netdev user\": it has no id");
	refused("q -netdev id=x", "it has no type");
	refused("q -netdev user,id=a -netdev user,id=a", "the id \"a\" is taken");
	refused("q -object memory-backend-ram,size=1G", "it has no id");
	refused("q -machine q35,usb", "there is no \"=\" after \"usb\"");
	refused("q -machine usb=off,q35", "there is no \"=\" after \"q35\"");
	refused("q -accel thread=single", "names no accelerator");
	refused("q -accel kvm -machine accel=tcg", "QEMU refuses both");
	refused("q -accel kvm -enable-kvm", "QEMU refuses both");
	refused("q -cpu ,x", "names no CPU model");
	refused("q -global foo", "expected DRIVER.PROPERTY=VALUE");
	refused("q -global a.b", "expected DRIVER.PROPERTY=VALUE");
	refused("q -global driver=a,property=b", "expected DRIVER.PROPERTY=VALUE");
	refused("", "must begin with the QEMU binary");
	refused("-S", "must begin with the QEMU binary, and begins with \"-S\"");
	refused("/usr/bin/sudo q", "leave out what is before the QEMU binary");
}

static void test_limits(void)
{
	struct strv argv = { 0 };
	struct err err = ERR_INIT;
	struct machine *machine = NULL;

	strv_add(&argv, "q");
	for (size_t i = 0; i < MACHINE_MAX_PARTS; i++) {
		strv_add(&argv, "-device");
		strv_addf(&argv, "e1000e,id=a%zu", i);
	}
	is_int(machine_from_argv(strv_argv(&argv), argv.n, &machine, &err), 0,
	       "so many devices");
	is_int(machine ? machine->n_devices : 0, MACHINE_MAX_PARTS, "all of them");
	ok(machine && machine_find(machine, "a2000") == &machine->devices[2000],
	   "each found by its id");
	machine_free(machine);
	strv_add(&argv, "-device");
	strv_add(&argv, "e1000e");
	is_int(machine_from_argv(strv_argv(&argv), argv.n, &machine, &err), -E2BIG,
	       "and not one more");
	like(err.msg, "argument 4097, \"-device e1000e\": there are more than 2048",
	     "which is said");
	strv_clear(&argv);
}

static void check_addr(const char *addr, int want, int slot, int function)
{
	int s = -1, f = -1;

	is_int(machine_parse_addr(addr, &s, &f), want, "address %s", addr ?: "(none)");
	is_int(s, slot, "its slot");
	is_int(f, function, "its function");
}

static void test_addr(void)
{
	check_addr("2", 0, 2, 0);
	check_addr("0x2", 0, 2, 0);
	check_addr("0X1f.0x7", 0, 31, 7);
	check_addr("1F.3", 0, 31, 3);
	check_addr("10", 0, 16, 0);
	check_addr("00.0", 0, 0, 0);
	check_addr(NULL, -ENOENT, -1, -1);
	check_addr("", -EINVAL, -1, -1);
	check_addr("0x", -EINVAL, -1, -1);
	check_addr("20", -EINVAL, -1, -1);
	check_addr("2.8", -EINVAL, -1, -1);
	check_addr("2.", -EINVAL, -1, -1);
	check_addr("2.1x", -EINVAL, -1, -1);
	check_addr("-1", -EINVAL, -1, -1);
	check_addr("ffffffffffffffff2", -EINVAL, -1, -1);
	check_addr("g", -EINVAL, -1, -1);
	check_addr("@", -EINVAL, -1, -1);
}

int main(void)
{
	test_text();
	test_keyval();
	test_json();
	test_order();
	test_asking();
	test_globals();
	test_machine();
	test_memory();
	test_backing();
	test_backends();
	test_passed_over();
	test_refused();
	test_limits();
	test_addr();
	machine_free(made);
	return done_testing();
}
