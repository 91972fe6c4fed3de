/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "topology/topo.h"

#include <stdio.h>
#include <stdlib.h>

static const struct vm_pair *find_def(const struct topo *topo, const char *id)
{
	for (size_t i = 0; topo->def && id && i < topo->def->n_pairs; i++)
		if (str_eq(topo->def->pairs[i].id, id))
			return &topo->def->pairs[i];
	return NULL;
}

static void add_pair(struct topo *topo, const char *id, const struct machine_device *standby,
		     const struct machine_device *primary)
{
	topo->pairs[topo->n_pairs++] = (struct topo_pair){
		.id = id,
		.standby = standby,
		.primary = primary,
		.vfio = primary && machine_is_vfio(primary),
		.def = find_def(topo, id),
		.guest = topo->guest && id ? guest_find_pair(topo->guest, id) : NULL,
	};
}

static bool is_standby(const struct machine *machine, const struct machine_device *device)
{
	return machine_is_virtio_net(device) &&
	       machine_bool(machine, device, "failover", false);
}

/* The first primary of that standby: a second one is a finding of its own. */
static const struct machine_device *find_primary(const struct machine *machine, const char *id)
{
	for (size_t i = 0; id && i < machine->n_devices; i++) {
		const char *of = machine_pair_id(machine, &machine->devices[i]);

		if (of && str_eq(of, id))
			return &machine->devices[i];
	}
	return NULL;
}

int topo_open(struct topo *topo, struct err *err)
{
	const struct machine *machine = topo->machine;

	topo->n_pairs = 0;
	topo->pairs = NULL;
	if (!machine)
		return 0;
	/* A device may be both, a standby and somebody's primary. */
	topo->pairs = calloc(2 * machine->n_devices + 1, sizeof(*topo->pairs));
	if (!topo->pairs)
		return err_nomem(err);
	for (size_t i = 0; i < machine->n_devices; i++) {
		const struct machine_device *device = &machine->devices[i];

		if (is_standby(machine, device))
			add_pair(topo, device->id, device, find_primary(machine, device->id));
	}
	for (size_t i = 0; i < machine->n_devices; i++) {
		const struct machine_device *device = &machine->devices[i];
		const char *id = machine_pair_id(machine, device);
		const struct machine_device *standby = id ? machine_find(machine, id) : NULL;

		if (id && !(standby && is_standby(machine, standby)))
			add_pair(topo, id, standby, device);
	}
	return 0;
}

void topo_close(struct topo *topo)
{
	free(topo->pairs);
	topo->pairs = NULL;
	topo->n_pairs = 0;
}

const char *topo_pair_name(const struct topo_pair *pair, char buf[96])
{
	char name[64];

	if (pair->id)
		snprintf(buf, 96, "pair %s", pair->id);
	else
		snprintf(buf, 96, "standby %s", machine_device_name(pair->standby, name));
	return buf;
}

const char *topo_primary_address(const struct topo *topo, const struct topo_pair *pair,
				 char buf[PCI_ADDRESS_SIZE])
{
	const char *text, *slash;
	char number[32];

	if (!pair->vfio || !pair->primary)
		return NULL;
	text = machine_text(topo->machine, pair->primary, "host", number);
	if (!text || !*text)
		text = machine_text(topo->machine, pair->primary, "sysfsdev", number);
	if (!text || !*text)
		return NULL;
	slash = strrchr(text, '/');
	if (slash)
		text = slash + 1;
	/* "01:10.0" is of the first domain. */
	snprintf(buf, PCI_ADDRESS_SIZE, "%s%s",
		 strchr(text, ':') == strrchr(text, ':') ? "0000:" : "", text);
	return buf;
}

int64_t topo_memory_available_mib(const struct topo *topo)
{
	int64_t mib = topo->host->memory_available_kib;

	if (mib < 0)
		return -1;
	mib /= 1024;
	for (size_t i = 0; i < topo->n_vms; i++)
		if (!topo->vm || !str_eq(topo->vms[i].name, topo->vm))
			mib -= topo->vms[i].reserved_mib;
	return mib > 0 ? mib : 0;
}

bool topo_has_vfio(const struct topo *topo)
{
	for (size_t i = 0; i < topo->n_pairs; i++)
		if (topo->pairs[i].vfio)
			return true;
	return false;
}

const struct bus *topo_bus_of(const struct topo *topo, const struct machine_device *device)
{
	if (!topo->buses)
		return NULL;
	if (device->bus)
		return buses_find(topo->buses, device->bus);
	for (size_t i = 0; i < topo->buses->n; i++)
		if (topo->buses->list[i].root)
			return &topo->buses->list[i];
	return NULL;
}
