/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/qemu_build.h"

#include <errno.h>
#include <stdio.h>

#define ID_SIZE 80 /* as of vm_primary_id() */

/* ---- backends ---- */

/* The backend of one NIC: what the plan of taps and the -netdev option are both made of. */
struct backend {
	const char *device; /* id of QEMU's device */
	const char *nic;    /* id of the pair or NIC */
	const struct vm_port *port;
	bool primary;
	int queues;
	enum vm_vhost vhost;
};

typedef int backend_fn(void *data, const struct backend *backend, struct err *err);

static struct backend standby_backend(const struct vm_pair *pair)
{
	return (struct backend){ .device = pair->id,
				 .nic = pair->id,
				 .port = &pair->standby.port,
				 .queues = pair->standby.queues,
				 .vhost = pair->standby.vhost };
}

/* One queue, and never vhost: QEMU emulates the NIC, the kernel knows nothing of it. */
static struct backend primary_backend(const struct vm_pair *pair, const char *device)
{
	return (struct backend){ .device = device,
				 .nic = pair->id,
				 .port = &pair->primary.port,
				 .primary = true,
				 .queues = 1,
				 .vhost = VM_VHOST_OFF };
}

static struct backend nic_backend(const struct vm_nic *nic)
{
	return (struct backend){ .device = nic->id,
				 .nic = nic->id,
				 .port = &nic->port,
				 .queues = nic->queues,
				 .vhost = nic->vhost };
}

static void plan_one(const struct backend *backend, struct qemu_tap *taps, size_t *n)
{
	struct qemu_tap *tap = &taps[*n];

	if (!backend->port->bridge)
		return;
	snprintf(tap->netdev, sizeof(tap->netdev), "net-%s", backend->device);
	tap->bridge = backend->port->bridge;
	tap->nic = backend->nic;
	tap->primary = backend->primary;
	tap->queues = backend->queues;
	++*n;
}

int qemu_plan_taps(const struct vmdef *def, struct qemu_tap **out, size_t *n, struct err *err)
{
	struct qemu_tap *taps = calloc(2 * def->n_pairs + def->n_nics + 1, sizeof(*taps));
	char id[ID_SIZE];

	if (!taps)
		return err_nomem(err);
	*n = 0;
	for (size_t i = 0; i < def->n_pairs; i++) {
		const struct vm_pair *pair = &def->pairs[i];
		const struct backend standby = standby_backend(pair);
		const struct backend primary =
			primary_backend(pair, vm_primary_id(pair, id, sizeof(id)));

		plan_one(&standby, taps, n);
		/* A VF has no port, and so no tap. */
		plan_one(&primary, taps, n);
	}
	for (size_t i = 0; i < def->n_nics; i++) {
		const struct backend nic = nic_backend(&def->nics[i]);

		plan_one(&nic, taps, n);
	}
	*out = taps;
	return 0;
}

static int want_vhost(const struct qemu_build *b, const struct backend *backend, bool *vhost,
		      struct err *err)
{
	*vhost = backend->vhost == VM_VHOST_ON ||
		 (backend->vhost == VM_VHOST_AUTO && b->env->vhost_net);
	if (*vhost && !b->env->vhost_net)
		return err_set(
			err, ERR_REFUSED, ENODEV,
			"%s: \"vhost\" is \"on\", and /dev/vhost-net is not there or not "
			"permitted: load the module vhost_net, or use \"auto\"",
			backend->nic);
	return 0;
}

static int add_netdev(struct qemu_build *b, const struct backend *backend, struct err *err)
{
	_cleanup_qemu_opts_ struct qemu_opts opts = QEMU_OPTS("tap");
	bool vhost;
	int r = want_vhost(b, backend, &vhost, err);

	if (r < 0)
		return r;
	qemu_opts_addf(&opts, "id", "net-%s", backend->device);
	if (backend->port->tap) {
		qemu_opts_add(&opts, "ifname", backend->port->tap);
		qemu_opts_add(&opts, "script", "no");
		qemu_opts_add(&opts, "downscript", "no");
		if (backend->queues > 1)
			qemu_opts_addf(&opts, "queues", "%d", backend->queues);
	} else if (backend->queues == 1) {
		qemu_opts_addf(&opts, "fd", "%d", b->fd++);
	} else {
		char fds[16 * 12] = "";
		size_t len = 0;

		for (int i = 0; i < backend->queues && len < sizeof(fds); i++)
			len += (size_t)snprintf(fds + len, sizeof(fds) - len, "%s%d",
						i ? ":" : "", b->fd++);
		qemu_opts_add(&opts, "fds", fds);
	}
	qemu_opts_add(&opts, "vhost", vhost ? "on" : "off");
	qemu_opts_write(&opts, "-netdev", b->argv);
	return 0;
}

/* ---- devices ---- */

static void add_mac(struct qemu_opts *device, const struct mac *mac)
{
	char text[MAC_TEXT_SIZE];

	qemu_opts_add(device, "mac", mac_format(mac, text));
}

/*
 * No option ROM in any NIC: nothing boots from the network, and a ROM is a block of RAM
 * that must be equal on both hosts, and be there when a primary is not.
 */
static void add_no_rom(struct qemu_opts *device)
{
	qemu_opts_add(device, "romfile", "");
}

static void add_virtio(struct qemu_build *b, const struct backend *backend,
		       const struct mac *mac, int mtu, bool failover)
{
	_cleanup_qemu_opts_ struct qemu_opts device = QEMU_OPTS("virtio-net-pci");

	qemu_build_port(b, backend->device);
	qemu_build_on_port(&device, backend->device);
	qemu_opts_addf(&device, "netdev", "net-%s", backend->device);
	add_mac(&device, mac);
	if (failover)
		qemu_opts_add(&device, "failover", "on");
	if (backend->queues > 1) {
		qemu_opts_add(&device, "mq", "on");
		/* Of every queue pair one each way, the control queue, the configuration. */
		qemu_opts_addf(&device, "vectors", "%d", 2 * backend->queues + 2);
	}
	if (mtu)
		qemu_opts_addf(&device, "host_mtu", "%d", mtu);
	add_no_rom(&device);
	qemu_opts_write(&device, "-device", b->argv);
}

/* QEMU only warns, and the guest never gets it: its SR-IOV VFs share its slot. */
static int check_model(const struct vm_pair *pair, struct err *err)
{
	if (pair->primary.kind != VM_PRIMARY_EMULATED || !str_eq(pair->primary.model, "igb"))
		return 0;
	return err_set(err, ERR_TOPOLOGY, EINVAL,
		       "pair %s: igb cannot be a primary: QEMU wants it alone in its slot, "
		       "and igb has virtual functions there; use e1000e",
		       pair->id);
}

static int check_vf(const struct vm_pair *pair, const char *vf, struct err *err)
{
	if (pair->primary.kind != VM_PRIMARY_VF || vf)
		return 0;
	return err_set(err, ERR_INTERNAL, EINVAL, "pair %s: no VF was chosen for its primary",
		       pair->id);
}

/* Where it is, and whose primary: what the two kinds have in common. */
static void primary_device(const struct vm_pair *pair, const char *id, struct qemu_opts *device)
{
	qemu_build_on_port(device, id);
	/*
	 * A root port has this slot alone. Where it is taken, older QEMUs would choose the next
	 * by themselves, which no guest ever looks at.
	 */
	qemu_opts_add(device, "addr", "0x0");
	qemu_opts_add(device, "failover_pair_id", pair->id);
}

static void emulated_device(const struct vm_pair *pair, const char *id,
			    struct qemu_opts *device)
{
	primary_device(pair, id, device);
	qemu_opts_addf(device, "netdev", "net-%s", id);
	add_mac(device, &pair->mac);
	add_no_rom(device);
}

/* Its MAC is the VF's. vf: NULL: which it will be nobody has chosen yet. */
static void vf_device(const struct vm_pair *pair, const char *id, const char *vf,
		      struct qemu_opts *device)
{
	primary_device(pair, id, device);
	if (vf)
		qemu_opts_add(device, "host", vf);
	add_no_rom(device);
}

static const char *primary_driver(const struct vm_pair *pair)
{
	return pair->primary.kind == VM_PRIMARY_VF ? "vfio-pci" : pair->primary.model;
}

static void describe_primary(const struct vm_pair *pair, const char *id, const char *vf,
			     struct qemu_opts *device)
{
	if (pair->primary.kind == VM_PRIMARY_VF)
		vf_device(pair, id, vf, device);
	else
		emulated_device(pair, id, device);
}

int qemu_primary_device(const struct vm_pair *pair, const char *vf, json_t **out,
			struct err *err)
{
	_cleanup_qemu_opts_ struct qemu_opts device = QEMU_OPTS(primary_driver(pair));
	char id[ID_SIZE];
	int r = check_model(pair, err);

	if (r == 0)
		r = check_vf(pair, vf, err);
	if (r < 0)
		return r;
	describe_primary(pair, vm_primary_id(pair, id, sizeof(id)), vf, &device);
	*out = qemu_opts_json(&device, "driver");
	return *out ? 0 : err_nomem(err);
}

static void add_primary(struct qemu_build *b, const struct vm_pair *pair, const char *id,
			const char *vf)
{
	_cleanup_qemu_opts_ struct qemu_opts device = QEMU_OPTS(primary_driver(pair));

	describe_primary(pair, id, vf, &device);
	if (b->env->json_device)
		qemu_opts_write_json(&device, "driver", "-device", b->argv);
	else
		qemu_opts_write(&device, "-device", b->argv);
}

static int add_pair(struct qemu_build *b, const struct vm_pair *pair, struct err *err)
{
	char id[ID_SIZE];
	const struct backend standby = standby_backend(pair);
	const struct backend primary =
		primary_backend(pair, vm_primary_id(pair, id, sizeof(id)));
	const char *vf = b->env->vfs ? b->env->vfs[pair - b->def->pairs] : NULL;
	int r = b->env->plan ? 0 : check_model(pair, err);

	if (r == 0 && !b->env->plan && !b->env->without_primaries)
		r = check_vf(pair, vf, err);
	if (r == 0)
		r = add_netdev(b, &standby, err);
	if (r == 0 && pair->primary.kind == VM_PRIMARY_EMULATED)
		r = add_netdev(b, &primary, err);
	if (r < 0)
		return r;
	/* The standby first: QEMU plugs a primary at once that has no standby yet. */
	add_virtio(b, &standby, &pair->mac, pair->mtu, true);
	qemu_build_port(b, id);
	if (!b->env->without_primaries)
		add_primary(b, pair, id, vf);
	return 0;
}

int qemu_nics_add(struct qemu_build *b, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < b->def->n_pairs && r == 0; i++)
		r = add_pair(b, &b->def->pairs[i], err);
	for (size_t i = 0; i < b->def->n_nics && r == 0; i++) {
		const struct vm_nic *nic = &b->def->nics[i];
		const struct backend backend = nic_backend(nic);

		r = add_netdev(b, &backend, err);
		if (r == 0)
			add_virtio(b, &backend, &nic->mac, nic->mtu, false);
	}
	return r;
}
