/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "made_host.h"

#include <errno.h>
#include <unistd.h>

#include "base/log.h"
#include "flow/reservation.h"
#include "io/file.h"
#include "vf_build.h"

static char dir[] = "/tmp/vmfo-made-XXXXXX";

struct made_host made;
struct flow_env made_env;

/* ---- what is done to it ---- */

/* Return: 0, or the failure that was asked for. */
__attribute__((format(printf, 2, 3))) static int act(struct err *err, const char *fmt, ...)
{
	size_t len = strlen(made.log), start = len ? len + 2 : 0;
	va_list ap;

	if (len)
		snprintf(made.log + len, sizeof(made.log) - len, ", ");
	va_start(ap, fmt);
	vsnprintf(made.log + start, sizeof(made.log) - start, fmt, ap);
	va_end(ap);
	if (made.watch)
		made.watch();
	if (!made.fail || !str_starts(made.log + start, made.fail))
		return 0;
	return err_set(err, ERR_REFUSED, made.error, "made to fail: %s", made.log + start);
}

/* "0000:01:10.3" is VF 3 of PF 0. */
static char *driver_of(const char *address)
{
	unsigned int bus, slot, function;

	if (sscanf(address, "0000:%x:%x.%x", &bus, &slot, &function) != 3 || slot != 0x10 ||
	    bus < 1 || bus > MADE_PFS)
		bail("%s is no VF of this host", address);
	return made.driver[bus - 1][function];
}

static struct vf_settings *settings_of(const char *pf_link, int index)
{
	int pf = pf_link[2] - '0';

	if (strncmp(pf_link, "pf", 2) != 0 || pf < 0 || pf >= MADE_PFS || index < 0 ||
	    index >= MADE_VFS)
		bail("%s has no VF %d", pf_link, index);
	return &made.settings[pf][index];
}

/* A VF that its host's driver has has a link, which nobody uses. */
static void add_link(struct host_facts *facts, int pf, int vf)
{
	char name[32];
	struct host_link *link;

	snprintf(name, sizeof(name), "pf%dv%d", pf, vf);
	link = vf_build_add_link(facts, name);
	link->up = false;
	memcpy(link->pci, vf_build_vf(facts, pf, vf)->address, sizeof(link->pci));
}

/* The PF's VFs go, from what was built with them. */
static void strip(struct host_facts *facts, int pf)
{
	struct pci_function *function = vf_build_pf(facts, pf);
	size_t n = 0;

	function->num_vfs = 0;
	facts->links[pf].n_vfs = 0;
	for (size_t i = 0; i < facts->n_functions; i++)
		if (!str_eq(facts->functions[i].physfn, function->address))
			facts->functions[n++] = facts->functions[i];
	facts->n_functions = n;
}

static int made_read(const struct host_read *what, struct host_facts **out, struct err *err)
{
	struct host_facts *facts = vf_build_host(made.pfs, made.vfs);

	(void)what;
	(void)err;
	facts->memory_available_kib = made.available_mib < 0 ? -1 : made.available_mib * 1024;
	for (int pf = 0; pf < made.pfs; pf++) {
		vf_build_pf(facts, pf)->total_vfs = MADE_TOTAL_VFS;
		for (int vf = 0; vf < made.vfs; vf++) {
			snprintf(vf_build_vf(facts, pf, vf)->driver, VF_DRIVER_SIZE, "%s",
				 made.driver[pf][vf]);
			if (str_eq(made.driver[pf][vf], "igbvf"))
				add_link(facts, pf, vf);
		}
	}
	if (made.change)
		made.change(facts);
	/* From the last, since where a PF is depends on those before it. */
	for (int pf = made.pfs; pf-- > 0;)
		if (made.bare[pf])
			strip(facts, pf);
	usleep((useconds_t)made.read_ms * 1000);
	*out = facts;
	return 0;
}

static int made_set_num_vfs(struct loop *loop, const char *pf, int n, struct err *err)
{
	int r = act(err, "numvfs %s %d", pf, n);

	(void)loop;
	if (r == 0) {
		made.vfs = n;
		made.bare[pf[6] - '1'] = false;
	}
	return r;
}

static int made_bind(struct loop *loop, const char *vf, const char *driver,
		     char former[VF_DRIVER_SIZE], struct err *err)
{
	char *now = driver_of(vf);
	int r = act(err, "bind %s %s", vf, driver);

	(void)loop;
	snprintf(former, VF_DRIVER_SIZE, "%s", now);
	if (r == 0)
		snprintf(now, VF_DRIVER_SIZE, "%s", driver);
	return r;
}

static int made_give_back(struct loop *loop, const char *vf, const char *former,
			  struct err *err)
{
	int r = act(err, "give %s %s", vf, former);

	(void)loop;
	if (r == 0)
		snprintf(driver_of(vf), VF_DRIVER_SIZE, "%s", former);
	return r;
}

static int made_read_settings(const char *pf_link, int index, struct vf_settings *out,
			      struct err *err)
{
	*out = *settings_of(pf_link, index);
	return made.fail && str_eq(made.fail, "read") ? act(err, "read %s %d", pf_link, index) :
							0;
}

/* As the kernel, a field at a time, in their order. */
static int made_write_settings(struct loop *loop, const char *pf_link, int index,
			       const struct vf_settings *want, unsigned int *unsupported,
			       struct err *err)
{
	struct vf_settings *now = settings_of(pf_link, index);
	char mac[MAC_TEXT_SIZE];
	int r = made.busy_ms ? loop_sleep(loop, made.busy_ms, err) : 0;

	*unsupported = want->fields & made.unsupported;
	if (r == 0 && want->fields & ~made.unsupported & VF_VLAN && want->vlan != now->vlan)
		r = act(err, "vlan %s %d %d", pf_link, index, want->vlan);
	if (r == 0 && want->fields & ~made.unsupported & VF_VLAN)
		now->vlan = want->vlan;
	if (r == 0 && want->fields & ~made.unsupported & VF_TRUST && want->trust != now->trust)
		r = act(err, "trust %s %d %d", pf_link, index, want->trust);
	if (r == 0 && want->fields & ~made.unsupported & VF_TRUST)
		now->trust = want->trust;
	if (r == 0 && want->fields & ~made.unsupported & VF_RATE) {
		now->min_rate = want->min_rate;
		now->max_rate = want->max_rate;
	}
	if (r == 0 && want->fields & ~made.unsupported & VF_MAC)
		r = act(err, "mac %s %d %s", pf_link, index, mac_format(&want->mac, mac));
	if (r == 0 && want->fields & ~made.unsupported & VF_MAC)
		now->mac = want->mac;
	return r;
}

static int made_count_interrupts(const char *vf)
{
	(void)vf;
	return made.interrupts;
}

static int made_try_group(const char *vf, pid_t qemu, struct err *err)
{
	(void)qemu;
	return act(err, "group %s", vf);
}

static int made_memory_node(pid_t pid)
{
	made.asked = pid;
	return made.memory_node;
}

const struct vf_host made_vf_host = {
	.read = made_read,
	.set_num_vfs = made_set_num_vfs,
	.bind = made_bind,
	.give_back = made_give_back,
	.read_settings = made_read_settings,
	.write_settings = made_write_settings,
	.count_interrupts = made_count_interrupts,
	.try_group = made_try_group,
	.memory_node = made_memory_node,
	.lock_ms = 10000,
};

/* ---- it ---- */

static void point(const char *variable, const char *folder)
{
	_cleanup_free_ char *path = str_printf("%s/%s", dir, folder);

	setenv(variable, path, 1);
}

void made_settings(int pfs, int vfs)
{
	_cleanup_free_ char *text = str_printf(
		"{\"schema\": \"vmfo.host/1\", \"physnets\": [{\"id\": \"prod\", \"pfs\": "
		"[\"pf0\"%s]%s%.*d}]}",
		pfs > 1 ? ", \"pf1\"" : "", vfs ? ", \"vfs\": " : "", vfs ? 1 : 0, vfs);
	struct err err = ERR_INIT;

	hostdef_free(made_env.host);
	if (hostdef_parse(text, strlen(text), "host.json", &made_env.host, &err) < 0)
		bail("%s", err.msg);
}

static void note(void *data, enum log_level level, const char *line)
{
	size_t len = strlen(made.told);

	(void)data;
	(void)level;
	snprintf(made.told + len, sizeof(made.told) - len, "%s\n", line);
}

void made_begin(int vfs)
{
	struct err err = ERR_INIT;

	made_end();
	log_set_sink(note, NULL);
	if (!mkdtemp(strcpy(dir, "/tmp/vmfo-made-XXXXXX")))
		bail("mkdtemp");
	point("VMFO_RUNDIR", "run");
	point("VMFO_STATEDIR", "state");
	point("VMFO_CONFDIR", "conf");
	if (flow_env_open(&made_env, NULL, &err) < 0)
		bail("%s", err.msg);
	made_env.vf_host = &made_vf_host;
	made_settings(1, 0);
	made = (struct made_host){
		.pfs = 1, .vfs = vfs, .available_mib = -1, .memory_node = -1
	};
	for (int pf = 0; pf < MADE_PFS; pf++)
		for (int vf = 0; vf < MADE_VFS; vf++) {
			strcpy(made.driver[pf][vf], "igbvf");
			made.settings[pf][vf].fields = VF_MAC | VF_VLAN | VF_TRUST;
		}
}

void made_end(void)
{
	if (!made_env.rundir)
		return;
	flow_env_close(&made_env);
	dir_remove(dir, NULL);
}

/* ---- its VMs ---- */

struct vm *made_vm(const char *name, const char *pairs)
{
	_cleanup_free_ char *text = str_printf(
		"{\"schema\": \"vmfo.vm/1\", \"name\": \"%s\", \"machine\": \"pc-q35-7.2\", "
		"\"uuid\": \"5a7d9e0c-3f5b-4a57-9d0e-6b1f2c3d4e%02x\", "
		"\"cpu\": {\"model\": \"max\"}, \"memory\": {\"mib\": 160}, \"pairs\": [%s]}",
		name, (unsigned char)*name, pairs);
	struct err err = ERR_INIT;
	struct vm *vm;

	if (vm_open(&made_env, name, &vm, &err) < 0 ||
	    vmdef_parse(text, strlen(text), "test", &vm->def, &err) < 0 ||
	    vm_lock(vm, "launch", &err) < 0)
		bail("%s", err.msg);
	return vm;
}

const char *made_vf(const struct vm *vm, size_t pair)
{
	const struct vm_vf *vf = reservation_vf(vm, &vm->def->pairs[pair]);

	return vf ? vf->address : "none";
}

bool made_has_reservation(const struct vm *vm)
{
	_cleanup_free_ char *path = vm_path(vm, "reservation.json");

	return access(path, F_OK) == 0;
}

void made_crash(struct vm *vm)
{
	vm_close(vm);
}
