/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/vf_interrupts.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "tap.h"

#define VF "0000:01:10.0"

/* As Linux 6.1 writes it. */
#define HEAD                                                                          \
	"            CPU0       CPU1       \n"                                        \
	"   1:          0          9  IR-IO-APIC    1-edge      i8042\n"              \
	"  24:          3          0  IR-PCI-MSI    0-edge      PCIe PME, pciehp\n"   \
	"  32:        120          7  IR-PCI-MSIX-0000:01:00.0    0-edge      eth1\n" \
	"  33:          0          0  IR-PCI-MSIX-" VF "    0-edge      igbvf-eth2\n"
#define TAIL "NMI:          0          0   Non-maskable interrupts\nERR:          0\n"
#define LINE(rest) "  40:          5          0  IR-PCI-MSIX-" VF "    0-edge      " rest "\n"

static char folder[] = "/tmp/vmfo-interrupts-XXXXXX";

static int count(const char *text, const char *address)
{
	_cleanup_free_ char *path = str_printf("%s/proc/interrupts", folder);
	_cleanup_fclose_ FILE *f = fopen(path, "w");

	if (!f || fputs(text, f) < 0)
		bail("write %s", path);
	fclose(steal_ptr(f));
	return vf_interrupts_count(folder, address);
}

static void test_lines(void)
{
	is_int(count(HEAD TAIL, VF), 0, "a VF that only the host uses");
	is_int(count(HEAD LINE("vfio-msix[0](" VF ")") LINE("vfio-msix[1](" VF ")")
			     LINE("vfio-msix[2](" VF ")") TAIL,
		     VF),
	       3, "three of MSI-X");
	is_int(count(HEAD LINE("vfio-msix[10](" VF ")"), "01:10.0"), 1, "without its domain");
	is_int(count(HEAD LINE("vfio-msi[0](" VF ")"), VF), 1, "MSI");
	is_int(count(HEAD LINE("vfio-intx(" VF ")"), VF), 1, "INTx");
	is_int(count(HEAD LINE("vfio-intx(0000:02:00.0), vfio-intx(" VF ")"), VF), 1,
	       "a shared one");
	is_int(count(HEAD LINE("vfio-msix[0](0000:01:10.2)") LINE("vfio-msix[0](0001:01:10.0)"),
		     VF),
	       0, "those of other VFs");
	is_int(count(HEAD LINE("vfio-msix(" VF ")") LINE("vfio-intx[0](" VF ")")
			     LINE("vfio-msix[](" VF) LINE("vfio-msix[0"),
		     VF),
	       0, "no names of vfio's");
	is_int(count(HEAD LINE("vfio-msix[0](" VF ")") "  41: 1 vfio-msix[1](" VF ")", VF), 2,
	       "a last line without an end");
	is_int(count("", VF), 0, "an empty file");
}

static void test_failures(void)
{
	_cleanup_free_ char *path = str_printf("%s/proc/interrupts", folder);

	is_int(count(HEAD, "eth0"), -EINVAL, "no address");
	is_int(count(HEAD, "0000:01:10.8"), -EINVAL, "no function");
	unlink(path);
	is_int(vf_interrupts_count(folder, VF), -ENOENT, "no such file");
	mkdir(path, 0755);
	is_int(vf_interrupts_count(folder, VF), -EISDIR, "a folder");
	rmdir(path);
	ok(vf_interrupts_count(NULL, "ffff:ff:1f.7") == 0, "this host's can be read");
}

int main(void)
{
	_cleanup_free_ char *proc = NULL;

	if (!mkdtemp(folder))
		bail("mkdtemp");
	proc = str_printf("%s/proc", folder);
	mkdir(proc, 0755);
	test_lines();
	test_failures();
	rmdir(proc);
	rmdir(folder);
	return done_testing();
}
