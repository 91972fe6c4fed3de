/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/pci.h"

#include <errno.h>
#include <limits.h>
#include <pci/pci.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "host/sysroot.h"

#define DEVICES "/sys/bus/pci/devices/%s"
#define MAX_FUNCTIONS 65536
#define CONFIG_USER_SIZE 64 /* what of the configuration space everybody may read */
#define CONFIG_LEGACY_SIZE 256

/* ---- sysfs ---- */

static void read_sysfs(const char *sysroot, struct pci_function *f)
{
	f->vendor = (uint16_t)sysroot_read_int(sysroot, 0, DEVICES "/vendor", f->address);
	f->device = (uint16_t)sysroot_read_int(sysroot, 0, DEVICES "/device", f->address);
	f->class = (uint32_t)sysroot_read_int(sysroot, 0, DEVICES "/class", f->address);
	f->numa_node = (int)sysroot_read_int(sysroot, -1, DEVICES "/numa_node", f->address);
	sysroot_read_link(sysroot, f->driver, sizeof(f->driver), DEVICES "/driver", f->address);
	sysroot_read_link(sysroot, f->physfn, sizeof(f->physfn), DEVICES "/physfn", f->address);
	f->vf_index = -1;
	f->total_vfs =
		(int)sysroot_read_int(sysroot, -1, DEVICES "/sriov_totalvfs", f->address);
	f->sriov = f->total_vfs >= 0;
	if (f->sriov)
		f->num_vfs =
			(int)sysroot_read_int(sysroot, 0, DEVICES "/sriov_numvfs", f->address);
	else
		f->total_vfs = 0;
	f->express = sysroot_exists(sysroot, DEVICES "/current_link_speed", f->address);
	f->bridge = f->class >> 8 == PCI_CLASS_BRIDGE_PCI;
}

static void read_group(const char *sysroot, struct pci_function *f)
{
	char name[16];
	int64_t number;

	sysroot_read_link(sysroot, name, sizeof(name), DEVICES "/iommu_group", f->address);
	f->iommu_group = str_to_i64(name, 0, INT_MAX, &number) == 0 ? (int)number : -1;
}

static struct pci_function *find(struct host_facts *facts, const char *address)
{
	return (struct pci_function *)host_find_function(facts, address);
}

/* A PF names its VFs by their index; a VF names only its PF. */
static void read_vf_indexes(const char *sysroot, struct host_facts *facts,
			    const struct pci_function *pf)
{
	for (int i = 0; i < pf->num_vfs && i < USHRT_MAX; i++) {
		struct pci_function *vf;
		char name[PCI_ADDRESS_SIZE];

		sysroot_read_link(sysroot, name, sizeof(name), DEVICES "/virtfn%d", pf->address,
				  i);
		vf = name[0] ? find(facts, name) : NULL;
		if (vf)
			vf->vf_index = i;
	}
}

static bool same_slot(const struct pci_function *a, const struct pci_function *b)
{
	return !a->physfn[0] && !b->physfn[0] &&
	       strncmp(a->address, b->address, strlen(a->address) - 1) == 0;
}

static int read_functions(const char *sysroot, const struct strv *names,
			  struct host_facts *facts, struct err *err)
{
	if (names->n > MAX_FUNCTIONS)
		return err_set(err, ERR_REFUSED, E2BIG,
			       "%s/sys/bus/pci/devices: %zu PCI functions are more than vmfo "
			       "looks at (%d)",
			       sysroot ?: "", names->n, MAX_FUNCTIONS);
	facts->functions = calloc(names->n ?: 1, sizeof(*facts->functions));
	if (!facts->functions)
		return err_nomem(err);
	for (size_t i = 0; i < names->n; i++) {
		struct pci_function *f = &facts->functions[facts->n_functions];

		/* The kernel's form only: it is what searches compare with. */
		if (!pci_address_normalize(names->v[i], f->address) ||
		    !str_eq(names->v[i], f->address))
			continue;
		read_sysfs(sysroot, f);
		read_group(sysroot, f);
		facts->n_functions++;
	}
	for (size_t i = 0; i < facts->n_functions; i++)
		read_vf_indexes(sysroot, facts, &facts->functions[i]);
	for (size_t i = 1; i < facts->n_functions; i++) {
		struct pci_function *a = &facts->functions[i - 1], *b = &facts->functions[i];

		if (same_slot(a, b))
			a->multifunction = b->multifunction = true;
	}
	return 0;
}

/* ---- libpci: capabilities and names ---- */

/*
 * libpci ends the process at an error, and its handler gets nothing that it could carry a
 * context in. So the way out is a jump to where libpci was entered, one for each thread, with
 * what is to be freed there.
 */
static _Thread_local struct {
	jmp_buf entry;
	struct pci_access *access;
	struct pci_dev *dev;
} libpci;

__attribute__((noreturn, format(printf, 1, 2))) static void on_error(char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_debug("libpci: %s", text);
	longjmp(libpci.entry, 1);
}

/* What cannot be read is unknown, and the facts say so. */
__attribute__((format(printf, 1, 2))) static void on_warning(char *fmt, ...)
{
	(void)fmt;
}

static void read_capabilities(struct pci_dev *dev, struct pci_function *f)
{
	uint8_t header, byte;

	if (!pci_read_block(dev, PCI_HEADER_TYPE, &header, 1) || header == 0xff)
		return;
	f->bridge = (header & 0x7f) == PCI_HEADER_TYPE_BRIDGE;
	if (!f->physfn[0] && (header & 0x80))
		f->multifunction = true;
	if (!pci_read_block(dev, CONFIG_USER_SIZE, &byte, 1))
		return;
	pci_fill_info(dev, PCI_FILL_CAPS | PCI_FILL_EXT_CAPS);
	f->express = pci_find_cap(dev, PCI_CAP_ID_EXP, PCI_CAP_NORMAL);
	f->caps_known = !f->express || pci_read_block(dev, CONFIG_LEGACY_SIZE, &byte, 1);
	if (!f->caps_known)
		return;
	f->sriov = f->sriov || pci_find_cap(dev, PCI_EXT_CAP_ID_SRIOV, PCI_CAP_EXTENDED);
	f->acs = pci_find_cap(dev, PCI_EXT_CAP_ID_ACS, PCI_CAP_EXTENDED);
}

static void read_name(struct pci_access *access, struct pci_function *f)
{
	char buf[512];
	/* Of the file pci.ids only: no DNS, no cache in somebody's home folder. */
	const char *name = pci_lookup_name(access, buf, sizeof(buf),
					   PCI_LOOKUP_VENDOR | PCI_LOOKUP_DEVICE |
						   PCI_LOOKUP_NO_NUMBERS | PCI_LOOKUP_NO_HWDB,
					   f->vendor, f->device);

	if (name)
		snprintf(f->name, sizeof(f->name), "%.*s", (int)sizeof(f->name) - 1, name);
}

/* libpci opens what is there: a FIFO, as a captured host may have it, would hold it up. */
static bool has_config(const char *sysfs, const struct pci_function *f)
{
	_cleanup_free_ char *path = str_printf("%s/devices/%s/config", sysfs, f->address);
	struct stat st;

	return path && stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static void ask_about(const char *sysfs, struct pci_function *f)
{
	unsigned int domain, bus, slot, function;

	if (sscanf(f->address, "%x:%x:%x.%x", &domain, &bus, &slot, &function) != 4)
		return;
	libpci.dev =
		pci_get_dev(libpci.access, (int)domain, (int)bus, (int)slot, (int)function);
	if (has_config(sysfs, f))
		read_capabilities(libpci.dev, f);
	read_name(libpci.access, f);
	pci_free_dev(libpci.dev);
	libpci.dev = NULL;
}

static void read_libpci(char *sysfs, struct host_facts *facts)
{
	char parameter[] = "sysfs.path";

	libpci.access = NULL;
	libpci.dev = NULL;
	if (!setjmp(libpci.entry)) {
		libpci.access = pci_alloc();
		libpci.access->error = on_error;
		libpci.access->warning = on_warning;
		libpci.access->debug = on_warning;
		libpci.access->method = PCI_ACCESS_SYS_BUS_PCI;
		libpci.access->id_lookup_mode = 0;
		pci_set_param(libpci.access, parameter, sysfs);
		pci_init(libpci.access);
		for (size_t i = 0; i < facts->n_functions; i++)
			ask_about(sysfs, &facts->functions[i]);
	}
	if (libpci.dev)
		pci_free_dev(libpci.dev);
	if (libpci.access)
		pci_cleanup(libpci.access);
}

/* ---- IOMMU ---- */

static int count_groups(const char *sysroot)
{
	struct strv names = { 0 };
	int ret = sysroot_list(sysroot, &names, "/sys/kernel/iommu_groups");
	int n = (int)names.n;

	strv_clear(&names);
	if (ret == 0)
		return n;
	/* A kernel without IOMMU support has no such folder. */
	return ret == -ENOENT && sysroot_exists(sysroot, "/sys/kernel") ? 0 : -1;
}

int pci_read(const char *sysroot, struct host_facts *facts, struct err *err)
{
	_cleanup_free_ char *sysfs = sysroot_path(sysroot, "/sys/bus/pci");
	_cleanup_(strv_clear) struct strv names = { 0 };
	int ret = sysroot_list(sysroot, &names, DEVICES, "");

	if (!sysfs || ret == -ENOMEM)
		return err_nomem(err);
	facts->iommu_tables = sysroot_exists(sysroot, "/sys/firmware/acpi/tables/DMAR") ||
			      sysroot_exists(sysroot, "/sys/firmware/acpi/tables/IVRS");
	facts->n_iommu_groups = count_groups(sysroot);
	if (ret < 0) {
		facts->pci_missing = "its /sys/bus/pci/devices cannot be read";
		return 0;
	}
	ret = read_functions(sysroot, &names, facts, err);
	if (ret == 0)
		read_libpci(sysfs, facts);
	return ret;
}
