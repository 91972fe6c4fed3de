/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/pair.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "flow/reservation.h"
#include "flow/vf_host.h"
#include "host/guest_agent.h"
#include "host/qemu_decode.h"
#include "host/qemu_failover.h"

/* For a guest agent to answer; a guest without one costs this once an inspection. */
#define GUEST_AGENT_TIMEOUT_MS 1000
#define POLL_MS 200
/*
 * How often a guest is asked whose VF has no interrupts. It most likely is starting the VF's
 * driver, and an answer takes it from that; it may also be one that needs no interrupts.
 */
#define ASK_MS 20000

static const char *link_of(const struct vm *vm, const struct vm_pair *pair, bool primary)
{
	const struct vm_port *port = primary ? &pair->primary.port : &pair->standby.port;

	if (port->tap)
		return port->tap;
	for (size_t i = 0; i < vm->n_taps; i++)
		if (str_eq(vm->taps[i].nic, pair->id) && vm->taps[i].primary == primary)
			return vm->taps[i].name;
	return NULL;
}

const char *pair_standby_link(const struct vm *vm, const struct vm_pair *pair)
{
	return link_of(vm, pair, false);
}

const char *pair_primary_link(const struct vm *vm, const struct vm_pair *pair)
{
	return link_of(vm, pair, true);
}

char *pair_primary_text(const struct vm *vm, const struct vm_pair *pair)
{
	const struct vm_vf *vf = reservation_vf(vm, pair);
	char id[80];

	vm_primary_id(pair, id, sizeof(id));
	if (pair->primary.kind == VM_PRIMARY_EMULATED)
		return str_printf("%s (%s)", id, pair->primary.model);
	return vf ? str_printf("%s (VF %s)", id, vf->address) : str_printf("%s (VF)", id);
}

void pair_list_unsupported(const struct vm *vm, const struct vm_pair *pair, struct strv *out)
{
	const struct vm_vf *vf = reservation_vf(vm, pair);

	strv_clear(out);
	for (unsigned int field = 1; vf && field <= vf->unsupported; field <<= 1)
		if (vf->unsupported & field)
			strv_add(out, vf_field_name((enum vf_field)field));
}

int pair_driver_up(const struct vm *vm, const struct vm_pair *pair)
{
	const struct vm_vf *vf = reservation_vf(vm, pair);
	int n = vf ? vm->env->vf_host->count_interrupts(vf->address) : -ENODEV;

	return n > 0 ? 1 : n;
}

int pair_has_primary(struct vm *vm, const struct vm_pair *pair, struct err *err)
{
	const json_t *entry;
	json_t *list;
	char id[80];
	size_t i;
	int r;

	r = vm_qmp(vm, "qom-list", json_pack("{ss}", "path", "/machine/peripheral"), &list,
		   err);
	if (r < 0)
		return r;
	vm_primary_id(pair, id, sizeof(id));
	json_array_foreach (list, i, entry) {
		const char *name = json_string_value(json_object_get(entry, "name"));

		if (name && str_eq(name, id))
			r = 1;
	}
	json_decref(list);
	return r;
}

int pair_ask_vf(struct vm *vm, const struct vm_pair *pair, char out[PCI_ADDRESS_SIZE],
		struct err *err)
{
	_cleanup_free_ char *path = NULL;
	json_t *host = NULL;
	char id[80];
	int r;

	path = str_printf("/machine/peripheral/%s", vm_primary_id(pair, id, sizeof(id)));
	if (!path)
		return err_nomem(err);
	r = vm_qmp(vm, "qom-get", json_pack("{ss ss}", "path", path, "property", "host"), &host,
		   err);
	if (r == 0 && !pci_address_normalize(json_string_value(host) ?: "", out))
		r = err_set(err, ERR_INTERNAL, EPROTO,
			    "pair %s: QEMU does not say which VF its primary is", pair->id);
	json_decref(host);
	return r;
}

/*
 * Whether the guest accepted STANDBY, as x-query-virtio-status says where QEMU has it.
 * Return: 1, 0, or -ENOTSUP.
 */
static int negotiated(struct vm *vm, const struct vm_pair *pair)
{
	_cleanup_free_ char *path =
		str_printf("/machine/peripheral/%s/virtio-backend", pair->id);
	enum fact driver_ok, acked;
	json_t *status;
	int r;

	if (!path || vm_qmp(vm, "x-query-virtio-status", json_pack("{ss}", "path", path),
			    &status, NULL) < 0)
		return -ENOTSUP;
	r = qemu_decode_virtio_status(status, &driver_ok, &acked);
	json_decref(status);
	return r < 0 ? -ENOTSUP : acked == FACT_YES;
}

/* The bridge that a link is a port of; NULL: none. */
static const char *bridge_of(const char *link, char name[IF_NAMESIZE])
{
	struct net_link info;

	if (!link || net_link_get(link, &info, NULL) < 0 || !info.master)
		return NULL;
	return if_indextoname((unsigned int)info.master, name);
}

static bool learned_at(const char *link, const struct mac *mac, int64_t since_ms)
{
	char bridge[IF_NAMESIZE];
	struct net_link info;
	int64_t age;
	int port;

	return bridge_of(link, bridge) && net_link_get(link, &info, NULL) == 0 &&
	       net_fdb_find(bridge, mac, &port, &age, NULL) == 0 && port == info.index &&
	       age <= since_ms;
}

enum pair_side pair_seen_side(const struct vm *vm, const struct vm_pair *pair, int64_t since_ms)
{
	if (learned_at(pair_primary_link(vm, pair), &pair->mac, since_ms))
		return PAIR_SIDE_PRIMARY;
	if (learned_at(pair_standby_link(vm, pair), &pair->mac, since_ms))
		return PAIR_SIDE_STANDBY;
	return PAIR_SIDE_UNKNOWN;
}

/* What the guest itself says of its interfaces; negative: nothing. */
static int ask_guest(struct vm *vm, const struct vm_pair *pair)
{
	_cleanup_free_ char *path = vm_path(vm, "qga.sock");

	if (!vm->def->guest_agent || !path)
		return -ENOENT;
	return guest_agent_count_interfaces(vm->env->loop, path, &pair->mac,
					    deadline_in(GUEST_AGENT_TIMEOUT_MS), NULL);
}

/*
 * Of a pair whose primary QEMU has: whether the guest uses it. spare_guest: one whose driver
 * is not there is not asked, since that may be what it is busy with.
 */
static void inspect_use(struct vm *vm, const struct vm_pair *pair, int64_t since_ms,
			bool spare_guest, struct pair_result *out)
{
	int up = pair_driver_up(vm, pair);
	int n = up == 0 && spare_guest ? -EAGAIN : ask_guest(vm, pair);

	if (n >= 0) {
		/* The guest's word, either way, outweighs a trace of traffic. */
		out->evidence = PAIR_EVIDENCE_GUEST_AGENT;
		out->state = n >= 3 ? PAIR_PAIRED : PAIR_STANDBY_ONLY;
	} else if (up >= 0) {
		out->evidence = PAIR_EVIDENCE_INTERRUPTS;
		out->state = up ? PAIR_PLUGGED : PAIR_STANDBY_ONLY;
	} else if (pair_seen_side(vm, pair, since_ms) == PAIR_SIDE_PRIMARY) {
		out->evidence = PAIR_EVIDENCE_FDB;
		out->state = PAIR_PAIRED;
	} else {
		out->state = PAIR_PLUGGED;
	}
}

/*
 * Whether QEMU has the primary, and has not taken it from the guest. A QEMU that cannot say
 * the latter leaves it to the witnesses.
 */
static int gives_primary(struct vm *vm, const struct vm_pair *pair, struct qemu_failover *said,
			 struct err *err)
{
	int r = qemu_failover_ask(vm->qmp, pair->id, deadline_in(VM_QMP_TIMEOUT_MS), said, err);

	if (r <= 0)
		return r < 0 ? r : pair_has_primary(vm, pair, err);
	return said->state == FAILOVER_PLUGGED || said->state == FAILOVER_UNPLUG_REQUESTED;
}

static int inspect(struct vm *vm, const struct vm_pair *pair, int64_t since_ms,
		   bool spare_guest, struct pair_result *out, struct err *err)
{
	int has, acked;

	out->evidence = PAIR_EVIDENCE_NONE;
	out->state = PAIR_UNKNOWN;
	has = gives_primary(vm, pair, &out->qemu, err);
	if (has < 0)
		return err_wrap(err, "inspect pair %s", pair->id);
	if (has) {
		inspect_use(vm, pair, since_ms, spare_guest, out);
		return 0;
	}
	acked = negotiated(vm, pair);
	if (acked < 0 && out->qemu.state != FAILOVER_UNKNOWN)
		acked = out->qemu.negotiated;
	if (acked >= 0)
		out->state = acked ? PAIR_STANDBY_ONLY : PAIR_NOT_NEGOTIATED;
	return 0;
}

int pair_inspect(struct vm *vm, const struct vm_pair *pair, int64_t since_ms,
		 struct pair_result *out, struct err *err)
{
	return inspect(vm, pair, since_ms, false, out, err);
}

int pair_await(struct vm *vm, const struct vm_pair *pair, enum pair_state want,
	       int64_t deadline, struct pair_result *out, struct err *err)
{
	int64_t begun = clock_ms(), next_ask = deadline_in(ASK_MS);

	for (;;) {
		int64_t now = clock_ms();
		bool ask = now >= next_ask;
		int r = inspect(vm, pair, now - begun, !ask, out, err);

		if (r < 0 || out->state >= want || clock_ms() >= deadline)
			return r;
		if (ask)
			next_ask = deadline_in(ASK_MS);
		r = loop_sleep(vm->env->loop, POLL_MS, err);
		if (r < 0)
			return r;
	}
}
